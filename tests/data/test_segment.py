"""Sections of songs and the phrases cut from them."""

import numpy as np
import pytest

from musegen import Error
from musegen.data import segment
from musegen.data.segment import Section

VECTORS = {  # seed: frames, sum of the features, boundaries of sf_msaf and of sf
    1: (120, 799.4185107555388, [0, 31, 67, 94, 119], [0, 30, 71, 96, 119]),
    2: (
        160,
        937.475434996269,
        [0, 16, 68, 99, 124, 159],
        [0, 16, 70, 101, 123, 144, 159],
    ),
    3: (200, 1292.6408612524424, [0, 78, 106, 129, 164, 199], [0, 130, 199]),
    4: (
        240,
        1649.7599498354207,
        [0, 21, 60, 87, 161, 193, 222, 239],
        [0, 88, 123, 166, 197, 223, 239],
    ),
    11: (128, 821.8114521908478, [0, 38, 66, 92, 127], [0, 40, 67, 105, 127]),
    12: (96, 620.1204008416315, [0, 16, 80, 95], [0, 17, 78, 95]),
}
PUBLISHED = """\
0.000000 18.000000 A 1 0
18.000000 27.000000 B 3 3
27.000000 37.000000 C 3 4
37.000000 51.000000 B 3 3
51.000000 61.000000 D 1 2
61.000000 69.000000 C 3 4
69.000000 75.000000 B 3 3
75.000000 83.000000 E 1 2
83.000000 92.000000 C 3 4
"""


def features(seed: int, n: int) -> np.ndarray:
    """Stretches of four chords with noise on top."""
    random = np.random.RandomState(seed)
    chords = random.random_sample((4, 12))
    frames = np.zeros((n, 12))
    i = 0
    while i < n:
        length, chord = random.randint(12, 40), random.randint(0, 4)
        frames[i : i + length] = chords[chord]
        i += length
    return frames + 0.15 * random.random_sample((n, 12))


def song(pattern: str = "AABBAACCAABBAA", bars: int = 4, n_steps: int = 96) -> np.ndarray:
    """A roll of sections, each letter `bars` bars of its own random chords and drums."""
    roll = np.zeros((len(pattern) * bars, n_steps, 84, 5), bool)
    held = n_steps // 4
    for k, letter in enumerate(pattern):
        rng = np.random.default_rng(ord(letter))
        chords = rng.random((bars, 4, 84, 5)) < 0.04
        roll[k * bars : (k + 1) * bars] = np.repeat(chords, held, axis=1)
    return roll


@pytest.mark.parametrize("seed", VECTORS)
def test_boundaries_of_the_reference_vectors(seed):
    n, total, msaf, nearest = VECTORS[seed]
    frames = features(seed, n)
    assert frames.sum() == pytest.approx(total, rel=1e-12)
    assert segment.boundaries(frames, "sf_msaf").tolist() == msaf
    assert segment.boundaries(frames).tolist() == nearest


def plain_boundaries(frames: np.ndarray) -> list[int]:
    """Computes structural features one cell at a time."""
    from scipy.ndimage import gaussian_filter1d

    n, k = len(frames) - 3, int(0.04 * len(frames))
    frames = frames / frames.max(axis=1, keepdims=True)
    rows = np.array([frames[i : i + 3].ravel() for i in range(n)])
    near = np.zeros((n, n), bool)
    for i in range(n):
        apart = np.sqrt(((rows - rows[i]) ** 2).sum(axis=1))
        apart[i] = np.inf
        near[i, np.argsort(apart, kind="stable")[:k]] = True
    lagged = np.zeros((n, n))
    for t in range(n):
        for lag in range(n):
            other = (t + lag) % n
            lagged[t, lag] = near[t, other] and near[other, t]
    smooth = gaussian_filter1d(gaussian_filter1d(lagged, 13.5, axis=0), 0.5, axis=1)
    novelty = [np.linalg.norm(smooth[t + 1] - smooth[t]) for t in range(n - 1)] + [0.0]
    padded = np.pad(novelty, 14, mode="symmetric")
    found = [0, len(frames) - 1]
    for t in range(1, n - 1):
        threshold = np.sort(padded[t : t + 28])[14] + 0.05 * np.mean(novelty)
        if novelty[t - 1] < novelty[t] > novelty[t + 1] and novelty[t] > threshold:
            found.append(t + 2)
    return sorted(found)


@pytest.mark.parametrize("seed", [21, 22])
def test_boundaries_agree_with_a_plain_implementation(seed):
    frames = features(seed, 90 + seed)
    assert segment.boundaries(frames).tolist() == plain_boundaries(frames)


