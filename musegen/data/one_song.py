"""Converts one file to phrases or to a piece, as `musegen data prepare` does, or to note triples.

An `Error` says why a file cannot be used.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from musegen import Error
from musegen.data.sources import Item

# numpy and the modules that read music are imported where they are used, so that --help is quick
# and a worker can set its number of threads before numpy is imported.
if TYPE_CHECKING:
    import numpy as np

    from musegen.music.piece import Piece
    from musegen.music.song import Song
    from musegen.music.tokens.triples import NoteTriples, TripleSettings

STEPS = (96, 48)
CUTS = {
    "fixed": "uniform", "structural": "sf", "sf_msaf": "sf_msaf", "sf_v1": "sf_v1",
    "random": "random",
}  # fmt: skip
RULES = ("paper", "lpd", "pypianoroll1")
FAMILIES = ("lpd5", "musegan_v1", "musegan_v3")
CLEANSING = ("docs", "code", "paper", "musegan_v1")
PEDALS = ("keep", "apply", "drop")
SILENT = "there is no note in it"
MAX_BARS = 64  # in a phrase: a shard of such phrases takes 330 MB before compression


@dataclass(frozen=True)
class Settings:
    """The settings by which songs are converted to phrases.

    Args:
        n_steps: number of steps in a bar, 96 or 48.
        n_bars: number of bars in a phrase.
        cut: method of cutting: `"fixed"` cuts every `n_bars` bars, `"structural"` along the
            sections of the song; `"random"`, `"sf_msaf"` and `"sf_v1"` are explained in
            `musegen.data.segment`.
        phrases_per_song: largest number of phrases of a song, chosen at random; None for all.
        val, test: shares of the songs in these splits.
        rule: rule for the cells that a MIDI note fills; see `musegen.music.midi.read`.
        families: table that assigns instruments to tracks; see `musegen.music.song`.
        cleanse: rules of the cleansed LPD that songs must meet; see `musegen.data.lpd.rejected`.
        seed: seed of the split and of every random choice.
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
            raise Error("bars and phrases per song: give 1 or more")
        if self.n_bars > MAX_BARS:
            raise Error(f"a phrase of {self.n_bars} bars is too long; give {MAX_BARS} or fewer")
        if self.n_steps < 4 or 96 % self.n_steps:
            raise Error(f"{self.n_steps} steps a bar: give a divisor of 96 from 4 on")


@dataclass(frozen=True)
class NoteSettings:
    """The settings by which songs are converted to pieces of notes.

    Args:
        pedal: treatment of the sustain pedal; see `musegen.music.midi.read_piece`.
        val, test: shares of the songs in these splits.
        seed: seed of the split.
    """

    pedal: str = "keep"
    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    music: ClassVar[str] = "notes"

    def __post_init__(self):
        _check_choice(self.pedal, PEDALS, "treatment of the pedal")
        _check_shares(self.val, self.test)


def _check_choice(value: str | None, choices: Iterable[str | None], what: str) -> None:
    if value not in choices:
        raise Error(f"unknown {what} {value!r}; choose {', '.join(filter(None, choices))}")


def _check_shares(val: float, test: float) -> None:
    if not (val >= 0 and test >= 0 and val + test <= 1):  # NaN is refused, too
        raise Error(f"val {val} and test {test}: give shares from 0 on with a sum of at most 1")


def song_phrases(item: Item, settings: Settings) -> "np.ndarray":
    """Returns the phrases of a file, bool `(n, bars, steps, 84, 5)`."""
    with _reasons(item):
        return _phrases(_song(item, settings), item, settings)


def song_piece(item: Item, settings: NoteSettings) -> "Piece":
    """Returns the piece that a file holds, in any meter."""
    from musegen.music.midi import read_piece
    from musegen.music.piece_phrases import from_song

    with _reasons(item):
        if item.kind == "npz":
            from musegen.data import lpd

            piece = from_song(lpd.read(item.data, item.name))
        else:
            piece = read_piece(item.data, item.name, settings.pedal)
        if not len(piece):
            raise Error(SILENT)
        return piece


def song_triples(item: Item, settings: "TripleSettings") -> "NoteTriples":
    """Returns the note triples of a file.

    Settings that follow a code which reads with pretty_midi, or all tracks together, read MIDI
    files as that code does; a piece does not keep what it depends on.
    """
    from musegen.music.tokens import triples

    with _reasons(item):
        if item.kind == "midi" and not settings.of_pieces:
            return triples.of_file(item.data, item.name, settings)
        return triples.of_piece(song_piece(item, NoteSettings(pedal="drop")), settings)


def converted(songs: Iterable[Item], convert: Callable, skipped: list[tuple[str, str]]) -> Iterator:
    """Yields the result for each song; of files with equal content only the first is used.

    Args:
        songs: files of a source.
        convert: function from a file to its result; an `Error` says why there is none.
        skipped: list that receives the name of each other file and the reason.
    """
    names: dict[bytes, str] = {}
    for item in songs:
        first = names.setdefault(item.digest, item.name)
        try:
            if first != item.name and not item.error:
                raise Error(f"duplicate (of {first})")
            yield convert(item)
        except Error as error:
            skipped.append((item.name, str(error)))


@contextmanager
def _reasons(item: Item) -> Iterator[None]:
    """Turns any exception that a file causes into an `Error` without the file's name."""
    if item.error:
        raise Error(item.error)
    try:
        yield
    except Error as error:
        raise Error(str(error).removeprefix(f"{item.name}: ")) from None
    except Exception as error:  # one strange file must not stop a run over thousands of files
        raise Error(f"cannot be read ({type(error).__name__}: {error})") from error


def _song(item: Item, settings: Settings) -> "Song":
    """Reads a song; one that the settings exclude, or that is not in 4/4, raises an `Error`."""
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
            raise Error(f"a bar is not complete (a new 4/4 signature on beat {beat:.5g})")
    return song


def _phrases(song: "Song", item: Item, settings: Settings) -> "np.ndarray":
    """Cuts a song into phrases and drops those that are silent."""
    import numpy as np

    from musegen.data import segment
    from musegen.music.phrases import BEATS_PER_BAR

    # Sections are found on the song's own grid, so they do not depend on the steps of the result.
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
    sounding = bars.any(axis=(1, 2, 3))
    phrases = starts[:, None] + np.arange(settings.n_bars)  # numbers of the bars of each phrase
    phrases = phrases[sounding[phrases].any(axis=1)]
    if not len(phrases):
        raise Error("silent (no note in the five tracks and the range of pitches)")
    limit = settings.phrases_per_song or (segment.PHRASES_PER_SONG if method == "random" else None)
    if limit and len(phrases) > limit:
        rng = np.random.default_rng([settings.seed, int.from_bytes(item.digest[:8], "big")])
        phrases = phrases[np.sort(rng.choice(len(phrases), limit, replace=False))]
    return bars[phrases]


def split_of(digest: bytes, settings: Settings | NoteSettings) -> str:
    """Returns the split of a file, which depends only on its content and the seed."""
    draw = blake2b(digest + str(settings.seed).encode(), digest_size=8).digest()
    share = int.from_bytes(draw, "big") / 2**64
    if share < settings.test:
        return "test"
    return "val" if share < settings.test + settings.val else "train"
