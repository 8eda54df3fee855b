"""Why, why not: each part of a rule's expression with its value, what ended the chain, and how the alert stood."""

from collections.abc import Iterator, Mapping

import pytest

from ops_center.promql.engine import Engine
from ops_center.promql.explain import Question, Recorded, ended_by, explain
from ops_center.promql.explained import Node, walk
from ops_center.promql.focus import Focus
from ops_center.promql.parser import ParseError
from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.why import Asked, NoSuchAlert, parse_labels, why
from ops_center.series import SeriesStore

ZERO_MS = 1_000_000_000_000
END_S = 590
RULES = """
groups:
  - name: roads
    interval: 15s
    rules:
      - record: road:slow
        expr: speed < 20
        labels: {made: here}
      - alert: Slow
        expr: road:slow and on (road) flow > 2
        for: 2m
        keep_firing_for: 1m
        labels: {severity: major}
"""


def store() -> SeriesStore:
    """Two roads each 15 s: `a` slow from 300 to 450 s; `b` falls silent at 200 s; `c` ends with a stale marker at 400 s."""
    made = SeriesStore()
    for t_s in range(0, 600, 15):
        values = {"a": 10.0 if 300 <= t_s < 450 else 50.0, "b": 40.0, "c": 40.0}
        for road, speed in values.items():
            if (road == "b" and t_s > 200) or (road == "c" and t_s > 400):
                continue
            made.append_sample("speed", {"road": road, "zone": "z"}, t_s * 1000, speed)
            made.append_sample("flow", {"road": road, "zone": "z"}, t_s * 1000, speed / 2)
    made.mark_stale("speed", {"road": "c", "zone": "z"}, 405_000)
    made.append_sample("late", {"road": "a"}, 580_000, 1.0, received_at_ms=700_000)
    made.append_sample("seldom", {"road": "a"}, 580_000, 1.0)
    return made


def asked(
    text: str, at_s: int = END_S, focus: Focus | None = None, records: Mapping[str, tuple[Recorded, ...]] | None = None
) -> Node:
    """The tree of an expression over the two roads, as it was known then."""
    at_ms = ZERO_MS + at_s * 1000
    return explain(Engine(store(), ZERO_MS), Question(text, at_ms, at_ms, focus or {}, records=records or {}))


def ends(node: Node) -> list[tuple[str, str]]:
    """Text and code of the parts at which the chain ended."""
    return [(part.text, part.reason.code if part.reason else "") for part in ended_by(node)]


A, B, C = {"road": "a"}, {"road": "b"}, {"road": "c"}
ELSEWHERE = "speed and on (zone) label_replace(flow, 'zone', 'other', '', '')"
WHY_NOT: list[tuple[str, Focus, tuple[str, str]]] = [
    ("speed < 20", A, ("speed < 20", "comparison")),
    ("speed < 20", B, ("speed", "gap")),
    ("speed < 20", C, ("speed", "ended")),
    ("speed < 20", {"road": "nowhere"}, ("speed", "other_labels")),
    ("nope > 1", {}, ("nope", "unknown_metric")),
    ('speed{zone="y"} > 1', {}, ('speed{zone="y"}', "no_series")),
    ("late > 0", A, ("late", "late")),
    ("rate(seldom[1m]) >= 0", A, ("rate(seldom[1m])", "few_samples")),
    ("avg_over_time(speed[1m]) < 99", B, ("speed[1m]", "gap")),
    ("speed > 5 and on (road) flow > 900", A, ("flow > 900", "comparison")),
    ("speed > 5 and on (road) nope", A, ("nope", "unknown_metric")),
    (ELSEWHERE, A, (ELSEWHERE, "no_match")),
    ("speed unless on (road) flow", A, ("speed unless on (road) flow", "excluded")),
    ("speed == 7 or flow == 7", A, ("speed == 7", "comparison")),
    ("absent(speed)", {}, ("absent(speed)", "there_is")),
    ("sum by (zone) (speed) > 100", {"zone": "z"}, ("sum by (zone) (speed) > 100", "comparison")),
    ("sum by (zone) (speed < 3) > 0", {"zone": "z"}, ("speed < 3", "comparison")),
    ("-(speed offset 1h) < 0", A, ("speed offset 1h", "never")),
    ("speed + on (zone) flow", {}, ("speed + on (zone) flow", "error")),
    ("topk(1, flow{road=~'a|c'}) > 900", A, ("topk(1, flow{road=~'a|c'}) > 900", "comparison")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "focus", "end"), WHY_NOT, ids=[f"{text} {focus}" for text, focus, _ in WHY_NOT])
