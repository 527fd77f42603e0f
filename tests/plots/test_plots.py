import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from musegen import Error, plots
from musegen.metrics import stats
from musegen.music.phrases import TRACKS, reorder
from musegen.plots import histograms, style
from musegen.plots import training_curves as curves


@pytest.fixture
def phrases(rng) -> np.ndarray:
    return rng.random((8, 4, 48, 84, 5)) < 0.02


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def cell(track: str, value: float = 1.0) -> np.ndarray:
    """Silence but for one cell: bar 1, step 3, pitch 10."""
    phrase = np.zeros((1, 4, 48, 84, 5))
    phrase[0, 1, 3, 10, TRACKS.index(track)] = value
    return phrase


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


# Files


def test_save_writes_png_and_pdf(phrases, tmp_path):
    figure = plots.phrase_grid(phrases[:2], width=2)
    png = plots.save(figure, tmp_path / "new" / "grid.png")
    pdf = plots.save(figure, str(tmp_path / "grid.PDF"))
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    image = matplotlib.image.imread(png)
    assert image.shape[1] == 600  # 2 inches of 300 dots
    assert image[..., :3].std() > 0


def test_equal_figures_give_equal_files(phrases, tmp_path):
    for name in ("a.pdf", "b.pdf"):
        plots.save(plots.songs({"song": phrases[:1]}), tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


@pytest.mark.parametrize("name", ["grid.jpeg", "grid", "grid.svg"])
def test_save_rejects_other_kinds(name, tmp_path):
    with pytest.raises(Error, match=r"\.png or \.pdf"):
        plots.save(Figure(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_style_neither_leaks_nor_obeys(phrases):
    def draw():
        figure = plots.history({"loss": [1, 0.5], "accuracy": [0, 0.5]})
        axes = figure.axes[0]
        return axes.xaxis.label.get_size(), axes.get_facecolor(), axes.lines[0].get_linewidth()

    before, expected = dict(matplotlib.rcParams), draw()
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "lines.linewidth": 9}):
        assert draw() == expected


# Piano-rolls


@pytest.mark.parametrize("track", TRACKS)
def test_overlay_gives_each_track_its_colour(track):
    image = plots.overlay(cell(track))[0]
    assert image.shape == (84, 192, 3)
    assert image[83 - 10, 48 + 3] == pytest.approx(style.TRACK_COLOURS[track])
    image[83 - 10, 48 + 3] = 1
    assert (image == 1).all()


def test_overlay_follows_the_colour_rule(rng):
    values = rng.random((2, 2, 6, 84, 5), np.float32)
    image = plots.overlay(values)
    colours = np.array([style.TRACK_COLOURS[name] for name in TRACKS])
    for n, bar, step, pitch in [(0, 0, 0, 0), (1, 1, 5, 83), (0, 1, 2, 40)]:
        ink = sum(values[n, bar, step, pitch, k] * (1 - colours[k]) for k in range(5))
        expected = 1 - np.clip(ink, 0, 1)
        assert image[n, 83 - pitch, bar * 6 + step] == pytest.approx(expected, abs=1e-6)


def test_overlaps_darken_to_black():
    both = (cell("bass") + cell("piano")) > 0
    assert plots.overlay(both)[0, 73, 51] == pytest.approx([0, 0.5, 0])
    assert plots.overlay(np.ones((1, 1, 4, 84, 5), bool)).max() == 0


def test_colours_are_the_papers():
    assert style.TRACK_COLOURS == {
        "bass": (0, 1, 1),
        "drums": (1, 0, 1),
        "guitar": (1, 1, 0),
        "strings": (0, 0.5, 1),
        "piano": (1, 0.5, 0),
    }


def test_phrase_grid_shows_the_overlay(phrases):
    figure = plots.phrase_grid(phrases[:5], columns=3, rows=("composer", "hybrid"))
    (axes,) = figure.axes
    picture = axes.images[0].get_array()
    assert picture.shape == (2 * 84, 3 * 192, 3)
    assert (picture[84:, 192:384] == plots.overlay(phrases)[4]).all()
    assert (picture[84:, 384:] == 1).all()  # no sixth phrase
    assert [label.get_text() for label in axes.get_yticklabels()] == ["composer", "hybrid"]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["bass", "drums", "guitar", "strings", "piano"]
    assert not plots.phrase_grid(phrases[:1], legend=False).legends


def test_stacked_panels_have_the_papers_rows(phrases):
    titles = [f"step {step} ({letter})" for step, letter in zip((0, 700), "AB", strict=True)]
    figure = plots.stacked(phrases[:2], titles)
    assert len(figure.axes) == 2
    assert [axes.get_xlabel() for axes in figure.axes] == titles
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["bass", "drums", "guitar", "strings", "piano"]
    picture = figure.axes[1].images[0].get_array()
    ordered = reorder(phrases, TRACKS, rows)
    for k in range(5):
        expected = ordered[1, ..., k].reshape(192, 84).T[::-1]
        assert (picture[k * 84 : (k + 1) * 84] == ~expected).all()


def test_stacked_wraps_and_keeps_the_order_of_other_tracks(rng):
    eight = rng.random((3, 4, 16, 84, 8)) < 0.1
    figure = plots.stacked(eight, tracks=list("abcdefgh"), order=None, columns=2)
    assert [axes.axison for axes in figure.axes] == [True, True, True, False]
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == list("abcdefgh")


def test_image_midi_s2_pixel_by_pixel(phrases):
    image = plots.image_midi_s2(phrases)
    assert (image.shape, image.dtype) == ((430, 1587), np.uint8)
    assert set(np.unique(image)) == {0, 255}
    n, bar, step, pitch, track = np.indices(phrases.shape)
    row = 3 + track * 85 + (83 - pitch)
    column = 3 + n * (195 + 3) + bar * 49 + step
    assert (image[row, column] == np.where(phrases, 0, 255)).all()
    lines = np.ones(image.shape, bool)
    lines[row, column] = False
    assert (image[lines] == 0).all()
    assert lines[:3].all()
    assert lines[-3:].all()
    assert lines[:, :3].all()
    assert lines[:, -3:].all()


def test_image_midi_s2_takes_signs_and_other_sizes(phrases):
    assert (plots.image_midi_s2(2.0 * phrases - 1) == plots.image_midi_s2(phrases)).all()
    assert plots.image_midi_s2(np.zeros((2, 4, 96, 84, 5))).shape == (430, 2 * (4 * 96 + 3) + 9)


def test_image_musegan_pixel_by_pixel():
    """The original's way: image after image into a grid of them, then lines, then a stretch."""
    values = np.random.default_rng(0).uniform(-1, 1, (11, 4, 6, 84, 5)).astype("float32")
    colours = {"bass": (1, 0, 0), "drums": (0, 1, 0), "guitar": (0, 0, 1),
               "strings": (1, 0.5, 0), "piano": (0, 0.5, 1)}  # fmt: skip
    expected = np.zeros((2 * 84 + 3, 8 * 24 + 7 * 3, 3))
    for k, phrase in enumerate(values):
        image = sum(phrase[..., t, None] * colours[track] for t, track in enumerate(TRACKS))
        top, left = k // 8 * 87, k % 8 * 27
        expected[top : top + 84, left : left + 24] = image.reshape(24, 84, 3).swapaxes(0, 1)[::-1]
    expected[84:87] = 1
    for k in range(1, 8):
        expected[:, 27 * k - 3 : 27 * k] = 1
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    found = plots.image_musegan(values)
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found - 255 * expected).max() <= 0.51
    chroma = np.zeros((64, 4, 96, 12, 5))
    chroma[0, 0, 0, 0, 0] = 1
    assert plots.image_musegan(chroma).shape == (8 * 12 + 21, 3093, 3)


