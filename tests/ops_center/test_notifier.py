"""Alerts on their way to Alertmanagers: what arrives, what a failing one costs, and what an address may be."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops_center.judge import Judge, RuleFile
from ops_center.notifier import CAPACITY, Notifier, checked_url, post
from tests.ops_center.live_server import WAIT_S, Server, city_on
from tests.ops_center.small_city import SmallCity

RULES = "groups: [{name: g, interval: 30s, rules: [{alert: A, expr: m > 0, labels: {run: own}}, {alert: B, expr: m > 1}]}]"
NOW_MS = 1_800_000_000_000


class Receiver:
    """An Alertmanager's end: keeps the bodies it was sent, answers with a status."""

    def __init__(self) -> None:
        self.bodies: list[list[dict[str, Any]]] = []
        self.paths: list[str] = []
        self.status, self.more = 200, threading.Condition()

    def wait(self, count: int) -> None:
        with self.more:
            assert self.more.wait_for(lambda: len(self.bodies) >= count, WAIT_S)


@contextmanager
def receiver() -> Iterator[tuple[Receiver, str]]:
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with got.more:
                got.paths.append(self.path)
                got.bodies.append(body)
                got.more.notify_all()
            self.send_response(got.status)
            if got.status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield got, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def judged(notifier: Notifier, values: list[list[float]], after: Any = None) -> None:
    """Evaluate at each value of m, 30 s apart, with the notifier watching."""
    judge = Judge([RuleFile("r.yml", RULES)], "3.x", 3_600_000)
    judge.starts_at(0)
    notifier.watch(judge, {"run": "r1", "city": "hp"})
    family = judge.store.family("m", [{"i": str(i)} for i in range(len(values[0]))], 30_000)
    for number, row in enumerate(values):
        family.append(number * 30_000, number * 30_000, np.array(row))
        assert all(True for _ in judge.evaluate(number * 30_000 - 1, number * 30_000))


def sent(values: list[list[float]], sent_at_ms: tuple[int, ...] = (0,)) -> list[dict[str, Any]]:
    """The alerts that leave while these values come in; the wall clock runs along, and is asked at these instants."""
    bodies: list[bytes] = []
    clock = iter([NOW_MS + at_ms for at_ms in sent_at_ms])

    def taken(url: str, body: bytes) -> str:
        bodies.append(body)
        return ""

    notifier = Notifier(["u"], "http://center", taken, lambda: next(clock))
    judged(notifier, values)
    asyncio.run(notifier.flush())
    return [alert for body in bodies for alert in json.loads(body)]


def test_instants_are_those_of_the_wall_and_labels_say_whose_alert_it_is() -> None:
    """Firing at once and again each minute, then its end; a rule's own label stands above the run's; the link asks the same."""
    alerts = sent([[1.0], [1.0], [1.0], [0.0]], (0, 60_000, 90_000))
    assert {tuple(a["labels"].items()) for a in alerts} == {
        (("run", "own"), ("city", "hp"), ("alertname", "A"), ("i", "0")),
    }
    starts = {datetime.fromisoformat(a["startsAt"]).timestamp() * 1000 for a in alerts}
    ends = [datetime.fromisoformat(a["endsAt"]).timestamp() * 1000 - NOW_MS for a in alerts]
    assert starts == {NOW_MS} and ends == [240_000, 300_000, 90_000]
    assert {a["generatorURL"] for a in alerts} == {"http://center/graph?g0.expr=m+%3E+0&g0.tab=1"}


def test_what_leaves_has_the_runs_name() -> None:
    """A rule without a label `run` gets the run that is shown."""
    assert {a["labels"]["run"] for a in sent([[2.0]]) if a["labels"]["alertname"] == "B"} == {"r1"}


def test_more_than_the_queue_holds_loses_the_oldest_and_says_how_many() -> None:
    """The queue is bounded; messages are, too; nothing is sent twice."""
    bodies: list[list[Any]] = []

    def taken(url: str, body: bytes) -> str:
        bodies.append(json.loads(body))
        return ""

    notifier = Notifier(["u"], "", taken)
    judged(notifier, [[1.0] * (CAPACITY + 300)])
    asyncio.run(notifier.flush())
    assert notifier.dropped == 300 and sum(map(len, bodies)) == CAPACITY and max(map(len, bodies)) == 256
    assert notifier.deliveries[0].sent == CAPACITY


