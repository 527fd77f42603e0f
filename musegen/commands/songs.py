"""A song and a system that plays to it: what `restore`, `accompany` and `continue` share.

For a system of phrases the song is read onto the grid of its own bars, played phrase by phrase, and
written with its own tempo, meter and keys, so that both play in step.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error, files
from musegen.commands import calls, choices, outputs
from musegen.system import TrainedSystem

if TYPE_CHECKING:
    import numpy as np

    from musegen.music.song import Song


def add_song(parser: ArgumentParser, verb: str) -> None:
    """Adds the song, the system that plays to it, and the options that systems take for that."""
    parser.add_argument(
        "song",
        metavar="SONG",
        help="a MIDI file; systems of phrases need 4/4, where a pickup may stand first",
    )
    parser.add_argument("--system", required=True, metavar="NAME", help=choices.system_help(verb))
    choices.add_choices(parser, verb)


def check_tracks(flag: str, tracks: Collection[str]) -> None:
    """Raises an `Error` for a track that is none."""
    from musegen.music.phrases import TRACKS

    for track in tracks:
        if track not in TRACKS:
            raise Error(f"{flag} {track}: there is no such track; choose {', '.join(TRACKS)}")


def read(path: str | Path, out: Sequence[Path] = ()) -> "tuple[Song, list[str]]":
    """A song in 4/4 that `out` can hold, and the tracks that are silent in it."""
    from musegen.music import midi
    from musegen.music.phrases import TRACKS

    song = midi.read(path)
    outputs.check_sound(out, float((60 / song.tempo[:-1]).sum()), len(song.tempo))
    sounds = song.bars(4 * song.resolution).any(axis=(0, 1, 2))  # an `Error` where it is not 4/4
    if not sounds.any():
        raise Error(f"{path}: no note of it is in the five tracks, C1 to B7")
    return song, [track for track, any_note in zip(TRACKS, sounds, strict=True) if not any_note]


def play(
    system: TrainedSystem, verb: str, song: "Song", args: Namespace
) -> "tuple[np.ndarray, np.ndarray, str]":
    """The bars of a song `(bars, T, 84, 5)`, what the system made of them, and how it was drawn.

    What it plays before or behind the song is left out.
    """
    from musegen.music.phrases import cut

    original = song.bars(system.n_steps)
    roll = original.reshape(-1, *original.shape[2:])
    phrases, drawn = calls.call(system, verb, args, cut(roll, system.n_steps))
    played = phrases.reshape(-1, *original.shape[1:])[: len(original)]
    return original, played & song.lasts(system.n_steps)[..., None, None], drawn


def write(
    out: Sequence[Path],
    args: Namespace,
    drawn: str,
    sets: "dict[str, np.ndarray]",
    keep: Collection[str],
    row: "dict[str, list[str]]",
) -> None:
    """Writes the last of some arrays of bars; a picture shows them all, by their titles.

    Args:
        drawn: how it was drawn.
        keep: tracks that are taken over from the song, note by note.
        row: to stand below the statistics.
    """
    from musegen import plots
    from musegen.commands import phrase_format
    from musegen.music import midi
    from musegen.music.phrases import TRACKS

    long = {title: bars[None] for title, bars in sets.items()}  # each song as one long phrase
    whole = list(long.values())[-1]
    score = midi.to_score_like(whole[0], args.song, keep=keep)
    outputs.write(
        out, score, lambda path: phrase_format.write_array(path, whole), lambda: plots.songs(long)
    )
    bars = outputs.counted(whole.shape[1], "bar")
    print(f"{outputs.names(out)}: {bars}, in step with {files.shown(args.song)}; {drawn}")
    print(outputs.table(phrase_format.statistics(whole) | row, TRACKS))


def play_piece(verb: str, done: str, args: Namespace, out: Sequence[Path]) -> None:
    """Has a system of notes play a whole song, in any meter, and writes what it made of it.

    Args:
        verb: what the system does.
        done: the same as a word for the picture, such as "restored".
        args: options of the command.
        out: files to write.
    """
    from dataclasses import replace

    from musegen.commands import note_format
    from musegen.music.midi import piece_to_score, read_piece

    calls.check(args.system, verb)
    piece = read_piece(args.song)
    if not len(piece):
        raise Error(f"{args.song}: there is no note in it")
    system = calls.open_system(args.system, verb)
    (played,), drawn = calls.call(system, verb, args, [piece])
    outputs.write(
        out,
        piece_to_score(played),
        lambda path: note_format.write_array(path, [played]),
        lambda: note_format.draw([piece, played]),
    )
    names = (f"{files.shown(piece.name)}, original", done)
    both = [replace(one, name=name) for one, name in zip((piece, played), names, strict=True)]
    print(f"{outputs.names(out)}: {files.shown(args.song)} {done}; {drawn}")
    print(note_format.table(both))