def test_working_in_blocks_changes_nothing(monkeypatch):
    frames = features(5, 300)
    whole = {method: segment.boundaries(frames, method).tolist() for method in segment.STRUCTURAL}
    monkeypatch.setattr(segment, "_BLOCK", 7 * 300)
    assert whole == {m: segment.boundaries(frames, m).tolist() for m in segment.STRUCTURAL}


@pytest.mark.parametrize("method", segment.STRUCTURAL)
@pytest.mark.parametrize("n", [1, 20, 21, 24])
def test_short_songs_are_one_section(method, n):
    end = n if method == "sf_v1" else n - 1
    assert segment.boundaries(features(1, n), method).tolist() == sorted({0, end})


@pytest.mark.parametrize("method", segment.STRUCTURAL)
@pytest.mark.parametrize("n", [25, 26, 40, 400])
def test_silence_has_boundaries_that_rise_from_end_to_end(method, n):
    bounds = segment.boundaries(np.zeros((n, 12)), method)
    assert (bounds[0], bounds[-1]) == (0, n if method == "sf_v1" else n - 1)
    assert (np.diff(bounds) > 0).all()


def test_equal_distances_link_to_the_earlier():
    frames = np.zeros((8, 12))
    links = segment._links(frames, 8, 1, 2, 2, with_self=False)
    assert np.argwhere(links).tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]


@pytest.mark.parametrize("depth", [1, 2, 3, 25])
def test_diagonals_are_summed(depth):
    apart = np.random.default_rng(depth).integers(0, 99, (40, 50)).astype(float)
    whole = sum(apart[j : j + 41 - depth, j : j + 51 - depth] for j in range(depth))
    np.testing.assert_array_equal(segment._diagonal_sums(apart, depth), whole)


def test_chroma_counts_pitch_classes_without_drums():
    roll = np.zeros((2, 96, 84, 5), bool)
    roll[1, 24:30, 4, 1] = True  # E, six steps
    roll[1, 24:26, 4 + 24, 4] = True  # E two octaves up, another track
    roll[0, 0, 0, 0] = True
    frames = segment.chroma(roll)
    assert frames.shape == (8, 12)
    assert frames[5, 4] == 8
    assert frames.sum() == 8
    assert segment.chroma(roll, drums=True)[0, 0] == 1
    with pytest.raises(Error, match="8 steps a bar"):
        segment.chroma(roll[:, :8], 16)


@pytest.mark.parametrize("method", segment.STRUCTURAL)
def test_bar_boundaries_find_the_sections_of_a_song(method):
    roll = song("AAAABBBBCCCCAAAABBBB")
    bounds = segment.bar_boundaries(roll, method)
    assert bounds[0] == 0
    assert bounds[-1] == 80
    assert (np.diff(bounds) > 0).all()
    truth = np.array([16, 32, 48, 64])
    nearest = np.abs(bounds[:, None] - truth).min(axis=0)
    assert (nearest <= 2).sum() >= 3


def test_bar_boundaries_hold_with_half_the_steps():
    roll = song("AAAABBBBCCCCAAAA")
    whole, half = (segment.bar_boundaries(r).tolist() for r in (roll, roll[:, ::2]))
    assert whole == half


def test_unknown_methods_and_overlong_songs_are_errors():
    with pytest.raises(Error, match="'uniform' finds no sections"):
        segment.boundaries(np.ones((30, 12)), "uniform")
    with pytest.raises(Error, match="too long for structural"):
        segment.boundaries(np.ones((segment.MAX_FRAMES + 1, 12)))
    with pytest.raises(Error, match="too long for structural"):
        segment.boundaries(np.ones((16 * 320 + 1, 12)), "sf_v1")
    with pytest.raises(Error, match="shape"):
        segment.boundaries(np.ones(12))
    with pytest.raises(Error, match="unknown cutting method"):
        segment.starts(song(), "fast")


# The MATLAB version


