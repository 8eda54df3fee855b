"""The scheduler runs what is due by (priority, id), whatever the order of registration, and can be saved between instants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scheduler import Scheduler

Log = list[tuple[int, str]]


def periodic(log: Log, name: str, period_ms: int):
    def step(now_ms: int) -> int:
        log.append((now_ms, name))
        return now_ms + period_ms

    return step


PLAN = {"b": (10, 700), "a": (10, 300), "c": (0, 500), "d": (20, 100)}


def build(names: list[str], log: Log) -> Scheduler:
    scheduler = Scheduler()
    for name in names:
        priority, period_ms = PLAN[name]
        scheduler.add(name, priority, 0, periodic(log, name, period_ms))
    return scheduler


@given(st.permutations(sorted(PLAN)))
def test_registration_order_never_matters(names: list[str]) -> None:
    """Two schedulers with the same processes run them in the same order, however they were registered."""
    expected: Log = []
    build(sorted(PLAN), expected).run_until(5_000)
    actual: Log = []
    build(names, actual).run_until(5_000)
    assert actual == expected


@given(st.lists(st.integers(0, 5_000), max_size=8))
def test_chunks_change_nothing(stops: list[int]) -> None:
    """Running in any chunks is running at once."""
    expected: Log = []
    build(sorted(PLAN), expected).run_until(5_000)
    actual: Log = []
    scheduler = build(sorted(PLAN), actual)
    for stop in [*sorted(stops), 5_000]:
        scheduler.run_until(stop)
    assert actual == expected


@given(st.integers(0, 5_000))
def test_saving_and_loading_changes_nothing(at_ms: int) -> None:
    """A scheduler restored from its wake times goes on as the saved one would have."""
    expected: Log = []
    build(sorted(PLAN), expected).run_until(5_000)
    actual: Log = []
    first = build(sorted(PLAN), actual)
    first.run_until(at_ms)
    second = build(sorted(PLAN), actual)
    second.restore(at_ms, first.snapshot())
    second.run_until(5_000)
    assert actual == expected


def test_one_instant_runs_by_priority_then_id() -> None:
    """At time 0, where all are due, c (priority 0) comes before a and b (10), and d (20) last."""
    log: Log = []
    build(["d", "b", "a", "c"], log).run_until(0)
    assert [name for _, name in log] == ["c", "a", "b", "d"]


def test_a_process_may_wake_another_within_the_same_instant() -> None:
    """What is woken at this very instant still runs in it, and later than the one that woke it."""
    log: Log = []
    scheduler = Scheduler()

    def sleeper(now_ms: int) -> None:
        log.append((now_ms, "sleeper"))

    def waker(now_ms: int) -> None:
        log.append((now_ms, "waker"))
        scheduler.wake("sleeper", now_ms)

    scheduler.add("sleeper", 5, None, sleeper)
    scheduler.add("waker", 10, 200, waker)
    scheduler.run_until(1_000)
    assert log == [(200, "waker"), (200, "sleeper")]
    assert scheduler.next_wake_ms() is None


def test_time_never_runs_back() -> None:
    """A wake before now, a run to the past and a second use of an id are refused, and the refusal says what was seen."""
    scheduler = Scheduler()
    scheduler.add("one", 0, None, lambda now_ms: None)
    scheduler.run_until(10)
    with pytest.raises(ValueError, match="before now, 10 ms"):
        scheduler.wake("one", 9)
    with pytest.raises(ValueError, match="from 10 ms to 9 ms"):
        scheduler.run_until(9)
    with pytest.raises(ValueError, match="'one' is registered already"):
        scheduler.add("one", 0, None, lambda now_ms: None)


def test_wake_times_of_another_world_are_refused() -> None:
    """Restoring names the processes that this world does not have, and keeps the scheduler as it was."""
    scheduler = Scheduler()
    scheduler.add("one", 0, 5, lambda now_ms: None)
    with pytest.raises(ValueError, match="not those of this world: two"):
        scheduler.restore(3, {"one": 5, "two": 6})
    assert scheduler.next_wake_ms() == 5
