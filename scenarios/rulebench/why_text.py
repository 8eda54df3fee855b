"""Why, why not, in words: as lines for a terminal, in Vietnamese and English.

Lives here: the sentences of verdicts and reasons, the tree as indented lines. Must not know: how anything is found out.
"""

from typing import Any

from ops_center.label_sets import format_labels
from scenarios.units import say_duration, say_t

Plain = dict[str, Any]
MARKS = {"value": "·", "true": "✓", "false": "✗", "absent": "∅", "error": "!"}
HOLDS = ("value", "true")
MOST_SERIES = 4
MOST_LABELS = 3
MOST_TEXT = 110
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "at": "at {t}, evaluated at {evaluated}, every {interval}",
        "firing": "firing since {fires}: true since {active}",
        "kept": "still firing: false since {since}, kept firing until {until} (keep_firing_for)",
        "pending": "pending: true since {active}, held {held} of {for_}, would fire at {fires}",
        "holds": "true at this instant, but the rule has not made an alert of it",
        "false": "inactive: the expression has no result here",
        "error": "the expression could not be evaluated",
        "no_for": "no `for`: it fires at once",
        "ended": "ended by",
        "others": "{n} more such alerts, e.g. {one}",
        "unknown_metric": "there is no metric {metric}",
        "no_series": "no series has {matcher}",
        "other_labels": "{series} series, none of them with these labels",
        "never": "no sample until now",
        "gap": "a gap: the last sample at {last}, {ago} ago; looked back {lookback}",
        "ended_series": "the series ended at {last}, {ago} ago",
        "late": "the sample came after the evaluation ({series} series)",
        "few_samples": "too few samples in the window: {samples}",
        "comparison": "{left} {op} {right} does not hold, by {short_by}",
        "comparison_of": "the nearest of {of}: {left} {op} {right} does not hold, by {short_by}",
        "no_match": "both sides have a result, but no labels match",
        "excluded": "excluded: the right side has a result",
        "not_chosen": "not among those chosen",
        "there_is": "{series} series are there",
        "inside": "", "folded": "deeper parts are left out", "error_said": "{message}",
        "series": "{n} series", "samples": "{n} samples", "last": "last sample {ago} ago", "late_s": "{of} in all",
    },
    "vi": {
        "at": "lúc {t}, đánh giá lúc {evaluated}, mỗi {interval}",
        "firing": "đang báo từ {fires}: đúng từ {active}",
        "kept": "vẫn báo: không còn đúng từ {since}, giữ báo tới {until} (keep_firing_for)",
        "pending": "đang chờ: đúng từ {active}, đã giữ {held} trong {for_}, sẽ báo lúc {fires}",
        "holds": "đúng ở thời điểm này, nhưng quy tắc chưa tạo cảnh báo",
        "false": "không hoạt động: biểu thức không có kết quả ở đây",
        "error": "không đánh giá được biểu thức",
        "no_for": "không có `for`: báo ngay",
        "ended": "dừng tại",
        "others": "còn {n} cảnh báo như vậy, ví dụ {one}",
        "unknown_metric": "không có chỉ số {metric}",
        "no_series": "không chuỗi nào có {matcher}",
        "other_labels": "{series} chuỗi, không chuỗi nào có các nhãn này",
        "never": "chưa có mẫu nào",
        "gap": "khoảng trống: mẫu cuối lúc {last}, cách đây {ago}; chỉ nhìn lại {lookback}",
        "ended_series": "chuỗi đã kết thúc lúc {last}, cách đây {ago}",
        "late": "mẫu tới sau khi đánh giá ({series} chuỗi)",
        "few_samples": "quá ít mẫu trong cửa sổ: {samples}",
        "comparison": "{left} {op} {right} không đúng, lệch {short_by}",
        "comparison_of": "gần nhất trong {of}: {left} {op} {right} không đúng, lệch {short_by}",
        "no_match": "hai vế đều có kết quả, nhưng nhãn không khớp",
        "excluded": "bị loại: vế phải có kết quả",
        "not_chosen": "không nằm trong số được chọn",
        "there_is": "có {series} chuỗi",
        "inside": "", "folded": "phần sâu hơn được lược bỏ", "error_said": "{message}",
        "series": "{n} chuỗi", "samples": "{n} mẫu", "last": "mẫu cuối cách đây {ago}", "late_s": "{of} tất cả",
    },
}  # fmt: skip
LANGS = tuple(WORDS)


def as_text(document: Plain, lang: str = "en") -> str:
    """Return an explanation as lines in a language, `vi` or `en`; instants are from T+0."""
    words, warm_ms = WORDS[lang], document["warm_up_ms"]
    labels = document["alert_labels"] or document["labels"]
    shown = tuple((name, value) for name, value in sorted(labels.items()) if name != "alertname")
    where = f"  ({document['file']}:{document['line']}, {document['group']})" if document["file"] else ""
    instants = {
        "t": _t(document, "at_ms"),
        "evaluated": _t(document, "evaluated_ms"),
        "interval": say_duration(document["interval_ms"]),
    }
    lines = [
        f"{document['alert'] or ''}{format_labels(shown) if shown else ''}{where}",
        words["at"].format(**instants),
        _verdict(document, words),
        "",
        *_tree(document["tree"], words, document, 0),
    ]
    if document["ended_by"]:
        lines += ["", *_ends(document, words, warm_ms)]
    if document["others_count"]:
        one = format_labels(tuple(sorted((k, v) for k, v in document["others"][0].items() if k != "alertname")))
        lines += ["", words["others"].format(n=document["others_count"], one=one)]
    return "\n".join(lines) + "\n"


