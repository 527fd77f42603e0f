"""Pieces that are joined into one."""

import numpy as np
from music.test_piece import anything, piece

from musegen.music.piece import Part
from musegen.music.piece_chain import chain_pieces

PIANO, FLUTE = Part(0, False, "piano"), Part(73, False, "flute")


def test_each_piece_starts_a_bar_with_its_own_time():
    waltz = piece((0, 24, 60), (48, 30, 64), parts=[PIANO], meters=[(0, 3, 4)], tempi=[(0, 600000)])
    march = piece((0, 24, 62), parts=[FLUTE, PIANO], length=96)
    both = chain_pieces([waltz, march, waltz], gap=1)
    # Bars of 72 ticks: two of the waltz and a silent one, then 4/4 at the default tempo.
    assert both.meters == ((0, 3, 4), (216, 4, 4), (408, 3, 4))
    assert both.tempi == ((0, 600000), (216, 500000), (408, 600000))
    assert both.notes["onset"].tolist() == [0, 48, 216, 408, 456]
    assert both.parts == (PIANO, FLUTE)
    assert both.notes["part"].tolist() == [0, 0, 1, 0, 0]
    assert both.length == 408 + 78


def test_parts_of_a_chain_are_cut_out_again():
    songs = [song for song in map(anything, range(1, 20)) if len(song) and song.length][:6]
    whole = chain_pieces(songs, gap=0, name="all")
    start = 0
    for song in songs:
        own = whole.cut(
            start, start + song.length * whole.ticks_per_quarter // song.ticks_per_quarter
        )
        again = own.quantised(song.ticks_per_quarter)
        assert np.array_equal(again.notes["onset"], song.notes["onset"])
        assert np.array_equal(np.sort(again.notes["pitch"]), np.sort(song.notes["pitch"]))
        lines = song.quantised(whole.ticks_per_quarter).bars(closed=True)
        start += int(lines[-1])


def test_a_pedal_is_lifted_at_the_end_of_its_piece():
    held = piece((0, 24, 60), parts=[PIANO], pedal=[(12, 0, 127)], length=96)
    both = chain_pieces([held, held])
    assert both.pedal.tolist() == [(12, 0, 127), (96, 0, 0), (108, 0, 127), (192, 0, 0)]
