import argparse
import csv
import io
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from musegen import Error, cli
from musegen.data import lpd, one_song, prepare, segment, shards, workers
from musegen.data.journal import Journal
from musegen.data.prepare import Settings, song_phrases
from musegen.data.progress import Progress
from musegen.data.sources import Item
from musegen.music import midi, song
from musegen.music.phrases import TRACKS

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Settings()
LONG = "more than 10,000 beats, the file is damaged or hostile"


def music(n, seed, n_steps=96):
    """Phrases of long notes in every track, different for every seed."""
    rng = np.random.default_rng(seed)
    phrases = np.zeros((n, 4, n_steps, 84, 5), bool)
    beats = phrases.reshape(n * 16, n_steps // 4, 84, 5)
    for track in range(5):
        beats[np.arange(n * 16), : 1 if track == 0 else -1, rng.integers(20, 60, n * 16), track] = 1
    return phrases


def song_bytes(n, seed, **options):
    return midi.to_score(music(n, seed), gap=0, **options).dumps_midi()


def midi_bytes(*tracks, division=480):
    """A MIDI file of raw tracks."""
    ended = [track + b"\0\xff\x2f\0" for track in tracks]
    chunks = b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in ended)
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), division) + chunks


def number(n):
    """A variable-length quantity."""
    return bytes([n >> s & 127 | 128 for s in (21, 14, 7) if n >> s] + [n & 127])


def note(pitch, beats):
    return bytes([0, 0x90, pitch, 100]) + number(480 * beats) + bytes([0x80, pitch, 0])


def meter(top, power):
    return bytes([0, 0xFF, 0x58, 4, top, power, 24, 8])


def phrases_of(data, kind="midi", **settings):
    return song_phrases(Item("x.mid", kind, data), replace(PLAIN, **settings))


def reason_of(data, kind="midi", **settings):
    with pytest.raises(Error) as caught:
        phrases_of(data, kind, **settings)
    return str(caught.value)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """24 songs of 2 to 5 phrases, one of them twice, and three bad files."""
    folder = tmp_path_factory.mktemp("corpus")
    for k in range(24):
        (folder / f"{k:02}.mid").write_bytes(song_bytes(2 + k % 4, seed=k))
    (folder / "07 again.mid").write_bytes((folder / "07.mid").read_bytes())
    (folder / "03 empty.mid").write_bytes(b"")
    (folder / "12 torn.mid").write_bytes((folder / "12.mid").read_bytes()[:99])
    (folder / "waltz.mid").write_bytes(midi_bytes(meter(3, 2) + note(60, 64)))
    return folder


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SIZE", 8)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# One song


def test_a_song_comes_back_as_it_was_written():
    phrases = music(3, seed=1)
    np.testing.assert_array_equal(phrases_of(song_bytes(3, seed=1)), phrases)
    coarse = phrases_of(song_bytes(3, seed=1), n_steps=48)
    np.testing.assert_array_equal(coarse, phrases[:, :, ::2])


def test_silent_phrases_and_unfinished_ones_are_left_out():
    rest = number(480 * 32) + bytes([0x90, 60, 0])  # a note without a length, two phrases later
    data = midi_bytes(note(60, 16) + rest + note(62, 16) + note(64, 13))
    found = phrases_of(data)
    assert len(found) == 3  # bars 1-4, 13-16, and 17-20, of which the last is filled up
    assert [int(np.flatnonzero(p.any(axis=(0, 1, 3)))[0]) for p in found] == [36, 38, 40]
    assert len(phrases_of(midi_bytes(note(60, 28)))) == 1  # seven bars


def test_meters():
    assert len(phrases_of(midi_bytes(note(60, 16)))) == 1  # no signature counts as 4/4
    assert len(phrases_of(midi_bytes(meter(4, 2) + note(60, 16) + meter(4, 2) + note(60, 16)))) == 2
    assert reason_of(midi_bytes(meter(3, 2) + note(60, 60))) == "not in 4/4 throughout (3/4)"
    changing = midi_bytes(meter(4, 2) + note(60, 16) + meter(6, 3) + note(60, 16))
    assert reason_of(changing) == "not in 4/4 throughout (6/8)"
    shifted = midi_bytes(meter(4, 2) + note(60, 18) + meter(4, 2) + note(60, 16))
    assert reason_of(shifted) == "a bar is not complete (a new 4/4 signature on beat 18)"


