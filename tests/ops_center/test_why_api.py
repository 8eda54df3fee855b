"""`/api/rules/why` as seats use it: explained over HTTP, refused with what was expected."""

from collections.abc import Iterator

import httpx
import pytest

from tests.ops_center.live_server import Server, city_on
from tests.ops_center.small_city import SmallCity

RULE = "groups: [{name: g, rules: [{alert: Silent, expr: sum by (city) (sensor_info) > 1e6, for: 1m}]}]"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """An observer at a center whose city has come to its second minute, under one rule that is never true."""
    with Server(None) as server, city_on(server, SmallCity(), 120_000), server.client("instructor") as instructor:
        taken = instructor.post("/api/rules/reload", json={"command_id": "r-1", "rules": [{"name": "r.yml", "text": RULE}]})
        assert taken.status_code == 200
        with server.client("observer") as observer:
            yield observer


@pytest.mark.slow
def test_a_seat_asks_why_not(client: httpx.Client) -> None:
    """The answer names rule and place, how the alert stood, and the comparison that failed, by how much."""
    document = client.get("/api/rules/why", params={"alert": "Silent"}).json()
    assert (document["alert"], document["file"], document["for_ms"], document["verdict"]) == ("Silent", "r.yml", 60_000, "false")
    assert document["now_ms"] == document["at_ms"] == 120_000
    tree = document["tree"]
    assert (tree["kind"], tree["state"], tree["reason"]["code"]) == ("comparison", "false", "comparison")
    assert tree["reason"]["short_by"] == 1e6 - tree["reason"]["left"] and document["ended_by"] == [tree["number"]]
    assert document["text"][tree["start"] : tree["end"]] == tree["text"]


def test_an_expression_of_ones_own_at_an_instant_before(client: httpx.Client) -> None:
    """The same for what somebody only thinks of, with labels and a `for`; the long address means the same run."""
    params: dict[str, str | int | list[str]] = {"expr": "sensor_info", "label": ["kind=nothing"], "at_ms": 60_000, "for": "30s"}
    document = client.get("/api/rules/why", params=params).json()
    assert (document["at_ms"], document["labels"], document["tree"]["reason"]["code"]) == (
        60_000,
        {"kind": "nothing"},
        "other_labels",
    )
    assert client.get("/api/rules/why", params={"expr": "sensor_info", "for": "30s"}).json()["verdict"] == "firing"


@pytest.mark.parametrize(
    ("params", "status", "said"),
    [
        ({}, 422, "expected one of them"),
        ({"alert": "Silent", "expr": "up"}, 422, "expected one of them"),
        ({"alert": "Silence"}, 404, "expected one such as Silent"),
        ({"expr": "up =="}, 422, "1:6: "),
        ({"expr": "up", "label": "zone"}, 422, "expected name=value"),
        ({"expr": "up", "for": "soon"}, 422, "soon"),
        ({"alert": "Silent", "at_ms": 120_001}, 422, "from 0 to 120000"),
        ({"expr": "(" * 5000}, 422, "depth"),
        ({"expr": "a" * 17_000}, 422, "16384"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_was_expected(
    client: httpx.Client, params: dict[str, str | int], status: int, said: str
) -> None:
    """No question takes the center down or gets an empty answer."""
    answer = client.get("/api/rules/why", params=params)
    assert answer.status_code == status and said in answer.json()["detail"]


def test_nobody_asks_without_a_seat(client: httpx.Client) -> None:
    """401, as everywhere."""
    assert httpx.get(f"{client.base_url}/api/rules/why", params={"alert": "Silent"}).status_code == 401
