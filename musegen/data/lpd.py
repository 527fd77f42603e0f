"""Reads and writes files of the Lakh Pianoroll Dataset (LPD), and makes LPD from Lakh MIDI.

An LPD file is a zip archive of `.npy` members and one `info.json`. Each track is a piano-roll in
sparse column format, where a column is a MIDI pitch. Two editions exist, those of pypianoroll 0.3.0
(the published dataset) and of 1.0.4; both are read and written here without pickle.

Some fields of a file are missing or wrong. The `Song` that is read has these values:

| field | value |
|---|---|
| velocity | as stored, at most 127; 1 in a track that stores bool |
| tempo | one value for each beat; both editions store the list of beats 24 times in a row |
| downbeats | as stored; every four beats if only the first step is marked, as in both editions |
| signatures | `()`, because a file has none; the cleansed subset is in 4/4 from its first step |
| first_beat | 0 |

Files written here have the tempo and the downbeats of every step, as the format intends.

The cleansed LPD-5 is made from LMD as follows, with `entries` and `scores` as in `midi_info.json`
and `match_scores.json`:

    song = midi.read(source, rule="lpd", name=md5)
    entries[md5] = lpd.info(song)
    lpd.write(song, lpd.location("lpd_full", md5))
    lpd.write(lpd.merge(song), lpd.location("lpd_5_full", md5))
    for md5, msd_id in lpd.cleansed(scores, entries):
        shutil.copy(lpd.location("lpd_5_full", md5), lpd.location("lpd_5_cleansed", md5, msd_id))
"""

import json
import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from musegen import Error, budget, reading
from musegen.files import write_npz
from musegen.music.phrases import BEATS_PER_BAR, TRACKS
from musegen.music.song import PartCells, Song, beat_tempo, family

EDITIONS = ("0.3", "1.0")
RULES = ("docs", "code", "paper", "musegan_v1")
N_PITCHES = 128
FETCH = "fetch it again"

FIVE = (("Drums", 0), ("Piano", 0), ("Guitar", 24), ("Bass", 32), ("Strings", 48))
SEVENTEEN = (
    ("Drums", 0),
    ("Piano", 0),
    ("Chromatic Percussion", 8),
    ("Organ", 16),
    ("Guitar", 24),
    ("Bass", 32),
    ("Strings", 40),
    ("Ensemble", 48),
    ("Brass", 56),
    ("Reed", 64),
    ("Pipe", 72),
    ("Synth Lead", 80),
    ("Synth Pad", 88),
    ("Synth Effects", 96),
    ("Ethnic", 104),
    ("Percussive", 112),
    ("Sound Effects", 120),
)

# Reading


class _Damaged(Exception):
    """An error in a file, to which `read` adds the name of the file."""


def read(source: str | Path | bytes, name: str | None = None) -> Song:
    """Reads an LPD file of either edition.

    Args:
        source: path or bytes of the file.
        name: name of the song, also in messages; by default the name in the file, or the file's.
    """
    is_path = isinstance(source, str | Path)
    label = name or (str(source) if is_path else "LPD data")
    if is_path and not Path(source).is_file():
        raise Error(f"{source}: no such file")
    try:
        with reading.arrays(source) as archive:
            song = _song(archive)
    except (_Damaged, budget.Exceeded) as error:
        raise Error(f"{label}: {error}") from None
    except reading.DAMAGE as error:
        raise Error(f"{label}: damaged or not an LPD file ({reading.reason(error)})") from None
    return replace(song, name=name or song.name or (Path(source).stem if is_path else ""))


