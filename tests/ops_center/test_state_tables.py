"""State machines are tables: whatever happens, states are lawful and an illegal event changes nothing."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ops_center import people
from ops_center.alerts import ACKNOWLEDGEMENT, CONDITION, SUPPRESSION, Alert, Alerts, set_condition
from ops_center.commands import COMMAND, Commands, WorldCommand, check_params
from ops_center.events import JudgementCommand
from ops_center.incident_book import IncidentBook
from ops_center.incidents import INCIDENT, STATES
from ops_center.tables import IllegalEvent, Table, advance
from sensors.messages import CommandInfo, ParameterInfo, Text

TABLES = {
    "condition": CONDITION,
    "acknowledgement": ACKNOWLEDGEMENT,
    "suppression": SUPPRESSION,
    "incident": INCIDENT,
    "command": COMMAND,
}


@pytest.mark.parametrize("name", TABLES)
def test_every_pair_of_state_and_event_is_decided(name: str) -> None:
    """For each state and event of a table there is one next state of the table, or an error that names what is possible."""
    table: Table = TABLES[name]
    states = {s for s, _ in table} | set(table.values())
    for state in sorted(states):
        for event in sorted({e for _, e in table}):
            if (state, event) in table:
                assert advance(table, "it", state, event) in states
            else:
                with pytest.raises(IllegalEvent, match=f"it is {state} and does not take '{event}'"):
                    advance(table, "it", state, event)


def test_closed_is_the_end_and_can_be_reached_from_everywhere() -> None:
    """A closed incident takes no event; every other state can be closed."""
    assert not [event for state, event in INCIDENT if state == "closed"]
    assert all(INCIDENT[state, "close"] == "closed" for state in STATES if state != "closed")


class People(RuleBasedStateMachine):
    """Rules fire and clear alerts while people do anything to their incidents."""

    @initialize()
    def begin(self) -> None:
        self.alerts = Alerts()
        self.book = IncidentBook(self.alerts, dict)
        self.now_ms = 0
        self.seq = 0
        for i in range(4):
            level = ("feeder", "cabinet", "device", "device")[i]
            labels = {"alertname": f"A{i}", "scope": level, "feeder": "F", "domain": "lighting"}
            labels |= {"cabinet": "C"} if i else {}
            labels |= {"device_id": f"d{i}"} if i > 1 else {}
            self.alerts.by_fingerprint[f"a{i}"] = Alert(f"a{i}", f"A{i}", "major", labels, {})

    @rule(which=st.integers(0, 3), event=st.sampled_from(["activate", "fire", "clear"]))
    def evaluate(self, which: int, event: str) -> None:
        self.now_ms += 15_000
        alert = self.alerts.by_fingerprint[f"a{which}"]
        before = alert.condition
        if (before, event) not in CONDITION:
            with pytest.raises(IllegalEvent):
                set_condition(alert, event, self.now_ms, self.now_ms)
            assert alert.condition == before
            return
        set_condition(alert, event, self.now_ms, self.now_ms)
        self.book.fired([alert] if event == "fire" and alert.shelved_until_ms is None else [], self.now_ms)
        self.book.cleared([alert] if before == "firing" else [], self.now_ms)

    @rule(
        which=st.integers(1, 6),
        type_=st.sampled_from(people.TYPES),
        state=st.sampled_from(STATES),
        classification=st.sampled_from(["true", "false", "test", "perhaps"]),
        until_s=st.sampled_from([0, 60, 3_600, 10**6]),
    )
    def act(self, which: int, type_: str, state: str, classification: str, until_s: int) -> None:
        self.seq += 1
        target = f"a{which % 4}" if type_ in people.ALERT_TYPES else f"INC-{which:05d}"
        params = {
            "text": "x",
            "owner": "An",
            "state": state,
            "classification": classification,
            "reason": "over",
            "until_s": until_s,
        }
        command = JudgementCommand(f"c{self.seq}", type_, target, self.now_ms, self.seq, "An", params)
        before = {i: (incident.state, incident.version) for i, incident in self.book.by_id.items()}
        possible = True
        try:
            people.check(self.book, self.alerts, type_, target, params)
        except people.Refused as refused:
            assert refused.status in (404, 409) or (type_ == "shelve" and until_s in (0, 10**6))
            possible = False
        assert people.perform(self.book, self.alerts, command) == possible
        if not possible:
            assert {i: (incident.state, incident.version) for i, incident in self.book.by_id.items()} == before

    @invariant()
    def states_are_lawful(self) -> None:
        for incident in getattr(self, "book", IncidentBook(Alerts(), dict)).by_id.values():
            assert incident.state in STATES
            assert (incident.closed_ms is not None) == (incident.state == "closed")
            assert (incident.resolved_ms is not None) or incident.state != "resolved"

    @invariant()
    def firing_alerts_belong_somewhere(self) -> None:
        for alert in self.alerts.firing() if hasattr(self, "alerts") else ():
            assert alert.incident_id in self.book.by_id or alert.shelved_until_ms is not None

    @invariant()
    def what_is_shelved_says_why_and_nothing_else_does(self) -> None:
        for alert in self.alerts.by_fingerprint.values() if hasattr(self, "alerts") else ():
            assert (alert.shelved_until_ms is not None) == (alert.suppressed or "").startswith("shelved: ")

    @invariant()
    def an_alert_is_in_one_open_incident(self) -> None:
        held = [f for incident in (self.book.open() if hasattr(self, "book") else ()) for f in incident.alerts]
        assert len(held) == len(set(held))


TestPeople = People.TestCase


def test_a_command_goes_its_way_once() -> None:
    """requested, accepted, done; a second answer is illegal and changes nothing; a stranger's id is nobody's."""
    commands = Commands()
    commands.request(WorldCommand("c1", 1, "lamp_level", {"kind": "cabinet", "id": "C1"}, {}, "An", 0))
    assert commands.advance("c1", "accept", 10) is not None
    assert commands.advance("c1", "done", 20) is not None
    with pytest.raises(IllegalEvent):
        commands.advance("c1", "fail", 30)
    assert (commands.by_id["c1"].state, commands.by_id["c1"].applied_ms, commands.by_id["c1"].done_ms) == ("done", 10, 20)
    assert commands.advance("other", "accept", 0) is None and commands.unanswered() == []


LEVEL = ParameterInfo("level", "number", Text(), "ratio", 0.0, 1.0)
PLAN = ParameterInfo("plan", "choice", Text(), choices=["day", "night"])
INFO = CommandInfo("x", Text(), ["cabinet"], [LEVEL, PLAN])


@pytest.mark.parametrize(
    ("target", "params", "said"),
    [
        ("cabinet", {"level": 0.5, "plan": "day"}, ""),
        ("feeder", {}, "takes a target of kind cabinet"),
        ("cabinet", {"plan": "day"}, "needs the parameter 'level'"),
        ("cabinet", {"level": 1.5, "plan": "day"}, "expected at most 1 ratio"),
        ("cabinet", {"level": True, "plan": "day"}, "expected a finite number"),
        ("cabinet", {"level": float("nan"), "plan": "day"}, "expected a finite number"),
        ("cabinet", {"level": 10**400, "plan": "day"}, "expected a finite number"),
        ("cabinet", {"level": 1, "plan": "noon"}, "expected one of day, night"),
        ("cabinet", {"level": 1, "plan": "day", "colour": 3}, "has no parameter 'colour'"),
    ],
)
def test_parameters_are_checked(target: str, params: dict[str, object], said: str) -> None:
    """A command is refused with what was wrong, what was seen, what was expected."""
    assert said in check_params(INFO, target, params)
    assert bool(check_params(INFO, target, params)) == bool(said)
