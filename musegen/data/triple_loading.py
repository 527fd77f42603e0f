"""Opens anything that holds notes as triples (dT, T, P), song by song, with their splits."""

from dataclasses import dataclass
from functools import partial

from musegen import Error
from musegen.data.one_song import converted, song_triples
from musegen.data.piece_loading import holds_songs, load_pieces
from musegen.data.sources import ahead, items
from musegen.music.tokens import triples
from musegen.music.tokens.triples import NoteTriples, TripleSettings


@dataclass(frozen=True)
class TripleSongs:
    """The songs of a source.

    Args:
        songs: triples of each song.
        splits: split of each song; empty if the source has no splits.
        skipped: name and reason of each song that has no triples.
    """

    songs: list[NoteTriples]
    splits: list[str]
    skipped: list[tuple[str, str]]

    def of(self, split: str) -> list[NoteTriples]:
        """Returns the songs of one split."""
        return [song for song, own in zip(self.songs, self.splits, strict=True) if own == split]


def load_triples(source: str, settings: TripleSettings) -> TripleSongs:
    """Opens any source that `musegen.data.load_pieces` opens.

    Settings that follow an original code read MIDI files as that code does; a piece does not keep
    all that it depends on.
    """
    found = _songs(source, settings)
    if not found.songs:
        why = "".join(f"; {name}: {reason}" for name, reason in found.skipped[:1])
        raise Error(f"{source}: no song has notes ({len(found.skipped):,} skipped{why})")
    return found


def _songs(source: str, settings: TripleSettings) -> TripleSongs:
    """Opens a source, which may have no song."""
    if holds_songs(source) and not settings.of_pieces:
        skipped: list[tuple[str, str]] = []
        read = partial(song_triples, settings=settings)
        return TripleSongs([*converted(ahead(items(source)), read, skipped)], [], skipped)
    pieces = load_pieces(source, pedal="drop")  # of which triples have nothing
    found = TripleSongs([], [], [*pieces.skipped])
    for number, piece in enumerate(pieces):
        try:
            found.songs.append(triples.of_piece(piece, settings))
        except Error as error:
            found.skipped.append((piece.name, str(error).removeprefix(f"{piece.name}: ")))
            continue
        if pieces.splits:
            found.splits.append(pieces.splits[number])
    return found
