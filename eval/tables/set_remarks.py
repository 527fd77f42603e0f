"""Remarks about the sets of music in a report, which a reader of its tables needs."""

from collections.abc import Container, Mapping, Sequence

from musegen.data import Data
from musegen.eval.tables.claims import PHRASES
from musegen.eval.tables.measure import SAMPLES
from musegen.eval.tables.suites import SUITES
from musegen.eval.tables.table import CLAIMS, DUET, OF_PAIRS
from musegen.metrics.duet import PAIRS


def remarks(
    sets: Sequence[Data],
    shown: Mapping[str, Container[str]],
    track: str,
    visit: int,
    pair: Sequence[str] | None,
) -> list[str]:
    """Returns all remarks.

    Args:
        sets: the sets that are measured, the data first.
        shown: definitions that are shown, by suite.
        track: track that the suite mgeval measures.
        visit: steps that the definition duet visits, 1 or 4.
        pair: tracks that the suite duet measures, if they are not those of its definitions.
    """
    made = []
    if "mgeval" in shown:
        made.append(
            f"Yang and Lerch's features are those of the {track} track (PCTM, IOI: of all tracks) "
            f"in at most {SAMPLES} phrases of a set, evenly spaced, without those where it is "
            "silent"
        )
    definitions = {name for names in shown.values() for name in names}
    more_tracks = any(len(music.layout.tracks) > 2 for music in sets)
    made += _of_duets(definitions, visit, more_tracks, pair)
    for suite in shown:
        n = SUITES[suite].n_steps
        if n and sets[0].layout.n_steps != n:
            made.append(
                f"suite {suite}: the printed rows are for bars of {n} steps; use --steps {n} to "
                "compare with them"
            )
    steps = {music.name: music.layout.n_steps for music in sets}
    if len(set(steps.values())) > 1:
        bars = ", ".join(f"{name} of {n}" for name, n in steps.items())
        made.append(f"bars differ in steps ({bars}): metrics that count steps do not compare")
    return made


def _of_duets(
    definitions: Container[str], visit: int, more_tracks: bool, pair: Sequence[str] | None
) -> list[str]:
    """Returns remarks about the definitions of the DuetHLSTM report that are shown."""
    made = []
    if "duet" in definitions:
        steps = "every fourth step" if visit == 4 else "all steps but the last"
        made.append(f"definition duet visits {steps} (--visit {visit})")
    pairs = [f"{name} {' and '.join(PAIRS[name])}" for name in DUET if name in definitions]
    if pair and any(name in OF_PAIRS for name in definitions):
        made.append(f"suite duet: the columns piano and strings are {pair[0]} and {pair[1]}")
    elif pairs and more_tracks:
        made.append(
            f"of more than two tracks, two are measured: by {', by '.join(pairs)}, or piano and "
            "strings where one of them is silent"
        )
    if CLAIMS[0] in definitions:
        made.append(
            f"definition {CLAIMS[0]} measures two tracks in bars of 8 steps, at most "
            f"{PHRASES:,} phrases of a set, evenly spaced; of generated sets without their first "
            "half bar, which is given to a system that continues music"
        )
    return made
