"""Yang and Lerch's features: golden values, rolls of pretty_midi, and pieces computed by hand."""

import hashlib
import io
import tarfile

import golden
import mido
import numpy as np
import pretty_midi
import pytest
from golden import GOLDEN, agree

from musegen import Error
from musegen.metrics import mgeval
from musegen.metrics.events import (
    Events,
    FileTrack,
    Instrument,
    from_midi,
    from_phrases,
    from_pieces,
)
from musegen.music import midi
from musegen.music.piece import Part, Piece, note_array


@pytest.fixture(scope="module")
def nottingham(shared_data):
    """The contents of the golden MIDI files by name; their hashes are checked."""
    inputs = [i for i in GOLDEN["inputs"].values() if i["kind"] == "midi"]
    files = {i["file"]: i for i in inputs}
    found = {}
    with tarfile.open(shared_data / "nottingham.tar.xz") as archive:
        for member in archive:
            if member.name in files:
                data = archive.extractfile(member).read()
                assert hashlib.sha256(data).hexdigest() == files[member.name]["sha256"]
                found[member.name.split("/")[-1]] = data
    return found


def matrix(value):
    """A golden value as an array; matrices are stored by their entries that are not zero."""
    if not isinstance(value, dict):
        return value
    full = np.zeros(value["shape"])
    for row, column, entry in value["nonzero"]:
        full[row, column] = entry
    return full


def check(result, events):
    """Checks that a value agrees with that of the published code, or that both raise."""
    feature = getattr(mgeval, result["function"])
    wanted, arguments = result["value"], result["arguments"]
    if isinstance(wanted, dict) and "error" in wanted:
        with pytest.raises(Error, match=events.name):
            feature(events, **arguments)
        return
    got = feature(events, **arguments)
    if isinstance(wanted, dict) and "sum" in wanted:
        assert list(got.shape) == wanted["shape"]
        agree(got[: len(wanted["first_bars"])], wanted["first_bars"])
        agree(got.sum(axis=0), wanted["sum"])
    else:
        assert np.shape(got) == np.shape(matrix(wanted))
        agree(got, matrix(wanted))


@golden.cases("mgeval", suffix=".mid")
def test_golden(case, nottingham):
    events = from_midi(nottingham[case["input"]], case["input"])
    assert {result["function"] for result in case["result"]} == set(mgeval.FEATURES)
    for result in case["result"]:
        check(result, events)


# A piece of one pitched part -------------------------------------------------------------------


def midi_bytes(*tracks, resolution=24):
    """A MIDI file of tracks, each a list of `(absolute tick, message)`."""
    file = mido.MidiFile(ticks_per_beat=resolution)
    for messages in tracks:
        track, last = mido.MidiTrack(), 0
        for tick, message in messages:
            track.append(message.copy(time=tick - last))
            last = tick
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def meter(numerator, denominator):
    return mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)


def note(begin, end, pitch, channel=0, velocity=100):
    on = mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)
    off = mido.Message("note_off", note=pitch, channel=channel)
    return [(begin, on), (end, off)]


def ordered(*notes):
    """Sorts events by tick, and at one tick ends before starts."""
    return sorted(
        (event for pair in notes for event in pair),
        key=lambda event: (event[0], event[1].type == "note_on"),
    )


@pytest.fixture(scope="module")
def tune():
    """3/4 in 72 ticks: a quarter, an eighth, an eighth's rest, a quarter, then a dotted half."""
    notes = ordered(note(0, 24, 60), note(24, 36, 62), note(48, 72, 72), note(72, 144, 60))
    return from_midi(midi_bytes([(0, meter(3, 4)), *notes, (144, end_of_track())]), "tune")


def end_of_track():
    return mido.MetaMessage("end_of_track")


