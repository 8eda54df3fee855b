"""A score as a page: what the rules caught and how late, what they raised for nothing and why, how much load they were.

Lives here: which figures are shown, in which words. Must not know: how a figure came about.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.rulebench.report_page import (
    Text,
    cards,
    count,
    filled,
    folded,
    interval,
    number,
    page,
    paragraph,
    section,
    table,
    with_interval,
)
from scenarios.rulebench.report_plots import Bar, Dot, bars, distribution, dots
from scenarios.rulebench.report_runs import (
    ALERT,
    BEGAN,
    EVENT,
    EVENTS,
    FIGURES,
    KIND,
    MOST_ROWS,
    PLACE,
    RUN,
    STATUSES,
    began,
    false_alarms,
    measured,
)
from scenarios.units import say_duration

Plain = dict[str, Any]
TITLE = {"vi": "Chấm điểm quy tắc cảnh báo", "en": "Score of alert rules"}
VERDICTS: Mapping[str, tuple[str, Text]] = {
    "detection": ("mark", {"vi": "phát hiện", "en": "detection"}),
    "known": ("good", {"vi": "đã biết", "en": "known already"}),
    "late": ("warn", {"vi": "muộn", "en": "late"}),
    "repeat": ("even", {"vi": "báo lặp", "en": "repeat"}),
    "false": ("bad", {"vi": "báo sai", "en": "false"}),
}
PER_HOUR: Text = {"vi": "mỗi giờ trực, khoảng tin cậy của báo sai", "en": "an operator-hour, with the interval of the false ones"}


def as_html(document: Plain, lang: str = "vi") -> str:
    """Return a score as one page with nothing loaded from elsewhere, opened in a language, `vi` or `en`."""
    overall = document["overall"]["figures"]
    shown = [name for name in FIGURES if name in overall]
    parts = [
        paragraph(_of_what(document), "muted"),
        cards([(FIGURES[n][0], number(overall[n]["value"], FIGURES[n][1]), interval(overall[n], FIGURES[n][1])) for n in shown]),
        paragraph(_said_interval(document), "muted"),
        section({"vi": "Phát hiện theo loại sự việc", "en": "Detection by kind of event"}, _detection(document)),
        section({"vi": "Sau bao lâu thì phát hiện", "en": "How long until detection"}, _times(document)),
        section({"vi": "Tải của người trực theo cảnh báo", "en": "Load of the operator by alert"}, _load(document)),
        section({"vi": "Báo sai và nguyên nhân", "en": "False alarms and their causes"}, _false(document)),
        section({"vi": "Từng cảnh báo", "en": "Alert by alert"}, _alerts(document)),
        section({"vi": "Từng sự việc", "en": "Event by event"}, _incidents(document)),
        section({"vi": "Lỗi", "en": "Errors"}, table(["", ""], [[rule, text] for rule, text in document["errors"].items()])),
        section({"vi": "Các lần chạy", "en": "Runs"}, _runs(document)),
    ]
    return page(TITLE, lang, parts)


OF_WHAT: Text = {
    "vi": "{rules} · {runs} lần chạy, {hours} giờ trực · ngữ nghĩa {semantics}",
    "en": "{rules} · {runs} runs, {hours} operator-hours · semantics {semantics}",
}
OF_INTERVALS: Text = {
    "vi": "Khoảng tin cậy {level}: bootstrap trên các lần chạy, {resamples} lần lấy mẫu.",
    "en": "Intervals are of {level}: {method}, {resamples} resamples.",
}


def _of_what(document: Plain) -> Text:
    return filled(OF_WHAT, rules=", ".join(document["rules"]), semantics=document["semantics"], **measured(document))


def _said_interval(document: Plain) -> Text:
    said = document["interval"]
    return filled(OF_INTERVALS, method=said["method"], resamples=count(said["resamples"]), **measured(document))


def _detection(document: Plain) -> str:
    rows = [row for row in document["by_kind"] if row["events"]]
    rates = [(row["title"], row["figures"]["detection_rate"]) for row in rows]
    plot = dots([Dot(t, f["value"], f["low"], f["high"]) for t, f in rates], FIGURES["detection_rate"][0], "%", 1.0)
    heads = [KIND, EVENTS, *STATUSES.values(), *(FIGURES[n][0] for n in TIMES)]
    cells = [
        [
            row["title"],
            count(row["events"]),
            *(count(row[s]) for s in STATUSES),
            *(with_interval(row["figures"][n], "s") for n in TIMES),
        ]
        for row in rows
    ]
    return plot + table(heads, cells, range(1, len(heads)))


TIMES = ("mean_time_to_detect_s", "p95_time_to_detect_s")


def _times(document: Plain) -> str:
    found = [
        row["after_ms"] / 1000 for row in document["incidents"] if row["status"] == "detected" and row["after_ms"] is not None
    ]
    figures = document["overall"]["figures"]
    marks = [Dot(FIGURES[n][0], figures[n]["value"], figures[n]["low"], figures[n]["high"]) for n in TIMES]
    axis = {
        "vi": "giây từ khi xảy ra tới khi báo; phần sự việc đã được phát hiện",
        "en": "seconds from the event to the alarm; share of the events that were detected",
    }
    return distribution(found, marks, axis, "s")


def _load(document: Plain) -> str:
    hours = document["operator_hours"] or 1.0
    rows = sorted((row for row in document["by_alert"] if row["alarms"]), key=lambda row: -row["alarms"])
    found = []
    for row in rows:
        parts = tuple((VERDICTS[v][0], row["verdicts"].get(v, 0) / hours) for v in VERDICTS)
        other = sum(n for v, n in row["verdicts"].items() if v not in VERDICTS) / hours
        figure = row["figures"].get("false_alarms_per_operator_hour", {"low": None, "high": None})
        some_false = row["verdicts"].get("false", 0) > 0
        found.append(
            Bar(row["alert"], (*parts, ("even", other)), *((figure["low"], figure["high"]) if some_false else (None, None)))
        )
    return bars(found, PER_HOUR, list(VERDICTS.values()))


def _false(document: Plain) -> str:
    causes = document["causes"]
    axis = {"vi": "số lần báo sai", "en": "false alarms"}
    plot = bars([Bar(row["title"], (("bad", row["count"]),)) for row in causes], axis)
    return plot + false_alarms(document["false_alarms"], {"vi": "Từng lần báo sai", "en": "Each false alarm"})


def _alerts(document: Plain) -> str:
    names = ("detection_rate", *TIMES, "false_alarms_per_operator_hour", "false_alarm_rate", "precision", "nuisance_rate",
             "false_normal_rate")  # fmt: skip
    heads = [ALERT, {"vi": "số lần", "en": "alarms"}, *(FIGURES[n][0] for n in names)]
    rows = [
        [
            row["alert"],
            count(row["alarms"]),
            *(with_interval(row["figures"][n], FIGURES[n][1]) if n in row["figures"] else "–" for n in names),
        ]
        for row in document["by_alert"]
        if row["alarms"] or row["events"]
    ]
    silent = len(document["by_alert"]) - len(rows)
    note: Text = {
        "vi": f"{silent} cảnh báo khác không lên tiếng và không có gì để phát hiện.",
        "en": f"{silent} further alerts were silent, and there was nothing for them to detect.",
    }
    return table(heads, rows, range(1, len(heads))) + (paragraph(note, "muted") if silent else "")


def _incidents(document: Plain) -> str:
    more = ({"vi": "Kết quả", "en": "Outcome"}, {"vi": "Sau", "en": "After"}, {"vi": "Bởi", "en": "By"})
    heads = [RUN, BEGAN, EVENT, PLACE, *more]
    rows = [_incident(row) for row in document["incidents"][:MOST_ROWS]]
    left = len(document["incidents"]) - len(rows) + document["left_out"]["incidents"]
    note: Text = {"vi": f"… và {left} sự việc nữa, trong tài liệu JSON", "en": f"… and {left} more, in the JSON document"}
    inner = table(heads, rows, (1, 5)) + (paragraph(note, "muted") if left > 0 else "")
    return folded({"vi": f"{len(rows)} sự việc", "en": f"{len(rows)} events"}, inner if rows else "")


def _incident(row: Plain) -> Sequence[Text | str]:
    after = "–" if row["after_ms"] is None else say_duration(row["after_ms"])
    by = row.get("by") or ""
    said = by if isinstance(by, str) else ", ".join(map(str, by))
    return [*began(row), row.get("name") or _of(row["place"]), STATUSES.get(row["status"], row["status"]), after, said]


def _of(place: Any) -> str:
    return str(place["id"]) if isinstance(place, dict) else str(place)


def _runs(document: Plain) -> str:
    heads = [
        {"vi": "Kịch bản", "en": "Scenario"}, {"vi": "Hạt giống", "en": "Seed"}, {"vi": "Sự việc", "en": "Events"},
        {"vi": "Cảnh báo", "en": "Alarms"}, {"vi": "Nhiều nhất trong 10 phút", "en": "Most in 10 min"},
    ]  # fmt: skip
    rows = [
        [run["scenario"], str(run["seed"]), *(count(run[name]) for name in ("incidents", "alarms", "peak_10_min"))]
        for run in document["runs"]
    ]
    return folded({"vi": f"{len(rows)} lần chạy", "en": f"{len(rows)} runs"}, table(heads, rows, (1, 2, 3, 4)))
