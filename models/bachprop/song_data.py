"""Whole songs as BachProp's own network learns them: in groups of equal length, and in batches.

A song is the tag, its notes, and the tag again, as indices of the network. It is padded with -1 to
whole windows of 128 notes. Songs of as many windows are a group. -1 also stands where nothing is
left to predict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from musegen import Error
from musegen.models.bachprop.settings import N_NOTES
from musegen.models.mvae.mvae_options import NoteOptions
from musegen.models.mvae.segment_data import divided, load_songs
from musegen.music.tokens import triples
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import BACHPROP, NoteTriples

LEAST = 10  # songs of a group; a smaller one joins the next


@dataclass(frozen=True)
class SongData:
    """The songs of a training.

    Args:
        train, held_out: triples of the songs to learn, and of those to validate with.
        dictionaries: the values of all songs.
        longest: notes of a song, with both tags, that are learned at most.
    """

    train: list[np.ndarray]
    held_out: list[np.ndarray]
    dictionaries: Dictionaries
    longest: int

    @property
    def sets(self) -> dict[str, np.ndarray]:
        """Segments of 100 notes to measure at the end, triples by the name of the set."""
        sets = {"train": self.train, "held out": self.held_out}
        return {name: rows for name, songs in sets.items() if len(rows := _segments(songs))}

    @property
    def shown(self) -> np.ndarray:
        """The triples to draw, the begin of a song, held out if possible."""
        songs = self.held_out or self.train
        return songs[len(songs) // 2][: BACHPROP.length]

    def describe(self) -> dict:
        """Describes the data for `config.json`."""
        return {
            "songs": len(self.train),
            "held_out": len(self.held_out),
            "notes": sum(map(len, self.train)),
            "sizes": list(self.dictionaries.sizes),
        }


def load_song_data(options: NoteOptions) -> SongData:
    """Reads all sources of the options; see `segment_data.load_segment_data`."""
    parts: list[list[NoteTriples]] = [[], [], []]
    for songs in load_songs(options, BACHPROP).values():
        for part, found in zip(parts, divided(songs, options), strict=True):
            part += found
    everything = [song for part in parts for song in part]
    known = Dictionaries.of(everything, BACHPROP)
    known = replace(known, P=tuple(range(min(known.P), max(known.P) + 1)))  # all between, too
    train, held_out, _ = ([song.rows for song in part] for part in parts)
    lengths = np.array([len(rows) for rows in train])
    longest = int(np.ceil((lengths.mean() + 2 * lengths.std()) / N_NOTES)) * N_NOTES
    return SongData(train, held_out, known, longest)


def batches(
    songs: Sequence[np.ndarray],
    data: SongData,
    options: NoteOptions,
    epoch: int,
    learn: bool = True,
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the batches of an epoch: `notes` and `next`, each `(batch, windows * 128, 3)`.

    The last batch of a group is filled with songs of the group, at random; to validate, with none.

    Args:
        songs: triples of the songs.
        data: data that they belong to.
        options: options of the script.
        epoch: number of the epoch, from 0.
        learn: whether songs are shuffled, and moved by random semitones.
    """
    rng, size = np.random.default_rng((options.seed, epoch)), options.batch_size
    for group in _groups(songs, data):
        numbers = np.array([k for k, _ in group])
        if learn:
            repeats = rng.choice(numbers, -len(numbers) % size)
            numbers = np.append(rng.permutation(numbers), repeats)
        for start in range(0, len(numbers), size):
            rows = [songs[k] for k in numbers[start : start + size]]
            if learn:
                rows = [_moved(song, data.dictionaries, rng) for song in rows]
            yield _padded(rows, data, (size, _n_windows(group) * N_NOTES))


def count_windows(songs: Sequence[np.ndarray], data: SongData, options: NoteOptions) -> int:
    """Returns the number of windows in the batches of an epoch of learning."""
    groups = _groups(songs, data)
    return sum(-(-len(group) // options.batch_size) * _n_windows(group) for group in groups)


def _groups(songs: Sequence[np.ndarray], data: SongData) -> list[list[tuple[int, int]]]:
    return grouped([min(len(rows) + 2, data.longest) for rows in songs])


def _n_windows(group: list[tuple[int, int]]) -> int:
    """Returns the number of windows of the longest song of a group."""
    return max(n for _, n in group)


def grouped(lengths: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Groups songs by their number of windows; of each song, its number and that of its windows.

    As in the original code, a song that fills its windows has one more, and a group of fewer than
    ten songs joins the next. The last group joins the one before instead of being lost.
    """
    windows = sorted((length // N_NOTES + 1, k) for k, length in enumerate(lengths))
    groups: list[list[tuple[int, int]]] = []
    for n, k in windows:
        if groups and (groups[-1][-1][1] == n or len(groups[-1]) < LEAST):
            groups[-1].append((k, n))
        else:
            groups.append([(k, n)])
    if len(groups) > 1 and len(groups[-1]) < LEAST:
        last = groups.pop()
        groups[-1] += last
    return groups


def _moved(rows: np.ndarray, known: Dictionaries, rng: np.random.Generator) -> np.ndarray:
    """Moves a song by as many semitones as the dictionary allows, at random."""
    low, high = triples.shift_range(rows, None, min(known.P), max(known.P))
    return triples.shifted(rows, rng.integers(low, high, endpoint=True))


def _padded(
    rows: Sequence[np.ndarray], data: SongData, shape: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Returns songs as inputs and targets of the network, `(*shape, 3)`."""
    tag, (n, length) = np.array(data.dictionaries.sizes) - 1, shape
    whole = np.full((n, length + 1, 3), -1, np.int32)
    for k, song in enumerate(rows):
        indices = data.dictionaries.encode(song)[0] - 1
        tagged = np.concatenate([tag[None], indices, tag[None]])[: data.longest]
        whole[k, : len(tagged)] = tagged[: length + 1]
    return {"notes": whole[:, :-1], "next": whole[:, 1:]}


def _segments(songs: Sequence[np.ndarray]) -> np.ndarray:
    """Returns segments of 100 notes of the songs that have as many, `(k, 100, 3)`."""
    try:
        return triples.segments([NoteTriples("song", rows) for rows in songs], BACHPROP)[0]
    except Error:  # no song is as long
        return np.zeros((0, BACHPROP.length, 3), int)
