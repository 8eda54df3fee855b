"""Rule files load whole or not at all, and say where they are wrong."""

from __future__ import annotations

import pytest

from ops_center.rules.files import RuleFilesError, load_files, load_text
from ops_center.rules.notation import NotationError, parse_values
from ops_center.rules.yaml_nodes import FileError

GOOD = """
groups:
- name: traffic
  interval: 15s
  query_offset: 5s
  limit: 10
  labels: {team: roads}
  rules:
  - record: zone:speed:avg
    expr: avg by (zone) (speed)
  - alert: Slow
    expr: |
      speed < 15
        and on (zone) busy
    for: 2m
    keep_firing_for: 1m
    labels: {severity: "1"}
    annotations:
      summary: "{{ $labels.zone }} chậm"
  - alert: Always
    expr: 1
"""


def test_a_good_file_is_understood():
    """Durations, group labels, block scalars, numbers as expressions and Vietnamese text."""
    group = load_text(GOOD, "r.yml").groups[0]
    assert (group.name, group.interval_ms, group.query_offset_ms, group.limit) == ("traffic", 15_000, 5_000, 10)
    record, slow, always = group.rules
    assert record.name == "zone:speed:avg" and record.labels == (("team", "roads"),)
    assert (slow.for_ms, slow.keep_firing_for_ms, slow.line) == (120_000, 60_000, 11)
    assert dict(slow.labels) == {"severity": "1", "team": "roads"}
    assert slow.annotations == (("summary", "{{ $labels.zone }} chậm"),)
    assert always.text == "1"


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("  interval: 15s", "  intervall: 15s", "4:3", "unknown key 'intervall'"),
        ("  interval: 15s", "  interval: 15 s", "4:13", "not a duration"),
        ("  limit: 10", "  limit: ten", "6:10", "saw 'ten'"),
        ("      speed < 15", "      speed << 15", "13:14", "could not parse expression"),
        ("        and on (zone) busy", "        and on (zone busy", "14:22", "could not parse"),
        ("  - alert: Slow", "  - alert: Slow\n    record: x", "11:5", "only one of"),
        ("  - alert: Slow", "  - annotatons: {}", "11:5", "unknown key"),
        ("zone:speed:avg", "zone speed", "9:13", "invalid recording rule name"),
        ('{severity: "1"}', "{__name__: a}", "17:13", "invalid label name"),
        ("{{ $labels.zone }}", "{{ $lables.zone }}", "19:7", "undefined variable"),
        ("  - record: zone:speed:avg", "  - record: zone:speed:avg\n    for: 1m", "10:10", "invalid field 'for'"),
        ("    expr: 1", "    expr: rate(speed)", "21:16", "expected type range vector"),
        ("    expr: 1", "    expr: 1\n    expr: 2", "22:5", "appears twice"),
        ("groups:", "groups: [", "3:1", "not YAML"),
    ],
)
def test_errors_name_file_line_and_column(old, new, place, said):
    """Each mistake is said as file:line:column: what, seen, expected."""
    assert old in GOOD
    with pytest.raises((RuleFilesError, FileError)) as why:
        load_text(GOOD.replace(old, new, 1), "r.yml")
    assert said in str(why.value)
    assert f"r.yml:{place}: " in str(why.value), str(why.value)


def test_loading_is_all_or_nothing():
    """One bad file among good ones loads nothing, and every error is reported."""
    bad = GOOD.replace("speed < 15", "speed <").replace("expr: 1", "expr: nope()")
    with pytest.raises(RuleFilesError) as why:
        load_files({"a.yml": GOOD, "b.yml": bad, "c.yml": "groups: {}"})
    assert [e.file for e in why.value.errors] == ["b.yml", "b.yml", "c.yml"]


def test_large_files_and_alias_bombs_are_refused():
    """Over a mebibyte, or aliases that expand without end, are errors and cost nothing."""
    with pytest.raises(FileError, match="file too large: saw"):
        load_text("# " + "x" * (1 << 20), "big.yml")
    bomb = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    with pytest.raises(FileError, match="too many nodes"):
        load_text(bomb, "bomb.yml")
    with pytest.raises(FileError, match="not YAML"):
        load_text("[" * 5000, "deep.yml")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1+2x3", [1, 3, 5, 7]),
        ("5x2", [5, 5, 5]),
        ("0x3", [0, 0, 0, 0]),
        ("10-5x2", [10, 5, 0]),
        ("-1.5 Inf 1e3", [-1.5, float("inf"), 1000]),
    ],
)
def test_series_notation(text, values):
    """promtool's shorthand, where 0x3 is zero four times and not hexadecimal."""
    points = parse_values(text)
    assert points.values.tolist() == values and set(points.kinds.tolist()) == {1}


def test_gaps_stale_markers_and_nonsense():
    """`_` is a gap, `_x2` two, `stale` ends; anything else is refused."""
    assert parse_values("_ 1 _x2 stale").kinds.tolist() == [0, 1, 0, 0, 2]
    for text in ("abc", "1x", "1+x3", "1x9999999"):
        with pytest.raises(NotationError):
            parse_values(text)
