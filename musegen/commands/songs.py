"""Functions that `restore`, `accompany` and `continue` share, which work on a song of the user.

A system of phrases reads the song bar by bar and processes it phrase by phrase. The result has the
tempo, meter and keys of the song, so that both can be played together.
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
    """Adds the song, the system, and the options of a method, to a command.

    Args:
        parser: parser of the command.
        verb: name of the method of systems that the command calls.
    """
    parser.add_argument(
        "song",
        metavar="SONG",
        help="a MIDI file; systems of phrases need 4/4, with or without a pickup",
    )
    parser.add_argument("--system", required=True, metavar="NAME", help=choices.system_help(verb))
    choices.add_choices(parser, verb)


def check_tracks(flag: str, tracks: Collection[str]) -> None:
    """Raises an `Error` for a name that is not one of the five tracks."""
    from musegen.music.phrases import TRACKS

    for track in tracks:
        if track not in TRACKS:
            raise Error(f"{flag} {track}: there is no such track; choose {', '.join(TRACKS)}")


def read(path: str | Path, out: Sequence[Path] = ()) -> "tuple[Song, list[str]]":
    """Reads a song in 4/4.

    Args:
        path: MIDI file to read.
        out: files to write; a song that is too long for one of them raises an `Error`.

    Returns:
        The song, and the names of the tracks that are silent in it.
    """
    from musegen.music import midi
    from musegen.music.phrases import TRACKS

    song = midi.read(path)
    outputs.check_sound(out, float((60 / song.tempo[:-1]).sum()), len(song.tempo))
    bars = song.bars(4 * song.resolution)  # raises an `Error` if the song is not in 4/4
    has_notes = bars.any(axis=(0, 1, 2))
    if not has_notes.any():
        raise Error(f"{path}: has no note in the five tracks, from C1 to B7")
    return song, [track for track, notes in zip(TRACKS, has_notes, strict=True) if not notes]


def play(
    system: TrainedSystem, verb: str, song: "Song", args: Namespace
) -> "tuple[np.ndarray, np.ndarray, str]":
    """Calls a method of a system with the phrases of a song.

    Returns:
        The bars of the song `(bars, T, 84, 5)`, those of the system without notes before or after
        the song, and a text that says how they were drawn.
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
    """Writes the result of a command for songs, and prints its statistics.

    Args:
        out: files to write.
        args: options of the command.
        drawn: text that says how the music was drawn.
        sets: arrays of bars by their titles; the last is the result, and a picture shows all.
        keep: names of the tracks to copy from the song, note by note.
        row: row to print below the statistics.
    """
    from musegen import plots
    from musegen.commands import phrase_format
    from musegen.music import midi
    from musegen.music.phrases import TRACKS

    phrases = {title: bars[None] for title, bars in sets.items()}  # each song as one long phrase
    result = list(phrases.values())[-1]
    score = midi.to_score_like(result[0], args.song, keep=keep)
    outputs.write(
        out,
        score,
        lambda path: phrase_format.write_array(path, result),
        lambda: plots.songs(phrases),
    )
    bars = outputs.counted(result.shape[1], "bar")
    print(f"{outputs.names(out)}: {bars}, in step with {files.shown(args.song)}; {drawn}")
    print(outputs.table(phrase_format.statistics(result) | row, TRACKS))


def play_piece(verb: str, done: str, args: Namespace, out: Sequence[Path]) -> None:
    """Calls a method of a system of notes with a song in any meter, and writes the result.

    Args:
        verb: name of the method.
        done: word for its result in the picture, such as "restored".
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
    both = [replace(piece, name=names[0]), replace(played, name=names[1])]
    print(f"{outputs.names(out)}: {files.shown(args.song)} {done}; {drawn}")
    print(note_format.table(both))