def test_by_hand(tune):
    got = mgeval.features(tune, normalize=0)
    assert list(got) == list(mgeval.FEATURES)
    assert got["total_used_pitch"] == 3
    assert got["pitch_range"] == 12
    # Durations at 120 beats a minute: C 0.5 + 0.5 + 1.5 s, D 0.25 s.
    agree(got["total_pitch_class_histogram"], np.array([2.5, 0, 0.25] + 9 * [0]) / 2.75)
    assert got["bar_used_pitch"].tolist() == [3, 1]
    assert got["total_used_note"] == 4
    assert got["bar_used_note"].tolist() == [3, 1]
    agree(got["bar_pitch_class_histogram"][:, [0, 2]], [[0.8, 0.2], [1, 0]])
    # C to D, and C to C between the last two; D ends before the rest.
    transitions = np.zeros((12, 12))
    transitions[0, 2] = transitions[0, 0] = 1
    agree(got["pitch_class_transition_matrix"], transitions)
    agree(got["avg_pitch_shift"], (2 + 10 + 12) / 3)
    agree(got["avg_IOI"], 0.5)
    # In 96ths of the bar: 32 is a half triplet, 16 a quarter triplet, 96 a whole.
    agree(got["note_length_hist"][[9, 10, 0]], [0.5, 0.25, 0.25])
    steps = np.zeros((12, 12))
    steps[9, 10] = steps[10, 9] = steps[9, 0] = 1
    agree(got["note_length_transition_matrix"], steps)


def test_rests(tune):
    counts = mgeval.note_length_hist(tune, normalize=False, pause_event=True)
    assert counts[[9, 10, 0, 12 + 10]].tolist() == [2, 1, 1, 1]
    assert counts.sum() == 5

    fixed = mgeval.note_length_transition_matrix(tune, pause_event=True, definition="mgeval_fixed")
    wanted = np.zeros((24, 24))  # note, note, rest, note, note
    wanted[9, 10] = wanted[10, 22] = wanted[22, 9] = wanted[9, 0] = 1
    agree(fixed, wanted)


def published_walk(messages, bar):
    """Computes the 24-bin matrix by loops over events `(tick, on, pitch)`, without event 0."""

    def nearest(ticks):
        distances = [abs(bar / 96 * units - ticks) for units in mgeval.LENGTHS.values()]
        return distances.index(min(distances)), min(distances)

    counts, state = np.zeros((24, 24)), None
    for i, (tick, on, pitch) in enumerate(messages):
        if not on:
            continue
        look = True
        for later, is_on, other in messages[i:]:
            if not is_on and other == pitch:
                last, state = state, nearest(later - tick)[0]
                if last is not None:
                    counts[last, state] += 1
                break
            if not is_on and later == tick:
                look = False
        if look and i > 1 and not messages[i - 1][1]:
            rest, distance = nearest(tick - messages[i - 1][0])
            if state is None or distance >= 3 * bar / 96:
                state = rest
            else:
                counts[state, state + 12] += 1
    return counts


@pytest.mark.parametrize("seed", range(20))
def test_published_walk(seed):
    """Random events: several at one tick, notes that never end, ends without a note."""
    rng = np.random.default_rng(seed)
    n = 60
    tick, on = np.sort(rng.integers(0, 300, n)), rng.random(n) < 0.5
    pitch = rng.integers(60, 64, n)
    on[0] = True
    track = FileTrack(tick, on, pitch, int(tick[-1]), np.zeros((0, 6), np.int64))
    events = Events("random", 24, (track,), ())
    got = mgeval.note_length_transition_matrix(events, pause_event=True)
    wanted = published_walk(list(zip(tick.tolist(), on, pitch.tolist(), strict=True)), 96)
    assert wanted[:, 12:].any()
    agree(got, wanted)


def test_normalization(tune):
    for feature in (mgeval.pitch_class_transition_matrix, mgeval.note_length_transition_matrix):
        rows = feature(tune, normalize=1).sum(axis=1)
        assert set(rows.tolist()) == {0.0, 1.0}
        agree(feature(tune, normalize=2).sum(), 1)
        with pytest.raises(Error, match="normalisation 3"):
            feature(tune, normalize=3)


# Meters ----------------------------------------------------------------------------------------


