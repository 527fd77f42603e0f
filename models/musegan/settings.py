"""Which MuseGANs there are: the paper's three models and its code's, their settings, their names.

Citation and original code: see `musegen.models.musegan.generators`.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from musegen import Error
from musegen.music.layout import N_BARS, TRACKS

N_STEPS = 96
PAPERS = ("jamming", "composer", "hybrid")  # models
MODELS = (*PAPERS, "rnn")
LATENT_WIDTH = 128  # numbers that a bar generator makes a bar of

Rows = tuple[tuple[int | None, int, str], ...]  # filters, None for one a track; size; axis


@dataclass(frozen=True)
class Settings:
    """What makes one MuseGAN differ from another.

    Args:
        rows: layers of a bar generator; each makes its axis as many times longer as its size.
        unfold: the first layer's filters are cut in so many steps of time.
        encoder: layers of the encoder, from bar to vector, sizes and axes.
        encoder_filters: of each of them.
        temporal: `"separate"` gives each latent vector a temporal generator of its own, `"joint"`
            one to the shared vector and one to all tracks' vectors, `"shared"` one to all.
        unrolled_first: what the temporal generators give stands before the constant vectors, not
            after them, in what a bar generator hears.
        critic: `"phrase"` sees four bars at once; `"bar"` sees each bar, and then what it found.
        mixes_bars: whether a `"bar"` critic shows each item of four vectors of one bar to its last
            layers, as the original code does by mistake, or the four bars.
        hears_onsets: whether a `"bar"` critic is also told how many notes of each track begin, and
            how many sound, at each step. That of BinaryMuseGAN is told something like it.
        critic_each: whether each track of jamming has a critic of its own.
        batch_norm: of the generators; critics never have any.
        norm_output: whether there is one before the last tanh too.
        batch_statistics: normalizes by the batch at hand when music is generated, too.
        norm_each_bar: whether the bars of phrases from scratch are normalized apart, the first bars
            of a batch by their own statistics, the second bars by theirs, and so on.
        writes_all: whether a conditional composer writes the given track too.
        monophonic_bass: keeps the strongest pitch of the bass at each step.
        he: whether first weights have the deviation of He et al., root of 2 / inputs of a number,
            and not 0.02.
        first_bias: of the last layer of a bar generator.
        width: filters, times this; 1 is the paper's. Not of the encoder, whose findings are few
            already, nor of last layers, which give as much as is asked of them.
        z_std: standard deviation of the latent vectors.
        reach: of the latent vectors of a square of the latent space, from `-reach` to `reach`.
    """

    rows: Rows = (
        (1024, 2, "time"),
        (256, 2, "time"),
        (256, 2, "time"),
        (256, 2, "time"),
        (256, 2, "time"),
        (128, 3, "time"),
        (64, 7, "pitch"),
        (None, 12, "pitch"),
    )
    unfold: int = 1
    encoder: tuple[tuple[int, str], ...] = (
        (12, "pitch"),
        (7, "pitch"),
        (3, "time"),
        *((2, "time"),) * 5,
    )
    encoder_filters: int = 16
    temporal: str = "separate"
    unrolled_first: bool = False
    critic: str = "phrase"
    mixes_bars: bool = True
    hears_onsets: bool = False
    critic_each: bool = True
    batch_norm: bool = True
    norm_output: bool = True
    batch_statistics: bool = False
    norm_each_bar: bool = False
    writes_all: bool = False
    monophonic_bass: bool = False
    he: bool = False
    first_bias: float = 0.0
    width: float = 1.0
    z_std: float = 0.1
    reach: float = 0.0005

    def wide(self, filters: int) -> int:
        """Filters of this width."""
        return max(1, round(self.width * filters))


REPO = Settings(
    rows=(
        (1024, 1, "time"),
        (512, 2, "time"),
        (256, 2, "time"),
        (256, 2, "time"),
        (128, 2, "time"),
        (128, 3, "time"),
        (64, 7, "pitch"),
        (None, 12, "pitch"),
    ),
    unfold=2,
    encoder=((12, "pitch"), (7, "pitch"), (3, "time"), *((2, "time"),) * 4),
    temporal="shared",
    unrolled_first=True,
    critic="bar",
    critic_each=False,
    norm_output=False,
    batch_statistics=True,
    norm_each_bar=True,
    writes_all=True,
    monophonic_bass=True,
)
PRESETS = {
    "paper": Settings(),
    "repo": REPO,
    # What a narrow one needs in order not to give one phrase for all random vectors: it starts near
    # silence, as music is, with lively weights, and its critic sees four bars. Told how many notes
    # begin, the critic also sees notes in pieces, for which it has too few filters.
    "narrow": replace(
        REPO,
        unrolled_first=False,
        mixes_bars=False,
        hears_onsets=True,
        batch_statistics=False,
        norm_each_bar=False,
        writes_all=False,
        he=True,
        first_bias=-2.0,
        z_std=1.0,
        reach=0.5,
    ),
}


@dataclass(frozen=True)
class Kind:
    """One of the models, the track it is given, if any, and how long its music is.

    Args:
        model: a name of `MODELS`.
        given: the track that it accompanies; None writes all from scratch.
        n_bars: of a phrase: four, or one, which it writes alone.
    """

    model: str
    given: str | None = None
    n_bars: int = N_BARS

    def __post_init__(self):
        if self.model not in MODELS:
            raise Error(f"there is no model {self.model!r} of MuseGAN; choose {', '.join(MODELS)}")
        if self.given is not None and self.given not in TRACKS:
            raise Error(f"there is no track {self.given!r}; choose {', '.join(TRACKS)}")
        if self.n_bars not in (1, N_BARS):
            raise Error(f"MuseGAN writes phrases of 1 or {N_BARS} bars, not {self.n_bars}")
        if self.model == "rnn" and (self.given or self.n_bars == 1):
            raise Error("the rnn composer writes four bars from scratch, and nothing else")
        if self.given and self.n_bars == 1:
            raise Error("to a given track each bar is written apart already, in phrases of four")

    @property
    def in_words(self) -> str:
        if self.given:
            return f"{self.model} given the {self.given}"
        return f"{self.model} from scratch" if self.n_bars > 1 else f"{self.model} of one bar"

    @property
    def summary(self) -> str:
        if self.given:
            return "plays to a given track"
        return "generates from scratch" if self.n_bars > 1 else "generates single bars"

    @property
    def presets(self) -> tuple[str, ...]:
        """Its settings; the paper has none for what the code alone has."""
        in_code_alone = self.model == "rnn" or self.n_bars == 1
        return tuple(name for name in PRESETS if name != "paper" or not in_code_alone)

    @property
    def written(self) -> tuple[str, ...]:
        """The tracks that private generators write."""
        return tuple(track for track in TRACKS if track != self.given)

    @property
    def independent_bars(self) -> bool:
        """Whether each bar is written apart, and no temporal generator joins them."""
        return self.given is not None or self.n_bars == 1

    @property
    def latents(self) -> dict[str, tuple[int, ...]]:
        """The shape of each random vector of one phrase, all of which are drawn alike.

        `z` is heard by all tracks, `z_tracks` has one for each; `_time` marks those that a temporal
        generator unrolls. Bars that are written apart have vectors of their own.
        """
        if self.model == "rnn":
            return {"z_time": (N_BARS, LATENT_WIDTH)}
        shared, private = self.model != "jamming", self.model != "composer"
        n, parts = len(self.written), (shared + private) * (1 if self.independent_bars else 2)
        size, bars = LATENT_WIDTH // parts, (self.n_bars,) if self.independent_bars else ()
        shapes = {}
        if shared:
            shapes["z"] = (*bars, size)
        if private:
            shapes["z_tracks"] = (*bars, n, size)
        if self.independent_bars:
            return shapes
        return shapes | {f"{name}_time": shape for name, shape in shapes.items()}


# The systems as `musegen info` lists them; conditional ones may be given any track.
ABLATED = "musegan-ablated"  # a composer without batch normalization
KINDS = {
    **{f"musegan-{model}": Kind(model) for model in PAPERS},
    ABLATED: Kind("composer"),
    **{f"musegan-{model}-conditional": Kind(model, "piano") for model in PAPERS},
    **{f"musegan-{model}-bar": Kind(model, n_bars=1) for model in PAPERS},
    "musegan-rnn": Kind("rnn"),
}


def system_name(kind: Kind, ablated: bool = False) -> str:
    """The name in `KINDS`."""
    if ablated and not kind.independent_bars:
        return ABLATED
    end = "-conditional" if kind.given else "-bar" if kind.independent_bars else ""
    return f"musegan-{kind.model}{end}"


def changed(words: str, preset: str, kind: Kind) -> dict[str, bool | float | str]:
    """Settings of a preset by name, as `--set` changes them for one of the models.

    Example:
        >>> changed("mixes_bars=no,z_std=1", "repo", Kind("hybrid"))
        {'mixes_bars': False, 'z_std': 1.0}
    """
    found = {}
    for part in filter(None, words.split(",")):
        name, _, word = part.partition("=")
        if name not in SWITCHES:
            raise Error(f"--set {part}: there is no {name!r}; there are {', '.join(SWITCHES)}")
        values = SWITCHES[name]
        try:
            found[name] = finite(word) if values is finite else values[word]
        except (ValueError, KeyError):
            known = "a number" if values is finite else " or ".join(values)
            raise Error(f"--set {part}: {name} is {known}") from None
        if name in ABOVE_0 and found[name] <= 0:
            raise Error(f"--set {part}: {name} is a number above 0")
    settings = replace(PRESETS[preset], **found)
    for name in found:
        if name in MATTERS and not MATTERS[name](settings, kind):
            raise Error(
                f"--set {name}: makes no difference to the {kind.in_words} with a critic of the "
                f"kind {settings.critic}"
            )
    return found


ABOVE_0 = ("z_std", "reach")
MATTERS = {  # where a setting does
    "temporal": lambda settings, kind: (
        not kind.independent_bars and kind.model in ("jamming", "hybrid")
    ),
    "unrolled_first": lambda settings, kind: not kind.independent_bars and kind.model != "rnn",
    "mixes_bars": lambda settings, kind: not kind.independent_bars and settings.critic == "bar",
    "hears_onsets": lambda settings, kind: settings.critic == "bar",
    "critic_each": lambda settings, kind: kind.model == "jamming" and settings.critic == "phrase",
    "norm_each_bar": lambda settings, kind: not kind.independent_bars and settings.batch_norm,
    "writes_all": lambda settings, kind: kind.model == "composer" and kind.given is not None,
}


def finite(word: str) -> float:
    """A number that is one."""
    if not math.isfinite(number := float(word)):
        raise ValueError(word)
    return number


def _switches() -> dict[str, Any]:
    """What a setting may be: `finite`, or words and what they mean."""
    kinds = {bool: {"yes": True, "no": False}, float: finite}
    own = {"temporal": ("separate", "joint", "shared"), "critic": ("phrase", "bar")}
    switches = {name: dict(zip(words, words, strict=True)) for name, words in own.items()}
    for field in fields(Settings):  # width and batch normalization have flags of their own
        if type(field.default) in kinds and field.name not in ("width", "batch_norm"):
            switches[field.name] = kinds[type(field.default)]
    return switches


SWITCHES = _switches()
