"""Continues a song with new bars: `musegen continue`.

The song itself is unchanged up to the end of its last bar with a note, or up to the bar that the
user names. The bars of the system follow from the next bar on. They have the last tempo and meter
of the song, unless the system sets its own.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, files, registry
from musegen.commands import calls, choices, outputs, songs

if TYPE_CHECKING:
    import numpy as np

    from musegen.music.piece import Part, Piece
    from musegen.music.song import Song


def add_arguments(parser: ArgumentParser) -> None:
    songs.add_song(parser, "extend")
    parser.add_argument(
        "--bars", type=choices.integer(1, 1000), default=8, metavar="N",
        help="number of bars to add (default: 8)",
    )  # fmt: skip
    parser.add_argument(
        "--from-bar", type=choices.integer(2, 1_000_000), metavar="N",
        help="first bar to replace; the song is kept up to it (default: the bar after the last one "
        "with a note)",
    )  # fmt: skip
    outputs.add_out(parser, "the song's name and -continued.mid, in this folder")


def run(args: Namespace) -> None:
    """Reads a song, generates bars to follow it, and writes both as one piece."""
    from musegen.commands import note_format
    from musegen.commands.formats import check_array
    from musegen.music.midi import piece_to_score
    from musegen.music.piece_chain import chain_pieces

    out = args.out or [Path(f"{Path(args.song).stem}-continued.mid")]
    outputs.check(out, [args.song, registry.place(args.system)])
    calls.check(args.system, "extend")
    check_array(out, note_format, "musegen continue")
    of_phrases = registry.entry(args.system).music == "phrases"
    song, added, drawn = (_extend_phrases if of_phrases else _extend_notes)(args)
    both = chain_pieces([song, _in_time(added, song)], name=song.name)
    outputs.write(
        out,
        piece_to_score(both),
        lambda path: note_format.write_array(path, [both]),
        lambda: note_format.draw([both]),
    )
    n_bars = outputs.counted(args.bars, "bar")
    print(f"{outputs.names(out)}: {files.shown(args.song)} and {n_bars} more; {drawn}")
    if of_phrases and (n_moved := _moved(song)):
        print(f"{outputs.counted(n_moved, 'note')} outside C1 to B7: the system read "
              "other octaves of the same pitch")  # fmt: skip
    print(note_format.table([replace(song, name="the song"), replace(added, name="added")]))


def _extend_notes(args: Namespace) -> "tuple[Piece, Piece, str]":
    """Returns the song that is kept, new bars, and a text that says how they were drawn."""
    from musegen.music.midi import read_piece

    song = _kept(read_piece(args.song), args.from_bar)
    system = calls.open_system(args.system, "extend")
    (added,), drawn = calls.call(system, "extend", args, [song], args.bars)
    return song, added, drawn


def _extend_phrases(args: Namespace) -> "tuple[Piece, Piece, str]":
    """Returns the same for a system of phrases, which reads the bars of the song."""
    cells = songs.read(args.song)[0].folded()
    song = _kept(cells.piece, args.from_bar)
    system = calls.open_system(args.system, "extend")
    bars = _bars(cells, system.n_steps, args.from_bar)
    made, drawn = calls.call(system, "extend", args, bars, args.bars)
    return song, _as_piece(made, song), drawn


def _in_time(added: "Piece", song: "Piece") -> "Piece":
    """Gives new bars the last tempo and meter of the song, unless the system set its own."""
    tempi = added.tempi or [(0, *event[1:]) for event in song.tempi[-1:]]
    meters = added.meters or [(0, *event[1:]) for event in song.meters[-1:]]
    return replace(added, tempi=tempi, meters=meters)


def _kept(song: "Piece", from_bar: int | None) -> "Piece":
    """Returns the song up to a bar, by default the one after the last in which a note sounds."""
    if not len(song):
        raise Error(f"{song.name}: there is no note in it")
    lines = song.bars(closed=True)
    end = int(lines[lines >= song.ends.max()][0])
    if from_bar:
        if from_bar > len(lines):
            raise Error(f"--from-bar {from_bar}: {song.name} has {len(lines) - 1} bars")
        end = int(lines[from_bar - 1])
    kept = song.cut(0, end)
    if not len(kept):
        raise Error(f"--from-bar {from_bar}: there is no note in {song.name} before it")
    return kept


def _bars(cells: "Song", n_steps: int, from_bar: int | None) -> "np.ndarray":
    """Returns the bars of a song before a bar, silent ones at its end as well."""
    import numpy as np

    bars = cells.bars(n_steps)
    if from_bar is None:
        return bars
    bars = bars[: from_bar - 1]
    return np.pad(bars, [(0, from_bar - 1 - len(bars)), *[(0, 0)] * (bars.ndim - 1)])


def _moved(song: "Piece") -> int:
    """Returns how many notes of tracks but the drums' are outside the range of phrases."""
    import numpy as np

    from musegen.music.phrases import LOWEST_PITCH, N_PITCHES
    from musegen.music.song import family

    tracks = [family(part.program, part.is_drum) for part in song.parts]
    pitched = np.array([track not in (None, "drums") for track in tracks])
    pitch = song.notes["pitch"][pitched[song.notes["part"]]]
    return int(((pitch < LOWEST_PITCH) | (pitch >= LOWEST_PITCH + N_PITCHES)).sum())


def _as_piece(bars: "np.ndarray", song: "Piece") -> "Piece":
    """Converts bars of five tracks to a piece that is played by the instruments of the song.

    A track that the song does not have gets its usual instrument.
    """
    from musegen.music.piece_phrases import from_phrases
    from musegen.music.song import family

    piece = replace(from_phrases(bars[None], name="added"), tempi=())
    by_track: dict[str | None, Part] = {}
    for part in song.parts:
        by_track.setdefault(family(part.program, part.is_drum), part)
    return replace(piece, parts=[by_track.get(part.name, part) for part in piece.parts])
