"""The marker by which a MIDI file tells how phrases stand in it."""

import re
from dataclasses import asdict, dataclass

from musegen.music.layout import BEATS_PER_BAR

MAX_BARS, MAX_STEPS = 64, 384  # of a phrase and its gap, and of a bar
TEXT = "musegen: phrases of {n_bars} bars, {n_steps} steps, gap {gap}, rest {rest}"
PATTERN = re.compile(TEXT.replace("{", "(?P<").replace("}", r">\d{1,4})"))


@dataclass(frozen=True)
class PhraseMarker:
    """How phrases stand in a MIDI file that `musegen.music.midi.write` has made.

    Args:
        n_bars: bars of a phrase.
        n_steps: steps of a bar.
        gap: silent bars after each phrase.
        rest: silent steps at the end of a note that sound in the file.
    """

    n_bars: int
    n_steps: int
    gap: int
    rest: int

    @property
    def text(self) -> str:
        """The text of the marker."""
        return TEXT.format(**asdict(self))

    @classmethod
    def of(cls, text: str) -> "PhraseMarker | None":
        """Reads a marker; None for one that is not ours, or that no phrases can have."""
        found = PATTERN.fullmatch(text)
        if not found:
            return None
        marker = cls(**{name: int(value) for name, value in found.groupdict().items()})
        bars = 1 <= marker.n_bars <= MAX_BARS and marker.gap <= MAX_BARS
        steps = 4 <= marker.n_steps <= MAX_STEPS and marker.n_steps % BEATS_PER_BAR == 0
        return marker if bars and steps and marker.rest <= marker.n_steps else None
