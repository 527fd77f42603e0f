"""Stopping of a command by Ctrl-C or SIGTERM: soon, with one line, and no half-written file.

A signal raises KeyboardInterrupt, so that the running code can clean up. This alone is not enough:
Python drops an exception that is raised in a `__del__`, C++ libraries drop or replace one that
passes through them, and none is raised during a long call of theirs. So a signal also wakes a
thread, which ends the process after PATIENCE seconds in any case. The thread needs Python's global
lock, so a call that holds the lock can still delay the end.

The process may end at any time, since files are written whole or not at all (`musegen.files`).
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

PATIENCE = 2.0  # seconds to clean up
SIGNALS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """Lets signals stop the block; gives a list to which the signal that came is added.

    If the list is not empty after the block, the caller prints a message and calls `leave`. A
    signal that already has a handler is left alone, and so is one that is ignored, as shells do for
    commands that a script starts with `&`.
    """
    caught: list[int] = []
    handlers, former_hook = _default_handlers(), sys.unraisablehook

    def stop(number: int, frame: FrameType | None) -> None:
        for handled in handlers:
            signal.signal(handled, signal.SIG_IGN)  # a second signal does not stop the cleaning up
        caught.append(number)
        if _is_importing(frame):
            leave(number)
        raise KeyboardInterrupt

    def on_dropped(exception) -> None:
        if not caught:
            former_hook(exception)
        elif exception.exc_type is KeyboardInterrupt:
            leave(caught[0])

    for number in handlers:
        signal.signal(number, stop)
    sys.unraisablehook = on_dropped
    wakeup = _start_watching(handlers, PATIENCE) if handlers else None
    try:
        yield caught
    finally:
        if wakeup is not None:
            signal.set_wakeup_fd(-1)
            os.close(wakeup)
        sys.unraisablehook = former_hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if signal.SIGINT in handlers:
            atexit.unregister(_leave_at_last)
            atexit.register(_leave_at_last)  # once more: the function registered last runs first


def _leave_at_last() -> None:
    """Prevents Ctrl-C from raising KeyboardInterrupt while libraries run their exit functions."""
    signal.signal(signal.SIGINT, lambda number, _: leave(number))


def leave_at(number: int) -> None:
    """Lets a signal end this process at once, whatever is running."""
    signal.signal(number, lambda *_: None)
    _start_watching({number}, 0)


def leave(number: int) -> None:
    """Ends this process with the exit code of a signal, and removes half-written files.

    Python's normal exit would run the exit functions of libraries, which take TensorFlow seconds.
    """
    files.discard()
    os._exit(128 + number)


def _default_handlers() -> dict:
    """Returns the signals of `SIGNALS` that have their default handlers, with these handlers.

    There are none in other threads than the main one, which may not set handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: usual for number, usual in SIGNALS.items() if signal.getsignal(number) == usual}


def _is_importing(frame: FrameType | None) -> bool:
    """Returns whether a module is being imported; an exception would make C++ modules abort."""
    while frame and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _start_watching(numbers: Collection[int], patience: float) -> int:
    """Starts a thread that ends this process some seconds after one of these signals.

    Args:
        numbers: numbers of the signals, all of which have handlers.
        patience: seconds from the signal to the end.

    Returns:
        The pipe to which Python writes signals; the thread ends when it is closed.
    """
    reading, writing = os.pipe()
    if hasattr(os, "set_blocking"):  # required, but not on Windows
        os.set_blocking(writing, False)
    threading.Thread(target=_watch, args=(reading, numbers, patience), daemon=True).start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return writing


def _watch(reading: int, numbers: Collection[int], patience: float) -> None:
    with open(reading, "rb", buffering=0) as signals:
        while byte := signals.read(1):
            if byte[0] in numbers:
                time.sleep(patience)
                leave(byte[0])
