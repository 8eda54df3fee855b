"""Runs in parallel: jobs over processes, results in the order of the jobs, whatever the number of workers.

Lives here: the processes. Must not know: what a job is. A job that fails ends all of it with its error; a stop from the
keyboard ends the workers too, and what they had finished is kept by whoever keeps it.
"""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, TypeVar

J = TypeVar("J")
R = TypeVar("R")


def workers_there_are() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(
    work: Callable[[J], R], jobs: Sequence[J], workers: int = 1, progress: Callable[[float], Any] = lambda done: None
) -> list[R]:
    """Return the result of every job, in their order; `progress` gets how many are done.

    With one worker all is done here; else `work` must be a function of a module, and jobs and results plain data.
    """
    if min(workers, len(jobs)) <= 1:
        found: list[R] = []
        for job in jobs:
            found.append(work(job))
            progress(len(found))
        return found
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=multiprocessing.get_context("spawn"))
    try:
        futures = [pool.submit(work, job) for job in jobs]
        open_: set[Future[R]] = set(futures)
        while open_:
            done, open_ = wait(open_, return_when=FIRST_COMPLETED)
            for one in done:
                one.result()  # the first error ends it
            progress(len(jobs) - len(open_))
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
