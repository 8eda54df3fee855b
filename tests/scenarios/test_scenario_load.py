"""Bad scenario files are refused fast, with file, line and column, what was seen and what was expected."""

from pathlib import Path

import pytest

from scenarios.load import loads
from scenarios.yaml_tree import BadFile, read_tree

GOOD = """\
name: little
title: {vi: "Nhỏ", en: Little}
description: {vi: "Một thử nghiệm", en: A trial}
city: small
start_at: "2026-03-03T19:00:00+07:00"
duration: 10 min
timeline:
  - at: 2 min
    inject: feeder_outage
    id: outage
expectations:
  - id: found
    title: {vi: "Tìm ra", en: Found}
    kind: detected
    of: outage
    within: 2 min
"""


def _problems(text: str) -> list[str]:
    with pytest.raises(BadFile) as caught:
        loads(text.encode(), Path("x.yaml"))
    return [str(p) for p in caught.value.problems]


def test_a_good_file_is_read() -> None:
    """Durations become milliseconds, texts keep their diacritics."""
    scenario = loads(GOOD.encode(), Path("x.yaml")).scenario
    assert (scenario.duration, scenario.timeline[0].at, scenario.title.vi) == (600_000, 120_000, "Nhỏ")


@pytest.mark.parametrize(
    ("before", "after", "position", "words"),
    [
        ("duration: 10 min", "duration: 10 minuts", "6:11", ["unknown unit 'minuts'", "expected a duration"]),
        ("duration: 10 min", "duration: 10", "6:11", ["a unit is missing"]),
        ("duration: 10 min", "duration: 10 min\nseeds: 4", "7:1", ["unknown key 'seeds'", "expected one of name"]),
        ("    id: outage", "    idd: outage", "10:5", ["unknown key 'idd'", "expected one of inject"]),
        ("city: small", "city: small\nseed: .nan", "5:7", [".nan is not a finite number"]),
        ("city: small", "city: small\ndemand_factor: 1e999", "5:16", ["too large"]),
        ("city: small", "city: small\nseed: seven", "5:7", ["seed is 'seven'"]),
        ("city: small", "city: small\nseed: true", "5:7", ["seed is True"]),
        ("+07:00", "", "5:11", ["no instant with an offset"]),
        ("    of: outage", "    of: outrage", "15:9", ["'outrage' names nothing", "outage"]),
        ("  - at: 2 min", "  - at: 20 min", "8:9", ["after the run's end"]),
        ("    kind: detected", "    kind: noticed", "14:11", ["kind is 'noticed'", "'detected'"]),
        ("    within: 2 min\n", "", "12:5", ["lacks 'within'"]),
        ("city: small\n", "", "1:1", ["the key 'city' is missing"]),
        ('vi: "Nhỏ", ', "", "2:8", ["the key 'vi' is missing"]),
        ("name: little", "name: little\nname: other", "2:1", ["stands here twice"]),
        ("city: small", "city: &x small\nweather: *x", "5:10", ["alias *x"]),
        ("city: small", "city: !!python/object:os.system small", "4:7", ["tag"]),
    ],
)
def test_a_mistake_is_shown_where_it_stands(before: str, after: str, position: str, words: list[str]) -> None:
    """Each kind of mistake names its own line and column."""
    assert before in GOOD
    problems = _problems(GOOD.replace(before, after, 1))
    assert problems[0].startswith(f"x.yaml:{position}: "), problems
    assert all(word in problems[0] for word in words), problems


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody has to correct a file one error at a time."""
    wrong = GOOD.replace("10 min", "10 minuts").replace("city: small", "city: 5").replace("at: 2 min", "at: x")
    assert len(_problems(wrong)) == 3


@pytest.mark.parametrize(
    "text",
    [
        b"a: " + b"[" * 100_000,
        b"\n".join([b"a:"] + [b" " * i + b"- b:" for i in range(1, 2_000, 2)]),
        b"\n".join(b"[" for _ in range(50_000)),
        b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        b"- 1\n" * 200_000,
        b"a: b\n" * (50 * 1024 * 1024 // 5),
        b"\x00\x01\x02",
        b"a: \xff\xfe",
        b"",
        b"---\na: 1\n---\nb: 2\n",
        b"? [1, 2]\n: x\n",
        b"<<: {a: 1}\n",
    ],
    ids=["brackets", "nested", "open", "aliases", "items", "50MB", "binary", "no-utf8", "empty", "two", "key", "merge"],
)
def test_hostile_yaml_is_refused(text: bytes) -> None:
    """Bombs, floods and binaries end in one error with a position, bounded by limits that are counted first."""
    with pytest.raises(BadFile) as caught:
        read_tree(text, "x.yaml")
    assert str(caught.value).startswith("x.yaml:")
    assert "expected" in str(caught.value) or "not YAML" in str(caught.value)
