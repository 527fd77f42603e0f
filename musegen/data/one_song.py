"""One song becomes phrases, or a piece of notes: what `musegen data prepare` does with each file.

An `Error` says why nothing came of a file.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from musegen import Error
from musegen.data.sources import Item

# numpy and all that reads music are imported where they are used: help does not wait for them, and
# a worker can say how many threads it wants first.
if TYPE_CHECKING:
    import numpy as np

    from musegen.music.piece import Piece
    from musegen.music.song import Song

STEPS = (96, 48)
CUTS = {
    "fixed": "uniform", "structural": "sf", "sf_msaf": "sf_msaf", "sf_v1": "sf_v1",
    "random": "random",
}  # fmt: skip
RULES = ("paper", "lpd", "pypianoroll1")
FAMILIES = ("lpd5", "musegan_v1", "musegan_v3")
CLEANSING = ("docs", "code", "paper", "musegan_v1")
PEDALS = ("keep", "apply", "drop")
MAX_BARS = 64  # of a phrase: a shard of those is 330 MB unpacked


@dataclass(frozen=True)
class Settings:
    """How songs become phrases.

    Args:
        n_steps: steps of a bar, 96 or 48.
        n_bars: bars of a phrase.
        cut: `"fixed"` every `n_bars` bars, `"structural"` along the sections of the song;
            `"random"`, `"sf_msaf"` and `"sf_v1"` are those of `musegen.data.segment`.
        phrases_per_song: at most so many of a song, chosen at random; None for all.
        val, test: shares of the songs.
        rule: how MIDI notes become cells; see `musegen.music.midi`.
        families: how instruments become tracks; see `musegen.music.song`.
        cleanse: rules of the cleansed LPD that songs must meet; see `musegen.data.lpd.rejected`.
        seed: of the split and of every random choice.
    """

    n_steps: int = 96
    n_bars: int = 4
    cut: str = "fixed"
    phrases_per_song: int | None = None
    val: float = 0.1
    test: float = 0.1
    rule: str = "paper"
    families: str = "lpd5"
    cleanse: str | None = None
    seed: int = 0

    music: ClassVar[str] = "phrases"

    def __post_init__(self):
        _check_choice(self.cut, CUTS, "cut")
        _check_choice(self.rule, RULES, "rule")
        _check_choice(self.families, FAMILIES, "family table")
        _check_choice(self.cleanse, (None, *CLEANSING), "cleansing rules")
        _check_shares(self.val, self.test)
        if self.n_bars < 1 or (self.phrases_per_song is not None and self.phrases_per_song < 1):
            raise Error("a phrase needs at least one bar, and a song one phrase")
        if self.n_bars > MAX_BARS:
            raise Error(f"{self.n_bars} bars are too long a phrase; it has {MAX_BARS} at most")
        if self.n_steps < 4 or 96 % self.n_steps:
            raise Error(f"{self.n_steps} steps a bar: 96 must be a multiple of them")


@dataclass(frozen=True)
class NoteSettings:
    """How songs become pieces of notes.

    Args:
        pedal: what becomes of the sustain pedal; see `musegen.music.midi.read_piece`.
        val, test: shares of the songs.
        seed: seed of the split.
    """

    pedal: str = "keep"
    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    music: ClassVar[str] = "notes"

    def __post_init__(self):
        _check_choice(self.pedal, PEDALS, "way with the pedal")
        _check_shares(self.val, self.test)


def _check_choice(value: str | None, choices: Iterable[str | None], what: str) -> None:
    if value not in choices:
        raise Error(f"unknown {what} {value!r}; choose {', '.join(filter(None, choices))}")


def _check_shares(val: float, test: float) -> None:
    if not (val >= 0 and test >= 0 and val + test <= 1):  # NaN is none
        raise Error(f"val {val} and test {test} are no shares of a whole")


def song_phrases(item: Item, settings: Settings) -> "np.ndarray":
    """The phrases of a file, bool `(n, bars, steps, 84, 5)`."""
    with _reasons(item):
        return _phrases(_song(item, settings), item, settings)


def song_piece(item: Item, settings: NoteSettings) -> "Piece":
    """The piece that a file holds, in any meter."""
    from musegen.music.midi import read_piece
    from musegen.music.piece_phrases import from_song

    with _reasons(item):
        if item.kind == "npz":
            from musegen.data import lpd

            piece = from_song(lpd.read(item.data, item.name))
        else:
            piece = read_piece(item.data, item.name, settings.pedal)
        if not len(piece):
            raise Error("there is no note in it")
        return piece


@contextmanager
def _reasons(item: Item) -> Iterator[None]:
    """Makes an `Error` without the file's name of whatever a file raises."""
    if item.error:
        raise Error(item.error)
    try:
        yield
    except Error as error:
        raise Error(str(error).removeprefix(f"{item.name}: ")) from None
    except Exception as error:  # one odd file among a hundred thousand does not stop a run
        raise Error(f"cannot be read ({type(error).__name__}: {error})") from error


