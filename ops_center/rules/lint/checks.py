"""All findings by name: how bad, what for, an example that has it and one that has not. Must not know: files, how it is shown.

The examples are rules of the built-in kinds; a test looks at each of them, so that the page of findings shows what is so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ops_center.rules.lint import on_rules, on_selectors, on_values, portable
from ops_center.rules.lint.findings import ERROR, INFO, WARNING
from ops_center.rules.lint.look import Look, Notes


@dataclass(frozen=True, slots=True)
class Check:
    """A finding that there can be. `look` None: it is found in files as a whole. `bad` and `good` are rules, as in a file."""

    name: str
    severity: str
    title: str
    why: str
    look: Callable[[Look], Notes] | None
    bad: str
    good: str


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            "never-true", ERROR, "A comparison that no value can pass",
            "Values lie in the range that the sensor kind declares, a count is at least 1. A threshold beyond that never fires:"
            " an error where the whole rule has no result because of it, a warning where only a branch is dead.",
            on_values.never_true,
            "{alert: A, expr: count by (zone) (lamp_fault == 1) == 0, for: 1m}",
            "{alert: A, expr: 'count by (zone) (lamp_fault) unless count by (zone) (lamp_fault == 1)', for: 1m}",
        ),
        Check(
            "always-true", WARNING, "A comparison that every value passes",
            "It looks like a condition and is none.",
            on_values.always_true,
            "{alert: A, expr: traffic_occupancy_ratio >= 0, for: 1m}",
            "{alert: A, expr: traffic_occupancy_ratio > 0.6, for: 1m}",
        ),
        Check(
            "bool-comparison", ERROR, "An alert whose condition is compared with `bool`",
            "With `bool` the result is 0 or 1 instead of present or missing, and an alert fires on any result, 0 too.",
            on_values.bool_comparison,
            "{alert: A, expr: lamp_fault == bool 1, for: 1m}",
            "{alert: A, expr: lamp_fault == 1, for: 1m}",
        ),
        Check(
            "no-condition", WARNING, "An alert without a condition",
            "An alert fires for every series that its expression has, whatever the value. `vector(1)` is meant so: a heartbeat.",
            on_values.no_condition,
            "{alert: A, expr: 'rate(traffic_vehicles_total[5m])', for: 1m}",
            "{alert: A, expr: 'rate(traffic_vehicles_total[5m]) > 1', for: 1m}",
        ),
        Check(
            "cannot-join", ERROR, "Two sides that can never match",
            "They are matched by a label that each series of one side has and none of the other.",
            on_values.cannot_join,
            "{alert: A, expr: 'sum by (cabinet) (lamp_power_watts) > on (device_id) cabinet_power_watts', for: 1m}",
            "{alert: A, expr: 'sum by (cabinet) (lamp_power_watts) > on (cabinet) cabinet_power_watts', for: 1m}",
        ),
        Check(
            "join-differs", WARNING, "Aggregations by different labels, matched by all of them",
            "Series match only where the labels that one side has more are empty; mostly `on ()` is missing.",
            on_values.join_differs,
            "{alert: A, expr: 'sum by (job) (errors_total) / sum by (job, path) (requests_total) > 0.1', for: 1m}",
            "{alert: A, expr: 'sum by (job) (errors_total) / sum by (job) (requests_total) > 0.1', for: 1m}",
        ),
        Check(
            "unknown-metric", WARNING, "A metric that nobody makes",
            "No sensor kind of the city has it, no rule of the files that are checked records it, no mapping names it.",
            on_selectors.unknown_metric,
            "{alert: A, expr: trafic_speed_kmh < 5, for: 1m}",
            "{alert: A, expr: traffic_speed_kmh < 5, for: 1m}",
        ),
        Check(
            "unknown-label", WARNING, "A label that the series do not have",
            "A matcher on it selects nothing; grouping by it makes one group of all.",
            on_selectors.unknown_label,
            "{alert: A, expr: 'traffic_speed_kmh{lamp=\"1\"} < 5', for: 1m}",
            "{alert: A, expr: 'traffic_speed_kmh{road=~\".+\"} < 5', for: 1m}",
        ),
        Check(
            "no-series-match", WARNING, "Matchers that no series of the city can pass",
            "Values of labels are compared with those that the city's registry can make.",
            on_selectors.no_series_match,
            "{alert: A, expr: 'sensor_info{kind=\"loop\"} unless sensor_up', for: 1m}",
            "{alert: A, expr: 'sensor_info{kind=\"loop_detector\"} unless sensor_up', for: 1m}",
        ),
        Check(
            "label-not-kept", WARNING, "A template shows a label that the expression does not keep",
            "An aggregation or a join has dropped it: the text has a hole.",
            on_rules.label_not_kept,
            "{alert: A, expr: count by (zone) (lamp_fault == 1) > 3, for: 1m, annotations: {title: 'At {{ $labels.cabinet }}'}}",
            "{alert: A, expr: count by (zone) (lamp_fault == 1) > 3, for: 1m, annotations: {title: 'In {{ $labels.zone }}'}}",
        ),
        Check(
            "value-in-label", ERROR, "A label that holds the value",
            "Labels are who an alert is. One that changes with each value ends the alert and begins another, whose `for` starts"
            " anew. To choose between fixed texts by the value is fine.",
            on_rules.value_in_label,
            "{alert: A, expr: lamp_fault == 1, for: 1m, labels: {level: '{{ $value }}'}}",
            "{alert: A, expr: lamp_fault == 1, for: 1m, annotations: {level: '{{ $value }}'}}",
        ),
        Check(
            "rate-of-gauge", ERROR, "A function of counters on a gauge",
            "`rate`, `irate` and `increase` take every fall for a counter that began again, and add it.",
            on_selectors.rate_of_gauge,
            "{alert: A, expr: 'rate(cabinet_power_watts[5m]) > 1'}",
            "{alert: A, expr: 'deriv(cabinet_power_watts[5m]) > 1'}",
        ),
        Check(
            "gauge-function-of-counter", WARNING, "A function of gauges on a counter",
            "The value of a counter says since when the device runs; only its growth says something.",
            on_selectors.gauge_function_of_counter,
            "{alert: A, expr: 'avg_over_time(traffic_vehicles_total[5m]) > 1'}",
            "{alert: A, expr: 'rate(traffic_vehicles_total[5m]) > 1'}",
        ),
        Check(
            "rate-after-aggregation", WARNING, "A rate of a sum of counters",
            "When one device begins again the sum falls, and all that the others have counted is taken for new.",
            on_selectors.rate_after_aggregation,
            "{alert: A, expr: 'rate(sum(traffic_vehicles_total)[5m:15s]) > 1'}",
            "{alert: A, expr: 'sum(rate(traffic_vehicles_total[5m])) > 1'}",
        ),
        Check(
            "short-window", WARNING, "A window that is too short for how often the metric comes",
            "`rate` and its like need two samples; a window of less than two periods holds one at times, and the rule pauses.",
            on_selectors.short_window,
            "{alert: A, expr: 'rate(traffic_vehicles_total[20s]) > 1'}",
            "{alert: A, expr: 'rate(traffic_vehicles_total[1m]) > 1'}",
        ),
        Check(
            "expensive", WARNING, "An evaluation that reads very much",
            "Series times samples in the window, times the steps of a subquery; the bound is `--max-samples`.",
            on_selectors.expensive,
            "{alert: A, expr: 'max_over_time(avg_over_time(lamp_power_watts[1h])[2h:15s]) > 900'}",
            "{alert: A, expr: 'max_over_time(lamp_power_watts[1h]) > 900'}",
        ),
        Check(
            "read-before-written", WARNING, "A recorded metric that is read further up than it is recorded",
            "Rules of a group run in their order: what is read is one evaluation old.",
            on_selectors.read_before_written,
            "[{alert: A, expr: zone:faults > 3, for: 1m}, {record: zone:faults, expr: count by (zone) (lamp_fault == 1)}]",
            "[{record: zone:faults, expr: count by (zone) (lamp_fault == 1)}, {alert: A, expr: zone:faults > 3, for: 1m}]",
        ),
        Check(
            "non-portable", WARNING, "Something that other engines do not know",
            "Newer than Prometheus 2.42, behind a flag, gone, or unknown to VictoriaMetrics.",
            portable.non_portable,
            "{alert: A, expr: 'mad_over_time(cabinet_power_watts[5m]) > 100'}",
            "{alert: A, expr: 'stddev_over_time(cabinet_power_watts[5m]) > 100'}",
        ),
        Check(
            "duplicate-rule", WARNING, "A rule that is there twice",
            "Two rules of one name and one set of labels write the same series, or raise the same alert.",
            None,
            "[{alert: A, expr: lamp_fault == 1, for: 1m}, {alert: A, expr: lamp_fault == 1, for: 1m}]",
            "[{alert: A, expr: lamp_fault == 1, for: 1m}, {alert: B, expr: lamp_fault == 1, for: 5m}]",
        ),
        Check(
            "missing-for", WARNING, "An alert on single readings without `for`",
            "One noisy reading is enough. A `for`, or a window (`min_over_time`), asks for more.",
            on_rules.missing_for,
            "{alert: A, expr: lamp_fault == 1}",
            "{alert: A, expr: 'min_over_time(lamp_fault[5m]) == 1'}",
        ),
        Check(
            "missing-action", WARNING, "No annotation says what to do",
            "Who is called needs it: `runbook_url`, `runbook`, `playbook`, `procedure` or `action`.",
            on_rules.missing_action,
            "{alert: A, expr: lamp_fault == 1, for: 1m, annotations: {summary: A lamp is faulty}}",
            "{alert: A, expr: lamp_fault == 1, for: 1m, annotations: {summary: A lamp is faulty, action: Write a work order}}",
        ),
        Check(
            "missing-summary", INFO, "No annotation says what is wrong",
            "`summary`, `title`, `description` or `message`.",
            on_rules.missing_summary,
            "{alert: A, expr: lamp_fault == 1, for: 1m}",
            "{alert: A, expr: lamp_fault == 1, for: 1m, annotations: {summary: A lamp is faulty}}",
        ),
        Check(
            "missing-severity", INFO, "No label says how bad it is",
            "Routing, colours and sounds go by `severity`.",
            on_rules.missing_severity,
            "{alert: A, expr: lamp_fault == 1, for: 1m}",
            "{alert: A, expr: lamp_fault == 1, for: 1m, labels: {severity: minor}}",
        ),
        Check(
            "for-below-interval", INFO, "A `for` shorter than the interval",
            "Rules are looked at once in an interval: the `for` is rounded up to it.",
            on_rules.for_below_interval,
            "{alert: A, expr: lamp_fault == 1, for: 5s}",
            "{alert: A, expr: lamp_fault == 1, for: 15s}",
        ),
        Check(
            "needless-regex", INFO, "A regular expression without anything regular",
            "`=` is faster and says what is meant.",
            on_selectors.needless_regex,
            "{alert: A, expr: 'sensor_info{kind=~\"camera\"} unless sensor_up', for: 1m}",
            "{alert: A, expr: 'sensor_info{kind=\"camera\"} unless sensor_up', for: 1m}",
        ),
        Check(
            "mapping-without-series", WARNING, "An entry of a mapping's `values` that belongs to no series",
            "No step of the mapping gives a series that name: the scale has no effect.",
            None, "", "",
        ),
        Check(
            "useless-disable", INFO, "A comment that switches off what is not there",
            "`# cityops:disable` names a finding that the rule does not have, or none that exists.",
            None,
            "{alert: A, expr: lamp_fault == 1, for: 1m}  # cityops:disable missing-for",
            "{alert: A, expr: lamp_fault == 1}  # cityops:disable missing-for",
        ),
    )
}  # fmt: skip
CANNOT_LOAD = "cannot-load"
