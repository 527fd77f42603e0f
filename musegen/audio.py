"""MIDI to WAV through FluidSynth, if it is installed."""

import shutil
import subprocess
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from musegen import Error

# Where Debian, Fedora, Arch and Homebrew put sound fonts.
FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "/usr/local/share/soundfonts",
)
FONTS = ("FluidR3_GM.sf2", "default-GM.sf3", "default-GM.sf2", "TimGM6mb.sf2")


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
    from musegen.midi import read

    song = read(midi)  # FluidSynth plays a damaged file as silence; this says what is wrong
    wav = Path(wav)
    if wav.suffix.lower() != ".wav":
        raise Error(f"{wav}: give the sound a name that ends in .wav")
    if not 8000 <= rate <= 96000:
        raise Error(f"{rate} samples a second: choose 8000 to 96000")
    program = player()
    font = Path(soundfont) if soundfont else sound_font()
    if not font.is_file():
        raise Error(f"{font}: no such sound font")
    if font.read_bytes()[:4] != b"RIFF":
        raise Error(f"{font}: no sound font")
    seconds = float((60.0 / song.tempo[:-1]).sum())
    command = [program, "-ni", "-g", "0.6", "-r", str(rate), "-T", "wav", "-F"]
    try:
        wav.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wav.parent) as folder:
            part = Path(folder) / "part.wav"
            _play([*command, str(part), str(font), str(midi)], part, 4 * rate * seconds)
            part.replace(wav)
    except OSError as error:
        raise Error(f"{wav}: cannot be written ({error.strerror})") from None
    return wav


def _play(command: list[str], part: Path, n_bytes: float) -> None:
    """Runs FluidSynth; on a full disk it writes what fits and says nothing."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    written = part.stat().st_size if part.is_file() else 0
    if done.returncode or written < 44:
        reason = (done.stderr.strip().splitlines() or ["no sound was made"])[-1]
        raise Error(f"{command[-1]}: FluidSynth failed with sound font {command[-2]} ({reason})")
    if written < n_bytes:
        raise Error(f"{part.parent.parent}: the sound is cut off; is the disk full?")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("midi", help="the MIDI file to play")
    parser.add_argument("-o", "--out", help="the WAV file (default: beside the MIDI file)")
    parser.add_argument("--soundfont", help="a .sf2 or .sf3 file (default: the best one installed)")
    parser.add_argument("--rate", type=int, default=44100, help="samples a second (%(default)s)")


def run(args: Namespace) -> None:
    out = args.out or Path(args.midi).with_suffix(".wav")
    print(render(args.midi, out, args.soundfont, args.rate))
