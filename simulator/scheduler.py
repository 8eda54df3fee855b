"""Time: one SimPy driver for processes that are plain data.

Lives here: who runs at which simulated millisecond, and in which order. Must not know: what a process does.
A process is an id, a priority and a wake time, plus a function (now_ms) -> next wake_ms or None. One timeout is kept per
distinct wake time and what is due runs by (priority, id), so insertion order never matters and the table can be saved and
loaded between any two instants. SimPy's own generators are not picklable; the only generator here is the driver.
"""

import heapq
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

import simpy

Step = Callable[[int], int | None]


@dataclass(slots=True)
class Process:
    """A scheduled process: `step` runs at `wake_ms` and returns its next wake (ms) or None when it has ended."""

    process_id: str
    priority: int
    wake_ms: int | None
    step: Step


class Scheduler:
    """Runs processes on a SimPy environment whose time unit is one simulated millisecond."""

    def __init__(self, now_ms: int = 0) -> None:
        self.env = simpy.Environment(initial_time=now_ms)
        self._processes: dict[str, Process] = {}
        self._due: dict[int, set[str]] = {}
        self._times: list[int] = []

    @property
    def now_ms(self) -> int:
        """The simulated time in milliseconds since the run's start."""
        return int(self.env.now)

    def add(self, process_id: str, priority: int, wake_ms: int | None, step: Step) -> None:
        """Register a process; lower priorities run first within one instant. Raises ValueError on a second use of an id."""
        if process_id in self._processes:
            raise ValueError(f"process {process_id!r} is registered already")
        self._processes[process_id] = Process(process_id, priority, None, step)
        self.wake(process_id, wake_ms)

    def wake(self, process_id: str, wake_ms: int | None) -> None:
        """Move a process to another wake time (None: asleep until woken again)."""
        process = self._processes[process_id]
        if wake_ms is not None and wake_ms < self.now_ms:
            raise ValueError(f"process {process_id!r} wakes at {wake_ms} ms, which is before now, {self.now_ms} ms")
        if process.wake_ms is not None:
            self._due[process.wake_ms].discard(process_id)
        process.wake_ms = wake_ms
        if wake_ms is not None:
            self._book(wake_ms, process_id)

    def _book(self, wake_ms: int, process_id: str) -> None:
        if wake_ms not in self._due:
            self._due[wake_ms] = set()
            heapq.heappush(self._times, wake_ms)
        self._due[wake_ms].add(process_id)

    def next_wake_ms(self) -> int | None:
        """The earliest instant at which something is due, or None."""
        while self._times and not self._due[self._times[0]]:
            del self._due[heapq.heappop(self._times)]
        return self._times[0] if self._times else None

    def run_until(self, until_ms: int) -> None:
        """Run everything due up to and including `until_ms`, then stand at `until_ms`."""
        if until_ms < self.now_ms:
            raise ValueError(f"cannot run back from {self.now_ms} ms to {until_ms} ms")
        self.env.run(until=self.env.process(self._drive(until_ms)))

    def _drive(self, until_ms: int) -> Generator[simpy.Event, None, None]:
        while (wake_ms := self.next_wake_ms()) is not None and wake_ms <= until_ms:
            if wake_ms > self.env.now:
                yield self.env.timeout(wake_ms - self.env.now)
            self._run_due(wake_ms)
        if until_ms > self.env.now:
            yield self.env.timeout(until_ms - self.env.now)

    def _run_due(self, now_ms: int) -> None:
        """Run all that is due now, by (priority, id); what wakes at this very instant meanwhile joins in that order."""
        due = self._due[now_ms]
        while due:
            process_id = min(due, key=lambda name: (self._processes[name].priority, name))
            due.discard(process_id)
            process = self._processes[process_id]
            process.wake_ms = None
            next_ms = process.step(now_ms)
            if next_ms is not None and process.wake_ms is None:
                self.wake(process_id, next_ms)

    def snapshot(self) -> dict[str, int | None]:
        """Return the wake time of every process, as plain data."""
        return {name: process.wake_ms for name, process in sorted(self._processes.items())}

    def restore(self, now_ms: int, wakes: Mapping[str, int | None]) -> None:
        """Stand at `now_ms` with the given wake times; the processes themselves must be registered already."""
        missing = sorted(set(wakes) ^ set(self._processes))
        if missing:
            raise ValueError(f"the saved processes are not those of this world: {', '.join(missing[:5])}")
        self.env = simpy.Environment(initial_time=now_ms)
        self._due, self._times = {}, []
        for name, wake_ms in sorted(wakes.items()):
            self._processes[name].wake_ms = None
            self.wake(name, wake_ms)
