"""Names, argument types and result types of all functions; knows nothing of how they are computed."""

from __future__ import annotations

from dataclasses import dataclass

from ops_center.promql.errors import PromQLError

SCALAR, VECTOR, MATRIX, STRING = "scalar", "vector", "matrix", "string"


@dataclass(frozen=True, slots=True)
class Signature:
    """`args` are types in order; `optional` counts how many at the end may be left out; `repeat` allows more of the last."""

    args: tuple[str, ...]
    result: str = VECTOR
    optional: int = 0
    repeat: bool = False


def _table() -> dict[str, Signature]:
    table: dict[str, Signature] = {}

    def add(names: str, args: str, result: str = VECTOR, optional: int = 0, repeat: bool = False) -> None:
        for name in names.split():
            table[name] = Signature(tuple(args.split()), result, optional, repeat)

    add("abs ceil floor exp ln log2 log10 sqrt sgn absent timestamp sort sort_desc", VECTOR)
    add("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad", VECTOR)
    add("minute hour day_of_week day_of_month day_of_year days_in_month month year", VECTOR, optional=1)
    add("rate increase delta irate idelta deriv changes resets absent_over_time present_over_time", MATRIX)
    add("avg_over_time min_over_time max_over_time sum_over_time count_over_time stddev_over_time stdvar_over_time", MATRIX)
    add("last_over_time first_over_time mad_over_time ts_of_max_over_time ts_of_min_over_time", MATRIX)
    add("ts_of_last_over_time ts_of_first_over_time", MATRIX)
    add("quantile_over_time", "scalar matrix")
    add("predict_linear", "matrix scalar")
    add("double_exponential_smoothing holt_winters", "matrix scalar scalar")
    add("clamp", "vector scalar scalar")
    add("clamp_min clamp_max", "vector scalar")
    add("round", "vector scalar", optional=1)
    add("time pi step range start end", "", SCALAR)
    add("min_of max_of", "scalar scalar", SCALAR)
    add("scalar", VECTOR, SCALAR)
    add("vector", SCALAR)
    add("histogram_quantile", "scalar vector")
    add("histogram_quantiles", "vector string scalar", repeat=True)
    add("start_timestamp", VECTOR)
    add("info", "vector vector", optional=1)
    add("histogram_fraction", "scalar scalar vector")
    add("label_replace", "vector string string string string")
    add("label_join", "vector string string string", optional=1, repeat=True)
    add("sort_by_label sort_by_label_desc", "vector string", optional=1, repeat=True)
    return table


SIGNATURES = _table()
UNSUPPORTED_FUNCTIONS = frozenset(  # of native histograms
    [
        "histogram_avg",
        "histogram_count",
        "histogram_sum",
        "histogram_stddev",
        "histogram_stdvar",
    ]
)
EXTENDED = {"anchored": ("changes", "delta", "increase", "rate", "resets"), "smoothed": ("delta", "increase", "rate")}
KEEPS_NAME = frozenset({"last_over_time", "first_over_time"})


def signature_of(name: str) -> Signature:
    """The signature of a function.

    Raises:
        PromQLError: no such function, or one that is declared unsupported.
    """
    if name in UNSUPPORTED_FUNCTIONS:
        raise PromQLError(f"unsupported function {name!r}: native histograms are out of scope")
    if name not in SIGNATURES:
        raise PromQLError(f"unknown function with name {name!r}")
    return SIGNATURES[name]
