"""Songs as triples: as pieces, or as an original code reads MIDI files; their splits."""

import numpy as np
import pytest
from music.test_piece import piece

from musegen import Error
from musegen.data import note_store
from musegen.data.piece_loading import load_pieces
from musegen.data.triple_loading import load_triples
from musegen.music.midi import write_piece
from musegen.music.tokens import triples
from musegen.music.tokens.triples import BACHPROP, PRESETS


def test_midi_files_are_read_as_the_code_of_the_settings_does(tmp_path):
    """Notes that begin together: by pitch in a piece, by their ends in the original code."""
    song = piece((0, 48, 60), (0, 24, 72), (48, 24, 64))
    write_piece(song, tmp_path / "song.mid")
    data = (tmp_path / "song.mid").read_bytes()
    for settings in (PRESETS["repo"], BACHPROP):
        (found,) = load_triples(str(tmp_path), settings).songs
        expected = triples.of_file(data, "song.mid", settings)
        np.testing.assert_array_equal(found.rows, expected.rows)
    (found,) = load_triples(str(tmp_path), PRESETS["paper"]).songs
    assert found.rows[:, 2].tolist() == [60, 72, 64]
    assert load_triples(str(tmp_path), PRESETS["repo"]).songs[0].rows[:, 2].tolist()[0] == 72


def test_splits_and_songs_without_notes(tmp_path):
    songs = [(piece((0, 24, 60 + k)), split) for k, split in enumerate(("train", "test", "train"))]
    drums = piece((0, 24, 36), parts=[type(songs[0][0].parts[0])(0, True)])
    note_store.write([*songs[:1], (drums, "train"), *songs[1:]], tmp_path / "store")
    found = load_triples(str(tmp_path / "store"), PRESETS["paper"])
    assert [int(song.rows[0, 2]) for song in found.of("train")] == [60, 62]
    assert [int(song.rows[0, 2]) for song in found.of("test")] == [61]
    assert len(found.skipped) == 1
    assert load_triples("demo", PRESETS["paper"]).splits == list(load_pieces("demo").splits)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_source_without_notes_is_named(tmp_path, preset):
    with pytest.raises(Error, match=str(tmp_path)):
        load_triples(str(tmp_path), PRESETS[preset])
    write_piece(piece(length=96), tmp_path / "silent.mid")
    with pytest.raises(Error, match=f"{tmp_path.name}.*: no .*silent.mid"):
        load_triples(str(tmp_path), PRESETS[preset])