def _song(archive: reading.Arrays) -> Song:
    """Reads the song of an opened file."""
    budget.check(sum(archive.sizes.values()), budget.EXPANDED, "bytes when unpacked")
    if "info.json" not in archive.sizes:
        raise _Damaged("there is no info.json in it, so it is no LPD file")
    about = archive.json("info.json")
    resolution = about.get("resolution") or about.get("beat_resolution")
    if not isinstance(resolution, int) or not 0 < resolution <= budget.RESOLUTION:
        raise _Damaged(
            f"its info.json has the resolution {resolution!r:.40}; 1 to {budget.RESOLUTION} steps "
            "a beat are allowed"
        )
    longest = min(budget.STEPS, budget.BEATS * resolution)
    parts, lengths, left = [], [], budget.CELLS
    while isinstance(track := about.get(str(len(parts))), dict):
        cells, length = _cells(archive, f"pianoroll_{len(parts)}_csc_", left, longest)
        parts.append(_part(track, cells))
        lengths.append(length)
        left -= cells.shape[1]
    tempo = np.zeros(0)
    if "tempo" in archive:
        tempo = _tempo(archive.array("tempo", "fui", budget.STEPS).ravel(), resolution)
    n_steps = max(lengths, default=0) or len(tempo) * resolution
    budget.check(n_steps, longest, "steps")
    downbeats = np.zeros(0, np.int64)
    if "downbeat" in archive:
        downbeats = np.flatnonzero(archive.array("downbeat", "b", budget.STEPS))
    if len(downbeats) < 2:
        downbeats = np.arange(0, n_steps, BEATS_PER_BAR * resolution)
    return Song(
        name=str(about.get("name") or ""),
        parts=parts,
        n_steps=n_steps,
        resolution=resolution,
        tempo=tempo,
        downbeats=downbeats,
    )


def _part(track: dict, cells: np.ndarray) -> PartCells:
    program = track.get("program") or 0
    if not isinstance(program, int) or not 0 <= program < 128:
        raise _Damaged(f"a track has the program {program!r:.40}; 0 to 127 are allowed")
    return PartCells(int(program), bool(track.get("is_drum")), str(track.get("name") or ""), cells)


def _cells(archive: reading.Arrays, prefix: str, left: int, longest: int) -> tuple[np.ndarray, int]:
    """Reads the cells of one sparse roll, in the format of `PartCells`, and its number of steps.

    Args:
        archive: opened file.
        prefix: start of the names of the roll's arrays.
        left: largest number of cells allowed.
        longest: largest number of steps allowed.
    """
    n_cells = math.prod(archive.header(prefix + "data")[0])
    budget.check(n_cells + budget.CELLS - left, budget.CELLS, "cells")
    data = archive.array(prefix + "data", "bui", left)
    step, indptr, shape = (
        archive.array(prefix + field, "ui", left + N_PITCHES + 1)
        for field in ("indices", "indptr", "shape")
    )
    if shape.shape != (2,) or shape[1] != N_PITCHES or not 0 <= shape[0] <= longest:
        raise _Damaged(f"{prefix}shape is not (steps, {N_PITCHES}) with up to {longest:,} steps")
    bounds = indptr.astype(np.int64)
    if bounds.shape != (N_PITCHES + 1,) or bounds[0] or (np.diff(bounds) < 0).any():
        raise _Damaged(f"{prefix}indptr does not rise from 0 over {N_PITCHES} pitches")
    if data.ndim != 1 or step.shape != data.shape or bounds[-1] != len(data):
        raise _Damaged(f"{prefix}data, indices and indptr do not fit together")
    if len(step) and not (step.min() >= 0 and step.max() < shape[0]):
        raise _Damaged(f"{prefix}indices leave the {shape[0]:,} steps")
    pitch = np.repeat(np.arange(N_PITCHES), np.diff(bounds))
    velocity = np.minimum(data.astype(np.int64), 127)
    on = velocity > 0
    cells = _sorted(step[on], pitch[on], velocity[on])
    if cells.shape[1] != on.sum():
        raise _Damaged(f"{prefix}indices name a cell twice")
    return cells, int(shape[0])


