"""Each flag of the script that trains the melody VAE has the effect that its help names."""

import csv

import note_wiring
import numpy as np
import pytest
import wiring
from note_wiring import OTHER, NoteWatch

from musegen import Error
from musegen.models.layers.gru import UnrollingGRU
from musegen.models.mvae.mvae_options import trained_settings, with_defaults
from musegen.models.mvae.settings import kl_weight as weight_of
from musegen.models.mvae.settings import settings_of
from musegen.train import mvae as script


@pytest.fixture(scope="module")
def watch(tmp_path_factory) -> NoteWatch:
    return NoteWatch(script, tmp_path_factory.mktemp("mvae"))


REPO = "--preset repo --batch-size 50"
KL = "--kl-weight 3 --kl-midpoint 2 --epochs 3"
PLAIN = "--variant autoencoder"


def preset(watch: NoteWatch) -> None:
    """The rules of notes, the copies in seven keys, the KL term, the cell of note unrolling."""
    assert len(watch().first.inputs) == 2 * 16
    assert len(watch(REPO).first.inputs) == 7 * 2 * 16
    assert [watch.system(flags).dictionaries.unit for flags in ("", REPO)] == ["grid", "sixteenths"]
    for flags, reduction in (("", "sum"), (REPO, "batch_sum")):
        sampling = watch(flags).model.get_layer("encoder").get_layer("sampling")
        assert sampling.kl_reduction == reduction
    assert watch(REPO).first.kl_weight == pytest.approx(0.01 / (1 + np.exp(8.1)))


def variant(watch: NoteWatch) -> None:
    flat, plain = watch("--variant flat").model, watch(PLAIN).model
    assert [own.name for own in (watch().model, flat, plain)] == [
        "mvae", "mvae-flat", "mvae-autoencoder"
    ]  # fmt: skip
    for model, unrolls in ((watch().model, True), (flat, False), (plain, True)):
        context = model.get_layer("decoder").get_layer("context")
        assert isinstance(context, UnrollingGRU) == unrolls
    assert [watch(f).first.kl_weight is None for f in ("", "--variant flat", PLAIN)] == [
        False, False, True
    ]  # fmt: skip


def kl_weight(watch: NoteWatch) -> None:
    weights = [epoch.kl_weight for epoch in watch(KL).epochs]
    assert weights == pytest.approx([3 / (1 + np.exp(0.9)), 1.5, 3 / (1 + np.exp(-0.9))])


def kl_midpoint(watch: NoteWatch) -> None:
    """By the recipe of the paper 10, by the quick one 4."""
    assert watch().first.kl_weight == pytest.approx(1 / (1 + np.exp(8.1)))
    quick = watch("--recipe quick").first.kl_weight
    assert quick == pytest.approx(1 / (1 + np.exp(2.7)))


TABLE = note_wiring.SHARED | note_wiring.FOR_SEGMENTS
TABLE |= {own.__name__: own for own in (preset, variant, kl_weight, kl_midpoint)}


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


@wiring.by_flag(TABLE, slow=("snap",))
def test_a_flag_has_its_effect(check, watch):
    check(watch)


def test_what_is_written_again_is_what_is_read(watch):
    np.testing.assert_array_equal(watch().first.inputs, watch().first.targets)
    assert watch().first.inputs.min() > 0


def history(watch: NoteWatch, flags: str = "") -> list[dict[str, float]]:
    with (watch(flags).folder / "history.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_the_logged_kl_is_that_of_one_example(watch):
    """The stand-in loss is 3 and the reconstruction 1/3; in repo the KL term is summed over a
    batch: of 224 segments four batches are of 50 and one of 24; four more are held out."""
    (row,) = history(watch)
    w = weight_of(settings_of("mvae", "paper"), 1)
    assert row["kl"] == pytest.approx((3 - 1 / 3) / w)
    assert row["kl_weight"] == pytest.approx(w)
    (row,) = history(watch, REPO)
    w = weight_of(settings_of("mvae", "repo"), 1)
    size = (4 * 50**2 + 24**2) / 224
    assert row["kl_weight"] == pytest.approx(w * size)
    assert row["kl"] == pytest.approx((3 - 1 / 3) / (w * size))
    assert row["val_kl"] == pytest.approx((3 - 1 / 3) / (w * 8))  # both segments of four songs
    assert "kl" not in history(watch, PLAIN)[0]


def test_samples_are_of_songs_that_are_held_out_if_there_are_any(watch):
    for flags, there in (("", note_wiring.held_out(watch)), (OTHER, watch(OTHER).first.inputs)):
        system, shown = watch.system(flags), watch(flags).samples[0].original
        numbers, _ = system.dictionaries.encode(shown)
        assert watch.songs(numbers, flags) <= watch.songs(there, flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (f"{PLAIN} --kl-weight 1", "--kl-weight: the autoencoder has no KL term"),
        (f"{PLAIN} --kl-midpoint 1", "--kl-midpoint: the autoencoder has no KL term"),
        ("--preset repo --snap onset", "--snap onset: the preset repo has another grid"),
        ("--shares 0.5 0.5", "--shares 0.5 0.5: give one for each of the 1 sources"),
        ("--width 0", "--width 0: at least 1"),
        ("--kl-weight -1", "--kl-weight -1.0: at least 0"),
        ("--data {folder}/nowhere.npz", "nowhere.npz: no such file"),
        ("--keep best --val-split 0", "--keep best and --patience need data to validate with"),
    ],
)
def test_a_mistake_is_one_line(watch, flags, message):
    with pytest.raises(Error, match=message) as caught:
        watch(flags)
    assert "\n" not in str(caught.value)


def test_defaults_come_from_preset_recipe_and_demo():
    demo = with_defaults(script.Training())
    assert (demo.recipe, demo.epochs, demo.batch_size, demo.width) == ("quick", 6, 32, 64)
    assert (demo.optimizer, demo.decay, demo.kl_midpoint) == ("adam", "cosine", 3)
    paper = with_defaults(script.Training(data=("songs",)))
    assert (paper.recipe, paper.epochs, paper.batch_size, paper.width) == ("paper", 200, 128, None)
    assert (paper.optimizer, paper.learning_rate, paper.decay) == ("rmsprop", 1e-4, "none")
    assert with_defaults(script.Training(data=("songs",), preset="repo")).recipe == "repo"
    for name, width, end in (("paper", 512, 1), ("repo", 256, 0.01)):
        found = trained_settings(settings_of("mvae", name), paper, (3, 4, 5))
        assert (found.width, found.kl_end, found.kl_midpoint, found.sizes) == (
            width, end, 10, (3, 4, 5)
        )  # fmt: skip
