"""The rule engine as the pipeline uses it: files in, due evaluations, transitions out, and the series behind them.

Lives here: when rules run and on which axis of time, reload, health, raw readings for charts. Must not know: alerts' lives, HTTP.
The store counts from the run's start; Prometheus' epoch is `start_at` + that, known when the city has said hello.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ops_center.label_sets import NAME, Matcher
from ops_center.promql.ast import reaches
from ops_center.promql.engine import Engine, Options
from ops_center.rules import files as rule_files
from ops_center.rules.alerting import Change as Transition
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.witnesses import witnesses
from ops_center.series import SeriesStore
from sensors.messages import KindInfo

DEFAULT_INTERVAL_MS = 15_000
LOOKBACK_MS = 300_000
LATE_MS = 60_000  # devices may report this late before rows have to be unpacked for them
SHOWN_MS = 3_600_000  # charts show an hour; the recorded stream holds the rest
FOREVER_MS = 1 << 60
SEMANTICS = ("3.x", "2.x")
AfterEvaluation = Callable[[RuleEngine, int, list[Transition]], None]


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rule file: its name as it is shown, and its text."""

    name: str
    text: str


class Judge:
    """The series and rules of one center."""

    def __init__(self, files: Sequence[RuleFile], semantics: str, retention_ms: int, store: SeriesStore | None = None) -> None:
        if semantics not in SEMANTICS:
            raise ValueError(f"window semantics {semantics!r} are unknown; expected one of {', '.join(SEMANTICS)}")
        self.store = store or SeriesStore(retention_ms)
        self._most_ms = retention_ms
        self.options = Options(compat=semantics)
        self.files = tuple(files)
        self._loaded = parse(files)
        self._heard: tuple[tuple[str, ...], Mapping[str, frozenset[str]]] | None = None  # the kinds, and who bears witness
        self._retain()
        self.start_ms: int | None = None
        self.after_evaluation: AfterEvaluation | None = None
        self.rules = RuleEngine(self.store, Settings(default_interval_ms=DEFAULT_INTERVAL_MS, options=self.options))

    @property
    def engine(self) -> Engine:
        """PromQL over the store, in epoch ms."""
        return self.rules.engine

    def starts_at(self, epoch_ms: int) -> None:
        """The city says when simulated time 0 is; rules run from now on. A second hello of the same run changes nothing."""
        if self.start_ms is None:
            self.start_ms = epoch_ms
            self.rules = RuleEngine(self.store, Settings(epoch_ms, DEFAULT_INTERVAL_MS, options=self.options))
            self.rules.load(self._loaded, 0)

    def evaluate(self, after_ms: int, upto_ms: int) -> Iterator[tuple[int, list[Transition]]]:
        """Run what is due in (after, upto], instant by instant; yield the instants at which alerts changed."""
        at_ms = self.rules.next_evaluation_ms(after_ms)
        while at_ms is not None and at_ms <= upto_ms:
            transitions = self.rules.evaluate(at_ms)
            if self.after_evaluation is not None:
                self.after_evaluation(self.rules, at_ms, transitions)
            if transitions:
                yield at_ms, transitions
            at_ms = self.rules.next_evaluation_ms(at_ms)

    def check(self, files: Sequence[RuleFile]) -> None:
        """Raise ValueError, with every error found, unless all files are good."""
        parse(files)

    def reload(self, files: Sequence[RuleFile], now_ms: int) -> list[Transition]:
        """Replace all rules, or none if one is bad (ValueError); alerts of rules that stay are kept, others end."""
        loaded = parse(files)
        self.files, self._loaded, self._heard = tuple(files), loaded, None
        self._retain()
        return self.rules.load(loaded, now_ms)

    def witnesses(self, kinds: Sequence[KindInfo]) -> Mapping[str, frozenset[str]]:
        """Return for each alert the kinds of devices whose readings it rests on: the same object until rules or kinds change."""
        key = tuple(kind.name for kind in kinds)
        if self._heard is None or self._heard[0] != key:
            metrics = {kind.name: [quantity.metric for quantity in kind.quantities] for kind in kinds}
            self._heard = key, witnesses(self._loaded, metrics)
        return self._heard[1]

    def _retain(self) -> None:
        """Keep in memory what the rules can reach and what charts show, at most the retention that was asked for.

        What no rule reaches is kept packed.
        """
        rules = (rule for file in self._loaded for group in file.groups for rule in group.rules)
        looks = [look for rule in rules for look in reaches(rule.expr, LOOKBACK_MS)]
        reach = max((ms for _, ms in looks), default=0)
        self.store.retention_ms = min(self._most_ms, max(SHOWN_MS, reach + LOOKBACK_MS))
        anywhere = max((ms for metric, ms in looks if not metric), default=0)
        self.store.reach_ms = max(anywhere, LOOKBACK_MS) + LATE_MS
        self.store.reaches_ms = {}
        for metric, ms in looks:
            known = self.store.reaches_ms.get(metric, self.store.reach_ms)
            self.store.reaches_ms[metric] = max(known, ms + LATE_MS)

    def keep_everything(self) -> None:
        """Keep all samples, as they came, whatever the rules in use reach: other rules are to be tried on them later."""
        self.store.retention_ms = FOREVER_MS
        self.store.reach_ms, self.store.reaches_ms = None, {}

    def prune(self, now_ms: int) -> None:
        """Forget samples beyond the retention."""
        self.store.prune(now_ms)

    def health(self) -> tuple[int, int]:
        """Return how many rules are well and how many failed at their last evaluation."""
        failed = sum(rule.health == "err" for group in self.rules.groups for rule in group.rules)
        return sum(len(group.rules) for group in self.rules.groups) - failed, failed

    def errors(self) -> list[dict[str, str]]:
        """Return the rules that failed at their last evaluation and why."""
        return [
            {"group": group.group.name, "rule": rule.rule.name, "error": rule.last_error}
            for group in self.rules.groups
            for rule in group.rules
            if rule.health == "err"
        ]

    def readings(self, metric: str, device_id: str, first_ms: int, last_ms: int) -> list[tuple[int, float]]:
        """Return the samples of a metric of one device in [first, last], in ms since the run's start."""
        chosen = self.store.select((Matcher(NAME, "=", metric), Matcher("device_id", "=", device_id)))
        found: dict[int, float] = {}
        for block, columns, _ in chosen.parts:
            window = block.window(first_ms, last_ms, columns, None)
            if window is None:
                continue
            times = np.broadcast_to(window.times[:, None] if window.times.ndim == 1 else window.times, window.values.shape)
            valid = np.ones(window.values.shape, dtype=np.bool_) if window.valid is None else window.valid
            found.update(zip(times[valid].tolist(), window.values[valid].tolist(), strict=True))
        return sorted(found.items())

    def snapshot(self) -> dict[str, Any]:
        """Return rule states and the files in use as plain data; the series are apart (`series_state`)."""
        files = [[file.name, file.text] for file in self.files]
        return {"rules": self.rules.snapshot(), "files": files, "start_ms": self.start_ms, "most_ms": self._most_ms}

    @classmethod
    def restored(cls, semantics: str, data: Mapping[str, Any], store: SeriesStore) -> "Judge":
        """Return the judge that `snapshot` described, over the store as it was then."""
        judge = cls([RuleFile(*item) for item in data["files"]], semantics, data["most_ms"], store=store)
        if data["start_ms"] is not None:
            judge.starts_at(data["start_ms"])
            judge.rules.restore(data["rules"])
        return judge


def parse(files: Sequence[RuleFile]) -> list[rule_files.RuleFile]:
    """Return the files parsed and checked. Raises ValueError with all errors as `file:line:column: what`."""
    return rule_files.load_files({file.name: file.text for file in files})
