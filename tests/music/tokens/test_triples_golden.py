"""Note triples of the original codes: readers, segments, copies, dictionaries, written files.

`tests/golden/mvae/mvae_reader.json` holds what MiuLab/MVAE_Music computed, and
`bachprop_notes.npz` what FlorianColombo/BachProp did; see the README there.
"""

import base64
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import reference

from musegen import Error
from musegen.music.tokens import triples
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import PRESETS, NoteTriples

pytestmark = pytest.mark.golden

GOLDEN = json.loads(reference.file("mvae/mvae_reader.json").read_bytes())
NOTES = reference.arrays("mvae/bachprop_notes.npz")
REPO = PRESETS["repo"]
FILES = GOLDEN["files"]
SYNTHETIC = "synth/synth.mid"
SETS = GOLDEN["set_of_six"]["note_sets"]  # with an entry for number 0
BACHPROP = sorted({key.rsplit("/", 1)[0] for key in NOTES if key.endswith("/tpb")})
WORDS = Dictionaries("sixteenths", *(tuple(values[1:]) for values in SETS.values()))


@pytest.fixture(scope="module")
def contents(shared_data) -> dict[str, bytes]:
    """The files that the original has read, by their names."""
    found, wanted = {SYNTHETIC: synthetic()}, {*FILES, *GOLDEN["dropped"], *BACHPROP}
    for corpus, folder in (("nottingham", "nottingham"), ("piano_midi", "piano")):
        with tarfile.open(shared_data / f"{corpus}.tar.xz") as archive:
            for member in archive:
                for name in {member.name, member.name.replace(corpus, folder)} & wanted:
                    found[name] = archive.extractfile(member).read()
    return found


def synthetic() -> bytes:
    return base64.b64decode(GOLDEN["synth_mid_base64"])


def check_song(read: NoteTriples, expected: dict) -> None:
    """Compares a song with all that the file of reference values tells of it."""
    rows, n = read.rows, expected["notes"]
    assert len(read) == n
    assert rows[:60].tolist() == expected["first60"]
    assert rows[-5:].tolist() == expected["last5"]
    assert rows.sum(axis=0).tolist() == expected["sum_all"]
    weight = np.arange(n)[:, None] % 997 + 1
    assert (rows * weight).sum(axis=0).tolist() == expected["sum_weighted"]
    assert (rows[:, 1] == 0).sum() == expected["zero_T"]
    assert [len(set(column)) for column in rows.T.tolist()] == expected["values_dT_T_P"]
    sizes = Dictionaries.of([read], REPO).sizes
    assert [size - 1 for size in sizes] == expected["values_with_shifts"]
    assert triples.segment_starts(n, REPO).tolist() == expected["segment_starts"]
    copies = triples.transposed(read, expected["shifts"])
    assert copies[:, 0].tolist() == expected["shift_first_rows"]


def check_without_lag(data: bytes, name: str, expected: dict) -> None:
    """Compares with what the original would have read had its tempo not lagged behind."""
    right = triples.of_file(data, name, replace(REPO, tempo_lag=False)).rows
    differing = (right != triples.of_file(data, name).rows).any(axis=1).sum()
    assert differing == expected["notes_that_differ"]
    assert right[:60].tolist() == expected["first60"]


def test_a_synthetic_file_of_three_tracks():
    """Drums among them, and tempi that change twice between two notes."""
    check_song(triples.of_file(synthetic(), SYNTHETIC), FILES[SYNTHETIC])
    without = FILES[SYNTHETIC]["derived_pointer_without_lag"]
    check_without_lag(synthetic(), SYNTHETIC, without)


@pytest.mark.parametrize("name", sorted({*FILES} - {SYNTHETIC}))
def test_files_of_the_corpora(name, contents):
    check_song(triples.of_file(contents[name], name), FILES[name])
    check_without_lag(contents[name], name, FILES[name]["derived_pointer_without_lag"])


def test_files_with_several_meters_are_dropped(contents):
    for name, why in GOLDEN["dropped"].items():
        n = len(why["time_signature_events"])
        with pytest.raises(Error, match=f"{name}: has {n} time signatures"):
            triples.of_file(contents[name], name)


