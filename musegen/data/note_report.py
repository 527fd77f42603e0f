"""Counts notes, segments and values as systems of note triples see them: `musegen data notes`.

Every file of a source that can be read counts, also one with the content of another, because the
original codes read them all. `musegen.music.tokens.triples` has the rules by which notes become
triples, and songs segments.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.files import check, shown, write_bytes

# numpy and the modules that read music are imported where they are used, so that --help is quick.
if TYPE_CHECKING:
    from musegen.music.tokens.triples import NoteTriples, TripleSettings

PRESETS = ("paper", "repo", "BachProp")
LEFT_OUT = {"clipped": "clipped", "drums": "drums", "no length": "without length"}
# Facts of a source and columns of the table; those of copies are left out where songs have none.
COLUMNS = (
    "kept", "skipped", "notes", "short", "segments", "copies", "dT", "T", "P", "P moved", "range",
    "longest dT", "longest T", *LEFT_OUT,
)  # fmt: skip
EXPLAINED = (
    "short: songs shorter than a segment; dT, T, P: numbers of different values; P moved, range:\n"
    "pitches with those of the transpositions; longest dT, T: in quarters; clipped: notes with a\n"
    "time beyond the grid; drums, no length: notes that were left out"
)


@dataclass(frozen=True)
class Songs:
    """The songs of a source, or of several, as note triples.

    Args:
        found: triples of each song.
        skipped: name and reason of each file or piece that has none.
        repeated: number of files with the content of another one.
    """

    found: list["NoteTriples"]
    skipped: list[tuple[str, str]]
    repeated: int = 0


def settings_of(preset: str) -> "TripleSettings":
    """Returns the rules of a preset."""
    from musegen.music.tokens import triples

    return triples.BACHPROP if preset == PRESETS[-1] else triples.PRESETS[preset]


# Reading


def read(
    source: str,
    settings: "TripleSettings",
    progress: Callable[[int, float, str], None] | None = None,
) -> Songs:
    """Reads all songs of a source; it is an `Error` if none is as long as a segment.

    Args:
        source: anything that `musegen.data.load_pieces` opens.
        settings: rules by which notes become triples.
        progress: function that is called with the number of songs done, their share of the source,
            and its name.
    """
    from musegen.data.piece_loading import holds_songs

    found, skipped, contents = [], [], set()
    songs = _files(source, settings) if holds_songs(source) else _pieces(source, settings)
    for done, (name, share, content, convert) in enumerate(songs, 1):
        contents.add(content)
        try:
            found.append(convert())
        except Error as error:
            skipped.append((name, str(error).removeprefix(f"{name}: ")))
        if progress:
            progress(done, share, shown(source))
    _check_length(source, found, skipped, settings.length)
    return Songs(found, skipped, len(found) + len(skipped) - len(contents))


# Of each song: name, share of the source, what only equal files share, and how it is converted.
_Song = tuple[str, float, object, Callable[[], "NoteTriples"]]


def _files(source: str, settings: "TripleSettings") -> Iterator[_Song]:
    """Yields the songs of MIDI and LPD files."""
    from musegen.data.one_song import song_triples
    from musegen.data.sources import items

    for item in items(source):
        content = item.name if item.error else item.digest
        yield item.name, item.at, content, partial(song_triples, item, settings)


def _pieces(source: str, settings: "TripleSettings") -> Iterator[_Song]:
    """Yields the pieces of any other source, and those that it leaves out."""
    from musegen.data.piece_loading import load_pieces
    from musegen.music.tokens import triples

    def refuse(reason: str):
        raise Error(reason)

    pieces = load_pieces(source)
    n = len(pieces) + len(pieces.skipped)
    for number, (name, reason) in enumerate(pieces.skipped):
        yield name, number / n, number - n, partial(refuse, reason)
    for number, piece in enumerate(pieces):
        yield piece.name, number / n, number, partial(triples.of_piece, piece, settings)


def _check_length(source: str, found: list, skipped: list, length: int) -> None:
    """Raises an `Error` if no song of a source is as long as a segment."""
    if not found:
        name, reason = skipped[0]
        raise Error(f"{source}: no song has notes ({len(skipped):,} skipped; {name}: {reason})")
    longest = max(map(len, found))
    if longest < length:
        raise Error(
            f"{source}: none of its {len(found):,} songs has the {length} notes that a segment "
            f"needs, the longest has {longest}; give whole songs, not clips of them"
        )


# Counting


def facts(songs: Songs, settings: "TripleSettings") -> dict:
    """Returns the counts of some songs, by the names of `COLUMNS`; times are in quarters."""
    import numpy as np

    from musegen.music.tokens import triples
    from musegen.music.tokens.dictionaries import Dictionaries

    columns = np.concatenate([song.rows for song in songs.found]).T
    words = Dictionaries.of(songs.found, settings)
    n_segments = sum(len(triples.segment_starts(len(song), settings)) for song in songs.found)
    per_quarter = triples.TICKS[settings.unit][0] / triples.TICKS[settings.unit][1]
    if settings.copies:
        for song in songs.found:  # raises an `Error` if one leaves MIDI's range
            triples.transposed(song, (min(settings.shifts), max(settings.shifts)))
    return {
        "kept": len(songs.found),
        "skipped": len(songs.skipped),
        "notes": columns.shape[1],
        "short": sum(len(song) < settings.length for song in songs.found),
        "segments": n_segments,
        "copies": n_segments * (len(settings.shifts) if settings.copies else 1),
        "dT": len(words.dT),
        "T": len(words.T),
        "P": len(np.unique(columns[2])),
        "P moved": len(words.P),
        "range": [min(words.P), max(words.P)],
        "longest dT": columns[0].max() / per_quarter,
        "longest T": columns[1].max() / per_quarter,
        **{
            name: sum(song.counts.get(what, 0) for song in songs.found)
            for name, what in LEFT_OUT.items()
        },
    }


def sizes(counted: dict, preset: str) -> dict[str, int]:
    """Returns the sizes of the dictionaries of some songs, by attribute.

    Each has a number more than values. With BachProp that of P has all pitches of a range.
    """
    lowest, highest = counted["range"]
    pitches = highest - lowest + 1 if preset == PRESETS[-1] else counted["P moved"]
    return {"dT": counted["dT"] + 1, "T": counted["T"] + 1, "P": pitches + 1}


def describe(
    sources: Sequence[str],
    preset: str = "paper",
    progress: Callable[[int, float, str], None] | None = None,
) -> dict:
    """Returns the counts of each source and of all together, and the sizes of the dictionaries."""
    from musegen.data.piece_loading import short_names

    settings = settings_of(preset)
    read_songs = [read(source, settings, progress) for source in sources]
    together = Songs(
        [song for songs in read_songs for song in songs.found],
        [skip for songs in read_songs for skip in songs.skipped],
    )
    counted = facts(together, settings)
    return {
        "preset": preset,
        "length": settings.length,
        "hop": settings.hop,
        "transpositions": len(settings.shifts) if settings.copies else 1,
        "sources": {
            name: facts(songs, settings)
            | {"repeated": songs.repeated, "reasons": [list(skip) for skip in songs.skipped]}
            for name, songs in zip(short_names(sources), read_songs, strict=True)
        },
        "together": counted,
        "dictionaries": sizes(counted, preset),
    }


# Text


def text(info: dict) -> str:
    """Formats what `describe` returns as text."""
    from musegen.commands.outputs import table

    rows, copies = dict(info["sources"]), info["transpositions"]
    if len(rows) > 1:
        rows["together"] = info["together"]
    columns = [name for name in COLUMNS if name != "copies" or copies > 1]
    titles = [f"x {copies}" if name == "copies" else name for name in columns]
    cells = {name: [_cell(row[column]) for column in columns] for name, row in rows.items()}
    lines = [
        f"preset {info['preset']}, segments of {info['length']} notes, a new one every "
        f"{info['hop']}",
        "",
        table(cells, titles),
        "",
        EXPLAINED,
    ]
    lines += [line for name, row in info["sources"].items() for line in _remarks(name, row)]
    words = info["dictionaries"]
    each = ", ".join(f"{name} {size}" for name, size in words.items())
    total = sum(words.values())
    lines.append(f"dictionaries, of one number more than values: {each}, together {total}")
    return "\n".join(lines)


def _cell(value: int | float | list[int]) -> str:
    """Formats one fact."""
    if isinstance(value, list):
        return "-".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _remarks(name: str, row: dict) -> Iterator[str]:
    """Yields lines on the files of a source that were skipped or are there more than once."""
    from musegen.commands.outputs import counted

    if row["reasons"]:
        first, reason = map(shown, row["reasons"][0])
        yield f"{shown(name)}: {row['skipped']:,} skipped, the first is {first}: {reason}"
    if row["repeated"]:
        files = counted(row["repeated"], "file")
        yield f"{shown(name)}: {files} with the content of another, which a training leaves out"


# The command


def _preset(word: str) -> str:
    """Returns the preset of a name in any case."""
    return next((name for name in PRESETS if name.lower() == word.lower()), word)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the options of `musegen data notes`."""
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+",
        help="prepared notes, MIDI or LPD files, a folder or archive of them, chorales in JSON, "
        "demo or freedoom",
    )  # fmt: skip
    parser.add_argument(
        "--preset", type=_preset, choices=PRESETS, default=PRESETS[0],
        help="rules by which notes become triples: those of the melody VAE's paper, those of its "
        "code, or those of BachProp's code (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", metavar="F", type=Path, help="write all counts to this file")


def run(args: Namespace) -> None:
    """Prints the table, and writes it as JSON."""
    from musegen.data.progress import Progress

    check([args.json] if args.json else [], args.sources)
    with Progress("songs") as progress:
        info = describe(args.sources, args.preset, progress)
    print(text(info))
    if args.json:
        write_bytes(args.json, json.dumps(info, indent=2, allow_nan=False).encode())
        print(shown(args.json))
