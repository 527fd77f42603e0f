"""Pieces of notes: their order, their time, and what can be done with them."""

import numpy as np
import pytest

from musegen import Error
from musegen.music.layout import TRACKS
from musegen.music.piece import NOTE, PEDAL, Part, Piece, note_array
from musegen.music.piece_phrases import from_phrases, to_phrases

METERS = [(4, 4), (3, 8), (5, 4), (2, 2), (6, 8), (7, 16)]


def piece(*rows, parts=1, tpq=24, **options) -> Piece:
    """A piece of notes given as (onset, duration, pitch, velocity, part), the last two if any."""
    columns = zip(*((*row, *(80, 0)[len(row) - 3 :]) for row in rows), strict=True)
    notes = note_array(*columns) if rows else np.zeros(0, NOTE)
    kinds = [Part(k, False, f"part {k}") for k in range(parts)] if type(parts) is int else parts
    return Piece("song", tpq, notes, kinds, **options)


def anything(seed: int) -> Piece:
    """A random piece: chords, overlaps, notes of no length, and changes of all kinds."""
    rng = np.random.default_rng(seed)
    n, parts, end = int(rng.integers(0, 80)), int(rng.integers(1, 17)), 600
    notes = note_array(
        rng.integers(0, end, n), rng.integers(0, 90, n) * rng.integers(0, 2, n),
        rng.integers(58, 64, n), rng.integers(1, 128, n), rng.integers(0, parts, n),
    )  # fmt: skip
    pedal = np.zeros(int(rng.integers(0, 30)), PEDAL)
    pedal["tick"] = rng.integers(0, end, len(pedal))
    pedal["part"] = rng.integers(0, min(parts, 3), len(pedal))
    pedal["value"] = rng.choice([0, 63, 64, 127], len(pedal))
    times = rng.integers(0, end, (3, int(rng.integers(0, 5))))
    return Piece(
        f"song {seed}", int(rng.choice([1, 7, 24, 480])), notes,
        [Part(int(rng.integers(128)), bool(rng.integers(4) == 0), f"é {k}") for k in range(parts)],
        tempi=[(t, rng.integers(2e5, 2e6)) for t in times[0]],
        meters=[(t, *METERS[rng.integers(len(METERS))]) for t in times[1]],
        keys=[(t, rng.integers(-7, 8), rng.integers(2)) for t in times[2]],
        pedal=pedal, length=int(rng.integers(0, 2 * end)),
    )  # fmt: skip


def rows(piece: Piece) -> list:
    return [tuple(int(x) for x in note)[:3] for note in piece.notes]


def test_equal_music_is_equal_whatever_its_order():
    song = anything(3)
    mixed = np.random.default_rng(0).permutation(song.notes)
    assert song == Piece(**vars(song) | {"notes": mixed, "name": "other"})
    assert song != Piece(**vars(song) | {"notes": song.notes[1:]})
    assert song != Piece(**vars(song) | {"length": song.length + 1})
    keys = [tuple(note)[i] for note in song.notes.tolist() for i in (0, 4, 2, 1, 3)]
    keys = np.reshape(keys, (-1, 5)).tolist()
    assert keys == sorted(keys)


def test_the_last_event_of_a_tick_counts_and_a_piece_lasts_until_its_last_event():
    song = piece((0, 5, 60), tempi=[(9, 400), (0, 1), (9, 500)])
    assert song.tempi == ((0, 1), (9, 500))
    assert song.length == 9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: piece((-1, 5, 60)), "before the piece begins"),
        (lambda: piece((0, -5, 60)), "ends before it begins"),
        (lambda: piece((0, 5, 128)), "a pitch of 128"),
        (lambda: piece((0, 5, 60, 0)), "a velocity of 0"),
        (lambda: piece((0, 5, 60, 80, 1)), "a part beyond its 1"),
        (lambda: piece(tpq=0), "ticks a quarter of 0"),
        (lambda: piece(parts=[Part(128)]), "a program of 128"),
        (lambda: piece(tempi=[(0, 0)]), "microseconds a quarter of 0"),
        (lambda: piece(meters=[(0, 3, 5)]), "3/5 is no meter"),
        (lambda: piece(keys=[(-3, 0, 0)]), "an event before"),
        (lambda: piece(keys=[(0, 8, 0)]), "a key of 8 sharps"),
        (lambda: piece(pedal=np.array([(0, 1, 5)], PEDAL)), "a part beyond its 1"),
    ],
)
def test_what_no_file_can_store_is_refused(make, message):
    with pytest.raises(Error, match=f"song: .*{message}"):
        make()


def test_seconds_go_by_the_tempi_and_back():
    song = piece((0, 96, 60), tempi=[(24, 1_000_000), (48, 250_000)])
    assert song.seconds([0, 24, 36, 48, 96]) == pytest.approx([0, 0.5, 1.0, 1.5, 2.0])
    assert song.ticks(1.01) == 36
    assert song.ticks([0.5, 2.0]).tolist() == [24, 96]
    for seed in range(20):
        song = anything(seed)
        ticks = np.arange(song.length + 1)
        assert np.array_equal(song.ticks(song.seconds(ticks)), ticks)


