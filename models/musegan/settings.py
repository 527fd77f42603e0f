"""The kinds of MuseGAN, those of the paper and of its code: their settings and their names.

Citation and original code: see `musegen.models.musegan.generators`.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from musegen import Error
from musegen.music.layout import N_BARS, TRACKS

N_STEPS = 96
PAPERS = ("jamming", "composer", "hybrid")  # the models of the paper
MODELS = (*PAPERS, "rnn")
LATENT_WIDTH = 128  # size of the vector from which a bar generator makes a bar

# Filters (None for one filter a track), size and axis of each layer of a bar generator.
BarLayers = tuple[tuple[int | None, int, str], ...]


@dataclass(frozen=True)
class Settings:
    """The settings of one MuseGAN.

    Args:
        layers: layers of a bar generator; each multiplies the length of its axis by its size.
        unfold: number of time steps into which the filters of the first layer are cut.
        encoder: sizes and axes of the encoder's layers; each divides the length of its axis.
        encoder_filters: number of filters of each layer of the encoder.
        temporal: which vectors share a temporal generator. With `"separate"` each vector has its
            own; with `"joint"` the shared vector has one and the vectors of the tracks another;
            with `"shared"` there is one for all.
        unrolled_first: whether, in the input of a bar generator, the outputs of the temporal
            generators come before the vectors that are the same in all bars, not after them.
        critic: kind of critic. `"phrase"` reads four bars together; `"bar"` reads each bar, and
            then the features of four bars.
        mixes_bars: whether the last layers of a `"bar"` critic read four vectors of one bar, as in
            the original code by mistake, and not the vectors of four bars.
        note_counts: whether a `"bar"` critic also receives, for each step, how many notes of each
            track begin and how many sound. The critic of BinaryMuseGAN receives something similar.
        critic_each: whether each track of the jamming model has its own critic.
        batch_norm: whether generators have batch normalization; critics never have it.
        norm_output: whether batch normalization also comes before the last tanh.
        batch_statistics: whether a generator normalizes by the statistics of the batch also when it
            generates music, not by moving averages.
        norm_each_bar: whether each bar of a phrase is normalized by itself: the first bars of a
            batch by their statistics, the second bars by theirs, and so on. This has no effect on
            conditional models.
        writes_all: whether a conditional composer writes the given track, too.
        monophonic_bass: whether the bass has only its strongest pitch at each step.
        he: whether initial weights have the deviation of He et al., sqrt(2 / number of inputs), and
            not 0.02.
        first_bias: initial bias of the last layer of a bar generator.
        width: factor of the numbers of filters; 1 is the paper's. It has no effect on the encoder,
            which has few filters, and on last layers.
        z_std: standard deviation of the latent vectors.
        reach: largest value of the latent vectors of a grid, which has those from `-reach` on.
    """

    layers: BarLayers = (
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
    note_counts: bool = False
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
        """Returns a number of filters, multiplied by the width."""
        return max(1, round(self.width * filters))


REPO = Settings(
    layers=(
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
    # The settings that keep a narrow model from giving the same phrase for all random vectors: the
    # output is nearly silent at first, as most cells of music are off; the initial weights are
    # larger; and the critic compares four bars. The note counts show the critic notes that are
    # broken into pieces, which it cannot see otherwise with so few filters.
    "narrow": replace(
        REPO,
        unrolled_first=False,
        mixes_bars=False,
        note_counts=True,
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
    """The kind of a MuseGAN: its model, its given track, and the length of its music.

    Args:
        model: name of the model, one of `MODELS`.
        given: name of the track that it accompanies; None if it writes all tracks from scratch.
        n_bars: number of bars of a phrase, four or one.
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
            raise Error(
                "the rnn composer writes four bars from scratch; it takes no given track and no "
                "single bars"
            )
        if self.given and self.n_bars == 1:
            raise Error(
                "a model with a given track writes each bar by itself already, in phrases of four; "
                "leave out the given track or the single bars"
            )

    @property
    def in_words(self) -> str:
        """The name of the kind in messages."""
        if self.given:
            return f"{self.model} given the {self.given}"
        return f"{self.model} from scratch" if self.n_bars > 1 else f"{self.model} of one bar"

    @property
    def summary(self) -> str:
        """The description of the kind in the catalogue."""
        if self.given:
            return "accompanies a given track"
        return "generates from scratch" if self.n_bars > 1 else "generates single bars"

    @property
    def presets(self) -> tuple[str, ...]:
        """The names of its presets; `paper` is not one for kinds that only the code has."""
        only_in_code = self.model == "rnn" or self.n_bars == 1
        return tuple(name for name in PRESETS if name != "paper" or not only_in_code)

    @property
    def written(self) -> tuple[str, ...]:
        """The names of the tracks that it writes: all but the given one."""
        return tuple(track for track in TRACKS if track != self.given)

    @property
    def independent_bars(self) -> bool:
        """Returns whether each bar is written by itself, without temporal generators."""
        return self.given is not None or self.n_bars == 1

    @property
    def latents(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the random vectors of one phrase, by name.

        `z` is shared by all tracks, `z_tracks` has a vector for each track. The ending `_time`
        marks vectors that a temporal generator reads. Bars that are independent have their own
        vectors.
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


# The systems as `musegen info` lists them; the given track of a conditional one may be any track.
ABLATED = "musegan-ablated"  # a composer without batch normalization
KINDS = {
    **{f"musegan-{model}": Kind(model) for model in PAPERS},
    ABLATED: Kind("composer"),
    **{f"musegan-{model}-conditional": Kind(model, "piano") for model in PAPERS},
    **{f"musegan-{model}-bar": Kind(model, n_bars=1) for model in PAPERS},
    "musegan-rnn": Kind("rnn"),
}


def system_name(kind: Kind, ablated: bool = False) -> str:
    """Returns the name of a system in `KINDS`."""
    if ablated and not kind.independent_bars:
        return ABLATED
    end = "-conditional" if kind.given else "-bar" if kind.independent_bars else ""
    return f"musegan-{kind.model}{end}"


def changed(words: str, preset: str, kind: Kind) -> dict[str, bool | float | str]:
    """Parses the value of `--set`.

    Args:
        words: settings and values such as `"mixes_bars=no,z_std=1"`.
        preset: name of the preset whose settings are changed.
        kind: kind of the model; a setting without effect on it raises an `Error`.

    Returns:
        The changed settings by name.

    Example:
        >>> changed("mixes_bars=no,z_std=1", "repo", Kind("hybrid"))
        {'mixes_bars': False, 'z_std': 1.0}
    """
    changes = {}
    for part in filter(None, words.split(",")):
        name, _, word = part.partition("=")
        name = FORMER_NAMES.get(name, name)
        if name not in SWITCHES:
            raise Error(f"--set {part}: there is no {name!r}; there are {', '.join(SWITCHES)}")
        values = SWITCHES[name]
        try:
            changes[name] = finite(word) if values is finite else values[word]
        except (ValueError, KeyError):
            known = "a number" if values is finite else " or ".join(values)
            raise Error(f"--set {part}: {name} is {known}") from None
        if name in ABOVE_0 and changes[name] <= 0:
            raise Error(f"--set {part}: {name} is a number above 0")
    settings = replace(PRESETS[preset], **changes)
    for name in changes:
        if name in MATTERS and not MATTERS[name](settings, kind):
            raise Error(
                f"--set {name}: makes no difference to the {kind.in_words} with a critic of the "
                f"kind {settings.critic}; leave it out"
            )
    return changes


FORMER_NAMES = {"hears_onsets": "note_counts"}  # settings as version 0.1 called them


def current_names(settings: Any) -> dict[str, Any]:
    """Returns settings that a file holds, with their former names replaced."""
    return {FORMER_NAMES.get(name, name): value for name, value in dict(settings).items()}


ABOVE_0 = ("z_std", "reach")
MATTERS = {  # for settings without effect on some kinds: whether they have an effect
    "temporal": lambda settings, kind: (
        not kind.independent_bars and kind.model in ("jamming", "hybrid")
    ),
    "unrolled_first": lambda settings, kind: not kind.independent_bars and kind.model != "rnn",
    "mixes_bars": lambda settings, kind: not kind.independent_bars and settings.critic == "bar",
    "note_counts": lambda settings, kind: settings.critic == "bar",
    "critic_each": lambda settings, kind: kind.model == "jamming" and settings.critic == "phrase",
    "norm_each_bar": lambda settings, kind: not kind.independent_bars and settings.batch_norm,
    "writes_all": lambda settings, kind: kind.model == "composer" and kind.given is not None,
}


def finite(word: str) -> float:
    """Parses a number; raises a `ValueError` if it is infinite or NaN."""
    if not math.isfinite(number := float(word)):
        raise ValueError(word)
    return number


def _switches() -> dict[str, Any]:
    """Returns the values of each setting of `--set`: a dictionary from words, or `finite`."""
    kinds = {bool: {"yes": True, "no": False}, float: finite}
    choices = {"temporal": ("separate", "joint", "shared"), "critic": ("phrase", "bar")}
    switches = {name: dict(zip(words, words, strict=True)) for name, words in choices.items()}
    for field in fields(Settings):  # width and batch normalization have flags of their own
        if type(field.default) in kinds and field.name not in ("width", "batch_norm"):
            switches[field.name] = kinds[type(field.default)]
    return switches


SWITCHES = _switches()