def test_midi_s2_shows_each_set(phrases):
    figure = plots.midi_s2({"original": phrases, "restored": ~phrases})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["original", "restored"]
    assert (figure.axes[1].images[0].get_array() == plots.image_midi_s2(~phrases)).all()


def test_songs_draws_each_note_as_a_block():
    song = np.zeros((2, 4, 48, 84, 5), bool)
    song[0, 0, 12:24, 36, 1] = song[0, 3, 36:, 40, 1] = song[1, 0, :12, 40, 1] = True
    song[0, 2, 24:26, 12, 0] = True  # two hits
    figure = plots.songs({"ours": song, "restored": song & False})
    assert len(figure.axes) == 10
    drums, piano = figure.axes[:2]
    blocks = blocks_of(piano)
    assert blocks == [(0.25, 0.5, 36, 37), (3.75, 4.25, 40, 41)]
    starts = [start for start, *_ in blocks_of(drums)]
    assert starts == pytest.approx([2.5, 2.5 + 1 / 48])
    assert all(end - start > 1 / 48 for start, end, *_ in blocks_of(drums))
    assert not blocks_of(figure.axes[6])
    assert [axes.get_ylabel() for axes in figure.axes] == list(TRACKS) * 2
    assert [figure.axes[i].get_title(loc="left") for i in (0, 5)] == ["ours", "restored"]
    assert piano.get_ylim() == figure.axes[6].get_ylim()  # one song compares with the other