def test_bars_of_any_meter():
    """At 24 ticks a quarter a bar of 3/8 has 36, of 5/4 120 and of 2/2 96."""
    meters = [(50, 3, 8), (122, 5, 4), (300, 2, 2)]
    song = piece((0, 400, 60), meters=meters)
    assert song.bars().tolist() == [0, 50, 86, 122, 242, 300, 396]
    assert song.bars(closed=True)[-1] == 492
    assert song.in_bars(np.array([25, 86, 182, 348])).tolist() == [0.5, 2.0, 3.5, 5.5]
    assert piece(meters=[(0, 3, 16)], length=14, tpq=2).bars().tolist() == [
        0,
        1,
        3,
        4,
        6,
        7,
        9,
        10,
        12,
        13,
    ]
    assert piece().bars(closed=True).tolist() == []


def test_too_many_bars_are_refused_before_they_are_made():
    with pytest.raises(Error, match="song: more than 10,000 beats"):
        piece(meters=[(0, 1, 128)], tpq=96, length=300_000).bars()


def test_quantised_takes_the_nearest_step_and_leaves_no_note_without_length():
    song = piece((0, 3, 60), (13, 10, 61), (18, 6, 62), (6, 0, 63), tempi=[(12, 9)], length=99)
    coarse = song.quantised(2)  # twelve old ticks each; halves go up
    assert rows(coarse) == [(0, 1, 60), (1, 1, 61), (1, 0, 63), (2, 1, 62)]
    assert (coarse.tempi, coarse.length) == (((1, 9),), 8)
    for seed in range(10):
        fine = anything(seed).quantised(13 * 480)
        assert fine.quantised(anything(seed).ticks_per_quarter) == anything(seed)


def test_transposed_moves_all_but_drums_and_counts_what_it_loses():
    parts = [Part(0), Part(0, True)]
    song = piece((0, 5, 60), (0, 5, 126), (0, 5, 127, 80, 1), parts=parts, keys=[(0, 5, 0)])
    higher, lost = song.transposed(2)
    assert (rows(higher), lost) == ([(0, 5, 62), (0, 5, 127)], 1)
    assert higher.keys == ((0, -5, 0),)  # B major becomes D flat major
    assert song.transposed(-12)[0].keys == song.keys
    for semitones, sharps in ((1, -5), (7, 1), (-1, 5), (5, -1), (6, 6)):
        assert piece(keys=[(0, 0, 1)]).transposed(semitones)[0].keys == ((0, sharps, 1),)


def test_first_bars_end_with_a_whole_bar():
    song = piece((0, 12, 60), (80, 30, 62), (200, 10, 64), meters=[(0, 3, 4)])  # bars of 72 ticks
    two = song.first_bars(2)
    assert (two.length, two.notes["pitch"].tolist()) == (144, [60, 62])
    assert song.first_bars(9).length == 3 * 72
    assert len(piece().first_bars(2)) == 0


def test_cut_keeps_what_holds_at_its_start():
    pedal = np.array([(0, 0, 127), (2, 0, 100), (5, 1, 90), (15, 0, 0), (40, 0, 9)], PEDAL)
    song = piece(
        (0, 12, 60), (0, 10, 61), (12, 50, 62), (20, 0, 63), (30, 2, 64), parts=2, pedal=pedal,
        tempi=[(0, 1), (5, 2), (25, 3)], meters=[(0, 3, 4)], length=90,
    )  # fmt: skip
    part = song.cut(10, 30)
    assert rows(part) == [(0, 2, 60), (2, 18, 62), (10, 0, 63)]
    assert (part.tempi, part.meters, part.length) == (((0, 2), (15, 3)), ((0, 3, 4),), 20)
    assert part.pedal.tolist() == [(0, 0, 100), (0, 1, 90), (5, 0, 0)]
    assert rows(song.cut(10, 30, held=False)) == [(2, 18, 62), (10, 0, 63)]
    assert song.cut(0, song.length) == song
    with pytest.raises(Error, match="from tick 5 to tick 4"):
        song.cut(5, 4)


def test_only_and_merged():
    kinds = [Part(1), Part(0, True), Part(2)]
    song = piece((0, 1, 60, 80, 0), (1, 1, 36, 80, 1), (2, 1, 62, 80, 2), parts=kinds)
    swapped = song.only([2, 0])
    assert swapped.parts == (kinds[2], kinds[0])
    assert swapped.notes[["pitch", "part"]].tolist() == [(60, 1), (62, 0)]
    merged = song.merged()
    assert merged.parts == (kinds[0], kinds[1])
    assert merged.notes["part"].tolist() == [0, 1, 0]