def test_the_chain_ends_where_it_ended(text: str, focus: Focus, end: tuple[str, str]) -> None:
    """A question about what has no result is answered with the part that had none, and a reason."""
    at_s = 580 if "topk" in text else END_S
    node = asked(text, at_s, focus)
    assert not node.holds and ends(node)[0] == end


def test_an_or_ends_at_both_its_sides() -> None:
    """Each side alone would have been enough, so both are named."""
    assert ends(asked("speed == 7 or nope", focus=A)) == [("speed == 7", "comparison"), ("nope", "unknown_metric")]


def test_each_part_has_the_value_that_the_engine_gives_it() -> None:
    """A part asked about inside an expression and the part asked alone are the same numbers, wherever it stands in the text."""
    text = "sum by (zone) (avg_over_time(speed[1m])) / count by (zone) (speed) > 30 unless on (zone) max by (zone) (flow) > 900"
    tree, engine = asked(text), Engine(store(), ZERO_MS)
    parts = [part for part in walk(tree) if part.kind in ("aggregate", "call", "selector", "arithmetic")]
    assert len(parts) == 7
    for part in parts:
        alone = engine.instant(part.text, ZERO_MS + END_S * 1000)
        values = sorted(alone.values[alone.present].tolist())  # type: ignore[union-attr]  # all are vectors
        assert sorted(shown.value or 0 for shown in part.shown) == values
        assert text[part.start : part.end] == part.text


def test_a_comparison_says_by_how_much_the_nearest_failed() -> None:
    """Of several series it is the one that came nearest to holding that is told, with the distance."""
    node = asked("flow > 30")
    assert node.reason is not None
    assert (node.reason.facts["left"], node.reason.facts["short_by"], node.reason.facts["of"]) == (25.0, 5.0, 2)


def test_the_last_sample_is_told_with_its_instant() -> None:
    """A selector says when its sample was taken; a gap says how long ago, and how far the engine looks back."""
    assert [shown.at_ms for shown in asked("speed", focus=A).shown] == [585_000]
    reason = asked("speed", focus=B).reason
    assert reason is not None and dict(reason.facts) == {"last_ms": 195_000, "ago_ms": 395_000, "lookback_ms": 300_000}


def test_what_rules_record_is_followed_into_its_rule_once() -> None:
    """A recorded metric is explained by the expression that records it; a second mention of it is not told again."""
    records = {"slow": (Recorded("speed < 20", ("made",)), Recorded("speed < 5"))}
    node = asked("slow and on (road) slow", focus={**A, "made": "here"}, records=records)
    assert ends(node) == [("speed < 20", "comparison"), ("speed < 5", "comparison")]
    assert sum(part.kind == "record" for part in walk(node)) == 2


def test_a_long_chain_and_a_deep_expression_are_answered() -> None:
    """500 operators and 90 parentheses are explained without running out of stack; what lies deep is folded."""
    chain = asked(" + ".join(["speed"] * 400), focus=A)
    assert chain.holds and any(part.reason and part.reason.code == "folded" for part in walk(chain))
    assert asked("(" * 90 + "speed" + ")" * 90, focus=A).holds


def test_bad_text_is_refused_with_its_place() -> None:
    """No tree is made of what is no expression."""
    with pytest.raises(ParseError, match=r"^1:9: "):
        asked("speed < ")