def test_songs_labels_octaves_and_bars(phrases):
    figure = plots.songs({"song": phrases}, order=("bass", "piano"))
    bass = figure.axes[0]
    labels = {label.get_text(): label.get_position()[1] for label in bass.get_yticklabels()}
    assert labels["C2"] == 12  # MIDI 36
    assert bass.get_xlim() == (0, 32)
    labels = {
        label.get_text(): label.get_position()[0] for label in figure.axes[-1].get_xticklabels()
    }
    assert (labels["1"], labels["5"]) == (0, 4)
    assert "kick" in texts(plots.songs({"song": phrases}))


def blocks_of(axes) -> list[tuple[float, float, float, float]]:
    """Start, end, lower and upper edge of each block in order of time."""
    (blocks,) = (c for c in axes.collections if isinstance(c, PolyCollection))
    paths = [path.vertices for path in blocks.get_paths()]
    return sorted((*xy[:, 0][[0, 2]], xy[:, 1].min(), xy[:, 1].max()) for xy in paths)


@pytest.mark.parametrize(
    ("draw", "match"),
    [
        (lambda: plots.overlay(np.zeros((4, 48, 84, 5), bool)), "shape"),
        (lambda: plots.image_midi_s2(np.zeros((8, 4, 48, 128, 5), bool)), "shape"),
        (lambda: plots.phrase_grid(np.zeros((1, 4, 48, 84, 4), bool)), "4 tracks, but 5 names"),
        (lambda: plots.phrase_grid(np.zeros((0, 4, 48, 84, 5), bool)), "none to draw"),
        (lambda: plots.phrase_grid(cell("bass") - 1), r"\(x \+ 1\) / 2"),
        (lambda: plots.stacked(cell("bass", np.nan)), "not a finite number"),
        (lambda: plots.phrase_grid(cell("bass"), rows=("a", "b")), "2 row labels for 1 row"),
        (lambda: plots.stacked(cell("bass"), ("a", "b")), "2 titles for 1 phrase"),
        (lambda: plots.stacked(cell("bass"), order=("flute",)), "no track named flute"),
        (lambda: plots.overlay(cell("bass"), tracks=("a", *TRACKS[1:])), "no colour for track a"),
        (lambda: plots.songs({}), "no song"),
        (lambda: plots.songs({"song": np.zeros((4, 48, 84, 5), bool)}), "shape"),
    ],
)
def test_wrong_phrases_are_explained(draw, match):
    with pytest.raises(Error, match=match):
        draw()


# Curves


