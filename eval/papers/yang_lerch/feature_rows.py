"""Measurement of sets of phrases by the features of Yang and Lerch."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from musegen import Error
from musegen.data import Data
from musegen.eval.papers.yang_lerch import FUNCTIONS
from musegen.eval.tables.definition import MeasuringOptions
from musegen.eval.tables.phrase_samples import evenly_spaced, in_units
from musegen.eval.tables.report import Row
from musegen.metrics import mgeval, stats
from musegen.metrics.events import from_phrases

SAMPLES = 200  # phrases of a set that are compared, at most


def rows(
    data: Data, generated: Sequence[Data], definition: str, options: MeasuringOptions
) -> list[Row]:
    """Measures mean and deviation of each feature; of generated sets also KLD and OA."""
    data_features = features(data, definition, options.track)
    metrics = _mean_and_std(data_features)
    measured = [Row(data.name, "data", len(data_features["PC"]), in_units(metrics))]
    for music in generated:
        own = features(music, definition, options.track)
        metrics = _mean_and_std(own)
        for code, result in stats.compare(own, data_features, definition).items():
            (kld, kld_data), (oa, oa_data) = result.kld, result.oa
            metrics[code] |= {"KLD": kld, "OA": oa, "KLD data": kld_data, "OA data": oa_data}
        measured.append(Row(music.name, "generated", len(own["PC"]), in_units(metrics)))
    return measured


def remarks(
    definitions: Sequence[str], sets: Sequence[Data], options: MeasuringOptions
) -> list[str]:
    """Returns of which phrases and which track the features are."""
    return [
        f"Yang and Lerch's features are those of the {options.track} track (PCTM, IOI: of all "
        f"tracks) in at most {SAMPLES} phrases of a set, evenly spaced, without those where it is "
        "silent"
    ]


@cache
def features(data: Data, definition: str, track: str) -> dict[str, np.ndarray]:
    """Measures the features of at most `SAMPLES` phrases, by their codes."""
    layout = data.layout
    samples = from_phrases(evenly_spaced(data, SAMPLES, "mgeval"), track, layout.tracks)
    found, left_out = mgeval.measure(samples, num_bar=layout.n_bars, definition=definition)
    kept = len(found["pitch_range"])
    if kept < 2:
        reason = f" ({left_out[0]})" if left_out else ""
        raise Error(
            f"{data.name}: {kept} of {kept + len(left_out)} phrases can be measured by their "
            f"{track}, two are needed{reason}; give another --track"
        )
    return {code: found[name] for code, name in FUNCTIONS.items()}


def _mean_and_std(values: dict[str, np.ndarray]) -> dict[str, dict]:
    """Returns mean and standard deviation over the samples of each feature."""
    return {
        code: {"mean": own.mean(axis=0), "std": own.std(axis=0)} for code, own in values.items()
    }
