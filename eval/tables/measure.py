"""Measures sets of phrases, one row of metrics each."""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.data import Data
from musegen.eval.tables.report import Metrics, Row, clean
from musegen.eval.tables.table import DUET, MGEVAL, MUSE
from musegen.files import shown
from musegen.metrics import PERCENT, duet, mgeval, muse, stats
from musegen.metrics.events import from_phrases

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DUET_PHRASES = 20  # as in the published code: its counts grow with the number of phrases
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LENGTHS = ("eighth", "quarter", "dotted quarter", "half", "dotted half", "whole")
SAMPLES = 200  # phrases of a set that are compared with each other
SHORT = {
    "PC": "total_used_pitch",
    "PC/bar": "bar_used_pitch",
    "NC": "total_used_note",
    "NC/bar": "bar_used_note",
    "PCH": "total_pitch_class_histogram",
    "PCH/bar": "bar_pitch_class_histogram",
    "PCTM": "pitch_class_transition_matrix",
    "PR": "pitch_range",
    "PI": "avg_pitch_shift",
    "IOI": "avg_IOI",
    "NLH": "note_length_hist",
    "NLTM": "note_length_transition_matrix",
}
PATIENCE = 2.0  # seconds until the number of phrases read is shown


def measure(
    data: Data, generated: Sequence[Data], definition: str, track: str = "piano"
) -> list[Row]:
    """A row for the data and for each generated set, in percent where the papers print percent."""
    if definition in MGEVAL:
        return _compare(data, generated, definition, track)
    of_set = _duet if definition in DUET else _muse
    rows = [of_set(data, "data", definition)]
    if definition in MUSE and definition != "v3":  # v3 has no mean over bars
        rows.append(_shuffled(data, definition))
    return rows + [of_set(one, "generated", definition) for one in generated]


def _muse(data: Data, kind: str, definition: str) -> Row:
    values = muse.evaluate(_blocks(data, definition), definition, data.layout.tracks)
    if muse.DEFINITIONS[definition].truncated:
        for code in ("UP", "UPC"):
            values[code] = {part: int(value) for part, value in values[code].items()}
    return Row(data.name, kind, len(data), _in_units(values))


def _shuffled(data: Data, definition: str) -> Row:
    """The tonal distances of the data when the bars of its tracks are paired at random."""
    blocks = map(muse.shuffled, _blocks(data, f"{definition}, shuffled"))
    values = muse.evaluate(blocks, definition, data.layout.tracks, codes=["TD"])
    return Row(f"{data.name}, shuffled", "data", len(data), _in_units(values))


def _duet(data: Data, kind: str, definition: str) -> Row:
    phrases = next(data.blocks(DUET_PHRASES))
    values = duet.evaluate(phrases, definition, data.layout.tracks)
    parts = {"PCH": PITCH_CLASSES, "PCTM": PITCH_CLASSES, "NLH": LENGTHS, "NCTM": LENGTHS}
    metrics = {
        code: dict(zip(parts[code], value, strict=True)) if code in parts else {"both": value}
        for code, value in values.items()
    }
    return Row(data.name, kind, len(phrases), _in_units(metrics))


def _compare(data: Data, generated: Sequence[Data], definition: str, track: str) -> list[Row]:
    """Mean and deviation of each feature; KLD and OA of each generated set with the data."""
    of_data = _features(data, definition, track)
    rows = [Row(data.name, "data", len(of_data["PC"]), _in_units(_moments(of_data)))]
    for one in generated:
        of_one = _features(one, definition, track)
        metrics = _moments(of_one)
        for code, result in stats.compare(of_one, of_data, definition).items():
            (kld, kld_data), (oa, oa_data) = result.kld, result.oa
            metrics[code] |= {"KLD": kld, "OA": oa, "KLD data": kld_data, "OA data": oa_data}
        rows.append(Row(one.name, "generated", len(of_one["PC"]), _in_units(metrics)))
    return rows


def distances(data: Data, one: Data, definition: str, track: str) -> "Figure":
    """Yang and Lerch's picture: the distances within each set and between the two."""
    from musegen.plots import histograms

    sets = (_features(each, definition, track) for each in (one, data))
    return histograms.yang_lerch(stats.compare(*sets, definition).values(), (one.name, data.name))


@cache
def _features(data: Data, definition: str, track: str) -> dict[str, np.ndarray]:
    """The features of some phrases, by their short names."""
    layout = data.layout
    samples = from_phrases(evenly_spaced(data, SAMPLES, "mgeval"), track, layout.tracks)
    features, left_out = mgeval.measure(samples, num_bar=layout.n_bars, definition=definition)
    kept = len(features["pitch_range"])
    if kept < 2:
        why = f"; of the others: {left_out[0]}" if left_out else ""
        raise Error(
            f"{data.name}: {kept} of {kept + len(left_out)} phrases can be measured by their "
            f"{track}, two are needed{why}; --track names another"
        )
    return {code: features[name] for code, name in SHORT.items()}


def _moments(features: dict[str, np.ndarray]) -> dict[str, dict]:
    return {
        code: {"mean": values.mean(axis=0), "std": values.std(axis=0)}
        for code, values in features.items()
    }


def evenly_spaced(data: Data, n: int, what: str) -> np.ndarray:
    """At most `n` phrases, evenly spaced; `what` they are for is shown if it takes long."""
    wanted = np.unique(np.linspace(0, len(data) - 1, n).astype(int))
    picked, start = [], 0
    for block in _blocks(data, what):
        here = wanted[(wanted >= start) & (wanted < start + len(block))]
        picked.append(block[here - start])
        start += len(block)
    return np.concatenate(picked)


def _in_units(values: dict) -> Metrics:
    """EB, QN, PP, SR and DP in percent; None for what is undefined."""
    return {
        code: {
            part: clean(round(100 * value, 9) if code in PERCENT else value)
            for part, value in parts.items()
        }
        for code, parts in values.items()
    }


def _blocks(data: Data, what: str) -> Iterator[np.ndarray]:
    """The phrases piece by piece; if that takes long, their number on stderr."""
    begin, done = time.monotonic(), 0
    for block in data.blocks():
        yield block
        done += len(block)
        if time.monotonic() - begin > PATIENCE:
            line = f"\r{shown(data.name)}, {what}: {done:,} of {len(data):,} phrases"
            print(line, end="\n" * (done == len(data)), file=sys.stderr, flush=True)