def test_median_filter():
    assert curves.smooth([1, 9, 2, 3, 8], 3).tolist() == [1, 2, 3, 3, 8]
    assert curves.smooth([1, 9, 2, 3, 99], 5).tolist() == [1, 2, 3, 3, 99]
    assert curves.smooth([1, 9, 2, 3, 8, 7, 5], 5)[2:5].tolist() == [3, 7, 5]
    assert curves.smooth([1, 9], 1).tolist() == [1, 9]
    with pytest.raises(Error, match="odd"):
        curves.smooth([1, 2], 4)


def test_training_draws_raw_filtered_data_and_marks(rng):
    steps = np.arange(0, 1000, 10)
    loss, quality = 10 ** rng.random(100), rng.random(100)
    panels = [
        plots.Curve("negative critic loss", steps, loss, median=11, log=True),
        plots.Curve("UPC", steps, quality, data=0.4, limits=(0, 12)),
        plots.Curve("QN", steps, quality, data=0.9),
    ]
    figure = plots.training(panels, {"A": 0, "B": 700})
    assert [axes.get_ylabel() for axes in figure.axes] == ["negative critic loss", "UPC", "QN"]
    raw, filtered, crosses = figure.axes[0].lines
    assert (raw.get_xdata() == steps).all()
    assert (raw.get_ydata() == loss).all()
    assert (filtered.get_ydata() == curves.smooth(loss, 11)).all()
    assert (crosses.get_color(), crosses.get_marker()) == ("red", "x")
    assert crosses.get_ydata().tolist() == filtered.get_ydata()[[0, 70]].tolist()
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear"]
    dashed, crosses = figure.axes[1].lines[2:]
    assert set(dashed.get_ydata()) == set(crosses.get_ydata()) == {0.4}
    assert figure.axes[1].get_ylim() == (0, 12)
    assert [note.get_text() for note in figure.axes[0].texts] == ["A", "B"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["(a)", "(b)", "(c)"]


def test_undefined_values_are_left_out():
    steps, values = [0, 1, 2, 3], [1, np.nan, 3, 4]
    line = plots.training([plots.Curve("QN", steps, values, median=1)]).axes[0].lines[1]
    assert line.get_xydata().tolist() == [[0, 1], [2, 3], [3, 4]]
    with pytest.raises(Error, match="without a single defined value"):
        plots.training([plots.Curve("QN", [0, 1], [np.nan, np.nan])])
    with pytest.raises(Error, match="a step for each value"):
        plots.training([plots.Curve("QN", [0, 1, 2], [1, 2])])


def test_comparison_of_runs(rng):
    steps, values = np.arange(50), rng.random((3, 50))
    runs = {
        "float32": {"QN": (steps, values[1]), "loss": (steps, values[0])},
        "mixed": {"loss": (steps, values[2])},
    }
    figure = plots.comparison(runs, data={"QN": 0.88}, limits={"QN": (0, 1)}, median=3)
    quality, loss = figure.axes
    assert [line.get_ydata().tolist() for line in loss.lines[::2]] == values[[0, 2]].tolist()
    assert (loss.lines[1].get_ydata() == curves.smooth(values[0], 3)).all()
    assert loss.lines[1].get_color() != loss.lines[3].get_color()
    assert len(quality.lines) == 3
    assert quality.get_ylim() == (0, 1)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["float32", "mixed", "training data"]


def test_history_has_the_four_curves_of_midi_s2():
    values = {
        "acc_argmax": [0.1, 0.4],
        "loss": [3, 2],
        "val_acc_argmax": [0, 0.2],
        "val_loss": [4, 3],
    }
    (axes,) = plots.history(values, accuracy="acc_argmax", title="bass").axes
    drawn = {line.get_label(): (line.get_color(), line.get_ydata().tolist()) for line in axes.lines}
    assert drawn == {
        "train acc": ("red", [0.1, 0.4]),
        "train loss": ("green", [3, 2]),
        "val acc": ("blue", [0, 0.2]),
        "val loss": ("black", [4, 3]),
    }
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "acc-loss")
    assert axes.lines[0].get_xdata().tolist() == [0, 1]
    assert axes.get_legend().get_texts()[0].get_text() == "train acc"
    batches = plots.history({"accuracy": [0, 1], "loss": [1, 0]}, x="batch").axes[0]
    assert len(batches.lines) == 2
    with pytest.raises(Error, match="no accuracy in a history of loss"):
        plots.history({"loss": [1]})


