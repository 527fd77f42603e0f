"""The figures of the DuetHLSTM report, drawn from public phrases, toy systems, and made-up runs."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import reference
import toys
from matplotlib.image import imread
from matplotlib.text import Text

from musegen import Error, plots
from musegen.cli import run_script
from musegen.eval.papers import duet_hlstm
from musegen.eval.papers.duet_hlstm import layer_diagram, published
from musegen.metrics import duet
from musegen.music.phrases import TRACKS
from musegen.plots.two_tracks import GROUND, NOTE

STORED = "metrics/phrases_0_20/visit_1/"


@pytest.fixture(scope="module")
def public() -> np.ndarray:
    """Fifty phrases of the Lakh Pianoroll Dataset, two tracks, bars of 8 steps."""
    stored = reference.arrays("duet/duet_sample.npz")
    return reference.bits(stored["packed"], stored["shape"])


@pytest.fixture
def run(figures_of, public):
    return figures_of("duet", public)


@pytest.fixture
def drawn(monkeypatch) -> dict:
    """The figures by their numbers; they are not rendered, and no file is written."""
    saved = {}

    def keeping(figure, path: Path) -> Path:
        saved[int(path.stem.rpartition("-")[2])] = figure
        return path

    monkeypatch.setattr(plots, "save", keeping)
    return saved


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def heights(axes, outlined: bool) -> list[float]:
    return [bar.get_height() for bar in axes.patches if bar.get_fill() != outlined]


def image(axes) -> np.ndarray:
    return np.ma.filled(axes.images[0].get_array(), np.nan)


@pytest.mark.golden
def test_statistics_of_data_beside_published_ones(run, drawn):
    said = run("--figure", "2", "3", "4", "5")
    golden = reference.arrays("duet/duet_golden.npz")
    for number, code, known in ((2, "NLH", published.NLH), (4, "PCH", published.PCH)):
        for axes, letter in zip(drawn[number].axes, "abc", strict=True):
            assert heights(axes, outlined=True) == pytest.approx(known[letter])
        counts = golden[STORED + code]
        assert heights(drawn[number].axes[0], outlined=False) == pytest.approx(
            counts / counts.max()
        )
        assert not heights(drawn[number].axes[2], outlined=False)
    for number, code, known in ((3, "NCTM", published.NCTM), (5, "PCTM", published.PCTM)):
        np.testing.assert_allclose(image(drawn[number].axes[0]), golden[STORED + code])
        for axes, letter in zip(drawn[number].axes[3:6], "abc", strict=True):
            np.testing.assert_array_equal(image(axes), known[letter])
    labels = [label.get_text() for label in drawn[2].axes[1].get_xticklabels()]
    assert labels == [*published.LENGTHS]
    assert titles(drawn[4]) == [
        "(a) music.npy\npublished: LPD", "(b) not measured\npublished: MuseGAN",
        "(c) not measured\npublished: DuetHLSTM",
    ]  # fmt: skip
    assert "figure 2: NLH, (a) music.npy, 20 phrases; (b) no MuseGAN; give --baseline; (c)" in said
    assert "`python train/duet_hlstm.py --out runs/duet-hlstm` makes it" in said
    for number in (2, 3):
        assert imread(f"out/duet-figure-{number}-a.png").shape[:2] == (480, 640)
        assert not Path(f"out/duet-figure-{number}-c.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, 8))
def test_figures_are_rendered(run, public, number):
    np.save("mine.npy", public[:3])
    run("--figure", str(number), *(("--generated", "mine.npy") if number < 7 else ()))
    picture = imread(f"out/duet-figure-{number}.png")
    assert picture.shape[1] == 2100
    assert picture[..., :3].std() > 0


def test_tracks_that_are_chosen(run, drawn):
    five = np.random.default_rng(0).random((20, 4, 8, 84, 5)) < 0.05
    np.save("five.npy", five)
    chosen = ("--tracks", "bass", "guitar")
    run("--figure", "4", "6", "--baseline", "five.npy", "--generated", "five.npy", *chosen)
    wanted = duet.evaluate(five, "duet", TRACKS, ("bass", "guitar"))["PCH"]
    for axes in drawn[4].axes[1:3]:
        assert heights(axes, outlined=False) == pytest.approx(wanted / wanted.max())
    labels = [label.get_text() for label in drawn[6].axes[1].get_yticklabels()]
    assert labels == ["bass", "guitar"]


def test_music_of_other_panels(run, drawn, public):
    five = np.random.default_rng(0).random((25, 4, 8, 84, 5)) < 0.05
    np.save("five.npy", np.repeat(five, 6, axis=2))
    np.save("mine.npy", public[30:])
    said = run("--figure", "4", "--baseline", "five.npy", "--generated", "mine.npy")
    assert "(b) five.npy, 20 phrases; (c) mine.npy, 20 phrases" in said
    pair = ("piano", "strings")
    wanted = [
        duet.evaluate(np.repeat(five[:20], 6, axis=2), "duet", TRACKS, pair)["PCH"],
        duet.evaluate(public[30:], "duet", pair)["PCH"],
    ]
    for axes, counts in zip(drawn[4].axes[1:], wanted, strict=True):
        assert heights(axes, outlined=False) == pytest.approx(counts / counts.max())


def test_systems_make_their_music_once(run, drawn, public, add_toy):
    asked = []

    def evaluate(data, n, seed):
        asked.append((data, n, seed))
        return [*toys.rows(none=None), *toys.rows(made=~data[:3], other=data)]

    can = {"evaluate": ()}
    pair = ("guitar", "bass")  # which are shown of music with more tracks
    duo = add_toy("duet-hlstm", can, n_steps=4, evaluate=evaluate, tracks=pair)
    five = np.repeat(public[:2, ..., :1], 5, axis=-1) & (np.arange(5) > 2)  # bass and strings
    muse = add_toy("musegan-composer", can, n_steps=8, evaluate=lambda *_: toys.rows(x=five))
    runs = Path("runs")
    runs.mkdir()
    for folder in (duo, muse):
        folder.rename(runs / folder.name)
    said = run("--figure", "4", "6", "--runs", "runs", "--seed", "5")
    assert "(b) musegan-composer, 2 phrases; (c) duet-hlstm, 3 phrases" in said
    ((given, n, seed),) = asked
    assert (n, seed) == (20, 5)
    chosen = np.unique(np.linspace(0, 49, 20).astype(int))
    np.testing.assert_array_equal(given, public[chosen][:, :, ::2])
    assert heights(drawn[4].axes[2], outlined=False) == [1] * 12
    shown = duet.evaluate(five, "duet", TRACKS, pair)["PCH"]
    assert heights(drawn[4].axes[1], outlined=False) == pytest.approx(shown / shown.max())
    named = run("--figure", "4", "--system", "runs/duet-hlstm", "--baseline", "runs/duet-hlstm")
    assert "(b) duet-hlstm, 3 phrases; (c) duet-hlstm, 3 phrases" in named


@pytest.mark.golden
def test_figure_6_shows_the_reports_phrases(run, drawn, public):
    many = np.concatenate([public, public])[:62]
    np.save("many.npy", many)
    np.save("few.npy", public[:2])
    said = run("--figure", "6", "--baseline", "few.npy", "--generated", "many.npy")
    assert "(a) music.npy, phrases 31 to 33; (b) few.npy, phrases 0 to 1" in said
    assert "(c) many.npy, phrases 59 to 61" in said
    for axes, phrases, whole in zip(
        drawn[6].axes, (public[31:34], public[:2], many[59:62]), (public, public[:2], many),
        strict=True,
    ):  # fmt: skip
        piano, strings = (np.asarray(row.get_array()) for row in axes.images)
        for k, picture in enumerate((piano, strings)):
            used = np.flatnonzero(whole[..., k].any(axis=(0, 1, 2)))
            assert picture.shape == (np.ptp(used) + 1, 40 * len(phrases) - 8, 3)
            bars = np.concatenate([phrases[..., k], np.zeros_like(phrases[:, :1, ..., k])], axis=1)
            cells = bars.reshape(-1, 84)[:-8, used[0] : used[-1] + 1].T[::-1]
            assert (picture[cells] == NOTE).all()
            assert (picture[~cells] == GROUND).all()
    assert (tuple(GROUND), tuple(NOTE)) == ((64, 122, 57), (155, 199, 156))


def test_elsewhere_figure_6_shows_the_fullest_phrases(run, drawn, public):
    some = public[:9].copy()
    some[[1, 2, 3, 4, 8]] = False
    some[5:8, :, 0, 0] = True
    np.save("some.npy", some)
    said = run("--figure", "6", "--baseline", "some.npy", "--generated", "some.npy")
    assert "(b) some.npy, phrases 5 to 7; (c) some.npy, phrases 5 to 7" in said


def write_figures(
    folder: Path, without: str = "", epoch: bool = True, pair=("piano", "strings")
) -> dict[str, list[float]]:
    names = ("density", "silent", "unchanged", "notes", "most")
    columns = {"loss": [3.0, 2.0, 1.0]}
    for k, name in enumerate(names):
        columns |= {f"{name}_{t}": [k / 10 + 0.01 * i, 0.1, 0.2] for i, t in enumerate(pair)}
    if epoch:
        columns = {"epoch": [1, 2, 3]} | columns
    columns.pop(without, None)
    folder.mkdir(parents=True)
    with (folder / "generated.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return columns


@pytest.mark.parametrize("epoch", [True, False])
def test_the_course_of_a_training(run, drawn, epoch):
    columns = write_figures(Path("runs/duet-hlstm"), epoch=epoch)
    said = run("--figure", "7", "--runs", "runs")
    assert "3 epochs of duet-hlstm beside published samples" in said
    first, *_, last = drawn[7].axes[:5]
    samples, ours, data = first.lines[:3]
    assert samples.get_xdata().tolist() == [1, 10, 13, 20, 30, 40]
    assert samples.get_ydata().tolist() == [2.65, 2.74, 2.20, 2.35, 2.23, 2.35]
    assert ours.get_xdata().tolist() == [1, 2, 3]
    assert ours.get_ydata() == pytest.approx([100 * x for x in columns["density_piano"]])
    assert set(data.get_ydata()) == {3.20}
    assert [len(axes.lines) for axes in drawn[7].axes[:5]] == [6, 6, 6, 6, 4]
    assert last.lines[3].get_ydata().tolist() == columns["most_strings"]


def test_the_course_of_other_tracks(run, drawn):
    columns = write_figures(Path("runs/duet-hlstm"), pair=("guitar", "bass"))
    said = run("--figure", "7", "--runs", "runs")
    assert "3 epochs of duet-hlstm (guitar as piano, bass as strings) beside" in said
    assert drawn[7].axes[4].lines[3].get_ydata().tolist() == columns["most_bass"]


def test_the_published_course_alone(run, drawn):
    said = run("--figure", "7")
    assert "published samples only: no run duet-hlstm; `python train/duet_hlstm.py" in said
    assert [len(axes.lines) for axes in drawn[7].axes[:5]] == [4, 4, 4, 4, 2]


def stand_in(settings):
    """A narrow network with the names of the layers of the true one."""
    import keras

    layers = keras.layers
    melody, accompaniment = (keras.Input((4, 84), name=f"{x}_input") for x in ("melody", "accomp"))
    states = layers.LSTM(5, return_sequences=True, name="melody_lstm1")(melody)
    others = layers.LSTM(5, return_sequences=True, name="accomp_lstm1")(states)
    code = layers.LSTM(3, name="melody_lstm2")(states)
    joined = layers.Concatenate(name="notes")([others, accompaniment])
    heads = [
        layers.Dense(84, settings, name="dense")(code),
        layers.Dense(84, settings, name="dense_1")(layers.LSTM(3, name="accomp_lstm2")(joined)),
    ]
    output = layers.Concatenate(name="output")(heads)
    return keras.Model([melody, accompaniment], output, name="narrow")


def test_the_layers(run, drawn):
    assert "figure 1: the layers, 159,816 parameters" in run("--figure", "1")
    words = {text.get_text() for text in drawn[1].findobj(Text)}
    assert {
        "melody_input: InputLayer", "accomp_lstm2: LSTM", "concatenate: Concatenate",
        "dense: Dense, softmax", "in (1000, 4, 84), (1000, 4, 84)",
        "out (1000, 4, 84),  56,784 parameters", "out (1000, 32),  25,728 parameters",
        "output: Concatenate", "out (1000, 168)",
    } <= words  # fmt: skip


def test_the_layers_of_a_trained_network(run, drawn, add_toy):
    network = stand_in("sigmoid")
    folder = add_toy("duet-hlstm", {"evaluate": ()}, network=network)
    run("--figure", "1", "--system", str(folder))
    words = {text.get_text() for text in drawn[1].findobj(Text)}
    heading = f"narrow: {network.count_params():,} parameters, a batch of 1,000"
    assert {"dense: Dense, sigmoid", "notes: Concatenate", heading} <= words

    toys.MADE["duet-hlstm"].network = SimpleNamespace(inputs=range(3))
    with pytest.raises(Error, match="has 3 tracks; the diagram is of two"):
        run("--figure", "1", "--system", str(folder))


def test_rows_of_the_layers():
    before = layer_diagram.inputs_of(stand_in("softmax"))
    assert before["notes"] == ["accomp_lstm1", "accomp_input"]
    assert layer_diagram.rows_of(before) == {
        "melody_input": 0, "melody_lstm1": 1, "melody_lstm2": 2, "accomp_lstm1": 2,
        "accomp_input": 2, "notes": 3, "dense": 3, "accomp_lstm2": 4, "dense_1": 5, "output": 6,
    }  # fmt: skip


def test_what_is_published_agrees_with_itself():
    """A pitch class that sounds almost always sounds one step later, too."""
    for letter in published.PANELS:
        assert published.NLH[letter].max() == published.PCH[letter].max() == 1
        assert published.NCTM[letter].shape == (6, 6)
        assert published.NCTM[letter].max() == published.NCTM[letter][4, 4] == 1
        np.testing.assert_allclose(
            np.diagonal(published.PCTM[letter]), published.PCH[letter], atol=0.16
        )
    a_to_e = published.PCTM["c"][9, 4], published.PCTM["c"][4, 9]
    assert a_to_e == (116 / 436, 105 / 436)
    assert published.PCTM["a"][4, 0] == published.PCTM["a"][0, 4] == 0.31
    assert np.isnan(published.PCTM["b"][0, 11])
    assert published.PCTM["b"][0, 1] == 0
    assert duet_hlstm.TABLE_2.metrics("DuetHLSTM")["score"]["harmony"] == 3.61


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--figure", "7", "--baseline", "x"], "x: is only for figures with panels, 2, 3, 4, 5, 6"),
        (["--figure", "2", "--baseline", "absent.npy"], "absent.npy: no such file"),
        (["--figure", "2", "--generated", "absent.npy"], "absent.npy: no such file"),
        (["--figure", "7", "--runs", "empty"], "generated.csv: not there; `python train/duet_hl"),
        (["--figure", "7", "--runs", "runs"], "generated.csv: has no column notes_strings"),
        (["--figure", "2", "--track", "piano"], "is only for training curves, figures of other"),
        (["--figure", "1", "--system", "odd"], "odd is a odd; the diagram is of a duet-hlstm"),
        (["--figure", "2", "--system", "odd"], "odd: makes no phrases; give a system of two"),
        (["--figure", "2", "--generated", "eight.npy"], "eight.npy: no track named strings; there"),
        (
            ["--figure", "7", "--tracks", "bass", "drums"],
            "--tracks bass drums: is only for figures",
        ),
    ],
)
def test_mistakes(run, add_toy, options, message):
    Path("empty").mkdir()
    write_figures(Path("runs/duet-hlstm"), without="notes_strings")
    np.save("eight.npy", np.ones((1, 4, 8, 84, 8), bool))
    add_toy("odd", {"generate": ()}, music="notes")
    with pytest.raises(Error, match=message) as raised:
        run(*options)
    assert "\n" not in str(raised.value)


def test_panels_are_of_this_report_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Error, match="figures with panels, of other papers"):
        run_script("eval", "figures", ["musegan", "--generated", "x.npy"])