def _t(document: Plain, name: str) -> str:
    return "–" if document[name] is None else say_t(document[name] - document["warm_up_ms"])


def _verdict(document: Plain, words: dict[str, str]) -> str:
    held = document["held_ms"]
    return words[document["verdict"]].format(
        fires=_t(document, "fires_at_ms"), active=_t(document, "active_at_ms"), since=_t(document, "kept_since_ms"),
        until=_t(document, "kept_until_ms"), held="–" if held is None else say_duration(held),
        for_=say_duration(document["for_ms"]),
    )  # fmt: skip


def _tree(node: Plain, words: dict[str, str], document: Plain, depth: int) -> list[str]:
    if node["kind"] in ("number", "string"):
        return []
    pad = "  " * depth
    lines = [f"{pad}{MARKS[node['state']]} {_head(node)}"]
    lines += [f"{pad}    {line}" for line in _facts(node, words, document)]
    for child in _told(node):
        lines += _tree(child, words, document, depth + 1)
    return lines


def _told(node: Plain) -> list[Plain]:
    """The parts below a part that are worth a line: chains of one operator are one list, and what cannot matter is one line."""
    if node["kind"] == "record":
        return list(node["children"])
    if node["kind"] != "set" or not node["children"]:
        return [child for child in node["children"] if child["kind"] not in ("number", "string")]
    left, right = node["children"]
    chained = left["kind"] == "set" and left["op"] == node["op"] and node["op"] in ("and", "or")
    parts = [*_told(left), right] if chained else [left, right]
    if node["op"] == "or":
        some = any(part["state"] in HOLDS for part in parts)
        return [part if not some or part["state"] in HOLDS else _closed(part) for part in parts]
    idle = left["state"] not in HOLDS
    return [*parts[:-1], _closed(right) if idle else right]


def _closed(node: Plain) -> Plain:
    return {**node, "children": [], "shown": []}


def _head(node: Plain) -> str:
    if node["kind"] == "set" and node["children"]:
        return str(node["op"])
    text = " ".join(node["text"].split())
    if node["kind"] == "record":
        return f"{node['op']} ="
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def _facts(node: Plain, words: dict[str, str], document: Plain) -> list[str]:
    said = say_reason(node["reason"], words, document["warm_up_ms"])
    lines = [said] if said else []
    if node["kind"] == "set" or (node["kind"] == "comparison" and said and len(node["shown"]) < 2):
        return lines  # its parts say the rest
    names = _telling(node["shown"], document["labels"])
    lines += [_series(one, node, words, document["evaluated_ms"], names) for one in node["shown"][:MOST_SERIES]]
    more = max(node["series"], len(node["shown"])) - MOST_SERIES
    return [*lines, f"… +{more}"] if more > 0 else lines


def _telling(shown: list[Plain], known: dict[str, str]) -> list[str]:
    """The labels that tell series apart, a few of them; of a single one, its device."""
    found = [one["labels"] for one in shown]
    if len(found) < 2:
        return [name for name in ("device_id",) if found and name in found[0] and name not in known]
    names = sorted({name for labels in found for name in labels})
    differ = [name for name in names if len({labels.get(name) for labels in found}) > 1]
    return ["device_id"] if "device_id" in differ else differ[:MOST_LABELS]


def _series(one: Plain, node: Plain, words: dict[str, str], now_ms: int, names: list[str]) -> str:
    chosen = tuple((name, one["labels"][name]) for name in names if name in one["labels"])
    labels = format_labels(chosen) if chosen else ""
    if node["kind"] == "comparison":
        sign = MARKS["true" if one["holds"] else "false"]
        return f"{sign} {number(one['value'])} {node['op']} {number(one['other'])}  {labels}".rstrip()
    many = node["kind"] in ("range", "subquery")
    value = words["samples"].format(n=one["said"]) if many else number(one["value"])
    ago = "" if one["at_ms"] is None else f"  {words['last'].format(ago=say_duration(now_ms - one['at_ms']))}"
    return f"{value}  {labels}{ago}".rstrip()


def _ends(document: Plain, words: dict[str, str], warm_ms: int) -> list[str]:
    numbers = set(document["ended_by"])
    lines = []
    for node in _all(document["tree"]):
        if node["number"] in numbers:
            said = say_reason(node["reason"], words, warm_ms)
            lines.append(f"{words['ended']}: {' '.join(node['text'].split())}" + (f": {said}" if said else ""))
    return lines


def _all(node: Plain) -> list[Plain]:
    return [node, *(below for child in node["children"] for below in _all(child))]


def say_reason(reason: Plain | None, words: dict[str, str], warm_ms: int) -> str:
    """Return why a part has no result, as one clause; "" where a part of it says so itself."""
    if reason is None:
        return ""
    code = str(reason["code"])
    code = {"ended": "ended_series", "error": "error_said"}.get(code, code)
    if code == "comparison" and reason["of"] > 1:
        code = "comparison_of"
    facts = {name: number(value) if isinstance(value, float) else value for name, value in reason.items()}
    facts |= {name: say_duration(reason[f"{name}_ms"]) for name in ("ago", "lookback") if f"{name}_ms" in reason}
    if "last_ms" in reason:
        facts["last"] = say_t(reason["last_ms"] - warm_ms)
    return words[code].format(**facts)


def number(value: float | None) -> str:
    """Return a number as people read it."""
    return "NaN" if value is None else f"{value:.4g}"
