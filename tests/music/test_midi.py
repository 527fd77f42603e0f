"""Reads MIDI by each rule, compares with pypianoroll, and writes MIDI."""

import io
import struct
import tarfile
import tracemalloc
import warnings

import mido
import numpy as np
import pretty_midi
import pypianoroll
import pytest
import symusic

from musegen import Error, budget
from musegen.music import marker, midi
from musegen.music.midi import PROGRAMS, RULES
from musegen.music.phrases import TRACKS


def file(*tracks, kind=1, tpq=24) -> bytes:
    """MIDI bytes of tracks given as `(tick, message)` lists."""
    out = mido.MidiFile(type=kind, ticks_per_beat=tpq)
    for events in tracks:
        track, last = mido.MidiTrack(), 0
        for tick, message in sorted(events, key=lambda event: event[0]):
            track.append(message.copy(time=tick - last))
            last = tick
        out.tracks.append(track)
    stream = io.BytesIO()
    out.save(file=stream)
    return stream.getvalue()


def header(division) -> bytes:
    """A file of one track up to that track's length."""
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, division) + b"MTrk"


def note(pitch, start, stop, channel=0, velocity=80):
    return [
        (start, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (stop, mido.Message("note_off", note=pitch, channel=channel)),
    ]


def meta(tick, kind, **values):
    return [(tick, mido.MetaMessage(kind, **values))]


METER = meta(0, "time_signature", numerator=4, denominator=4)


def runs(song, pitch):
    """`first-last` of every run of a pitch, as the specification's table writes them."""
    steps = np.sort(np.concatenate([p.cells[0][p.cells[1] == pitch] for p in song.parts]))
    groups = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    return [(int(g[0]), int(g[-1])) for g in groups if len(g)]


TABLE = {  # at 120 beats a minute, in ticks of 1/1000 beat
    "paper": {60: [(0, 22), (24, 46)], 64: [(48, 94)], 67: []},
    "lpd": {60: [(0, 22), (24, 48)], 64: [(48, 96)], 67: [(96, 96)]},
    "pypianoroll1": {60: [(0, 22), (24, 47)], 64: [(48, 95)], 67: []},
}


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_fill_the_cells_of_the_table(rule):
    beat = 1000
    data = file(
        METER
        + note(60, 0, beat)
        + note(60, beat, 2 * beat)
        + note(64, 2 * beat, 4 * beat)
        + note(67, 4 * beat, 4 * beat + 40)
        + note(36, 0, 10, channel=9)
        + note(38, beat, beat + 10, channel=9),
        tpq=beat,
    )
    song = midi.read(data, rule)
    assert {pitch: runs(song, pitch) for pitch in TABLE[rule]} == TABLE[rule]
    assert runs(song, 36) == [(0, 0)]
    assert runs(song, 38) == [(24, 24)]


def test_unknown_rule_lists_the_rules():
    with pytest.raises(Error, match="choose paper, lpd, pypianoroll1"):
        midi.read(b"", "papers")


def test_type_0_running_status_and_drums_on_channel_10():
    body = bytes.fromhex("00 90 3c 40 18 3c 00 00 99 24 40 06 24 00 00 ff 2f 00")
    song = midi.read(header(24) + struct.pack(">I", len(body)) + body)
    assert [(p.program, p.is_drum) for p in song.parts] == [(0, False), (0, True)]
    assert song.parts[1].cells.tolist() == [[24], [36], [64]]


def test_overlapping_notes_and_notes_without_an_end():
    """A note-off ends all open notes of its pitch; a note without one is dropped."""
    data = file(
        METER
        + note(60, 0, 20)
        + note(60, 10, 40)
        + [(0, mido.Message("note_on", note=64, velocity=80))]
        + note(67, 0, 48)
    )
    song = midi.read(data, "pypianoroll1")
    assert runs(song, 60) == [(0, 8), (10, 19)]
    assert runs(song, 64) == []
    assert runs(song, 67) == [(0, 47)]


def test_tempo_and_meter_changes_place_the_beats():
    data = file(
        METER
        + meta(0, "set_tempo", tempo=500_000)
        + meta(60, "set_tempo", tempo=250_000)
        + meta(96, "time_signature", numerator=3, denominator=4)
        + note(60, 0, 12)
        + note(62, 96, 108)
        + note(64, 168, 240)
    )
    song = midi.read(data)
    assert song.signatures == ((0.0, 4, 4), (4.0, 3, 4))
    assert song.downbeats.tolist() == [0, 96, 168]
    assert [runs(song, pitch)[0][0] for pitch in (60, 62, 64)] == [0, 96, 168]
    assert song.tempo[0] == pytest.approx(120)
    assert song.tempo[-1] == pytest.approx(240)


def test_empty_tracks_are_no_parts_and_names_and_programs_are_kept():
    data = file(
        METER,
        [],
        meta(0, "track_name", name="Bass")
        + [(0, mido.Message("program_change", program=33))]
        + note(40, 0, 24),
    )
    (part,) = midi.read(data).parts
    assert (part.name, part.program, part.is_drum) == ("Bass", 33, False)


def test_phrases_take_families_and_steps():
    data = file(
        METER + [(0, mido.Message("program_change", program=33))] + note(40, 0, 24),
        note(36, 48, 50, channel=9),
        note(60, 4 * 96, 4 * 96 + 24),
    )
    x = midi.phrases(data, n_steps=48)
    assert x.shape == (2, 4, 48, 84, 5)
    assert np.argwhere(x[0, ..., 0]).tolist() == [[0, 24, 12]]
    assert x[0, 0, :, 16, 3].sum() == 12
    assert x[1, 0, :12, 36, 1].sum() == 12


BAD = {
    "not a MIDI file": b"RIFF....",
    "there is no note": file(METER),
    "damaged": file(METER + note(60, 0, 24))[:-8],
    "damaged MIDI file": header(24) + b"\xff\xff\xff\xff\0",
    "film frames": header(0xE728) + b"\0\0\0\0",
    "more than 10,000 beats": file(METER + note(60, 0, 24 * 120_000)),
}


@pytest.mark.parametrize("reason", BAD)
def test_bad_files_get_one_line(reason, tmp_path):
    path = tmp_path / "bad.mid"
    path.write_bytes(BAD[reason])
    with pytest.raises(Error, match=rf"bad\.mid: .*{reason}") as caught:
        midi.read(path)
    assert "\n" not in str(caught.value)


def test_missing_file_and_wrong_object():
    with pytest.raises(Error, match="no such file"):
        midi.read("nowhere.mid")
    with pytest.raises(Error, match="a dict is no MIDI file"):
        midi.read({})


def test_many_notes_at_one_instant():
    body = b"\0\x90\x3c\x40" + b"\0\x3c\x40" * 10**5 + b"\x60\x3c\0" + b"\0\x3c\0" * 10**5
    body += b"\0\xff\x2f\0"
    data = header(96) + struct.pack(">I", len(body)) + body
    assert midi.read(data).parts[0].cells.shape == (3, 23)


@pytest.mark.parametrize("n_steps", [8, 48, 96])
@pytest.mark.parametrize("gap", [0, 1])
def test_phrases_to_midi_and_back_is_lossless(n_steps, gap, tmp_path):
    """Every cell: repeated notes, neighbouring drum hits, the silence at the end."""
    rng = np.random.default_rng(n_steps)
    x = rng.random((3, 4, n_steps, 84, 5)) < 0.05
    x[..., 1:] |= np.roll(x[..., 1:], 1, axis=2)
    x[-1, -2:] = False
    path = midi.write(x, tmp_path / "x.mid", gap=gap)
    assert np.array_equal(midi.phrases(path), x)
    assert np.array_equal(midi.phrases(path, n_steps, gap=gap), x)
    assert len(midi.read(path, resolution=24).parts) == 5


def test_rest_0_writes_as_the_original_and_pypianorolls_rule_reads_it():
    x = np.zeros((1, 4, 96, 84, 5), bool)
    x[0, 0, 0:23, 36, 1] = x[0, 0, 24:47, 36, 1] = True
    score = midi.to_score(x, rest=0, tempo=120)  # 0.5 s a beat: no rounding of floats
    assert [n.duration for n in score.tracks[1].notes] == [23, 23]
    assert np.array_equal(midi.phrases(score.dumps_midi(), rule="pypianoroll1"), x)
    assert np.array_equal(midi.phrases(score.dumps_midi()), x)


@pytest.mark.parametrize("n_steps", [20, 36, 64])
def test_any_whole_number_of_steps_a_beat_is_written_in_time(n_steps):
    x = np.zeros((2, 1, n_steps, 84, 5), bool)
    x[1, 0, 0, 40, 1] = True
    score = midi.to_score(x, gap=0)
    assert score.tracks[1].notes[0].time == 4 * score.tpq
    assert np.array_equal(midi.phrases(score.dumps_midi()), x)


def test_silence_is_written_and_read():
    x = np.zeros((2, 4, 48, 84, 5), bool)
    assert np.array_equal(midi.phrases(midi.to_score(x).dumps_midi()), x)


def test_notes_added_after_the_marker_are_read():
    score = midi.to_score(np.zeros((1, 1, 96, 84, 5), bool))
    score.tracks[1].notes.append(symusic.Note(4 * 96, 24, 60, 80))
    song = midi.read(score.dumps_midi())
    assert runs(song, 60) == [(384, 406)]
    assert song.roll().shape[0] == 5 * 96


def test_a_marker_far_away_is_refused():
    score = midi.to_score(np.zeros((1, 4, 96, 84, 5), bool))
    score.markers[0].time = 2 * 10**8
    with pytest.raises(Error, match="more than 10,000 beats"):
        midi.read(score.dumps_midi())


@pytest.mark.parametrize("numbers", [(0, 96, 0, 1), (4, 0, 0, 1), (4, 50, 0, 1), (4, 96, 9999, 1)])
def test_a_marker_with_wrong_numbers_is_ignored(numbers):
    score = midi.to_score(np.ones((1, 1, 96, 84, 5), bool), gap=0)
    names = ("n_bars", "n_steps", "gap", "rest")
    score.markers[0].text = marker.TEXT.format(**dict(zip(names, numbers, strict=True)))
    assert midi.phrases(score.dumps_midi()).shape[1:] == (4, 96, 84, 5)


def test_a_time_signature_repeated_in_every_track_counts_once():
    song = midi.read(file(METER, METER + note(60, 0, 24)))
    assert song.signatures == ((0.0, 4, 4),)


def test_a_note_inside_another_does_not_end_it():
    """The long note goes on after a silent step before the short one, as in pypianoroll."""
    source = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(80, 60, 0, 2), pretty_midi.Note(80, 60, 0.5, 1)]
    source.instruments.append(piano)
    ours = midi.read(source, "pypianoroll1")
    theirs = pypianoroll.from_pretty_midi(source).tracks[0].pianoroll > 0
    assert np.array_equal(dense(ours.parts[0], ours.n_steps), theirs)


