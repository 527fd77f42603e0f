"""LPD files, families, cleansing and matching."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pypianoroll
import pytest

from musegen import Error, budget
from musegen.data import lpd
from musegen.music.song import PartCells, Song

N_STEPS = 384


def cells(seed: int, n: int = 300, velocity: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    place = np.sort(rng.choice(N_STEPS * 128, n, replace=False))
    loud = rng.integers(1, 128, n) if velocity is None else np.full(n, velocity)
    step, pitch = place // 128, place % 128
    order = np.lexsort((step, pitch))
    return np.stack([step, pitch, loud]).astype(np.int32)[:, order]


def part(program=0, is_drum=False, seed=0, name="x", **options) -> PartCells:
    return PartCells(program, is_drum, name, cells(seed, **options))


def song(*parts: PartCells, **fields) -> Song:
    settings = {
        "tempo": np.linspace(90, 120, 16),
        "downbeats": np.arange(0, N_STEPS, 96),
        "signatures": ((0.0, 4, 4),),
    }
    return Song("abc", list(parts), N_STEPS, **settings | fields)


def dense(part: PartCells, n_steps: int = N_STEPS) -> np.ndarray:
    roll = np.zeros((n_steps, 128), np.uint8)
    roll[part.cells[0], part.cells[1]] = part.cells[2]
    return roll


def assert_same(one: Song, other: Song) -> None:
    assert (one.name, one.n_steps, one.resolution) == (other.name, other.n_steps, other.resolution)
    assert [(p.program, p.is_drum, p.name) for p in one.parts] == [
        (p.program, p.is_drum, p.name) for p in other.parts
    ]
    for mine, theirs in zip(one.parts, other.parts, strict=True):
        np.testing.assert_array_equal(mine.cells, theirs.cells)
        assert mine.cells.dtype == np.int32
    np.testing.assert_allclose(one.tempo, other.tempo)
    np.testing.assert_array_equal(one.downbeats, other.downbeats)


MIXED = song(
    part(0, True, 1, "Drums", velocity=1),
    part(5, False, 2, ""),
    PartCells(33, False, "Bass", np.zeros((3, 0), np.int32)),
    part(127, False, 3, "\u00e9t\u00e9"),
)


# Files


@pytest.mark.parametrize("edition", lpd.EDITIONS)
def test_what_is_written_is_read_again(edition, tmp_path):
    path = lpd.write(MIXED, tmp_path / "deep" / "a.npz", edition)
    assert_same(lpd.read(path), MIXED)
    assert_same(lpd.read(path.read_bytes()), MIXED)
    assert lpd.read(path, name="other").name == "other"
    again = lpd.write(lpd.read(path), tmp_path / "b.npz", edition)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("edition", lpd.EDITIONS)
def test_written_files_load_in_pypianoroll(edition, tmp_path):
    loaded = pypianoroll.load(lpd.write(MIXED, tmp_path / "a.npz", edition))
    assert (loaded.name, loaded.resolution) == ("abc", 24)
    np.testing.assert_allclose(loaded.tempo.ravel(), np.repeat(MIXED.tempo, 24))
    np.testing.assert_array_equal(np.flatnonzero(loaded.downbeat), MIXED.downbeats)
    assert isinstance(loaded.tracks[0], pypianoroll.BinaryTrack)
    assert isinstance(loaded.tracks[1], pypianoroll.StandardTrack)
    for track, wanted in zip(loaded.tracks, MIXED.parts, strict=True):
        assert (track.program, track.is_drum, track.name or "") == (
            wanted.program,
            wanted.is_drum,
            wanted.name,
        )
        roll = dense(wanted)
        if edition == "0.3" and not wanted.cells.size:
            assert track.pianoroll.shape == (0, 128)
            assert track.pianoroll.dtype == bool
        else:
            np.testing.assert_array_equal(track.pianoroll, roll)
    if edition == "1.0":
        for track in loaded.tracks:
            track.validate()
        assert loaded.tracks[1].name is None
        assert loaded.tempo.shape == loaded.downbeat.shape == (N_STEPS, 1)


@pytest.mark.parametrize("compressed", [True, False])
def test_files_of_pypianoroll_are_read(compressed, tmp_path):
    multitrack = pypianoroll.Multitrack(
        name=None,
        resolution=24,
        tempo=np.repeat(MIXED.tempo, 24)[:, None],
        downbeat=(np.arange(N_STEPS) % 96 == 0)[:, None],
        tracks=[
            pypianoroll.StandardTrack(name=None, program=30, pianoroll=dense(MIXED.parts[1])),
            pypianoroll.BinaryTrack(name="hits", is_drum=True, pianoroll=dense(MIXED.parts[0]) > 0),
            pypianoroll.BinaryTrack(pianoroll=np.zeros((0, 128), bool)),
        ],
    )
    multitrack.save(tmp_path / "tr.npz", compressed)
    wanted = Song(
        "tr",
        [
            PartCells(30, False, "", MIXED.parts[1].cells),
            PartCells(0, True, "hits", MIXED.parts[0].cells),
            PartCells(0, False, "", np.zeros((3, 0), np.int32)),
        ],
        N_STEPS,
        tempo=MIXED.tempo,
        downbeats=MIXED.downbeats,
    )
    assert_same(lpd.read(tmp_path / "tr.npz"), wanted)


def members(n_beats: int = 16, **changes) -> dict[str, np.ndarray]:
    """The arrays of a published file of one track, which holds pitch 60 at step 0."""
    arrays = {
        "tempo": np.tile(np.linspace(90, 120, n_beats), 24),
        "downbeat": np.arange(24 * n_beats) == 0,
        "pianoroll_0_csc_data": np.array([100], np.uint8),
        "pianoroll_0_csc_indices": np.array([0], np.int32),
        "pianoroll_0_csc_indptr": (np.arange(129) > 60).astype(np.int32),
        "pianoroll_0_csc_shape": np.array([24 * n_beats, 128]),
    }
    return {name: array for name, array in (arrays | changes).items() if array is not None}


ABOUT = {
    "beat_resolution": 24,
    "name": "0a1b",
    "0": {"program": 33, "is_drum": False, "name": "unknown"},
}


def archive(arrays: dict[str, np.ndarray], about=ABOUT) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    if about is not None:
        with zipfile.ZipFile(stream, "a") as opened:
            opened.writestr("info.json", about if isinstance(about, str) else json.dumps(about))
    return stream.getvalue()


def test_defects_of_published_files_are_undone():
    read = lpd.read(archive(members()))
    np.testing.assert_array_equal(read.tempo, np.linspace(90, 120, 16))
    assert read.downbeats.tolist() == [0, 96, 192, 288]
    assert (read.name, read.n_steps, read.parts[0].program) == ("0a1b", 384, 33)
    assert read.parts[0].cells.tolist() == [[0], [60], [100]]
    assert read.signatures == ()


def test_files_without_tempo_and_downbeats_are_read():
    read = lpd.read(archive(members(tempo=None, downbeat=None)))
    assert len(read.tempo) == 0
    assert read.downbeats.tolist() == [0, 96, 192, 288]


def test_other_resolutions_keep_the_tempo_of_each_beat():
    about = ABOUT | {"beat_resolution": 12}
    read = lpd.read(archive(members(pianoroll_0_csc_shape=np.array([192, 128])), about))
    assert (read.n_steps, read.resolution) == (192, 12)
    np.testing.assert_array_equal(read.tempo, np.linspace(90, 120, 16))


def test_tracks_of_different_lengths_take_the_longest():
    arrays = members()
    arrays |= {name.replace("_0_", "_1_"): array for name, array in arrays.items() if "_0_" in name}
    arrays["pianoroll_1_csc_shape"] = np.array([500, 128])
    read = lpd.read(archive(arrays, ABOUT | {"1": ABOUT["0"]}))
    assert read.n_steps == 500
    assert len(read.parts) == 2


HOSTILE = {
    "no info": (members(), None, "no info.json"),
    "info is a list": (members(), "[1]", "no names and values"),
    "info is deep": (members(), "[" * 100_000, "nested too deeply"),
    "info is no text": (members(), "\x00", "damaged"),
    "info is huge": (members(), '"' + "a" * budget.JSON_BYTES + '"', "more than"),
    "no resolution": (members(), {"0": ABOUT["0"]}, "has the resolution None"),
    "resolution is a book": (members(), {"resolution": "a" * 9999}, "has the resolution 'a{39};"),
    "resolution of a bomb": (
        members(),
        ABOUT | {"beat_resolution": 150_000},
        "has the resolution 150000",
    ),
    "program": (members(), ABOUT | {"0": {"program": 128}}, "program 128"),
    "member absent": (members(pianoroll_0_csc_data=None), ABOUT, "damaged"),
    "a million beats": (
        members(pianoroll_0_csc_shape=np.array([24_000_000, 128])),
        ABOUT,
        "csc_shape",
    ),
    "shape": (members(pianoroll_0_csc_shape=np.array([384, 127])), ABOUT, "csc_shape"),
    "negative shape": (members(pianoroll_0_csc_shape=np.array([-1, 128])), ABOUT, "csc_shape"),
    "indices beyond": (
        members(pianoroll_0_csc_indices=np.array([384], np.int32)),
        ABOUT,
        "leave the 384 steps",
    ),
    "indices below": (
        members(pianoroll_0_csc_indices=np.array([-1], np.int32)),
        ABOUT,
        "leave the 384 steps",
    ),
    "indptr falls": (
        members(pianoroll_0_csc_indptr=np.array([0, 5] + [1] * 127, np.int32)),
        ABOUT,
        "indptr",
    ),
    "indptr beyond": (
        members(pianoroll_0_csc_indptr=np.arange(129, dtype=np.int32)),
        ABOUT,
        "do not fit",
    ),
    "indptr short": (members(pianoroll_0_csc_indptr=np.zeros(9, np.int32)), ABOUT, "indptr"),
    "floats": (members(pianoroll_0_csc_data=np.array([0.5])), ABOUT, "float64"),
    "a cell twice": (
        members(
            pianoroll_0_csc_data=np.array([1, 1], np.uint8),
            pianoroll_0_csc_indices=np.array([3, 3], np.int32),
            pianoroll_0_csc_indptr=2 * (np.arange(129) > 60),
        ),
        ABOUT,
        "twice",
    ),
    "tempo": (members(tempo=np.array([120.0, np.nan])), ABOUT, "tempo"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_errors_that_name_them(case):
    arrays, about, message = HOSTILE[case]
    with pytest.raises(Error, match=f"^songs/x.npz: .*{message}"):
        lpd.read(archive(arrays, about), "songs/x.npz")


def forged(header: bytes, data: bytes = b"") -> bytes:
    """A file whose `data` member is these bytes."""
    stream = io.BytesIO(archive(members(pianoroll_0_csc_data=None)))
    with zipfile.ZipFile(stream, "a") as opened:
        text = header + b"\n"
        prefix = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little")
        opened.writestr("pianoroll_0_csc_data.npy", prefix + text + data)
    return stream.getvalue()


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000000,), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': ",
        b"__import__('os').abort()",
    ],
)
def test_forged_array_headers_are_errors(header):
    with pytest.raises(Error, match=r"x\.npz"):
        lpd.read(forged(header, b"\x01"), "x.npz")


def test_members_are_not_unpacked_beyond_the_limit(monkeypatch):
    bomb = archive(members(pianoroll_0_csc_data=np.zeros(4 << 20, np.uint8)))
    assert len(bomb) < 20_000
    monkeypatch.setattr(budget, "EXPANDED", 1 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("a member was read"))
    with pytest.raises(Error, match="when unpacked"):
        lpd.read(bomb)


def test_songs_of_too_many_cells_are_errors(monkeypatch):
    monkeypatch.setattr(budget, "CELLS", 1)
    arrays = members()
    assert lpd.read(archive(arrays)).parts[0].cells.shape == (3, 1)
    arrays |= {name.replace("_0_", "_1_"): array for name, array in arrays.items() if "_0_" in name}
    with pytest.raises(Error, match="more than 1 cells"):
        lpd.read(archive(arrays, ABOUT | {"1": ABOUT["0"]}))


def test_pickles_are_never_loaded():
    arrays = members(tempo=np.array([{"a": 1}], object))
    with pytest.raises(Error, match="object"):
        lpd.read(archive(arrays))


def test_damaged_bytes_give_a_song_or_an_error():
    whole = archive(members())
    rng = np.random.default_rng(0)
    errors = []
    for k in range(300):
        broken = bytearray(whole)
        if k % 3 == 0:
            broken = broken[: rng.integers(len(whole))]
        else:
            for place in rng.integers(len(whole), size=1 + k % 4):
                broken[place] = rng.integers(256)
        try:
            lpd.read(bytes(broken), "x.npz")
        except Error as error:
            errors.append(str(error))
    assert len(errors) > 150
    assert all(error.startswith("x.npz: ") and "\n" not in error for error in errors)


def test_absent_and_foreign_files_are_errors(tmp_path):
    with pytest.raises(Error, match="no such file"):
        lpd.read(tmp_path / "none.npz")
    with pytest.raises(Error, match="damaged or not an LPD file"):
        lpd.read(b"MThd")
    with pytest.raises(Error, match="unknown LPD edition"):
        lpd.write(MIXED, tmp_path / "a.npz", "2.0")
    (tmp_path / "taken").touch()
    with pytest.raises(Error, match="cannot be written"):
        lpd.write(MIXED, tmp_path / "taken" / "a.npz")


# Families


def test_merge_takes_the_loudest_of_a_family():
    parts = [part(p, d, k) for k, (p, d) in enumerate([(4, 0), (7, 0), (0, 1), (50, 0), (100, 0)])]
    merged = lpd.merge(song(*parts))
    assert [(p.name, p.program, p.is_drum) for p in merged.parts] == [
        ("Drums", 0, True),
        ("Piano", 0, False),
        ("Guitar", 24, False),
        ("Bass", 32, False),
        ("Strings", 48, False),
    ]
    rolls = [dense(p) for p in parts]
    np.testing.assert_array_equal(dense(merged.parts[0]), rolls[2])
    np.testing.assert_array_equal(dense(merged.parts[1]), np.maximum(rolls[0], rolls[1]))
    assert merged.parts[2].cells.shape == merged.parts[3].cells.shape == (3, 0)
    np.testing.assert_array_equal(dense(merged.parts[4]), rolls[3])
    np.testing.assert_array_equal(merged.roll(), song(*parts).roll())
    key = merged.parts[1].cells[1] * N_STEPS + merged.parts[1].cells[0]
    assert (np.diff(key) > 0).all()


def test_merge_into_seventeen():
    merged = lpd.merge(song(part(9, False, 1), part(127, False, 2), part(3, True, 3)), "lpd17")
    assert len(merged.parts) == 17
    assert [p.program for p in merged.parts] == [0, *range(0, 128, 8)]
    playing = [p.name for p in merged.parts if p.cells.size]
    assert playing == ["Drums", "Chromatic Percussion", "Sound Effects"]


def test_merge_by_musegan_v1_keeps_effects_and_forgets_velocity():
    merged = lpd.merge(song(part(127, False, 1), part(44, False, 2)), "musegan_v1")
    strings = dense(merged.parts[4])
    np.testing.assert_array_equal(strings > 0, (dense(part(0, 0, 1)) + dense(part(0, 0, 2))) > 0)
    assert strings.max() == 1


def test_merge_by_musegan_v3_takes_the_busiest_part():
    quiet, busy, equal = part(20, seed=1, n=50), part(0, seed=2, n=200), part(5, seed=2, n=200)
    merged = lpd.merge(song(quiet, busy, replace(equal, name="late"), part(60)), "musegan_v3")
    np.testing.assert_array_equal(merged.parts[1].cells, busy.cells)
    assert not merged.parts[4].cells.size
    with pytest.raises(Error, match="unknown family table"):
        lpd.merge(MIXED, "lpd6")


def test_merged_songs_are_lpd5_files(tmp_path):
    path = lpd.write(lpd.merge(MIXED), tmp_path / "a.npz")
    loaded = pypianoroll.load(path)
    assert [len(track.pianoroll) for track in loaded.tracks] == [384, 384, 0, 0, 0]
    np.testing.assert_array_equal(lpd.read(path).roll(), MIXED.roll())


# Cleansing


FOUR = (0.0, 4, 4)
ALL = [part(*pd) for pd in [(0, True), (0, False), (24, False), (32, False), (90, False)]]


@pytest.mark.parametrize(
    ("signatures", "first_beat", "kept_by"),
    [
        ((FOUR,), 0.0, {"docs", "code", "paper", "musegan_v1"}),
        ((), 0.0, {"docs", "paper"}),
        ((FOUR, (8.0, 4, 4)), 0.0, {"paper"}),
        (((0.0, 3, 4),), 0.0, set()),
        ((FOUR, (8.0, 3, 4)), 0.0, set()),
        (((0.0, 4, 8),), 0.0, set()),
        ((FOUR,), 0.5, {"paper"}),
    ],
)
def test_rejected(signatures, first_beat, kept_by):
    candidate = song(*ALL, signatures=signatures, first_beat=first_beat)
    assert {rules for rules in lpd.RULES if lpd.rejected(candidate, rules) is None} == kept_by


def test_musegan_v1_needs_all_families_and_does_not_count_strings():
    assert lpd.rejected(song(*ALL[:4], part(45)), "musegan_v1") == "no strings"
    assert lpd.rejected(song(*ALL[1:]), "musegan_v1") == "no drums"
    assert lpd.rejected(song(*ALL[:4]), "docs") is None


def test_reasons_say_what_is_wrong():
    assert lpd.rejected(song(signatures=((0.0, 6, 8),))) == "the time signature is 6/8"
    assert lpd.rejected(song(signatures=(FOUR, FOUR))) == "2 time-signature events"
    assert lpd.rejected(song(first_beat=0.25)) == "the first beat is at 0.250 s"
    with pytest.raises(Error, match="unknown cleansing rules"):
        lpd.rejected(MIXED, "strict")


def test_info_is_an_entry_of_midi_info():
    assert lpd.info(song(tempo=np.full(4, 120.0), first_beat=0.1)) == {
        "first_beat_time": 0.1,
        "num_time_signature_change": 1,
        "constant_time_signature": "4/4",
        "constant_tempo": 120.0,
    }
    several = lpd.info(song(signatures=(FOUR, FOUR)))
    assert several["constant_time_signature"] is None
    assert several["constant_tempo"] is None
    json.dumps(several)


# Matching


def entry(**changes) -> dict:
    return lpd.info(song(tempo=np.full(4, 100.0))) | changes


ENTRIES = {
    "aa": entry(constant_time_signature="3/4"),
    "bb": entry(),
    "cc": entry(),
    "dd": entry(num_time_signature_change=0, constant_time_signature=None),
}
SCORES = {
    "TRAAAAA1": {"aa": 0.9, "bb": 0.5, "cc": 0.7},
    "TRBBBBB2": {"ee": 0.99, "bb": 0.2},
    "TRCCCCC3": {"dd": 0.8},
    "TRDDDDD4": {"ee": 0.8},
}


def test_matched_takes_every_file_that_exists():
    assert lpd.matched(SCORES, {"bb", "dd"}) == [
        ("bb", "TRAAAAA1"),
        ("bb", "TRBBBBB2"),
        ("dd", "TRCCCCC3"),
    ]


def test_cleansed_takes_one_file_a_song():
    assert lpd.cleansed(SCORES, ENTRIES) == [
        ("cc", "TRAAAAA1"),
        ("bb", "TRBBBBB2"),
        ("dd", "TRCCCCC3"),
    ]
    assert lpd.cleansed(SCORES, ENTRIES, "code") == [("bb", "TRBBBBB2")]
    assert lpd.cleansed(SCORES, ENTRIES, confidence=0.7) == [("dd", "TRCCCCC3")]


def test_location():
    assert lpd.location("lpd_full", "0abc").as_posix() == "lpd_full/0/0abc.npz"
    cleansed = lpd.location("lpd_5_cleansed", "0abc", "TRXYZAB12")
    assert cleansed.as_posix() == "lpd_5_cleansed/X/Y/Z/TRXYZAB12/0abc.npz"


def test_id_lists(tmp_path):
    path = tmp_path / "cleansed_ids.txt"
    pairs = [("aa", "TRA"), ("bb", "TRB")]
    lpd.write_ids(pairs, path)
    assert path.read_bytes() == b"aa    TRA\nbb    TRB\n"
    assert lpd.read_ids(path) == pairs
    path.write_text("aa\n")
    with pytest.raises(Error, match=r"cleansed_ids\.txt: not an id list"):
        lpd.read_ids(path)
    with pytest.raises(Error, match="cannot be read"):
        lpd.read_ids(tmp_path / "none")


def test_match_scores(tmp_path):
    path = tmp_path / "match_scores.json"
    path.write_text(json.dumps(SCORES))
    assert lpd.match_scores(path) == SCORES
    for text in ('{"a": 3}', '{"a": {"b": "c"}}', "[]", "{"):
        path.write_text(text)
        with pytest.raises(Error, match=r"match_scores\.json"):
            lpd.match_scores(path)


def test_both_versions_of_midi_info(tmp_path):
    path = tmp_path / "midi_info.json"
    path.write_text(json.dumps(ENTRIES))
    assert lpd.midi_info(path) == ENTRIES
    second = {
        "bb": ENTRIES["bb"] | {"constant_tempo": True, "tempo": 100.0},
        "cc": ENTRIES["cc"] | {"constant_tempo": False, "tempo": 90.0},
    }
    path.write_text(json.dumps(second))
    assert lpd.midi_info(path) == {"bb": ENTRIES["bb"], "cc": entry(constant_tempo=None)}
    path.write_text('{"aa": {"first_beat_time": 0}}')
    with pytest.raises(Error, match=r"midi_info\.json"):
        lpd.midi_info(path)