def test_fixed_reads_the_meter_of_the_file():
    """The usual file: the meter stands in track 0, the notes in track 1."""
    notes = ordered(note(0, 72, 60), note(72, 108, 62), note(108, 144, 64))
    data = midi_bytes([(0, meter(3, 4))], notes)
    events = from_midi(data)
    assert mgeval.bar_used_note(events, 1).tolist() == [2, 1]  # published: bars of four beats
    assert mgeval.bar_used_note(events, 1, definition="mgeval_fixed").tolist() == [1, 2]
    assert mgeval.bar_used_pitch(events, 1, definition="mgeval_fixed").tolist() == [1, 2]
    lengths = mgeval.note_length_hist(events, 1, normalize=False, definition="mgeval_fixed")
    assert lengths[[0, 1]].tolist() == [1, 2]
    assert mgeval.note_length_hist(events, 1, normalize=False)[[5, 6]].tolist() == [1, 2]


def test_published_numerator_of_track_1():
    """Under `mgeval` the log2 of the denominator stands for the numerator of track 1."""
    track = [(0, meter(4, 4)), *ordered(note(0, 96, 60), note(96, 192, 62))]
    with pytest.warns(RuntimeWarning, match="non-zero tracks"):
        pretty_midi.PrettyMIDI(io.BytesIO(midi_bytes([], track)))
    events = from_midi(midi_bytes([], track))  # a bar counts as 48 ticks
    assert mgeval.bar_used_note(events, 1).tolist() == [1, 0, 1, 0]
    assert mgeval.bar_used_note(events, 1, definition="mgeval_fixed").tolist() == [1, 1]


def test_change_of_meter():
    """Two bars of 3/4, then one of 2/4: the published code forgets the notes before the change."""
    notes = ordered(*(note(t, t + 24, 60) for t in range(0, 192, 24)))
    track = [(0, meter(3, 4)), *notes[:12], (144, meter(2, 4)), *notes[12:]]
    events = from_midi(midi_bytes(track))
    assert mgeval.bar_used_note(events).tolist() == [0, 0, 0]
    assert mgeval.bar_used_note(events, num_bar=4).tolist() == [0, 0, 0, 2]
    assert mgeval.bar_used_note(events, definition="mgeval_fixed").tolist() == [3, 3, 2]
    assert mgeval.bar_used_note(events, num_bar=2, definition="mgeval_fixed").tolist() == [3, 3]


def test_given_bars_of_the_histogram(tune):
    """Published: the whole piece in equal parts; mended: the first bars."""
    agree(mgeval.bar_pitch_class_histogram(tune, num_bar=2)[0, [0, 2]], [0.8, 0.2])
    assert not mgeval.bar_pitch_class_histogram(tune, num_bar=1).any()  # everything was cut off
    first = mgeval.bar_pitch_class_histogram(tune, num_bar=1, definition="mgeval_fixed")
    agree(first[:, [0, 2]], [[0.8, 0.2]])
    padded = mgeval.bar_pitch_class_histogram(tune, num_bar=3, definition="mgeval_fixed")
    assert padded.sum(axis=1).tolist() == [1, 1, 0]


# Rolls and transitions -------------------------------------------------------------------------


def test_roll_is_that_of_pretty_midi():
    rng = np.random.default_rng(0)
    part = pretty_midi.Instrument(0)
    for start in rng.uniform(0, 8, 80):
        end, pitch = start + rng.uniform(0.05, 2), int(rng.integers(20, 110))
        part.notes.append(pretty_midi.Note(int(rng.integers(1, 127)), pitch, start, end))
    for time in np.arange(0.5, 9, 0.7):
        part.control_changes.append(pretty_midi.ControlChange(64, int(rng.integers(128)), time))
    for amount, time in zip([0, 5000, -8192, 8191, -300, 0, 4096], range(7), strict=True):
        part.pitch_bends.append(pretty_midi.PitchBend(amount, time))
    file = pretty_midi.PrettyMIDI()
    file.instruments.append(part)
    data = io.BytesIO()
    file.write(data)
    wanted = pretty_midi.PrettyMIDI(io.BytesIO(data.getvalue())).instruments[0].get_piano_roll()
    got = from_midi(data.getvalue()).instruments[0].roll()
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=1e-9)


