"""The segments that a network of triples is trained on, and their batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from musegen import Error
from musegen.data.piece_loading import Pieces, load_corpora
from musegen.models.mvae.mvae_options import NoteOptions, SegmentOptions
from musegen.models.triple_system import songs_of
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
    corpora = load_corpora(options.data)
    songs = {label: songs_by_part(pieces, options, notes) for label, pieces in corpora.items()}
    everything = [song for parts in songs.values() for part in parts for song in part]
    dictionaries = Dictionaries.of(everything, notes)
    train = cut([train for train, _, _ in songs.values()], tuple(songs), notes)
    held_out = [val for _, val, _ in songs.values()]
    plain = replace(notes, copies=False)
    try:
        validation = cut(held_out, tuple(songs), plain) if any(held_out) else None
    except Error:  # none of them is as long as a segment
        validation = None
    return SegmentData(train, validation, dictionaries, notes, len(everything))


def songs_by_part(
    pieces: Pieces, options: NoteOptions, notes: TripleSettings
) -> list[list[NoteTriples]]:
    """Returns the songs of the parts of a source that `divided` makes; only the first needs any."""
    learned, *others = divided(pieces, options)
    if not len(learned):
        raise Error(f"{pieces.name}: has no piece to learn")
    found = [songs_of(learned, notes)]
    for part in others:
        try:
            found.append(songs_of(part, notes) if len(part) else [])
        except Error:  # none of them has notes
            found.append([])
    return found


def divided(pieces: Pieces, options: NoteOptions) -> list[Sequence]:
    """Returns the pieces to learn, to validate with, and those that are left for tests."""
    if pieces.splits:
        return [
            pieces.of(split) if split in pieces.splits else [] for split in ("train", "val", "test")
        ]
    n = round(options.val_split * len(pieces))
    order = np.random.default_rng(options.seed).permutation(len(pieces))
    chosen = [[pieces[int(i)] for i in np.sort(part)] for part in (order[n:], order[:n])]
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
