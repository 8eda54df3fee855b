"""Runs Prometheus' promqltest scripts against our engine; every eval is passed, failed, or declared unsupported with a reason."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ops_center.label_sets import NAME, labels_of
from ops_center.promql import ast
from ops_center.promql.durations import parse_duration_ms
from ops_center.promql.engine import Engine, Options
from ops_center.promql.errors import PromQLError, UnsupportedError
from ops_center.promql.parser import parse
from ops_center.promql.values import RangeVector, Scalar, Text, Vector
from ops_center.promql.watch import Notes, Watch
from ops_center.rules.notation import HistogramNotation, parse_labels, parse_values, split_series
from ops_center.series import SeriesStore

HISTOGRAM = "native histograms"
EVAL = re.compile(
    r"eval(?P<mode>_\w+)?\s+(?:instant\s+(?:at\s+(?P<at>\S+)\s+)?|range\s+from\s+(?P<a>\S+)\s+to\s+(?P<b>\S+)\s+step\s+(?P<s>\S+)\s+)(?P<q>.*)"
)


@dataclass
class Outcome:
    file: str
    line: int
    query: str
    status: str  # passed, failed, unsupported
    reason: str = ""


@dataclass
class Eval:
    line: int
    match: re.Match
    query: str
    lines: list[str] = field(default_factory=list)


def ms(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("-")
    return sign * (round(float(text) * 1000) if re.fullmatch(r"[\d.]+", text) else parse_duration_ms(text))


class Script:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: list[Outcome] = []
        self.reset()

    def reset(self) -> None:
        self.store = SeriesStore()
        self.tainted: list[dict[str, str]] = []

    def run(self) -> list[Outcome]:
        lines = self.path.read_text().splitlines()
        i = 0
        while i < len(lines):
            line = lines[i].strip()
            if not line or line.startswith("#"):
                i += 1
                continue
            first = i
            i += 1
            block = []
            while i < len(lines) and lines[i].strip():
                if not lines[i].strip().startswith("#"):
                    if not lines[i][0].isspace():
                        break
                    block.append(lines[i].strip())
                i += 1
            if line == "clear":
                self.reset()
            elif line.startswith("load"):
                self.load(line, block)
            elif line.startswith("eval"):
                match = EVAL.match(line)
                assert match, line
                self.outcomes.append(self.evaluate(Eval(first + 1, match, match["q"], block)))
            else:
                raise AssertionError(f"{self.path.name}:{first + 1}: unknown command {line}")
        return self.outcomes

    def load(self, line: str, block: list[str]) -> None:
        step = ms(line.split()[1])
        last = {split_series(item)[0]: item for item in block}  # upstream: the last line of a series wins within a load
        for item in last.values():
            name, values = split_series(item)
            if "@st" in name:
                self.load_starts(parse_labels(name.replace("@st", "")), values, step)
                continue
            labels = parse_labels(name)
            if "nhcb" in line and dict(labels)[NAME].endswith("_bucket"):
                base = {k: v for k, v in labels if k not in ("le", NAME)}
                self.tainted.append({**base, NAME: dict(labels)[NAME].removesuffix("_bucket")})
            try:
                points = parse_values(values)
            except HistogramNotation:
                self.tainted.append(dict(labels))
                continue
            keep = points.kinds > 0
            times = (np.arange(len(points.kinds)) * step)[keep]
            self.store.append_series(labels, times.astype(np.int64), points.values[keep], points.kinds[keep] == 2)

    def load_starts(self, labels, values: str, step: int) -> None:
        """Start times are written as offsets from their samples: `-30s-1mx2` are three, `_` is unknown."""
        offsets: list[int | None] = []
        for item in values.split():
            match = re.fullmatch(r"(?P<a>[-+]?(?:\d+(?:ms|[smhd])?)+?)(?P<d>[-+](?:\d+(?:ms|[smhd])?)+)?(?:x(?P<n>\d+))?", item)
            if match is None:
                assert re.fullmatch(r"_(x\d+)?", item), item
                offsets += [None] * (int(item[2:]) if "x" in item else 1)
                continue
            first, change = ms(match["a"].lstrip("+")), ms((match["d"] or "0").lstrip("+"))
            offsets += [first + change * i for i in range(int(match["n"] or 0) + 1)]
        known = [(i * step, i * step + o) for i, o in enumerate(offsets) if o is not None]
        times, starts = np.array(known, dtype=np.int64).reshape(-1, 2).T
        self.store.note_starts(labels, times, starts)

    def touches_tainted(self, expr: ast.Expr) -> bool:
        """Whether an expression reads series that hold native histograms."""
        shadow = SeriesStore()
        for labels in self.tainted:
            shadow.append_sample(labels[NAME], labels, 0, 0.0)
        return any(len(shadow.select(n.matchers).labels) for n in ast.walk(expr) if isinstance(n, ast.Selector))

    def evaluate(self, case: Eval) -> Outcome:
        def outcome(status: str, reason: str = "") -> Outcome:
            return Outcome(self.path.name, case.line, case.query, status, reason)

        expects = [line for line in case.lines if line.startswith("expect ")]
        body = [line for line in case.lines if not line.startswith("expect ")]
        if any("{{" in line for line in body):
            return outcome("unsupported", HISTOGRAM)
        should_fail = case.match["mode"] == "_fail" or any(e.startswith("expect fail") for e in expects)
        try:
            expr = parse(case.query)
        except UnsupportedError:
            return outcome("unsupported", HISTOGRAM)
        except PromQLError as why:
            if should_fail:
                return outcome("passed")
            return outcome("failed", f"parse: {why}")
        if self.touches_tainted(expr):
            return outcome("unsupported", HISTOGRAM)
        self.notes = Notes()
        try:
            status, why = self.compare(case, expr, expects, body, should_fail)
            return outcome(status, why) if status == "failed" else outcome(*self.annotated(case, expects))
        except PromQLError as why:
            return outcome("passed") if should_fail and said(expects, str(why)) else outcome("failed", f"error: {why}")

    def engine(self) -> Engine:
        typed = self.path.name == "type_and_unit.test"
        return Engine(self.store, 0, Options(delayed_name_removal=True, metadata_labels=typed))

    def annotated(self, case: Eval, expects: list[str]) -> tuple[str, str]:
        """Each warning and info expected was given, and none where none may be."""
        for kind, mode in (("warning", "warn"), ("info", "info")):
            shown = self.notes.shown(kind, case.query, 0)
            wanted = [e.removeprefix(f"expect {mode}").strip() for e in expects if re.match(rf"expect {mode}\b", e)]
            if case.match["mode"] == f"_{mode}":
                wanted.append("")
            forbidden = f"expect no_{mode}" in expects
            if (wanted and not shown) or (forbidden and shown) or not all(_found(w, shown) for w in wanted):
                return "failed", f"{kind}: got {shown}, expected {wanted or 'none'}"
        return "passed", ""

    def compare(self, case: Eval, expr, expects, body, should_fail) -> tuple[str, str]:
        m = case.match
        if m["a"] is not None:
            start, end, step = ms(m["a"]), ms(m["b"]), ms(m["s"])
            times, got = self.engine().range(expr, start, end, step, watch=Watch(notes=self.notes))
            if should_fail:
                return "failed", "no error"
            return check_range(got, times, [parse_expected(b) for b in body])
        at = ms(m["at"]) if m["at"] else 0
        got = self.engine().instant(expr, at, watch=Watch(notes=self.notes))
        if should_fail:
            return "failed", "no error"
        if isinstance(got, Text):
            wanted = next(e for e in expects if e.startswith("expect string"))[len("expect string ") :].strip()
            return ("passed", "") if wanted[1:-1] == got.value else ("failed", f"string {got.value!r}")
        if isinstance(got, RangeVector):
            return check_raw(got, expects, body)
        if isinstance(got, Scalar):
            if len(body) == 1 and near(float(body[0]), float(got.values[0])):
                return "passed", ""
            return "failed", f"scalar {got.values}"
        return self.check_instant(got, expr, expects, body, at)

    def check_instant(self, got: Vector, expr, expects, body, at) -> tuple[str, str]:
        wanted = [parse_expected(b) for b in body]
        columns = got.order if got.order is not None else np.flatnonzero(got.present[0])
        seen = [(got.labels.sets[c], float(got.values[0, c])) for c in columns]
        if any("ordered" in e for e in expects):
            ok = len(seen) == len(wanted) and all(s[0] == w[0] and near(s[1], w[1][0]) for s, w in zip(seen, wanted, strict=True))
            if not ok:
                return "failed", f"ordered: got {seen}"
        found = dict(seen)
        if len(found) != len(seen) or set(found) != {w[0] for w in wanted}:
            return "failed", f"labels: got {seen}"
        if not all(near(found[w[0]], w[1][0]) for w in wanted):
            return "failed", f"values: got {seen}"
        if got.order is None and not any(
            isinstance(n, ast.Call) and n.func in ("step", "range", "start", "end") for n in ast.walk(expr)
        ):
            return self.check_as_range(expr, wanted, at)
        return "passed", ""

    def check_as_range(self, expr, wanted, at) -> tuple[str, str]:
        """As upstream: an instant query must give the same as the middle of a range query."""
        selectors = [n for n in ast.walk(expr) if isinstance(n, ast.Selector | ast.Subquery)]
        if any((n.at is not None and n.at.anchor) or n.offset is not None for n in selectors):
            return "passed", ""  # asks for the bounds of the query itself
        try:
            _, got = self.engine().range(expr, at - 60_000, at + 60_000, 60_000)
        except PromQLError:
            return "passed", ""
        if isinstance(got, Scalar):
            return "passed", ""
        found = {got.labels.sets[c]: float(got.values[1, c]) for c in np.flatnonzero(got.present[1])}
        if set(found) != {w[0] for w in wanted} or not all(near(found[w[0]], w[1][0]) for w in wanted):
            return "failed", f"as range: got {found}"
        return "passed", ""


def _found(wanted: str, shown: list[str]) -> bool:
    if wanted.startswith("regex:"):
        return any(re.search(wanted[6:].strip(), line) for line in shown)
    return not wanted or wanted.removeprefix("msg:").strip() in shown


def said(expects: list[str], error: str) -> bool:
    for line in expects:
        if match := re.match(r"expect fail\s+msg:\s*(.*)", line):
            return match[1].strip() in error
        if match := re.match(r"expect fail\s+regex:\s*(.*)", line):
            return re.search(match[1].strip(), error) is not None
    return True


def parse_expected(text: str):
    if re.fullmatch(r"[^{}\s]+", text):
        try:
            return (), [float(text)]
        except ValueError:
            pass
    name, values = split_series(text)
    points = parse_values(values)
    return parse_labels(name), [v if k == 1 else None for v, k in zip(points.values.tolist(), points.kinds.tolist(), strict=True)]


def near(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if a == b:
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    if a == 0 or b == 0 or abs(a) + abs(b) < 2.3e-308:
        return abs(a - b) < 1e-6 * 2.3e-308 or abs(a - b) < 1e-12
    return abs(a - b) / min(abs(a) + abs(b), 1.8e308) < 1e-6


def check_range(got, times, wanted) -> tuple[str, str]:
    if isinstance(got, Scalar):
        got = Vector(
            __import__("ops_center.label_sets", fromlist=["SCALAR"]).SCALAR, got.values[:, None], np.ones((len(times), 1), bool)
        )
    rows = {s: got.values[:, c] for c, s in enumerate(got.labels.sets) if got.present[:, c].any()}
    masks = {s: got.present[:, c] for c, s in enumerate(got.labels.sets)}
    expected = {labels: values for labels, values in wanted if any(v is not None for v in values)}
    if set(rows) != set(expected):
        return "failed", f"series: got {rows}"
    for labels, values in expected.items():
        padded = values + [None] * (len(times) - len(values))
        for i in range(len(times)):
            want, there = padded[i], bool(masks[labels][i])
            if (want is not None) != there or (there and not near(want, float(rows[labels][i]))):
                return "failed", f"step {i} of {labels}: got {rows[labels]} {masks[labels]}"
    return "passed", ""


def check_raw(got: RangeVector, expects, body) -> tuple[str, str]:
    line = next(e for e in expects if e.startswith("expect range vector"))
    start, _, step = (ms(x) for x in re.match(r"expect range vector from (\S+) to (\S+) step (\S+)", line).groups())
    seen = {s.labels.sets[0]: list(zip(s.times.tolist(), s.values.tolist(), strict=True)) for s in got.series}
    wanted = {}
    for text in body:
        labels, values = parse_expected(text)
        wanted[labels] = [(start + i * step, v) for i, v in enumerate(values) if v is not None]
    return ("passed", "") if seen == wanted else ("failed", f"raw: got {seen}")


def run_all(folder: Path) -> list[Outcome]:
    return [outcome for path in sorted(folder.glob("*.test")) for outcome in Script(path).run()]


__all__ = ["labels_of", "run_all"]
