"""Pieces are the same after writing and reading, and agree with pretty_midi."""

import io
import tarfile
import warnings
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from music.test_midi import file, header, meta, note
from music.test_piece import anything, piece

from musegen import Error, budget
from musegen.music.midi import pedal as pedals
from musegen.music.midi import piece_to_score, read_piece, write_piece
from musegen.music.piece import PEDAL, Part, Piece

CORPORA = {"nottingham": 20, "jsb": 30, "piano_midi": 4, "freedoom": 4, "pop909": 5}  # files


def pedal(*events, channel=0):
    return [
        (tick, mido.Message("control_change", control=64, value=value, channel=channel))
        for tick, value in events
    ]


def again(piece: Piece) -> Piece:
    return read_piece(piece_to_score(piece).dumps_midi(), name=piece.name)


def first_in_first_out(song: Piece) -> Piece:
    """Returns what MIDI can store of a piece; see `musegen.music.midi.pieces`."""
    sounding = sorted({part for *_, part in song.notes.tolist()})
    pressed = {p for _, p, value in song.pedal.tolist() if value >= 64}
    kept = [k for k in pressed if k in sounding and not song.parts[k].is_drum]
    song = replace(song, pedal=song.pedal[np.isin(song.pedal["part"], kept)]).only(sounding)
    notes = song.notes.copy()
    for line in {(pitch, part) for _, _, pitch, _, part in notes.tolist()}:
        own = (notes["pitch"] == line[0]) & (notes["part"] == line[1])
        notes["duration"][own] = np.sort(song.ends[own]) - notes["onset"][own]
    return replace(song, notes=notes)


@pytest.mark.parametrize("seed", range(60))
def test_any_piece_comes_back(seed):
    song = anything(seed)
    if len(song.parts) > 15:
        song = replace(song, pedal=song.pedal[:0])
    assert again(song) == first_in_first_out(song)


def test_a_file_is_read_as_it_stands(tmp_path):
    data = file(
        meta(0, "set_tempo", tempo=500_001)
        + meta(15, "set_tempo", tempo=333_333)
        + meta(0, "time_signature", numerator=3, denominator=8)
        + meta(36, "time_signature", numerator=5, denominator=4)
        + meta(36, "key_signature", key="Bbm"),
        [(0, mido.Message("program_change", program=40))]
        + meta(0, "track_name", name="fiddle")
        + note(60, 0, 20, velocity=1)
        + note(60, 10, 40, velocity=127)
        + note(62, 5, 5),
        note(38, 7, 9, channel=9) + meta(99, "lyrics", text="end"),
    )
    song = read_piece(data, name="tune.mid")
    assert song.notes.tolist() == [
        (0, 20, 60, 1, 0),
        (5, 0, 62, 80, 0),
        (7, 2, 38, 80, 1),
        (10, 30, 60, 127, 0),
    ]
    assert song.parts == (Part(40, False, "fiddle"), Part(0, True, ""))
    assert song.tempi == ((0, 500_001), (15, 333_333))
    assert song.meters == ((0, 3, 8), (36, 5, 4))
    assert song.keys == ((36, -5, 1),)
    assert (song.name, song.ticks_per_quarter, song.length) == ("tune.mid", 24, 99)
    path = write_piece(song, tmp_path / "again.mid")
    assert read_piece(path) == song
    assert read_piece(path).name == "again.mid"


def test_the_pedal_acts_on_its_channel_in_every_track():
    """Also in a track without notes, in running status, and not on other channels or drums."""
    data = file(
        note(60, 0, 10),
        note(62, 0, 10) + note(64, 0, 10, channel=1) + note(36, 0, 10, channel=9),
        pedal((5, 127), (20, 0)) + pedal((5, 127), channel=9) + pedal((5, 63), channel=1),
    )
    song = read_piece(data)
    assert song.pedal.tolist() == [(5, 0, 127), (5, 1, 127), (20, 0, 0), (20, 1, 0)]
    ends = dict(
        zip(song.notes["pitch"].tolist(), read_piece(data, pedal="apply").ends, strict=True)
    )
    assert ends == {60: 20, 62: 20, 64: 10, 36: 10}
    assert not len(read_piece(data, pedal="apply").pedal)
    # Without its pedal a piece ends with its last note.
    assert song.length == 20
    assert read_piece(data, pedal="drop") == replace(song, pedal=song.pedal[:0], length=10)
    running = "00 90 3c 40 00 b0 07 64 00 f0 01 f7 81 00 40 7f 00 d0 01 00 80 3c 00 05 b0 40 00"
    body = bytes.fromhex(running + "00 ff 2f 00")
    song = read_piece(header(24) + len(body).to_bytes(4) + body)
    assert song.pedal.tolist() == [(128, 0, 127), (133, 0, 0)]


def test_the_pedal_finds_its_parts_where_programs_change_under_notes():
    change = [(5, mido.Message("program_change", program=7))]
    song = read_piece(file(note(60, 0, 10) + note(60, 6, 12) + change, pedal((3, 99))))
    assert [part.program for part in song.parts] == [0, 7]
    assert song.notes["part"].tolist() == [0, 1]
    assert song.pedal.tolist() == [(3, 0, 99), (3, 1, 99)]
    only = read_piece(file(note(60, 0, 10) + change, pedal((3, 99))))
    assert (only.parts[0].program, only.pedal.tolist()) == (0, [(3, 0, 99)])
    endless = [(6, mido.Message("note_on", note=60, velocity=80))]
    assert read_piece(file(note(60, 0, 10) + change + endless, pedal((3, 99)))) == only


