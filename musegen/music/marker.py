"""A marker in a MIDI file says how the phrases in the file are laid out."""

import re
from dataclasses import asdict, dataclass

from musegen.music.layout import BEATS_PER_BAR

MAX_BARS = 64  # in a phrase, and in the gap after it
MAX_STEPS = 384  # in a bar
TEXT = "musegen: phrases of {n_bars} bars, {n_steps} steps, gap {gap}, rest {rest}"
PATTERN = re.compile(TEXT.replace("{", "(?P<").replace("}", r">\d{1,4})"))


@dataclass(frozen=True)
class PhraseMarker:
    """The layout of the phrases in a MIDI file that `musegen.music.midi.write` has made.

    Args:
        n_bars: number of bars in a phrase.
        n_steps: number of steps in a bar.
        gap: number of silent bars after each phrase.
        rest: number of steps by which the file makes each note longer than its cells.
    """

    n_bars: int
    n_steps: int
    gap: int
    rest: int

    @property
    def text(self) -> str:
        """Returns the text of the marker."""
        return TEXT.format(**asdict(self))

    @classmethod
    def of(cls, text: str) -> "PhraseMarker | None":
        """Reads a marker; returns None if musegen did not write it or its numbers are invalid."""
        match = PATTERN.fullmatch(text)
        if not match:
            return None
        marker = cls(**{name: int(value) for name, value in match.groupdict().items()})
        valid_bars = 1 <= marker.n_bars <= MAX_BARS and marker.gap <= MAX_BARS
        valid_steps = 4 <= marker.n_steps <= MAX_STEPS and marker.n_steps % BEATS_PER_BAR == 0
        valid_rest = marker.rest <= marker.n_steps
        return marker if valid_bars and valid_steps and valid_rest else None
