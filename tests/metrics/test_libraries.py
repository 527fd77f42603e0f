"""pypianoroll's and muspy's metrics: values of the libraries, and quirks computed by hand."""

import golden
import numpy as np
import pytest

from musegen import Error
from musegen.metrics.libraries import Muspy, Pypianoroll, evaluate
from musegen.music.notes import NOTE, from_roll


def whole_range(phrase):
    """Returns a phrase as one roll of 128 pitches, `(steps, 128, tracks)`."""
    return np.pad(phrase.reshape(-1, *phrase.shape[2:]), ((0, 0), (24, 20), (0, 0)))


def compare(metric, wanted):
    if isinstance(wanted, dict):  # the original raises
        with pytest.raises(Error):
            metric()
    else:
        golden.agree(metric(), wanted)


def called(piece, text):
    """Parses a text such as `"pitch_in_scale_rate(9,minor)"` into a method and its arguments."""
    name, _, arguments = text.rstrip(")").partition("(")
    values = [int(a) if a.isdigit() else a for a in arguments.split(",") if a]
    return lambda: getattr(piece, name)(*values)


@golden.cases("pypianoroll")
def test_agrees_with_pypianoroll(case):
    phrases, names = golden.phrases(case["input"]), golden.tracks(case["input"])
    beat = phrases.shape[2] // 4
    for result in case["result"]:
        roll = whole_range(phrases[result["phrase"]])
        tracks = {name: Pypianoroll(roll[..., k], beat) for k, name in enumerate(names)}
        for name, wanted in result["tracks"].items():
            track = tracks[name]
            special = {
                "qualified_note_rate(bool)": track.qualified_note_rate,
                "qualified_note_rate(int)": Pypianoroll(track.roll * 1, beat).qualified_note_rate,
                "in_scale_rate(root=0,minor)": called(track, "in_scale_rate(0,minor)"),
                "drum_in_pattern_rate(first beat)": called(
                    Pypianoroll(track.roll[:beat], beat), "drum_in_pattern_rate"
                ),
            }
            for text, value in wanted.items():
                compare(special.get(text) or called(track, text), value)
        for pair, wanted in result["tonal_distance"].items():
            first, second = (tracks[name] for name in pair.split("-"))
            compare(lambda a=first, b=second: a.tonal_distance(b), wanted)


@golden.cases("muspy")
def test_agrees_with_muspy(case):
    phrases, names = golden.phrases(case["input"]), golden.tracks(case["input"])
    drums = [k for k, name in enumerate(names) if name == "drums"]
    for result in case["result"]:
        notes = from_roll(whole_range(phrases[result["phrase"]]))
        piece = Muspy(notes, phrases.shape[2] // 4, drums)
        for text in result.keys() - {"phrase"}:
            compare(called(piece, text), result[text])


def test_pypianoroll_takes_tens_of_pitches_for_classes():
    roll = np.zeros((24, 128), int)
    roll[0, [60, 69]] = 1
    roll[1, 72] = 1
    values = evaluate(Pypianoroll(roll, 24))
    assert values["n_pitches_used"] == 3
    assert values["n_pitch_classes_used"] == 2
    assert values["in_scale_rate"] == 1 / 3  # blocks 6 and 7 stand for F sharp and G
    assert values["drum_in_pattern_rate"] == pytest.approx((2 + 0.1) / 3)
    assert values["empty_beat_rate"] == 1


def test_pypianoroll_adds_the_highest_pitches_to_all_classes():
    roll = np.zeros((12, 128), int)
    roll[:, 127] = 1
    track = Pypianoroll(roll, 12)
    assert track.n_pitch_classes_used() == 12
    assert roll.sum() == 12  # its own array stays as it was


def test_pypianoroll_where_it_raises():
    roll = np.eye(48, 128, dtype=bool)
    assert np.isnan(evaluate(Pypianoroll(roll, 12))["qualified_note_rate"])
    for metric in ("qualified_note_rate", "drum_in_pattern_rate"):
        with pytest.raises(Error):
            called(Pypianoroll(roll, 12), metric)()
    with pytest.raises(Error, match="no multiple"):
        Pypianoroll(roll, 36).empty_beat_rate()
    with pytest.raises(Error, match="no drum pattern"):
        Pypianoroll(roll, 48).drum_in_pattern_rate()
    with pytest.raises(Error, match="12 steps"):
        Pypianoroll(roll, 24).tonal_distance(Pypianoroll(roll, 24))


def test_pypianoroll_silence():
    values = evaluate(Pypianoroll(np.zeros((0, 128), bool), 12))
    assert {name for name, value in values.items() if value == 0} == {
        "n_pitches_used",
        "n_pitch_classes_used",
    }
    assert sum(map(np.isnan, values.values())) == len(values) - 2


def notes(*rows):
    """Notes from rows of onset, duration, pitch and track."""
    return np.array([tuple(row) for row in rows], NOTE)


def test_muspy_by_hand():
    piece = Muspy(notes((0, 4, 60, 0), (0, 4, 65, 0), (6, 2, 61, 0), (1, 1, 35, 1)), 4, drums=[1])
    assert piece.n_pitches_used() == 3
    assert piece.pitch_range() == 5
    assert piece.empty_beat_rate() == 0  # notes that end on a line fill the next cell
    assert piece.polyphony() == 10 / 6
    assert piece.polyphony_rate(1) == 4 / 8
    assert piece.pitch_in_scale_rate() == 2 / 3
    assert piece.scale_consistency() == 1  # D flat major
    assert piece.drum_in_pattern_rate("duple") == 1
    assert piece.drum_in_pattern_rate("triple") == 0
    assert piece.groove_consistency(4) == 1 - (3 + 1) / 8  # the third measure is empty
    assert piece.pitch_entropy() == pytest.approx(np.log2(3))


def test_muspy_without_pitched_notes():
    drums = evaluate(Muspy(notes((0, 1, 35, 0)), 4, drums=[0]))
    assert drums["pitch_range"] == -127
    assert drums["drum_pattern_consistency"] == 1
    assert np.isnan(drums["pitch_entropy"])
    silence = evaluate(Muspy(notes(), 4))
    assert silence["pitch_range"] == 0
    assert np.isnan(silence["empty_beat_rate"])


def test_unknown_names():
    piece = Muspy(notes((0, 1, 35, 0)), 4, drums=[0])
    with pytest.raises(Error, match="unknown mode 'dorian'"):
        piece.pitch_in_scale_rate(0, "dorian")
    with pytest.raises(Error, match="unknown meter 'swing'"):
        piece.drum_in_pattern_rate("swing")
