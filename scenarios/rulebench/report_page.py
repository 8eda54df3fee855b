"""The page that every report of the rule bench is: one file, both languages in it, nothing loaded from elsewhere, good on paper.

Lives here: the frame, its look, texts in two languages, tables. Must not know: what any report is about. Every text from outside
is escaped. There is no script in it: the languages are switched by two radio buttons.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Plain = dict[str, Any]
Text = Mapping[str, str]  # a text by language: vi, en
LANGS = ("vi", "en")
STYLE = """
:root{--ground:#1f242a;--raised:#2b3138;--line:#3d454e;--text:#d5dae0;--muted:#9aa4af;--mark:#8fd0ff;--bad:#ff6b6b;--warn:#ff9933;
--good:#7fd6a0;--even:#77828e}
*{box-sizing:border-box}body{background:var(--ground);color:var(--text);font:15px/1.5 Inter,system-ui,sans-serif;margin:0}
main{max-width:70rem;margin:0 auto;padding:1.2rem 1.2rem 4rem}h1{font-size:1.5rem;font-weight:650;margin:.4rem 0}
h2{font-size:1.1rem;font-weight:600;margin:2.2rem 0 .5rem}p{margin:.3rem 0}small,.muted{color:var(--muted)}
table{border-collapse:collapse;width:100%;margin:.4rem 0}th,td{text-align:left;padding:.28rem .9rem .28rem 0;vertical-align:top;
border-bottom:1px solid var(--line)}th{color:var(--muted);font-weight:500}td.n{white-space:nowrap}td.n,th.n{text-align:right;
font-variant-numeric:tabular-nums}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(11.5rem,1fr));gap:.7rem;margin:1rem 0}
.card{background:var(--raised);border-radius:8px;padding:.6rem .8rem}.card b{display:block;font-size:1.45rem;font-weight:600;
font-variant-numeric:tabular-nums}code{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
pre{background:var(--raised);border-radius:8px;padding:.8rem;overflow-x:auto;font:13px/1.5 ui-monospace,monospace}
pre .del{color:var(--bad)}pre .add{color:var(--good)}svg{display:block;max-width:100%;height:auto;margin:.4rem 0}
svg text{fill:var(--text);font:12px Inter,system-ui,sans-serif}svg .muted{fill:var(--muted)}svg .grid{stroke:var(--line)}
.switch{position:absolute;opacity:0}.langs{display:flex;gap:.3rem;justify-content:flex-end}
.langs label{padding:.2rem .7rem;border:1px solid var(--line);border-radius:6px;cursor:pointer;color:var(--muted)}
#in-vi:checked~main [lang=en],#in-en:checked~main [lang=vi]{display:none}
#in-vi:checked~main label[for=in-vi],#in-en:checked~main label[for=in-en]{color:var(--text);background:var(--raised)}
.switch:focus-visible~main .langs{outline:2px solid var(--mark);outline-offset:3px}
details summary{cursor:pointer;color:var(--muted)}
.good{color:var(--good)}.bad{color:var(--bad)}.scroll{overflow-x:auto}
@media print{:root{--ground:#fff;--raised:#f1f3f4;--line:#b8bfc6;--text:#14171a;--muted:#4a525a;--mark:#0b5cad;--bad:#b3151b;
--warn:#a84b00;--good:#17663a;--even:#6b7580}.langs{display:none}body{font-size:11pt}main{max-width:none;padding:0}
h2,svg,tr,.cards{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details::details-content{content-visibility:visible;height:auto}}
"""


class Markup(str):
    """HTML that was made here and is escaped already."""


def say(text: Text | str) -> str:
    """Return a text as HTML: in both languages if it has them."""
    if isinstance(text, Markup):
        return text
    if isinstance(text, str):
        return escape(text)
    if text["vi"] == text["en"]:
        return escape(text["en"])
    return "".join(f'<span lang="{lang}">{escape(text[lang])}</span>' for lang in LANGS)


def page(title: Text, lang: str, parts: Sequence[str]) -> str:
    """Return the whole file, opened in a language, `vi` or `en`."""
    checked = {code: " checked" if code == lang else "" for code in LANGS}
    switches = "".join(f'<input class="switch" type="radio" name="lang" id="in-{code}"{checked[code]}>' for code in LANGS)
    names = {"vi": "Tiếng Việt", "en": "English"}
    labels = "".join(f'<label for="in-{code}">{names[code]}</label>' for code in LANGS)
    head = (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title[lang])}</title><style>{STYLE}</style></head>"
    )
    body = "\n".join([f'<div class="langs" role="group">{labels}</div>', f"<h1>{say(title)}</h1>", *parts])
    return f"{head}<body>{switches}<main>{body}</main></body></html>\n"


def section(title: Text, *parts: str) -> str:
    """Return a part of a page under its title; nothing where there is nothing to show."""
    inner = "".join(parts)
    return f"<section><h2>{say(title)}</h2>{inner}</section>" if inner else ""


def paragraph(text: Text | str, css: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{css}">{say(text)}</p>' if css else f"<p>{say(text)}</p>"


def cards(rows: Sequence[tuple[Text, Text | str, Text | str]]) -> str:
    """Return figures that stand for the whole: what it is, the value, its interval."""
    inner = "".join(
        f'<div class="card"><small>{say(name)}</small><b>{say(value)}</b><small>{say(note)}</small></div>'
        for name, value, note in rows
    )
    return f'<div class="cards">{inner}</div>'


def table(heads: Sequence[Text | str], rows: Sequence[Sequence[Text | str]], numbers: Sequence[int] = ()) -> str:
    """Return a table; `numbers` are the columns that are set to the right. Nothing without rows."""
    if not rows:
        return ""
    css = ['class="n"' if i in numbers else "" for i in range(len(heads))]
    head = "".join(f"<th {css[i]}>{say(text)}</th>" for i, text in enumerate(heads))
    body = "".join("<tr>" + "".join(f"<td {css[i]}>{say(cell)}</td>" for i, cell in enumerate(row)) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def folded(text: Text, inner: str) -> str:
    """Return what only some will read, folded."""
    return f"<details><summary>{say(text)}</summary>{inner}</details>" if inner else ""


def diff(text: str) -> str:
    """Return a unified diff, its lines marked by what they do."""
    lines = []
    for line in text.splitlines():
        css = "add" if line.startswith("+") else "del" if line.startswith("-") else ""
        lines.append(f'<span class="{css}">{escape(line)}</span>' if css else escape(line))
    return f"<pre>{chr(10).join(lines)}</pre>" if lines else ""


# -- figures as people read them: 1234,5 is 1.234 in Vietnamese, whose decimals stand behind a comma


def number(value: float | None, unit: str = "") -> Text:
    """Return a number with three digits; `–` for none. With `%` it is a share."""
    if value is None:
        return {"vi": "–", "en": "–"}
    value = 100 * value if unit == "%" else value
    if abs(value) < 1_000:
        return _with_unit(plain(float(f"{value:.3g}")), unit)
    return _with_unit({"vi": f"{value:,.0f}".replace(",", "."), "en": f"{value:.0f}"}, unit)


def count(value: int) -> Text:
    """Return a whole number."""
    return {"vi": f"{value:,}".replace(",", "."), "en": str(value)}


def plain(value: float) -> Text:
    """Return a number with as many digits as it has, at most six."""
    return {"vi": f"{value:g}".replace(".", ","), "en": f"{value:g}"}


def joined(between: str, *texts: Text | str) -> Text:
    """Return texts one after the other, in each language."""
    return {lang: between.join(text if isinstance(text, str) else text[lang] for text in texts) for lang in LANGS}


def filled(template: Text, **parts: Text | str) -> Text:
    """Return a text of ours with what stands in its braces, in each language."""
    return {
        lang: template[lang].format(**{name: part if isinstance(part, str) else part[lang] for name, part in parts.items()})
        for lang in LANGS
    }


def _with_unit(text: Text, unit: str) -> Text:
    return joined(" ", text, unit) if unit else text


def interval(figure: Mapping[str, float | None], unit: str = "") -> Text | str:
    """Return the interval of a figure, "" where there is none."""
    if figure["low"] is None or figure["high"] is None:
        return ""
    low = number(figure["low"], unit)
    return joined(" – ", {lang: text.removesuffix(" %") for lang, text in low.items()}, number(figure["high"], unit))


def with_interval(figure: Mapping[str, float | None], unit: str = "") -> Markup:
    """Return a figure with its interval below it, for a cell of a table."""
    between = interval(figure, unit)
    return Markup(say(number(figure["value"], unit)) + (f"<br><small>{say(between)}</small>" if between else ""))