@pytest.fixture(scope="module")
def rules() -> Iterator[RuleEngine]:
    """The rules after ten minutes over the two roads."""
    engine = RuleEngine(store(), Settings(ZERO_MS, 15_000))
    engine.load([load_text(RULES, "roads.yml")], 0)
    at_ms: int | None = 0
    while at_ms is not None and at_ms <= END_S * 1000:
        engine.evaluate(at_ms)
        at_ms = engine.next_evaluation_ms(at_ms)
    yield engine


STOOD = [  # at, verdict, condition, held, fires, kept since, kept until [s]
    (200, "false", "inactive", None, None, None, None),
    (310, "pending", "pending", 0, 420, None, None),
    (400, "pending", "pending", 90, 420, None, None),
    (430, "firing", "firing", 120, 420, None, None),
    (460, "kept", "firing", 150, 420, 450, 510),
    (505, "kept", "firing", 195, 420, 450, 510),
    (510, "false", "inactive", None, None, None, None),
]


@pytest.mark.parametrize(("at_s", "verdict", "condition", "held", "fires", "since", "until"), STOOD)
def test_the_alert_stood_as_its_rule_left_it(
    rules: RuleEngine, at_s: int, verdict: str, condition: str, held: int, fires: int, since: int, until: int
) -> None:
    """Long after, an instant can be asked about: since when, how long of `for`, when it fires, how long it is kept."""
    document = why(rules, Asked(at_s * 1000, "Slow", labels={"road": "a", "severity": "major"}))
    seen = [document["verdict"], document["condition"]]
    assert seen == [verdict, condition]
    known = [document[name] for name in ("held_ms", "fires_at_ms", "kept_since_ms", "kept_until_ms")]
    assert known == [None if s is None else s * 1000 for s in (held, fires, since, until)]
    assert document["evaluated_ms"] == at_s * 1000 - at_s * 1000 % 15_000 and document["next_ms"] > document["at_ms"]


@pytest.mark.parametrize("at_s", [row[0] for row in STOOD])
def test_an_expression_of_ones_own_stands_as_a_rule_would(rules: RuleEngine, at_s: int) -> None:
    """The editor's expression with a `for` and `keep_firing_for` says the same as the rule that has them."""
    text = "speed < 20 and on (road) flow > 2"
    own = why(rules, Asked(at_s * 1000, text=text, labels={"road": "a"}, for_ms=120_000, keep_firing_for_ms=60_000))
    rule = why(rules, Asked(at_s * 1000, "Slow", labels={"road": "a"}))
    names = ("verdict", "condition", "held_ms", "fires_at_ms", "kept_since_ms", "kept_until_ms", "holds")
    assert [own[n] for n in names] == [rule[n] for n in names]


def test_how_long_something_has_been_true_is_looked_for_as_far_as_needed(rules: RuleEngine) -> None:
    """An expression that has been true from the start is, however short its `for`."""
    document = why(rules, Asked(END_S * 1000, text="flow > 2", labels={"road": "a"}, for_ms=15_000))
    assert (document["active_at_ms"], document["verdict"]) == (0, "firing")


def test_asking_leaves_the_rules_as_they_were(rules: RuleEngine) -> None:
    """Neither states nor what the store has selected change by a question."""
    before, selected = rules.snapshot(), set(rules.store._selections)
    why(rules, Asked(430_000, "Slow", labels={"road": "a"}))
    assert rules.snapshot() == before and set(rules.store._selections) == selected


def test_an_unknown_alert_is_refused_with_one_that_is_meant(rules: RuleEngine) -> None:
    """The error names alerts that there are."""
    with pytest.raises(NoSuchAlert, match=r"'Sloww'; expected one such as Slow"):
        why(rules, Asked(0, "Sloww"))


def test_labels_are_read_from_pairs() -> None:
    """`name=value`, quoted or not; anything else says what was expected."""
    assert parse_labels(["a=b", 'c = "d"', "e="]) == {"a": "b", "c": "d", "e": ""}
    with pytest.raises(ValueError, match="saw 'ab', expected name=value"):
        parse_labels(["ab"])
