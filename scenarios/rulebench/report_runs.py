"""What the reports on runs share: their figures and outcomes in words, how much was measured, the list of false alarms.

Lives here: words and rows that a score, a comparison and a sweep have alike. Must not know: the frame of a page, any one report.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.rulebench.report_page import Text, count, folded, number, plain, table
from scenarios.units import say_duration

Plain = dict[str, Any]
MOST_ROWS = 200
FIGURES: Mapping[str, tuple[Text, str]] = {
    "detection_rate": ({"vi": "Tỷ lệ phát hiện", "en": "Detection rate"}, "%"),
    "mean_time_to_detect_s": ({"vi": "Thời gian phát hiện trung bình", "en": "Mean time to detect"}, "s"),
    "p95_time_to_detect_s": ({"vi": "Thời gian phát hiện, bách phân vị 95", "en": "Time to detect, 95th percentile"}, "s"),
    "alarms_per_operator_hour": ({"vi": "Cảnh báo mỗi giờ trực", "en": "Alarms an operator-hour"}, ""),
    "false_alarms_per_operator_hour": ({"vi": "Báo sai mỗi giờ trực", "en": "False alarms an operator-hour"}, ""),
    "precision": ({"vi": "Độ chính xác", "en": "Precision"}, "%"),
    "flood_share": ({"vi": "Thời gian dồn dập", "en": "Time in flood"}, "%"),
    "nuisance_rate": ({"vi": "Báo lặp mỗi sự việc", "en": "Repeats an incident"}, ""),
    "false_normal_rate": ({"vi": "Tắt quá sớm", "en": "Cleared too early"}, "%"),
    "overstayed_rate": ({"vi": "Còn báo khi đã hết", "en": "Stayed after the end"}, "%"),
    "false_alarm_rate": ({"vi": "Báo sai trên số lần quyết định", "en": "False alarms of decisions"}, "%"),
    "false_alarms_per_sensor_day": ({"vi": "Báo sai mỗi cảm biến mỗi ngày", "en": "False alarms a sensor and day"}, ""),
}
STATUSES: Mapping[str, Text] = {
    "detected": {"vi": "phát hiện", "en": "detected"}, "late": {"vi": "muộn", "en": "late"},
    "missed": {"vi": "bỏ sót", "en": "missed"}, "open": {"vi": "còn mở lúc hết", "en": "open at the end"},
    "out_of_sight": {"vi": "ngoài tầm cảm biến", "en": "out of sight"},
}  # fmt: skip
RUN: Text = {"vi": "Kịch bản, hạt giống", "en": "Scenario, seed"}
BEGAN: Text = {"vi": "Bắt đầu", "en": "Began"}
EVENT: Text = {"vi": "Sự việc", "en": "Event"}
PLACE: Text = {"vi": "Nơi", "en": "Place"}
ALERT: Text = {"vi": "Cảnh báo", "en": "Alert"}
EVENTS: Text = {"vi": "tổng", "en": "events"}
KIND: Text = {"vi": "Loại", "en": "Kind"}
FALSE_HEADS = (RUN, {"vi": "Lúc", "en": "At"}, ALERT, {"vi": "Nguyên nhân", "en": "Cause"}, PLACE)
PLACES = ("device_id", "road", "zone", "feeder", "cabinet")


def measured(document: Plain) -> dict[str, Text]:
    """Return how much was measured and how sure the intervals are, as parts of a sentence: runs, hours, level."""
    return {
        "runs": count(len(document["runs"])), "hours": plain(document["operator_hours"]),
        "level": number(document["interval"]["level"], "%"),
    }  # fmt: skip


def run_of(row: Plain) -> str:
    """Return in which run something was."""
    return f"{row['scenario']}, {row['seed']}"


def began(row: Plain) -> list[Text | str]:
    """Return the first cells of a truth event: in which run, when, what."""
    return [run_of(row), say_duration(row["start_ms"]), row["title"] or row["kind"].replace("_", " ")]


def false_alarms(rows: Sequence[Plain], title: Text) -> str:
    """Return alarms that nothing was behind, each with its cause and place, folded under a title."""
    cells = [
        [run_of(a), say_duration(a["fired_ms"]), a["alert"], {"vi": a["cause"]["vi"], "en": a["cause"]["en"]}, _place(a)]
        for a in rows[:MOST_ROWS]
    ]
    return folded(title, table(FALSE_HEADS, cells, (1,)))


def _place(alarm: Plain) -> str:
    labels: Mapping[str, str] = alarm["labels"]
    return str(alarm["cause"].get("place") or next((labels[name] for name in PLACES if name in labels), ""))