def test_one_that_fails_costs_the_other_nothing() -> None:
    """Each Alertmanager is told by itself; a failure is counted with its reason, and is over when one succeeds."""
    answers = {"good": ["", ""], "bad": ["connection refused", ""]}
    notifier = Notifier(["good", "bad"], "", lambda url, body: answers[url].pop(0))
    judged(notifier, [[1.0]])
    asyncio.run(notifier.flush())
    good, bad = notifier.deliveries
    assert (good.sent, good.failed, bad.sent, bad.failed, bad.trouble) == (1, 0, 0, 1, "connection refused")
    judged(notifier, [[1.0]])
    asyncio.run(notifier.flush())
    assert (good.sent, bad.sent, bad.failed, bad.trouble) == (2, 1, 1, "")


@pytest.mark.parametrize("status", [500, 404, 302])
def test_any_answer_but_success_is_a_failure(status: int) -> None:
    """A redirect is not followed: alerts go where they were told to go."""
    with receiver() as (got, url):
        got.status = status
        assert str(status) in post(checked_url(url), b"[]")
        assert got.paths == ["/api/v2/alerts"]


def test_nobody_there_is_a_failure_with_a_reason() -> None:
    """A port that nobody listens on answers with an error, not with an exception."""
    with receiver() as (_, url):
        pass
    assert "refused" in post(checked_url(url), b"[]")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://127.0.0.1:9093", "http://127.0.0.1:9093/api/v2/alerts"),
        ("http://127.0.0.1:9093/", "http://127.0.0.1:9093/api/v2/alerts"),
        ("https://am.example/alerts-of/hp/", "https://am.example/alerts-of/hp/api/v2/alerts"),
        ("http://[::1]:9093/api/v2/alerts", "http://[::1]:9093/api/v2/alerts"),
    ],
)
def test_an_address_may_have_a_path(given: str, address: str) -> None:
    """The path of the API is added where it is not there."""
    assert checked_url(given) == address


@pytest.mark.parametrize(
    "given", ["", "127.0.0.1:9093", "ftp://h", "http://", "http://h:99999", "http://h:x", "file:///etc/passwd", "http://h/?a=1",
              "http://h\n/", "http://[::1"]
)  # fmt: skip
def test_what_is_no_address_is_refused(given: str) -> None:
    """With what was seen and what was expected."""
    with pytest.raises(ValueError, match="expected an address like http://127"):
        checked_url(given)


def test_a_live_center_sends_its_alerts(tmp_path: Path) -> None:
    """From a lost feeder to the Alertmanager, with a link that opens the lab; the API says where alerts go."""
    city = SmallCity()
    with (
        receiver() as (got, url),
        Server(tmp_path, alertmanagers=(checked_url(url),)) as server,
        city_on(server, city, 60_000) as link,
        server.client("observer") as seat,
    ):
        city.lose_feeder(0)
        link.send_until(city.until(120_000), 120_000)
        got.wait(1)
        first = got.bodies[0][0]
        assert first["labels"]["run"] == "r1" and first["labels"]["alertname"] and first["annotations"]
        linked = seat.get("/graph?" + first["generatorURL"].split("?", 1)[1])
        assert linked.status_code == 302 and linked.headers["location"].startswith("lab#q=")
        (active,) = seat.get("/prometheus/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
        assert active["url"] == checked_url(url) and active["failed"] == 0


def test_nobody_is_told_of_no_alertmanager(tmp_path: Path) -> None:
    """Without any, the API says that there is none."""
    with Server(tmp_path) as server, city_on(server, SmallCity(), 60_000), server.client("observer") as seat:
        assert seat.get("/prometheus/api/v1/alertmanagers").json()["data"] == {
            "activeAlertmanagers": [], "droppedAlertmanagers": [],
        }  # fmt: skip
