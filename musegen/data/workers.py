"""Starts worker processes and threads."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from threading import Thread

from musegen import Error
from musegen.stopping import leave, leave_at


def available() -> int:
    """Returns the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def processes(workers: int, one_thread: bool = True) -> Iterator[Executor]:
    """Starts processes and yields the executor to submit work to.

    Workers are new processes that inherit only the environment. They ignore Ctrl-C, which the
    parent handles, and end when the parent ends, for whatever reason.

    Args:
        workers: number of processes; with 1, work is done at once in this process.
        one_thread: whether the libraries of numpy use one thread in each worker.
    """
    if workers < 1:
        raise Error(f"{workers} workers; give 1 or more")
    if workers == 1:
        yield _Here()
        return
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (one_thread,))
    try:
        with _without_interrupts():  # until `_start` has run in the workers
            for _ in range(workers):
                pool.submit(int)
        yield pool
        pool.shutdown()
    except BrokenProcessPool:
        raise Error(
            "a worker process was killed, perhaps because memory ran out; run the same command "
            "again with fewer workers"
        ) from None
    except KeyboardInterrupt:
        for worker in active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Blocks Ctrl-C: processes started in the block ignore it, and this one gets it at the end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def threads(workers: int) -> Executor:
    """Returns an executor of threads; with one worker, work is done at once in this thread."""
    if workers == 1:
        return _Here()
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(workers)


class _Here(Executor):
    """An executor that does the work at once, in the calling thread."""

    def submit(self, function, /, *args):
        done = Future()
        done.set_result(function(*args))
        return done


def _start(one_thread: bool) -> None:
    """Prepares a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_at(signal.SIGTERM)
    if one_thread:
        for library in ("OMP", "OPENBLAS", "MKL"):
            os.environ[f"{library}_NUM_THREADS"] = "1"  # numpy, imported later, will read it
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Waits until the parent has ended, and then ends this process."""
    import multiprocessing

    multiprocessing.parent_process().join()
    leave(signal.SIGTERM)
