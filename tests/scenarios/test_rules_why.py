"""`cityops rules why` over a recorded run and over a scenario: the same answer, in both languages, and refusals that help."""

import re
from pathlib import Path

import pytest

from ops_center.rules.alerting import ActiveAlert
from ops_center.rules.group import RuleEngine
from ops_center.rules.why import Asked
from ops_center.rules.why import why as explain_alert
from scenarios.rulebench.why_text import LANGS, WORDS
from scenarios.runner import HeadlessRun, run_headless
from scenarios.setup import prepare
from tests.scenarios.cli_kit import SHORT, cityops

pytestmark = pytest.mark.slow
OWN = "groups: [{name: own, rules: [{alert: Dark, expr: feeder_energised == 0, for: 1m, keep_firing_for: 1m}]}]"
FEEDER = ("--labels", "feeder=feeder:01_1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with rules of one's own and a run of five minutes, recorded under the built-in pack."""
    path = tmp_path_factory.mktemp("why")
    (path / "own.yml").write_text(OWN, encoding="utf-8")
    setup = prepare(SHORT, seed=7)
    run_headless(setup, until_ms=setup.scenario.warm_up + 300_000, out=setup.create(path / "runs", "kept"))
    return path


def why(folder: Path, *words: object) -> dict[str, object]:
    """The JSON of the command with rules of one's own."""
    said = cityops("rules", "why", folder / "own.yml", "--data", folder, "--alert", "Dark", *FEEDER, "--json", *words)
    assert said.status == 0, said.err
    document: dict[str, object] = said.document
    return document


def test_a_record_and_a_simulation_give_the_same_answer(folder: Path) -> None:
    """Rules that were not running when the run was recorded are asked about it as if they had been."""
    recorded = why(folder, "--run", "kept", "--at", "4m")
    simulated = why(folder, "--scenario", SHORT, "--seed", 7, "--at", "4m")
    assert recorded.pop("source") == {"run": "kept"} and simulated.pop("source") == {"scenario": "short_blackout", "seed": 7}
    assert (
        str(recorded.pop("file")).endswith("own.yml") and simulated.pop("file") == "own.yml"
    )  # as it was given; as the run keeps it
    assert recorded == simulated and recorded["verdict"] == "firing"


def test_before_during_and_after(folder: Path) -> None:
    """The outage begins at 2 min: not yet, pending for a minute, firing."""
    verdicts = {at: why(folder, "--run", "kept", "--at", at)["verdict"] for at in ("1m", "2m45s", "3m30s")}
    assert verdicts == {"1m": "false", "2m45s": "pending", "3m30s": "firing"}


@pytest.mark.parametrize("lang", LANGS)
def test_it_is_said_in_words(folder: Path, lang: str) -> None:
    """What is true, what is not, by how much, and where the chain ended."""
    words = ("--data", folder, "--run", "kept", "--alert", "Dark", *FEEDER, "--lang", lang)
    before = cityops("rules", "why", folder / "own.yml", *words, "--at", "1m").out
    during = cityops("rules", "why", folder / "own.yml", *words, "--at", "3m30s").out
    assert "✗ feeder_energised == 0" in before and "✓ feeder_energised == 0" in during
    failed = WORDS[lang]["comparison"].format(left=1, op="==", right=0, short_by=1)
    assert f"{WORDS[lang]['ended']}: feeder_energised == 0: {failed}" in before
    assert "T+00:03:" in during and WORDS[lang]["ended"] not in during


def test_both_languages_have_all_words() -> None:
    """A sentence exists in both, with the same places to fill."""

    def places(words: dict[str, str]) -> dict[str, list[str]]:
        return {key: sorted(re.findall(r"{\w+}", text)) for key, text in words.items()}

    assert places(WORDS["vi"]) == places(WORDS["en"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--alert", "Dark", "--at", "1m"), "one of --scenario and --run"),
        (("--run", "kept", "--at", "1m"), "an alert's name"),
        (("--alert", "Darkk", "--run", "kept", "--at", "1m"), "expected one such as Dark"),
        (("--alert", "Dark", "--run", "kept", "--at", "2h"), "expected an instant from T-120 s to T+300 s"),
        (("--alert", "Dark", "--run", "kept", "--labels", "zone"), "expected name=value"),
        (("--alert", "Dark", "--run", "kept", "--lang", "fr"), "expected en or vi"),
        (("--alert", "Dark", "--run", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_asked_is_refused(folder: Path, words: tuple[str, ...], said: str) -> None:
    """Status 2 (1 for a run that is not there), and what was expected."""
    answer = cityops("rules", "why", folder / "own.yml", "--data", folder, *words)
    assert answer.status in (1, 2) and said in " ".join(answer.err.replace("│", " ").split())


def test_every_alert_of_the_pack_stands_as_the_center_says() -> None:
    """Through an outage, whatever is pending or firing is explained with the same condition since the same instant, as it happens
    and looked back on; what fires has a tree that holds, unless it is kept."""
    setup = prepare(SHORT, seed=7)
    run = HeadlessRun(setup)
    seen: list[tuple[int, ActiveAlert]] = []
    for t_s in range(120, 300, 15):
        run.advance(setup.scenario.warm_up + t_s * 1000)
        rules = run.center.judge.rules
        active = [(run.now_ms, alert) for _, _, alerts in rules.active_alerts(run.now_ms) for alert in alerts]
        seen += active
        for _, alert in active:
            _stands(rules, run.now_ms, alert)
    assert {alert.condition for _, alert in seen} == {"pending", "firing"}
    assert {alert.labels["alertname"] for _, alert in seen} >= {"FeederLoss", "PowerContradicts"}
    for now_ms, alert in seen:
        _stands(run.center.judge.rules, now_ms, alert)
    run.close()


def _stands(rules: RuleEngine, now_ms: int, alert: ActiveAlert) -> None:
    document = explain_alert(rules, Asked(now_ms, alert.labels["alertname"], labels=alert.labels))
    assert (document["condition"], document["active_at_ms"]) == (alert.condition, alert.active_at_ms)
    assert document["alert_labels"] == alert.labels
    assert document["holds"] == (alert.keep_firing_since_ms is None) and bool(document["ended_by"]) != document["holds"]
    if alert.keep_firing_since_ms is not None:
        assert document["kept_since_ms"] == alert.keep_firing_since_ms
    if alert.condition == "firing":
        assert document["fires_at_ms"] == alert.fired_at_ms
