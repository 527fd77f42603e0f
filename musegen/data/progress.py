"""Shows progress in one line."""

import sys
import time
from types import TracebackType
from typing import TextIO

_BAR = 24
_TERMINAL_INTERVAL = 0.1  # seconds between two updates on a terminal
_LOG_INTERVAL = 30.0  # seconds between two lines elsewhere


class Progress:
    """A progress bar shows how much work is done, how fast it is, and how long the rest will take.

    On a terminal it redraws one line; elsewhere, as in a log, it adds a line every half a minute.

    Args:
        unit: name of what is counted.
        stream: file to write to; by default standard error.

    Example:
        >>> with Progress("songs") as progress:
        ...     progress(10, 0.5, "120 phrases")
    """

    def __init__(self, unit: str, stream: TextIO | None = None):
        self.unit, self.stream = unit, stream or sys.stderr
        self.on_terminal = self.stream.isatty()
        self.interval = _TERMINAL_INTERVAL if self.on_terminal else _LOG_INTERVAL
        self.start = self.shown = time.monotonic()
        self.origin: tuple[int, float] | None = None

    def __call__(self, done: int, share: float, more: str = "") -> None:
        """Shows the progress, if the last update is old enough.

        Args:
            done: number of units done.
            share: share of the work that is done, 0 to 1.
            more: text to add, such as a count of results.
        """
        now = time.monotonic()
        if self.origin is None:  # the work of an earlier run does not count for the speed
            self.origin, self.start = (done, share), now
        if now - self.shown >= self.interval:
            self.shown = now
            self._show(self.text(done, share, more, now - self.start))

    def text(self, done: int, share: float, more: str, seconds: float) -> str:
        """Returns the line to show after a number of seconds."""
        units, part = done - self.origin[0], share - self.origin[1]
        rate = units / seconds if seconds else 0.0
        left = _clock(seconds / part * (1 - share)) if part > 0 else "?"
        full = round(share * _BAR)
        bar = f"[{'=' * full}{' ' * (_BAR - full)}] " if self.on_terminal else ""
        words = [f"{done:,} {self.unit}", more, f"{rate:,.0f} a second", f"{left} left"]
        return f"{bar}{share:4.0%}  " + ", ".join(filter(None, words))

    def _show(self, text: str) -> None:
        self.stream.write(f"\r{text}\x1b[K" if self.on_terminal else f"{text}\n")
        self.stream.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.on_terminal:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
