"""Tables and pictures that compare sets of music by the features of Yang and Lerch."""

from typing import TYPE_CHECKING

from musegen.data import Data
from musegen.eval.papers.yang_lerch import DEFINITIONS, FEATURES
from musegen.eval.papers.yang_lerch.feature_rows import features
from musegen.eval.tables.definition import MeasuringOptions
from musegen.eval.tables.report import Block, Grid, Metrics, Row
from musegen.metrics import stats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BY_NAME = {own.name: own for own in DEFINITIONS}


def grids(definition: str, rows: list[Row], unit: str | None = None) -> list[Grid]:
    """Makes a table of features for each generated set beside the data, or for the data alone.

    Args:
        definition: name of the definition.
        rows: measured rows, that of the data first.
        unit: name of a sample of a set; by default that of the definition.
    """
    data, *generated = rows
    shown = []
    for other in generated or [None]:
        sets = {"data": data} | ({"generated": other} if other else {})
        columns = [(kind, part) for kind in sets for part in ("mean", "std")]
        columns += [(f"{kind} to both", part) for kind in sets if other for part in ("KLD", "OA")]
        compared = [
            Row(f"{code} {FEATURES[code]}", "generated", None, _by_set(code, sets, other))
            for code, parts in data.metrics.items()
            if other or not isinstance(parts["mean"], list)
        ]
        title = "Yang and Lerch: " + " beside ".join(row.label for row in reversed(sets.values()))
        notes = [
            *BY_NAME[definition].notes(unit),
            "mean, std: over the set, for features that are a number",
        ]
        if other:
            notes.append(
                "KLD, OA: divergence and overlap of the distances within a set and between both "
                "sets; the smaller KLD and the closer OA to 1, the more similar are the sets"
            )
        shown.append(Grid(title, notes, tuple(columns), [Block("features", [], compared)]))
    return shown


def picture(data: Data, music: Data, definition: str, options: MeasuringOptions) -> "Figure":
    """Draws the densities of the distances within each set and between the two."""
    from musegen.plots import histograms

    sets = (features(one, definition, options.track) for one in (music, data))
    return histograms.yang_lerch(stats.compare(*sets, definition).values(), (music.name, data.name))


def _by_set(code: str, sets: dict[str, Row], generated: Row | None) -> Metrics:
    """Returns the values of a feature: mean and std, KLD and OA of each set."""
    values = {kind: row.metrics[code] for kind, row in sets.items()}
    scores = generated.metrics[code] if generated else {}
    return values | {
        "data to both": {"KLD": scores.get("KLD data"), "OA": scores.get("OA data")},
        "generated to both": {"KLD": scores.get("KLD"), "OA": scores.get("OA")},
    }
