"""Each flag of the script that trains BachProp has the effect that its help names, in its presets.

A flag that a preset has no use for is refused.
"""

import note_wiring
import numpy as np
import pytest
import wiring
from note_wiring import NoteWatch

from musegen import Error
from musegen.models.bachprop.settings import REPO
from musegen.models.mvae.mvae_options import RECIPES, with_defaults
from musegen.train import bachprop as script


@pytest.fixture(scope="module")
def paper(tmp_path_factory) -> NoteWatch:
    return NoteWatch(script, tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="module")
def repo(tmp_path_factory) -> NoteWatch:
    folder = tmp_path_factory.mktemp("repo")
    return NoteWatch(script, folder, "--preset repo", optimizer="Adam")


def preset(watch: NoteWatch) -> None:
    """Segments for the decoder of the melody VAE, or whole songs for BachProp's own network."""
    system, inputs = watch.system(), watch().first.inputs
    if system.preset == "paper":
        assert inputs.shape == (2 * 16, 100, 3)
        assert inputs.min() > 0
        assert {part.name for part in watch().model.layers} >= {"embeddings", "decoder"}
    else:
        assert inputs.shape == (32, 128, 3)  # 16 songs and 16 repeats
        assert (inputs[:, 0] == np.array(system.sizes) - 1).all()
        assert (inputs[:, 122:] == -1).all()
        assert watch().model.get_layer("read_4").units == 8


TABLE = note_wiring.SHARED | note_wiring.FOR_SEGMENTS | {"preset": preset}
OF_SONGS = {
    name: own for name, own in TABLE.items() if name not in ("snap", "shares", "split_batch")
}


def test_every_flag_has_its_check():
    assert TABLE.keys() == wiring.flags_of(script)


# As the melody VAE learns in the same way, most rows are slow.
QUICK = ("data", "batch_size", "precision", "half", "jit", "preset", "width", "shares")


@wiring.by_flag(TABLE, slow=tuple(TABLE.keys() - set(QUICK)))
def test_a_flag_has_its_effect_in_preset_paper(check, paper):
    check(paper)


@wiring.by_flag(OF_SONGS)
def test_a_flag_has_its_effect_in_preset_repo(check, repo):
    check(repo)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--snap onset", "--snap: only the preset paper has it"),
        ("--shares 1", "--shares: only the preset paper has it"),
        ("--no-split-batch", "--no-split-batch: only the preset paper has it"),
        ("--patience 3 --val-split 0", "need data to validate with: --val-split above 0"),
    ],
)
def test_what_preset_repo_has_no_use_for_is_refused(repo, flags, message):
    with pytest.raises(Error, match=message) as caught:
        repo(flags)
    assert "\n" not in str(caught.value)


def test_defaults_of_the_original_code():
    options = script.Training(data=("songs",), preset="repo")
    own = with_defaults(options, RECIPES | {"repo": script.OWN})
    assert (own.epochs, own.batch_size, own.width) == (500, 32, None)
    assert (own.optimizer, own.learning_rate, own.decay) == ("adam", 1e-3, "none")
    assert (REPO.width, script.own_optimizer(own, 9).clipnorm) == (128, None)
