"""A comparison of two rule sets as a page: what the new one catches, loses, and costs, beside the old one on the same runs.

Lives here: which differences are shown, in which words. Must not know: how a figure came about.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from scenarios.rulebench.report_page import (
    Markup,
    Text,
    cards,
    count,
    filled,
    interval,
    joined,
    number,
    page,
    paragraph,
    section,
    table,
    with_interval,
)
from scenarios.rulebench.report_plots import Bar, bars
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
TITLE = {"vi": "So sánh hai bộ quy tắc", "en": "Two rule sets compared"}
CHANGES: Mapping[str, Text] = {
    "gained": {"vi": "nay phát hiện được", "en": "caught now"}, "lost": {"vi": "nay bỏ sót", "en": "lost now"},
    "earlier": {"vi": "sớm hơn", "en": "earlier"}, "later": {"vi": "muộn hơn", "en": "later"},
    "fewer_repeats": {"vi": "ít báo lặp hơn", "en": "fewer repeats"},
    "more_repeats": {"vi": "báo lặp nhiều hơn", "en": "more repeats"},
    "same": {"vi": "như cũ", "en": "the same"},
}  # fmt: skip
# where more is worse
LESS_IS_BETTER = frozenset(
    name
    for name in FIGURES
    if "time" in name or "alarms" in name or name in ("nuisance_rate", "false_normal_rate", "flood_share")
) | {"overstayed_rate", "false_alarm_rate"}
COLOURS = {"gained": "good", "earlier": "good", "fewer_repeats": "good", "lost": "bad", "later": "bad", "more_repeats": "bad"}


def as_html(document: Plain, lang: str = "vi") -> str:
    """Return a comparison as one page with nothing loaded from elsewhere, opened in a language, `vi` or `en`."""
    overall = {name: figures for name, figures in document["overall"].items() if name in FIGURES}
    shown = ("detection_rate", "mean_time_to_detect_s", "alarms_per_operator_hour", "false_alarms_per_operator_hour", "precision")
    parts = [
        paragraph(f"A: {', '.join(document['a']['rules'])}", "muted"),
        paragraph(f"B: {', '.join(document['b']['rules'])}", "muted"),
        cards([_card(name, overall[name]) for name in shown if name in overall]),
        paragraph(filled(SAID, **measured(document)), "muted"),
        section({"vi": "Các con số", "en": "Figures"}, _figures(overall)),
        section({"vi": "Sự việc thay đổi ra sao", "en": "What became of events"}, _changes(document)),
        section({"vi": "Theo loại sự việc", "en": "By kind of event"}, _kinds(document)),
        section({"vi": "Theo cảnh báo", "en": "By alert"}, _alerts(document)),
        section({"vi": "Báo sai chỉ có ở một bên", "en": "False alarms of one side only"}, _false(document)),
    ]
    return page(TITLE, lang, parts)


def _card(name: str, both: Plain) -> tuple[Text, Text, Text | str]:
    title, unit = FIGURES[name]
    return title, _from_to(both, unit), interval(both["difference"], unit)


def _from_to(both: Plain, unit: str) -> Text:
    return joined(" → ", number(both["a"]["value"], unit), number(both["b"]["value"], unit))


SAID: Text = {
    "vi": "Cùng {runs} lần chạy, {hours} giờ trực. Khoảng tin cậy {level} của hiệu số: bootstrap theo cặp.",
    "en": "The same {runs} runs, {hours} operator-hours. Intervals of {level} of the differences: paired bootstrap.",
}


def _figures(figures: Mapping[str, Plain]) -> str:
    heads = ["", "A", "B", "B − A"]
    rows: list[list[Text | str]] = []
    for name, both in figures.items():
        title, unit = FIGURES[name]
        rows.append(
            [title, *(with_interval(both[side], unit) for side in ("a", "b")), _difference(name, both["difference"], unit)]
        )
    return table(heads, rows, (1, 2, 3))


def _difference(name: str, figure: Plain, unit: str) -> Markup:
    """A difference, marked as better or worse where its interval leaves no doubt."""
    text = with_interval(figure, unit)
    low, high = figure["low"], figure["high"]
    if low is None or high is None or low <= 0 <= high:
        return text
    better = (high < 0) == (name in LESS_IS_BETTER)
    mark: Text = {"vi": "tốt hơn", "en": "better"} if better else {"vi": "kém hơn", "en": "worse"}
    words = "".join(f'<span lang="{lang}">{escape(said)}</span>' for lang, said in mark.items())
    return Markup(f'<span class="{"good" if better else "bad"}">{text} <small>{words}</small></span>')


def _changes(document: Plain) -> str:
    counted = document["changes"]
    axis = {"vi": "số sự việc", "en": "events"}
    plot = bars([Bar(CHANGES[c], ((COLOURS.get(c, "even"), counted.get(c, 0)),)) for c in CHANGES], axis)
    heads: list[Text | str] = [RUN, BEGAN, EVENT, PLACE, "A", "B", {"vi": "Thay đổi", "en": "Change"}]
    rows = [
        [*began(r), r["name"] or "", _met(r["a"]), _met(r["b"]), CHANGES[r["change"]]] for r in document["incidents"][:MOST_ROWS]
    ]
    return plot + table(heads, rows, (1,))


def _met(row: Plain | None) -> Text | str:
    if row is None:
        return "–"
    status = STATUSES.get(row["status"], {"vi": row["status"], "en": row["status"]})
    after = "" if row["after_ms"] is None else f" {say_duration(row['after_ms'])}"
    return {lang: f"{words}{after}" for lang, words in status.items()}


def _kinds(document: Plain) -> str:
    heads = [
        KIND, EVENTS, {"vi": "cả hai", "en": "both"},
        {"vi": "chỉ A", "en": "only A"}, {"vi": "chỉ B", "en": "only B"}, {"vi": "không bên nào", "en": "neither"},
        FIGURES["mean_time_to_detect_s"][0],
    ]  # fmt: skip
    rows = []
    for row in document["by_kind"]:
        times = row["figures"]["mean_time_to_detect_s"]
        counts = [count(row[name]) for name in ("events", "both", "only_a", "only_b", "neither")]
        rows.append([row["title"], *counts, _from_to(times, "s")])
    return table(heads, rows, range(1, 7))


def _alerts(document: Plain) -> str:
    changed = [row for row in document["by_alert"] if not row["same"] and any(row["alarms"].values())]
    heads: list[Text | str] = [
        ALERT, {"vi": "có ở", "en": "in"}, {"vi": "số lần A", "en": "alarms A"},
        {"vi": "số lần B", "en": "alarms B"}, {"vi": "báo sai A", "en": "false A"}, {"vi": "báo sai B", "en": "false B"},
    ]  # fmt: skip
    there: Mapping[str, Text | str] = {"both": {"vi": "cả hai", "en": "both"}, "a": "A", "b": "B"}
    rows = [
        [r["alert"], there[r["there"]], *(count(r[what][side]) for what in ("alarms", "false_alarms") for side in ("a", "b"))]
        for r in changed
    ]
    same = len(document["by_alert"]) - len(changed)
    note: Text = {
        "vi": f"{same} cảnh báo khác như cũ hoặc không lên tiếng.",
        "en": f"{same} further alerts were the same, or silent.",
    }
    return table(heads, rows, range(2, 6)) + paragraph(note, "muted")


def _false(document: Plain) -> str:
    false = document["false_alarms"]
    note: Text = {
        "vi": f"Cả hai: {false['both']}; chỉ A: {false['only']['a']}; chỉ B: {false['only']['b']}.",
        "en": f"Both: {false['both']}; only A: {false['only']['a']}; only B: {false['only']['b']}.",
    }
    sides = ("a", "b")
    lists = [false_alarms(false[side], {"vi": f"Chỉ {side.upper()}", "en": f"Only {side.upper()}"}) for side in sides]
    return "".join([paragraph(note), *lists])
