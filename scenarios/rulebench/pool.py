"""Runs in parallel: jobs over processes, results in the order of the jobs, whatever the number of workers.

Lives here: the processes. Must not know: what a job is. A job that fails ends all of it with its error; a stop from the
keyboard ends the workers too, and what they had finished is kept by whoever keeps it.
"""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, TypeVar

J = TypeVar("J")
R = TypeVar("R")


def workers_there_are() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Processes that stay at work from one list of jobs to the next; with one, all is done here."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self) -> None:
        """Start the processes, as copies of this one where that is safe: what is loaded here need not be loaded in each.

        It is safe while there is no other thread, which might hold a lock just then: call this before a progress bar is shown.
        """
        if self.count <= 1 or self._pool is not None:
            return
        alone = sys.platform == "linux" and threading.active_count() == 1
        context = multiprocessing.get_context("fork" if alone else "spawn")
        self._pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_begin)
        self._pool.submit(os.getpid)  # they start at the first job

    def run(self, work: Callable[[J], R], jobs: Sequence[J], progress: Callable[[float], Any] = lambda done: None) -> list[R]:
        """Return the result of every job, in their order; `progress` gets how many are done.

        With more than one worker `work` must be a function of a module, and jobs and results plain data.
        """
        if self.count <= 1 or (len(jobs) <= 1 and self._pool is None):
            return [_done(work(job), number, progress) for number, job in enumerate(jobs, 1)]
        if self._pool is None:
            self.start()
        assert self._pool is not None
        futures = [self._pool.submit(work, job) for job in jobs]
        open_: set[Future[R]] = set(futures)
        while open_:
            done, open_ = wait(open_, return_when=FIRST_COMPLETED)
            for one in done:
                one.result()  # the first error ends it
            progress(len(jobs) - len(open_))
        return [future.result() for future in futures]


def _begin() -> None:
    """Begin as a worker: what was there before stays for good, so that nobody walks it again looking for garbage.

    A stop from the keyboard is for the process that has the workers: it ends them once their jobs are done. A worker whose
    parent was killed has nobody to work for, and would wait for jobs for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _done(result: R, number: int, progress: Callable[[float], Any]) -> R:
    progress(number)
    return result


def run_all(
    work: Callable[[J], R], jobs: Sequence[J], workers: int = 1, progress: Callable[[float], Any] = lambda done: None
) -> list[R]:
    """Return the result of every job, as `Workers.run`, with processes for these jobs alone."""
    with Workers(min(workers, len(jobs))) as pool:
        return pool.run(work, jobs, progress)
