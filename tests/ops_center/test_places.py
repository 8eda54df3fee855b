"""A place inside an expression is a place in the file, in every style that YAML can write it."""

import pytest

from ops_center.rules.files import RuleFilesError, load_text
from ops_center.rules.places import line_column, offsets
from ops_center.rules.yaml_nodes import Document

STYLES = {
    "plain": "expr: sum(lửa) + bad",
    "plain over lines": "expr: sum(lửa)\n      + bad",
    "single": "expr: 'sum(lửa) + ''x'' + bad'",
    "double": 'expr: "sum(lửa) + \\"x\\" + \\u0062ad"',
    "double over lines": 'expr: "sum(lửa)\\n\\\n  + \\\n   bad"',
    "literal": "expr: |\n    sum(lửa)\n      + bad\n",
    "literal, blank lines first": "expr: |\n\n\n    sum(lửa)\n      + bad\n",
    "literal, indentation given": "expr: |2\n     sum(lửa)\n   + bad\n",
    "literal, stripped": "expr: |-\n  sum(lửa)\n  + bad",
    "folded": "expr: >\n  sum(lửa)\n\n  + sum(y)\n     + sum(z)\n  + bad\n",
    "folded, stripped": "expr: >-\n  sum(lửa)\n  + bad\n",
}


@pytest.mark.parametrize("style", STYLES)
def test_each_character_is_found_where_it_is_written(style: str) -> None:
    """The last word of the expression stands at the last word of the file; letters before it are not ASCII."""
    text = f"ồ: 1\n{STYLES[style]}"
    document = Document(text, "f.yml")
    assert document.root is not None
    node = document.root.value[1][1]
    where = offsets(text, node)
    assert len(where) == len(node.value) + 1
    start = node.value.index("bad")
    written = max(text.rfind("bad"), text.rfind("\\u0062ad"))
    assert where[start] == written and line_column(text, written)[0] == text.count("\n", 0, written) + 1
    for char, offset in zip(node.value, where, strict=False):
        assert char.isspace() or text[offset] in (char, "\\")


def test_an_error_in_a_folded_expression_stands_where_it_is() -> None:
    """Folding makes one line of several; the message names the one in the file."""
    rule = "groups:\n- name: g\n  rules:\n  - record: r\n    expr: >\n      sum(a)\n\n      + sum(b)\n      + )\n"
    with pytest.raises(RuleFilesError) as why:
        load_text(rule, "r.yml")
    assert str(why.value).startswith("r.yml:9:9: ")
