"""Measurement of sets of phrases by the statistics of the DuetHLSTM report."""

from collections.abc import Sequence

import numpy as np

from musegen.data import Data
from musegen.eval.tables.definition import MeasuringOptions
from musegen.eval.tables.evaluated import of_pair
from musegen.eval.tables.phrase_samples import in_units
from musegen.eval.tables.report import PITCH_CLASSES, Row
from musegen.metrics import duet

# Phrases that are measured: those of the original code, whose counts grow with their number, and
# the 200 bars of the report.
DUET_PHRASES = {"duet": 20, "duet_fixed": 50}
LENGTHS = ("eighth", "quarter", "dotted quarter", "half", "dotted half", "whole")


def rows(
    data: Data, generated: Sequence[Data], definition: str, options: MeasuringOptions
) -> list[Row]:
    """Measures the first phrases of the data and of each generated set."""
    sets = [(data, "data"), *((music, "generated") for music in generated)]
    return [
        _measured(of_pair(music, options.tracks), kind, definition, options.visit)
        for music, kind in sets
    ]


def remarks(
    definitions: Sequence[str], sets: Sequence[Data], options: MeasuringOptions
) -> list[str]:
    """Returns which steps and which tracks are measured."""
    made = []
    if "duet" in definitions:
        steps = "every fourth step" if options.visit == 4 else "all steps but the last"
        made.append(f"definition duet visits {steps} (--visit {options.visit})")
    pairs = [f"{name} {' and '.join(duet.PAIRS[name])}" for name in definitions]
    if options.tracks:
        made.append(of_chosen_pair(options.tracks))
    elif any(len(music.layout.tracks) > 2 for music in sets):
        made.append(
            f"of more than two tracks, two are measured: by {', by '.join(pairs)}, or piano and "
            "strings where one of them is silent"
        )
    return made


def of_chosen_pair(tracks: Sequence[str]) -> str:
    """Returns the remark about tracks that are not those of the definition."""
    return f"suite duet: the columns piano and strings are {tracks[0]} and {tracks[1]}"


def _measured(data: Data, kind: str, definition: str, visit: int) -> Row:
    phrases = next(data.blocks(DUET_PHRASES[definition]))
    pair = _pair(phrases, definition, data.layout.tracks)
    values = duet.evaluate(phrases, definition, data.layout.tracks, pair, visit)
    parts = {"PCH": PITCH_CLASSES, "PCTM": PITCH_CLASSES, "NLH": LENGTHS, "NCTM": LENGTHS}
    metrics = {
        code: dict(zip(parts[code], value, strict=True)) if code in parts else {"both": value}
        for code, value in values.items()
    }
    return Row(data.name, kind, len(phrases), in_units(metrics))


def _pair(phrases: np.ndarray, definition: str, tracks: Sequence[str]) -> Sequence[str] | None:
    """Returns the two tracks to measure; None for those of the definition.

    Where a track of the definition is silent, piano and strings are measured: systems of two tracks
    leave the others silent.
    """
    if len(tracks) == 2:
        return None
    sounds = dict(zip(tracks, phrases.any(axis=(0, 1, 2, 3)), strict=True))
    silent = not all(sounds.get(name, True) for name in duet.PAIRS[definition])
    return duet.PAIRS["duet_fixed"] if silent else None