def test_overlapping_attacks_with_one_end_are_one_note():
    """The parser ends only the first open attack; pretty_midi would end all."""
    strikes = [(tick, mido.Message("note_on", note=60, velocity=80)) for tick in (0, 24, 48)]
    data = file(METER + strikes + [(72, mido.Message("note_off", note=60))])
    assert runs(midi.read(data, "pypianoroll1"), 60) == [(0, 71)]


def test_written_files_have_the_asked_tempo_programs_velocity_and_gap(tmp_path):
    x = np.zeros((2, 4, 48, 84, 5), bool)
    x[:, 0, 0, 30] = True
    seen = pretty_midi.PrettyMIDI(str(midi.write(x, tmp_path / "x.mid")))
    assert [(i.name, i.program, i.is_drum) for i in seen.instruments] == [
        (name, PROGRAMS[name], name == "drums") for name in TRACKS
    ]
    assert seen.get_tempo_changes()[1] == pytest.approx([100])
    assert {n.velocity for i in seen.instruments for n in i.notes} == {100}
    assert seen.instruments[0].notes[1].start == pytest.approx(5 * 4 * 0.6)
    fast = midi.to_pretty_midi(x, tempo=80, velocity=70, gap=0, programs={"piano": 4})
    assert fast.instruments[1].program == 4
    assert fast.instruments[1].notes[1].start == pytest.approx(4 * 4 * 0.75)