def _sorted(step: np.ndarray, pitch: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Returns cells sorted by pitch, then step, int32 `(3, n)`; of equal cells, the loudest."""
    packed = np.sort(pitch.astype(np.int64) << 40 | step.astype(np.int64) << 7 | velocity)
    is_last = np.append(packed[1:] >> 7 != packed[:-1] >> 7, True)[: len(packed)]
    packed = packed[is_last]
    cells = np.empty((3, len(packed)), np.int32)
    cells[:] = packed >> 7 & (1 << 33) - 1, packed >> 40, packed & 127
    return cells


def _tempo(stored: np.ndarray, resolution: int) -> np.ndarray:
    if not (np.isfinite(stored).all() and (stored > 0).all()):
        raise _Damaged("its tempo is not a positive number everywhere")
    return beat_tempo(stored, resolution)


# Writing


def write(song: Song, path: str | Path, edition: str = "0.3") -> Path:
    """Writes a song as an LPD file; equal songs give equal bytes.

    A track whose velocities are all 1 is stored as bool. A silent track has no steps in edition
    0.3, as in LPD-5, and all steps in 1.0.

    Args:
        song: song to write.
        path: path of the file.
        edition: `"0.3"` for the format of pypianoroll 0.3.0 and the published dataset, `"1.0"` for
            that of 1.0.4.
    """
    if edition not in EDITIONS:
        raise Error(f"unknown LPD edition {edition!r}; choose {' or '.join(EDITIONS)}")
    old = edition == "0.3"
    unnamed = "" if old else None  # as the reader of each edition expects
    arrays = _timeline(song, column=not old)
    about = {"beat_resolution" if old else "resolution": song.resolution}
    about["name"] = song.name or unnamed
    for k, part in enumerate(song.parts):
        about[str(k)] = {
            "program": part.program,
            "is_drum": part.is_drum,
            "name": part.name or unnamed,
        }
        for field, array in _compressed(part, song.n_steps, drop_silent=old).items():
            arrays[f"pianoroll_{k}_csc_{field}"] = array
    return write_npz(path, arrays, {"info.json": json.dumps(about)})


def _timeline(song: Song, column: bool) -> dict[str, np.ndarray]:
    """Returns the arrays `tempo` and `downbeat` with a value for every step."""
    arrays = {}
    tempo = np.repeat(song.tempo, song.resolution)[: song.n_steps]
    if len(tempo):
        arrays["tempo"] = np.pad(tempo, (0, song.n_steps - len(tempo)), mode="edge")
    elif not column:
        arrays["tempo"] = np.full(song.n_steps, 120.0)  # the old reader needs a tempo
    if len(song.downbeats):
        arrays["downbeat"] = np.zeros(song.n_steps, bool)
        arrays["downbeat"][song.downbeats[song.downbeats < song.n_steps]] = True
    if column:
        return {name: array[:, None] for name, array in arrays.items()}
    return arrays


def _compressed(part: PartCells, n_steps: int, drop_silent: bool) -> dict[str, np.ndarray]:
    """Returns the arrays of a part's roll in sparse column format."""
    step, pitch, velocity = part.cells
    silent = not len(step)
    is_binary = bool((velocity == 1).all()) and (drop_silent or not silent)
    indptr = np.cumsum(np.append(0, np.bincount(pitch, minlength=N_PITCHES)))
    return {
        "data": velocity.astype(bool if is_binary else np.uint8),
        "indices": step.astype(np.int32),
        "indptr": indptr.astype(np.int32),
        "shape": np.array([0 if silent and drop_silent else n_steps, N_PITCHES], np.int64),
    }


# Families


def merge(song: Song, families: str = "lpd5") -> Song:
    """Merges the parts of a song into the five tracks of LPD-5, or the 17 of LPD-17, in order.

    Parts of a family are merged cell by cell; of several velocities the loudest is kept. Under
    `"musegan_v1"` each cell that is on has velocity 1. Under `"musegan_v3"` a family is not merged
    but represented by the part with the most pitches and sounding steps; between equals, by the
    first.

    Args:
        song: song to merge.
        families: name of a table in `song.FAMILIES`, or `"lpd17"`.
    """
    if families == "lpd17":
        tracks = SEVENTEEN
        members = [(0 if p.is_drum else 1 + p.program // 8, p) for p in song.parts]
    else:
        tracks, members = FIVE, song.members(families)
    parts = []
    for k, (name, program) in enumerate(tracks):
        group = [part.cells for track, part in members if track == k]
        step, pitch, velocity = np.concatenate([np.zeros((3, 0), np.int32), *group], axis=1)
        if families == "musegan_v1":
            velocity = np.ones_like(velocity)
        parts.append(PartCells(program, k == 0, name, _sorted(step, pitch, velocity)))
    return replace(song, parts=parts)


# Cleansing


def info(song: Song) -> dict:
    """Returns the entry of `midi_info.json` for a song that was read from a MIDI file."""
    signatures = [f"{top}/{bottom}" for _, top, bottom in song.signatures]
    steady = len(song.tempo) > 0 and np.ptp(song.tempo) <= 1e-6 * song.tempo[0]
    return {
        "first_beat_time": float(song.first_beat),
        "num_time_signature_change": len(signatures),
        "constant_time_signature": signatures[0] if len(signatures) == 1 else None,
        "constant_tempo": float(song.tempo[0]) if steady else None,
    }


def rejected(song: Song, rules: str = "docs") -> str | None:
    """Returns why a song is not in the cleansed dataset, or None if it is.

    | rules | a song is kept if |
    |---|---|
    | `docs` | it has no time signature, or only one 4/4, and its first beat is at time 0 |
    | `code` | it has exactly one time signature, 4/4, and its first beat is at time 0 |
    | `paper` | all its time signatures are 4/4 |
    | `musegan_v1` | `code` keeps it and all five families play; programs 40 to 47 do not count |

    LPD's other conditions are not checked here: the match with the Million Song Dataset (see
    `cleansed`), genre, key, an incomplete first bar. A song from an LPD file has no signatures, so
    `docs` and `paper` always keep it, and `code` and `musegan_v1` need the song of the MIDI file.
    """
    if rules == "paper":
        others = [f"{a}/{b}" for _, a, b in song.signatures if (a, b) != (4, 4)]
        return f"the time signature is {others[0]}" if others else None
    if rules == "musegan_v1":
        return rejected_entry(info(song), "code") or _missing_families(song)
    return rejected_entry(info(song), rules)


def rejected_entry(entry: Mapping, rules: str = "docs") -> str | None:
    """Does the same as `rejected` with an entry of `midi_info.json`; rules `docs` and `code`."""
    if rules not in ("docs", "code"):
        raise Error(f"unknown cleansing rules {rules!r}; choose docs, code")
    n, meter = entry["num_time_signature_change"], entry["constant_time_signature"]
    if n > 1:
        return f"{n} time-signature events"
    if n == 0 and rules == "code":
        return "no time-signature event"
    if n == 1 and meter != "4/4":
        return f"the time signature is {meter}"
    if entry["first_beat_time"] > 0:
        return f"the first beat is at {entry['first_beat_time']:.3f} s"
    return None


def _missing_families(song: Song) -> str | None:
    """Returns which families do not play, as text, or None if all do."""
    playing = {
        family(part.program, part.is_drum, "musegan_v1")
        for part in song.parts
        if part.cells.size and (part.is_drum or not 40 <= part.program < 48)
    }
    absent = [track for track in TRACKS if track not in playing]
    return f"no {', '.join(absent)}" if absent else None


# Matching


def location(edition: str, md5: str, msd_id: str | None = None) -> Path:
    """Returns the path of a file inside the dataset.

    Examples are `lpd_full/a/abc....npz` and `lpd_5_cleansed/A/B/C/TRABC.../abc....npz`.

    Args:
        edition: name of the first folder, such as `lpd_full`, `lpd_5_matched` or `lpd_17_cleansed`.
        md5: hash of the MIDI file, which is the file's name.
        msd_id: id of the song in the Million Song Dataset, in the matched and cleansed subsets.
    """
    folders = [md5[0]] if msd_id is None else [*msd_id[2:5], msd_id]
    return Path(edition, *folders, f"{md5}.npz")


def match_scores(path: str | Path) -> dict[str, dict[str, float]]:
    """Reads LMD's `match_scores.json`: for each MSD id the md5 of its files and their scores."""
    scores = reading.read_json(path, FETCH, budget.CORPUS_JSON_BYTES)
    try:
        return {
            msd_id: {md5: float(score) for md5, score in files.items()}
            for msd_id, files in scores.items()
        }
    except (AttributeError, TypeError, ValueError):
        raise Error(f"{path}: not a match_scores.json, which maps songs to scored files") from None


def midi_info(path: str | Path) -> dict[str, dict]:
    """Reads `midi_info.json` or `midi_info_v2.json`; the entries are as `info` returns them."""
    entries = reading.read_json(path, FETCH, budget.CORPUS_JSON_BYTES)
    wanted = ("first_beat_time", "num_time_signature_change", "constant_time_signature")
    try:
        return {
            md5: {key: entry[key] for key in wanted} | {"constant_tempo": _constant_tempo(entry)}
            for md5, entry in entries.items()
        }
    except (AttributeError, TypeError, KeyError):
        raise Error(f"{path}: not a midi_info.json, which maps files to their entries") from None


def _constant_tempo(entry: Mapping) -> float | None:
    """Returns the tempo of a song whose tempo never changes, else None, from either version.

    In the second version `constant_tempo` is a bool, and the tempo is in `tempo`.
    """
    tempo = entry["constant_tempo"]
    if isinstance(tempo, bool):
        return entry["tempo"] if tempo else None
    return tempo


def matched(scores: Mapping[str, Mapping], files: Container[str]) -> list[tuple[str, str]]:
    """Returns `(md5, MSD id)` of every file of every matched song that is among `files`."""
    return [(md5, msd_id) for msd_id, matches in scores.items() for md5 in matches if md5 in files]


def cleansed(
    scores: Mapping[str, Mapping[str, float]],
    entries: Mapping[str, Mapping],
    rules: str = "docs",
    confidence: float = 0.0,
) -> list[tuple[str, str]]:
    """Returns `(md5, MSD id)` of the one file that is chosen for each song of the cleansed subset.

    Args:
        scores: scores as `match_scores` returns them.
        entries: entries as `midi_info` returns them; a file without one is not used.
        rules: `"docs"` to choose the best match among the files that these rules keep, `"code"`
            to choose the best match of all and reject the song if its file is rejected.
        confidence: score that a match must exceed.
    """
    chosen = []
    for msd_id, files in scores.items():
        known = [md5 for md5 in files if md5 in entries and files[md5] > confidence]
        ranked = sorted(known, key=files.get, reverse=True)
        if rules == "code":
            ranked = ranked[:1]
        kept = (md5 for md5 in ranked if rejected_entry(entries[md5], rules) is None)
        chosen += [(md5, msd_id) for md5 in islice(kept, 1)]
    return chosen


def write_ids(pairs: Iterable[tuple[str, str]], path: str | Path) -> None:
    """Writes an id list such as `matched_ids.txt`, with lines of md5, four spaces and MSD id."""
    Path(path).write_text("".join(f"{md5}    {msd_id}\n" for md5, msd_id in pairs))


def read_ids(path: str | Path) -> list[tuple[str, str]]:
    """Reads the `(md5, MSD id)` of an id list."""
    try:
        rows = [line.split() for line in Path(path).read_text().splitlines() if line.strip()]
        return [(md5, msd_id) for md5, msd_id in rows]
    except OSError as error:
        raise Error(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise Error(f"{path}: not an id list; each line must be an md5 and an MSD id") from None
