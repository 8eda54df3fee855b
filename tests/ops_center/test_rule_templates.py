"""Annotation templates print what Go's templates print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_center.promql.template_parser import TemplateError
from ops_center.promql.templates import Sample, TemplateData, check_template, expand, uses_value

DATA = TemplateData(
    {"instance": "a:9090", "x": "y"},
    1234567.25,
    {"region": "hcm"},
    "http://c",
    lambda q: [] if q == "none" else [Sample({"a": "2"}, 3.0), Sample({"a": "1"}, 2.0)],
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain }} text", "plain }} text"),
        ("{{ $labels.instance }} {{ $value }}", "a:9090 1.23456725e+06"),
        ("{{ .Labels.x }}{{ .Value | humanize }}", "y1.235M"),
        ("{{ $labels.missing }}.", "."),
        ("{{ $externalLabels.region }} {{ $externalURL }}", "hcm http://c"),
        ('{{ printf "%.2f%%|%8.1f|%-4s|%d|%q" $value $value $labels.x 3 "z" }}', '1234567.25%|1234567.2|y   |3|"z"'),
        ('{{ printf "%d" $value }}', "%!d(float64=1.23456725e+06)"),
        ('{{ $labels.x | printf "%s-%s" "k" }}', "k-y"),
        ('{{ with query "up" }}{{ . | first | value }}{{ else }}nothing{{ end }}', "3"),
        ('{{ with query "none" }}some{{ else }}nothing{{ end }}', "nothing"),
        ('{{ range query "x" | sortByLabel "a" }}{{ .Labels.a }}={{ .Value }};{{ end }}', "1=2;2=3;"),
        ('{{ range $i, $s := query "x" }}{{ $i }}{{ label "a" $s }}{{ end }}', "0211"),
        ('{{ if gt $value 10.0 }}big{{ else if eq $labels.x "y" }}y{{ else }}small{{ end }}', "big"),
        ('{{ if not (eq $labels.x "y") }}a{{ else if and true $labels.x }}b{{ end }}', "b"),
        ('{{ $n := "q" }}{{ $n | toUpper }} {{ toLower "ABC" }} {{ title "a-b c" }}', "Q abc A-B C"),
        ('a {{- " " -}} b {{/* nothing */}}c', "a b c"),
        ("{{ humanizeDuration 93784 }} {{ humanizeDuration 0.001 }} {{ humanizeDuration -90 }}", "1d 2h 3m 4s 1ms -1m 30s"),
        ("{{ humanizePercentage 0.1234 }} {{ humanize1024 1048576.0 }} {{ humanize 0.00001 }}", "12.34% 1Mi 10u"),
        ("{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        ('{{ print 1 2 "a" }} {{ len $labels }} {{ index $labels "x" }}', "1 2a 2 y"),
        (
            '{{ reReplaceAll "(.*):9090" "$1" $labels.instance }} {{ stripPort $labels.instance }}',
            "a a",
        ),
        ("{{ 1e21 }} {{ 0.00001 }} {{ 100000.0 }} {{ 1000000.0 }}", "1e+21 1e-05 100000 1e+06"),
    ],
)
def test_renders_as_go_does(template, text):
    """One template, one text."""
    assert expand(template, DATA) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{{ query "none" | first }}', "first() called on vector with no elements"),
        ("{{ $label.x }}", 'undefined variable "$label"'),
        ("{{ nope 1 }}", 'function "nope" not defined'),
        ("{{ if }}x{{ end }}", "missing value for command"),
        ("{{ if $value }}x", "unexpected end of template"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ $value", "unclosed action"),
        ("{{ humanize }}", "error calling humanize"),
        ('{{ humanize "abc" }}', "invalid syntax"),
        ('{{ block "x" . }}', "{{block}} has no {{end}}"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ('{{ range query "x" }}{{ define "t" }}{{ continue }}{{ end }}{{ end }}', "unexpected {{define}}"),
        ("{{ if gt $value 3 }}many{{ end }}", "incompatible types for comparison"),
        ("{{ toUpper $value }}", "expected string; got float64"),
        ("{{ humanize true }}", "can't convert bool to float"),
        ("{{ .Nope }}", "can't evaluate field Nope"),
        ('{{ range "abc" }}x{{ end }}', "range can't iterate over abc"),
        ('{{ slice "abc" 5 }}', "index out of range: 5"),
        ("{{ (toTime 1e30).Year }}", "overflows int64"),
        ("{{ (toTime 0).Nope }}", "can't evaluate field Nope in type *time.Time"),
        ("{{ 1 2 }}", "can't give argument to non-function"),
        ('{{ "\\q" }}', "unexpected escape"),
    ],
)
def test_a_failure_renders_in_place(template, said):
    """A template that fails is text that says so; the alert is not lost."""
    text = expand(template, DATA)
    assert text.startswith("<error expanding template: ") and said in text


def test_limits_hold():
    """Too much template, output or work is an error in place, not a hang."""
    assert "template too long" in expand("{{ 1 }}" + "x" * 20_000, DATA)
    many = TemplateData({}, 0, {}, "", lambda _q: [Sample({}, 1.0)] * 300)
    nested = '{{ range query "a" }}' * 3 + "x" + "{{ end }}" * 3
    assert "too many steps" in expand(nested, many)
    wide = '{{ range query "a" }}' + "x" * 1000 + "{{ end }}"
    assert "output too long" in expand(wide, many)
    assert "nested too deep" in expand("{{ if 1 }}" * 60 + "{{ end }}" * 60, DATA)


@given(st.text(alphabet='{}$.|"() abif endrange%d\n', max_size=60))
def test_no_template_crashes(text):
    """Any text expands to some text, or to its error."""
    assert isinstance(expand(text, DATA), str)
    try:
        check_template(text)
    except TemplateError as why:
        assert str(why)


def test_which_labels_hang_on_the_value():
    """Only templates over the value or a query are expanded at each evaluation."""
    assert uses_value("{{ $value }}") and uses_value('{{ query "a" }}') and uses_value("{{ .Value }}")
    assert not uses_value("{{ $labels.a }} of value") and not uses_value("plain $value")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" "a" }}{{ template "t" $labels.x }}', "<a><y>"),
        ('{{ template "late" (args 1 "b") }}{{ define "late" }}{{ .arg0 }}{{ .arg1 }}{{ $.arg1 }}{{ end }}', "1bb"),
        ('{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" }}{{ $value | humanize }}', "[<no value>]1.235M"),
        ('{{ define "t" }}{{ $x := . }}{{ $x }}{{ end }}{{ $x := "o" }}{{ template "t" "i" }}{{ $x }}', "io"),
        ('{{ stripPort "[::1]:6006" }} {{ stripPort "127.0.0.1:4004" }} {{ stripPort "h" }}', "::1 127.0.0.1 h"),
        (
            '{{ graphLink "a > 1" }} {{ tableLink "up" }} {{ safeHtml "a" }}',
            "/graph?g0.expr=a+%3E+1&g0.tab=0 /graph?g0.expr=up&g0.tab=1 a",
        ),
        (
            "{{ externalURL }}{{ pathPrefix }}|{{ now }} {{ toDuration 5400.5 }} {{ toDuration 0.25 | humanizeDuration }}",
            "http://c|0 1h30m0.5s 250ms",
        ),
        ('{{ block "b" $value }}<{{ . }}>{{ end }}{{ template "b" 2 }}', "<1.23456725e+06><2>"),
    ],
)
def test_templates_with_names(template, text):
    """`define` and `template`: a template with a name sees what it is given, and nothing of where it stands."""
    assert expand(template, DATA) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" 1 }}', "exceeded maximum template depth"),
        ('{{ define "t" }}{{ $labels.x }}{{ end }}', 'undefined variable "$labels"'),
        ('{{ template "nowhere" }}', "'nowhere' not defined"),
        ('{{ if true }}{{ define "t" }}{{ end }}{{ end }}', "unexpected {{define}}"),
        ('{{ define "t" }}', "{{define}} has no {{end}}"),
        ("{{ define t }}{{ end }}", "expected a name in quotes"),
        ('{{ range query "x" }}{{ range query "x" }}{{ query "x" }}{{ end }}{{ end }}' * 20, "too many queries"),
        ('{{ $a := "0123456789" }}' + '{{ $a = printf "%s%s" $a $a }}' * 40, "text too long"),
        ('{{ $a := printf "%s" (printf "%1000d" 1) }}' + "{{ $a = reReplaceAll `.` $a $a }}" * 9, "text too long"),
        ('{{ define "b" }}' + "x" * 1000 + "{{ end }}" + '{{ define "a" }}' + '{{ template "b" }}' * 99 + "{{ end }}" +
         '{{ template "a" }}' * 99, "output too long"),
    ],
)  # fmt: skip
def test_a_template_that_loops_or_grows_ends(template, said):
    """Each way to run for ever or to fill the memory ends at once, with an error in place of the text."""
    assert said in wrong(template)


def wrong(template: str) -> str:
    try:
        check_template(template)
    except TemplateError as why:
        return str(why)
    return expand(template, DATA)
