"""Damaged files of every kind: `tests/fuzz.py` with a few of them."""

import fuzz


def test_mutants_are_read_or_refused_in_one_line(tmp_path):
    assert not fuzz.run(200, seed=20, keep=tmp_path)
