"""Notes in the order in which pretty_midi lists them."""

import io
import tarfile
import warnings
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pytest
from music.test_midi import file, meta, note
from music.test_piece import anything, piece

from musegen.music.midi import note_list, piece_to_score
from musegen.music.piece import Part

CORPORA = {"nottingham": 10, "piano_midi": 3, "freedoom": 4, "pop909": 3}  # files


def check(data: bytes) -> None:
    """Compares a file with pretty_midi, to the last bit."""
    listed = note_list.of_file(data, "song")
    with warnings.catch_warnings(action="ignore"):
        midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    theirs = [
        (note.start, note.end, note.pitch, part.is_drum)
        for part in midi.instruments
        for note in part.notes
    ]
    theirs.sort(key=lambda row: row[0])
    seconds, (times, tempi) = listed.clock()
    onset, end, *rest = listed.notes.T
    ours = np.stack([seconds(onset), seconds(end), *rest], axis=1)
    np.testing.assert_array_equal(ours, np.array(theirs).reshape(-1, 4))
    np.testing.assert_array_equal((times, tempi), midi.get_tempo_changes())
    assert listed.n_meters == len(midi.time_signature_changes)


@pytest.mark.parametrize("seed", range(30))
def test_any_file_is_listed_as_pretty_midi_does(seed):
    song = anything(seed)
    check(piece_to_score(replace(song, pedal=song.pedal[:0])).dumps_midi())


@pytest.mark.parametrize("seed", range(20))
def test_so_is_a_file_of_random_messages(seed):
    """Ends without a beginning, two at once, programs that change under notes, running status."""
    rng = np.random.default_rng(seed)

    def messages():
        tick = 0
        for _ in range(rng.integers(1, 120)):
            tick += int(rng.integers(0, 3))
            channel, pitch = int(rng.choice([0, 1, 9])), int(rng.integers(60, 63))
            kind = rng.choice(["note_on", "note_off", "program_change"], p=[0.5, 0.4, 0.1])
            if kind == "program_change":
                yield tick, mido.Message(kind, program=int(rng.integers(3)), channel=channel)
            else:
                velocity = int(rng.choice([0, 80]))
                yield tick, mido.Message(kind, note=pitch, velocity=velocity, channel=channel)

    facts = [
        event
        for k in range(rng.integers(0, 5))
        for event in meta(int(rng.integers(40)), "set_tempo", tempo=400_000 + 9_999 * k)
        + meta(int(rng.integers(40)), "time_signature", numerator=2 + k, denominator=4)
    ]
    check(file([*facts, *messages()], [*messages()], [*facts, *messages()]))


@pytest.mark.parametrize("corpus", CORPORA)
def test_corpora(corpus, shared_data):
    left = CORPORA[corpus]
    with tarfile.open(shared_data / f"{corpus}.tar.xz") as archive:
        for member in archive:
            if left and member.name.endswith(".mid"):
                check(archive.extractfile(member).read())
                left -= 1
    assert not left


def test_a_piece_is_listed_by_parts_ends_and_pitches():
    parts = [Part(), Part(0, True)]
    song = piece(
        (4, 4, 60), (4, 4, 55), (4, 2, 70), (4, 1, 36, 80, 1), (0, 1, 50, 80, 1),
        parts=parts, tempi=[(0, 600_000)], meters=[(0, 3, 4), (2, 4, 4)],
    )  # fmt: skip
    listed = note_list.of_piece(song)
    assert listed.notes.tolist() == [
        [0, 1, 50, 1], [4, 6, 70, 0], [4, 8, 55, 0], [4, 8, 60, 0], [4, 5, 36, 1],
    ]  # fmt: skip
    assert (listed.name, listed.ticks_per_quarter, listed.n_meters) == ("song", 24, 2)
    assert listed.tempi.tolist() == [[0, 600_000]]


def test_an_end_ends_all_notes_of_its_pitch_and_part_that_began_before():
    song = piece((0, 9, 60), (2, 3, 60), (5, 9, 60), (5, 0, 60), (1, 2, 60, 80, 1), parts=2)
    listed = note_list.of_piece(song)
    assert listed.notes[:, :2].tolist() == [[0, 5], [1, 3], [2, 5], [5, 5], [5, 9]]


def test_merged_tracks_end_each_others_notes():
    """A note has no length if an end stands behind it at its tick; that of a later track does."""
    first, second = note(60, 0, 9) + note(62, 4, 6), note(60, 5, 7) + note(62, 0, 4, channel=9)
    listed = note_list.merged(file(first, second), "song")
    rows = [[0, 7, 60, 0], [0, 4, 62, 1], [4, 4, 62, 0], [5, 7, 60, 0]]
    assert listed.notes.tolist() == rows
    listed = note_list.merged(file(second, first), "song")
    rows[2] = [4, 6, 62, 0]
    assert listed.notes.tolist() == rows
    endless = [(0, mido.Message("note_on", note=62, velocity=1))]
    assert not len(note_list.merged(file(endless), "song").notes)


def test_of_several_tracks_the_first_tells_tempo_and_meter():
    tempo = meta(0, "set_tempo", tempo=250_000)
    meters = meta(0, "time_signature", numerator=3, denominator=4)
    data = file(note(60, 0, 5), note(62, 0, 4) + tempo + meters)
    listed = note_list.of_file(data, "song")
    assert (listed.tempi.tolist(), listed.n_meters) == ([], 0)
    assert listed.notes[:, 2].tolist() == [60, 62]
