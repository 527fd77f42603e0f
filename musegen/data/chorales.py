"""Reads the chorales of J. S. Bach from the JSON file in which they are passed around.

`jsb-chorales-16th.json` holds a list of chorales under each of `train`, `valid` and `test`. A
chorale is a list of steps of a sixteenth, and a step is the list of the pitches that sound in it,
in the order of the voices: soprano, alto, tenor, bass. Voices cross, so the lists are not sorted. A
list of fewer than four pitches leaves the last voices out, and a pitch of 0, -1, NaN or null is a
rest, as other editions have it.

Equal pitches of a voice in consecutive steps are one note, because the file does not tell repeated
notes from held ones.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from musegen import budget, reading
from musegen.data.corpora import CORPORA
from musegen.music.piece import Part, Piece, note_array

STEPS_PER_QUARTER = 4
VOICES = ("soprano", "alto", "tenor", "bass")
SPLITS = {"train": "train", "valid": "val", "test": "test"}  # those of the file, and ours
REMEDY = f"fetch jsb-chorales-16th.json again, from {CORPORA['jsb'].found}"


def read(path: str | Path) -> dict[str, list[Piece]]:
    """Returns the chorales of a JSON file by split, each as a piece with a part for each voice.

    Pieces have four ticks a quarter, the meter 4/4 and no tempo. A chorale in which every voice
    is silent is a piece without notes.
    """
    content = reading.read_json(path, REMEDY)
    with reading.damaged(path, "holds no chorales", REMEDY):
        if not content or content.keys() - SPLITS.keys():
            held = ", ".join(list(content)[:5]) or "nothing"
            raise ValueError(f"it has {held}, and not {', '.join(SPLITS)}")
        return {
            split: [
                _piece(f"chorale {k} of {split}", steps)
                for k, steps in enumerate(content.get(name, ()), 1)
            ]
            for name, split in SPLITS.items()
        }


def _piece(name: str, steps: Sequence[Sequence[float | None]]) -> Piece:
    """Returns one chorale as a piece; a `ValueError` says what is wrong with its steps."""
    budget.check(len(steps), budget.BEATS * STEPS_PER_QUARTER, f"steps of {name}")
    roll = _roll(name, steps)
    # A note or a rest begins where the pitch of its voice changes, and ends where it changes again.
    # Each voice is silent before the first step and after the last: no note is the last change.
    voice, onset = np.nonzero(np.diff(roll, axis=1, prepend=0, append=0))
    pitch, end = np.pad(roll, ((0, 0), (0, 1)))[voice, onset], np.roll(onset, -1)
    sounds = pitch > 0
    onset, end, pitch, voice = (column[sounds] for column in (onset, end, pitch, voice))
    return Piece(
        name=name,
        ticks_per_quarter=STEPS_PER_QUARTER,
        notes=note_array(onset, end - onset, pitch, part=voice),
        parts=tuple(Part(name=voice) for voice in VOICES),
        meters=((0, 4, 4),),
        length=len(steps),
    )


def _roll(name: str, steps: Sequence[Sequence[float | None]]) -> np.ndarray:
    """Returns the pitch of each voice in each step, int64 `(4, steps)`; 0 is a rest."""
    if not {type(step) for step in steps} <= {list}:
        raise ValueError(f"a step of {name} is no list of pitches")
    counts, flat = np.array([len(step) for step in steps], int), [*chain.from_iterable(steps)]
    if counts.max(initial=0) > len(VOICES):
        raise ValueError(f"a step of {name} has {counts.max()} pitches, and there are four voices")
    if not {type(pitch) for pitch in flat} <= {int, float, type(None)}:
        raise ValueError(f"a pitch of {name} is no number")
    pitches = np.array(flat, float)  # None becomes NaN
    pitches = np.where(np.isnan(pitches), 0, pitches)
    pitches = reading.finite(pitches, f"a pitch of {name}", -1, 127)
    if (pitches % 1).any():
        raise ValueError(f"a pitch of {name} is no whole number")
    roll = np.zeros((len(VOICES), len(steps)), np.int64)
    step = np.repeat(np.arange(len(steps)), counts)
    voice = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    roll[voice, step] = np.maximum(pitches, 0)
    return roll