def test_pretty_midi_and_pypianoroll_objects_are_taken_and_given():
    x = np.random.default_rng(3).random((2, 4, 48, 84, 5)) < 0.02
    song = midi.read(midi.to_pretty_midi(x), resolution=12)
    assert np.array_equal(midi.phrases(song, 48, gap=1), x)
    multitrack = midi.to_multitrack(x)
    assert isinstance(multitrack, pypianoroll.Multitrack)
    assert np.array_equal(midi.phrases(multitrack, 48, gap=1), x)


def test_full_disk_and_wrong_tracks():
    x = np.zeros((1, 4, 48, 84, 5), bool)
    with pytest.raises(Error, match="cannot be written"):
        midi.write(x, "/dev/null/x.mid")
    for convert in (midi.to_score, midi.to_multitrack):
        with pytest.raises(Error, match="the phrases have 5 tracks, but 2 names"):
            convert(x, tracks=("drums", "bass"))
    for wrong in ({"velocity": 200}, {"tempo": 0}):
        with pytest.raises(Error, match="give 4 to 1000 beats a minute"):
            midi.to_score(x, **wrong)


# Parity with pypianoroll 1.0.4 over the corpora. Deliberate differences, each with its reason:
# 1. Tempo and meter events outside the first track are obeyed (pretty_midi ignores them, although
#    sequencers write them): the reference reads a copy with those events moved to the first track.
# 2. A note belongs to the program it began with (pretty_midi: the one it ends with). In these three
#    files programs change under held notes, and the rolls differ by some cells there.
PROGRAM_CHANGES = {"d_dm18.mid", "d_e2m9.mid", "d_map30.mid"}
# 3. Attacks of one pitch with fewer ends than attacks: see the test above. None is in the corpora.
# 4. A file of a single beat is read (pypianoroll raises IndexError).
SINGLE_BEAT = {"dummy.mid"}


