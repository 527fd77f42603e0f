"""Processes and threads to give work to."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from threading import Thread

from musegen import Error
from musegen.stopping import leave, leave_at


def available() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def processes(workers: int, one_thread: bool = True) -> Iterator[Executor]:
    """Processes to submit work to; with one worker, work is done at once in this process.

    Workers start afresh (nothing is inherited but the environment), leave Ctrl-C to their parent,
    and end when it is stopped or ends, however it ends.

    Args:
        one_thread: whether a worker computes on one thread.
    """
    if workers < 1:
        raise Error(f"{workers} workers cannot work; give 1 or more")
    if workers == 1:
        yield _Here()
        return
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (one_thread,))
    try:
        with _deaf():  # until they come to `_start`
            for _ in range(workers):
                pool.submit(int)
        yield pool
        pool.shutdown()
    except BrokenProcessPool:
        raise Error(
            "a worker was ended from outside, perhaps for want of memory; run the same command "
            "again with fewer workers"
        ) from None
    except KeyboardInterrupt:
        for worker in active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started in the block do not hear Ctrl-C; this one does at its end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


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


def _start(one_thread: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_at(signal.SIGTERM)
    if one_thread:
        for library in ("OMP", "OPENBLAS", "MKL"):
            os.environ[f"{library}_NUM_THREADS"] = "1"  # read when numpy is imported, so in time
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    multiprocessing.parent_process().join()
    leave(signal.SIGTERM)
