"""Relabelling does what Prometheus' `metric_relabel_configs` do; many label sets at once give what each gives alone."""

import hashlib

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from ops_center.label_sets import Labels, labels_of
from ops_center.mapping import load_mapping
from ops_center.relabel import Step, expand, relabel, relabelled, sets_of, table_of
from ops_center.rules.yaml_nodes import FileError

BASE = {"__name__": "m", "a": "foo", "b": "bar", "c": "Baz"}
MD5_FOO = int.from_bytes(hashlib.md5(b"foo", usedforsecurity=False).digest()[8:], "big")

# Each step and what it makes of BASE; None: dropped. Written by hand from the documented meaning of each action.
EXAMPLES: list[tuple[Step, dict[str, str] | None]] = [
    (Step(source_labels=("a",), regex="f(.*)", target_label="d", replacement="ch${1}-ch${1}"), {**BASE, "d": "choo-choo"}),
    (Step(source_labels=("a", "b"), regex="f(.*);(.*)r", target_label="a", replacement="b${1}${2}m"), {**BASE, "a": "boobam"}),
    (Step(source_labels=("a",), regex="o", target_label="d"), BASE),  # anchored: no match inside
    (Step(target_label="env", replacement="prod"), {**BASE, "env": "prod"}),
    (Step(source_labels=("a",), target_label="b", replacement=""), {k: v for k, v in BASE.items() if k != "b"}),
    (Step(source_labels=("missing",), target_label="b"), {k: v for k, v in BASE.items() if k != "b"}),
    (Step(source_labels=("a",), regex="(f)(oo)", target_label="${1}_x", replacement="$2"), {**BASE, "f_x": "oo"}),
    (Step(source_labels=("a",), regex="(f).*", target_label="$1x", replacement="v"), BASE),  # $1x names no group: no label
    (Step("keep", ("a",), regex="foo|x"), BASE),
    (Step("keep", ("a",), regex="fo"), None),
    (Step("drop", ("a", "b"), separator="-", regex="foo-bar"), None),
    (Step("drop", ("a",), regex="oo"), BASE),
    (Step("keepequal", ("a",), target_label="b"), None),
    (Step("dropequal", ("a",), target_label="b"), BASE),
    (Step("lowercase", ("c",), target_label="c"), {**BASE, "c": "baz"}),
    (Step("uppercase", ("c",), target_label="d"), {**BASE, "d": "BAZ"}),
    (Step("hashmod", ("a",), target_label="d", modulus=1000), {**BASE, "d": str(MD5_FOO % 1000)}),
    (Step("labelmap", regex="([ab])", replacement="x_$1"), {**BASE, "x_a": "foo", "x_b": "bar"}),
    (Step("labeldrop", regex="[ab]"), {"__name__": "m", "c": "Baz"}),
    (Step("labelkeep", regex="__name__|a"), {"__name__": "m", "a": "foo"}),
]


@pytest.mark.parametrize(("step", "expected"), EXAMPLES, ids=lambda x: f"{x.action} {x.regex}" if isinstance(x, Step) else "")
def test_each_action_does_what_it_is_documented_to_do(step: Step, expected: dict[str, str] | None) -> None:
    """Anchored regular expressions, empty values are no labels, an unusable target changes nothing."""
    assert relabel(BASE, [step]) == expected


def by_name(found: dict[str, str], step: Step) -> dict[str, str]:
    """The actions on names of labels."""
    match = {name: re2.fullmatch(step.regex, name) for name in sorted(found)}
    if step.action == "labelmap":
        return found | {expand(step.replacement, m): found[n] for n, m in match.items() if m and found[n]}
    keeps = step.action == "labelkeep"
    return {name: old for name, old in found.items() if (match[name] is not None) == keeps}


def one_by_one(labels: Labels, steps: list[Step]) -> Labels | None:
    """The same in the plainest way: one label set, one dictionary."""
    found = dict(labels)
    for step in steps:
        value = step.separator.join(found.get(name, "") for name in step.source_labels)
        match = re2.fullmatch(step.regex, value)
        target = found.get(step.target_label, "")
        if step.action in ("keep", "drop") and (match is not None) != (step.action == "keep"):
            return None
        if step.action in ("keepequal", "dropequal") and (target == value) != (step.action == "keepequal"):
            return None
        if step.action == "replace" and match is not None:
            name = expand(step.target_label, match)
            if name.isidentifier():
                found[name] = expand(step.replacement, match)
        if step.action.startswith("label"):
            found = by_name(found, step)
    return labels_of(found)


NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from(["", "x", "y", "xy", "x;y"])
SETS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4).map(labels_of), min_size=1, max_size=8)
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["replace", "keep", "drop", "keepequal", "dropequal", "labelmap", "labeldrop", "labelkeep"]),
        st.lists(NAMES, max_size=3).map(tuple),
        st.sampled_from([";", "", "-"]),
        st.sampled_from(["(.*)", "(x)(.*)", "x|y", "[ab]", "([a-c])", ""]),
        st.sampled_from(["a", "e", "${1}a", "q_$1"]),
        st.sampled_from(["$1", "", "k", "z_$1", "a"]),
    ),
    max_size=5,
)


@pytest.mark.slow
@given(SETS, STEPS)
def test_many_sets_at_once_give_what_each_gives_alone(sets: list[Labels], steps: list[Step]) -> None:
    """Columns are only a faster way to the same labels."""
    table = relabelled(table_of(sets), steps)
    got = [labels if alive else None for labels, alive in zip(sets_of(table), table.alive.tolist(), strict=True)]
    assert got == [one_by_one(labels, steps) for labels in sets]


BAD = {
    "nothing": ("", "saw nothing", 1),
    "unknown key": ("relabel: []", "unknown key 'relabel'", 1),
    "unknown action": ("metric_relabel_configs:\n- action: rename\n", "saw 'rename'", 2),
    "no target": ("metric_relabel_configs:\n- source_labels: [a]\n", "no target_label", 2),
    "bad regex": (
        "metric_relabel_configs:\n- source_labels: [a]\n  target_label: b\n  regex: '('\n",
        "bad regular expression",
        4,
    ),
    "not RE2": ("metric_relabel_configs:\n- target_label: b\n  regex: '(?<!x)a'\n", "bad regular expression", 3),
    "bad target": ("metric_relabel_configs:\n- target_label: 1b\n", "saw '1b'", 2),
    "no modulus": ("metric_relabel_configs:\n- {action: hashmod, target_label: b}\n", "no modulus", 2),
    "labeldrop with a source": ("metric_relabel_configs:\n- action: labeldrop\n  source_labels: [a]\n", "saw 'source_labels'", 3),
    "scale 0": ("values:\n- metric: m\n  scale: 0\n", "saw 0", 3),
    "scale NaN": ("values:\n- {metric: m, scale: nan}\n", "expected a finite number", 2),
    "twice": ("values:\n- metric: m\n- metric: m\n", "appears twice", 3),
    "no metric": ("values:\n- scale: 2\n", "expected a metric name", 2),
    "huge": ("#" + "x" * (1 << 20), "file too large", 1),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_mapping_file_is_refused_at_its_place(name: str) -> None:
    """file:line:column, what was seen and what was expected."""
    text, message, line = BAD[name]
    with pytest.raises(FileError) as why:
        load_mapping(text, "names.yml")
    assert message in str(why.value) and why.value.line == line
