"""What a trigger waits for, in words of both languages.

Lives here: one sentence for each kind of condition. Must not know: whether it has come true.
"""

from collections.abc import Mapping

from scenarios.command_words import ordered, target_name
from scenarios.naming import Naming
from scenarios.quantities import QUANTITIES
from scenarios.schema import PEOPLE_CONDITIONS, When
from scenarios.units import spoken_duration
from sensors.messages import CommandInfo

# condition -> (vi, en); {of} is what it is about
SENTENCES: dict[str, tuple[str, str]] = {
    "began": ("khi {of} bắt đầu", "when {of} begins"),
    "ended": ("khi {of} chấm dứt", "when {of} is over"),
    "phase": ("khi vào giai đoạn {of}", "when the phase {of} begins"),
    "acknowledged": ("khi {of} được tiếp nhận", "when {of} is acknowledged"),
    "closed": ("khi sự cố của {of} được đóng", "when the incident of {of} is closed"),
    "command": ("khi có lệnh {of}", "when {of} is ordered"),
    "above": ("khi {of} vượt {level}", "when {of} is above {level}"),
    "below": ("khi {of} dưới {level}", "when {of} is below {level}"),
}
MISSING: dict[str, tuple[str, str]] = {
    "acknowledged": ("nếu sau {time} {of} chưa được tiếp nhận", "if {of} is not acknowledged after {time}"),
    "closed": ("nếu sau {time} sự cố của {of} chưa được đóng", "if the incident of {of} is not closed after {time}"),
    "command": ("nếu sau {time} chưa có lệnh {of}", "if {of} is not ordered after {time}"),
}


def waits_for(
    when: When, titles: Mapping[str, Mapping[str, str]], naming: Naming, commands: Mapping[str, CommandInfo]
) -> dict[str, str]:
    """Return the sentence of a condition; `titles` are of entries, triggers and phases, by id, `commands` what the city takes."""
    sentences = MISSING[when.kind] if when.missing_for is not None and when.kind in PEOPLE_CONDITIONS else SENTENCES[when.kind]
    level = "" if when.level is None else f"{when.level:g}"
    quantity = QUANTITIES.get(when.quantity or "")
    level = f"{level} {quantity.unit}".strip() if quantity else level
    return {
        lang: sentence.format(
            of=_about(when, lang, titles, naming, commands), level=level, time=spoken_duration(when.missing_for or 0, lang)
        )
        + (f" ({spoken_duration(when.lasts, lang)})" if when.lasts else "")
        for lang, sentence in zip(("vi", "en"), sentences, strict=True)
    }


def _about(
    when: When, lang: str, titles: Mapping[str, Mapping[str, str]], naming: Naming, commands: Mapping[str, CommandInfo]
) -> str:
    if when.kind == "command":
        place = target_name(when.target, when.command or "", commands, naming)
        return f"“{ordered(when.command or '', when.params, place, commands, lang)}”"
    if when.quantity is not None:
        title = QUANTITIES[when.quantity].title if when.quantity in QUANTITIES else None
        name = (title.vi if lang == "vi" else title.en) if title else when.quantity
        return f"{name} {naming.of(when.place.kind, when.place.id)}" if when.place else name
    of = when.of or ""
    return f"“{titles[of][lang]}”" if of in titles else of.replace("_", " ")