def test_cleansing_is_an_option():
    data = midi_bytes(note(60, 16))
    assert len(phrases_of(data, cleanse="docs")) == 1
    assert reason_of(data, cleanse="code") == "not in the cleansed set (no time-signature event)"


def test_lpd_files(tmp_path):
    source = midi.read(song_bytes(2, seed=3), rule="lpd", name="x")
    path = lpd.write(lpd.merge(source), tmp_path / "x.npz")
    found = phrases_of(path.read_bytes(), "npz", n_steps=48)
    np.testing.assert_array_equal(found, phrases_of(song_bytes(2, seed=3), rule="lpd", n_steps=48))
    assert reason_of(b"PK\3\4 and no more", "npz").startswith("damaged or not an LPD file")


def test_hostile_songs():
    crowd = b"".join(bytes([0, k % 128, 100]) for k in range(10**6))
    crowd = midi_bytes(b"\0\x90\0\0" + crowd + number(480 * 16) + b"\x80\0\0")
    assert reason_of(crowd) == "too large for one song (over 2,097,152 bytes of MIDI)"
    giant = b"MThd" + struct.pack(">IHHH", 6, 1, 1, 480) + b"MTrk\xff\xff\xff\xff\0\x90\x40\x40"
    assert reason_of(giant).startswith("damaged MIDI file (")
    endless = midi_bytes(b"\0\x90\x40\x40" + number(2**28 - 1) + b"\x80\x40\0", division=1)
    assert reason_of(endless).endswith("the file is damaged or hostile")
    assert reason_of(midi_bytes(note(60, 20_000))) == LONG
    assert reason_of(midi_bytes(note(60, 8))) == "shorter than 4 bars (2)"
    assert reason_of(midi_bytes(note(10, 16))).startswith("silent (")
    assert reason_of(b"") == "not a MIDI file (it does not start with MThd)"


def test_a_bug_costs_one_song(monkeypatch):
    monkeypatch.setattr(segment, "starts", lambda *_, **__: {}["none"])
    assert reason_of(song_bytes(1, seed=0)) == "cannot be read (KeyError: 'none')"


def test_cuts_and_choices():
    data = song_bytes(12, seed=5)
    every = phrases_of(data, n_steps=48)
    some = phrases_of(data, n_steps=48, phrases_per_song=3)
    where = [int(np.flatnonzero((every == one).all(axis=(1, 2, 3, 4)))[0]) for one in some]
    assert len(where) == 3
    assert where == sorted(set(where))
    np.testing.assert_array_equal(some, phrases_of(data, n_steps=48, phrases_per_song=3))
    other = phrases_of(data, n_steps=48, phrases_per_song=3, seed=1)
    assert not np.array_equal(some, other)
    assert len(phrases_of(data, cut="random")) == segment.PHRASES_PER_SONG


def test_the_structural_cut_follows_the_sections():
    a, b = music(1, 20), music(1, 21)
    form = np.concatenate([a] * 6 + [b] * 6 + [a] * 6 + [b] * 6)
    found = phrases_of(midi.to_score(form, gap=0).dumps_midi(), cut="structural")
    assert 0 < len(found) < len(form)
    np.testing.assert_array_equal(found, segment.cut(form.reshape(-1, 96, 84, 5), "sf"))


