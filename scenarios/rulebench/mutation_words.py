"""What kinds of mutants are called, and why one that nobody notices matters, in both languages. Must not know: any mutant."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.city import Text


@dataclass(frozen=True, slots=True)
class KindWords:
    """A kind of mutant: its title, and what it means that it survives."""

    title: Text
    why: Text


KINDS = {
    "threshold": KindWords(
        Text("Ngưỡng", "Threshold"),
        Text(
            "Không có kiểm thử nào nằm sát ngưỡng: con số có thể đổi mà không ai biết.",
            "No test comes close to the threshold: the number can change and nobody knows.",
        ),
    ),
    "factor": KindWords(
        Text("Hệ số", "Factor"),
        Text("Hệ số có thể lệch một phần mười mà không ai biết.", "The factor can be off by a tenth and nobody knows."),
    ),
    "comparator": KindWords(
        Text("Phép so sánh", "Comparator"),
        Text(
            "Không có kiểm thử ở đúng ngưỡng, hoặc ở phía bên kia của ngưỡng.",
            "There is no test right at the threshold, or none on the other side of it.",
        ),
    ),
    "for": KindWords(
        Text("Thời gian chờ (for)", "Wait (for)"),
        Text(
            "Không có kiểm thử nào đủ ngắn hoặc đủ dài để thấy cảnh báo chờ bao lâu.",
            "No test is short or long enough to see how long the alert waits.",
        ),
    ),
    "keep_firing_for": KindWords(
        Text("Thời gian giữ (keep_firing_for)", "Hold (keep_firing_for)"),
        Text(
            "Không có kiểm thử nào xem cảnh báo giữ bao lâu sau khi điều kiện hết.",
            "No test looks at how long the alert holds on after its condition.",
        ),
    ),
    "window": KindWords(
        Text("Cửa sổ thời gian", "Window"),
        Text(
            "Kiểm thử không phân biệt cửa sổ ngắn và dài: dữ liệu của nó quá đều.",
            "The tests cannot tell a short window from a long one: their series are too even.",
        ),
    ),
    "matcher": KindWords(
        Text("Bộ lọc nhãn", "Matcher"),
        Text(
            "Kiểm thử không có chuỗi nào mà bộ lọc phải loại ra.",
            "The tests have no series that the matcher should leave out.",
        ),
    ),
    "grouping": KindWords(
        Text("Nhãn gộp nhóm", "Grouping"),
        Text(
            "Kiểm thử chỉ có một giá trị của nhãn, hoặc không nhìn nhãn của cảnh báo.",
            "The tests have one value of the label only, or do not look at the alert's labels.",
        ),
    ),
    "matching": KindWords(
        Text("Nhãn ghép hai vế", "Labels of a join"),
        Text(
            "Kiểm thử chỉ có một nơi: ghép nhầm với nơi khác sẽ không ai thấy.",
            "The tests have one place only: a join with the wrong one would not be seen.",
        ),
    ),
    "label": KindWords(
        Text("Nhãn của quy tắc", "Label of the rule"),
        Text(
            "Không có kiểm thử nào nhìn nhãn này, dù việc chuyển cảnh báo đi theo nó.",
            "No test looks at the label, though alerts are routed by it.",
        ),
    ),
    "set-operator": KindWords(
        Text("and / unless", "and / unless"),
        Text("Điều kiện kèm theo có thể đảo ngược mà không ai biết.", "The side condition can be turned round and nobody knows."),
    ),
    "branch": KindWords(
        Text("Nhánh của biểu thức", "Branch"),
        Text(
            "Nhánh này có thể mất mà không ai biết: không kiểm thử nào cần đến nó.",
            "The branch can be left out and nobody knows: no test needs it.",
        ),
    ),
    "aggregation": KindWords(
        Text("Phép gộp", "Aggregation"),
        Text(
            "Kiểm thử chỉ có một chuỗi trong nhóm, hoặc các chuỗi bằng nhau.",
            "The tests have one series in a group only, or series that are equal.",
        ),
    ),
    "function": KindWords(
        Text("Hàm", "Function"),
        Text(
            "Giá trị trong cửa sổ của kiểm thử không đổi: hàm nào cũng cho cùng kết quả.",
            "Values do not change within the windows of the tests: any function gives the same.",
        ),
    ),
}
