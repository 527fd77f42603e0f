"""Which tables a report shows, in which definition, with which published rows beside them.

A suite is a paper's tables. It is shown in the definition of the metrics that the paper's words
give and, apart from it, in the one that its code computes: published figures stand only with the
second, or by themselves.
"""

from collections.abc import Sequence
from dataclasses import replace

from musegen import Error
from musegen.eval import papers
from musegen.eval.tables.report import LETTERS, Block, Grid, Metrics, Row
from musegen.eval.tables.table import DUET, MGEVAL, MUSE, Columns, Table

MEANING = {
    "paper": "as the papers' words say: pitch classes are octave classes, a qualified note has 3 "
    "steps, a polyphonic step 3 pitches",
    "v1": "as MuseGAN's code computes: pitch classes are blocks of 7 neighbouring pitches, a "
    "qualified note has 2 steps, a polyphonic step 2 pitches",
    "v2": "as BinaryMuseGAN's code computes: pitch classes are blocks of 8 neighbouring pitches, a "
    "qualified note has 2 steps, a polyphonic step 2 pitches",
    "v3": "as the code of MIDI-Sandwich2 and MuseGAN v3 computes: sums over the whole set; EB is "
    "the share of bars that sound, UPC counts each step at which a block of 8 pitches sounds",
    "duet_fixed": "as the DuetHLSTM report says: NC counts lengths of notes",
    "duet": "as DuetHLSTM's code computes: every fourth step; NC counts pitch classes that end",
    "mgeval": "as the code of Yang and Lerch computes",
    "mgeval_fixed": "as that code means to: bars by the true meter, KLD on points of one range",
}
UNITS = dict.fromkeys(MUSE, "bar") | {"v3": "whole set"}
UNITS |= dict.fromkeys(DUET, "first 20 phrases") | dict.fromkeys(MGEVAL, "phrase")
DISTANCE = "distance"
CODES = {
    "EB": "empty bars",
    "UPC": "pitch classes used in a bar",
    "QN": "qualified notes",
    "PP": "polyphonic steps",
    "SR": "cells in the C major scale",
    "DP": "drum hits on the rhythmic grid",
    "TD": "tonal distance of two tracks",
    "PC": "pitch count",
    "PR": "pitch range",
    "NC": "note count",
    DISTANCE: "mean absolute difference from the first row",
}
FEATURES = {
    "PC": "pitch count",
    "PC/bar": "pitch count of each bar",
    "NC": "note count",
    "NC/bar": "note count of each bar",
    "PCH": "pitch class histogram",
    "PCH/bar": "the same of each bar",
    "PCTM": "pitch class transitions",
    "PR": "pitch range",
    "PI": "mean pitch interval",
    "IOI": "inter-onset interval, s",
    "NLH": "note length histogram",
    "NLTM": "note length transitions",
}


SUITES = {paper.NAME: paper.SUITE for paper in papers.found()}


def choose(suites: Sequence[str] | None, definition: str | None) -> dict[str, tuple[str, ...]]:
    """The definitions that each suite is shown in."""
    if not suites:
        own = [name for name, suite in SUITES.items() if suite.choices not in (MUSE, ())]
        suites = [name for name in own if definition in SUITES[name].choices] or ["musegan"]
    for name in suites:
        if definition and definition not in SUITES[name].choices:
            choices = ", ".join(SUITES[name].choices)
            raise Error(f"suite {name} has no definition {definition}; choose {choices}")
    return {name: (definition,) if definition else SUITES[name].default for name in suites}


def printed(suites: Sequence[str]) -> list[Row]:
    """The published rows of some suites, those of one name from several tables joined."""
    rows: dict[str, Row] = {}
    for table in (table for name in suites for table in SUITES[name].printed):
        for name in table.rows:
            row = Row(f"{table.paper}: {name}", "paper", None, {})
            rows.setdefault(row.name, row).metrics.update(table.metrics(name))
    return list(rows.values())


def grids(suite: str, rows: dict[str, list[Row]]) -> list[Grid]:
    """The tables of a suite.

    Args:
        rows: what was measured, for each definition it is shown in.
    """
    kind = SUITES[suite]
    shown = []
    for table in kind.tables:
        shown += [_grid(table, table.columns, name, rows[name], kind.distances) for name in rows]
        if table.definition not in rows:
            shown.append(_grid(table, table.columns, None, [], kind.distances))
    for columns, table in kind.readings:
        if (own := table.definition) in rows:
            shown.append(_grid(table, columns, own, rows[own], kind.distances))
    return shown


