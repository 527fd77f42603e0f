"""Tunes of the built-in band: chords that go with the melody, sections that return, keys."""

from collections import Counter

import numpy as np
import pytest

from musegen import Error, cli, data
from musegen.data import demo, demo_tunes
from musegen.music.tokens import triples
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import PRESETS

SHARPS = {key: (7 * key + 5) % 12 - 5 for key in range(12)}  # of the major key on each pitch
HALF_BAR = 24


@pytest.fixture(scope="module")
def band():
    return data.load_pieces("demo")


@pytest.fixture(scope="module")
def tunes(band):
    return list(band)


def part(piece, number):
    """Onset, end and pitch of the notes of one part."""
    notes = piece.notes[piece.notes["part"] == number]
    return np.stack([notes["onset"], notes["onset"] + notes["duration"], notes["pitch"]])


def c_or_a(piece):
    """Returns how many semitones a tune has moved up from C major or A minor, by its key."""
    ((_, sharps, _),) = piece.keys
    return next(key for key, own in SHARPS.items() if (own - sharps) % 12 == 0)


def test_they_are_songs_of_two_parts(tunes):
    for piece in tunes:
        assert [(one.name, one.is_drum) for one in piece.parts] == [
            ("melody", False), ("chords", False),
        ]  # fmt: skip
        assert 300 <= len(piece) <= 1000
        assert piece.meters == ((0, 4, 4),)
        assert piece.length % 48 == 0
        ((_, tempo),) = piece.tempi
        assert 90 <= round(60e6 / tempo) <= 140
    assert len({piece.tempi for piece in tunes}) > 30
    assert len({tuple(part.program for part in piece.parts) for piece in tunes}) > 10
    assert {c_or_a(piece) for piece in tunes} == set(range(12))


def test_the_melody_is_one_voice_above_the_chords(tunes):
    for piece in tunes:
        start, end, pitch = part(piece, 0)
        assert (end[:-1] <= start[1:]).all()
        assert (end > start).all()
        assert pitch.min() > part(piece, 1)[2].max()


def test_chords_are_those_of_the_song(tunes):
    """In each half bar the root lies lowest, and all other notes are tones of the chord."""
    for index, piece in enumerate(tunes[:30]):
        _, form, sections = demo.planned(0, index)
        names = [demo.CHORDS[c] for kind in form for c in sections[kind].chords]
        (start, end, pitch), key = part(piece, 1), c_or_a(piece)
        for half, name in enumerate([*names, *2 * ["Am" if sections[form[0]].minor else "C"]]):
            at = half * HALF_BAR
            sounding = (start < at + HALF_BAR) & (end > at)
            letter = name.rstrip("m7")
            tones = (demo.ROOTS[letter] + np.array(demo.QUALITIES[name[len(letter) :]])) % 12
            classes = (pitch[sounding] - key) % 12
            assert classes[np.argmin(pitch[sounding])] == demo.ROOTS[letter]
            assert set(classes) <= set(tones)
            assert len(set(classes)) >= 3


def test_voices_of_the_chords_move_by_small_steps(tunes):
    jumps = []
    for piece in tunes:
        start, end, pitch = part(piece, 1)
        tops = [pitch[start == at].max() for at in np.unique(start[(end - start) >= HALF_BAR])]
        jumps += np.abs(np.diff(tops)).tolist()
    assert np.mean(jumps) < 4


def test_sections_return_with_their_melody(tunes):
    for index, piece in enumerate(tunes):
        _, form, _ = demo.planned(0, index)
        start, end, pitch = part(piece, 0)
        heard = {}
        for position, kind in enumerate(form):
            inside = start // 192 == position
            tune = np.stack([start - 192 * position, end - start, pitch])[:, inside].tolist()
            assert heard.setdefault(kind, tune) == tune
            assert len(tune[0]) > 3


def test_a_song_stays_in_its_key_and_ends_on_its_tonic(tunes):
    inside = []
    for piece in tunes:
        ((_, _, minor),), key = piece.keys, c_or_a(piece)
        classes = (piece.notes["pitch"] - key) % 12
        inside.append(np.isin(classes, [0, 2, 4, 5, 7, 9, 11]).mean())
        last = (piece.notes["onset"] == piece.length - 48) & (piece.ends == piece.length)
        pitches = piece.notes["pitch"][last]
        lowest, *_, highest = classes[last][np.argsort(pitches)]
        assert lowest == highest == (9 if minor else 0)
        assert len(pitches) == 5
    assert np.mean(inside) > 0.95
    assert 20 < sum(piece.keys[0][2] for piece in tunes) < 60


def test_values_of_the_notes_are_few_and_pitches_many(tunes):
    songs, skipped = triples.collect(tunes, PRESETS["paper"])
    sizes = Dictionaries.of(songs, PRESETS["paper"]).sizes
    assert not skipped
    assert sizes[0] < 20
    assert sizes[1] < 30
    assert sizes[2] > 50
    assert not any(song.counts for song in songs)
    assert len(triples.segments(songs, PRESETS["paper"])[0]) > 800


def test_splits_are_songs(band, tunes):
    assert Counter(band.splits) == {"train": 80, "val": 10, "test": 10}
    kept = [piece.name for split in ("train", "val", "test") for piece in band.of(split)]
    assert sorted(kept) == sorted(piece.name for piece in tunes)
    assert len(set(kept)) == 100


def test_a_song_depends_on_its_number_and_the_seed(tunes):
    assert demo_tunes.song(70) == tunes[70]
    assert demo_tunes.song(70, seed=1) != tunes[70]
    assert len({piece.notes.tobytes() for piece in tunes}) == 100
    with pytest.raises(Error, match="seed -1"):
        demo_tunes.song(0, seed=-1)


def test_they_are_described_and_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", "info", "demo", "--music", "notes"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("demo: 100 pieces, ")
    assert "piece.png shows demo song " in said
