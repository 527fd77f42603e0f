"""The printed tables of the papers are consistent, and agree with known facts."""

import pytest

from musegen.eval import papers
from musegen.eval.papers import binary_musegan, duet_hlstm, midi_sandwich2, musegan, mvae
from musegen.eval.papers.musegan import PAIRS
from musegen.eval.tables.suites import SUITES

TABLES = [table for paper in papers.found() for table in paper.TABLES]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_is_complete(table):
    assert table.unit
    assert table.citation
    assert all(len(values) == len(table.columns) for values in table.rows.values())
    assert {table.reference, *table.unranked} - {None} <= table.rows.keys()
    assert len(set(table.columns)) == len(table.columns)


def test_names_are_unique():
    assert len({table.name for table in TABLES}) == len(TABLES)


def test_metrics_are_in_the_units_of_the_reports():
    row = musegan.TABLE_1.metrics("jamming, conditional")
    assert row["EB"] == {
        "bass": 4.60, "drums": 3.47, "guitar": 13.3, "piano": None, "strings": 3.44,
    }  # fmt: skip
    assert row["DP"] == {"drums": 91.6}
    assert binary_musegan.TABLE_1.metrics("proposed, DBN") == {
        "QN": {"mean": 78.0}, "PP": {"mean": 45.0}, "TD": {"guitar-piano": 0.87},
    }  # fmt: skip


def test_shuffling_raises_every_tonal_distance():
    true = musegan.TABLE_2.metrics("training data")["TD"]
    shuffled = musegan.TABLE_2.metrics("training data, shuffled")["TD"]
    assert tuple(true) == PAIRS
    assert all(shuffled[pair] > true[pair] for pair in PAIRS)


@pytest.mark.parametrize(
    ("row", "sr", "upc", "dp"),
    [
        ("MSG1, without refine", 11.78, 16.0, 4.1),
        ("MSG2, generator", 4.26, 7.5, 3.0),
        ("MSR, restore", 3.18, 3.75, 3.2),
    ],
)
def test_midi_sandwich2_mean_distances_to_its_data(row, sr, upc, dp):
    table = midi_sandwich2.TABLE_1
    data, model = table.metrics("Dataset"), table.metrics(row)
    for code, expected in (("SR", sr), ("UPC", upc), ("DP", dp)):
        gaps = [abs(model[code][track] - data[code][track]) for track in data[code]]
        assert sum(gaps) / len(gaps) == pytest.approx(expected, abs=0.005)


def test_midi_sandwich2_in_the_order_of_its_code():
    row = midi_sandwich2.TABLE_1_CODE_ORDER.metrics("Dataset")
    assert row["SR"] == {
        "drums": 60.4, "piano": 72.1, "guitar": 71.7, "bass": 46.1, "strings": 71.4,
    }  # fmt: skip
    assert row["UPC"] == {"drums": 15, "guitar": 75, "bass": 41, "strings": 82}


def test_binary_musegan_prints_what_it_stores():
    stored, printed = binary_musegan.STORED, binary_musegan.TABLE_1
    assert stored.rows.keys() == printed.rows.keys()
    for name in printed.rows:
        full, short = stored.metrics(name), printed.metrics(name)
        assert full["QN"]["mean"] == pytest.approx(short["QN"]["mean"], abs=0.5)
        if name != "training data":  # 0.48 is printed where 0.4480 is stored
            assert full["PP"]["mean"] == pytest.approx(short["PP"]["mean"], abs=0.5)
        assert full["TD"]["guitar-piano"] == pytest.approx(short["TD"]["guitar-piano"], abs=0.05)


def test_every_shown_table_has_the_definition_of_its_suite():
    for suite in SUITES.values():
        of_code = [name for name in suite.default if name != "duet_claims"][-1]
        for table in suite.printed:
            assert table.definition in (suite.default if table.computed else (of_code,))
        for columns, table in suite.readings:
            assert sorted(columns) == sorted(table.columns)


def test_the_ranking_of_the_melody_vae():
    rows = {name: mvae.TABLE_1.metrics(name) for name in mvae.TABLE_1.rows}
    ranked = sorted((row["Rec."]["segment"] or 1e9, name) for name, row in rows.items())
    assert [name for _, name in ranked] == [
        "modularized autoencoder", "with note unrolling", "without note unrolling", "BachProp",
        "real data",
    ]  # fmt: skip
    assert rows["with note unrolling"]["KL"]["segment"] / mvae.BATCH == pytest.approx(
        0.24, abs=5e-3
    )
    assert rows["without note unrolling"]["KL"]["segment"] / mvae.BATCH == pytest.approx(
        2.06, abs=5e-3
    )
    assert {row for mark in mvae.MARKS for row in (mark.better, mark.worse)} == rows.keys()


def test_duets_printed_row_is_that_of_80_bars_of_epoch_40():
    row = duet_hlstm.TABLE_1.metrics("DuetHLSTM")
    assert row == duet_hlstm.SAMPLES_80.metrics("epoch 40")
    assert "80 bars of epoch 40" in duet_hlstm.TABLE_1.unit


def test_the_course_of_duets_training_agrees_with_its_counts():
    """Each epoch has 28,000 steps of 84 cells; numbers are rounded, shares of steps to 0.1 %."""
    table = duet_hlstm.TRAJECTORY
    assert [*duet_hlstm.COUNTS] == [name for name in table.rows if name != table.reference]
    for name, (piano, strings, *_) in duet_hlstm.COUNTS.items():
        row = table.metrics(name)
        for track, cells in (("piano", piano), ("strings", strings)):
            assert row["density"][track] == pytest.approx(cells / 23_520, abs=0.0051)
            sounding = 280 * (100 - row["silent"][track])
            notes = cells / row["notes"][track]
            assert notes == pytest.approx(sounding, abs=14 + 0.0051 * cells)
    for name in ("epoch 30", "epoch 40"):
        claimed = duet_hlstm.CLAIMED.metrics(name)["unchanged"]
        assert claimed == table.metrics(name)["unchanged"]
