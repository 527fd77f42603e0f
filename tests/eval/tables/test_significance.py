"""The marks of a user study, tested from its printed means and deviations."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from musegen.eval.papers import mvae
from musegen.eval.tables import significance
from musegen.eval.tables.report import as_text
from musegen.eval.tables.table import Mark, Table, columns_of

# t and one-sided p with 85 answers, as computed by hand from the printed table, and whether the
# test agrees with the paper; t with 255 answers.
EXPECTED = [
    (3.02, 0.0015, True, 5.23),
    (6.00, 6e-9, True, 10.40),
    (4.06, 4e-5, True, 7.03),
    (1.74, 0.042, False, 3.00),
    (-1.13, 0.87, False, -1.96),
    (0.42, 0.34, True, 0.73),
]


def test_marks_of_the_melody_vae():
    few, many = (significance.checked(mvae.TABLE_1, mvae.MARKS, n) for n in (85, 255))
    for one, other, (t, p, agrees, t_many) in zip(few, many, EXPECTED, strict=True):
        assert one.t == pytest.approx(t, abs=0.006)
        assert one.p == pytest.approx(p, rel=0.07)
        assert one.agrees == agrees
        assert other.t == pytest.approx(t_many, abs=0.006)
    assert many[3].p == pytest.approx(0.0014, abs=1e-4)
    assert [one.agrees for one in many] == [True, True, True, True, False, True]


def test_it_is_the_test_of_the_answers_themselves():
    rng = np.random.default_rng(0)
    answers = {name: rng.integers(1, 7, 40) + shift for name, shift in (("a", 1), ("b", 0))}
    rows = {name: (values.mean(), values.std(ddof=1)) for name, values in answers.items()}
    table = Table("X", "1", "", "", "", columns_of("score: mean std"), rows)
    for better, worse in (("a", "b"), ("b", "a")):
        expected = ttest_ind(answers[better], answers[worse], alternative="greater")
        (found,) = significance.checked(table, [Mark(better, worse, True)], 40)
        assert found.t == pytest.approx(expected.statistic)
        assert found.p == pytest.approx(expected.pvalue)
        assert found.agrees == (expected.pvalue < 0.01)


def test_marks_stand_beside_their_tests():
    text = as_text([significance.grid(mvae.TABLE_1, mvae.MARKS)], [])
    cells = [line.split()[-7:] for line in text.splitlines() if " > " in line]
    assert cells[0] == ["yes", "3.02", "0.0015", "yes", "5.23", "1e-07", "yes"]
    assert [row[3] for row in cells] == ["yes", "yes", "yes", "no", "no", "yes"]
    assert [row[0] for row in cells] == ["yes"] * 5 + ["no"]
