"""Reads damaged files of every kind; each must be read, or raise an `Error` of one line.

    python tests/fuzz.py --count 10000 --seed 7 [--keep DIR]

A mutant is a good file, some bytes of which are changed, cut, doubled or overwritten by numbers
that readers trip over; members of archives are changed inside and packed again, so that their
checksums hold. Prints what went wrong and where; those files stay in DIR. Exits with 1 if any did.
"""

import argparse
import functools
import io
import json
import random
import shutil
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

import musegen
from musegen import Error, data
from musegen.data import info, lpd, shards, sources
from musegen.data.journal import NAME, Journal, Record
from musegen.data.one_song import NoteSettings, Settings, song_phrases
from musegen.data.piece_loading import load_pieces
from musegen.data.prepare import prepare
from musegen.music import midi
from musegen.music.midi import piece_to_score, read_piece
from musegen.music.piece_statistics import facts

NUMBERS = [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"MTrk"]
WORDS = [b"-1", b"0", b"1e999", b"NaN", b"null", b"[]", b"{}", b'"x"', b"9" * 30, b"[" * 5000, b"'"]


def bases(folder: Path) -> dict[str, list]:
    """Returns good files by kind: their bytes, or folders."""
    rng = np.random.default_rng(0)
    phrases = rng.random((3, 4, 48, 84, 5)) < 0.02
    songs = [midi.to_score(phrases[:n], gap=gap).dumps_midi() for n, gap in ((1, 0), (3, 1))]
    (folder / "songs").mkdir()
    for k, song in enumerate(songs):
        (folder / "songs" / f"{k}.mid").write_bytes(song)
    found = {"midi": songs, "npz": [], "npy": [], "zip": []}
    for edition in lpd.EDITIONS:
        path = lpd.write(lpd.merge(midi.read(songs[1])), folder / "song.npz", edition)
        found["npz"].append(path.read_bytes())
    prepare(folder / "songs", folder / "shards", Settings(val=0, test=0))
    found["npz"].append((folder / "shards" / "train-00000.npz").read_bytes())
    sparse = io.BytesIO()
    np.savez(sparse, nonzero=np.stack(np.nonzero(phrases)), shape=np.array(phrases.shape))
    found["npz"].append(sparse.getvalue())
    for array in (phrases, phrases.astype(np.float32)):
        file = io.BytesIO()
        np.save(file, array[:1])
        found["npy"].append(file.getvalue())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for k, song in enumerate(songs):
            opened.writestr(f"{k}.mid", song)
    found["zip"].append(archive.getvalue())
    settings = Settings(val=0, test=0)
    with Journal(folder / "killed", asdict(settings) | {"musegen": musegen.__version__}) as journal:
        for item in sources.items(folder / "songs"):
            n = len(song_phrases(item, settings))
            journal.add(Record(item.name, item.digest.hex(), "train", n))
    found["folder"] = [folder / "shards", folder / "killed"]
    prepare(folder / "songs", folder / "notes", NoteSettings(val=0, test=0))
    found["folder"].append(folder / "notes")
    found["npz"].append((folder / "notes" / "notes-00000.npz").read_bytes())
    voices = rng.integers(40, 80, (3, 20, 4)).tolist()
    chorales = {"train": voices, "valid": [[[60.0], [], [None, 0, -1]]], "test": []}
    found["json"] = [json.dumps(chorales).encode()]
    return found


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Changes, cuts, doubles or overwrites some bytes."""
    made = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, n = rng.randrange(len(made) + 1), rng.choice((1, 2, 4, 16, 200))
        if rng.random() < 0.5:  # headers stand at the start
            at = min(at, rng.randrange(150))
        made[at : at + n] = rng.choice(
            (
                b"",
                bytes(made[at : at + n]) * 2,
                rng.randbytes(rng.randint(1, 4)),
                rng.choice(NUMBERS),
                rng.choice(WORDS),
            )
        )
    return bytes(made[: rng.randrange(len(made) + 1)] if rng.random() < 0.1 else made)


def repacked(content: bytes, rng: random.Random) -> bytes:
    """Changes or removes some members of an archive, or changes their flags."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in rng.sample(sorted(members), rng.randint(1, min(2, len(members)))):
        members[name] = mutated(members[name], rng)
        if rng.random() < 0.1:
            members.pop(name)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    forged = bytearray(made.getvalue())
    if rng.random() < 0.1:  # a later version, encryption, another method
        place = forged.rfind(b"PK\1\2")
        forged[place + rng.choice((6, 8, 10))] = rng.choice((1, 9, 99))
    return bytes(forged)


def mutant(kind: str, base: bytes | Path, path: Path, rng: random.Random) -> None:
    """Writes a mutant of a good file."""
    if kind == "folder":
        shutil.copytree(base, path)
        victims = [file for file in sorted(path.iterdir()) if rng.random() < 0.5]
        for file in victims or [path / (NAME if base.name == "killed" else shards.MANIFEST)]:
            file.write_bytes(mutated(file.read_bytes(), rng))
    elif kind in ("npz", "zip") and rng.random() < 0.7:
        path.write_bytes(repacked(base, rng))
    else:
        path.write_bytes(mutated(base, rng))


def readers(kind: str, songs: Path) -> Iterator[Callable[[Path], object]]:
    """Returns all functions that read a kind of file."""

    def cut(path: Path, **settings) -> None:
        for item in sources.items(path):
            song_phrases(item, Settings(**settings))

    def notes(path: Path) -> None:
        for piece in load_pieces(path):
            facts(piece), piece.pedalled(), piece.melody()

    yield lambda path: data.load(path).phrases[:1].sum()
    yield notes
    if kind == "folder":
        yield lambda path: prepare(songs, path, NoteSettings(val=0, test=0))
        yield lambda path: (info.describe(data.load(path)), info.origin(path))
        yield lambda path: prepare(songs, path, Settings(val=0, test=0))
        return
    yield cut
    if kind == "midi":
        yield lambda path: piece_to_score(read_piece(path, pedal="apply")).dumps_midi()
        yield from (functools.partial(midi.read, rule=rule) for rule in midi.RULES)
        yield lambda path: midi.phrases(path, n_steps=48)
        yield functools.partial(cut, cut="structural", n_steps=48)
    if kind == "npz":
        yield lpd.read
        yield shards.read


def run(count: int, seed: int, keep: Path) -> dict[str, list[str]]:
    """Reads mutants; returns all failures other than an `Error` of one line, with their files."""
    wrong: dict[str, list[str]] = {}
    found = bases(keep)
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        kind = rng.choice(sorted(found))
        path = keep / f"{number:06}-{kind}"
        mutant(kind, rng.choice(found[kind]), path, rng)
        told = {_failure(read, path) for read in readers(kind, keep / "songs")} - {""}
        for failure in told:
            wrong.setdefault(failure, []).append(path.name)
        if not told:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return wrong


def _failure(read: Callable[[Path], object], path: Path) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(path)
    except Error as error:
        clean = str(error).isprintable() and str(path) not in str(error).replace(str(path), "", 1)
        return "" if clean else f"an unclean line: {error!r}"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
    return ""


def main() -> int:
    """Runs with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    keep = args.keep or Path(tempfile.mkdtemp(prefix="musegen-fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    wrong = run(args.count, args.seed, keep)
    for failure, files in wrong.items():
        print(f"{len(files):>5}  {failure}  {keep / files[0]}")
    print(f"seed {args.seed}: {args.count:,} mutants, {len(wrong)} ways to go wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
