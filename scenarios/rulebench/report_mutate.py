"""A mutation run as a page: how much of a changed rule the tests and scenarios notice, and each change that nobody noticed.

Lives here: which figures are shown, in which words. Must not know: how mutants are made or tried.
"""

from collections.abc import Mapping
from typing import Any

from scenarios.rulebench.report_page import Text, cards, count, diff, folded, joined, number, page, paragraph, section, table
from scenarios.rulebench.report_plots import Bar, bars

Plain = dict[str, Any]
MOST_SHOWN = 100
TITLE = {"vi": "Kiểm thử đột biến của quy tắc", "en": "Mutation of rules"}
PARTS: Mapping[str, tuple[str, Text]] = {
    "noticed": ("mark", {"vi": "bị phát hiện", "en": "noticed"}),
    "survived": ("bad", {"vi": "sống sót", "en": "survived"}),
    "equivalent": ("even", {"vi": "tương đương", "en": "equivalent"}),
}


def as_html(document: Plain, lang: str = "vi") -> str:
    """Return a mutation run as one page with nothing loaded from elsewhere, opened in a language, `vi` or `en`."""
    parts = [
        paragraph(", ".join(document["rules"]), "muted"),
        cards(_cards(document["score"])),
        paragraph(_said(document), "muted"),
        section({"vi": "Theo loại thay đổi", "en": "By kind of change"}, _kinds(document)),
        section({"vi": "Theo quy tắc", "en": "By rule"}, _rules(document)),
        section({"vi": "Thay đổi mà không ai phát hiện", "en": "Changes that nobody noticed"}, _survivors(document)),
        section({"vi": "Mọi thay đổi", "en": "All changes"}, _all(document)),
    ]
    return page(TITLE, lang, parts)


def _cards(score: Plain) -> list[tuple[Text, Text | str, Text | str]]:
    of = joined(" ", "/", count(score["noticed"] + score["survived"]))
    return [
        ({"vi": "Điểm đột biến", "en": "Mutation score"}, number(score["score"], "%"), ""),
        ({"vi": "Thay đổi bị phát hiện", "en": "Changes noticed"}, count(score["noticed"]), of),
        ({"vi": "nhờ kiểm thử", "en": "by tests"}, count(score["noticed_by_tests"]), of),
        ({"vi": "nhờ kịch bản", "en": "by scenarios"}, count(score["noticed_by_scenarios"]), of),
        ({"vi": "Sống sót", "en": "Survived"}, count(score["survived"]), of),
        ({"vi": "Tương đương", "en": "Equivalent"}, count(score["equivalent"]), ""),
    ]


def _said(document: Plain) -> Text:
    tests, runs = len(document["tests"]), len(document["runs"])
    return {
        "vi": f"Thử trên {tests} tệp kiểm thử và {runs} lần chạy kịch bản. Điểm là phần bị phát hiện, không kể tương đương.",
        "en": f"Tried on {tests} test files and {runs} runs of scenarios. The score is the share noticed, equivalent ones aside.",
    }


def _bar(label: Text | str, row: Plain) -> Bar:
    return Bar(label, tuple((PARTS[name][0], float(row[name])) for name in PARTS))


AXIS: Text = {"vi": "số thay đổi", "en": "changes"}


def _kinds(document: Plain) -> str:
    rows = [row for row in document["by_kind"] if row["mutants"]]
    plot = bars([_bar(row["title"], row) for row in rows], AXIS, list(PARTS.values()))
    told = [[row["title"], number(row["score"], "%"), row["why"]] for row in rows if row["survived"]]
    heads: list[Text | str] = [
        {"vi": "Loại", "en": "Kind"},
        {"vi": "Điểm", "en": "Score"},
        {"vi": "Điều còn thiếu", "en": "What is missing"},
    ]
    return plot + table(heads, told, (1,))


def _rules(document: Plain) -> str:
    rows = sorted((row for row in document["by_rule"] if row["mutants"]), key=lambda row: (row["score"] or 0, row["rule"]))
    return bars([_bar(row["rule"], row) for row in rows], AXIS, list(PARTS.values()))


def _survivors(document: Plain) -> str:
    rows = [row for row in document["mutants"] if row["status"] == "survived"]
    parts = []
    for row in rows[:MOST_SHOWN]:
        where = f"{row['rule']} · {row['file']}:{row['line']}:{row['column']}"
        change = _change(row)
        parts.append(folded({lang: f"{where}: {text}" for lang, text in change.items()}, diff(row["diff"])))
    left = len(rows) - MOST_SHOWN
    note: Text = {"vi": f"… và {left} nữa, trong tài liệu JSON", "en": f"… and {left} more, in the JSON document"}
    if not rows:
        return paragraph({"vi": "Không có.", "en": "None."})
    return "".join(parts) + (paragraph(note, "muted") if left > 0 else "")


def _change(row: Plain) -> Text:
    """What was put in the place of what; nothing is said in words."""
    gone = {"vi": "(bỏ đi)", "en": "(left out)"}
    return {lang: f"{row['before'] or '–'} → {row['after'] or gone[lang]}" for lang in gone}


def _all(document: Plain) -> str:
    heads: list[Text | str] = [
        {"vi": "Quy tắc", "en": "Rule"}, {"vi": "Thay đổi", "en": "Change"}, {"vi": "Kết quả", "en": "Outcome"},
        {"vi": "Ai phát hiện", "en": "Noticed by"},
    ]  # fmt: skip
    rows: list[list[Text | str]] = [[row["rule"], _change(row), PARTS[row["status"]][1], _by(row)] for row in document["mutants"]]
    return folded({"vi": f"{len(rows)} thay đổi", "en": f"{len(rows)} changes"}, table(heads, rows))


def _by(row: Plain) -> str:
    runs: list[Plain] = row["by_runs"]
    return "; ".join([*([row["by_test"]] if row["by_test"] else []), *(str(run["what"]) for run in runs[:2])])