def test_a_set_of_six_files(contents):
    """Dictionaries of all, and the segments of each folder as numbers."""
    expected = GOLDEN["set_of_six"]
    songs, _ = triples.collect([(contents[name], name) for name in sorted(FILES)], REPO)
    words = Dictionaries.of(songs, REPO)
    assert words == WORDS
    assert list(words.sizes) == expected["V"]
    for k, folder in enumerate(expected["folders"]):
        own = [song for song in songs if song.name.startswith(f"{folder}/")]
        tokens, replaced = words.encode(triples.segments(own, REPO)[0])
        assert replaced == 0
        assert list(tokens.shape) == expected["shapes"][k]
        assert tokens.sum(axis=(0, 1)).tolist() == expected["token_sums"][k]
        assert tokens[0, :3].tolist() == expected["first_rows"][k]
        assert tokens[-1, -3:].tolist() == expected["last_rows"][k]


def test_starts_of_segments():
    for n, starts in GOLDEN["short_lengths_segment_starts"].items():
        assert triples.segment_starts(int(n), REPO).tolist() == starts


@pytest.mark.parametrize("name", GOLDEN["written"])
def test_written_files(name):
    """The notes that pretty_midi reads in the file that the original writes; and its messages."""
    written = GOLDEN["written"][name]
    rows, left_out = WORDS.decode(np.array(written["tokens"]))
    whole = [row for row in written["triples"] if None not in row]
    assert (rows.tolist(), left_out) == (whole, len(written["triples"]) - len(whole))
    heard = triples.to_piece(rows, REPO, hanging=True)
    assert heard.ticks_per_quarter == written["raw"]["ticks_per_beat"]
    ours = zip(
        heard.seconds(heard.notes["onset"]), heard.seconds(heard.ends),
        heard.notes["pitch"], heard.notes["velocity"], strict=True,
    )  # fmt: skip
    assert sorted(map(list, ours)) == sorted(written["notes_read_back"])
    made = triples.to_piece(rows, REPO)
    long = made.notes["duration"] > 1  # others have T = 0, and end in the file where they begin
    ends = np.where(long, made.ends, made.notes["onset"])
    for times, velocity in ((made.notes["onset"], 100), (ends, 0)):
        assert sorted(zip(times, made.notes["pitch"], strict=True)) == messages(written, velocity)


def messages(written: dict, velocity: int) -> list[tuple[int, int]]:
    """Tick and pitch of the notes that begin, or of those that end."""
    rows = [row for row in written["raw"]["events"] if row[2] == "note_on"]
    return sorted((tick, pitch) for _, tick, _, pitch, how in rows if how == velocity)


def test_the_grid_of_bachprop():
    """Times of three songs, before and after; it rounds its grid to five decimals."""
    ties = 0
    for name in BACHPROP:
        per_quarter = int(NOTES[f"{name}/tpb"])
        for what in ("dT", "T"):
            ticks = NOTES[f"{name}/ticks_{what}"]
            found = triples.snapped(ticks, per_quarter, "decimals")
            expected = NOTES[f"{name}/grid_{what}"]
            np.testing.assert_array_equal(np.minimum(found, triples.LONGEST), expected)
            ties += (triples.snapped(ticks, per_quarter) != found).sum()
    assert ties  # else nothing was seen of its ties


@pytest.mark.parametrize("name", BACHPROP)
def test_songs_as_bachprop_reads_them(name, contents):
    step, length, pitch = triples.of_file(contents[name], name, triples.BACHPROP).rows.T
    np.testing.assert_array_equal(step, NOTES[f"{name}/grid_dT"])
    np.testing.assert_array_equal(length, NOTES[f"{name}/grid_T"])
    np.testing.assert_array_equal(pitch[:60], NOTES[f"{name}/P"])
    assert (pitch * np.arange(1, len(pitch) + 1)).sum() == NOTES[f"{name}/P_sum"]


def test_the_shifts_that_bachprop_draws_from():
    """Of pitches as numbers from 0 to 40; its tag, which is 40 at first, counts as a pitch."""
    for k in (1, 2):
        before, after = (NOTES[f"transpose/after{n}_XP_argmax"] for n in (k, k + 1))
        expected = NOTES[f"transpose/after{k + 1}_low_high_shift"]
        for numbers, moved, (least, most, shift) in zip(before, after, expected, strict=True):
            pitch = numbers[numbers >= 0]  # others fill up
            rows = np.stack([0 * pitch, 0 * pitch, pitch], axis=1)
            assert triples.shift_range(rows, None, 0, 40) == (least, most)
            assert triples.shifted(rows, shift)[:, 2].tolist() == moved[moved >= 0].tolist()
