"""Note events from and to rolls."""

import tracemalloc

import numpy as np

from musegen.music import notes


def test_a_run_is_a_note_and_one_silent_step_parts_two():
    roll = np.zeros((10, 84), bool)
    roll[0:3, 5] = roll[4:10, 5] = roll[2, 7] = True
    events = notes.from_roll(roll)
    assert events.tolist() == [(0, 3, 5, 0), (2, 1, 7, 0), (4, 6, 5, 0)]


def test_roll_to_notes_to_roll_is_the_same():
    roll = np.random.default_rng(1).random((96, 84, 5)) < 0.2
    assert np.array_equal(notes.to_roll(notes.from_roll(roll), roll.shape), roll)
    assert np.array_equal(notes.to_roll(notes.hits(roll), roll.shape), roll)
    assert len(notes.hits(roll)) == roll.sum()


def test_notes_are_ordered_by_onset_track_pitch():
    events = notes.from_roll(np.random.default_rng(2).random((40, 84, 3)) < 0.1)
    key = [(e["onset"], e["track"], e["pitch"]) for e in events]
    assert key == sorted(key)


def test_notes_over_the_end_are_cut():
    events = np.array([(8, 5, 60, 0)], notes.NOTE)
    assert notes.to_roll(events, (10, 84)).sum() == 2


def test_empty():
    assert len(notes.from_roll(np.zeros((0, 84), bool))) == 0
    assert notes.ranges(np.zeros(0, int), np.zeros(0, int)).tolist() == []


def test_reading_a_roll_takes_a_few_times_its_memory():
    roll = np.zeros((20_000, 84), bool)
    roll[::7] = True
    tracemalloc.start()
    notes.from_roll(roll[:, :1])  # what is loaded once
    tracemalloc.reset_peak()
    silent = np.zeros_like(roll)
    notes.from_roll(silent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * roll.nbytes  # int64 would take 8 times as much for each copy


def test_a_roll_that_comes_in_parts_has_the_same_notes():
    rng = np.random.default_rng(3)
    roll = rng.random((60, 84)) < 0.5
    roll[-1] = roll[29:31, ::2] = True  # notes over the end of a part, and up to the very end
    for cuts in ([], [30], [1, 2, 30, 59]):
        parts = np.split(roll, cuts)
        assert np.array_equal(notes.from_parts(parts), notes.from_roll(roll))
        assert np.array_equal(notes.from_parts(parts, drums=True), notes.hits(roll))
    for nothing in (roll[:0], np.zeros((4, 84), bool)):
        assert len(notes.from_parts([nothing])) == len(notes.from_parts([nothing], True)) == 0