# Histograms


def test_histograms_stand_side_by_side(rng):
    sets = {"data": rng.random(12), "ours": rng.random(12)}
    figure = plots.pitch_classes(sets)
    (axes,) = figure.axes
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    assert heights == [values.tolist() for values in sets.values()]
    first, second = (group[4] for group in axes.containers)
    assert first.get_x() + first.get_width() == pytest.approx(second.get_x())
    assert [label.get_text() for label in axes.get_xticklabels()] == list(histograms.PITCH_CLASSES)
    with pytest.raises(Error, match="data: 12 values are needed"):
        plots.pitch_classes({"data": np.ones(13)})


@pytest.mark.parametrize(
    ("n", "first", "last"), [(6, "1/8", "1"), (12, "1", "1/8t"), (24, "1", "rest 1/8t")]
)
def test_note_lengths_are_named(n, first, last):
    axes = plots.note_lengths({"data": np.ones(n)}).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert (len(labels), labels[0], labels[-1]) == (n, first, last)
    matrix = plots.length_transitions({"data": np.eye(n)}).axes[0]
    assert [label.get_text() for label in matrix.get_yticklabels()] == labels


def test_transitions_share_one_scale(rng):
    sets = {"data": rng.random((12, 12)), "ours": rng.random((12, 12)) * 3}
    figure = plots.pitch_transitions(sets)
    images = [axes.images[0] for axes in figure.axes[:2]]
    for image, matrix in zip(images, sets.values(), strict=True):
        assert (image.get_array() == matrix).all()
    assert images[0].get_clim() == images[1].get_clim() == (0, sets["ours"].max())
    assert [axes.get_title() for axes in figure.axes[:2]] == ["data", "ours"]
    assert figure.axes[2].get_ylabel() == "probability"
    with pytest.raises(Error, match="12 x 12"):
        plots.pitch_transitions({"data": np.ones((12, 11))})
    with pytest.raises(Error, match="6, 12 or 24"):
        plots.length_transitions({"a": np.eye(6), "b": np.eye(12)})


def test_yang_lerch_draws_densities_and_prints_scores(rng):
    compared = stats.compare({"pitch range": rng.random(9)}, {"pitch range": rng.random(9) + 0.5})
    given = compared["pitch range"]
    axes = plots.yang_lerch([given, given]).axes[0]
    for line, sample in zip(axes.lines, (given.intra1, given.intra2, given.inter), strict=True):
        x, y = line.get_data()
        assert y == pytest.approx(stats.density(sample)(x))
    scores = "KLD {:.3f} / {:.3f}\nOA {:.3f} / {:.3f}".format(*given.kld, *given.oa)
    assert axes.texts[0].get_text() == scores
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert labels == ["within set 1", "within set 2", "between them"]


def test_yang_lerch_draws_equal_distances_as_a_spike(rng):
    compared = stats.compare({"pitch": rng.random(9)}, {"pitch": np.full(9, 0.5)})
    axes = plots.yang_lerch(compared.values(), names=("ours", "data")).axes[0]
    assert len(axes.lines) == 3
    assert axes.lines[1].get_xdata() == [0, 0]
    kld, oa = compared["pitch"].kld[0], compared["pitch"].oa[0]
    assert axes.texts[0].get_text() == f"KLD {kld:.3f} / –\nOA {oa:.3f} / –"