def test_a_pedal_of_parts_that_the_parser_does_not_know_is_refused():
    data = file(note(60, 0, 10), pedal((3, 99)))
    assert pedals.read(data, [(0, False)], "tune").tolist() == [(3, 0, 99)]
    with pytest.raises(Error, match=r"tune: damaged MIDI file .*its pedal cannot be assigned"):
        pedals.read(data, [(0, False), (5, False)], "tune")


def test_pedals_of_more_parts_than_channels_are_refused():
    parts = [Part(1)] * 16
    song = piece((0, 5, 60), parts=parts, pedal=np.array([(0, 3, 127)], PEDAL))
    with pytest.raises(Error, match="song: 16 parts with a pedal need"):
        piece_to_score(song)
    assert len(again(song.pedalled())) == 1


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"RIFF", "not a MIDI file"),
        (header(24) + b"\0\0\0\x09\0", "damaged MIDI file"),
        (header(24) + b"\0\0\0\x08\x00\xff\x58\x04\x00\x02\x18\x08", "0/4 is no meter"),
        (file(note(60, 0, 5), [(50_000_000, mido.Message("pitchwheel"))]), None),
        (file(note(60, 0, 5), note(60, 50_000_000, 50_000_001)), "more than 10,000 beats"),
        (header(0x8000 + 24) + b"\0\0\0\x04\0\xff\x2f\0", "film frames"),
    ],
)
def test_damage_is_one_line_that_names_the_file(data, what):
    if what is None:  # a track without notes is no part
        assert len(read_piece(data)) == 1
        return
    with pytest.raises(Error, match=f"^tune: .*{what}") as caught:
        read_piece(data, name="tune")
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_and_music_too_long_to_write(tmp_path):
    with pytest.raises(Error, match="no such file"):
        read_piece(tmp_path / "none.mid")
    with pytest.raises(Error, match="choose keep, apply, drop"):
        read_piece(b"", pedal="press")
    with pytest.raises(Error, match="song: lasts 268,435,456 ticks"):
        piece_to_score(piece(length=1 << 28))


def test_too_many_notes_are_refused(monkeypatch):
    monkeypatch.setattr(budget, "NOTES", 1)
    with pytest.raises(Error, match="tune: more than 1 notes"):
        read_piece(file(note(60, 0, 5) + note(62, 0, 5)), name="tune")


def heard(song: Piece) -> list[tuple]:
    """Returns notes as pretty_midi reads them: a note-off ends all open notes of its pitch."""
    found, onset, ends = [], song.notes["onset"], song.ends
    line = song.notes["part"].astype(int) * 128 + song.notes["pitch"]
    for one in np.unique(line):
        own = line == one
        offs = np.sort(ends[own])
        at = np.searchsorted(offs, onset[own], side="right")
        begun = at < len(offs)
        on, velocity = onset[own][begun], song.notes["velocity"][own][begun]
        times = song.seconds(on), song.seconds(offs[at[begun]])
        found += [(*row, one % 128) for row in zip(*times, velocity, strict=True)]
    return sorted(found)


def in_first_track(data: bytes, song: Piece) -> Piece:
    """Returns the piece with the tempi of its first track only, which pretty_midi reads."""
    tick, found = 0, []
    for event in mido.MidiFile(file=io.BytesIO(data), clip=True).tracks[0]:
        tick += event.time
        if event.type == "set_tempo":
            found.append((tick, event.tempo))
    return replace(song, tempi=found)


def compare(data: bytes) -> tuple[Piece, int]:
    """Compares a file with symusic and pretty_midi; returns the latter's number of notes."""
    song = read_piece(data)
    score = symusic.Score.from_midi(data)
    columns = [(part.program, part.is_drum, part.name) for part in song.parts]
    assert columns == [(t.program, t.is_drum, t.name) for t in score.tracks]
    for k, track in enumerate(score.tracks):
        own = song.notes[song.notes["part"] == k][["onset", "duration", "pitch", "velocity"]]
        theirs = [(n.time, n.duration, n.pitch, n.velocity) for n in track.notes]
        assert sorted(own.tolist()) == sorted(theirs)
    with warnings.catch_warnings(action="ignore"):
        other = pretty_midi.PrettyMIDI(io.BytesIO(data))
    notes = [n for instrument in other.instruments for n in instrument.notes]
    theirs = np.array(sorted((n.start, n.end, n.velocity, n.pitch) for n in notes))
    ours = np.array(heard(in_first_track(data, song))).reshape(-1, 4)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6
    return song, len(notes)


@pytest.mark.parametrize("corpus", CORPORA)
def test_corpora_against_symusic_and_pretty_midi_and_back(corpus, shared_data):
    left = CORPORA[corpus]
    with tarfile.open(shared_data / f"{corpus}.tar.xz") as archive:
        for member in archive:
            if left and member.name.endswith(".mid"):
                song, _ = compare(archive.extractfile(member).read())
                assert again(song) == song
                left -= 1
    assert not left
