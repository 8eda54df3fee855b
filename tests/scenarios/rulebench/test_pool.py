"""Jobs over processes: results in order, errors as they are, processes that are gone afterwards."""

import os
import signal

import pytest

from scenarios.rulebench.pool import Workers, run_all, workers_there_are


def square(number: int) -> tuple[int, int]:
    if number < 0:
        raise ValueError(f"{number} is below 0; expected a number to be squared")
    return number * number, os.getpid()


@pytest.mark.slow
def test_results_come_in_the_order_of_the_jobs() -> None:
    """Whatever the number of workers; with one, everything is done here; progress counts to the end."""
    jobs, seen = list(range(7)), list[float]()
    here = run_all(square, jobs, 1, seen.append)
    there = run_all(square, jobs, 3, seen.append)
    assert [value for value, _ in here] == [value for value, _ in there] == [n * n for n in jobs]
    assert {pid for _, pid in here} == {os.getpid()} and os.getpid() not in {pid for _, pid in there}
    assert seen[:7] == [1, 2, 3, 4, 5, 6, 7] and seen[-1] == 7 and run_all(square, [], 2) == []
    assert workers_there_are() >= 1


def test_an_error_of_a_job_is_the_error() -> None:
    """As if it had been done here."""
    for workers in (1, 2):
        with pytest.raises(ValueError, match="-1 is below 0"):
            run_all(square, [1, -1, 2], workers)


@pytest.mark.slow
def test_processes_stay_from_one_list_to_the_next() -> None:
    """A search pays for their start once."""
    with Workers(2) as pool:
        first = {pid for _, pid in pool.run(square, list(range(8)))}
        second = {pid for _, pid in pool.run(square, list(range(8)))}
    assert len(first | second) <= 2


def test_workers_end_with_the_process_that_has_them() -> None:
    """One that is killed leaves nobody behind: its workers would wait for jobs for ever."""
    read, write = os.pipe()
    killed = os.fork()
    if killed == 0:
        try:
            os.close(read)
            with Workers(2) as pool:
                pool.run(square, [1, 2, 3])
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.close(write)
    os.waitpid(killed, 0)
    with os.fdopen(read) as rest:
        assert rest.read() == "", "the pipe's other end is open as long as one of them lives"
