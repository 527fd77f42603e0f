"""The tables of a suite of notes: systems, data and generated pieces beside a printed table.

In this order: the printed table with the rows of our systems; by value of a note, how well systems
write segments again; the significance of printed scores; and the musical statistics of generated
pieces beside those of the data.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from musegen import Error, registry
from musegen.commands import calls
from musegen.data.piece_loading import Pieces, load_pieces
from musegen.eval.papers.yang_lerch import FEATURES, comparisons
from musegen.eval.tables import evaluated, piece_features, segments, significance, suites
from musegen.eval.tables.piece_features import AT_ONCE, DEFINITION, HISTOGRAMS, SHARES
from musegen.eval.tables.report import Block, Evaluation, Grid, Report, Row
from musegen.eval.tables.segments import NATS, VALUES
from musegen.eval.tables.table import Columns, Suite, Table
from musegen.system import TrainedSystem

ALL = ("all", *VALUES)
WRITTEN = tuple(
    (code, part)
    for code, parts in ((NATS, VALUES), ("accuracy", ALL), ("restored", ALL))
    for part in parts
)
NUMBERS = (*((code, "mean") for code in ("PR", "PI", "IOI", AT_ONCE)), *(
    (code, "distance") for code in SHARES
))  # fmt: skip


def evaluate(
    suite: Suite,
    data: str,
    generated: Sequence[str] = (),
    systems: Sequence[str] = (),
    n: int | None = None,
    seed: int = 0,
    temperature: float | None = None,
    split: str | None = None,
    plot: Path | None = None,
) -> Evaluation:
    """Makes the tables of a suite.

    Args:
        suite: the suite.
        data: source of the pieces to write again and to compare with.
        generated: sources of generated pieces.
        systems: names or folders of trained systems.
        n: number of pieces that each system generates; by default as in its paper.
        seed: seed of the systems.
        temperature: temperature of generated pieces; by default that of each system.
        split: split of the data; by default the test split, or all if there is none.
        plot: file for a picture of the histograms.
    """
    for name in systems:
        if registry.entry(name).music != "notes":
            raise Error(f"{name}: makes phrases, and this suite measures notes; leave it out")
    opened = evaluated.opened(systems, "generate")
    held_out = evaluated.held_out(load_pieces(data), split)
    sets = [(held_out.name, held_out)]
    sets += [(pieces.name, pieces) for pieces in map(load_pieces, generated)]
    measured, notes = _measured(opened, held_out, seed)
    for label, system in opened.items():
        options = calls.options(system, "generate", Namespace(temperature=temperature))
        sets.append((f"{label} generated", system.generate(n or system.evaluated, seed, **options)))
        drawn = "".join(f", {name} {value:g}" for name, value in options.items())
        notes.append(f"{label} generated: seed {seed}{drawn}")
    counted = piece_features.rows(
        [(name, piece_features.measured(pieces, name)) for name, pieces in sets]
    )
    pictures = {plot: _picture(counted, plot.suffix)} if plot else {}
    return Evaluation(
        _tables(suite, measured, counted),
        [*notes, *suite.remarks],
        _reports(suite, measured, counted),
        pictures=pictures,
    )


def _measured(
    opened: Mapping[str, TrainedSystem], held_out: Pieces, seed: int
) -> tuple[list[Row], list[str]]:
    """Measures all systems that can be, on segments of the data; also returns notes."""
    rows, notes = [], []
    for label, system in opened.items():
        if "measure" not in system.can:
            notes.append(f"{label}: cannot measure segments, and is not in the first table")
            continue
        chosen = segments.cut(system, held_out, held_out.name)
        rows.append(segments.measured(label, system, chosen, seed))
        notes.append(
            f"{label}: {len(chosen):,} of {chosen.total:,} segments of {held_out.name}, evenly "
            f"spaced, not transposed; {chosen.replaced:.2%} of their values are unknown to the "
            "system and replaced by the nearest"
        )
    return rows, notes


def _tables(suite: Suite, measured: list[Row], counted: list[Row]) -> list[Grid]:
    grids = [_beside(table, measured) for table in suite.tables]
    if measured:
        grids.append(_by_value(measured))
    if suite.marks:
        grids.append(significance.grid(suite.tables[0], suite.marks))
    return grids + _statistics(counted)


def _beside(table: Table, measured: list[Row]) -> Grid:
    """Makes a printed table with the measured rows above it."""
    columns = tuple(
        column
        for code, part in table.columns
        for column in [(code, part)] + [(code, unit) for unit in ("note", "value") if code == NATS]
    )
    printed = suites.published(table)
    for row in printed.rows:
        segments.with_units(row)
    blocks = [Block("measured", [], measured)] if measured else []
    notes = [
        "nats; measured rows: means over segments; in brackets their number",
        f"{NATS} note, value: the same divided by the 100 notes and the 300 values of a segment",
        f"printed rows: unit {table.unit}",
    ]
    return Grid(f"{table.name}: {table.title}", notes, columns, [*blocks, printed])


def _by_value(measured: list[Row]) -> Grid:
    """Makes the table of how well dT, T and P are reconstructed."""
    notes = [
        "dT, T, P: time since the note before, duration, pitch",
        f"{NATS}, accuracy: of the next value, where all values before it are given; nats a "
        "segment, and the share of values that are the most likely ones",
        "restored: share of equal values where a system encodes a segment and writes it again "
        "from z alone",
    ]
    return Grid("Reconstruction by value", notes, WRITTEN, [Block("measured", [], measured)])


def _statistics(counted: list[Row]) -> list[Grid]:
    """Makes the tables of musical statistics, those of generated pieces beside the data."""
    unit = "piece of 100 notes"
    notes = [
        f"measured rows: unit {unit}, at most {piece_features.SAMPLES}; in brackets their number",
        f"means of {', '.join(f'{code} {FEATURES[code]}' for code, _ in NUMBERS[:4])}; "
        "a quarter lasts 0.5 s",
        "distance: half the sum of absolute differences of mean shares from those of the data, 0 "
        f"to 1, of {', '.join(f'{code} {FEATURES[code]}' for code in SHARES)}",
    ]
    grids = [_counted("Musical statistics", notes, NUMBERS, counted)]
    grids += [_histogram(code, labels, counted) for code, labels in HISTOGRAMS.items()]
    if len(counted) > 1:
        grids += comparisons.grids(DEFINITION, counted, unit)
    return grids


def _histogram(code: str, labels: Sequence[str], counted: list[Row]) -> Grid:
    """Makes the table of the mean histograms of one feature, a column for each class."""
    shown = f"{code}, share"
    shares = [
        replace(row, metrics={shown: dict(zip(labels, row.metrics[code]["mean"], strict=True))})
        for row in counted
    ]
    notes = [f"{code}: {FEATURES[code]}; mean over the pieces"]
    columns = tuple((shown, label) for label in labels)
    return _counted(FEATURES[code].capitalize(), notes, columns, shares)


def _counted(title: str, notes: list[str], columns: Columns, counted: list[Row]) -> Grid:
    data, *others = counted
    return Grid(title, notes, columns, [Block("measured", [data], others)])


def _reports(suite: Suite, measured: list[Row], counted: list[Row]) -> list[Report]:
    """Returns all figures for files: of segments, of the significance of scores, of pieces."""
    names = [name for name, known in suites.SUITES.items() if known == suite]
    reports = [Report(suite.default[0], measured + suites.printed(names))]
    if suite.marks:
        reports.append(Report("significance", significance.rows(suite.tables[0], suite.marks)))
    return [*reports, Report(DEFINITION, counted)]


def _picture(counted: list[Row], ending: str) -> bytes:
    """Draws the histograms of all sets side by side, and returns the content of the file."""
    from musegen import plots

    panels = {FEATURES[code]: shown for code, shown in piece_features.histograms(counted).items()}
    return plots.encoded(plots.bar_panels(panels), ending.lower())
