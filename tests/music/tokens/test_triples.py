"""Note triples: by the rules of the paper, by those of the code, and back to notes."""

from dataclasses import replace

import numpy as np
import pytest
from music.test_midi import file, note
from music.test_piece import anything, piece

from musegen import Error
from musegen.music.midi import piece_to_score, read_piece
from musegen.music.piece import Part, Piece, note_array
from musegen.music.tokens import triples
from musegen.music.tokens.triples import LONGEST, PRESETS, NoteTriples, TripleSettings

PAPER, REPO = PRESETS["paper"], PRESETS["repo"]
GRID = np.array([k for k in range(LONGEST + 1) if k % 3 == 0 or k % 4 == 0])


def song(n: int, pitch: int = 60) -> NoteTriples:
    return NoteTriples(f"song of {n}", np.tile([1, 4, pitch], (n, 1)))


# The grid of the paper


def test_the_grid_has_all_times_and_keeps_them():
    assert (len(GRID), GRID[-1] / 48) == (1536, 63.9375)
    for per_quarter in (48, 240, 480):
        times = triples.snapped(GRID * per_quarter // 48, per_quarter)
        np.testing.assert_array_equal(times, GRID)


@pytest.mark.parametrize("per_quarter", [1, 7, 24, 220, 480, 1024])
def test_each_time_goes_to_the_nearest_and_from_the_middle_down(per_quarter):
    ticks = np.arange(0, 70 * per_quarter, max(1, per_quarter // 25))
    gaps = np.abs(GRID[None] * per_quarter - 48 * ticks[:, None])
    found = np.minimum(triples.snapped(ticks, per_quarter), LONGEST)
    np.testing.assert_array_equal(found, GRID[np.argmin(gaps, axis=-1)])


def test_some_middles_go_up_where_the_grid_has_five_decimals():
    decimals = np.unique(np.round([[k / 48, k / 48] for k in GRID], 5))
    ticks = np.arange(480)
    expected = np.argmin(np.abs(decimals[None] - (ticks / 480)[:, None]), axis=1)
    found = triples.snapped(ticks, 480, ties="decimals")
    np.testing.assert_array_equal(found, GRID[expected])
    changed = np.flatnonzero(found != triples.snapped(ticks, 480))
    assert changed.tolist() == [35, 50, 155, 170, 275, 290, 395, 410]


def test_notes_become_triples_by_the_rules_of_the_paper():
    """Parts are merged, chords ascend, drums and notes without length are left out and counted."""
    parts = [Part(), Part(40), Part(0, True)]
    tune = piece(
        (24, 24, 67), (24, 12, 60, 80, 1), (30, 0, 70), (31, 1, 64), (31, 24 * 70, 62, 80, 1),
        (31, 6, 36, 80, 2), parts=parts, tempi=[(0, 500_000), (30, 250_000)],
        meters=[(0, 4, 4), (24, 3, 4)],
    )  # fmt: skip
    read = triples.of_piece(tune)
    # 7 of 24 ticks are 14 parts, between 12 and 15; a tick is 2 parts, and lasts 3.
    rows = [[48, 24, 60], [0, 48, 67], [15, LONGEST, 62], [0, 3, 64]]
    assert read.rows.tolist() == rows
    assert read.counts == {"drums": 1, "without length": 1, "clipped": 1}
    assert (read.name, len(read)) == ("song", 4)
    kept = triples.of_piece(tune, replace(PAPER, drums=True))
    assert kept.rows[:, 2].tolist() == [60, 67, 36, 62, 64]


def test_the_shortest_duration():
    tune = piece((0, 1, 60), tpq=48)
    assert triples.of_piece(tune).rows.tolist() == [[0, 3, 60]]
    assert triples.of_piece(tune, replace(PAPER, shortest=0)).rows.tolist() == [[0, 0, 60]]


def test_onsets_on_the_grid_do_not_drift():
    n, tpq = 200, 480
    tune = Piece("runs", tpq, note_array(np.arange(n) * 26, 26, 60), [Part()])
    exact = np.arange(n) * 26 * 48 / tpq
    drift = {
        way: np.cumsum(triples.of_piece(tune, replace(PAPER, snap=way)).rows[:, 0]) - exact
        for way in ("delta", "onset")
    }
    assert np.abs(drift["onset"]).max() <= 1.5
    assert drift["delta"][-1] == pytest.approx(199 * (3 - 2.6))


# The sixteenths of the code


def sixteenths(rows, **options):
    return triples.of_piece(piece(*rows, **options), REPO).rows.tolist()


def test_halves_go_to_the_even_sixteenth():
    # At 24 ticks a quarter a sixteenth is 6 ticks.
    rows = [(3, 3, 60), (3 + 9, 9, 61), (12 + 15, 15, 62)]
    assert sixteenths(rows) == [[0, 0, 60], [2, 2, 61], [2, 2, 62]]


def test_halves_are_rounded_by_the_last_bit_of_the_codes_arithmetic():
    """Whether a half is exact depends on the order in which it multiplies and divides."""
    differ = 0
    for mspq in range(300_000, 900_000, 7919):
        onset = 180 * np.arange(20)
        tune = Piece("t", 480, note_array(onset, 60, 60), [Part()], tempi=[(0, mspq)])
        seconds, tempo = tune.seconds(onset).tolist(), 60.0 / (60.0 / (6e7 / mspq * 480) * 480)
        lengths = np.diff(seconds, prepend=0.0).tolist()
        expected = [round(((length / 60) * tempo) * 4) for length in lengths]
        assert triples.of_piece(tune, REPO).rows[:, 0].tolist() == expected
        differ += expected != [round(length * tempo / 60 * 4) for length in lengths]
    assert differ


def test_the_tempo_moves_on_by_one_change_a_note():
    """Two changes between two notes: the second note is measured by the first of them."""
    tempi = [(0, 500_000), (30, 1_000_000), (36, 250_000)]
    rows = [(0, 24, 60), (48, 24, 61), (72, 24, 62)]
    now = sixteenths(rows, tempi=tempi)
    # The second note lasts a quarter second, which is one sixteenth at the slow tempo. Its onset is
    # 30, 6 and 12 ticks after the first one: 0.625, 0.25 and 0.125 seconds, which make 4 of those.
    assert now == [[0, 4, 60], [4, 1, 61], [4, 4, 62]]
    right = triples.of_piece(piece(*rows, tempi=tempi), replace(REPO, tempo_lag=False))
    assert right.rows.tolist() == [[0, 4, 60], [16, 4, 61], [4, 4, 62]]


def lagging(onsets: np.ndarray, times: np.ndarray) -> list[int]:
    """The change that holds at each onset, step by step as the code finds it."""
    found, at = [], 0
    for onset in onsets:
        if at + 1 < len(times) and onset >= times[at + 1]:
            at += 1
        found.append(at)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_lag_is_that_of_a_pointer(seed):
    rng = np.random.default_rng(seed)
    ticks = np.unique(rng.integers(1, 200, 30))
    tempi = [(0, 300_000), *((int(t), 300_000 + 1000 * k) for k, t in enumerate(ticks, 1))]
    notes = note_array(rng.integers(0, 300, 40), 24 * 4000, np.arange(40) + 40)
    tune = Piece("tune", 24, notes, [Part()], tempi=tempi)
    seconds = tune.seconds(tune.notes["onset"])
    at = lagging(seconds, tune.seconds(np.array([tick for tick, _ in tempi])))
    length = tune.seconds(tune.ends) - seconds
    expected = np.round(length / 60 * (6e7 / np.array([mspq for _, mspq in tempi])[at]) * 4)
    np.testing.assert_array_equal(triples.of_piece(tune, REPO).rows[:, 1], expected)


def test_a_song_of_several_meters_is_refused_by_the_code_alone():
    meters = [(0, 4, 4), (24, 3, 4)]
    with pytest.raises(Error, match=r"^song: has 2 time signatures, and one is allowed$"):
        sixteenths([(0, 24, 60)], meters=meters)
    assert len(triples.of_piece(piece((0, 24, 60), meters=meters))) == 1
    both = replace(REPO, one_meter=False)
    assert len(triples.of_piece(piece((0, 24, 60), meters=meters), both)) == 1


# Segments and transposition


def starts(n: int, settings: TripleSettings) -> list[int]:
    return triples.segment_starts(n, settings).tolist()


@pytest.mark.parametrize(
    ("n", "repo", "paper"),
    [
        (99, [], []),
        (100, [0, 0], [0]),
        (120, [0, 20], [0, 20]),
        (150, [0, 50, 50], [0, 50]),
        (199, [0, 50, 99], [0, 50, 99]),
    ],
)
def test_the_last_segment_ends_with_the_song(n, repo, paper):
    assert (starts(n, REPO), starts(n, PAPER)) == (repo, paper)


def test_segments_of_songs():
    songs = [song(99), song(120), song(100, 70)]
    songs[1].rows[:, 0] = np.arange(120)
    found, owner = triples.segments(songs, PAPER)
    assert (found.shape, owner.tolist()) == ((3, 100, 3), [1, 1, 2])
    np.testing.assert_array_equal(found[1], songs[1].rows[20:])
    found, owner = triples.segments(songs, REPO)
    assert (found.shape, owner.tolist()) == ((28, 100, 3), [1] * 14 + [2] * 14)
    assert found[::2, 0, 2].tolist() == [*range(57, 64), *range(67, 74)]
    assert found[1::2, 0, 0].tolist() == [20] * 7 + [1] * 7
    short, _ = triples.segments(songs, replace(PAPER, length=4, hop=60))
    assert len(short) == 3 + 3 + 3


def test_each_segment_has_its_own_shift():
    rows = np.stack([song(5, pitch).rows for pitch in (1, 60, 126)])
    low, high = triples.shift_range(rows)
    assert (low.tolist(), high.tolist()) == ([-1, -3, -3], [3, 3, 1])
    low, high = triples.shift_range(rows, None, 1, 126)
    assert (low.tolist(), high.tolist()) == ([0, -59, -125], [125, 66, 0])
    moved = triples.shifted(rows, np.array([2, 0, -3]))
    assert moved[:, 0].tolist() == [[1, 4, 3], [1, 4, 60], [1, 4, 123]]


def test_a_copy_beyond_midis_range_is_an_error():
    with pytest.raises(Error, match=r"song of 9: pitches 126 to 126 cannot be transposed by -3 to"):
        triples.transposed(song(9, 126), REPO.shifts)


# Back


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("preset", PRESETS)
def test_triples_come_back_from_midi(preset, seed):
    """If no note begins while another one of its pitch sounds, and none lasts no time."""
    rng, n = np.random.default_rng(seed), 100
    values = GRID if preset == "paper" else np.arange(100)
    onset = np.cumsum(values[rng.integers(0, 16, n)])
    length, pitch = values[rng.integers(1, 40, n)], np.resize(rng.permutation(88) + 21, n)
    keys = (pitch, onset) if preset == "paper" else (pitch, onset + length, onset)
    order = np.lexsort(keys)
    rows = np.stack([np.diff(onset, prepend=0), length[order], pitch[order]], axis=1)
    made = triples.to_piece(rows, PRESETS[preset])
    data = piece_to_score(made).dumps_midi()
    assert read_piece(data) == made
    np.testing.assert_array_equal(triples.of_piece(made, PRESETS[preset]).rows, rows)
    if preset == "paper":
        np.testing.assert_array_equal(triples.of_file(data, "tune", PAPER).rows, rows)


def test_a_piece_of_triples():
    made = triples.to_piece([[48, 24, 60], [0, 48, 64]], PAPER, "tune", tempo=90)
    assert made.notes.tolist() == [(240, 120, 60, 100, 0), (240, 240, 64, 100, 0)]
    assert (made.name, made.parts, made.tempi) == ("tune", (Part(),), ((0, 666_667),))
    made = triples.to_piece([[4, 0, 60], [1, 2, 64]], REPO)
    assert made.notes.tolist() == [(220, 1, 60, 100, 0), (275, 110, 64, 100, 0)]
    assert not len(triples.to_piece(np.zeros((0, 3), int)))
    with pytest.raises(Error, match="notes: a tempo of 0 quarters a minute"):
        triples.to_piece([[0, 3, 60]], tempo=0)
    with pytest.raises(Error, match="notes: a pitch of 128"):
        triples.to_piece([[0, 3, 128]])


def test_hanging_notes_last_until_the_next_end_of_their_pitch():
    rows = [[0, 0, 60], [1, 0, 62], [1, 4, 60], [1, 1, 60]]
    made = triples.to_piece(rows, REPO, hanging=True)
    assert made.notes.tolist() == [
        (0, 220, 60, 100, 0), (110, 110, 60, 100, 0), (165, 55, 60, 100, 0),
    ]  # fmt: skip


# What is no music


DRUMS = file(note(36, 0, 5, channel=9))


def test_songs_without_notes_are_one_line():
    with pytest.raises(Error, match=r"^tune: there is no note in it \(1 drums\)$"):
        triples.of_file(DRUMS, "tune", PAPER)
    assert len(triples.of_file(DRUMS, "tune")) == 1
    for settings in (PAPER, REPO):
        with pytest.raises(Error, match=r"^song: there is no note in it \(1 without length\)$"):
            triples.of_piece(piece((5, 0, 60)), settings)
    with pytest.raises(Error, match=r"^song: there is no note in it$"):
        triples.of_piece(piece())
    with pytest.raises(Error, match=r"^tune: not a MIDI file"):
        triples.of_file(b"RIFF", "tune")


def test_songs_that_have_none_are_named():
    good = piece((0, 24, 60))
    read, skipped = triples.collect([(DRUMS, "tune"), good, piece()], PAPER)
    assert [len(one) for one in read] == [1]
    assert skipped == [
        ("tune", "there is no note in it (1 drums)"),
        ("song", "there is no note in it"),
    ]
    with pytest.raises(Error, match=r"^no song has notes \(1 skipped; song: there is no note"):
        triples.collect([piece()], PAPER)
    with pytest.raises(Error, match=r"^no song has notes \(0 skipped\)$"):
        triples.collect([], REPO)


def test_songs_that_are_all_too_short_are_one_line():
    with pytest.raises(Error, match=r"^no song has 100 notes, .* the longest of 2 has 99$"):
        triples.segments([song(99), song(4)], PAPER)
    with pytest.raises(Error, match="the longest of 0 has 0"):
        triples.segments([], REPO)


@pytest.mark.parametrize("settings", [PAPER, REPO], ids=["paper", "repo"])
def test_a_chord_of_a_hundred_thousand_notes(settings):
    n = 100_000
    notes = note_array(np.zeros(n), 24, np.arange(n) % 88 + 21)
    read = triples.of_piece(Piece("chord", 24, notes, [Part()]), settings)
    assert (len(read), read.rows[:, 0].max()) == (n, 0)
    found, _ = triples.segments([read], settings)
    assert len(found) == (7 * 2000 if settings.copies else 1999)
    assert len(triples.to_piece(read.rows, settings, hanging=True)) == n


@pytest.mark.parametrize("seed", range(20))
def test_any_piece_has_triples_that_the_settings_allow(seed):
    tune = anything(seed)
    for settings in (PAPER, replace(REPO, one_meter=False), replace(PAPER, snap="onset")):
        read, _ = triples.collect([tune, piece((0, 24, 60))], settings)
        rows = np.concatenate([one.rows for one in read])
        assert rows.min() >= 0
        if settings is PAPER:
            assert np.isin(rows[:, :2], GRID).all()
            assert rows[:, 1].min() >= 3
            melodic = (~tune.drums & (tune.notes["duration"] > 0)).sum()
            assert len(rows) == melodic + 1


def test_settings_that_do_not_exist():
    with pytest.raises(Error, match="unknown snap 'beat'; choose delta, onset"):
        replace(PAPER, snap="beat")
    with pytest.raises(Error, match="segments of 100 notes every 0"):
        replace(PAPER, hop=0)
