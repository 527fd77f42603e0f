"""The segments that a network of triples is trained on, and their batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.data.piece_loading import short_names
from musegen.data.shards import SPLITS
from musegen.data.triple_loading import TripleSongs, load_triples
from musegen.models.mvae.mvae_options import NoteOptions, SegmentOptions
from musegen.models.remarks import say
from musegen.music.tokens import triples
from musegen.music.tokens.dictionaries import Dictionaries
from musegen.music.tokens.triples import NoteTriples, TripleSettings
from musegen.training import array_batches

if TYPE_CHECKING:
    import keras

SHARES = (0.3, 0.2, 0.5)  # of the three corpora of the original code in each batch


@dataclass(frozen=True)
class Segments:
    """Segments of the songs of some corpora.

    Args:
        rows: triples `(k, length, 3)`.
        corpus: number of the corpus of each segment.
        labels: names of the corpora.
    """

    rows: np.ndarray
    corpus: np.ndarray
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class SegmentData:
    """The data of a training.

    Args:
        train: segments to learn.
        held_out: segments to validate with, if there are any.
        dictionaries: the values of all songs.
        notes: how songs became triples.
        n_songs: number of songs, the held-out ones included.
    """

    train: Segments
    held_out: Segments | None
    dictionaries: Dictionaries
    notes: TripleSettings
    n_songs: int

    @property
    def sets(self) -> dict[str, np.ndarray]:
        """The triples to measure at the end, by the name of the set."""
        sets = {"train": self.train, "held out": self.held_out}
        return {name: segments.rows for name, segments in sets.items() if segments}

    @property
    def shown(self) -> np.ndarray:
        """The triples of a segment to draw `(length, 3)`, held out if possible."""
        rows = (self.held_out or self.train).rows
        return rows[len(rows) // 2]

    def describe(self) -> dict:
        """Describes the data for `config.json`."""
        return {
            "corpora": list(self.train.labels),
            "songs": self.n_songs,
            "segments": len(self.train),
            "held_out": len(self.held_out or ()),
            "sizes": list(self.dictionaries.sizes),
        }


def load_segment_data(options: SegmentOptions) -> SegmentData:
    """Reads all sources of the options, and cuts their songs into segments.

    A source with splits of its own is divided by them; of another one a share of the songs,
    `--val-split`, is held out.
    """
    notes = replace(triples.PRESETS[options.preset], snap=options.snap)
    corpora = {
        label: divided(songs, options) for label, songs in load_songs(options, notes).items()
    }
    everything = [song for parts in corpora.values() for part in parts for song in part]
    dictionaries = Dictionaries.of(everything, notes)
    labels = tuple(corpora)
    train = cut([learned for learned, _, _ in corpora.values()], labels, notes)
    held_out = [val for _, val, _ in corpora.values()]
    plain = replace(notes, copies=False)
    try:
        validation = cut(held_out, labels, plain) if any(held_out) else None
    except Error:  # none of them is as long as a segment
        validation = None
    return SegmentData(train, validation, dictionaries, notes, len(everything))


def load_songs(options: NoteOptions, notes: TripleSettings) -> dict[str, TripleSongs]:
    """Reads all sources of the options, and prints how many of their songs have no notes."""
    corpora = {}
    for label, source in zip(short_names(options.data), options.data, strict=True):
        corpora[label] = songs = load_triples(source, notes)
        if songs.skipped:
            name, reason = songs.skipped[0]
            say(f"{source}: {len(songs.skipped):,} songs are left out; {name}: {reason}")
    return corpora


def divided(songs: TripleSongs, options: NoteOptions) -> list[list[NoteTriples]]:
    """Returns the songs to learn, to validate with, and those that are left for tests."""
    if songs.splits:
        parts = [songs.of(split) for split in SPLITS]
        if not parts[0]:
            raise Error("--data: a source has no song in its train split, so nothing to learn")
        return parts
    n = round(options.val_split * len(songs.songs))
    order = np.random.default_rng(options.seed).permutation(len(songs.songs))
    chosen = [[songs.songs[i] for i in np.sort(part)] for part in (order[n:], order[:n])]
    return [*chosen, []]


def cut(
    songs: Sequence[Sequence[NoteTriples]], labels: tuple[str, ...], notes: TripleSettings
) -> Segments:
    """Cuts the songs of each corpus into segments."""
    flat = [song for corpus in songs for song in corpus]
    of_song = np.repeat(np.arange(len(songs)), [len(corpus) for corpus in songs])
    rows, owner = triples.segments(flat, notes)
    return Segments(rows, of_song[owner], labels)


def batches(
    segments: Segments, data: SegmentData, options: SegmentOptions, epoch: int, learn: bool = True
) -> "keras.utils.PyDataset":
    """Makes the batches of an epoch, pairs of equal numbers of notes `(B, length, 3)`.

    Args:
        segments: segments to serve.
        data: data that they belong to.
        options: options of the script.
        epoch: number of the epoch, from 0.
        learn: whether they are shuffled and, unless the data holds every transposition, moved by
            random semitones.
    """
    rng = np.random.default_rng((options.seed, epoch))
    rows, shares = segments.rows, shares_of(segments, data, options) if learn else ()
    order = np.arange(len(rows))
    if learn and shares:
        order = np.concatenate([*shared(segments, shares, options.batch_size, rng)])
    elif learn:
        order = rng.permutation(len(rows))
    rows = rows[order]
    if learn and not data.notes.copies:
        most = max(data.notes.shifts)
        low, high = triples.shift_range(rows, most)
        rows = triples.shifted(rows, rng.integers(low, high, endpoint=True))
    numbers, _ = data.dictionaries.encode(rows)
    return array_batches.batches(
        (numbers,), options.batch_size, shuffle=False, map=lambda x: (x, x)
    )


def mean_size(served: "keras.utils.PyDataset | None") -> float:
    """Returns the mean over segments of the size of their batch; the last batch may be small."""
    sizes = np.array([len(served[k][0]) for k in range(len(served or ()))])
    return float((sizes**2).sum() / sizes.sum()) if len(sizes) else 1.0


def shares_of(segments: Segments, data: SegmentData, options: SegmentOptions) -> tuple[float, ...]:
    """Returns the share of each corpus in a batch; empty where they are simply mixed."""
    shares = options.shares or ()
    if not shares and data.notes.copies and len(segments.labels) == len(SHARES):
        shares = SHARES
    whole = abs(sum(shares) - 1) < 1e-6 and all(share >= 0 for share in shares)
    if shares and (len(shares) != len(segments.labels) or not whole):
        given = " ".join(map(str, shares))
        raise Error(
            f"--shares {given}: give one for each of the {len(segments.labels)} sources of --data, "
            "in all 1"
        )
    return shares


def shared(
    segments: Segments, shares: Sequence[float], size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yields the numbers of the segments of each batch, those of the first corpus first.

    What rounding leaves of a batch goes to the first corpus. An epoch ends when as many segments
    have been served as the largest corpus has; each corpus is repeated as often as is needed.
    """
    members = [np.flatnonzero(segments.corpus == k) for k in range(len(shares))]
    counts = [int(size * share + 1e-9) for share in shares]
    counts[0] += size - sum(counts)
    for own, count, label in zip(members, counts, segments.labels, strict=True):
        if count and not len(own):
            raise Error(f"{label}: no song has as many notes as a segment, so it can have no share")
    n_batches = -(-max(map(len, members)) // size)
    streams = []
    for own, count in zip(members, counts, strict=True):
        needed = n_batches * count
        order = rng.permutation(own)
        streams.append(np.resize(order, needed).reshape(n_batches, count))
    yield from np.concatenate(streams, axis=1)
