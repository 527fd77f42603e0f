"""Limits on the content of files; every reader checks them, and `docs/data.md` lists them.

They are checked with headers and counts, before memory is allocated. All are far above what music
needs, so a file that exceeds one is damaged or made to do harm.
"""

from musegen import Error

BEATS = 10_000  # beats of a song: an hour and a half at 110 beats a minute
RESOLUTION = 960  # steps of a beat
STEPS = 480_000  # steps of a song on its grid: 200 MB as a five-track roll
SECONDS = 1_000_000  # time of an event in an object of another library
NOTES = 500_000  # notes of a song
CELLS = 5_000_000  # on-cells of a song's instruments: 20 voices throughout 10,000 beats
MIDI_BYTES = 1 << 21  # bytes of a MIDI file: a note takes at least six
MEMBERS = 10_000  # members of a file of arrays
EXPANDED = 512 << 20  # bytes of all arrays of a song or a shard, or of one array of another file
JSON_BYTES = 1 << 22  # bytes of a manifest, or of the description of a system or model
CORPUS_JSON_BYTES = 1 << 28  # bytes of the tables of a whole corpus
PHRASES = 1 << 20  # phrases of a sparse file
PHRASE_CELLS = 1 << 25  # cells of a phrase that is compressed in a file
BLOCK_CELLS = 1 << 28  # cells of the phrases that are unpacked at a time
SIZE = 1_000_000  # any size of a layer in the description of a model
WEIGHTS = 4 << 30  # bytes of the weights of a model

HOSTILE = "the file is damaged or hostile"


class Exceeded(ValueError):
    """A limit is exceeded; the text says which."""


def check(count: int, most: int, what: str) -> None:
    """Raises `Exceeded` if a count is above its limit.

    Args:
        count: number that the file has or claims.
        most: limit.
        what: name of what is counted, for the message.
    """
    if count > most:
        raise Exceeded(f"more than {most:,} {what}, {HOSTILE}")


def check_song(name: str, **counts: int) -> None:
    """Raises an `Error` that names the song if its beats, steps, notes or cells are too many."""
    limits = {"beats": BEATS, "steps": STEPS, "notes": NOTES, "cells": CELLS}
    try:
        for what, count in counts.items():
            check(count, limits[what], what)
    except Exceeded as error:
        raise Error(f"{name}: {error}") from None
