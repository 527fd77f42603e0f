"""DuetHLSTM's statistics: values of the original code, and values computed by hand."""

import golden
import numpy as np
import pytest
import reference

from musegen import Error
from musegen.metrics import duet
from musegen.music.phrases import TRACKS

PAIR = ("piano", "strings")


@golden.cases("duet")
def test_agrees_with_the_original(case):
    options = case["options"]
    phrases = golden.phrases(case["input"])[slice(*options.get("phrases", ()) or (None,))]
    if "keep_steps" in options:
        phrases = phrases[:, :, ::6]
    got = duet.evaluate(phrases, "duet", golden.tracks(case["input"]), visit=4)
    assert got.keys() == case["result"].keys()
    for name, wanted in case["result"].items():
        golden.agree(got[name], wanted)


@pytest.mark.golden
@pytest.mark.parametrize("visit", duet.VISITS)
@pytest.mark.parametrize(("first", "end"), [(0, 20), (30, 50)])
def test_agrees_with_the_original_at_the_steps_that_it_visits(first, end, visit):
    """Counts are exact; `duet_golden.npz` holds 50 phrases of 8 steps a bar and their values."""
    stored = reference.arrays("duet/duet_golden.npz")
    phrases = reference.bits(stored["packed"], stored["shape"])[first:end]
    got = duet.evaluate(phrases, "duet", PAIR, visit=visit)
    for code, value in got.items():
        wanted = stored[f"metrics/phrases_{first}_{end}/visit_{visit}/{code}"]
        name = f"{code}, phrases {first}-{end}, visit {visit}"
        reference.compare(name, value, wanted, 1e-12 if code in ("PCTM", "NCTM") else 0, scale=1)


@pytest.mark.golden
def test_the_printed_way_of_counting():
    """Twenty phrases of the Lakh Pianoroll Dataset, every step but the last."""
    stored = reference.arrays("duet/duet_sample.npz")
    got = duet.evaluate(reference.bits(stored["packed"], stored["shape"])[:20], "duet", PAIR)
    assert (got["PC"], got["PR"], got["NC"]) == (54, 62, 12)
    counts = [434, 164, 236, 85, 368, 319, 100, 338, 132, 356, 173, 199]
    assert got["PCH"].tolist() == counts
    assert got["NLH"].tolist() == [27, 55, 18, 51, 120, 61]


@pytest.fixture(scope="module")
def described():
    """Two phrases of 8 steps a bar. Piano: C for 1, then E for 3 eighths, G for 12; strings: C."""
    x = np.zeros((2, 4, 8, 84, 2), bool)
    piano = x[0, ..., 0].reshape(32, 84)
    piano[0, 36] = piano[1:4, 40] = piano[4:16, 43] = True
    x[0, ..., 0] = piano.reshape(4, 8, 84)
    x[1, 0, :2, 48, 1] = x[1, 0, 6:8, 36, 1] = True
    return duet.evaluate(x, tracks=PAIR)


def test_pitches(described):
    assert described["PC"] == 4
    assert described["PR"] == 12
    assert described["PCH"].tolist() == [5, 0, 0, 0, 3, 0, 0, 12, 0, 0, 0, 0]


def test_pitch_transitions(described):
    counts = np.zeros((12, 12))
    counts[0, 4] = counts[4, 7] = 1
    counts[4, 4], counts[7, 7], counts[0, 0] = 2, 11, 2
    np.testing.assert_array_equal(described["PCTM"], counts / 11)


def test_note_lengths(described):
    assert described["NC"] == 4  # 1, 2, 3 and 12 eighths, the last in no class
    assert described["NLH"].tolist() == [1, 2, 1, 0, 0, 0]
    counts = np.zeros((6, 6))
    counts[0, 2] = counts[1, 1] = 1
    np.testing.assert_array_equal(described["NCTM"], counts)


def test_lengths_are_rounded_up_to_eighths():
    x = np.zeros((1, 4, 48, 84, 2), bool)
    for pitch, length in enumerate((3, 5, 6, 7, 36, 42, 48, 49)):
        x.reshape(192, 84, 2)[:length, pitch, 0] = True
    assert duet.evaluate(x, tracks=PAIR)["NLH"].tolist() == [3, 1, 0, 0, 1, 2]


def test_of_five_tracks_each_definition_takes_its_own():
    x = np.zeros((1, 4, 8, 84, 5), bool)
    for k, name in enumerate(TRACKS):
        x[..., k, TRACKS.index(name)] = True
    assert duet.evaluate(x)["PCH"].nonzero()[0].tolist() == [1, 4]
    assert duet.evaluate(x, "duet")["PCH"].nonzero()[0].tolist() == [2, 4]
    assert duet.evaluate(x, pair=("drums", "bass"))["PCH"].nonzero()[0].tolist() == [0, 3]


@pytest.mark.parametrize("visit", duet.VISITS)
@pytest.mark.parametrize("definition", ["duet", "duet_fixed"])
@pytest.mark.parametrize("n", [0, 2])
def test_silence(definition, n, visit):
    values = duet.evaluate(np.zeros((n, 4, 8, 84, 2), bool), definition, PAIR, visit=visit)
    assert np.isnan(values.pop("PR"))
    assert not any(np.any(value) for value in values.values())


def test_mistakes():
    with pytest.raises(Error, match="unknown definition 'v1'"):
        duet.evaluate(np.zeros((1, 4, 8, 84, 2), bool), "v1", PAIR)
    with pytest.raises(Error, match="2 tracks, but 5 names"):
        duet.evaluate(np.zeros((1, 4, 8, 84, 2), bool))
    with pytest.raises(Error, match="no track named strings"):
        duet.evaluate(np.zeros((1, 4, 8, 84, 3), bool), tracks=TRACKS[:3])
    with pytest.raises(Error, match="visit 2: choose 1 or 4"):
        duet.evaluate(np.zeros((1, 4, 8, 84, 2), bool), "duet", PAIR, visit=2)
