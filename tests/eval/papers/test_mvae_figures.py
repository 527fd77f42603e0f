"""The figures of the melody VAE, drawn from untrained systems of width 8."""

from functools import partial
from pathlib import Path

import pytest
from matplotlib.text import Text

from musegen import Error, plots, registry
from musegen.cli import run_script
from musegen.eval.tables import latent_figures


@pytest.fixture
def run(notes_place, monkeypatch, capsys):
    """The command; it draws three lines and few segments."""
    (notes_place / "runs").mkdir()
    for name in ("mvae", "mvae-autoencoder"):
        (notes_place / name).rename(notes_place / "runs" / name)
    monkeypatch.setattr(registry, "pretrained", dict)
    short = partial(latent_figures.interpolation, n=3, steps=2)
    monkeypatch.setattr(latent_figures, "interpolation", short)

    def command(*options: str) -> str:
        run_script("eval", "figures", ["mvae", *options])
        return capsys.readouterr().out

    return command


@pytest.fixture
def drawn(monkeypatch) -> dict:
    """The figures that were saved, by their numbers."""
    saved, save = {}, plots.save

    def keeping(figure, path: Path) -> Path:
        saved[int(path.stem.rpartition("-")[2])] = figure
        return save(figure, path)

    monkeypatch.setattr(plots, "save", keeping)
    return saved


def words(figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(Text)}


@pytest.mark.slow
def test_all_figures(run, drawn, notes_systems):
    said = run("--runs", "runs", "--data", "songs.json", "songs.json", "--seed", "3")
    assert sorted(drawn) == [1, 2, 3]
    network = notes_systems["mvae"].network
    assert f"figure 1: the whole network, {network.count_params():,} parameters" in said
    counts = {
        f"{network.get_layer(part).get_layer(name).count_params():,}"
        for part, name in (("encoder", "read_T"), ("encoder", "mean"), ("decoder", "write_P"))
    }
    sizes = {f"to {size} values" for size in notes_systems["mvae"].sizes}
    assert counts | sizes | {"100 × 24", "note dictionary"} <= words(drawn[1])
    whole, parts = drawn[2].axes
    names = ["mvae", "mvae-autoencoder"]
    assert [text.get_text() for text in whole.get_legend().get_texts()] == names
    assert [line.get_label() for line in parts.lines] == [
        f"{name}, {part}" for name in names for part in ("dT", "T", "P")
    ]
    assert [text.get_text() for text in drawn[3].legends[0].get_texts()] == ["songs", "songs 2"]
    assert "figure 3: mvae, nearest centroid right in" in said


def test_a_named_system_is_drawn_alone(run, drawn):
    run("--system", "runs/mvae-autoencoder", "--data", "songs.json", "--figure", "2")
    assert drawn[2].axes[0].get_legend() is None
    with pytest.raises(Error, match="is a mvae-autoencoder; the diagram is of an mvae"):
        run("--system", "runs/mvae-autoencoder", "--figure", "1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--figure", "3", "--runs", "runs", "--data", "songs.json"], "name two or more sources"),
        (["--figure", "2"], "no trained mvae; `python train/mvae.py --variant unrolling --out"),
        (["--figure", "1", "--track", "bass"], "is only for training curves, figures of other"),
        (["--figure", "2", "--system", "odd"], "odd: is a bachprop; give a mvae or a mvae-auto"),
    ],
)
def test_mistakes(run, options, message):
    Path("odd").mkdir()
    Path("odd", registry.SYSTEM_FILE).write_text('{"system": "bachprop"}')
    with pytest.raises(Error, match=message) as raised:
        run(*options)
    assert "\n" not in str(raised.value)


def test_figures_of_phrases_are_of_one_source(run):
    words = ["midi-s2", "--figure", "8", "--data", "demo", "songs.json"]
    with pytest.raises(Error, match=r"no trained midi-s2|--data demo songs\.json: this figure"):
        run_script("eval", "figures", words)