def _song(item: Item, settings: Settings) -> "Song":
    """The song, if it is to be used."""
    from musegen.data import lpd
    from musegen.music import midi
    from musegen.music.song import STEPS_PER_BEAT

    if item.kind == "npz":
        song = lpd.read(item.data, item.name)
    else:
        song = midi.read(item.data, settings.rule, STEPS_PER_BEAT, item.name)
    if settings.cleanse and (reason := lpd.rejected(song, settings.cleanse)):
        raise Error(f"not in the cleansed set ({reason})")
    for beat, top, bottom in song.signatures:
        if (top, bottom) != (4, 4):
            raise Error(f"not in 4/4 throughout ({top}/{bottom})")
        if abs(beat - 4 * round(beat / 4)) > 1 / song.resolution:
            raise Error(f"a bar is not whole (4/4 starts anew on beat {beat:.5g})")
    return song


def _phrases(song: "Song", item: Item, settings: Settings) -> "np.ndarray":
    import numpy as np

    from musegen.data import segment
    from musegen.music.phrases import BEATS_PER_BAR

    # Sections are found on the song's own grid, so they are the same for any number of steps.
    fine = song.roll(settings.families)
    fine = fine.reshape(-1, BEATS_PER_BAR * song.resolution, *fine.shape[1:])
    if len(fine) < settings.n_bars:
        raise Error(f"shorter than {settings.n_bars} bars ({len(fine)})")
    method = CUTS[settings.cut]
    starts = segment.starts(fine, method, settings.n_bars, limit=len(fine))
    if not len(starts):
        raise Error(f"no section of {settings.n_bars} bars ({len(fine)} bars)")
    if fine.shape[1] % settings.n_steps:
        raise Error(f"{fine.shape[1]} steps a bar cannot become {settings.n_steps}")
    bars = fine[:, :: fine.shape[1] // settings.n_steps]
    sounds = bars.any(axis=(1, 2, 3))
    within = starts[:, None] + np.arange(settings.n_bars)
    within = within[sounds[within].any(axis=1)]
    if not len(within):
        raise Error("silent (no note of a family in the range of pitches)")
    limit = settings.phrases_per_song or (segment.PHRASES_PER_SONG if method == "random" else None)
    if limit and len(within) > limit:
        rng = np.random.default_rng([settings.seed, int.from_bytes(item.digest[:8], "big")])
        within = within[np.sort(rng.choice(len(within), limit, replace=False))]
    return bars[within]


def split_of(digest: bytes, settings: Settings | NoteSettings) -> str:
    """The split that a file falls to, by its content and the seed alone."""
    lot = blake2b(digest + str(settings.seed).encode(), digest_size=8).digest()
    share = int.from_bytes(lot, "big") / 2**64
    if share < settings.test:
        return "test"
    return "val" if share < settings.test + settings.val else "train"