def part_of(start, end, pitch, is_drum=False):
    start, end, pitch = np.array(start, float), np.array(end, float), np.array(pitch)
    return Instrument(is_drum, start, end, pitch, np.full_like(pitch, 90), float(end.max()))


def test_transitions_of_chords_and_short_notes():
    """All pairs of two chords; a note shorter than 0.05 s follows itself; drums do not count."""
    chords = part_of([0, 0, 1, 1], [1, 1, 2, 2.001], [60, 64, 62, 65])
    short = part_of([5, 9], [5.04, 9.5], [61, 61])
    drums = part_of([0, 1], [1, 2], [36, 38], is_drum=True)
    got = mgeval.pitch_class_transition_matrix(Events("", 24, (), (chords, short, drums)))
    wanted = np.zeros((12, 12))
    wanted[np.ix_([0, 4], [2, 5])] = 1
    wanted[1, 1] = 1
    agree(got, wanted)


def test_transitions_equal_pretty_midi():
    rng = np.random.default_rng(1)
    file = pretty_midi.PrettyMIDI()
    for program in (0, 30):
        part = pretty_midi.Instrument(program)
        for start in rng.integers(0, 400, 150) / 40:  # many gaps of just 0.05 s
            end, pitch = start + rng.integers(1, 30) / 40, int(rng.integers(30, 90))
            part.notes.append(pretty_midi.Note(80, pitch, start, end))
        file.instruments.append(part)
    parts = tuple(
        part_of(*zip(*((n.start, n.end, n.pitch) for n in part.notes), strict=True))
        for part in file.instruments
    )
    got = mgeval.pitch_class_transition_matrix(Events("", 24, (), parts))
    np.testing.assert_array_equal(got, file.get_pitch_class_transition_matrix())


# Phrases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", mgeval.DEFINITIONS)
@pytest.mark.parametrize(("n_steps", "rest"), [(8, 0), (48, 1)])
def test_phrases_measure_as_their_midi_file(n_steps, rest, definition, tmp_path):
    phrases = np.random.default_rng(n_steps).random((3, 4, n_steps, 84, 2)) < 0.03
    tracks = ("piano", "drums")
    samples = from_phrases(phrases, "piano", tracks, rest=rest)
    for phrase, sample in zip(phrases, samples, strict=True):
        path = tmp_path / "phrase.mid"
        midi.write(phrase[None], path, tempo=120, gap=0, rest=rest, tracks=tracks)
        file = from_midi(path)
        for pause_event in (False, True):
            options = {"num_bar": 4, "pause_event": pause_event, "definition": definition}
            wanted, got = mgeval.features(file, **options), mgeval.features(sample, **options)
            for name in mgeval.FEATURES:
                agree(got[name], wanted[name], 1e-12)
        assert mgeval.total_used_note(sample, 1) == phrase[..., 1].sum()


def test_chosen_track_comes_first():
    phrases = np.zeros((1, 4, 8, 84, 5), bool)
    phrases[0, 0, 0:2, 12, 3] = True  # the bass holds a note over two steps
    (bass,) = from_phrases(phrases, "bass")
    (drums,) = from_phrases(phrases)
    assert bass.instruments[0].pitch.tolist() == [36]
    assert bass.instruments[0].duration == 0.75  # two steps that sound and the one that is its rest
    assert mgeval.total_used_note(bass) == 1
    assert mgeval.total_used_note(drums) == 0
    assert drums.instruments[0].is_drum
    with pytest.raises(Error, match="no track 'flute'"):
        next(from_phrases(phrases, "flute"))
    with pytest.raises(Error, match="equal beats"):
        next(from_phrases(np.zeros((1, 4, 6, 84, 5), bool)))


