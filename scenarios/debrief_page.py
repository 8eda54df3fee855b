"""The debrief for people: as text for a terminal, and as one HTML file that needs nothing else.

Lives here: showing the debrief document. Must not know: how it came about. Every text from outside is escaped.
"""

from html import escape
from typing import Any

from scenarios.units import say_duration, say_t

Plain = dict[str, Any]
NUISANCE = "nuisance"
WORDS: dict[str, dict[str, str]] = {
    "vi": {
        "happened": "Điều đã xảy ra", "place": "Nơi", "detected": "Phát hiện", "acknowledged": "Tiếp nhận", "closed": "Đóng",
        "over": "Chấm dứt", "expectations": "Kỳ vọng", "met": "Đạt", "not_met": "Không đạt", "open": "Chưa xong",
        "incidents": "Sự cố", "commands": "Mệnh lệnh", "alarms": "Kỷ luật cảnh báo", "never": "không", "score": "Điểm",
        "unexplained": "Cảnh báo không có sự thật nào giải thích", "harmless": "nguyên nhân vô hại không gây cảnh báo",
    },
    "en": {
        "happened": "What happened", "place": "Place", "detected": "Detected", "acknowledged": "Acknowledged", "closed": "Closed",
        "over": "Over", "expectations": "Expectations", "met": "met", "not_met": "not met", "open": "open",
        "incidents": "Incidents", "commands": "Commands", "alarms": "Alarm discipline", "never": "never", "score": "Score",
        "unexplained": "Alerts that no truth explains", "harmless": "harmless causes that raised no alert",
    },
}  # fmt: skip
STYLE = (
    "body{background:#0b0f14;color:#d5dde6;font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%;margin:.5em 0 2em}td,th{text-align:left;padding:.3em .8em .3em 0;"
    "border-bottom:1px solid #24303c;vertical-align:top}th{color:#8fa1b3;font-weight:500}.yes{color:#6fd08c}.no{color:#ff8a80}"
    "h1{font-weight:600}h2{font-weight:500;color:#c6a7ff}.num{font-variant-numeric:tabular-nums}small{color:#8fa1b3}"
)


def _story(document: Plain) -> list[Plain]:
    """What happened of itself: no consequences, nothing before T+0, no harmless cause that was taken for none."""
    rows = [r for r in document["truth"] if not r["cause_id"] and r["start_ms"] >= document["warm_up_ms"]]
    return [r for r in rows if r["kind"] != NUISANCE or r["detected_ms"] is not None]


def _harmless(document: Plain) -> int:
    rows = [r for r in document["truth"] if r["kind"] == NUISANCE and r["start_ms"] >= document["warm_up_ms"]]
    return sum(r["detected_ms"] is None for r in rows)


def _after(row: Plain, name: str, words: dict[str, str]) -> str:
    after_ms = row[f"{name}_after_ms"]
    return words["never"] if after_ms is None else f"+{say_duration(after_ms)}"


def _verdict(met: bool | None) -> str:
    return {True: "met", False: "not_met", None: "open"}[met]


def as_text(document: Plain, lang: str = "en") -> str:
    """Return the debrief as plain lines in a language, `vi` or `en`."""
    words, warm_ms = WORDS[lang], document["warm_up_ms"]
    lines = [f"{document['title'][lang]} ({document['scenario']}), {document['run']}", ""]
    lines.append(f"{words['happened']}:")
    for row in _story(document):
        title = row["title"][lang] if row["title"] else row["kind"].replace("_", " ")
        steps = ", ".join(f"{words[name].lower()} {_after(row, name, words)}" for name in ("detected", "acknowledged", "closed"))
        lines.append(f"  {say_t(row['start_ms'] - warm_ms)}  {title} ({row['place']['id']}): {steps}")
    lines.append(f"  {_harmless(document)} {words['harmless']}")
    lines += ["", f"{words['expectations']}:"]
    for e in document["expectations"]:
        lines.append(f"  [{words[_verdict(e['met'])]}] {e['title'][lang]}: {e['detail'][lang]}")
    score = document["score"]
    lines += ["", f"{words['score']}: {score['earned']} / {score['possible']}", "", f"{words['alarms']}:"]
    lines += [f"  {name.replace('_', ' ')}: {value}" for name, value in document["kpis"].items()]
    lines.append(f"  {words['unexplained'].lower()}: {len(document['unexplained_alerts'])}")
    return "\n".join(lines) + "\n"


def as_html(document: Plain, lang: str = "vi") -> str:
    """Return the debrief as one HTML page in a language, `vi` or `en`, with nothing loaded from elsewhere."""
    words, warm_ms = WORDS[lang], document["warm_up_ms"]
    title = escape(document["title"][lang])
    story = [
        [say_t(r["start_ms"] - warm_ms), r["title"][lang] if r["title"] else r["kind"].replace("_", " "), r["place"]["id"]]
        + [_after(r, name, words) for name in ("detected", "acknowledged", "closed")]
        for r in _story(document)
    ]
    incidents = [
        [say_t(i["opened_ms"] - warm_ms), i["title"][lang], i["severity"], i["state"], str(i["alert_count"])]
        for i in document["incidents"]
    ]
    commands = [
        [say_t(c["requested_ms"] - warm_ms), c["type"], c["target"].get("id", ""), c["state"], c["reason"]]
        for c in document["commands"]
    ]
    kpis = [[name.replace("_", " "), str(value)] for name, value in document["kpis"].items()]
    score = document["score"]
    parts = [
        f"<!doctype html><html lang='{lang}'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>",
        f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{escape(document['description'][lang])}</p>",
        f"<p><small>{escape(document['run'])} · {escape(document['start_at'])}</small></p>",
        f"<h2>{words['expectations']} <small>{score['earned']} / {score['possible']}</small></h2>{_expectations(document, lang)}",
        f"<h2>{words['happened']}</h2>",
        _table(["T", words["happened"], words["place"], words["detected"], words["acknowledged"], words["closed"]], story),
        f"<p><small>{_harmless(document)} {words['harmless']}</small></p>",
        f"<h2>{words['incidents']}</h2>{_table([], incidents)}<h2>{words['commands']}</h2>{_table([], commands)}",
        f"<h2>{words['alarms']}</h2>{_table([], kpis)}",
        f"<p>{words['unexplained']}: {len(document['unexplained_alerts'])}</p></html>",
    ]
    return "\n".join(parts)


def _expectations(document: Plain, lang: str) -> str:
    rows = []
    for e in document["expectations"]:
        css = "yes" if e["met"] else "no"
        word = escape(WORDS[lang][_verdict(e["met"])])
        rows.append(
            f"<tr><td class='{css}'>{word}<td>{escape(e['title'][lang])}<td><small>{escape(e['detail'][lang])}</small></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(h)}" for h in heads)
    body = "".join("<tr>" + "".join(f"<td class='num'>{escape(str(cell))}" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>" if heads else f"<table>{body}</table>"