def test_panels_of_histograms_have_one_legend():
    values = {"data": np.array([0.2, 0.8]), "ours": np.array([0.5, 0.5])}
    figure = plots.bar_panels({"left": ("ab", values), "right": ("abc", {"data": [1, 2, 3]})})
    assert [axes.get_title() for axes in figure.axes] == ["left", "right"]
    assert [[p.get_height() for p in axes.patches] for axes in figure.axes] == [
        [0.2, 0.8, 0.5, 0.5], [1, 2, 3],
    ]  # fmt: skip
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["data", "ours"]
    with pytest.raises(Error, match="ours: 1 values are needed"):
        plots.bar_panels({"left": ("a", {"ours": [1, 2]})})


# The latent space


def test_pca_finds_the_plane(rng):
    plane = rng.normal(size=(200, 2)) * (5, 2)
    plane -= plane.mean(axis=0)
    codes = np.concatenate([np.zeros((200, 3)), plane], axis=1) + 7
    points, share = plots.pca(codes)
    assert share.sum() == pytest.approx(1)
    assert share[0] > share[1]
    distances = np.linalg.norm(plane[:, None] - plane, axis=-1)
    assert np.linalg.norm(points[:, None] - points, axis=-1) == pytest.approx(distances, abs=1e-9)
    assert plots.pca(-codes)[0] == pytest.approx(-points)  # the sign is with_defaults


def test_latent_map_groups_and_scales(rng):
    codes = rng.normal(size=(30, 8))
    groups = np.array(["jig", "reel", "waltz"])[np.arange(30) % 3]
    figure = plots.latent_map(codes, groups)
    (axes,) = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["jig", "reel", "waltz"]
    points, share = plots.pca(codes)
    assert np.asarray(axes.collections[1].get_offsets()) == pytest.approx(points[groups == "reel"])
    assert f"{share[0]:.0%}" in axes.get_xlabel()
    scaled = plots.latent_map(codes, codes[:, 0], name="density")
    assert (scaled.axes[0].collections[0].get_array() == codes[:, 0]).all()
    assert scaled.axes[1].get_ylabel() == "density"
    assert len(plots.latent_map(codes).axes[0].collections) == 1
    for wrong in (codes[0], codes[:1], codes[:, :1]):
        with pytest.raises(Error, match="2 or more latent codes"):
            plots.latent_map(wrong)
    with pytest.raises(Error, match="as many labels"):
        plots.latent_map(codes, groups[1:])


def test_interpolation_has_mean_and_band(rng):
    distances = rng.random((20, 11))
    axes = plots.interpolation({"ours": distances, "theirs": distances * 2}).axes[0]
    x, y = axes.lines[0].get_data()
    assert x == pytest.approx(np.linspace(0, 1, 11))
    assert y == pytest.approx(distances.mean(axis=0))
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx((distances.mean(axis=0) + distances.std(axis=0)).max())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["ours", "theirs"]
    with pytest.raises(Error, match=r"\(pairs, points\)"):
        plots.interpolation({"ours": distances[0]})


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.training([]),
        lambda: plots.comparison({}),
        lambda: plots.bars({}, "abc"),
        lambda: plots.bar_panels({}),
        lambda: plots.pitch_transitions({}),
        lambda: plots.yang_lerch([]),
        lambda: plots.interpolation({}),
        lambda: plots.midi_s2({}),
    ],
)
def test_nothing_to_draw_is_said(draw):
    with pytest.raises(Error, match=r"^no \w+( matrix)? to draw$"):
        draw()


def test_a_full_disk_leaves_the_old_picture(tmp_path, full_disk):
    path = tmp_path / "x.png"
    path.write_bytes(b"old")
    with full_disk(500), pytest.raises(Error, match=r"x\.png: cannot be written"):
        plots.save(Figure(), path)
    noise = np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)
    with full_disk(500), pytest.raises(Error, match=r"x\.png: cannot be written"):
        plots.save_image(noise, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_odd_names_can_be_drawn(tmp_path):
    figure = Figure()
    figure.text(0, 0, "$a_{$ \udcff \x1b \u97f3\u697d")
    plots.save(figure, tmp_path / "x.pdf")
    assert figure.texts[0].get_text() == "$a_{$ \\udcff \\x1b \u97f3\u697d"