@pytest.mark.parametrize("definition", mgeval.DEFINITIONS)
def test_pieces_measure_as_their_midi_file(definition, tmp_path):
    """A piece at 120 quarters a minute in 4/4; with another tempo and meter the same comes out."""
    rng = np.random.default_rng(0)
    pitch = np.sort(rng.choice(np.arange(40, 80), 40, replace=False))[::-1]
    notes = note_array(np.cumsum(rng.integers(0, 20, 40)), rng.integers(6, 40, 40), pitch)
    piece = Piece("tune", 24, notes, (Part(),), meters=((0, 4, 4),))
    midi.write_piece(piece, tmp_path / "tune.mid")
    file = from_midi(tmp_path / "tune.mid")
    drums = note_array([0, 12], 6, 36, part=1)
    band = Piece(
        "band", 24, np.concatenate([notes, drums]), (Part(), Part(0, True)),
        tempi=((0, 300_000),), meters=((0, 3, 4),),
    )  # fmt: skip
    names = [name for name in mgeval.FEATURES if name not in mgeval.BAR_FEATURES]
    wanted = mgeval.features(file, names, definition=definition)
    assert wanted["pitch_class_transition_matrix"].sum() > 3
    for sample in from_pieces([piece, band]):
        got = mgeval.features(sample, names, definition=definition)
        for name in names:
            agree(got[name], wanted[name], 1e-12)
    with pytest.raises(Error, match="silent"):
        mgeval.pitch_range(next(from_pieces([band.only([1])])))


# Sets and mistakes -----------------------------------------------------------------------------


def test_measure_leaves_out_what_it_cannot_measure():
    phrases = np.zeros((4, 4, 8, 84, 1), bool)
    phrases[0, :, ::2, 40, 0] = True
    phrases[1, :, ::2, 40, 0] = phrases[1, :, 1::2, 45, 0] = True
    phrases[3, 0, 0, 40, 0] = True  # one note only; phrase 2 is silent
    samples = list(from_phrases(phrases, tracks=("piano",)))
    found, left_out = mgeval.measure(samples)
    assert list(found) == [n for n in mgeval.FEATURES if n not in mgeval.BAR_FEATURES]
    assert found["total_used_note"].tolist() == [16, 32]
    assert found["pitch_class_transition_matrix"].shape == (2, 12, 12)
    assert "phrase 2" in left_out[0]
    assert "phrase 3: too few notes for avg_pitch_shift, avg_IOI" in left_out[1]
    assert mgeval.measure(samples, num_bar=4)[0]["bar_used_pitch"].shape == (2, 4)
    assert mgeval.measure(samples, ["total_used_note"])[0]["total_used_note"].tolist()[2:] == [0, 1]


def test_mistakes(tune):
    for call, message in [
        (lambda: mgeval.total_used_note(tune, 7), "tune: no file track 7, there are 1"),
        (lambda: mgeval.bar_used_note(tune, num_bar=0), "num_bar is 0"),
        (lambda: mgeval.note_length_hist(tune, definition="paper"), "unknown definition 'paper'"),
        (lambda: mgeval.features(tune, ["tempo"]), "no feature tempo"),
        (lambda: from_midi(b"MThd, but no more", "broken"), "broken: cannot be read"),
        (lambda: from_midi(midi_bytes([], resolution=0)), "MIDI data: cannot be read"),
        (lambda: from_midi(midi_bytes(note(0, 10**6, 60), resolution=1)), "too long"),
        (lambda: from_midi("missing.mid"), r"missing\.mid: cannot be read"),
    ]:
        with pytest.raises(Error, match=message):
            call()


def test_bars_that_cannot_be(tune):
    silent = from_midi(midi_bytes([(0, meter(4, 4)), (96, end_of_track())]), "silent")
    assert mgeval.bar_used_note(silent).tolist() == [0]
    assert np.isnan(mgeval.note_length_hist(silent)).all()
    for feature in (mgeval.bar_used_pitch, mgeval.pitch_range, mgeval.total_used_pitch):
        with pytest.raises(Error, match="silent"):
            feature(silent)
    with pytest.raises(Error, match="into 7 equal bars"):
        mgeval.bar_pitch_class_histogram(tune, num_bar=7, bpm=700)
