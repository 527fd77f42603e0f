"""Open corpora by name: what they hold, on which terms, and where they are found.

Only `demo` and `freedoom` can be loaded by their word alone; the others are downloaded once from
where their makers offer them, and given by their path. `docs/data.md` has the commands.
"""

from dataclasses import dataclass
from pathlib import Path

from musegen import Error


@dataclass(frozen=True)
class Corpus:
    """One collection of music.

    Args:
        files: where a system package puts it; of these at least one must be there.
    """

    music: str
    licence: str
    found: str
    files: tuple[str, ...] = ()


CORPORA = {
    "demo": Corpus(
        music="a procedural five-track rock band: synthetic, made from a seed",
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
    """The files of a corpus that a system package installs, or an `Error` that says which one."""
    corpus = CORPORA[name]
    there = [path for path in map(Path, corpus.files) if path.exists()]
    if not there:
        other = f", or write ./{name} for the folder" if Path(name).exists() else ""
        missing = " and ".join(corpus.files)
        raise Error(f"{name}: {missing} not found; install {corpus.found}{other}")
    return there
