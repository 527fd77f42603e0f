import json

import numpy as np
import pytest

from musegen import Error, cli, data
from musegen.data import info, shards
from musegen.metrics import muse
from musegen.music.phrases import TRACKS, Layout


@pytest.fixture(scope="module")
def phrases():
    rng = np.random.default_rng(0)
    found = rng.random((40, 4, 48, 84, 5)) < np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    found[:, 0, ..., 1] = False
    return found


@pytest.fixture
def folder(phrases, tmp_path):
    shards.write(tmp_path / "set", "train", 0, phrases[:25], np.arange(25) // 5)
    shards.write(tmp_path / "set", "train", 1, phrases[25:30], np.full(5, 5))
    shards.write(tmp_path / "set", "val", 0, phrases[30:], np.full(10, 6))
    shards.write_manifest(tmp_path / "set", Layout(n_steps=48), "songs.zip", {"seed": 3})
    return tmp_path / "set"


def test_describe_agrees_with_the_arrays(phrases):
    found = info.describe(data.load(phrases))
    assert found["phrases"] == 40
    assert found["layout"] == {"n_bars": 4, "n_steps": 48, "tracks": list(TRACKS)}
    density = phrases.mean(axis=(0, 1, 2, 3))
    assert list(found["density"].values()) == pytest.approx(density.tolist())
    for definition in ("paper", "v1"):
        expected = muse.evaluate(phrases, definition)
        metrics = found["metrics"][definition]
        assert metrics["EB"]["piano"] == pytest.approx(25)
        assert metrics["UPC"] == pytest.approx(expected["UPC"])
        assert metrics["QN"]["bass"] == pytest.approx(100 * expected["QN"]["bass"])


def test_the_sample_is_random_and_of_different_phrases(phrases):
    opened = data.load(phrases)
    found = info.sample(opened, 16)
    where = [int(np.flatnonzero((phrases == one).all(axis=(1, 2, 3, 4)))[0]) for one in found]
    assert where == sorted(set(where))
    assert len(where) == 16
    assert where != list(range(16))
    assert not np.array_equal(found, info.sample(opened, 16, seed=1))
    np.testing.assert_array_equal(info.sample(opened, 100), phrases)


def test_the_command_prints_tables_and_draws(phrases, folder, tmp_path, capsys):
    picture = tmp_path / "x.png"
    assert cli.main(["data", "info", str(folder), "--picture", str(picture)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "set: 40 phrases of 7 songs, from songs.zip"
    assert lines[1] == "4 bars of 48 steps, 84 pitches, 5 tracks"
    assert lines[2].split() == ["train", "6", "songs", "30", "phrases", "2", "shards"]
    density = [f"{100 * share:.2f}" for share in phrases.mean(axis=(0, 1, 2, 3))]
    assert ["cells", "on,", "%", *density] in [line.split() for line in lines]
    assert sum(line.startswith("EB  empty bars, %") for line in lines) == 2
    assert sum(line.startswith("TD  tonal distance: bass-") for line in lines) == 2
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_json(folder, tmp_path, capsys):
    command = ["data", "info", str(folder), "--json", "--picture", str(tmp_path / "x.pdf")]
    assert cli.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["songs"] == 7
    assert found["splits"]["val"] == {"phrases": 10, "songs": 1, "shards": 1}
    assert found["settings"] == {"seed": 3}
    assert found["picture"] == str(tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_undefined_is_null(tmp_path):
    silent = np.zeros((2, 4, 48, 84, 5), bool)
    found = info.describe(data.load(silent))
    assert found["metrics"]["paper"]["QN"]["bass"] is None
    assert "EB  empty bars, %" in info.table(found)
    json.dumps(found, allow_nan=False)


def test_mistakes(folder, tmp_path):
    with pytest.raises(Error, match="no such file"):
        data.load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(Error, match=r"x\.png: cannot be written"):
        info.picture(data.load(folder), tmp_path / "file" / "x.png")
    assert cli.main(["data", "info", str(folder), "--picture", "x.gif"]) == 2


def test_a_full_disk_leaves_the_old_picture(phrases, folder, tmp_path, full_disk, capsys):
    picture = tmp_path / "x.png"
    picture.write_bytes(b"old")
    with full_disk(2000):
        assert cli.main(["data", "info", str(folder), "--picture", str(picture)]) == 2
    assert capsys.readouterr().err.startswith(f"musegen: {picture}: cannot be written (")
    assert picture.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"set", "x.png"}
