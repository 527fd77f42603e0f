"""The tables that a report shows, with the published rows beside the measured ones.

A suite is the tables of a paper. Each table is shown twice: by the definition of the metrics in the
text of the paper, and by the definition in its code. Published values are shown only with the
definition that computed them, or in a table of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from musegen import Error
from musegen.eval import papers
from musegen.eval.tables.report import LETTERS, Block, Grid, Metrics, Row
from musegen.eval.tables.table import MGEVAL, MUSE, SEGMENTS, Columns, Table

MEANING = {
    "paper": "as the text of the papers says: pitch classes are octave classes, a qualified note "
    "has 3 steps, a polyphonic step 3 pitches",
    "v1": "as MuseGAN's code computes: pitch classes are blocks of 7 neighbouring pitches, a "
    "qualified note has 2 steps, a polyphonic step 2 pitches",
    "v2": "as BinaryMuseGAN's code computes: pitch classes are blocks of 8 neighbouring pitches, a "
    "qualified note has 2 steps, a polyphonic step 2 pitches",
    "v3": "as the code of MIDI-Sandwich2 and MuseGAN v3 computes: sums over the whole set; EB is "
    "the share of bars that sound, UPC counts each step at which a block of 8 pitches sounds",
    "duet_fixed": "as the DuetHLSTM report says: NC counts lengths of notes",
    "duet": "as DuetHLSTM's code computes: NC counts pitch classes that end",
    "duet_claims": "what the DuetHLSTM report says in words, by measures of musegen's own",
    "mgeval": "as the code of Yang and Lerch computes",
    "mgeval_fixed": "that code without its mistakes: bars by the true meter, KLD on common points",
    "segments": "each segment of 100 notes of the data is reconstructed by the system",
}
UNITS = dict.fromkeys(MUSE, "bar") | {"v3": "whole set"}
UNITS |= {"duet": "first 20 phrases", "duet_fixed": "first 50 phrases"}
UNITS |= {"duet_claims": "eighth of a bar"} | dict.fromkeys(MGEVAL, "phrase")
UNITS |= dict.fromkeys(SEGMENTS, "segment of 100 notes")
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
    "consonant": "pairs of a note of the piano and one of the strings that are an octave, third, "
    "fourth, fifth or sixth apart; chance: the same over phrases of which the piano of one is "
    "heard with the strings of another",
    "unison": "such pairs of the same pitch class",
    "onsets": "steps at which a note of the strings begins where one of the piano begins, too; "
    "chance: all steps at which one of the piano begins",
    "unchanged": "steps that sound as the step before",
    "copying": "F1 of notes if each step is predicted to be like the one before",
    "differ": "Hamming distance: cells of a phrase from its second half bar on that differ from "
    "the phrase of the data with the same first half bar, and from the nearest other phrase of "
    "the data",
    "density": "cells that are on",
    "silent": "steps without a note",
    "notes": "notes of a step that sounds",
    "most": "most notes of one step",
    "bursts": "phrases with more than ten notes in a step of a track",
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
    "NO": "notes at once",
}


SUITES = {paper.NAME: paper.SUITE for paper in papers.found()}


def choose(suites: Sequence[str] | None, definition: str | None) -> dict[str, tuple[str, ...]]:
    """Returns the suites to show, and the definitions by which each is shown.

    Args:
        suites: names of the suites; by default the one that alone has the definition, or musegan.
        definition: name of the only definition; by default the suite's own ones.
    """
    if not suites:
        others = [name for name, suite in SUITES.items() if suite.choices not in (MUSE, ())]
        suites = [name for name in others if definition in SUITES[name].choices] or ["musegan"]
    of_notes = [name for name in suites if SUITES[name].music == "notes"]
    if of_notes and len(set(suites)) > 1:
        raise Error(f"suite {of_notes[0]}: measures notes; show it without other suites")
    for name in suites:
        if definition and definition not in SUITES[name].choices:
            choices = ", ".join(SUITES[name].choices)
            raise Error(f"suite {name} has no definition {definition}; choose {choices}")
    return {name: (definition,) if definition else SUITES[name].default for name in suites}


def music(suites: Iterable[str]) -> str:
    """Returns the kind of music that some suites measure, `"phrases"` or `"notes"`."""
    return SUITES[next(iter(suites))].music


def printed(suites: Sequence[str]) -> list[Row]:
    """Returns the published rows of some suites; rows of the same name are joined."""
    rows: dict[str, Row] = {}
    for table in (table for name in suites for table in SUITES[name].printed):
        for name in table.rows:
            of = table.name if table.computed else table.paper
            row = Row(f"{of}: {name}", "paper", None, {})
            rows.setdefault(row.name, row).metrics.update(table.metrics(name))
    return list(rows.values())


def grids(suite: str, rows: dict[str, list[Row]]) -> list[Grid]:
    """Makes the tables of a suite.

    Args:
        suite: name of the suite.
        rows: measured rows by definition.
    """
    distances = SUITES[suite].distances
    shown = []
    for table in SUITES[suite].tables:
        codes = {code for code, _ in table.columns}
        measured = [name for name in rows if any(codes & row.metrics.keys() for row in rows[name])]
        for name in measured:
            grid = _grid(table, table.columns, name, rows[name], distances)
            grid.blocks.extend(
                published(other)
                for other in SUITES[suite].beside
                if (other.columns, other.definition) == (table.columns, name)
            )
            shown.append(grid)
        if table.definition not in rows:
            shown.append(_grid(table, table.columns, None, [], distances))
    for columns, table in SUITES[suite].readings:
        if (name := table.definition) in rows:
            shown.append(_grid(table, columns, name, rows[name], distances))
    return shown


def _grid(
    table: Table, columns: Columns, definition: str | None, rows: list[Row], distances: bool
) -> Grid:
    """Makes a table of the rows that were measured by one definition.

    The printed rows follow if they were computed by the same definition.

    Args:
        table: printed table.
        columns: columns to show.
        definition: name of the definition; None for the printed rows alone.
        rows: measured rows.
        distances: whether each row ends in its distances to the data.
    """
    title = f"{table.name}: {table.title}, "
    title += f"by definition {definition}" if definition else "as printed"
    notes = _notes(definition) if definition else []
    blocks = [_measured(rows, columns)] if definition else []
    if definition in (table.definition, None):
        if table.computed:
            notes.append(f"rows of published music: {table.unit}")
        else:
            rule = f"computed by definition {table.definition}"
            notes.append(f"printed rows: unit {table.unit}; {rule}")
        blocks.append(published(table))
    if distances:
        blocks = [_with_distances(block, columns) for block in blocks]
        columns += tuple((DISTANCE, code) for code in dict.fromkeys(code for code, _ in columns))
    return Grid(title, notes, columns, blocks)


def _with_distances(block: Block, columns: Columns) -> Block:
    """Adds to each row, for each metric, its mean distance to the first row over the columns."""
    reference = block.references[0].metrics

    def with_distances(row: Row) -> Row:
        all_gaps: dict[str, list[float | None]] = {}
        for code, part in columns:
            goal, value = reference[code].get(part), row.metrics[code].get(part)
            if goal is not None:
                all_gaps.setdefault(code, []).append(None if value is None else abs(value - goal))
        means = {
            code: None if None in gaps else sum(gaps) / len(gaps) for code, gaps in all_gaps.items()
        }
        return replace(row, metrics=row.metrics | {DISTANCE: means})

    return replace(
        block,
        references=list(map(with_distances, block.references)),
        candidates=list(map(with_distances, block.candidates)),
    )


def comparisons(definition: str, rows: list[Row], unit: str = "phrase") -> list[Grid]:
    """Makes a table of features for each generated set beside the data, or for the data alone.

    Args:
        definition: name of the definition.
        rows: measured rows, that of the data first.
        unit: name of a sample of a set.
    """
    data, *generated = rows
    shown = []
    for other in generated or [None]:
        sets = {"data": data} | ({"generated": other} if other else {})
        columns = [(kind, part) for kind in sets for part in ("mean", "std")]
        columns += [(f"{kind} to both", part) for kind in sets if other for part in ("KLD", "OA")]
        features = [
            Row(f"{code} {FEATURES[code]}", "generated", None, _by_set(code, sets, other))
            for code, parts in data.metrics.items()
            if other or not isinstance(parts["mean"], list)
        ]
        title = "Yang and Lerch: " + " beside ".join(row.label for row in reversed(sets.values()))
        notes = [
            *_notes(definition, unit),
            "mean, std: over the set, for features that are a number",
        ]
        if other:
            notes.append(
                "KLD, OA: divergence and overlap of the distances within a set and between both "
                "sets; the smaller KLD and the closer OA to 1, the more similar are the sets"
            )
        shown.append(Grid(title, notes, tuple(columns), [Block("features", [], features)]))
    return shown


def _by_set(code: str, sets: dict[str, Row], generated: Row | None) -> Metrics:
    """Returns the values of a feature: mean and std, KLD and OA of each set."""
    values = {kind: row.metrics[code] for kind, row in sets.items()}
    scores = generated.metrics[code] if generated else {}
    return values | {
        "data to both": {"KLD": scores.get("KLD data"), "OA": scores.get("OA data")},
        "generated to both": {"KLD": scores.get("KLD"), "OA": scores.get("OA")},
    }


def _notes(definition: str, unit: str | None = None) -> list[str]:
    return [
        f"{definition}: {MEANING[definition]}",
        f"measured rows: unit {unit or UNITS[definition]}; in brackets the size of the set",
    ]


def footnotes(grids: Sequence[Grid], suites: Sequence[str]) -> list[str]:
    """Returns the meaning of signs, letters and codes in tables, and the cited papers."""
    tables = [table for name in suites for table in SUITES[name].printed]
    if not tables:
        return []
    codes = dict.fromkeys(code for grid in grids for code, _ in grid.columns)
    letters = ", ".join(f"{letter} {name}" for name, letter in LETTERS.items())
    return [
        "marked: the generated set closest to the data (first row), and the printed model closest "
        "to the printed data",
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


def published(table: Table) -> Block:
    """Returns the published rows of a table as a block."""
    rows = {name: Row(name, "paper", None, table.metrics(name)) for name in table.rows}
    references = [rows.pop(name) for name in (table.reference, *table.unranked)]
    heading = f"computed from {table.name}" if table.computed else f"printed in {table.name}"
    return Block(heading, references, list(rows.values()))
