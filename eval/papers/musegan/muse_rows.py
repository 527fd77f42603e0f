"""Measurement of sets of phrases by the metrics of the MuseGAN family."""

from collections.abc import Sequence

from musegen.data import Data
from musegen.eval.tables.definition import MeasuringOptions
from musegen.eval.tables.phrase_samples import blocks, in_units
from musegen.eval.tables.report import Row
from musegen.metrics import muse


def rows(
    data: Data, generated: Sequence[Data], definition: str, options: MeasuringOptions
) -> list[Row]:
    """Measures the data, the data with its tracks paired at random, and each generated set."""
    measured = [_measured(data, "data", definition)]
    if definition != "v3":  # v3 has no mean over bars
        measured.append(_shuffled(data, definition))
    return measured + [_measured(music, "generated", definition) for music in generated]


def remarks(
    definitions: Sequence[str], sets: Sequence[Data], options: MeasuringOptions
) -> list[str]:
    return []


def _measured(data: Data, kind: str, definition: str) -> Row:
    values = muse.evaluate(blocks(data, definition), definition, data.layout.tracks)
    if muse.DEFINITIONS[definition].truncated:
        for code in ("UP", "UPC"):
            values[code] = {part: int(value) for part, value in values[code].items()}
    return Row(data.name, kind, len(data), in_units(values))


def _shuffled(data: Data, definition: str) -> Row:
    """Measures the tonal distances of the data with the bars of its tracks paired at random."""
    shuffled = map(muse.shuffled, blocks(data, f"{definition}, shuffled"))
    values = muse.evaluate(shuffled, definition, data.layout.tracks, codes=["TD"])
    return Row(f"{data.name}, shuffled", "data", len(data), in_units(values))
