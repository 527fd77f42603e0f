"""Stopping a command by Ctrl-C or SIGTERM: soon, in one line, with nothing left half written.

A signal raises KeyboardInterrupt, by which whatever is under way tidies up. This alone would not
do: Python drops an exception that comes up in a `__del__`, libraries in C++ drop or replace one
that comes through them, and a long call of theirs lets none in. So a thread, which a signal wakes
whatever else runs, ends the process after PATIENCE seconds in any case. It needs Python's global
lock for that, so a call that holds it can still take longer.

No moment for it is a wrong one, since files are written whole or not at all (`musegen.files`).
"""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType

from musegen import files

PATIENCE = 2.0  # seconds to tidy up
SIGNALS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """Lets signals stop the block; gives the list in which the one that came is noted.

    Who finds one there, however the block has ended, says so and calls `leave`. A signal that is
    handled already, or ignored, as a shell has it for what a script starts with `&`, stays so.
    """
    caught: list[int] = []
    former, former_hook = _own_signals(), sys.unraisablehook

    def stop(number: int, frame: FrameType | None) -> None:
        for own in former:
            signal.signal(own, signal.SIG_IGN)  # what tidies up is not stopped once more
        caught.append(number)
        if _imports(frame):
            leave(number)
        raise KeyboardInterrupt

    def dropped(told) -> None:
        if not caught:
            former_hook(told)
        elif told.exc_type is KeyboardInterrupt:
            leave(caught[0])

    for own in former:
        signal.signal(own, stop)
    sys.unraisablehook = dropped
    waking = _watched(former, PATIENCE) if former else None
    try:
        yield caught
    finally:
        if waking is not None:
            signal.set_wakeup_fd(-1)
            os.close(waking)
        sys.unraisablehook = former_hook
        for own, handler in former.items():
            signal.signal(own, handler)
        if signal.SIGINT in former:
            atexit.unregister(_leave_at_last)
            atexit.register(_leave_at_last)  # anew, as what is registered last runs first


def _leave_at_last() -> None:
    """Keeps Ctrl-C from raising KeyboardInterrupt while libraries run their last functions."""
    signal.signal(signal.SIGINT, lambda number, _: leave(number))


def leave_at(number: int) -> None:
    """Has a signal end this process at once, whatever it does."""
    signal.signal(number, lambda *_: None)
    _watched({number}, 0)


def leave(number: int) -> None:
    """Ends this process as one that a signal has stopped; what it was just writing is removed.

    Python's own end would let libraries tidy up, for which TensorFlow takes seconds.
    """
    files.discard()
    os._exit(128 + number)


def _own_signals() -> dict:
    """The signals to listen to and their handlers; other threads than the first may not."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {own: usual for own, usual in SIGNALS.items() if signal.getsignal(own) == usual}


def _imports(frame: FrameType | None) -> bool:
    """Whether something is being imported: C++ that is begun aborts where it is interrupted."""
    while frame and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _watched(numbers: Collection[int], patience: float) -> int:
    """Ends this process so many seconds after one of these signals, all of which have handlers.

    Gives the pipe that signals are written to, until it is closed.
    """
    reading, writing = os.pipe()
    if hasattr(os, "set_blocking"):  # asked for, but not on Windows
        os.set_blocking(writing, False)
    threading.Thread(target=_watch, args=(reading, numbers, patience), daemon=True).start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return writing


def _watch(reading: int, numbers: Collection[int], patience: float) -> None:
    with open(reading, "rb", buffering=0) as signals:
        while told := signals.read(1):
            if told[0] in numbers:
                time.sleep(patience)
                leave(told[0])
