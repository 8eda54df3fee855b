"""On whose readings an alert rests: the kinds of devices that can say that it is over.

Lives here: from a rule over the rules that it reads to the metrics at the bottom. Must not know: devices, when anybody spoke.
What stands behind `unless` only keeps a rule quiet, and what the registry says is no reading: neither bears witness.
"""

from collections.abc import Collection, Iterable, Mapping

from ops_center.label_sets import NAME, Matcher, test_of
from ops_center.promql.ast import Binary, Expr, Selector, children
from ops_center.rules.files import Rule, RuleFile


def witnesses(files: Iterable[RuleFile], metrics: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """Return for each alert the kinds of devices whose readings it rests on; `metrics` are those of each kind."""
    rules = [rule for file in files for group in file.groups for rule in group.rules]
    recorded: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.record:
            recorded.setdefault(rule.record, []).append(rule)
    found: dict[str, frozenset[str]] = {}
    for rule in rules:
        if rule.alert:
            found[rule.alert] = found.get(rule.alert, frozenset()) | _kinds(rule, recorded, metrics)
    return found


def _kinds(rule: Rule, recorded: Mapping[str, list[Rule]], metrics: Mapping[str, Collection[str]]) -> frozenset[str]:
    kinds: set[str] = set()
    stack, seen = [rule.expr], {id(rule)}
    while stack:
        for selector in _selectors(stack.pop()):
            kinds |= {kind for kind, names in metrics.items() if _hears(selector, kind, names)}
            for one in recorded.get(selector.metric, ()):
                if id(one) not in seen:
                    seen.add(id(one))
                    stack.append(one.expr)
    return frozenset(kinds)


def _selectors(expr: Expr) -> list[Selector]:
    found: list[Selector] = []
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, Selector):
            found.append(node)
        stack += [node.lhs] if isinstance(node, Binary) and node.op == "unless" else children(node)
    return found


def _hears(selector: Selector, kind: str, names: Collection[str]) -> bool:
    """Whether a selector takes readings of a kind."""
    named = [Matcher(NAME, "=", selector.metric)] if selector.metric else []
    matchers = [*named, *selector.matchers]
    if not all(test_of(m)(kind) for m in matchers if m.name == "kind"):
        return False
    tests = [test_of(m) for m in matchers if m.name == NAME]
    return bool(tests) and any(all(test(name) for test in tests) for name in names)