def _grid(
    table: Table, columns: Columns, definition: str | None, rows: list[Row], distances: bool
) -> Grid:
    """What was measured by one definition, the printed rows below it if it made them.

    Args:
        definition: None for the printed rows alone.
    """
    title = f"{table.name}: {table.title}, "
    title += f"by definition {definition}" if definition else "as printed"
    notes = _notes(definition) if definition else []
    blocks = [_measured(rows, columns)] if definition else []
    if definition in (table.definition, None):
        notes.append(f"printed rows: unit {table.unit}; computed by definition {table.definition}")
        blocks.append(_published(table))
    if distances:
        blocks = [_with_distances(block, columns) for block in blocks]
        columns += tuple((DISTANCE, code) for code in dict.fromkeys(code for code, _ in columns))
    return Grid(title, notes, columns, blocks)


def _with_distances(block: Block, columns: Columns) -> Block:
    """Gives each row its distances to the first one, for each metric over the table's columns."""
    reference = block.given[0].metrics

    def measured(row: Row) -> Row:
        found: dict[str, list[float | None]] = {}
        for code, part in columns:
            aim, value = reference[code].get(part), row.metrics[code].get(part)
            if aim is not None:
                found.setdefault(code, []).append(None if value is None else abs(value - aim))
        means = {
            code: None if None in gaps else sum(gaps) / len(gaps) for code, gaps in found.items()
        }
        return replace(row, metrics=row.metrics | {DISTANCE: means})

    return replace(
        block, given=list(map(measured, block.given)), rivals=list(map(measured, block.rivals))
    )


def comparisons(definition: str, rows: list[Row]) -> list[Grid]:
    """A table of features for each generated set beside the data, or for the data alone."""
    data, *generated = rows
    shown = []
    for one in generated or [None]:
        sets = {"data": data} | ({"generated": one} if one else {})
        columns = [(kind, part) for kind in sets for part in ("mean", "std")]
        columns += [(f"{kind} to both", part) for kind in sets if one for part in ("KLD", "OA")]
        features = [
            Row(f"{code} {FEATURES[code]}", "generated", None, _by_set(code, sets, one))
            for code, parts in data.metrics.items()
            if one or not isinstance(parts["mean"], list)
        ]
        title = "Yang and Lerch: " + " beside ".join(row.label for row in reversed(sets.values()))
        notes = [*_notes(definition), "mean, std: over the phrases, of features that are a number"]
        if one:
            notes.append(
                "KLD, OA: divergence and overlap of the distances inside a set and those between "
                "both sets; the smaller KLD and the closer OA to 1, the more alike they are"
            )
        shown.append(Grid(title, notes, tuple(columns), [Block("features", [], features)]))
    return shown


def _by_set(code: str, sets: dict[str, Row], one: Row | None) -> Metrics:
    """One feature: mean and std of each set, KLD and OA of each with the distances between."""
    moments = {kind: row.metrics[code] for kind, row in sets.items()}
    scores = one.metrics[code] if one else {}
    return moments | {
        "data to both": {"KLD": scores.get("KLD data"), "OA": scores.get("OA data")},
        "generated to both": {"KLD": scores.get("KLD"), "OA": scores.get("OA")},
    }


def _notes(definition: str) -> list[str]:
    return [
        f"{definition}: {MEANING[definition]}",
        f"measured rows: unit {UNITS[definition]}; in brackets the number of phrases",
    ]


def footnotes(grids: Sequence[Grid], suites: Sequence[str]) -> list[str]:
    """What the signs, letters and codes of some tables mean, and where printed rows come from."""
    tables = [table for name in suites for table in SUITES[name].printed]
    if not tables:
        return []
    codes = dict.fromkeys(code for grid in grids for code, _ in grid.columns)
    letters = ", ".join(f"{letter} {name}" for name, letter in LETTERS.items())
    return [
        "marked: of the generated sets the closest to the data (first row), of the printed models "
        "the closest to the printed data",
        "; ".join(f"{code} {CODES[code]}" for code in codes if code in CODES),
        f"{letters}; - undefined or not printed",
        *dict.fromkeys(table.citation for table in tables),
    ]


def _measured(rows: list[Row], columns: Columns) -> Block:
    codes = {code for code, _ in columns}
    rows = [row for row in rows if codes & row.metrics.keys()]
    return Block(
        "measured",
        [row for row in rows if row.kind == "data"],
        [row for row in rows if row.kind == "generated"],
    )


def _published(table: Table) -> Block:
    rows = {name: Row(name, "paper", None, table.metrics(name)) for name in table.rows}
    given = [rows.pop(name) for name in (table.reference, *table.unranked)]
    return Block(f"printed in {table.name}", given, list(rows.values()))
