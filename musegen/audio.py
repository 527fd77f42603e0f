"""Rendering of MIDI files as WAV files with FluidSynth, which must be installed."""

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

# The folders in which Debian, Fedora, Arch and Homebrew install sound fonts.
FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "/usr/local/share/soundfonts",
)
FONTS = ("FluidR3_GM.sf2", "default-GM.sf3", "default-GM.sf2", "TimGM6mb.sf2")  # best first
MOST = 3 * 3600  # seconds that a song may last: a WAV file has at most 4 GB
TAIL = 60  # seconds of sound or silence after the end of a song, at most


def sound_font() -> Path:
    """Finds the best General MIDI sound font that is installed."""
    fonts = [path for folder in FOLDERS for path in sorted(Path(folder).glob("*.sf[23]"))]
    if not fonts:
        raise Error(
            "no sound font is installed: install Debian's package fluid-soundfont-gm or "
            "timgm6mb-soundfont, or name a file with --soundfont"
        )
    rank = {name: k for k, name in enumerate(FONTS)}
    return min(fonts, key=lambda path: rank.get(path.name, len(rank)))


def player() -> str:
    """Finds the program FluidSynth."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise Error("FluidSynth is not installed: install Debian's package fluidsynth")
    return program


def render(
    midi: str | Path, wav: str | Path, soundfont: str | Path | None = None, rate: int = 44100
) -> Path:
    """Renders a MIDI file as a stereo WAV file, which is written whole or not at all.

    Args:
        midi: path of the MIDI file.
        wav: path of the WAV file.
        soundfont: path of the sound font; by default the best one that is installed.
        rate: samples a second.
    """
    wav = Path(wav)
    if wav.suffix.lower() != ".wav":
        raise Error(f"{wav}: give the sound a name that ends in .wav")
    with replacing(wav) as part:
        play(midi, part, soundfont, rate)
    return wav


def check_length(name: object, seconds: float, beats: int) -> None:
    """Raises an `Error` for music that is too long to be rendered."""
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
    """Renders a MIDI file directly into the file `wav`, which is overwritten.

    An `OSError` while writing is not turned into an `Error`; the arguments are those of `render`.

    Args:
        name: name of the music in messages; by default the path of the MIDI file.
    """
    from musegen.music.midi import read

    # FluidSynth renders a damaged file as silence; reading it first raises an error.
    song = read(midi, name=name)
    name = name or str(midi)
    if not 8000 <= rate <= 96000:
        raise Error(f"{rate} samples a second cannot be rendered; choose 8000 to 96000")
    program = player()
    font = Path(soundfont) if soundfont else sound_font()
    if not font.is_file():
        raise Error(f"{font}: no such sound font; give another file")
    with font.open("rb") as file:
        if file.read(4) != b"RIFF":
            raise Error(f"{font}: is no sound font; give a .sf2 or .sf3 file")
    seconds = float((60.0 / song.tempo[:-1]).sum())
    check_length(name, seconds, len(song.tempo))
    # Absolute paths, since FluidSynth reads a name that begins with - as an option.
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
    """Returns the header of a WAV file with `size` bytes of 16-bit stereo sound."""
    sound_format = 16, 1, 2, rate, 4 * rate, 4, 16
    return struct.pack(
        "<4sI4s4sI2H2I2H4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", *sound_format, b"data", size
    )


def _play(command: list[str], files: list[str], out: BinaryIO, most: int) -> int:
    """Runs FluidSynth, copies at most `most` bytes of its sound to a file, returns their number.

    The sound comes through a pipe: so FluidSynth ends when this process is killed, and this process
    sees when the disk is full.
    """
    reading, writing = os.pipe()
    size = 0
    with open(reading, "rb", buffering=0) as sound, tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(
                [*command, "-F", f"/dev/fd/{writing}", *files],
                pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
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
        messages.seek(0)
        lines = messages.read().decode(errors="replace").strip().splitlines()
    if failed or not size:
        reason = (lines or ["no sound was made"])[-1]
        raise Error(f"{files[-1]}: FluidSynth failed with sound font {files[0]} ({reason})")
    return size


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("midi", help="the MIDI file, or file of pieces (.npz, .json), to play")
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
    """Yields the path of a MIDI file, or of a temporary one with the pieces of a file."""
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
