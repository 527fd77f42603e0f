"""MIDI to WAV through FluidSynth, if it is installed."""

import contextlib
import os
import shutil
import struct
import subprocess
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from musegen import Error, budget
from musegen.files import check, replacing, shown

# Where Debian, Fedora, Arch and Homebrew put sound fonts.
FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "/usr/local/share/soundfonts",
)
FONTS = ("FluidR3_GM.sf2", "default-GM.sf3", "default-GM.sf2", "TimGM6mb.sf2")
MOST, TAIL = (
    3 * 3600,
    60,
)  # seconds of a song, and of what resounds or rests after it; 4 GB are WAV's limit


def sound_font() -> Path:
    """The best General MIDI sound font of this machine."""
    found = [path for folder in FOLDERS for path in sorted(Path(folder).glob("*.sf[23]"))]
    if not found:
        raise Error(
            "no sound font is installed: install Debian's package fluid-soundfont-gm or "
            "timgm6mb-soundfont, or name a file with --soundfont"
        )
    rank = {name: k for k, name in enumerate(FONTS)}
    return min(found, key=lambda path: rank.get(path.name, len(rank)))


def player() -> str:
    """The FluidSynth of this machine."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise Error("FluidSynth is not installed: install Debian's package fluidsynth")
    return program


def render(
    midi: str | Path, wav: str | Path, soundfont: str | Path | None = None, rate: int = 44100
) -> Path:
    """Plays a MIDI file into a stereo WAV file of `rate` samples a second."""
    wav = Path(wav)
    if wav.suffix.lower() != ".wav":
        raise Error(f"{wav}: give the sound a name that ends in .wav")
    with replacing(wav) as part:
        play(midi, part, soundfont, rate)
    return wav


def check_length(name: object, seconds: float, beats: int) -> None:
    """Music that is too long to be played raises an `Error`."""
    if seconds > MOST:
        raise Error(f"{name}: lasts {seconds / 3600:,.1f} hours; {MOST // 3600} at most are played")
    if beats > budget.BEATS:
        raise Error(f"{name}: has {beats:,} beats; {budget.BEATS:,} at most are played")


def play(
    midi: str | Path,
    wav: Path,
    soundfont: str | Path | None = None,
    rate: int = 44100,
    name: str | None = None,
) -> None:
    """Does the same without care for what is there, and with the system's own errors.

    Args:
        name: what messages on the music call it; by default the MIDI file's name.
    """
    from musegen.music.midi import read

    song = read(midi, name=name)  # FluidSynth plays a damaged file as silence; this says why
    name = name or str(midi)
    if not 8000 <= rate <= 96000:
        raise Error(f"{rate} samples a second: choose 8000 to 96000")
    program = player()
    font = Path(soundfont) if soundfont else sound_font()
    if not font.is_file():
        raise Error(f"{font}: no such sound font")
    with font.open("rb") as file:
        if file.read(4) != b"RIFF":
            raise Error(f"{font}: no sound font")
    seconds = float((60.0 / song.tempo[:-1]).sum())
    check_length(name, seconds, len(song.tempo))
    # A path from the root: FluidSynth takes a name that begins with - for an option.
    files = [os.path.abspath(font), os.path.abspath(midi)]
    options = ["-ni", "-q", "-g", "0.6", "-r", str(rate), "-T", "raw", "-O", "s16", "-E", "little"]
    with wav.open("wb") as file:
        file.write(_header(rate, 0))
        size = _play([program, *options], files, file, 4 * rate * round(seconds + TAIL))
        if size < 4 * rate * seconds:
            raise Error(f"{name}: FluidSynth stopped before its end; try another sound font")
        file.seek(0)
        file.write(_header(rate, size))


def _header(rate: int, size: int) -> bytes:
    """The header of a WAV file with `size` bytes of 16-bit stereo sound."""
    shape = 16, 1, 2, rate, 4 * rate, 4, 16
    return struct.pack(
        "<4sI4s4sI2H2I2H4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", *shape, b"data", size
    )


def _play(command: list[str], files: list[str], out: BinaryIO, most: int) -> int:
    """Has FluidSynth play `most` bytes at most through a pipe; gives how many they are.

    It ends when nobody reads on, as when this process is killed, and a full disk is noticed here.
    """
    reading, writing = os.pipe()
    size = 0
    with open(reading, "rb", buffering=0) as sound, tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                [*command, "-F", f"/dev/fd/{writing}", *files],
                pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip
        finally:
            os.close(writing)
        try:
            while block := sound.read(min(1 << 16, most - size)):
                size += len(block)
                out.write(block)
            failed = size < most and process.wait()
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if failed or not size:
        reason = (lines or ["no sound was made"])[-1]
        raise Error(f"{files[-1]}: FluidSynth failed with sound font {files[0]} ({reason})")
    return size


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("midi", help="the MIDI file, or file of pieces (.npz), to play")
    parser.add_argument("-o", "--out", help="the WAV file (default: beside that file)")
    parser.add_argument("--soundfont", help="a .sf2 or .sf3 file (default: the best one installed)")
    parser.add_argument("--rate", type=int, default=44100, help="samples a second (%(default)s)")


def run(args: Namespace) -> None:
    midi = Path(args.midi)
    out = Path(args.out or midi.parent / f"{midi.stem}.wav")
    check([out], [midi, args.soundfont] if args.soundfont else [midi])
    with _as_midi(midi) as song:
        print(shown(render(song, out, args.soundfont, args.rate)))


@contextlib.contextmanager
def _as_midi(path: Path) -> Iterator[Path]:
    """The path of a MIDI file, or of one that is made for a moment of the pieces in a file."""
    from musegen.data import piece_loading
    from musegen.music.midi import write_piece
    from musegen.music.piece_chain import chain_pieces

    if not (path.is_file() and piece_loading.holds_notes(path)):
        yield path
        return
    opened = piece_loading.load_pieces(path)
    with tempfile.TemporaryDirectory() as folder:
        whole = chain_pieces([opened[k] for k in range(len(opened))], gap=1, name=str(path))
        yield write_piece(whole, Path(folder) / f"{path.stem}.mid")
