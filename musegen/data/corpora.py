"""This table of open corpora says what each contains, its licence, and where to find it.

Only `demo` and `freedoom` can be loaded by name. The others have to be downloaded once from the
sites of their authors, and are then given by their path; `docs/data.md` has the commands.
"""

from dataclasses import dataclass
from pathlib import Path

from musegen import Error


@dataclass(frozen=True)
class Corpus:
    """One collection of music.

    Args:
        music: the kind of music in it.
        licence: its licence and its authors.
        found: address or package where it is found.
        files: paths at which a system package installs it; at least one of them must exist.
    """

    music: str
    licence: str
    found: str
    files: tuple[str, ...] = ()


CORPORA = {
    "demo": Corpus(
        music="a procedural five-track rock band, or its tunes with chords: synthetic, from a seed",
        licence="MIT, as musegen",
        found="built in",
    ),
    "freedoom": Corpus(
        music="the 66 General MIDI rock songs of the game Freedoom",
        licence="BSD 3-clause, contributors to the Freedoom project",
        found="Debian's package freedoom",
        files=(
            "/usr/share/games/doom/freedoom1.wad",
            "/usr/share/games/doom/freedoom2.wad",
        ),
    ),
    "lmd": Corpus(
        music="Lakh MIDI Dataset, 176,581 files from the web",
        licence="CC BY 4.0, Colin Raffel; the songs' own copyrights are not cleared by it",
        found="https://colinraffel.com/projects/lmd",
    ),
    "lpd": Corpus(
        music="Lakh Pianoroll Dataset, piano-rolls of LMD",
        licence="CC BY 4.0, Hao-Wen Dong and Wen-Yi Hsiao; as LMD",
        found="https://hermandong.com/lakh-pianoroll-dataset",
    ),
    "pop909": Corpus(
        music="909 pop songs arranged as melody, bridge and piano",
        licence="MIT, Wang et al. 2020",
        found="https://github.com/music-x-lab/POP909-Dataset",
    ),
    "nottingham": Corpus(
        music="folk tunes with chords",
        licence="GPL 3 (edition of jukedeck); the tunes are traditional",
        found="https://github.com/jukedeck/nottingham-dataset",
    ),
    "jsb": Corpus(
        music="four-voice chorales of J. S. Bach",
        licence="public domain",
        found="https://github.com/czhuang/JSB-Chorales-dataset",
    ),
    "piano-midi": Corpus(
        music="classical piano performances by Bernd Krueger",
        licence="CC BY-SA 3.0 DE",
        found="http://www.piano-midi.de",
    ),
}


def files(name: str) -> list[Path]:
    """Returns the files of a corpus that a system package installs; without any, an `Error`."""
    corpus = CORPORA[name]
    existing = [path for path in map(Path, corpus.files) if path.exists()]
    if not existing:
        other = f", or write ./{name} for the folder" if Path(name).exists() else ""
        missing = " and ".join(corpus.files)
        raise Error(f"{name}: {missing} not found; install {corpus.found}{other}")
    return existing
