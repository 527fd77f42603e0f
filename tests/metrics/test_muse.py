"""The bar metrics: values of the original codes, values computed by hand, and the interface."""

import tracemalloc

import golden
import numpy as np
import pytest

from musegen import Error
from musegen.metrics import muse
from musegen.music.phrases import TRACKS

C, CIS, G = 36, 37, 43  # indices of C4, C sharp 4 and G4
# chords of a fifth on the circles of fifths, minor thirds and major thirds
FIFTH = np.sqrt((2 * np.sin(np.pi / 12)) ** 2 + 2 + 3 / 4)
PER_BAR = ("paper", "v1", "v2")


def roll(*cells, n_phrases=1, n_bars=1, n_steps=96, n_tracks=1):
    """Phrases with some cells on, each an index `[phrase, bar, step, pitch, track]`."""
    x = np.zeros((n_phrases, n_bars, n_steps, 84, n_tracks), bool)
    for cell in cells:
        x[cell] = True
    return x


def measure(code, x, definition="paper", tracks=("piano",), **options):
    return muse.evaluate(x, definition, tracks, **options)[code][tracks[0]]


def sparse(n_phrases, n_steps=16, seed=0):
    """Random phrases with silent bars and notes of several lengths."""
    rng = np.random.default_rng(seed)
    x = rng.random((n_phrases, 4, n_steps // 2, 84, 5)) < 0.02
    x &= rng.random((n_phrases, 4, 1, 1, 5)) < 0.8
    x = np.repeat(x, 2, axis=2)
    return x & (rng.random(x.shape) < 0.9)


# ---- the originals


@golden.cases("musegan_v1", "musegan_v2", "musegan_v3", "paper")
def test_agrees_with_the_original(case):
    definition = case["implementation"].removeprefix("musegan_")
    options = dict(case["options"])
    evaluate = muse.per_bar if options.pop("values", None) else muse.evaluate
    if case["input"] == "lpd" and "DP" in case["result"]:  # two tracks, neither of them drums
        options["dp_tracks"] = tuple(case["result"]["DP"])
    names = golden.tracks(case["input"])
    got = evaluate(golden.phrases(case["input"]), definition, names, **options)
    for code, wanted in case["result"].items():
        if code == "TD":  # the order of the names in a pair varies
            got[code] = {frozenset(pair.split("-")): value for pair, value in got[code].items()}
            wanted = {frozenset(pair.split("-")): value for pair, value in wanted.items()}
        assert got[code].keys() == wanted.keys()
        for name in wanted:
            golden.agree(got[code][name], wanted[name], 1e-5 if definition == "v3" else 1e-6)
    assert case["options"] or got.keys() == case["result"].keys()


# ---- by hand


def test_empty_bars():
    x = roll((0, 0, 5, C, 0), n_bars=4)
    assert measure("EB", x) == 0.75
    assert measure("EB", x, "v3") == 0.25  # v3 counts the others


def test_used_pitches_skip_empty_bars():
    x = roll((0, 0, slice(4), C, 0), (0, 0, 9, G, 0), n_bars=2)
    assert measure("UP", x) == 2
    assert measure("UP", x, "v3") == 2  # 5 cells in 2 bars, cut to an integer
    assert measure("UP", x, "v3", truncated=False) == 2.5


@pytest.mark.parametrize(("definition", "classes"), [("paper", 1), ("v1", 2), ("v2", 2)])
def test_an_octave_is_one_class_only_in_the_paper(definition, classes):
    x = roll((0, 0, 0, C, 0), (0, 0, 0, C + 12, 0))
    assert measure("UPC", x, definition) == classes


@pytest.mark.parametrize(("definition", "classes"), [("paper", 2), ("v1", 1), ("v2", 2)])
def test_blocks_of_neighbours(definition, classes):
    x = roll((0, 0, 0, 39, 0), (0, 0, 0, 41, 0))  # div 7: 5 and 5; div 8: 4 and 5
    assert measure("UPC", x, definition) == classes


def test_v3_counts_classes_of_each_step():
    x = roll((0, 0, slice(6), 0, 0), (0, 0, slice(6), 1, 0), (0, 0, slice(2), 8, 0))
    assert measure("UPC", x, "v3") == 8
    assert measure("UPC", x, "v3", chroma_block=None) == 14


@pytest.mark.parametrize(
    ("definition", "options", "share"),
    [("paper", {}, 2 / 4), ("v1", {}, 3 / 4), ("v2", {}, 3 / 4)]
    + [("paper", {"qn_steps": n}, share) for n, share in ((1, 1), (2, 3 / 4), (4, 1 / 4), (5, 0))],
)
def test_qualified_notes(definition, options, share):
    x = roll(*((0, 0, slice(10 * n, 11 * n), C, 0) for n in (1, 2, 3, 4)))
    assert measure("QN", x, definition, **options) == share


def test_a_note_over_a_bar_line_is_two():
    x = roll((0, 0, slice(94, 96), C, 0), (0, 1, slice(3), C, 0), n_bars=2)
    assert measure("QN", x) == 0.5
    assert measure("QN", x, "v1") == 1


def test_v3_pairs_all_notes_and_forgets_the_first_cell():
    later = roll((0, 0, 7, C, 0), (0, 0, 94, C, 0), (0, 0, 95, C, 0), (0, 1, 0, C, 0), n_bars=2)
    assert measure("QN", later, "v3") == 1
    assert measure("QN", later | roll((0, 0, 0, 0, 0), n_bars=2), "v3") == 3 / 2
    assert measure("QN", later | roll((0, 0, 0, 1, 0), n_bars=2), "v3") == 1


@pytest.mark.parametrize(
    ("definition", "share"), [("paper", 1 / 4), ("v1", 1 / 2), ("v2", 1 / 2), ("v3", 1 / 8)]
)
def test_polyphonic_steps(definition, share):
    x = roll(
        *((0, 0, slice(24 * n), pitch, 0) for n, pitch in ((4, C), (2, G), (1, CIS))), n_bars=2
    )
    assert measure("PP", x, definition) == share  # v3 does not skip the second bar


def test_scale_ratio_weighs_cells():
    x = roll((0, 0, slice(3), 0, 0), (0, 0, 9, 1, 0))  # C and C sharp
    assert measure("SR", x) == 3 / 4
    assert measure("SR", x, "v1") == 1  # the same block of seven


def test_scale_ratio_is_a_mean_over_bars_or_pooled():
    x = roll((0, 0, slice(3), 0, 0), (0, 1, 9, 1, 0), n_bars=2)
    assert measure("SR", x) == 1 / 2
    assert measure("SR", x, "v3", chroma_block=None) == 3 / 4


@pytest.mark.parametrize(
    ("steps", "definition", "score"),
    [
        ((0, 6, 24), "paper", 1),
        ((2, 8, 26), "paper", 1),  # shifted as a whole
        ((0, 7), "paper", (1 + 0.3) / 2),
        ((0, 3), "paper", 1 / 2),
        ((0, 6, 24), "v2", (1 + 0.1) / 2),  # the step after each onset counts
        ((0, 95), "v2", (1 + 0.1 + 0.1) / 3),  # not after a hit that ends the bar
        ((1, 7, 25, 2), "v3", (3 * 0.1 + 0) / 4),  # no shift
    ],
)
def test_drum_pattern(steps, definition, score):
    x = roll(*((0, 0, step, 12, 0) for step in steps))
    assert measure("DP", x, definition, ("drums",)) == pytest.approx(score)


def test_drum_pattern_counts_onsets_or_cells():
    held = roll((0, 0, slice(3), 12, 0))
    assert measure("DP", held, tracks=("drums",)) == 1
    assert measure("DP", held, tracks=("drums",), dp_events="cells") == pytest.approx(1.6 / 3)


def test_drum_pattern_of_other_bars():
    x = roll((0, 0, 0, 0, 0), (0, 0, 1, 9, 0), n_steps=48)
    assert measure("DP", x, "v3", ("drums",)) == 0.55
    assert np.isnan(measure("DP", roll((0, 0, 0, 0, 0), n_steps=8), tracks=("drums",)))
    assert measure("DP", roll(), "v3", ("drums",)) == 0


def test_tonal_distance_of_a_fifth():
    x = roll((..., C, 0), (..., G, 1), n_tracks=2)
    got = muse.evaluate(x, tracks=("bass", "guitar"))["TD"]["bass-guitar"]
    assert got == pytest.approx(FIFTH)


@pytest.mark.parametrize("definition", ["paper", "v1", "v2", "v3"])
def test_tonal_distance_of_a_track_to_itself(definition):
    x = np.repeat(roll((..., slice(0, 80, 9), 0)), 2, axis=-1)
    assert muse.evaluate(x, definition, ("bass", "guitar"))["TD"] == {"bass-guitar": 0}


def test_a_silent_beat_removes_its_bar():
    x = roll((..., C, 0), (..., C, 1), n_bars=2, n_tracks=2)
    x[0, 0, :48, :, 1] = np.roll(x[0, 0, :48, :, 1], 7, axis=-1)
    x[0, 0, 48:72, :, 1] = False
    for skip, distance in (("bar", 0), ("beat", 2 * FIFTH / 7), (None, np.nan)):
        got = muse.evaluate(x, tracks=("bass", "guitar"), td_skip=skip)["TD"]["bass-guitar"]
        assert got == pytest.approx(distance, nan_ok=True)
    assert np.isnan(muse.evaluate(x, "v3", ("bass", "guitar"))["TD"]["bass-guitar"])


# ---- the interface


@pytest.mark.parametrize("definition", ["paper", "v1", "v2", "v3"])
def test_blocks_give_the_same_values_as_one_array(definition):
    x = sparse(75)
    x[0, 0, 0, 0] = True
    blocks = (x[start:stop] for start, stop in ((0, 1), (1, 1), (1, 40), (40, 75)))
    whole, streamed = muse.evaluate(x, definition), muse.evaluate(blocks, definition)
    assert whole.keys() == streamed.keys() == set(muse.CODES)
    for code in muse.CODES:
        assert streamed[code] == pytest.approx(whole[code], nan_ok=True)


def test_streaming_needs_the_memory_of_a_block():
    def peak(n_blocks):
        tracemalloc.start()
        muse.evaluate(sparse(20, seed=i) for i in range(n_blocks))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(12) < 1.2 * peak(3)


@pytest.mark.parametrize("definition", ["paper", "v1", "v2", "v3"])
@pytest.mark.parametrize("x", [np.zeros((0, 4, 96, 84, 5), bool), []], ids=["array", "blocks"])
def test_nothing_is_nan(x, definition):
    values = muse.evaluate(x, definition)
    if definition == "v3":
        assert values.pop("DP") == {"drums": 0}
    assert np.isnan([value for row in values.values() for value in row.values()]).all()


@pytest.mark.parametrize("definition", PER_BAR)
def test_silence_has_only_empty_bars(definition):
    values = muse.evaluate(roll(n_tracks=5), definition)
    assert values.pop("EB") == dict.fromkeys(TRACKS, 1)
    assert np.isnan([value for row in values.values() for value in row.values()]).all()


def test_tracks_and_pairs():
    values = muse.evaluate(sparse(2))
    assert {*values["QN"]} == {"piano", "guitar", "bass", "strings"}
    assert {*values["EB"]} == {*TRACKS}
    assert {*values["DP"]} == {"drums"}
    assert [*values["TD"]] == [
        "bass-guitar", "bass-strings", "bass-piano", "guitar-strings", "guitar-piano",
        "strings-piano",
    ]  # fmt: skip
    assert {*muse.evaluate(sparse(2), "v3")["QN"]} == {*TRACKS}
    other = muse.evaluate(sparse(2)[..., :2], tracks=("melody", "piano"))
    assert {*other} == {*muse.CODES} - {"DP"}
    assert {*other["TD"]} == {"piano-melody"}
    assert {*muse.evaluate(sparse(2)[..., :1], tracks=("drums",))} == {"EB", "UP", "DP"}


def test_a_track_is_measured_wherever_it_stands():
    x = sparse(9)
    there = muse.evaluate(x)
    here = muse.evaluate(x[..., [3, 0, 2]], tracks=("bass", "drums", "guitar"))
    for code, row in here.items():
        assert row == pytest.approx({name: there[code][name] for name in row})


def test_codes_limit_the_work():
    x = sparse(3)
    assert muse.evaluate(x, codes=("TD", "EB")) == {c: muse.evaluate(x)[c] for c in ("TD", "EB")}


def test_real_values_are_on_above_zero():
    x = sparse(3)
    assert muse.evaluate(np.where(x, 0.5, -0.5)) == muse.evaluate(x)


@pytest.mark.parametrize("definition", PER_BAR)
def test_values_of_single_bars_have_the_mean(definition):
    x = sparse(40)
    bars, means = muse.per_bar(x, definition), muse.evaluate(x, definition)
    assert bars["TD"]["bass-piano"].shape == (160,)
    for code, row in bars.items():
        assert {k: np.nanmean(v) for k, v in row.items()} == pytest.approx(means[code])


def test_shuffled_pairs_change_only_the_tonal_distance():
    x = sparse(60)
    mixed = muse.shuffled(x, seed=3)
    np.testing.assert_array_equal(mixed, muse.shuffled(x, seed=3))
    before, after = muse.evaluate(x), muse.evaluate(mixed)
    assert before.pop("TD") != pytest.approx(after.pop("TD"))
    for code in before:
        assert after[code] == pytest.approx(before[code])


def test_shuffled_pairs_are_further_apart():
    x = np.zeros((100, 4, 8, 84, 2), bool)
    pitch = np.random.default_rng(0).integers(0, 84, (100, 4, 1, 1, 1))
    np.put_along_axis(x, np.broadcast_to(pitch, (100, 4, 8, 1, 2)), True, axis=3)
    pair = ("bass", "guitar")
    assert muse.evaluate(x, tracks=pair)["TD"]["bass-guitar"] == 0
    assert muse.evaluate(muse.shuffled(x), tracks=pair)["TD"]["bass-guitar"] > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"definition": "v4"}, "unknown definition 'v4'"),
        ({"qn_step": 2}, "no option qn_step"),
        ({"dp_events": "hits"}, "dp_events='hits'"),
        ({"td_skip": "phrase"}, "td_skip='phrase'"),
        ({"qn_steps": 0}, "qn_steps=0"),
        ({"codes": ("EB", "XY")}, "no metric XY"),
        ({"tracks": ("piano",)}, "5 tracks, but 1 names"),
        ({"phrases": np.zeros((1, 4, 96, 128, 5), bool)}, "an array of shape"),
        ({"phrases": np.zeros((1, 4, 10, 84, 5), bool)}, "bars of 10 steps"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(Error, match=message):
        muse.evaluate(**{"phrases": roll(n_tracks=5)} | arguments)


def test_pooled_definitions_have_no_values_of_bars():
    with pytest.raises(Error, match="v3"):
        muse.per_bar(sparse(1), "v3")
