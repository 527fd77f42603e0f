"""Measurement of sets of phrases; each set becomes a row of metrics."""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.data import Data
from musegen.eval.tables.report import Metrics, Row, clean
from musegen.eval.tables.table import CLAIMS, DUET, MGEVAL, MUSE
from musegen.files import shown
from musegen.metrics import PERCENT, duet, mgeval, muse, stats
from musegen.metrics.events import from_phrases

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Phrases that are measured: those of the original code, whose counts grow with their number, and
# the 200 bars of the report.
DUET_PHRASES = {"duet": 20, "duet_fixed": 50}
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LENGTHS = ("eighth", "quarter", "dotted quarter", "half", "dotted half", "whole")
SAMPLES = 200  # phrases of a set that Yang and Lerch's features compare, at most
SHORT = {  # the functions of `musegen.metrics.mgeval` by their codes
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
PATIENCE = 2.0  # seconds until progress is shown


def measure(
    data: Data, generated: Sequence[Data], definition: str, track: str = "piano", visit: int = 1
) -> list[Row]:
    """Measures the data and each generated set by one definition.

    Args:
        data: data set to compare with.
        generated: generated sets.
        definition: name of a definition of the metrics.
        track: name of the track of Yang and Lerch's features.
        visit: steps that the definition `"duet"` visits; see `musegen.metrics.duet`.

    Returns:
        A row for each set, in percent where the papers print percent.
    """
    if definition in MGEVAL:
        return _mgeval(data, generated, definition, track)
    if definition in CLAIMS:
        from musegen.eval.tables import claims

        return claims.rows(data, generated)
    measure_set = partial(_duet, visit=visit) if definition in DUET else _muse
    rows = [measure_set(data, "data", definition)]
    if definition in MUSE and definition != "v3":  # v3 has no mean over bars
        rows.append(_shuffled(data, definition))
    return rows + [measure_set(music, "generated", definition) for music in generated]


def _muse(data: Data, kind: str, definition: str) -> Row:
    """Measures a set by the metrics of the MuseGAN family."""
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


def _duet(data: Data, kind: str, definition: str, visit: int) -> Row:
    """Measures a set by the statistics of the DuetHLSTM report."""
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


def _mgeval(data: Data, generated: Sequence[Data], definition: str, track: str) -> list[Row]:
    """Measures mean and deviation of Yang and Lerch's features, and KLD and OA with the data."""
    data_features = _features(data, definition, track)
    metrics = _mean_and_std(data_features)
    rows = [Row(data.name, "data", len(data_features["PC"]), in_units(metrics))]
    for music in generated:
        features = _features(music, definition, track)
        metrics = _mean_and_std(features)
        for code, result in stats.compare(features, data_features, definition).items():
            (kld, kld_data), (oa, oa_data) = result.kld, result.oa
            metrics[code] |= {"KLD": kld, "OA": oa, "KLD data": kld_data, "OA data": oa_data}
        rows.append(Row(music.name, "generated", len(features["PC"]), in_units(metrics)))
    return rows


def distances(data: Data, music: Data, definition: str, track: str) -> "Figure":
    """Draws Yang and Lerch's densities of the distances within each set and between the two."""
    from musegen.plots import histograms

    sets = (_features(one, definition, track) for one in (music, data))
    return histograms.yang_lerch(stats.compare(*sets, definition).values(), (music.name, data.name))


@cache
def _features(data: Data, definition: str, track: str) -> dict[str, np.ndarray]:
    """Measures Yang and Lerch's features of at most `SAMPLES` phrases, by their codes."""
    layout = data.layout
    samples = from_phrases(evenly_spaced(data, SAMPLES, "mgeval"), track, layout.tracks)
    features, left_out = mgeval.measure(samples, num_bar=layout.n_bars, definition=definition)
    kept = len(features["pitch_range"])
    if kept < 2:
        reason = f" ({left_out[0]})" if left_out else ""
        raise Error(
            f"{data.name}: {kept} of {kept + len(left_out)} phrases can be measured by their "
            f"{track}, two are needed{reason}; give another --track"
        )
    return {code: features[name] for code, name in SHORT.items()}


def _mean_and_std(features: dict[str, np.ndarray]) -> dict[str, dict]:
    """Returns mean and standard deviation over the samples of each feature."""
    return {
        code: {"mean": values.mean(axis=0), "std": values.std(axis=0)}
        for code, values in features.items()
    }


def evenly_spaced(data: Data, n: int, what: str) -> np.ndarray:
    """Returns at most `n` phrases, evenly spaced.

    Args:
        data: data set from which they are taken.
        n: number of phrases.
        what: purpose of the phrases, which is shown if reading takes long.
    """
    chosen = spaced(len(data), n)
    parts, start = [], 0
    for block in blocks(data, what):
        in_block = chosen[(chosen >= start) & (chosen < start + len(block))]
        parts.append(block[in_block - start])
        start += len(block)
    return np.concatenate(parts)


def spaced(size: int, n: int) -> np.ndarray:
    """Returns the numbers of at most `n` of `size` examples, evenly spaced."""
    return np.unique(np.linspace(0, size - 1, n).astype(int))


def in_units(values: dict) -> Metrics:
    """Converts the codes in `PERCENT` to percent, and undefined values to None."""
    return {
        code: {
            part: clean(round(100 * value, 9) if code in PERCENT else value)
            for part, value in parts.items()
        }
        for code, parts in values.items()
    }


def blocks(data: Data, what: str) -> Iterator[np.ndarray]:
    """Yields the phrases in blocks; if that takes long, it prints their number on stderr."""
    begin, done = time.monotonic(), 0
    for block in data.blocks():
        yield block
        done += len(block)
        if time.monotonic() - begin > PATIENCE:
            line = f"\r{shown(data.name)}, {what}: {done:,} of {len(data):,} phrases"
            print(line, end="\n" * (done == len(data)), file=sys.stderr, flush=True)
