"""Processes and threads to give work to."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager

from musegen import Error


def available() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """Processes to submit work to; with one worker, work is done at once in this process.

    Workers start afresh (nothing is inherited but the environment), leave Ctrl-C to their parent,
    end when it does, however it ends, and compute on one thread each.
    """
    if workers < 1:
        raise Error(f"{workers} workers cannot work; give 1 or more")
    if workers == 1:
        yield _Here()
        return
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start)
    try:
        yield pool
    except BrokenProcessPool:
        raise Error(
            "a worker was ended from outside, perhaps for want of memory; run the same command "
            "again with fewer workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def threads(workers: int) -> Executor:
    """Threads to submit work to; with one worker, work is done at once in this thread."""
    if workers == 1:
        return _Here()
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(workers)


class _Here(Executor):
    def submit(self, function, /, *args):
        done = Future()
        done.set_result(function(*args))
        return done


def _start() -> None:
    import signal
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"  # read when numpy is imported, so not too late
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    multiprocessing.parent_process().join()
    os._exit(1)
