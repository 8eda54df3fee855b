"""Test files of thousands of series are read by rows; what comes out is what the reader of YAML makes of the whole text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops_center.label_sets import Labels
from ops_center.rules import notation, testfile
from ops_center.rules.notation import NotationError, Points, parse_labels
from ops_center.rules.regular_rows import LEAST, cut_rows
from ops_center.rules.testfile import STRICT, TestFile, load_test_text
from ops_center.rules.yaml_nodes import Document, FileError

SERIES = [
    """'up{job="a",zone="z1"}'""", "up", """'{__name__="up",b="é ô"}'""", "m:rate", '"up"', "'a''b'", """'m{a="x",a="y"}'""",
    "null", "~", "'up{a=\"null\"}'", '"up{a=\\"b\\"}"', "up # note", "|\n      up", "'up\n      '", "*s", "&s up", "!!str up", "",
]  # fmt: skip
VALUES = [
    "'1 2 3'",
    "0+1x4",
    '"1 _ stale"',
    "-1x3",
    "1",
    "'1 2'  ",
    "1 2\n      3",
    "1 x",
    "'{{count:1}}'",
    "1: 2",
    "[1]",
    "'1\t2'",
    "",
]
KEYS = [("series", "values")] * 6 + [("values", "series"), ("series", "series"), ("series", "value")]


def item(keys: tuple[str, str], series: str, values: str, indent: str = "  ", between: str = "") -> str:
    texts = [series if key == "series" else values for key in keys]
    return f"{indent}- {keys[0]}: {texts[0]}\n{between}{indent}  {keys[1]}: {texts[1]}\n"


plain = st.builds(item, st.just(KEYS[0]), st.sampled_from(SERIES[:5]), st.sampled_from(VALUES[:5]))
others = st.one_of(
    st.builds(item, st.sampled_from(KEYS), st.sampled_from(SERIES), st.sampled_from(VALUES)),
    st.builds(item, st.just(KEYS[0]), st.just("up"), st.just("1"), st.sampled_from(["", " ", "   "])),
    st.builds(item, st.just(KEYS[0]), st.just("up"), st.just("1"), between=st.sampled_from(["\n", "  # a note\n", "   \n"])),
    st.sampled_from(
        ["\n", "  # a note\n", "  - {series: up, values: 1}\n", "  extra: 1\n", "    more: 1\n", "---\n", "  -\n", "\x85\n"]
    ),
)
stretch = st.one_of(st.lists(plain, max_size=3 * LEAST), plain.map(lambda one: [one] * (2 * LEAST)), st.lists(others, max_size=2))
HEADS = [
    "tests:\n- input_series:\n", "tests:\n- name: x\n  input_series:\n", "tests:\n- input_series: &i\n", "tests:\n- name: |\n",
    "tests:\n- name: 'a\n", "tests:\n- name: \"a\n", "tests:\n- name: a\n", "tests: [{input_series: [\n",
    "tests:\n- input_series: |\n",
    "tests:\n- external_labels:\n", "tests:\n- alert_rule_test:\n", "? \n", "input_series:\n", "",
]  # fmt: skip
TAILS = [
    "",
    "  name: y\n",
    "- input_series: *i\n",
    "'\n",
    '"\n',
    "]}]\n",
    "  promql_expr_test:\n  - {expr: up, eval_time: 1m}\n",
    "...\n",
    "  bad\n",
]
parts = st.lists(stretch, min_size=1, max_size=4).map(lambda lists: "".join(line for some in lists for line in some))
texts = st.builds(
    "".join, st.tuples(st.sampled_from(HEADS), parts, st.sampled_from(TAILS), st.sampled_from(["", *HEADS[:2]]), parts)
)
good = st.builds(lambda some: HEADS[0] + "".join(some), st.lists(plain, min_size=LEAST, max_size=40))


def shown(points: Points | None) -> Any:
    return None if points is None else (points.values.tolist(), points.kinds.tolist())


def outcome(read: Any, text: str) -> Any:
    """What a text means, or what is wrong with it and where."""
    try:
        file: TestFile = read(text)
    except FileError as why:
        return str(why)
    tests = [(t.name, [(labels, shown(p)) for labels, p in t.series], t.alerts, t.exprs, t.line) for t in file.tests]
    return file.path, file.rule_files, file.dialect, repr(tests)


def whole(text: str) -> TestFile:
    document = Document(text, "x.yml", testfile.MAX_BYTES, testfile.MAX_NODES)
    return testfile._Reader(document, STRICT, {}).file()


@given(st.one_of(good, texts))
@example(HEADS[0] + item(KEYS[0], "up", "1") * LEAST + "   2\n")  # the last value goes on in the next line
@example(HEADS[0] + item(KEYS[0], "up", "1") * LEAST + "    more: 1\n")
@example(HEADS[3] + item(KEYS[0], "up", "1", "    ") * LEAST)  # all of it is text
@example(HEADS[4] + item(KEYS[0], "up", "1") * LEAST + "'\n")
@example("tests:\n- &t\n  input_series:\n" + item(KEYS[0], "up", "1") * LEAST + "- *t\n")
def test_by_rows_or_as_a_whole_a_file_says_the_same(text: str) -> None:
    """Series, assertions and lines, or the very same error at the same place."""
    assert outcome(lambda some: load_test_text(some, "x.yml"), text) == outcome(whole, text)


@given(good)
def test_files_as_people_write_them_are_read_by_rows(text: str) -> None:
    """The rows between the first and the last series are taken out, and the file is read without them."""
    cut = cut_rows(text, "series", "values")
    assert cut is not None and cut.rows == text.count("- series") - 2
    assert cut.text.count("\n") == text.count("\n") and cut.text.count("- series:") == 2
    assert testfile._read_by_rows(text, "x.yml", STRICT) is not None


def test_the_limits_are_those_of_the_whole_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes and points that were taken out count like the others."""
    text = HEADS[0] + item(KEYS[0], "up", "0x9") * 20
    for name, least in (("MAX_NODES", 6 + 100), ("MAX_FILE_POINTS", 200), ("MAX_BYTES", len(text))):
        with monkeypatch.context() as patched:
            patched.setattr(testfile, name, least)
            assert len(load_test_text(text, "x.yml").tests[0].series) == 20
            patched.setattr(testfile, name, least - 1)
            with pytest.raises(FileError, match=r"too (many|large)") as why:
                load_test_text(text, "x.yml")
            if name == "MAX_FILE_POINTS":
                assert (why.value.line, why.value.column) == (41, 5)