def reference(data: bytes) -> pypianoroll.Multitrack:
    source = mido.MidiFile(file=io.BytesIO(data))
    events, seen = [], []
    for k, track in enumerate(source.tracks):
        now, last, kept = 0, 0, mido.MidiTrack()
        for message in track:
            now += message.time
            conducts = message.type in ("set_tempo", "time_signature", "key_signature")
            if k == 0 or (conducts and (now, message.copy(time=0)) not in seen):
                events.append((now, message))
            if conducts:
                seen.append((now, message.copy(time=0)))
            if not conducts:
                kept.append(message.copy(time=now - last))
                last = now
        source.tracks[k] = kept
    first, last = mido.MidiTrack(), 0
    for now, message in sorted(events, key=lambda event: event[0]):
        first.append(message.copy(time=now - last))
        last = now
    source.tracks[0] = first
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pypianoroll.from_pretty_midi(pretty_midi.PrettyMIDI(mido_object=source))


def by_program(tracks):
    rolls = {}
    for program, is_drum, roll in tracks:
        if roll.any():
            key = int(program), bool(is_drum)
            rolls[key] = rolls[key] | roll if key in rolls else roll
    return rolls


def dense(part, n_steps):
    roll = np.zeros((n_steps, 128), bool)
    roll[part.cells[0], part.cells[1]] = True
    return roll


# The quick tests read every twelfth file of Freedoom, and so on; the slow ones every third file.
SHARES = {"freedoom": 12, "jsb": 8, "nottingham": 60, "piano_midi": 40, "pop909": 90}


@pytest.mark.parametrize(
    ("corpus", "every"),
    [*SHARES.items(), *(pytest.param(corpus, 3, marks=pytest.mark.slow) for corpus in SHARES)],
)
def test_pypianoroll1_equals_pypianoroll_on_real_files(corpus, every, shared_data):
    with tarfile.open(shared_data / f"{corpus}.tar.xz") as archive:
        files = {
            member.name.split("/")[-1]: archive.extractfile(member).read()
            for member in archive
            if member.name.endswith(".mid")
        }
    names = sorted(set(files) - PROGRAM_CHANGES - SINGLE_BEAT)[::every]
    assert len(names) > 7
    for name in names:
        expected = reference(files[name])
        song = midi.read(files[name], "pypianoroll1")
        theirs = by_program((t.program, t.is_drum, t.pianoroll > 0) for t in expected.tracks)
        ours = by_program((p.program, p.is_drum, dense(p, song.n_steps)) for p in song.parts)
        assert ours.keys() == theirs.keys(), name
        assert all(np.array_equal(ours[key], theirs[key]) for key in ours), name


