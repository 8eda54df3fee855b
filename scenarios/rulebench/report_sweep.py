"""A sweep as a page: every configuration by recall and load, curves as a threshold moves, the best within the budget, the change.

Lives here: which figures are shown, in which words. Must not know: how a configuration was tried.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from scenarios.rulebench.report_page import (
    Text,
    cards,
    count,
    diff,
    filled,
    folded,
    interval,
    joined,
    number,
    page,
    paragraph,
    section,
    table,
)
from scenarios.rulebench.report_plots import Curve, Point, curves, legend_of, plane
from scenarios.rulebench.report_runs import FIGURES, measured

Plain = dict[str, Any]
MOST_ROWS, MOST_CURVES, MOST_POINTS = 100, 8, 4_000
TITLE = {"vi": "Dò tham số của một quy tắc", "en": "Sweep of a rule"}
RECALL: Text = {"vi": "tỷ lệ phát hiện", "en": "recall"}
LOAD: Text = {"vi": "cảnh báo mỗi giờ trực", "en": "alarms an operator-hour"}
FALSE: Text = {"vi": "báo sai mỗi giờ trực", "en": "false alarms an operator-hour"}
SHAPES: Mapping[str, tuple[str, str, Text]] = {
    "tried": ("o", "even", {"vi": "đã thử", "en": "tried"}),
    "front": ("o", "mark", {"vi": "không bị cấu hình nào vượt (biên Pareto)", "en": "beaten by none (Pareto front)"}),
    "now": ("x", "bad", {"vi": "đang dùng", "en": "in the file now"}),
    "best": ("d", "good", {"vi": "tốt nhất trong ngân sách", "en": "best within the budget"}),
}
NAMES = ("recall", "alarms_per_operator_hour", "false_alarms_per_operator_hour", "mean_time_to_detect_s")
UNITS = {"recall": "%", "mean_time_to_detect_s": "s"}


def as_html(document: Plain, lang: str = "vi") -> str:
    """Return a sweep as one page with nothing loaded from elsewhere, opened in a language, `vi` or `en`."""
    rows = {row["number"]: row for row in document["configurations"]}
    rule = document["rule"]
    parts = [
        paragraph(f"{rule['alert']} · {rule['file']}:{rule['line']}", "muted"),
        f"<pre>{escape(rule['expr'])}</pre>",
        _now_and_best(document, rows),
        paragraph(_said(document), "muted"),
        section({"vi": "Phát hiện so với tải", "en": "Detection against load"}, _plane(document, rows)),
        section({"vi": "Đường ROC khi ngưỡng thay đổi", "en": "ROC, as the threshold moves"}, _roc(document, rows)),
        section({"vi": "Thay đổi được đề nghị", "en": "The change that is proposed"}, _proposal(document)),
        section({"vi": "Biên Pareto", "en": "Pareto front"}, _front(document, rows)),
        section({"vi": "Cùng ngân sách, từng nút chỉnh", "en": "The same budget, dial by dial"}, _by_dial(document, rows)),
        section({"vi": "Mọi cấu hình", "en": "All configurations"}, _all(document)),
    ]
    return page({code: f"{text}: {rule['alert']}" for code, text in TITLE.items()}, lang, parts)


SAID: Text = {
    "vi": "{tried} cấu hình trên {runs} lần chạy, {hours} giờ trực; ngân sách {budget} cảnh báo mỗi giờ trực. "
    "Khoảng tin cậy {level}: bootstrap trên các lần chạy.",
    "en": "{tried} configurations over {runs} runs, {hours} operator-hours; a budget of {budget} alarms an operator-hour. "
    "Intervals are of {level}: {method}.",
}


def _said(document: Plain) -> Text:
    tried = count(len(document["configurations"]) + document["left_out"])
    budget = number(document["budget"]["alarms_per_operator_hour"])
    return filled(SAID, tried=tried, budget=budget, method=document["interval"]["method"], **measured(document))


def _now_and_best(document: Plain, rows: Mapping[int, Plain]) -> str:
    current, best = document["current"], document["budget"]["best"]
    titles: Mapping[str, Text] = {
        "recall": FIGURES["detection_rate"][0],
        **{name: FIGURES[name][0] for name in NAMES if name in FIGURES},
    }
    found = []
    for name in NAMES:
        shown = [number(rows[n][name], UNITS.get(name, "")) for n in (current, *([] if best in (None, current) else [best]))]
        of = document["intervals"].get(str(current if best is None else best), {}).get(name)
        found.append((titles[name], joined(" → ", *shown), "" if of is None else interval(of, UNITS.get(name, ""))))
    now = rows[current]["label"]
    labels: Text = {"vi": f"Đang dùng: {now}", "en": f"Now: {now}"}
    if best is not None and best != current:
        labels = {lang: f"{text} → {rows[best]['label']}" for lang, text in labels.items()}
    return paragraph(labels) + cards(found)


def _points(document: Plain, rows: Mapping[int, Plain], x: str) -> list[Point]:
    marked = {document["current"]: "now"} | ({} if document["budget"]["best"] is None else {document["budget"]["best"]: "best"})
    front = set(document["pareto"])
    ordered = sorted(rows.values(), key=lambda row: (row["number"] in marked, row["number"] in front))  # these are drawn last
    found = []
    for row in ordered[-MOST_POINTS:]:
        if row["recall"] is None or row[x] is None:
            continue
        shape, colour, _ = SHAPES[marked.get(row["number"], "front" if row["number"] in front else "tried")]
        title = joined("", f"{row['label']}: ", number(row["recall"], "%"), "; ", number(row[x]), "/h")
        found.append(Point(row[x], row["recall"], title, shape, colour))
    return found


def _plane(document: Plain, rows: Mapping[int, Plain]) -> str:
    points = _points(document, rows, "alarms_per_operator_hour")
    front = [
        (rows[n]["alarms_per_operator_hour"], rows[n]["recall"]) for n in document["pareto"] if rows[n]["recall"] is not None
    ]
    budget = document["budget"]["alarms_per_operator_hour"]
    line: Text = {"vi": "Đường gạch đứng là ngân sách.", "en": "The dashed upright line is the budget."}
    drawn = plane(points, front, LOAD, RECALL, y_unit="%", y_top=1.0, upright=budget)
    return drawn + legend_of(list(SHAPES.values())) + paragraph(line, "muted")


def _roc(document: Plain, rows: Mapping[int, Plain]) -> str:
    """The curves that come nearest to the upper left corner, by the area below them."""
    found = []
    for curve in document["roc"]:
        points = [(x, y) for x, y in curve["points"] if x is not None and y is not None]
        if len(points) > 1:
            found.append(Curve(curve["label"] or curve["along"], tuple(points)))
    if not found:
        return ""
    most = max(x for curve in found for x, _ in curve.points) or 1.0
    found.sort(key=lambda curve: -_area(sorted(curve.points), most))
    note: Text = {
        "vi": f"Mỗi đường là một cách đặt các nút còn lại; {min(len(found), MOST_CURVES)} trong {len(found)} đường.",
        "en": f"Each curve is one setting of the other dials; {min(len(found), MOST_CURVES)} of {len(found)}.",
    }
    return curves(found[:MOST_CURVES], FALSE, RECALL, y_unit="%", y_top=1.0) + paragraph(note, "muted")


def _area(points: Sequence[tuple[float, float]], most: float) -> float:
    """The area below a curve of rising steps, up to the most of all curves."""
    best, area, at = 0.0, 0.0, 0.0
    for x, y in points:
        area += best * (x - at)
        best, at = max(best, y), x
    return area + best * (most - at)


def _proposal(document: Plain) -> str:
    proposal = document["proposal"]
    if proposal is None:
        same: Text = {
            "vi": "Không có: quy tắc đang dùng đã là tốt nhất trong ngân sách, hoặc không cấu hình nào nằm trong ngân sách.",
            "en": "None: the rule as it is is the best within the budget, or no configuration lies within it.",
        }
        return paragraph(same)
    said = paragraph(f"{proposal['file']}: {proposal['label']}")
    return said + (diff(proposal["diff"]) if proposal["diff"] else paragraph(str(proposal["problem"] or "")))


HEADS: tuple[Text, ...] = (
    {"vi": "Cấu hình", "en": "Configuration"}, {"vi": "Phát hiện", "en": "Recall"}, {"vi": "Cảnh báo/giờ", "en": "Alarms/h"},
    {"vi": "Báo sai/giờ", "en": "False/h"}, {"vi": "Thời gian phát hiện", "en": "Time to detect"},
)  # fmt: skip


def _cells(row: Plain) -> list[Text | str]:
    return [row["label"], *(number(row[name], UNITS.get(name, "")) for name in NAMES)]


def _front(document: Plain, rows: Mapping[int, Plain]) -> str:
    return table(HEADS, [_cells(rows[n]) for n in document["pareto"]], range(1, 5))


def _by_dial(document: Plain, rows: Mapping[int, Plain]) -> str:
    heads: list[Text] = [{"vi": "Nút chỉnh", "en": "Dial"}, {"vi": "Giá trị", "en": "Value"}, *HEADS]
    found = []
    for row in document["budget"]["by_dial"]:
        best = row["best"]
        found.append([row["dial"], row["shown"], *(["–"] * 5 if best is None else _cells(rows[best]))])
    return table(heads, found, range(3, 7))


def _all(document: Plain) -> str:
    rows = sorted(document["configurations"], key=lambda row: (-(row["recall"] or 0), row["alarms_per_operator_hour"] or 0))
    left = len(rows) - MOST_ROWS + document["left_out"]
    note: Text = {"vi": f"… và {left} nữa, trong tài liệu JSON", "en": f"… and {left} more, in the JSON document"}
    inner = table(HEADS, [_cells(row) for row in rows[:MOST_ROWS]], range(1, 5)) + (paragraph(note, "muted") if left > 0 else "")
    return folded({"vi": f"{len(rows)} cấu hình, tốt trước", "en": f"{len(rows)} configurations, the best first"}, inner)