names = st.sampled_from(["a", "b", "__name__", "A", "le", "instance"])
label_values = st.sampled_from(["", "x", "é", "a b", "}", "{", ",", "=", "a=b", "'", "\\\\", '\\"', "\n"])
spaces, quotes = st.sampled_from(["", " "]), st.sampled_from('"""\'`')
pairs = st.builds("{}{}={}{}{}{}".format, names, spaces, spaces, quotes, label_values, quotes)
metrics = st.sampled_from(["", "up", " up", "a:b", "1a", "é", "sum"])
ends = st.sampled_from(["}", ",}", " }", "} ", "", "}x", '}"', "}[5m]"])
opening = st.sampled_from(["{", " {", "{ ", ""])
selectors = st.builds("{}{}{}{}{}".format, metrics, opening, st.lists(pairs, max_size=4).map(",".join), ends, spaces)


def labels_or_error(read: Any, text: str) -> Labels | str:
    try:
        found: Labels = read(text)
    except NotationError as why:
        return str(why)
    return found


@given(selectors)
@example('up{a="b"}"c')
@example('up{a="b","c"="d"}')
def test_labels_by_their_shape_are_those_of_the_grammar(text: str) -> None:
    """Whatever stands in values, names and between: the same label set, or the same refusal; but none at all is no mistake."""
    found = labels_or_error(parse_labels, text)
    if found == ():
        assert text.strip().startswith("{") and not re.search(r"""["'`][^"'`,}]+["'`]""", text)
    else:
        assert found == labels_or_error(notation._any_labels, text)
