"""Rule-test files made to hurt: each is refused within two seconds of work, by a line that a person can read."""

from __future__ import annotations

import pytest

from ops_center.rules.unittest import test_files as run_files
from tests.scenarios.cli_kit import cityops
from tests.soon import soon


def series(*lines: str) -> str:
    return "tests:\n- input_series:\n" + "".join(f"  - {line}\n" for line in lines)


BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
FILES = {
    "nested blocks": ("".join(" " * i + "a:\n" for i in range(1000)), "levels of nesting"),
    "nested dashes": ("- " * 500_000, "levels of nesting"),
    "nested brackets": ("[" * 1_000_000, "levels of nesting"),
    "nested braces": ("{a: " * 300_000, "levels of nesting"),
    "too many nodes": ("tests: [" + "1," * 1_000_000 + "]", "too many nodes"),
    "an alias bomb": (BOMB, "too many nodes"),
    "an alias of itself": ("a: &a [*a]", "too many nodes"),
    "points without end": (series(*(f"{{series: 'a{{x=\"{i}\"}}', values: 0x999999}}" for i in range(100))), "too many points"),
    "one long series beside many": (
        series("{series: b, values: 0x900000}", *(f"{{series: 'b{{x=\"{i}\"}}', values: 1}}" for i in range(5_000))),
        "too uneven",
    ),
    "a long series of single points": (series("{series: b, values: '" + "1 " * 6_000_000 + "'}"), "too many points"),
    "a long count": (series("{series: b, values: 1x" + "9" * 5_000_000 + "}"), "too many points"),
    "a long key": ("? " + "a" * 10_000_000 + "\n: 1", "unknown key"),
    "a long selector": (series("{series: 'a{" + 'b="c",' * 1_000_000 + "}', values: 1}"), "bad series"),
    "a long expression": ("tests:\n- promql_expr_test: [{expr: '" + "(" * 100_000 + "'}]", "could not parse"),
    "evaluations for a century": (
        "evaluation_interval: 1ms\ntests:\n- promql_expr_test: [{expr: 1, eval_time: 100y}]",
        "too many evaluations",
    ),
    "a tab": ("tests:\n" + "\t" * 1_000_000, "'\\t'"),
    "over the limit": ("#" + "x" * (33 << 20), "file too large"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_test_file_made_to_hurt(name):
    """One short line with its place, and no more than two seconds."""
    text, said = FILES[name]
    with soon():
        (result,) = run_files(["x.yml"], texts={"x.yml": text})
    (error,) = result.errors
    assert said in error and error.startswith("x.yml:") and len(error) < 500


def test_rule_files_of_50_mb_are_refused_unread(tmp_path, monkeypatch):
    """Asked for their size, not read: on the command line, and where a test names them."""
    big = tmp_path / "big.yml"
    with big.open("wb") as file:
        file.truncate(50 << 20)
    test = tmp_path / "t.test.yml"
    test.write_text("rule_files: [big.yml]\ntests: [{}]\n")
    read = type(big).read_bytes
    monkeypatch.setattr(type(big), "read_bytes", lambda path: pytest.fail(f"read {path}") if path == big else read(path))
    for arguments in (("rules", "check", big), ("rules", "test", test), ("run", "feeder_blackout", "--headless", "--rules", big)):
        said = cityops(*arguments)
        assert said.status == 2 and f"{big}:1:1: " in said.err + said.out, arguments
        assert "file too large: saw 52428800 bytes, expected at most 1048576" in said.err + said.out
