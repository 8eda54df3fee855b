"""The same rules over the same series on Prometheus, VictoriaMetrics with vmalert, promtool and here: the same alerts fire.

The peers are Debian's packages, started by the tests on loopback ports. An hour at 15 s of a fixed day, whole numbers, so that
no order of summing decides anything. Prometheus 2 closes windows on the left, as we do in 2.x mode; VictoriaMetrics leaves them
open, as Prometheus 3 and we do.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from ops_center.label_sets import Labels, format_labels, labels_of
from ops_center.promql.engine import Engine, Options
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.notation import Points
from ops_center.rules.restoring import Restoring
from ops_center.rules.typed_series import TypedSeries
from ops_center.rules.unittest import samples_of
from ops_center.series import SeriesStore
from tests.ops_center.peers import prometheus, victoria_metrics

pytestmark = pytest.mark.slow
START_S = 1_767_225_600  # 2026-01-01
STEP_S, STEPS = 15, 241
RULES = """
groups:
- name: traffic
  interval: 15s
  rules:
  - {alert: Slow, expr: "speed < 15", for: 2m, labels: {severity: warning}}
  - {alert: SlowOnAverage, expr: "avg_over_time(speed[2m]) < 15", for: 1m}
  - {alert: SlowZone, expr: "sum by (zone) (speed) / count by (zone) (speed) < 30", for: 30s}
  - {alert: Peak, expr: "max_over_time(occupancy[5m]) >= 95"}
  - {alert: FewSamples, expr: "count_over_time(occupancy[1m]) < 4"}
- name: joins
  interval: 15s
  rules:
  - {alert: SlowAndFull, expr: "speed < 25 and on (sensor) occupancy > 60", for: 45s}
  - {alert: SlowNotFull, expr: "speed < 25 unless on (sensor) occupancy > 60"}
  - {alert: Either, expr: "speed < 10 or occupancy > 97"}
  - {alert: Uneven, expr: "max by (zone) (speed) - min by (zone) (speed) > 48", for: 30s}
  - {alert: FullBesideZone, expr: "occupancy > on (zone) group_left () (avg by (zone) (occupancy) * 2)"}
