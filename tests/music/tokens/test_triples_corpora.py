"""Note triples of whole corpora: the counts that the rules of paper and code give."""

import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from musegen.music.midi import read_piece
from musegen.music.piece import Part, Piece, note_array
from musegen.music.tokens import triples
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import PRESETS

pytestmark = pytest.mark.slow

FACTS = {  # songs, notes, segments without copies, sizes of the dictionaries of three corpora
    "paper": (1599, 1_098_399, 21_136, (96, 180, 94)),
    "repo": (1519, 848_071, 16_201, (37, 78, 92)),
}


def midi_files(path) -> list[tuple[bytes, str]]:
    """The MIDI files of an archive, in order of their names."""
    with tarfile.open(path) as archive:
        found = {
            member.name: archive.extractfile(member).read()
            for member in archive
            if member.name.endswith(".mid")
        }
    return [(found[name], name) for name in sorted(found)]


def chorales(path) -> list[Piece]:
    """All chorales: equal pitches of a voice in steps of a sixteenth are one note."""
    pieces = []
    for steps in [song for songs in json.loads(path.read_bytes()).values() for song in songs]:
        roll = np.zeros((4, len(steps) + 1), int)
        for t, chord in enumerate(steps):
            roll[: len(chord), t] = chord
        part, onset = np.nonzero(np.diff(roll, axis=1, prepend=-1))
        pitch, end = roll[part, onset], np.append(onset[1:], 0)
        columns = (column[pitch > 0] for column in (onset, end - onset, pitch, part))
        onset, duration, pitch, part = columns
        notes = note_array(onset, duration, pitch, 100, part)
        pieces.append(Piece("chorale", 4, notes, [Part()] * 4))
    return pieces


def test_counts_of_bachprop(shared_data):
    """Dictionaries, of which that of P has all pitches of a range; notes that it drops."""
    for corpus, sizes, lost in (
        ("nottingham", (20, 43, 54), (0, 0)),
        ("piano_midi", (95, 171, 88), (141, 811)),
    ):
        files = midi_files(shared_data / f"{corpus}.tar.xz")
        songs, _ = triples.collect(files, triples.BACHPROP)
        words = Dictionaries.of(songs, triples.BACHPROP)
        assert (*words.sizes[:2], max(words.P) - min(words.P) + 2) == sizes
        counts = [song.counts.get("without length", 0) for song in songs]
        assert (np.count_nonzero(counts), sum(counts)) == lost


@pytest.mark.parametrize("preset", PRESETS)
def test_counts_of_three_corpora(preset, shared_data):
    files = midi_files(shared_data / "nottingham.tar.xz")
    files += midi_files(shared_data / "piano_midi.tar.xz")
    settings = PRESETS[preset]
    sources = [*files, *chorales(shared_data / "jsb-chorales-16th.json")]
    songs, _ = triples.collect(sources, settings)
    cut, _ = triples.segments(songs, replace(settings, copies=False))
    sizes = Dictionaries.of(songs, settings).sizes
    assert (len(songs), sum(map(len, songs)), len(cut), sizes) == FACTS[preset]
    if preset == "paper":  # pieces have the same notes
        for song, (data, name) in zip(songs, files, strict=False):
            piece = triples.of_piece(read_piece(data, name, pedal="drop"), settings)
            np.testing.assert_array_equal(piece.rows, song.rows)