def test_melody_is_the_highest_voice():
    kinds = [Part(1), Part(0, True), Part(2)]
    song = piece(
        (0, 30, 72), (0, 10, 60), (10, 10, 64), (20, 20, 76), (30, 40, 50), (45, 9, 55, 80, 2),
        (45, 9, 90, 80, 1), parts=kinds,
    )  # fmt: skip
    assert rows(song.melody()) == [(0, 20, 72), (20, 20, 76), (45, 9, 55)]


@pytest.mark.parametrize("seed", range(12))
def test_melody_by_a_loop_over_notes(seed):
    song = anything(seed)
    pitched = sorted(
        (on, -pitch, -long)
        for on, long, pitch, _, part in song.notes.tolist()
        if not song.parts[part].is_drum
    )
    kept = []
    for i, (on, low, long) in enumerate(pitched):
        above = (o - n for o, p, n in pitched[:i] if p < low)
        if max(above, default=0) <= on and (not kept or kept[-1][0] < on):
            kept.append((on, -long, -low))
    ends = [on for on, *_ in kept[1:]] + [song.length]
    expected = [(on, min(n, end - on), p) for (on, n, p), end in zip(kept, ends, strict=True)]
    assert rows(song.melody()) == expected


def test_a_note_is_held_until_the_pedal_goes_up_or_it_is_struck_again():
    pedal = np.array([(10, 0, 64), (40, 0, 63), (40, 0, 127), (60, 0, 0), (70, 0, 80)], PEDAL)
    song = piece(
        (0, 10, 60),  # ends as the pedal goes down: held until 40
        (0, 9, 61),  # before it: not
        (12, 3, 62),  # held until it is struck
        (30, 5, 62),  # and this one until 40
        (38, 2, 63),  # ends where the pedal changes: it is down again, until 60
        (50, 10, 64),  # ends as the pedal goes up
        (75, 1, 65),  # held to the end
        (12, 3, 66, 80, 1),  # another part without a pedal
        (12, 30, 67),  # struck while it sounds: it is not held beyond its own end
        (20, 3, 67),
        parts=2, pedal=pedal, length=90,
    ).pedalled()  # fmt: skip
    assert sorted((p, on, on + n) for on, n, p in rows(song)) == [
        (60, 0, 40), (61, 0, 9), (62, 12, 30), (62, 30, 40), (63, 38, 60), (64, 50, 60),
        (65, 75, 90), (66, 12, 15), (67, 12, 42), (67, 20, 40),
    ]  # fmt: skip
    assert not len(song.pedal)


@pytest.mark.parametrize("seed", range(12))
def test_pedal_by_a_loop_over_notes(seed):
    song = anything(seed)
    expected = []
    for on, long, pitch, velocity, part in song.notes.tolist():
        own = [(t, v >= 64) for t, p, v in song.pedal.tolist() if p == part]
        before = [down for t, down in own if t <= on + long]
        end = on + long
        if before and before[-1] and not song.parts[part].is_drum:
            up = min((t for t, down in own if t > end and not down), default=song.length)
            again = [
                o for o, _, p, _, k in song.notes.tolist() if (p, k, o > on) == (pitch, part, True)
            ]
            end = max(end, min([up, *again]))
        expected.append((on, end - on, pitch, velocity, part))
    assert song.pedalled() == Piece(**vars(song) | {
        "notes": np.array(expected, NOTE), "pedal": np.zeros(0, PEDAL)
    })  # fmt: skip


@pytest.mark.parametrize("n_steps", [96, 48, 16])
def test_phrases_come_back_from_a_piece(n_steps):
    phrases = np.random.default_rng(0).random((2, 4, n_steps, 84, 5)) < 0.3
    song = from_phrases(phrases)
    assert np.array_equal(to_phrases(song, n_steps), phrases)
    assert [part.name for part in song.parts] == list(TRACKS)
    assert song.bars().tolist() == list(range(0, 8 * n_steps, n_steps))


def test_a_piece_as_phrases():
    kinds = [Part(0), Part(0, True), Part(120)]  # the last is of no family
    song = piece(
        (0, 24, 24), (24, 24, 24), (0, 40, 107), (0, 9, 108),
        (48, 30, 36, 80, 1), (48, 1, 36, 80, 1), (0, 96, 60, 80, 2), parts=kinds, length=103,
    )  # fmt: skip
    cells = to_phrases(song, n_steps=16, n_bars=1)
    expected = np.zeros((2, 1, 16, 84, 5), bool)
    expected[0, 0, [0, 1, 2, 4, 5, 6, 7], 0, 1] = True
    expected[0, 0, :7, 83, 1] = True
    expected[0, 0, 8, 12, 0] = True
    assert np.array_equal(cells, expected)


def test_only_common_time_becomes_phrases():
    with pytest.raises(Error, match="song: from bar 2 it is in 3/8"):
        to_phrases(piece((0, 5, 60), meters=[(0, 4, 4), (100, 3, 8)]))
    with pytest.raises(Error, match="song: bar 2 is cut short by a new 4/4"):
        to_phrases(piece((0, 5, 60), meters=[(0, 4, 4), (100, 4, 4)]))