"""
Firing = set[tuple[Labels, int]]  # labels without `alertstate` and name, and the instant [s]


def data() -> list[tuple[Labels, Points]]:
    """Twelve sensors in three zones, jams that come and go; whole numbers that a formula gives, and no chance."""
    out = []
    steps = np.arange(STEPS)
    for number in range(12):
        turn = np.mod((number + 1) * 0.618 + steps * (0.011 + 0.003 * (number % 5)), 1.0)
        jam = (turn > 0.55) & (turn < 0.55 + 0.03 * (number + 1))
        speed = np.where(jam, 6 + (steps + number) % 12, 38 + (steps * 7 + number * 3) % 23).astype(float)
        occupancy = np.where(jam, 58 + (steps * 3 + number) % 41, 12 + (steps + 5 * number) % 30).astype(float)
        labels = {"sensor": f"s{number}", "zone": f"z{number % 3}"}
        for metric, values in (("speed", speed), ("occupancy", occupancy)):
            out.append((labels_of({"__name__": metric, **labels}), Points(values, np.ones(STEPS, dtype=np.int8))))
    return out


def ours(compat: str, rules: str = RULES) -> Firing:
    """What fires here, evaluation by evaluation."""
    store = SeriesStore(retention_ms=1 << 60)
    engine = RuleEngine(store, Settings(offset_ms=START_S * 1000, options=Options(compat=compat)))
    engine.load([load_text(rules, "r.yml")], 0)
    feed, found = TypedSeries(store, data(), STEP_S * 1000), Firing()
    for step in range(STEPS):
        feed.until(step * STEP_S * 1000)
        engine.evaluate(step * STEP_S * 1000)
        for _, _, alerts in engine.active_alerts(step * STEP_S * 1000):
            found |= {(labels_of(a.labels), START_S + step * STEP_S) for a in alerts if a.condition == "firing"}
    return found


def samples() -> list[tuple[str, float, int]]:
    """(series, value, epoch s), series by series."""
    return [
        (format_labels(labels).replace(", ", ","), value, START_S + step * STEP_S)  # OpenMetrics knows no space there
        for labels, points in data()
        for step, value in enumerate(points.values.tolist())
    ]


def names_of(found: Firing) -> set[str]:
    return {dict(labels)["alertname"] for labels, _ in found}


def all_rules() -> set[str]:
    return {rule.alert for group in load_text(RULES, "r.yml").groups for rule in group.rules}


def backfill(promtool: str, folder: Path, lines: list[str]) -> Path:
    """Blocks of a Prometheus from OpenMetrics lines."""
    text, blocks = folder / "samples.txt", folder / "data"
    text.write_text("\n".join([*lines, "# EOF"]) + "\n")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(blocks)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return blocks


def test_the_load_says_something():
    """Every rule but the one that must never fire does fire, none all the time, and the two window semantics differ."""
    new, old = ours("3.x"), ours("2.x")
    assert names_of(new) == all_rules()
    assert new != old and len(new & old) > 0.9 * len(new | old) and len(new) > 500
    assert all(len({at for labels, at in new if dict(labels)["alertname"] == name}) < STEPS for name in names_of(new))


def test_a_real_prometheus(peer: Callable[[str], str], tmp_path: Path):
    """Its range query of each expression, with `for` counted over it, fires where ours does in 2.x mode."""
    blocks = backfill(peer("promtool"), tmp_path, [f"{s} {v:g} {at}" for s, v, at in samples()])
    found = Firing()
    with prometheus(peer("prometheus"), blocks) as client:
        for group in load_text(RULES, "r.yml").groups:
            for rule in group.rules:
                asked = {"query": rule.text, "start": START_S, "end": START_S + (STEPS - 1) * STEP_S, "step": STEP_S}
                answer = client.get("/api/v1/query_range", params=asked).raise_for_status().json()
                for series in answer["data"]["result"]:
                    labels = {**series["metric"], **dict(rule.labels), "alertname": rule.alert}
                    labels.pop("__name__", None)
                    found |= {(labels_of(labels), at) for at in held([int(t) for t, _ in series["values"]], rule.for_ms // 1000)}
    assert found == ours("2.x")


def held(times: list[int], for_s: int) -> set[int]:
    """The instants, of those at which an expression was true, at which it had been so for long enough."""
    out, since = set[int](), 0
    for previous, at in zip([-1, *times], times, strict=False):
        since = since if at - previous == STEP_S else at
        out |= {at} if at - since >= for_s else set()
    return out


def test_vmalert_replays_on_victoria_metrics(peer: Callable[[str], str], tmp_path: Path):
    """`vmalert -replay` writes ALERTS to VictoriaMetrics: the same as ours in 3.x mode, sample by sample."""
    rules = tmp_path / "r.yml"
    rules.write_text(RULES)
    with victoria_metrics(peer("victoria-metrics"), tmp_path / "vm") as client:
        body = "\n".join(f"{s} {v:g} {at}000" for s, v, at in samples())
        client.post("/api/v1/import/prometheus", content=body).raise_for_status()
        client.get("/internal/force_flush").raise_for_status()
        replay(peer("vmalert"), rules, str(client.base_url))
        client.get("/internal/force_flush").raise_for_status()
        found = exported(client, 'ALERTS{alertstate="firing"}')
    assert found == ours("3.x")


def replay(command: str, rules: Path, address: str) -> None:
    end_s = START_S + (STEPS - 1) * STEP_S
    arguments = [
        f"-rule={rules}", f"-datasource.url={address}", f"-remoteWrite.url={address}", "-disableAlertgroupLabel",
        f"-replay.timeFrom={instant(START_S)}", f"-replay.timeTo={instant(end_s)}", "-replay.disableProgressBar",
        "-replay.rulesDelay=1ms", "-datasource.queryStep=15s", "-remoteWrite.flushInterval=100ms", "-evaluationInterval=15s",
    ]  # fmt: skip
    ran = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def instant(epoch_s: int) -> str:
    return str(np.datetime64(epoch_s, "s")) + "Z"


def exported(client: httpx.Client, selector: str) -> Firing:
    """The raw samples of series, without the labels that only say what they are."""
    answer = client.get("/api/v1/export", params={"match[]": selector, "start": START_S - 60, "end": START_S + STEPS * STEP_S})
    found = Firing()
    for line in answer.raise_for_status().text.splitlines():
        row = json.loads(line)
        labels = labels_of({k: v for k, v in row["metric"].items() if k not in ("__name__", "alertstate")})
        found |= {(labels, at // 1000) for at, value in zip(row["timestamps"], row["values"], strict=True) if value == 1}
    return found


def test_promtool(peer: Callable[[str], str], tmp_path: Path):
    """A test file that expects what fires here every two minutes holds under promtool."""
    found = ours("2.x")
    lines = ["rule_files: [r.yml]", "evaluation_interval: 15s", "tests:", "- interval: 15s", "  input_series:"]
    for labels, points in data():
        values = " ".join(f"{v:g}" for v in points.values.tolist())
        lines.append(f"  - {{series: {json.dumps(format_labels(labels))}, values: '{values}'}}")
    lines.append("  alert_rule_test:")
    for minute in range(0, 61, 2):
        for name in sorted(all_rules()):
            here = [labels for labels, at in found if at == START_S + 60 * minute and dict(labels)["alertname"] == name]
            lines += [f"  - eval_time: {minute}m", f"    alertname: {name}", "    exp_alerts:" + ("" if here else " []")]
            lines += [f"    - exp_labels: {json.dumps(dict(labels))}" for labels in here]
    (tmp_path / "r.yml").write_text(RULES)
    (tmp_path / "t.yml").write_text("\n".join(lines))
    command = [peer("promtool"), "test", "rules", str(tmp_path / "t.yml")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


RESTORED = """
groups:
- name: g
  interval: 1s
  rules:
  - {alert: LeftOver, expr: "m > 0", for: 60m}
  - {alert: WithinGrace, expr: "m > 0", for: 33m}
  - {alert: Over, expr: "m > 0", for: 20m}
  - {alert: Short, expr: "m > 0", for: 5m}
  - {alert: LongAgo, expr: "m > 0", for: 60m}
