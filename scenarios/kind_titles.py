"""Kinds of truth in words, in both languages, as reports and debriefs say them.

Lives here: titles. Must not know: any run. Most kinds are called as the inject that makes them; those that no inject makes, or
whose first inject makes something narrower, have a title of their own.
"""

from collections.abc import Mapping

from simulator.inject_catalogue import INJECTS

OWN: Mapping[str, tuple[str, str]] = {
    "feeder_dip": ("Sụt áp xuất tuyến", "Voltage dip on a feeder"),
    "gate_queue": ("Xe tải ùn trước cổng cảng", "Trucks queue at a port gate"),
    "signal_dark": ("Đèn tín hiệu mất điện", "Signals dark"),
    "signal_flash": ("Đèn tín hiệu nháy vàng", "Signals flash"),
    "signal_conflict": ("Đèn tín hiệu xung đột", "Conflicting greens"),
    "intrusion": ("Đột nhập", "Intrusion"),
    "device_fault": ("Thiết bị hỏng", "Device fault"),
    "strong_wind": ("Gió mạnh cấp 7", "Strong wind, level 7"),
    "gale": ("Gió giật cấp 8", "Gale, level 8"),
    "flood": ("Ngập đường", "Street under water"),
    "sluice_inward": ("Triều chảy ngược qua cống", "Tide comes in through a sluice"),
}


def kind_title(kind: str) -> dict[str, str]:
    """Return a kind of truth in words; of one that is not known, the kind itself."""
    if kind in OWN:
        vi, en = OWN[kind]
        return {"vi": vi, "en": en}
    inject = next((i for i in INJECTS.values() if i.truth_kind == kind), None)
    words = kind.replace("_", " ")
    return {"vi": inject.title.vi, "en": inject.title.en} if inject else {"vi": words, "en": words}