# The way back into a song's own time.

TEMPI = meta(0, "set_tempo", tempo=500_000) + meta(200, "set_tempo", tempo=700_000)


LATE = meta(48, "time_signature", numerator=4, denominator=4)


def hits(*ticks):
    return [event for tick in ticks for event in note(36, tick, tick + 2, channel=9)]


def pickup(quarters):
    """Returns a song whose first bar, before those of 4/4, has this number of quarters."""
    first = meta(0, "time_signature", numerator=quarters, denominator=4)
    return first + meta(24 * quarters, "time_signature", numerator=4, denominator=4)


@pytest.mark.parametrize(
    ("meters", "lead", "bars"),
    [([], 0, [0, 0, 1, 4]), (METER, 0, [0, 0, 1, 4]), (pickup(1), 3, [0, 1, 2, 4])],
)
def test_a_pickup_stands_at_the_end_of_the_first_bar(meters, lead, bars):
    ticks = [0, 24, 96 + 48, 96 * 4]
    data = file(meters + hits(*ticks))
    song = midi.read(data)
    assert song.pickup == lead
    step, bar = np.array(ticks) // 2 + 12 * lead, song.bars(48)
    assert np.argwhere(bar)[:, :2].tolist() == np.stack([step // 48, step % 48], 1).tolist()
    assert (step // 48).tolist() == bars
    assert bar.shape[0] == 5
    assert not song.lasts(48)[0, : 12 * lead].any()
    assert song.lasts(48).sum() == 12 * 17  # to the end of the last beat with a note


@pytest.mark.parametrize("tpq", [24, 25, 480, 32_767])
@pytest.mark.parametrize("meters", [METER, pickup(3), LATE])
def test_a_song_written_again_sounds_at_the_same_time(meters, tpq):
    """Hits off the beat, through a tempo change in the middle of a beat."""
    scale = [(tick * tpq // 24, message) for tick, message in meters + TEMPI]
    ticks = [tpq * k // 3 for k in range(6, 50)]
    data = file(scale + hits(*ticks) + note(60, 0, 20 * tpq), tpq=tpq)
    song = midi.read(data)
    again = midi.to_score_like(song.bars(48), data).dumps_midi()
    before, after = (pretty_midi.PrettyMIDI(io.BytesIO(x)) for x in (data, again))
    times = [
        [n.start for i in music.instruments if i.is_drum for n in i.notes]
        for music in (before, after)
    ]
    assert times[1] == pytest.approx(times[0], abs=0.7 / 12 + 1e-6)
    assert after.get_end_time() == pytest.approx(before.get_end_time(), abs=0.01)
    assert np.array_equal(midi.read(again).bars(48), song.bars(48))


@pytest.mark.parametrize("n_steps", [8, 48, 96])
def test_bars_written_like_a_song_are_read_again_cell_by_cell(n_steps):
    data = file(METER + note(60, 0, 96 * 7))
    bars = np.random.default_rng(0).random((7, n_steps, 84, 5)) < 0.1
    bars[-1, -1] = False  # no time is left for the end of a note
    again = midi.to_score_like(bars, data).dumps_midi()
    assert np.array_equal(midi.read(again).bars(n_steps), bars)
    with pytest.raises(Error, match="array of 7 bars"):
        midi.to_score_like(bars[:3], data)


def test_what_lies_outside_the_song_is_not_written():
    data = file(pickup(1) + note(60, 0, 24 * 3))
    song = midi.read(data)
    again = midi.read(midi.to_score_like(np.ones((2, 48, 84, 5), bool), data).dumps_midi())
    assert again.bars(48).shape == song.bars(48).shape
    assert np.array_equal(again.bars(48).any(axis=(2, 3)), song.lasts(48))


def test_markers_of_musegen_are_dropped_and_others_kept(tmp_path):
    x = np.zeros((1, 2, 48, 84, 5), bool)
    x[0, 0, 0, 30, 1] = True
    score = midi.to_score(x, gap=1)
    score.markers.append(symusic.TextMeta(0, "verse"))
    data = score.dumps_midi()
    path = midi.write_like(midi.read(data).bars(48), data, tmp_path / "like.mid")
    assert [mark.text for mark in symusic.Score.from_file(str(path)).markers] == ["verse"]


def notes_of_pretty_midi(**wrong) -> pretty_midi.PrettyMIDI:
    """Returns a pretty_midi object of one note with a wrong value."""
    made, part = pretty_midi.PrettyMIDI(), pretty_midi.Instrument(wrong.pop("program", 33))
    note = pretty_midi.Note(100, 60, 0.0, 1.0)
    for name, value in wrong.items():
        setattr(note, name, value)
    part.notes.append(note)
    made.instruments.append(part)
    return made


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": float("inf")}, {"start": float("nan")}, {"start": -1.0}, {"end": 1e9},
        {"pitch": 128}, {"pitch": -1}, {"velocity": 200}, {"velocity": None}, {"program": 300},
    ],
)  # fmt: skip
@pytest.mark.parametrize("rule", RULES)
def test_objects_of_pretty_midi_must_be_valid_midi(wrong, rule):
    with pytest.raises(Error, match=r"^x: this pretty_midi object is not valid MIDI .*\)$"):
        midi.read(notes_of_pretty_midi(**wrong), rule, name="x")


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 0}, {"resolution": -1}, {"resolution": 100_000}, {"tempo": [np.nan] * 96},
        {"roll": np.full((96, 128), np.nan)}, {"roll": np.zeros((96, 84))}, {"roll": np.zeros(96)},
        {"roll": np.full((96, 128), -1)}, {"roll": np.full((96, 128), "x")}, {"program": -1},
    ],
)  # fmt: skip
def test_objects_of_pypianoroll_must_be_valid_midi(wrong):
    track = pypianoroll.BinaryTrack(pianoroll=np.ones((96, 128), bool))
    made = pypianoroll.Multitrack(resolution=24, tracks=[track])
    assert midi.phrases(made).shape == (1, 4, 96, 84, 5)
    if "roll" in wrong:
        track.pianoroll = wrong["roll"]
    track.program = wrong.get("program", 0)
    made.resolution, made.tempo = wrong.get("resolution", 24), np.array(wrong.get("tempo", []))
    with pytest.raises(Error, match=r"^x: this pypianoroll object is not valid MIDI .*\)$"):
        midi.read(made, name="x")


@pytest.mark.parametrize("rule", RULES)
def test_our_file_without_a_note_or_a_meter_is_read_by_every_rule(rule):
    score = midi.to_score(np.zeros((1, 1, 96, 84, 5), bool))
    score.time_signatures.clear()
    assert not midi.read(score.dumps_midi(), rule).roll().any()


def held(n_pitches: int, n_beats: int) -> bytes:
    """A small file of long notes."""
    notes = [event for pitch in range(n_pitches) for event in note(pitch, 0, 24 * n_beats)]
    return file(METER + notes)


@pytest.mark.parametrize("source", ["bytes", "pretty_midi"])
@pytest.mark.parametrize(
    ("n_pitches", "n_beats", "what"), [(128, 9_900, "cells"), (1, 11_000, "beats")]
)
def test_small_files_get_no_more_than_the_budget(source, n_pitches, n_beats, what):
    data = held(n_pitches, n_beats)
    assert len(data) < 2000
    given = data if source == "bytes" else pretty_midi.PrettyMIDI(io.BytesIO(data))
    tracemalloc.start()
    with pytest.raises(Error, match=rf"^x: more than [\d,]+ {what}, the file is damaged"):
        midi.read(given, name="x")
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()


def test_a_large_midi_file_is_not_parsed(tmp_path):
    (tmp_path / "x.mid").write_bytes(b"MThd" + bytes(budget.MIDI_BYTES))
    with pytest.raises(Error, match=r"x\.mid: too large for one song"):
        midi.read(tmp_path / "x.mid")