"""
TRUE_FOR_S, OUTAGE_S, LONG_AGO_S = 1800, 1200, 4000


def test_a_real_prometheus_restores_for_as_we_do(peer: Callable[[str], str], tmp_path: Path):
    """Started on data in which alerts were pending for 30 minutes until 20 minutes ago, both go on with the same instants.

    One more alert was last heard of over an hour ago. What Prometheus says at its own instants is repeated here at the same.
    """
    now_s = int((tmp_path).stat().st_mtime)  # when the folder was made: now, without asking a clock
    down_s, since_s = now_s - OUTAGE_S, now_s - OUTAGE_S - TRUE_FOR_S
    names = [rule.alert for group in load_text(RESTORED, "r.yml").groups for rule in group.rules]
    lines = [f"m 1 {at}" for at in range(down_s - 3600, now_s + 1800, 15)]
    for name in sorted(names):
        shift = LONG_AGO_S - OUTAGE_S if name == "LongAgo" else 0
        lines += [
            f'ALERTS_FOR_STATE{{alertname="{name}"}} {since_s - shift} {at - shift}' for at in range(since_s, down_s + 1, 15)
        ]
    lines.sort(key=lambda line: line.split(" ")[0])
    blocks = backfill(peer("promtool"), tmp_path, lines)
    rules = tmp_path / "r.yml"
    rules.write_text(RESTORED)
    with prometheus(peer("prometheus"), blocks, rules) as client:
        theirs = restored(client)
    first_s = round(theirs["Short"])  # what begins anew did so at the first evaluation
    second_s = round(theirs["WithinGrace"]) + 33 * 60 - 10 * 60  # what waits for the grace period says when that began
    mine = restored_here(names, since_s, down_s, (first_s, second_s))
    assert theirs.keys() == mine.keys() == set(names)
    assert {name: abs(theirs[name] - mine[name]) <= 2 for name in names} == dict.fromkeys(names, True), (theirs, mine)
    assert mine["LeftOver"] > since_s and mine["Over"] == since_s and mine["Short"] == mine["LongAgo"] == first_s


def restored(client: httpx.Client) -> dict[str, float]:
    """Since when alerts are active, once restoring is over: then what was over before fires at the next evaluation."""
    for _ in range(20_000):
        alerts = client.get("/api/v1/alerts").raise_for_status().json()["data"]["alerts"]
        if any(alert["labels"]["alertname"] == "Over" and alert["state"] == "firing" for alert in alerts):
            return {alert["labels"]["alertname"]: epoch_s(alert["activeAt"]) for alert in alerts}
    raise AssertionError("Prometheus restored nothing")


def epoch_s(text: str) -> float:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return int(np.datetime64(whole, "s").astype(int)) + float(f"0.{fraction or 0}")


def restored_here(names: list[str], since_s: int, down_s: int, evaluations_s: tuple[int, int]) -> dict[str, float]:
    store = SeriesStore(retention_ms=1 << 60)
    origin_s = down_s - 2 * 3600
    for name in names:
        shift = LONG_AGO_S - OUTAGE_S if name == "LongAgo" else 0
        family = store.family("ALERTS_FOR_STATE", [{"alertname": name}], None)
        for at in range(since_s - shift, down_s - shift + 1, 15):
            family.append((at - origin_s) * 1000, (at - origin_s) * 1000, np.array([float(since_s - shift)]))
    engine = RuleEngine(store, Settings(offset_ms=origin_s * 1000))
    engine.load([load_text(RESTORED, "r.yml")], 0)
    restoring, family = Restoring(engine), store.family("m", [{}], 1000)
    for at in evaluations_s:
        family.append((at - origin_s) * 1000, (at - origin_s) * 1000, np.array([1.0]))
        engine.evaluate((at - origin_s) * 1000)
        done = restoring.after((at - origin_s) * 1000)
    assert done
    active = engine.active_alerts((at - origin_s) * 1000)
    assert samples_of(Engine(store, origin_s * 1000).instant("ALERTS", at * 1000)) == []
    return {r.rule.alert: a.active_at_ms / 1000 + origin_s for _, r, alerts in active for a in alerts}
