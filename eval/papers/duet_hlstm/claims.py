"""Measurement of what the DuetHLSTM report claims in words, of the data and of generated sets."""

from collections.abc import Sequence

import numpy as np

from musegen import Error
from musegen.data import Data
from musegen.eval.papers.duet_hlstm.duet_rows import of_chosen_pair
from musegen.eval.tables.definition import MeasuringOptions
from musegen.eval.tables.evaluated import of_pair
from musegen.eval.tables.phrase_samples import blocks, evenly_spaced, in_units, spaced
from musegen.eval.tables.report import Row
from musegen.metrics import duet_claims
from musegen.metrics.duet_claims import N_STEPS, PAIR, SEED

PHRASES = 1000  # phrases of a set that are measured, at most; the published samples have as many
Metrics = dict[str, dict[str, float]]


def rows(
    data: Data, generated: Sequence[Data], definition: str, options: MeasuringOptions
) -> list[Row]:
    """Measures the data and each generated set.

    All bars become bars of eight steps. Of generated sets the first half bar does not count: in
    phrases of a system that continues music it is given.

    Returns:
        A row for each set.
    """
    sets = [of_pair(music, options.tracks) for music in (data, *generated)]
    chosen = [_rolls(music, evenly_spaced(music, PHRASES, "duet_claims")) for music in sets]
    apart = _distances(sets[0], chosen)
    return [
        Row(
            music.name,
            "generated" if k else "data",
            len(rolls),
            in_units(measured(rolls, SEED if k else 0) | {"differ": apart[k]}),
        )
        for k, (music, rolls) in enumerate(zip(sets, chosen, strict=True))
    ]


def remarks(
    definitions: Sequence[str], sets: Sequence[Data], options: MeasuringOptions
) -> list[str]:
    """Returns of which phrases, tracks and steps the figures are."""
    made = [of_chosen_pair(options.tracks)] if options.tracks else []
    return [
        *made,
        f"definition {definitions[0]} measures two tracks in bars of 8 steps, at most "
        f"{PHRASES:,} phrases of a set, evenly spaced; of generated sets without their first "
        "half bar, which is given to a system that continues music",
    ]


def measured(rolls: np.ndarray, start: int) -> Metrics:
    """Measures all but distances; `start` is the first step that counts."""
    both = {
        "unchanged": duet_claims.unchanged(rolls, start),
        "density": duet_claims.density(rolls, start),
        "silent": duet_claims.silent(rolls, start),
        "notes": duet_claims.sounding_notes(rolls, start),
        "most": duet_claims.most_notes(rolls, start).tolist(),
    }
    return {
        "consonant": _named(("pairs", "chance"), duet_claims.consonance(rolls, start)),
        "unison": _named(("pairs", "chance"), duet_claims.unison(rolls, start)),
        "onsets": _named(("shared", "chance"), duet_claims.shared_onsets(rolls, start)),
        "copying": _named(("both", *PAIR), duet_claims.copying(rolls)),
        **{code: _named(PAIR, values) for code, values in both.items()},
        "bursts": {"phrases": duet_claims.bursts(rolls, start)},
    }


def _named(parts: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return dict(zip(parts, values, strict=True))


def _rolls(data: Data, phrases: np.ndarray) -> np.ndarray:
    try:
        return duet_claims.rolls(phrases, data.layout.tracks)
    except Error as error:
        raise Error(
            f"{data.name}: {error}; definition duet_claims needs piano and strings, in bars of a "
            f"multiple of {N_STEPS} steps"
        ) from None


def _distances(data: Data, sets: Sequence[np.ndarray]) -> list[dict[str, float]]:
    """Measures the mean distance of phrases to their originals and to the nearest ones of the data.

    Args:
        data: the data.
        sets: rolls of each set; the first are those of the data, which are not compared with
            themselves.
    """
    nearest = [np.full(len(rolls), np.inf) for rolls in sets]
    own = [np.full(len(rolls), np.nan) for rolls in sets]
    comparable = [k for k, rolls in enumerate(sets) if rolls.shape[1:] == sets[0].shape[1:]]
    places, first = spaced(len(data), PHRASES), 0
    for block in blocks(data, "distances"):
        others = _rolls(data, block)
        for k in comparable:
            apart = duet_claims.distances(sets[k], others)
            if k:
                place = duet_claims.originals(sets[k], others)
                new = np.flatnonzero((place >= 0) & np.isnan(own[k]))
                own[k][new] = apart[new, place[new]]
            else:
                here = np.flatnonzero((places >= first) & (places < first + len(others)))
                apart[here, places[here] - first] = np.inf
            nearest[k] = np.minimum(nearest[k], apart.min(axis=1))
        first += len(others)
    return [
        {"original": _mean(own[k]), "nearest": _mean(np.where(np.isinf(far), np.nan, far))}
        for k, far in enumerate(nearest)
    ]


def _mean(values: np.ndarray) -> float:
    """Returns the mean of the defined values; NaN if there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else np.nan
