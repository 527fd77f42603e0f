"""Reads, writes and counts phrases for the commands; see `musegen.commands.formats`."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.commands import outputs
from musegen.music import midi, notes
from musegen.music.phrases import (
    BEATS_PER_BAR,
    TRACKS,
    Packed,
    blocks,
    chain,
    pack,
    quantised,
    reorder,
    resample,
)
from musegen.system import TrainedSystem

if TYPE_CHECKING:
    import symusic
    from matplotlib.figure import Figure

UNIT = "phrase"
ARRAY = ".npy"
OPTIONS = {"quantise": "--quantise", "tempo": "--tempo", "keep": "--keep", "fill": "--fill"}
IN_A_ROW = 8  # phrases in a row of the picture
TEMPO = 100  # beats a minute


# Reading


def read_example(source: str, number: int, flag: str) -> np.ndarray:
    """Reads one phrase of a source, by its number from 1."""
    from musegen import data

    opened = data.load(source).five_tracks()
    if number > len(opened):
        raise Error(f"{flag} {number}: {source} has {len(opened)} phrases")
    return opened.part(number - 1, number).phrases[0]


def prepared(ends: Sequence[np.ndarray], system: TrainedSystem, args: Namespace) -> list:
    """Returns the two phrases to interpolate between, with the system's steps a bar."""
    start, end = (resample(phrase[None], system.n_steps)[0] for phrase in ends)
    if len(start) != len(end):
        raise Error(
            f"{args.start} has phrases of {len(start)} bars and {args.end} of {len(end)}: "
            "they must have the same number of bars"
        )
    return [start, end]


# Writing


def check_amount(
    paths: Sequence[Path], n: int, system: TrainedSystem, args: Namespace, ends: Sequence = ()
) -> None:
    """Raises an `Error` if `n` phrases, one after the other, are too long for a sound file.

    They have as many bars as the `ends` of an interpolation, or as the user or the system says.
    """
    n_bars = len(ends[0]) if ends else getattr(args, "n_bars", None) or system.n_bars
    beats = BEATS_PER_BAR * bars_of(n, n_bars, args.gap)
    outputs.check_sound(paths, 60 * beats / (args.tempo or TEMPO), beats)


def finished(phrases: np.ndarray | Packed, args: Namespace) -> np.ndarray | Packed:
    """Quantises the phrases, if the user chose that."""
    return quantised(phrases, args.quantise)


def shown(system: TrainedSystem) -> dict[str, tuple[str, ...]]:
    """Returns the tracks that MIDI, pictures and tables show; arrays have all five."""
    return {"tracks": tuple(system.tracks)}


def score(
    phrases: np.ndarray | Packed, args: Namespace, tracks: Sequence[str] = TRACKS
) -> "symusic.Score":
    """Converts the phrases to MIDI, one after the other."""
    some, tempo = with_tracks(phrases, tracks), args.tempo or TEMPO
    return midi.to_score(some, tempo=tempo, gap=args.gap, tracks=tuple(tracks))


def with_tracks(phrases: np.ndarray | Packed, tracks: Sequence[str]) -> np.ndarray | Packed:
    """Returns the phrases with only some of their five tracks."""
    if tuple(tracks) == TRACKS:
        return phrases
    if isinstance(phrases, Packed):
        return phrases.changed(lambda block: reorder(block, TRACKS, tracks))
    return reorder(phrases, TRACKS, tracks)


def write_array(path: Path, phrases: np.ndarray | Packed) -> None:
    """Writes the same file as `np.save`, block by block."""
    about = {"descr": "|b1", "fortran_order": False, "shape": phrases.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, about)
        for block in blocks(phrases):
            file.write(np.ascontiguousarray(block).data)


def draw(
    phrases: np.ndarray | Packed, columns: int | None = None, tracks: Sequence[str] = TRACKS
) -> "Figure | np.ndarray":
    """Draws all phrases, as in MIDI-Sandwich2's picture or, in columns, each with its own axes."""
    if not columns:
        return phrase_picture(with_tracks(phrases, tracks))
    from musegen.plots import phrase_grid

    return phrase_grid(phrases, columns)


def phrase_picture(phrases: np.ndarray | Packed) -> np.ndarray:
    """Draws MIDI-Sandwich2's picture, eight phrases in a row, exactly as published for eight."""
    from musegen.plots import image_midi_s2

    starts = range(0, len(phrases), IN_A_ROW)
    rows = [image_midi_s2(phrases[start : start + IN_A_ROW]) for start in starts]
    width = max(row.shape[1] for row in rows)
    filled = [np.pad(row, ((0, 0), (0, width - row.shape[1])), constant_values=255) for row in rows]
    return np.concatenate(filled)


# Counting


def summary(phrases: np.ndarray | Packed, args: Namespace) -> str:
    """Returns a text such as "8 phrases of 4 bars, 93.6 s at 100 beats a minute"."""
    (n, n_bars), tempo = phrases.shape[:2], args.tempo or TEMPO
    seconds = bars_of(n, n_bars, args.gap) * BEATS_PER_BAR * 60 / tempo
    music = f"{outputs.counted(n, UNIT)} of {outputs.counted(n_bars, 'bar')}"
    return f"{music}, {seconds:.1f} s at {tempo:g} beats a minute"


def bars_of(n: int, n_bars: int, gap: int) -> int:
    """Returns how many bars `n` phrases last, without the silence after the last one."""
    return n * (n_bars + gap) - gap


def table(phrases: np.ndarray | Packed, tracks: Sequence[str] = TRACKS) -> str:
    """Returns a table of statistics of each track."""
    rows = statistics(phrases)
    places = [TRACKS.index(name) for name in tracks]
    return outputs.table({name: [row[k] for k in places] for name, row in rows.items()}, tracks)


def statistics(phrases: np.ndarray | Packed) -> dict[str, list[str]]:
    """Returns statistics of each track that show whether it is music, noise or silence.

    They are rows of a table with a column for each track.
    """
    n_bars = phrases.shape[0] * phrases.shape[1]
    rows = {"notes": [], "silent bars": [], "distinct bars": []}
    for k, track in enumerate(TRACKS):
        n_notes, n_silent, different = 0, 0, set()
        for part in (block[..., k] for block in blocks(phrases)):
            events = notes.from_parts([chain(part, gap=1)], drums=track == "drums")
            bars = np.ascontiguousarray(part.reshape(-1, *part.shape[2:]))  # (bars, T, 84)
            n_notes += len(events)
            n_silent += int((~bars.any(axis=(1, 2))).sum())
            different.update(bar.tobytes() for bar in pack(bars))
        rows["notes"].append(f"{n_notes:,}")
        rows["silent bars"].append(f"{100 * (n_silent / n_bars):.0f} %")
        rows["distinct bars"].append(f"{len(different)} of {n_bars}")
    return rows