def test_settings_are_checked():
    for wrong in ({"cut": "x"}, {"rule": "x"}, {"families": "x"}, {"cleanse": "x"}):
        with pytest.raises(Error, match=r"unknown .* 'x'; choose "):
            Settings(**wrong)
    with pytest.raises(Error, match="give shares from 0 on"):
        Settings(val=0.6, test=0.6)
    with pytest.raises(Error, match="bars and phrases per song: give 1"):
        Settings(n_bars=0)
    assert prepare.CLEANSING == lpd.RULES
    assert prepare.RULES == midi.RULES
    assert tuple(song.FAMILIES) == prepare.FAMILIES
    assert set(prepare.CUTS.values()) == set(segment.METHODS)


# Many songs


def test_shards_tables_and_manifest(corpus, tmp_path, small_shards):
    settings = Settings(n_steps=48, val=0.2, test=0.2)
    summary = prepare.prepare(corpus, tmp_path / "out", settings)
    opened = shards.Shards(tmp_path / "out")
    assert opened.manifest == summary.manifest
    assert opened.layout.shape == (4, 48, 84, 5)
    assert opened.manifest["songs"] == 24
    assert sum(opened.count(split) for split in shards.SPLITS) == sum(2 + k % 4 for k in range(24))

    with (tmp_path / "out" / "songs.csv").open(newline="") as file:
        songs = list(csv.DictReader(file))
    assert [row["name"] for row in songs if int(row["song"]) < 3] == ["00.mid", "01.mid", "02.mid"]
    seen = {}
    for split in shards.SPLITS:
        files = opened.files(split)
        assert all(opened.size(file) == 8 for file in files[:-1])
        for file in files:
            phrases, numbers = opened.read(file)
            for phrase, k in zip(phrases, numbers, strict=True):
                seen.setdefault((split, k), []).append(phrase)
    assert len(seen) == 24  # no song is in two splits
    for (split, k), phrases in seen.items():
        assert songs[k]["split"] == split
        original = int(songs[k]["name"][:2])
        np.testing.assert_array_equal(phrases, music(2 + original % 4, original)[:, :, ::2])

    with (tmp_path / "out" / "skipped.csv").open(newline="") as file:
        skipped = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert skipped.pop("12 torn.mid").startswith("damaged MIDI file (")
    assert skipped == {
        "03 empty.mid": "empty file",
        "07.mid": "duplicate (of 07 again.mid)",
        "waltz.mid": "not in 4/4 throughout (3/4)",
    }
    assert summary.skipped["duplicate"] == 1
    assert summary.files == 28
    assert not list((tmp_path / "out").glob("*.jsonl"))


