"""Annotation templates: the installed promtool and ours make the same texts of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from ops_center.rules.files import load_text
from ops_center.rules.group import RuleEngine, Settings
from ops_center.rules.notation import parse_labels, parse_values
from ops_center.rules.typed_series import TypedSeries
from ops_center.series import SeriesStore

SERIES = [('m{job="a",instance="h:90"}', "5x3"), ('m{job="b"}', "7x3"), ('m{job="c"}', "0.25x3")]
TEMPLATES = r"""
{{ humanize 1 }} {{ humanize 999999 }} {{ humanize 1e30 }} {{ humanize -0.00012 }} {{ humanize "12e4" }}
{{ humanize1024 1023 }} {{ humanize1024 -5e12 }} {{ humanizeDuration 3661.7 }} {{ humanizeDuration -86400 }}
{{ humanizePercentage 0.000012345 }} {{ humanizeTimestamp -1.5 }} {{ humanizeTimestamp 1700000000.9999 }}
{{ printf "%d %i %5d %-5d| %05d %+d %x %X %o %b %c %U %O %#x %#o" 1 2 3 4 5 6 255 255 8 5 65 65 8 255 8 }}
{{ printf "%s %10s %-10s| %.2s %q %x %v %T %#v % x %#q" "abc" "abc" "abc" "abc" "a\"b\n" "abc" "abc" "abc" "a" "hi" "b" }}
{{ printf "%f %.0f %8.3f %-8.3f| %e %E %g %G" 1.5 2.5 3.14159 2.71828 12345.678 0.00012 1e21 1e-7 }}
{{ printf "%08.2f %+.1f % f" 3.5 1.0 2.0 }}
{{ printf "%v %v %v %v %v" 1 1.0 "a" true nil }} {{ printf "%d" 1.5 }} {{ printf "%s" 1 }} {{ printf "%t" 1 }}
{{ printf "%d%%" 5 }} {{ printf "%" }} {{ printf "%d" }} {{ printf "a" 1 2 }} {{ printf "%z" 1 }} {{ printf "%!" }}
{{ printf "%[2]d %[1]d" 1 2 }} {{ printf "%*d|" 5 1 }} {{ printf "%-*d|" 5 1 }} {{ printf "%.*f" 2 1.0 }}
{{ printf "%[9]d" 1 }}
{{ printf "%.3g" 1234.5678 }} {{ printf "%6.2f%%" 12.345 }} {{ printf "%+v" $labels }} {{ printf "%.2f" "1.5" }}
{{ printf "%x" 3.5 }}
{{ printf "%5t|%-7t|" true false }} {{ printf "%08.3f|%+08.3f" -3.14159 2.5 }} {{ printf "% d" 5 }} {{ printf "%q" 65 }}
{{ printf "%06d" -5 }}
{{ print }} {{ print 1 2 }} {{ print "a" 1 2 "b" }} {{ println 1 "a" }} {{ html 1 2 }} {{ urlquery 1 "a" }}
{{ html "<a href='x'>\"&\"</a>" }} {{ js "a'b\"<c>\n=" }} {{ urlquery "a b&c=d/é" }}
{{ slice "abcdef" 2 }} {{ slice "abcdef" 1 3 }} {{ index "abc" 1 }} {{ index $labels "job" }} {{ len "é" }}
{{ len (query "m") }}
{{ and 1 0 2 }} {{ or 0 "" "x" }} {{ not 1 }} {{ eq 1 2 1 }} {{ lt "a" "b" }} {{ gt 1.5 1.0 }} {{ eq true true }}
{{ if gt $value 3.0 }}x{{ end }}{{ if query "nope" }}y{{ else }}n{{ end }}{{ with $x := 5 }}{{ $x }}{{ . }}{{ end }}
{{ range $i, $v := query "m" | sortByLabel "job" }}{{ if $i }}, {{ end }}{{ $v.Labels.job }}{{ $.Value }}{{ end }}
{{ range query "m" | sortByLabel "job" }}{{ if eq .Value 5.0 }}{{ continue }}{{ end }}{{ .Value }}{{ break }}{{ end }}
{{ query "m{job='a'}" | first }} {{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}
{{ toUpper "abcé" }} {{ title "hello wORLD a-b_c d.e é" }} {{ match "^a.*c$" "abbc" }} {{ match "b" "abc" }}
{{ reReplaceAll "a(x*)b" "${1}W" "-ab-axxb-" }} {{ reReplaceAll "a(x*)b" "$1W" "-ab-axxb-" }}
{{ reReplaceAll "(?P<n>b)" "<${n}>" "abc" }}
{{ reReplaceAll "b" "$$" "abc" }} {{ reReplaceAll "b" "\\1" "abc" }} {{ reReplaceAll "b" "\\" "abc" }}
{{ stripPort "h:80" }} {{ stripPort "[::1]:80" }} {{ stripPort "::1" }} {{ stripPort "h:http" }} {{ stripPort "[::1]" }}
{{ stripPort "" }}
{{ stripDomain "a.b.c" }} {{ stripDomain "a.b.c:80" }} {{ stripDomain "10.0.0.1" }} {{ stripDomain "10.0.0.1:80" }}
{{ stripDomain "a:80" }}
{{ graphLink "up{a=\"b\"} > 1" }} {{ tableLink "a + b" }} {{ safeHtml "<b>" }} {{ parseDuration "1h30m" }}
{{ toTime 1435065584.128 }} {{ (toTime 0).Year }} {{ (toTime 0).Month }} {{ (toTime 0).Weekday }} {{ (toTime 0).YearDay }}
{{ (1435065584 | toTime).Format "2006-01-02 15:04:05" }}
{{ (toTime 1435065584.5).Format "Mon Jan _2 3:04PM .000 MST -07:00" }}
{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" 5 }}{{ template "t" }}{{ block "b" . }}x{{ .Value }}{{ end }}
a {{- 1 -}} b {{/* c */ -}} d {{- /* e */}} f {{ "\u00e9\x41\101\t|" }} {{ 'a' }} {{ 0b11 }} {{ 0o17 }} {{ 1_000 }} {{ 017 }}
{{ . }} {{ $ }} {{ $labels }} {{ 1e20 }} {{ 0.00001 }} {{ 123456789.0 }}
{{ with args "a" 2 }}{{ .arg0 }}-{{ .arg1 }}{{ end }}
""".strip().splitlines()
FAILING = """
{{ humanize "1h" }}
{{ gt $value 3 }}
{{ eq 1 1.0 }}
{{ lt true false }}
{{ toUpper $value }}
{{ humanize true }}
{{ range "abc" }}x{{ end }}
{{ slice "abc" 5 }}
{{ .Nope }}
{{ $labels.job.x }}
{{ (toTime 1e30) }}
{{ query "nope" | first | value }}
{{ 1 2 }}
""".strip().splitlines()


def rules() -> str:
    """An alert for each template."""
    every = [*TEMPLATES, *FAILING]
    lines = [
        f"  - {{alert: T{n}, expr: 'm{{job=\"a\"}}', annotations: {{x: {json.dumps(text)}}}}}" for n, text in enumerate(every)
    ]
    return "\n".join(["groups:", "- name: g", "  rules:", *lines, ""])


def theirs(command: str, folder: Path) -> dict[str, str]:
    """What promtool says that it got, where nothing of it was expected."""
    count = len(TEMPLATES) + len(FAILING)
    tests = "".join(f"  - {{eval_time: 1m, alertname: T{n}, exp_alerts: [{{exp_labels: {{no: x}}}}]}}\n" for n in range(count))
    series = "".join(f"  - {{series: '{name}', values: '{values}'}}\n" for name, values in SERIES)
    (folder / "r.yml").write_text(rules())
    head = "rule_files: [r.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  external_labels: {region: eu}\n"
    (folder / "t.yml").write_text(f"{head}  input_series:\n{series}  alert_rule_test:\n{tests}")
    ran = subprocess.run([command, "test", "rules", f"{folder}/t.yml"], capture_output=True, text=True, timeout=60, check=False)
    found = re.findall(r'got:\[\s*0:\s*Labels:\{alertname="(\w+)".*\n\s*Annotations:\{x="(.*)"\}\n', ran.stdout + ran.stderr)
    return {name: json.loads('"' + re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", text) + '"') for name, text in found}


@pytest.mark.slow
def test_templates_render_as_promtool_renders_them(peer, tmp_path):
    """Each template has promtool's text, and where promtool says that it cannot be expanded, so does ours."""
    expected = theirs(peer("promtool"), tmp_path)
    store = SeriesStore(retention_ms=1 << 60)
    engine = RuleEngine(store, Settings(external_labels=(("region", "eu"),)))
    engine.load([load_text(rules(), "r.yml")], 0)
    TypedSeries(store, [(parse_labels(n), parse_values(v)) for n, v in SERIES], 60_000).until(60_000)
    engine.evaluate(60_000, all_groups=True)
    found = {a.labels["alertname"]: a.annotations["x"] for _, _, alerts in engine.active_alerts(60_000) for a in alerts}
    for number, template in enumerate(TEMPLATES):
        assert found[f"T{number}"] == expected[f"T{number}"], template
    for number, template in enumerate(FAILING, len(TEMPLATES)):
        both = found[f"T{number}"], expected[f"T{number}"]
        assert all(text.startswith("<error expanding template: ") for text in both), (template, both)
