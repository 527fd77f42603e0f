"""The figures of MuseGAN, drawn from tiny untrained systems and made-up trainings."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musegen import Error, plots, registry
from musegen.music.phrases import TRACKS, binarise, chain
from musegen.plots import marked

GIVEN = TRACKS.index("piano")


@pytest.fixture(scope="module")
def systems(tmp_path_factory) -> dict[str, Path]:
    """Folders of a composer, a hybrid, and a hybrid that is given the piano."""
    from musegen.models.musegan import generators
    from musegen.models.musegan import settings as musegan_settings
    from musegen.models.musegan import system as musegan_system

    settings = replace(musegan_settings.PRESETS["paper"], width=0.01)
    folder = tmp_path_factory.mktemp("pretrained")
    for kind in (("composer",), ("hybrid",), ("hybrid", "piano")):
        kind = musegan_settings.Kind(*kind)
        name = musegan_settings.system_name(kind)
        network = generators.generator(settings, kind)
        musegan_system.MuseGAN("paper", kind, network).save(folder / name)
    return {path.name: path for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def phrases() -> np.ndarray:
    """Random notes, bars of 96 steps."""
    beats = np.random.default_rng(0).random((9, 4, 8, 84, 5)) < 0.05
    return np.repeat(beats, 12, axis=2)


@pytest.fixture
def run(figures_of, phrases):
    return figures_of("musegan", phrases)


@pytest.fixture
def pretrained(run, systems, monkeypatch):
    monkeypatch.setattr(registry, "pretrained", lambda: systems)


@pytest.fixture
def drawn(monkeypatch) -> dict:
    """The figures that were saved, by their numbers."""
    saved, save = {}, plots.save

    def keeping(figure, path: Path) -> Path:
        saved[int(path.stem.rpartition("-")[2])] = figure
        return save(figure, path)

    monkeypatch.setattr(plots, "save", keeping)
    return saved


def picture(figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


def pixels(phrases: np.ndarray, columns: int = 3) -> np.ndarray:
    return picture(plots.phrase_grid(phrases, columns))


def write_history(path: Path, **columns) -> None:
    """200 steps, metrics measured at every second one."""
    steps = np.arange(10, 2001, 10)
    upc, qn = np.linspace(9, 4, 200), np.linspace(0.1, 0.6, 200)
    table = {"step": steps, "critic_loss": -1000 / steps, "generator_loss": steps}
    table |= {"UPC strings": upc, "QN strings": qn, "EB bass": qn} | columns
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        for i, row in enumerate(zip(*table.values(), strict=True)):
            writer.writerow([*row[:3], *(["nan"] * len(row[3:]) if i % 2 else row[3:])])
    measured = {"UPC strings": 3.38, "QN strings": float("nan")}
    path.with_name("data.json").write_text(json.dumps(measured))


def write_samples(path: Path, steps: list[int]) -> np.ndarray:
    values = np.random.default_rng(0).uniform(-1, 1, (len(steps), 2, 4, 96, 84, 5))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, steps=np.array(steps), values=values.astype(np.float16))
    return values.astype(np.float16)


def test_without_systems_it_draws_the_data_and_says_how_to_make_the_others(run, drawn, phrases):
    text = run("--seed", "3")
    assert list(drawn) == [10]
    chosen = np.sort(np.random.default_rng(3).permutation(len(phrases))[:6])
    assert (picture(drawn[10]) == pixels(phrases[chosen])).all()
    notes = re.findall(r"figure (\d+): .*`python train/musegan\.py --model (.*) --out (\S+)`", text)
    composer, hybrid = "runs/musegan-composer", "runs/musegan-hybrid"
    assert notes == [
        ("7", "composer", composer), ("8", "composer", composer), ("9", "composer", composer),
        ("11", "composer", composer), ("12", "hybrid", hybrid),
        ("13", "composer --condition strings", f"{composer}-conditional"),
    ]  # fmt: skip
    assert text.count("makes it, then --runs runs\n") == 6


@pytest.mark.slow
def test_generated_phrases(run, drawn, systems, pretrained):
    run("--figure", "7", "11", "12", "--seed", "5")
    made = {}
    for number, model in ((11, "composer"), (12, "hybrid")):
        system = registry.load(systems[f"musegan-{model}"])
        made[model] = system.generate(3, seed=5)
        z = system.draw(6, seed=5)
        raw = (system.values(z) + 1) / 2
        cells = system.generate(6, seed=5)
        assert 0 < cells.mean() < 1
        assert np.allclose(picture(drawn[number])[:168], pixels(raw), atol=1e-4)
        assert (picture(drawn[number])[168:] == pixels(cells)).all()
        labels = [label.get_text() for label in drawn[number].axes[0].get_yticklabels()]
        assert labels == ["raw", "", "binarised", ""]
    assert (picture(drawn[7]) == pixels(np.concatenate(list(made.values())))).all()
    labels = [label.get_text() for label in drawn[7].axes[0].get_yticklabels()]
    assert labels == ["composer", "hybrid"]


@pytest.mark.slow
def test_what_a_conditional_system_is_given_and_writes(run, drawn, systems, phrases, pretrained):
    text = run("--figure", "13", "--seed", "5")
    assert "hybrid given the piano: 3 full phrases of music.npy" in text
    system = registry.load(systems["musegan-hybrid-conditional"])
    sounding = phrases.any(axis=(2, 3)).sum(axis=(1, 2))
    chosen = phrases[sorted((-sounding).argsort(kind="stable")[:3])]
    given, raw, cells = np.split(picture(drawn[13]), 3)
    alone = np.zeros_like(chosen)
    alone[..., GIVEN] = chosen[..., GIVEN]
    assert (given == pixels(alone)).all()
    written = system.accompany(chosen, seed=5)
    assert (cells == pixels(written)).all()
    z = system.draw(3, 5) | {"given": 2 * chosen[..., GIVEN : GIVEN + 1].astype(np.float32) - 1}
    assert np.allclose(raw, pixels((system.values(z) + 1) / 2), atol=1e-4)


def test_figure_8_follows_one_sample(run, drawn):
    steps = [0, 100, 200, 300, 700, 1500, 2000]
    values = write_samples(Path("runs/musegan-hybrid/samples/steps.npz"), steps)
    text = run("--runs", "runs", "--figure", "8", "--seed", "1")
    assert "musegan-hybrid, one sample at steps 0, 200, 700, 1,500, 2,000" in text
    panels = drawn[8].axes
    assert [panel.get_xlabel() for panel in panels] == [
        "step 0 (A)", "step 200 (B)", "step 700 (C)", "step 1,500 (D)", "step 2,000 (E)",
    ]  # fmt: skip
    rows = [label.get_text() for label in panels[0].get_yticklabels()]
    assert rows == ["bass", "drums", "guitar", "strings", "piano"]
    cells = binarise(values[[0, 2, 4, 5, 6], 1], monophonic_bass=True)
    for panel, phrase in zip(panels, cells, strict=True):
        roll = chain(phrase[None])[:, ::-1]  # highest pitch on top
        dark = np.concatenate([roll[..., TRACKS.index(track)].T for track in rows])
        assert (picture_of(panel) == 1 - dark).all()
        assert dark[:84].sum(axis=0).mean() < 1.1  # half-precision numbers tie now and then


def picture_of(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def test_figure_9_follows_losses_and_metrics(run, drawn):
    loss = np.where(np.arange(200) < 3, 9.0, -np.linspace(1e9, 1e7, 200))
    loss[0] = np.nan  # nothing was learned yet
    write_history(Path("runs/musegan-composer/history.csv"), critic_loss=loss)
    write_history(Path("runs/musegan-hybrid/history.csv"))
    text = run("--runs", "runs", "--figure", "9")
    assert "musegan-composer, step 2,000: negative critic loss 1e+07, UPC strings 4.025" in text
    critic, upc, qn = drawn[9].axes
    assert [axes.get_yscale() for axes in drawn[9].axes] == ["log", "linear", "linear"]
    assert (upc.get_ylim(), qn.get_ylim()) == ((0, 12), (0, 1))
    raw, smooth, marks = critic.lines
    assert (raw.get_ydata()[3:] == -loss[3:]).all()
    assert (smooth.get_color(), len(smooth.get_xdata())) == ("black", 197)
    assert marks.get_xdata().tolist() == [10, 180, 630, 1520, 2000]
    letters = [text.get_text() for text in critic.texts]
    assert letters == list("ABCDE")
    assert len(upc.lines[1].get_xdata()) == 100
    assert set(upc.lines[2].get_ydata()) == {3.38}
    assert len(qn.lines) == 3  # its data have no value, hence no dashed line


def test_the_median_filter_of_figure_9_is_as_wide_as_asked(run, drawn):
    write_history(Path("runs/musegan-composer/history.csv"))
    run("--runs", "runs", "--figure", "9", "--median", "1")
    for axes in drawn[9].axes:
        raw, smooth = (np.array(line.get_ydata()) for line in axes.lines[:2])
        np.testing.assert_array_equal(smooth, raw[np.isfinite(raw)])
    run("--runs", "runs", "--figure", "9", "--median", "399")
    upc = drawn[9].axes[1].lines[1].get_ydata()
    assert upc[len(upc) // 2] == pytest.approx(np.median(upc), rel=0.01)


def test_trainings_of_what_the_code_alone_has_are_drawn_when_named(run, drawn):
    for name in ("musegan-ablated", "musegan-hybrid-bar"):
        write_history(Path(name, "history.csv"))
        Path(name, registry.SYSTEM_FILE).write_text(json.dumps({"system": name}))
        assert f"{name}, step 2,000" in run("--system", name, "--figure", "9")
    with pytest.raises(Error, match="--model hybrid --one-bar --out runs/musegan-hybrid-bar"):
        run("--system", "musegan-hybrid-bar", "--figure", "8")
    with pytest.raises(Error, match="--model composer --no-batchnorm --out runs/musegan-ablated"):
        run("--system", "musegan-ablated", "--figure", "8")


@pytest.mark.slow
def test_a_system_that_is_named_and_not_shown_is_a_mistake(run, drawn, systems, pretrained):
    hybrid = str(systems["musegan-hybrid"])
    for figure, shown in (("11", "a musegan-composer"), ("13", "-conditional or a musegan-")):
        with pytest.raises(Error, match=f"is a musegan-hybrid; give .*{shown}"):
            run("--figure", figure, "--system", hybrid)
    conditional = str(systems["musegan-hybrid-conditional"])
    with pytest.raises(Error, match="give a musegan-composer or a musegan-hybrid"):
        run("--figure", "7", "--system", conditional)
    text = run("--system", hybrid)
    assert sorted(drawn) == [7, 10, 12]
    assert "figure 11: " in text
    assert "is a musegan-hybrid; give a musegan-composer\n" in text


@pytest.mark.slow
def test_a_given_track_is_shown_where_it_plays(run, drawn, phrases, pretrained):
    phrases = phrases.copy()
    phrases[:7, ..., GIVEN] = False
    np.save("music.npy", phrases)
    run("--figure", "13")
    alone = np.zeros_like(phrases[:3])
    full = phrases.any(axis=(2, 3)).sum(axis=(1, 2))
    chosen = sorted([7, 8, int(full[:7].argmax())])
    alone[..., GIVEN] = phrases[chosen][..., GIVEN]
    assert (np.split(picture(drawn[13]), 3)[0] == pixels(alone)).all()
    np.save("music.npy", phrases[:7])
    with pytest.raises(Error, match="its piano is silent in all phrases that were read"):
        run("--figure", "13")


def test_figure_9_has_its_letters_at_the_panels_of_figure_8(run, drawn):
    write_history(Path("runs/musegan-composer/history.csv"))
    write_samples(Path("runs/musegan-composer/samples/steps.npz"), [0, 1000, 2000])
    run("--runs", "runs", "--figure", "8", "9")
    assert [panel.get_xlabel() for panel in drawn[8].axes] == [
        "step 0 (A)", "step 1,000 (C)", "step 2,000 (D)",
    ]  # fmt: skip
    marks = drawn[9].axes[0].lines[2]
    assert marks.get_xdata().tolist() == [0, 1000, 2000]


@pytest.mark.slow
def test_histories_that_lie_beside_a_system(run, drawn, tmp_path, systems, monkeypatch):
    for name in ("history/history.csv", "other/history.csv"):
        write_history(tmp_path / "band" / name, **{"QN bass": [0] * 200, "UPC bass": [1] * 200})
    told = systems["musegan-hybrid"] / registry.SYSTEM_FILE
    Path("band", registry.SYSTEM_FILE).write_text(told.read_text())
    text = run("--system", "band", "--track", "bass", "--figure", "9")
    assert "musegan-hybrid, step 2,000" in text
    Path("band").rename("other")
    monkeypatch.setattr(registry, "pretrained", lambda: {"musegan-hybrid": Path("other")})
    assert "musegan-hybrid, step 2,000" in run("--figure", "9")
    assert drawn[9].axes[1].get_ylabel() == "UPC strings"
    with pytest.raises(Error, match=r"no run musegan-composer; `python train/musegan\.py"):
        run("--figure", "8")
    with pytest.raises(Error, match=r"steps\.npz: not there; `python train/musegan.*--model hyb"):
        run("--figure", "8", "--system", "musegan-hybrid")


def test_the_letters_of_a_short_training_lie_as_far_along_it():
    assert marked(range(0, 10_001, 100)) == {"A": 0, "B": 700, "C": 2500, "D": 6000, "E": 7900}
    assert marked([0, 70, 250, 600, 790]) == {"A": 0, "B": 70, "C": 250, "D": 600, "E": 790}
    assert marked([0]) == {"A": 0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--figure", "1"], "--figure 1: musegan has the figures 7, 8, 9, 10, 11, 12, 13"),
        (["--figure", "9", "--track", "drums"], "a history without QN drums, UPC drums"),
        (
            ["--figure", "9", "--track", "piano"],
            "history.csv: a metric of piano is undefined at every",
        ),
        (["--figure", "8"], "steps.npz: damaged"),
        (["--figure", "9", "--median", "4"], "--median 4: .* odd number"),
        (["--figure", "7", "10", "--median", "5"], "--median 5: is only for training"),
        (["--figure", "8", "--track", "bass"], "bass: is only for training curves, figures 9"),
        (["--figure", "7", "--system", "duo"], "duo: is a midi-s2, not a MuseGAN"),
        (["--figure", "7", "--system", "odd"], "system.json: damaged"),
    ],
)
def test_mistakes(run, options, message):
    silent = [float("nan")] * 200
    write_history(
        Path("runs/musegan-composer/history.csv"), **{"UPC piano": silent, "QN piano": silent}
    )
    for folder, told in (("duo", '{"system": "midi-s2"}'), ("odd", "{}")):
        Path(folder).mkdir()
        Path(folder, registry.SYSTEM_FILE).write_text(told)
    Path("runs/musegan-composer/samples").mkdir()
    Path("runs/musegan-composer/samples/steps.npz").write_text("no archive")
    with pytest.raises(Error, match=message) as raised:
        run("--runs", "runs", *options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"\xff", b"[]", b"[" * 10_000, b'{"QN bass": {}}', b""])
def test_damaged_metrics_of_the_data_are_one_line(run, content):
    write_history(Path("runs/musegan-composer/history.csv"))
    Path("runs/musegan-composer/data.json").write_bytes(content)
    with pytest.raises(Error, match=r"data\.json: damaged \(.*\); train it again") as raised:
        run("--runs", "runs", "--figure", "9")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"[]", b"[" * 10_000, b'{"system": "x"', b"\xff"])
def test_a_damaged_description_of_a_system_is_one_line(run, content):
    Path("odd").mkdir()
    Path("odd", registry.SYSTEM_FILE).write_bytes(content)
    with pytest.raises(Error, match=r"system\.json: damaged, or of another release"):
        run("--figure", "7", "--system", "odd")


def test_pictures_that_claim_too_much_are_one_line(run):
    path = Path("runs/musegan-composer/samples/steps.npz")
    path.parent.mkdir(parents=True)
    np.savez(path, steps=np.array([0, 1]), values=np.zeros((1, 1, 4, 96, 84, 5), np.float16))
    with pytest.raises(Error, match=r"steps\.npz: damaged \(.*\); train it again"):
        run("--runs", "runs", "--figure", "8")
    np.savez(path, steps=np.array([0]), values=np.array([{}]))
    with pytest.raises(Error, match=r"steps\.npz: damaged \(.*\); train it again"):
        run("--runs", "runs", "--figure", "8")