def test_splits_depend_on_content_and_seed():
    digests = [bytes([k % 256, k // 256]) for k in range(2000)]
    splits = [prepare.split_of(digest, PLAIN) for digest in digests]
    share = {split: splits.count(split) / len(splits) for split in shards.SPLITS}
    assert share == pytest.approx({"train": 0.8, "val": 0.1, "test": 0.1}, abs=0.03)
    assert splits != [prepare.split_of(digest, replace(PLAIN, seed=1)) for digest in digests]


def test_two_workers_give_the_same_bytes(corpus, tmp_path, small_shards):
    prepare.prepare(corpus, tmp_path / "one", workers=1)
    prepare.prepare(corpus, tmp_path / "two", workers=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def stop_at(n):
    """Returns a progress function that stops the run after so many files."""

    def progress(files, *_):
        if files == n:
            raise KeyboardInterrupt

    return progress


def test_a_run_that_was_stopped_anywhere_goes_on(corpus, tmp_path, small_shards, monkeypatch):
    monkeypatch.setattr(prepare, "CHUNK_SONGS", 3)
    prepare.prepare(corpus, tmp_path / "whole")
    whole = content(tmp_path / "whole")

    for n in range(1, 29, 4):
        out = tmp_path / str(n)
        with pytest.raises(KeyboardInterrupt):
            prepare.prepare(corpus, out, progress=stop_at(n))
        with pytest.raises(KeyboardInterrupt):
            prepare.prepare(corpus, out, progress=stop_at(min(n + 3, 28)))
        prepare.prepare(corpus, out)
        assert content(out) == whole


def test_songs_whose_shards_are_written_are_not_cut_again(
    corpus, tmp_path, small_shards, monkeypatch
):
    def stop(files, *_):
        if files == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(corpus, tmp_path / "out", Settings(val=0, test=0), progress=stop)
    again = []

    def watched(item, settings):
        again.append(item.name)
        return song_phrases(item, settings)

    monkeypatch.setattr(prepare, "song_phrases", watched)
    prepare.prepare(corpus, tmp_path / "out", Settings(val=0, test=0))
    assert 3 <= len(again) <= 3 + 4  # the three that were left, and those of no full shard
    assert again[-3:] == ["22.mid", "23.mid", "waltz.mid"]


def test_a_run_that_was_stopped_at_its_end_goes_on(corpus, tmp_path, small_shards, monkeypatch):
    prepare.prepare(corpus, tmp_path / "whole")

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_manifest", stop)
        with pytest.raises(KeyboardInterrupt):
            prepare.prepare(corpus, tmp_path / "out")
    with (tmp_path / "out" / "journal.jsonl").open("a") as file:
        file.write('{"name": "half a li')
    (tmp_path / "out" / ".train-00001.npz.1.part").write_bytes(b"half a shard")
    prepare.prepare(corpus, tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


KILLED = """
import os, signal, sys
from pathlib import Path
from musegen.data import prepare, shards

def progress(files, share, more):
    if files == int(sys.argv[4]):
        tasks = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        print(tasks.read_text() if tasks.exists() else "", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    shards.SIZE = 8
    prepare.CHUNK_SONGS = 2
    prepare.prepare(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]), progress=progress)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
@pytest.mark.parametrize("n", [1, 2])
def test_a_killed_run_goes_on_and_leaves_no_worker(corpus, tmp_path, small_shards, n):
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, tmp_path / "killed.py", corpus, tmp_path / "out", str(n), "17"]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (tmp_path / "out" / "journal.jsonl").exists()
    children = done.stdout.split()
    until = time.monotonic() + 20
    while alive := [pid for pid in children if _runs(pid)]:
        assert time.monotonic() < until, f"workers {alive} outlive their parent"
        time.sleep(0.05)
    prepare.prepare(corpus, tmp_path / "out")
    prepare.prepare(corpus, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_sections_are_the_same_for_any_number_of_steps():
    """Sections are found on the song's own grid."""
    rng = np.random.default_rng(5)
    cells = [(step, 40 + rng.integers(40), 80) for step in range(0, 96 * 60, 6)]
    piece = song.Song("x", [song.PartCells(0, False, "", np.array(cells, np.int32).T)], 96 * 60)
    fine, coarse = (
        one_song._phrases(piece, Item("x"), Settings(n_steps=n, cut="structural")) for n in (96, 48)
    )
    assert len(fine) > 2
    np.testing.assert_array_equal(coarse, fine[:, :, ::2])


def test_a_missing_shard_is_an_error(tmp_path, corpus):
    prepare.prepare(corpus, tmp_path / "out")
    next((tmp_path / "out").glob("*.npz")).unlink()
    with pytest.raises(Error, match="shards, but its manifest says"):
        prepare.prepare(corpus, tmp_path / "out")


def test_two_runs_at_once_do_not_mix(tmp_path):
    with Journal(tmp_path, {}), pytest.raises(Error, match="another run is writing there"):
        Journal(tmp_path, {})
    with Journal(tmp_path, {}):
        pass


def test_another_run_does_not_mix_in(corpus, tmp_path):
    out = tmp_path / "out"

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(corpus, out, progress=stop)
    with pytest.raises(Error, match=r"other settings.*n_steps was 96 and is now 48"):
        prepare.prepare(corpus, out, Settings(n_steps=48))
    other = tmp_path / "other"
    other.mkdir()
    (other / "00.mid").write_bytes(song_bytes(1, seed=77))
    with pytest.raises(Error, match="unfinished run from another source"):
        prepare.prepare(other, out)
    prepare.prepare(corpus, out)
    before = content(out)
    assert not prepare.prepare(corpus, out).new
    assert content(out) == before
    with pytest.raises(Error, match="cut was fixed and is now structural"):
        prepare.prepare(corpus, out, Settings(cut="structural"))
    with pytest.raises(Error, match="holds other files and no unfinished data"):
        prepare.prepare(corpus, other)
    with pytest.raises(Error, match="is inside"):
        prepare.prepare(corpus, corpus / "out")
    assert not (corpus / "out").exists()


def test_missing_songs_are_an_error(tmp_path):
    folder = tmp_path / "songs"
    folder.mkdir()
    for k in range(3):
        (folder / f"{k}.mid").write_bytes(song_bytes(1, seed=k))

    def stop(files, *_):
        if files == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(folder, tmp_path / "out", progress=stop)
    (folder / "2.mid").unlink()
    with pytest.raises(Error, match=r"'2\.mid' is missing since"):
        prepare.prepare(folder, tmp_path / "out")


def test_a_failed_start_leaves_nothing_in_the_way(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Error, match="no such file or folder"):
        prepare.prepare(tmp_path / "nowhere", out)
    (tmp_path / "bad.mid").write_bytes(midi_bytes(note(60, 4)))
    with pytest.raises(Error, match=r"its 1 files gave no phrases: 1 shorter than 4 bars; .*csv"):
        prepare.prepare(tmp_path / "bad.mid", out)
    assert list(content(out)) == ["skipped.csv"]
    (tmp_path / "good.mid").write_bytes(song_bytes(1, seed=1))
    assert prepare.prepare(tmp_path / "good.mid", out, Settings(n_steps=48)).manifest["songs"] == 1


def test_a_refusal_leaves_no_folder_that_it_made(tmp_path):
    (tmp_path / "none").mkdir()
    song = tmp_path / "song.mid"
    song.write_bytes(song_bytes(1, 0))
    out, before = tmp_path / "made" / "deep", sorted(tmp_path.iterdir())
    with pytest.raises(Error, match="no MIDI file"):
        prepare.prepare(tmp_path / "none", out)
    with pytest.raises(Error, match="0 workers"):
        prepare.prepare(song, out, workers=0)
    assert sorted(tmp_path.iterdir()) == before
    out.parent.mkdir()
    with pytest.raises(Error, match="no MIDI file"):
        prepare.prepare(tmp_path / "none", out)
    assert list(out.parent.iterdir()) == []  # the folder itself was there before
    with pytest.raises(Error, match="no MIDI file"):
        prepare.prepare(tmp_path / "none", out.parent)
    assert out.parent.is_dir()


@pytest.mark.parametrize("n", [1, 2])
def test_a_full_disk_costs_nothing_that_is_done(corpus, tmp_path, small_shards, monkeypatch, n):
    def full(partial, path, replace=os.replace):
        if "00001" in path.name:
            raise OSError(28, "No space left on device")
        replace(partial, path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(Error, match=r"npz: cannot be written \(No space .*\); after"):
            prepare.prepare(corpus, tmp_path / "out", workers=n)
    prepare.prepare(corpus, tmp_path / "out")
    prepare.prepare(corpus, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_the_source_is_not_read_ahead(tmp_path, monkeypatch):
    read, finished = [], []

    def many(_):
        for k in range(60):
            read.append(k)
            yield Item(f"{k}.mid", "midi", song_bytes(1, seed=k), k / 60)

    monkeypatch.setattr(prepare, "items", many)
    monkeypatch.setattr(prepare, "CHUNK_SONGS", 2)

    def progress(files, *_):
        finished.append(len(read) - files)

    prepare.prepare("many", tmp_path / "out", workers=2, progress=progress)
    assert len(finished) == 60
    assert max(finished) <= 2 * (2 * prepare.CHUNKS_AHEAD + 1)


def test_a_killed_worker_is_a_clear_error():
    with (
        pytest.raises(Error, match="a worker process was killed"),
        workers.processes(2) as pool,
    ):
        pool.submit(os._exit, 1).result()
    with pytest.raises(Error, match="0 workers; give 1 or more"), workers.processes(0):
        pass


# The command


def test_the_command(corpus, tmp_path, capsys):
    command = ["data", "prepare", str(corpus), "-o", str(tmp_path / "out"), "--steps", "48"]
    assert cli.main([*command, "--phrases-per-song", "1", "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["train", "val", "test", "skipped"]
    assert lines[-1].startswith("28 files in ")
    assert lines[3].startswith("skipped 4 of 28 files: 1 ")
    assert "not in 4/4 throughout" in lines[3]
    manifest = shards.Shards(tmp_path / "out").manifest
    assert manifest["settings"]["phrases_per_song"] == 1
    assert sum(split["phrases"] for split in manifest["splits"].values()) == 24

    assert cli.main([*command, "--phrases-per-song", "1"]) == 0
    assert "complete already" in capsys.readouterr().out
    assert cli.main([*command, "--workers", "0"]) == 2
    assert "n_steps" not in capsys.readouterr().err


def test_help_needs_no_numpy():
    code = (
        "import sys; from argparse import ArgumentParser; from musegen.data import info, prepare\n"
        "prepare.add_arguments(ArgumentParser()); info.add_arguments(ArgumentParser())\n"
        "print([m for m in ('numpy', 'symusic', 'matplotlib', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("kind", prepare.SETTINGS.values())
def test_options_are_the_settings(kind):
    parser = argparse.ArgumentParser()
    prepare.add_arguments(parser)
    words = ["in", "-o", "out", "--music", kind.music]
    assert prepare.settings_of(parser.parse_args(words)) == kind()
    actions = [action for action in parser._actions if action.option_strings]
    flags = {action.dest: action.option_strings[0] for action in actions}
    flags = {field.name: flags[field.name] for field in fields(kind)}
    other = {"cut": "structural", "rule": "lpd", "families": "musegan_v1", "cleanse": "code"}
    other |= {"pedal": "drop", "n_steps": 48, "val": 0.25, "test": 0.25}
    for name, flag in flags.items():
        value = other.get(name, 3)
        settings = prepare.settings_of(parser.parse_args([*words, flag, str(value)]))
        assert settings == replace(kind(), **{name: value})


# Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_redraws_one_line_on_a_terminal(monkeypatch):
    now = iter([0.0, 0.0, 10.0, 10.05])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    screen = Terminal()
    with Progress("songs", screen) as progress:
        progress(100, 0.2)  # the work of an earlier run
        progress(600, 0.4, "9 phrases")
        progress(601, 0.4, "too soon to show")
    drawn = "\r[==========              ]  40%  600 songs, 9 phrases, 50 a second, 0:30 left\x1b[K"
    assert screen.getvalue() == drawn + "\r\x1b[K"


def test_progress_adds_few_lines_elsewhere(monkeypatch):
    now = iter([0.0, 0.0, 10.0, 31.0, 32.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    log = io.StringIO()
    with Progress("songs", log) as progress:
        for done in (0, 10, 31, 32):
            progress(done, done / 40_000)
    assert log.getvalue() == "  0%  31 songs, 1 a second, 11:06:09 left\n"


def test_phrases_of_every_track_survive():
    assert phrases_of(song_bytes(1, seed=2)).any(axis=(0, 1, 2, 3)).sum() == len(TRACKS)


def test_a_wrong_seed_is_named(tmp_path, capsys):
    command = ["data", "prepare", str(tmp_path), "-o", str(tmp_path / "out"), "--seed", "-1"]
    assert cli.main(command) == 2
    assert "--seed: -1: give a whole number" in capsys.readouterr().err


def test_bombs_are_lines_in_skipped_csv(tmp_path, capfd):
    """Each file claims gigabytes; all together take a second, and the good song is kept."""
    source, held = tmp_path / "source", b""
    source.mkdir()
    for channel in range(15):
        on = b"".join(bytes([0, 0x90 | channel, pitch, 100]) for pitch in range(128))
        off = b"".join(bytes([0, 0x80 | channel, pitch, 0]) for pitch in range(1, 128))
        held += on + number(480 * 600) + bytes([0x80 | channel, 0, 0]) + off
    (source / "cells.mid").write_bytes(midi_bytes(held))
    (source / "beats.mid").write_bytes(midi_bytes(*[note(60, 500) * 25]))
    (source / "bytes.mid").write_bytes(midi_bytes(bytes(3 << 20)))
    (source / "good.mid").write_bytes(song_bytes(3, seed=0))
    start = time.process_time()
    prepare.prepare(source, tmp_path / "out", Settings(val=0, test=0))
    assert time.process_time() - start < 6
    with (tmp_path / "out" / "skipped.csv").open() as file:
        found = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert sorted(found) == ["beats.mid", "bytes.mid", "cells.mid"]
    assert found["cells.mid"].startswith("more than 5,000,000 cells")
    assert found["beats.mid"].startswith("more than 10,000 beats")
    assert found["bytes.mid"].startswith("too large for one song")


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [b"\xff" + lines[0], *lines[1:]],
        lambda lines: [b"[]\n", *lines[1:]],
        lambda lines: [b"[" * 5000 + b"\n", *lines[1:]],
        lambda lines: [lines[0], b"\n"],
        lambda lines: [lines[0], b"\xbd\n"],
        lambda lines: [lines[0], lines[1].replace(b'"phrases"', b'"n_steps"')],
        lambda lines: [lines[0], lines[1].replace(b'"phrases": ', b'"phrases": -')],
        lambda lines: [lines[0], lines[1].replace(b'"phrases": ', b'"phrases": 9')],
        lambda lines: [lines[0], lines[1].replace(b'"train"', b'""')],
        lambda lines: [lines[0], lines[1].replace(b'"train"', b'"dev"')],
        lambda lines: [lines[0], lines[1].replace(b'"train"', b"7")],
    ],
)
def test_a_damaged_journal_is_one_line(damage, corpus, tmp_path):
    out, settings = tmp_path / "out", Settings(val=0, test=0)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(corpus, out, settings, progress=stop)
    journal = out / "journal.jsonl"
    before = journal.read_bytes()
    lines = damage(before.splitlines(keepends=True)[:2])
    assert b"".join(lines) != before
    journal.write_bytes(b"".join(lines))
    with pytest.raises(Error, match=r"journal\.jsonl: [^\n]+; delete the folder, and prepare"):
        prepare.prepare(corpus, out, settings)


def test_damaged_tables_are_one_line(corpus, tmp_path):
    prepare.prepare(corpus, tmp_path / "out")
    (tmp_path / "out" / "skipped.csv").write_bytes(b"name,why\n\xff,x\n")
    with pytest.raises(Error, match=r"skipped\.csv: damaged"):
        prepare.prepare(corpus, tmp_path / "out")


def test_odd_names_are_stored_and_are_no_formulas(tmp_path):
    folder, out = tmp_path / "songs", tmp_path / "out"
    folder.mkdir()
    odd = os.fsdecode(b"a\xff\nb")
    (folder / f"{odd}-link").symlink_to(tmp_path)
    for name in ("=HYPERLINK(A1).mid", "@SUM.mid", f"{odd}.mid"):
        (folder / name).write_bytes(b"")
    (folder / "+song.mid").write_bytes(song_bytes(1, seed=3))
    prepare.prepare(folder, out, Settings(val=0, test=0))
    with (out / "skipped.csv").open(newline="", encoding="utf-8") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert names == ["'=HYPERLINK(A1).mid", "'@SUM.mid", "a\\udcff\\nb-link", "a\\udcff\\nb.mid"]
    with (out / "songs.csv").open(newline="", encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["'+song.mid"]
    assert not prepare.prepare(folder, out, Settings(val=0, test=0)).new


def test_a_pipe_is_no_source(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Error, match="pipe: is neither a file nor a folder"):
        prepare.prepare(tmp_path / "pipe", tmp_path / "out")
    assert not (tmp_path / "out").exists()
