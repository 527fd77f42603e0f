"""A song that goes on: `musegen continue`.

The song stays note by note as it is, up to the end of its last bar with a note. What the system
plays stands behind it, from the next bar on, at the tempo and in the meter that the song ends with
unless the system says otherwise.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import Error, files, registry
from musegen.commands import calls, choices, outputs, songs

if TYPE_CHECKING:
    import numpy as np

    from musegen.music.piece import Piece


def add_arguments(parser: ArgumentParser) -> None:
    songs.add_song(parser, "extend")
    parser.add_argument(
        "--bars", type=choices.whole(1, 1000), default=8, metavar="N",
        help="number of bars to add (default: 8)",
    )  # fmt: skip
    outputs.add_out(parser, "the song's name and -continued.mid, in this folder")


def run(args: Namespace) -> None:
    from musegen.commands import note_format
    from musegen.commands.formats import check_array
    from musegen.music.midi import piece_to_score, read_piece
    from musegen.music.piece_chain import chain_pieces

    out = args.out or [Path(f"{Path(args.song).stem}-continued.mid")]
    outputs.check(out, [args.song, registry.place(args.system)])
    calls.check(args.system, "extend")
    check_array(out, note_format, "musegen continue")
    song = _whole_bars(read_piece(args.song))
    phrases = registry.entry(args.system).music == "phrases"
    bars = songs.read(args.song)[0] if phrases else None
    system = calls.open_system(args.system, "extend")
    inputs = bars.bars(system.n_steps) if phrases else [song]
    made, drawn = calls.call(system, "extend", args, inputs, args.bars)
    more = _as_piece(made, song) if phrases else made[0]
    # What the system says nothing about goes on as the song ends.
    last = {name: [(0, *getattr(song, name)[-1][1:])] for name in ("tempi", "meters")
            if getattr(song, name) and not getattr(more, name)}  # fmt: skip
    more = replace(more, **last)
    both = chain_pieces([song, more], name=song.name)
    outputs.write(
        out,
        piece_to_score(both),
        lambda path: note_format.write_array(path, [both]),
        lambda: note_format.draw([both]),
    )
    added = outputs.counted(args.bars, "bar")
    print(f"{outputs.names(out)}: {files.shown(args.song)} and {added} more; {drawn}")
    print(note_format.table([replace(song, name="the song"), replace(more, name="added")]))


def _whole_bars(song: "Piece") -> "Piece":
    """The song up to the end of its last bar in which a note sounds."""
    if not len(song):
        raise Error(f"{song.name}: there is no note in it")
    lines = song.bars(closed=True)
    return song.cut(0, int(lines[lines >= song.ends.max()][0]))


def _as_piece(bars: "np.ndarray", song: "Piece") -> "Piece":
    """Bars of five tracks as a piece, each track played by the song's own part if it has one."""
    from musegen.music.piece_phrases import from_phrases
    from musegen.music.song import family

    piece = replace(from_phrases(bars[None], name="added"), tempi=())
    own: dict[str, Any] = {}
    for part in song.parts:
        own.setdefault(family(part.program, part.is_drum), part)
    return replace(piece, parts=[own.get(part.name, part) for part in piece.parts])
