"""What a file may ask for: every reader keeps to these numbers, and `docs/data.md` states them.

They are checked from headers and counts, before memory is taken, and lie far above any music:
whoever needs more has a file that is damaged, or made to do harm.
"""

from musegen import Error

BEATS = 10_000  # of a song: an hour and a half at 110 beats a minute
RESOLUTION = 960  # steps of a beat
STEPS = 480_000  # of a song, on the grid it is read onto: 200 MB as a five-track roll
SECONDS = 1_000_000  # at which an event of an object stands
NOTES = 500_000  # of a song
CELLS = 5_000_000  # of a song's instruments that are on: 20 voices all through 10,000 beats
MIDI_BYTES = 1 << 21  # a note takes six at least: this is a hundred times a busy song
MEMBERS = 10_000  # of a file of arrays
EXPANDED = 512 << 20  # bytes of all arrays of a song or a shard, or of one array of another file
JSON_BYTES = 1 << 22  # of a manifest, or of the description of a system or model
CORPUS_JSON_BYTES = 1 << 28  # of the tables of a whole corpus
PHRASES = 1 << 20  # of a sparse file
PHRASE_CELLS = 1 << 25  # of a phrase that stands compressed in a file
BLOCK_CELLS = 1 << 28  # of the phrases that are unpacked at a time
SIZE = 1_000_000  # of a layer of a model
WEIGHTS = 4 << 30  # bytes of a model's

HOSTILE = "the file is damaged or hostile"


class Exceeded(ValueError):
    """A claim beyond the budget; its text says which."""


def check(count: int, most: int, what: str) -> None:
    """Raises `Exceeded` if something claims more than it may."""
    if count > most:
        raise Exceeded(f"more than {most:,} {what}, {HOSTILE}")


def check_song(name: str, **counts: int) -> None:
    """Raises an `Error` that names the song if its beats, steps, notes or cells are too many."""
    most = {"beats": BEATS, "steps": STEPS, "notes": NOTES, "cells": CELLS}
    try:
        for what, count in counts.items():
            check(count, most[what], what)
    except Exceeded as error:
        raise Error(f"{name}: {error}") from None
