"""Family tables and the five-track roll of a song."""

import numpy as np
import pytest

from musegen import Error
from musegen.data import lpd
from musegen.music import midi
from musegen.music.piece_phrases import from_song
from musegen.music.song import FAMILIES, PartCells, Song, family


def test_family_tables_follow_the_published_ranges():
    lpd5 = FAMILIES["lpd5"]
    assert [lpd5[p] for p in (0, 8, 24, 32, 40, 95, 104)] == [
        "piano", "strings", "guitar", "bass", "strings", "strings", "strings",
    ]  # fmt: skip
    assert all(lpd5[p] is None for p in (*range(96, 104), *range(112, 128)))
    assert None not in FAMILIES["musegan_v1"]
    assert FAMILIES["musegan_v3"].count("strings") == 12
    assert FAMILIES["musegan_v3"][16] == "piano"
    assert family(5, is_drum=True) == "drums"
    with pytest.raises(Error, match="unknown family table"):
        family(0, False, "lpd6")


def test_a_song_has_the_notes_of_its_file(tmp_path):
    """Of a MIDI file as they are, in ticks; of an LPD file those that its cells form."""
    phrases = np.random.default_rng(0).random((2, 4, 96, 84, 5)) < 0.002
    path = midi.write(phrases, tmp_path / "song.mid", gap=0)
    song = midi.read(path)
    assert song.piece == midi.read_piece(path)
    lpd.write(lpd.merge(midi.read(path, "lpd")), tmp_path / "song.npz")
    stored = lpd.read(tmp_path / "song.npz")
    assert stored.piece == from_song(stored)
    assert len(stored.piece) > 100


def part(program, is_drum, *cells):
    return PartCells(program, is_drum, "", np.array(cells, np.int32).T.reshape(3, -1))


def test_roll_sorts_by_family_drops_far_pitches_and_takes_every_second_step():
    song = Song(
        "x",
        [
            part(0, False, (0, 24, 1), (1, 60, 1), (2, 108, 1), (3, 23, 1)),
            part(33, False, (4, 107, 1)),
            part(100, False, (5, 60, 1)),
            part(0, True, (6, 36, 9)),
        ],
        n_steps=50,
    )
    assert song.roll().shape == (96, 84, 5)
    assert np.argwhere(song.roll()).tolist() == [[0, 0, 1], [1, 36, 1], [4, 83, 3], [6, 12, 0]]
    assert np.argwhere(song.roll(n_steps=48)).tolist() == [[0, 0, 1], [2, 83, 3], [3, 12, 0]]
    assert song.roll(whole=4).shape[0] == 384
    assert np.argwhere(song.roll("musegan_v1"))[-2].tolist() == [5, 36, 4]
    with pytest.raises(Error, match="cannot become 40 a bar"):
        song.roll(n_steps=40)


def test_folded_moves_far_notes_by_octaves():
    """As few octaves as possible; drums stay, and of two notes that meet one is left."""
    far = [(0, 23, 9), (1, 11, 9), (2, 0, 9), (3, 108, 9), (4, 120, 9), (5, 127, 9)]
    song = Song(
        "x",
        [
            part(0, False, *sorted(far, key=lambda cell: (cell[1], cell[0]))),
            part(40, False, (0, 12, 5), (0, 24, 6), (1, 24, 7), (1, 107, 8)),
            part(0, True, (0, 20, 9)),
            part(33, False, (3, 24, 9), (3, 107, 9)),
        ],
        n_steps=24,
    )
    strings, bass, drums, kept = (own.cells.T.tolist() for own in song.folded().parts)
    assert sorted(strings) == [
        [0, 35, 9], [1, 35, 9], [2, 24, 9], [3, 96, 9], [4, 96, 9], [5, 103, 9]
    ]  # fmt: skip
    assert [cell[:2] for cell in bass] == [[0, 24], [1, 24], [1, 107]]  # by pitch, then step
    assert (drums, kept) == ([[0, 20, 9]], [[3, 24, 9], [3, 107, 9]])
    assert song.folded().folded().parts[1].cells.tolist() == song.folded().parts[1].cells.tolist()
    far_cells = [pitch for own in song.folded().parts for pitch in own.cells[1] if not own.is_drum]
    assert (min(far_cells), max(far_cells)) == (24, 107)