def plain_v1(frames: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Returns the edges (counted from one) and the links, step by step as the program does."""
    n = len(frames) - 24
    rows = np.array([frames[i : i + 25].ravel() for i in range(n)])
    near = np.zeros((n, n), bool)
    for i in range(n):
        apart = ((rows - rows[i]) ** 2).sum(axis=1)
        near[i, np.argsort(apart, kind="stable")[: round(0.04 * n)]] = True
    links = near & near.T
    lagged = np.array([[links[i, (i + j) % n] for j in range(n)] for i in range(n)], float)
    over_time = np.exp(-0.5 * ((np.arange(300) - 149.5) / 60) ** 2)
    over_lag = np.exp(-0.5 * ((np.arange(3) - 1) / 0.6) ** 2)
    smooth = np.array([np.convolve(column, over_time)[150 : 150 + n] for column in lagged.T]).T
    smooth = np.array([np.convolve(row, over_lag)[1 : 1 + n] for row in smooth])
    novelty = (np.diff(smooth, axis=0) ** 2).sum(axis=1)
    novelty = (novelty - novelty.min()) / (novelty.max() - novelty.min())
    peaks = [
        t + 1
        for t, height in enumerate(novelty)
        if height >= 0.05 and height >= novelty[max(0, t - 60) : t + 61].max()
    ]
    if peaks[0] > 21:
        peaks.insert(0, 1)
    if peaks[-1] < n - 20:
        peaks.append(n)
    peaks[-1] = n
    return peaks, links


def plain_similarity(links: np.ndarray, edges: list[int]) -> np.ndarray:
    n = len(edges) - 1
    similarity = np.zeros((n, n))
    for u in range(n):
        for v in range(n):
            block = links[edges[u] : edges[u + 1] + 1, edges[v] : edges[v + 1] + 1]
            paths = np.zeros(block.shape)
            for i, j in np.ndindex(block.shape):
                before = [(i - 1, j - 1), (i - 2, j - 1), (i - 1, j - 2)]
                longest = max(paths[a, b] if a >= 0 and b >= 0 else 0 for a, b in before)
                paths[i, j] = longest + block[i, j]
            similarity[u, v] = paths.max() / min(block.shape)
    return similarity


def test_v1_agrees_with_a_plain_implementation():
    frames = (50 * features(8, 500)).round()
    edges, links = segment._v1_edges(frames)
    plain_edges, plain_links = plain_v1(frames)
    assert (edges + 1).tolist() == plain_edges
    assert (links == plain_links).all()
    in_bars = [0, *((np.array(plain_edges[1:]) + 13) / 16 + 0.5).astype(int)]
    assert segment._bars(segment._v1_frames(edges, 500), 16).tolist() == [*in_bars[:-1], 31]


def test_similarity_agrees_with_a_plain_implementation():
    links = np.random.default_rng(3).random((60, 60)) < 0.3
    links = links | links.T
    edges = np.array([0, 9, 22, 40, 59])
    np.testing.assert_array_equal(
        segment._similarity(links, edges), plain_similarity(links, edges.tolist())
    )


def test_letters_follow_the_first_section_that_is_alike():
    similarity = np.array(
        [[1, 0.1, 0.9, 0.2], [0.1, 1, 0.1, 0.1], [0.9, 0.1, 1, 0.1], [0.2, 0.1, 0.1, 1]]
    )
    assert segment._letters(similarity) == ["A", "B", "A", "C"]
    assert segment._letters(np.ones((1, 1))) == ["A"]
    assert segment._letters(np.eye(28))[24:] == ["Y", "Z", "A1", "B1"]


def test_sections_cover_the_song_and_repeat_letters():
    found = segment.sections(song("AABBCCDDEEFFBBCCGGHHEEFF"))
    assert [s.stop for s in found[:-1]] == [s.start for s in found[1:]]
    assert (found[0].start, found[-1].stop) == (0, 96)
    assert [s.letter for s in found] == ["A", "B", "C", "B", "D", "C"]
    bounds = segment.bar_boundaries(song("AABBCCDDEEFFBBCCGGHHEEFF"), "sf_v1")
    assert bounds.tolist() == [0, *(s.stop for s in found)]


def test_a_song_of_one_bar_is_one_section():
    assert segment.sections(song("A", bars=1)) == [Section(0, 1, "A")]


def test_the_published_lab_files_come_out_again():
    found = segment.from_lab(PUBLISHED)
    assert found[1] == Section(18, 27, "B")
    assert segment.to_lab(found, with_roles=True) == PUBLISHED
    plain = "".join(line[:-4] + "\n" for line in PUBLISHED.splitlines())
    assert segment.to_lab(found) == plain
    assert segment.from_lab(plain) == found
    assert segment.to_lab([], with_roles=True) == ""


def test_roles():
    def named(letters):
        return [segment.ROLES[k] for k in segment.roles(letters)]

    assert named("ABBC") == ["intro", "chorus", "chorus", "outro"]
    assert named("ABAB") == ["verse", "chorus", "verse", "chorus"]
    assert named("ABCBA") == ["verse", "chorus", "bridge", "chorus", "verse"]


@pytest.mark.parametrize("text", ["0 4", "a b C", "inf 4 A"])
def test_a_broken_lab_file_is_an_error(text):
    with pytest.raises(Error, match="lab file"):
        segment.from_lab(text)


# Phrases


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ([0, 4, 8, 12], [4]),
        ([0, 4, 15, 20], [4, 8]),
        ([0, 5, 8, 17, 20], [8, 12]),
        ([0, 20], []),
        ([0, 10, 20], []),
    ],
)
def test_the_paper_prunes_sections_to_four_bars(bounds, expected):
    assert segment.windows(bounds).tolist() == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (5, []),
        (6, [9]),
        (7, [10]),
        (8, [10]),
        (9, [10]),
        (10, [11]),
        (11, [10, 14]),
        (12, [10, 14]),
        (13, [10, 14]),
        (14, [11, 15]),
        (15, [10, 14, 18]),
        (16, [10, 14, 18]),
    ],
)
def test_musegan_v1_takes_eight_bars_every_four(length, expected):
    bounds = [0, 10, 10 + length, 50]
    assert segment.windows(bounds, 8, "musegan_v1").tolist() == expected


def test_windows_of_the_published_example():
    found = segment.from_lab(PUBLISHED)
    bounds = [0, *(section.stop for section in found)]
    starts = segment.windows(bounds, 8, "musegan_v1")
    assert starts.tolist() == [18, 28, 38, 42, 52, 61, 68, 75]
    assert segment.windows(bounds).tolist() == [
        18, 22, 27, 31, 37, 41, 45, 51, 55, 61, 65, 69, 75, 79
    ]  # fmt: skip


def test_windows_refuse_unknown_rules():
    with pytest.raises(Error, match="8 bars, not of 4"):
        segment.windows([0, 4, 8, 12], 4, "musegan_v1")
    with pytest.raises(Error, match="unknown cutting rule"):
        segment.windows([0, 4, 8, 12], 4, "v9")


def test_cut_takes_the_bars_it_says():
    roll = song()
    assert segment.starts(roll, "uniform", 5).tolist() == list(range(0, 52, 5))
    phrases = segment.cut(roll, "uniform")
    assert phrases.shape == (14, 4, 96, 84, 5)
    np.testing.assert_array_equal(phrases.reshape(roll.shape), roll)
    first = segment.starts(roll, "sf")
    assert len(first)
    np.testing.assert_array_equal(segment.cut(roll, "sf")[-1], roll[first[-1] : first[-1] + 4])


def test_random_phrases_are_six_different_ones_of_a_seed():
    roll = song()
    first = segment.starts(roll, "random", seed=1)
    assert len(set(first.tolist())) == 6
    assert first.min() >= 0
    assert first.max() <= 52
    assert first.tolist() == segment.starts(roll, "random", seed=1).tolist()
    assert first.tolist() != segment.starts(roll, "random", seed=2).tolist()
    assert len(segment.starts(roll, "random", limit=9)) == 9
    assert len(segment.starts(roll[:6], "random")) == 3


def test_limit_chooses_among_the_phrases_of_a_song():
    roll = song()
    everything = segment.starts(roll, "uniform").tolist()
    some = segment.starts(roll, "uniform", limit=5, seed=3).tolist()
    assert len(some) == 5
    assert set(some) < set(everything)
    assert some == sorted(some)
    assert segment.starts(roll, "uniform", limit=99).tolist() == everything


@pytest.mark.parametrize("method", segment.METHODS)
def test_songs_too_short_for_a_phrase_give_none(method):
    for n_bars in (0, 1, 3):
        assert segment.cut(song()[:n_bars], method).shape == (0, 4, 96, 84, 5)


def test_bar_set_takes_new_letters_whole_and_others_by_half():
    found = segment.from_lab(PUBLISHED)
    bars = segment.bar_set(found, seed=0)
    counts = [8, 6, 8, 10, 7, 5, 4]  # all bars of E, B, C and D, then half of B, C and B
    for section, count in zip(reversed(found[1:-1]), counts, strict=True):
        assert ((bars >= section.start) & (bars < section.stop)).sum() == count
    assert len(set(bars.tolist())) == len(bars) == 48
    assert bars[:8].tolist() == list(range(75, 83))


def test_active_bars_have_three_tracks():
    roll = np.zeros((3, 96, 84, 5), bool)
    roll[0, 5, 5, :2] = roll[2, 7, 7, 1:4] = True
    assert segment.active(roll).tolist() == [False, False, True]
