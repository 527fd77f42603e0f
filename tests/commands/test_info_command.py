"""`musegen info`: the systems, and the parameters that the specification counts."""

import json
import re
import subprocess
import sys

import pytest

from musegen import registry
from musegen.commands import system_info as info

PAPER = {
    "bvae": (295_952, {"encoder": 125_568, "decoder": 170_384}),
    "refine-note": (524_884, {}),
    "refine-bar": (34_535, {}),
    "mfg-vae-concat": (18_725_248, {"encoder": 9_378_816, "decoder": 9_346_432}),
    "mfg-vae-project": (123_072 + 118_848, {"encoder": 123_072, "decoder": 118_848}),
    "mfg-vae": (427_776, {"encoder": 164_608, "decoder": 263_168}),
    "midi-s2": (4_531_956, {}),
}
REPO = {
    "bvae": (1_120_656, {"encoder": 480_768, "decoder": 639_888}),
    "refine-note": (524_884, {}),
    "refine-bar": (34_535, {}),
    "mfg-vae-concat": (26_542_208, {"encoder": 13_278_080, "decoder": 13_264_128}),
    "mfg-vae-project": (364_096 + 364_480, {"encoder": 364_096, "decoder": 364_480}),
    "mfg-vae": (1_756_288, {"encoder": 344_704, "decoder": 1_411_584}),
    "midi-s2": (9_983_988, {}),
}
COUNTS = [("paper", *row) for row in PAPER.items()] + [("repo", *row) for row in REPO.items()]


@pytest.mark.parametrize(("preset", "name", "counts"), COUNTS)
def test_parameters_are_those_of_the_specification(preset, name, counts):
    facts = info.networks(name, preset)
    total, halves = counts
    assert list(facts) == ["name", "preset", "params", "models"]
    assert (facts["name"], facts["preset"], facts["params"]) == (name, preset, total)
    assert total == sum(row["params"] for row in facts["models"] if "part_of" not in row)
    if name != "midi-s2":
        parts = facts["models"][1:]
        assert {row["name"].split("-")[-1]: row["params"] for row in parts} == halves
        assert {row["part_of"] for row in parts} <= {facts["models"][0]["name"]}


def test_the_whole_system_has_every_track_and_its_halves():
    models = info.networks("midi-s2", "paper")["models"]
    whole = [row["name"] for row in models if "part_of" not in row]
    assert len(whole) == 11
    assert len(models) == 11 + 2 * 6
    assert {row["trainable_params"] for row in models if "bass" in row["name"]} == {
        295_952, 125_568, 170_384, 524_884
    }  # fmt: skip


def test_batch_norm_has_weights_that_are_not_trained():
    (row,) = info.networks("refine-bar", "paper")["models"]
    assert row == {
        "name": "refine-bar",
        "inputs": [[48, 84, 1]],
        "outputs": [[48, 84, 1]],
        "params": 34_535,
        "trainable_params": 33_623,
    }


def test_steps_change_shapes_and_not_counts():
    row = info.networks("bvae", "paper", 96)["models"][0]
    assert (row["inputs"], row["outputs"], row["params"]) == ([[96, 84]], [[96, 84]], 295_952)


@pytest.mark.slow
def test_the_command_runs_in_a_process():
    done = subprocess.run(
        [sys.executable, "-m", "musegen", "info", "bvae", "--preset", "repo", "--json"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == info.networks("bvae", "repo")


def test_the_table_of_a_system(musegen):
    _, printed, _ = musegen("info", "mfg-vae")
    title, _, _, whole, encoder, _ = printed.splitlines()
    assert title == "mfg-vae, preset paper: 427,776 parameters"
    assert re.fullmatch("mfg-vae +5 x 128 +5 x 128 +427,776 +427,776", whole)
    assert re.fullmatch("  mfg-vae-encoder +5 x 128 +128, 128, 128 +164,608 +164,608", encoder)


def test_a_trained_system_is_described_by_its_folder(musegen, system):
    _, printed, _ = musegen("info", str(system))
    title, _, _, first, *_ = printed.splitlines()
    facts = json.loads(musegen("info", str(system), "--json")[1])
    assert title == (
        f"{system}, trained midi-s2, preset {facts['preset']}: {facts['params']:,} parameters"
    )
    assert first.startswith("bvae-bass ")
    whole = [row["name"] for row in facts["models"] if "part_of" not in row]
    assert sorted(whole) == sorted(file.stem for file in system.glob("*.keras"))
    assert facts["params"] == sum(
        registry.load(file).count_params() for file in system.glob("*.keras")
    )
    code, _, error = musegen("info", str(system), "--steps", "48")
    assert (code, error) == (
        2, f"musegen: {system}: is trained, so --preset and --steps have no effect\n"
    )  # fmt: skip


def test_all_systems_are_listed_with_what_is_trained(musegen, system, monkeypatch):
    monkeypatch.setattr(registry, "pretrained", lambda: {"mine": system})
    facts = json.loads(musegen("info", "--json")[1])
    assert list(facts["systems"]) == list(registry.catalogue())
    assert facts["systems"]["bvae"]["presets"][:2] == ["paper", "repo"]
    assert facts["pretrained"] == {"mine": str(system)}
    printed = musegen("info")[1]
    columns = set()
    for name, row in facts["systems"].items():
        (found,) = re.findall(
            f"^{name}  +(?={re.escape(row['summary'])} \\()", printed, re.MULTILINE
        )
        columns.add(len(found))
    assert len(columns) == 1  # all summaries stand below each other
    assert f"\nmine  {system}\n" in printed


def test_a_bug_report_without_keras_has_the_rest(musegen, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    code, printed, _ = musegen("info")
    assert code == 0
    assert "\nnumpy" in printed
    assert json.loads(musegen("info", "--json")[1])["pretrained"]
    assert "Keras cannot start with the backend" in musegen("info", "bvae")[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing",), "there is no system 'nothing'; there are bvae, "),
        (("bvae", "--preset", "thesis"), "bvae has no preset 'thesis'; choose paper, repo"),
        (("bvae", "--steps", "50"), "--steps 50: a bar has four beats"),
        (("mvae", "--steps", "96"), "--steps 96: mvae takes notes, and no bars; leave it out"),
        (("--preset", "repo"), "--preset and --steps need the name of a system"),
        (("--steps", "96"), "--preset and --steps need the name of a system"),
    ],
)
def test_mistakes_are_one_line(words, message, musegen):
    code, printed, error = musegen("info", *words)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert message in error
