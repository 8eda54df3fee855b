"""A live center over real sockets: conflicts, viewers, reconnection, restart, and the same digests as headless."""

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from ops_center.events import JudgementCommand
from ops_center.journal import Journal
from ops_center.pipeline import Center, headless
from ops_center.ports import CannotServe, listen
from ops_center.recorder import read_frames
from ops_center.server import ServeConfig, serve
from sensors.messages import Applied, Command, Control, Finished, Pace, encode_frame
from tests.ops_center.live_server import TOKENS, WAIT_S, CityLink, Server, city_on
from tests.ops_center.small_city import SmallCity, config, opening

ACK = "/api/incidents/INC-00001/acknowledge"


def lost(city: SmallCity, until_ms: int) -> list[bytes]:
    city.lose_feeder(0)
    return city.until(until_ms)


def test_two_people_one_incident(tmp_path: Path) -> None:
    """Of two who acknowledge one is told 200, the other 409 with the version; the same id again is 200; a viewer sees it."""
    city = SmallCity()
    with (
        Server(tmp_path) as server,
        city_on(server, city, 60_000) as link,
        server.client("operator") as an,
        server.feed() as feed,
    ):
        link.send_until(lost(city, 120_000), 120_000)
        first = an.post(ACK, json={"command_id": "id-1"})
        again = an.post(ACK, json={"command_id": "id-1"})
        with server.client("instructor") as binh:
            second = binh.post(ACK, json={"command_id": "id-2"})
            old = binh.post("/api/incidents/INC-00001/assign", json={"command_id": "id-3", "owner": "Bình", "version": 1})
        assert (first.status_code, again.status_code, second.status_code, old.status_code) == (200, 200, 409, 409)
        assert first.json()["seq"] == again.json()["seq"] and second.json()["version"] == first.json()["incident"]["version"]
        events = until(feed, lambda e: e["type"] == "incident" and e["entry"]["kind"] == "acknowledged")
        numbers = [e["seq"] for e in events if e["type"] not in ("hello", "snapshot")]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert {"hello", "snapshot", "alert", "incident"} <= {e["type"] for e in events}


def until(feed: object, wanted: object) -> list[dict[str, object]]:
    """Events of a feed up to and with the one that is wanted."""
    events = []
    while True:
        message = feed.recv(timeout=WAIT_S)  # type: ignore[attr-defined]
        if isinstance(message, str):
            events.append(json.loads(message))
            if wanted(events[-1]):  # type: ignore[operator]
                return events


def test_a_late_viewer_gets_the_whole_state() -> None:
    """A viewer that comes late is told hello, a snapshot with the open incident, and frames of all devices and roads."""
    city = SmallCity()
    with Server(None) as server, city_on(server, city, 60_000) as link:
        link.send_until(lost(city, 120_000), 120_000)
        with server.feed("observer") as feed:
            messages = [feed.recv(timeout=WAIT_S) for _ in range(4)]
            feed.send(json.dumps({"subscribe": [0]}))
            values = next(m for m in iter(lambda: feed.recv(timeout=WAIT_S), None) if isinstance(m, bytes) and m[1] == 3)
    hello, snapshot = (json.loads(m) for m in messages[:2])
    assert (hello["type"], hello["role"], hello["run"]) == ("hello", "observer", "r1")
    assert len(snapshot["snapshot"]["incidents"]) == 1 and snapshot["snapshot"]["alarm_rate_per_10min"] > 0
    frames = {m[1]: zlib.decompress(m[24:]) if m[2] & 1 else m[24:] for m in messages[2:] if isinstance(m, bytes)}
    assert len(frames[1]) == 21 and frames[1][0] & 7 == 2 and list(frames[2]) == [100, 200]
    assert values[24:28] == bytes(4) and len(values) == 32


def test_commands_go_down_and_answers_come_back() -> None:
    """A command is 202 requested, reaches the city, is accepted and done; a city that lost it gets it again when it returns."""
    city = SmallCity()
    with Server(None) as server, server.client("operator") as client:
        body = {"type": "feeder_reclose", "target": {"kind": "feeder", "id": "F01"}}
        with city_on(server, city, 15_000) as link:
            answer = client.post("/api/commands", json={"command_id": "c1", **body})
            assert (answer.status_code, answer.json()["state"]) == (202, "requested")
            assert link.next_command().command_id == "c1"
            wrong = client.post(
                "/api/commands", json={"command_id": "c2", "type": "feeder_reclose", "target": {"kind": "lamp", "id": "1"}}
            )
            assert wrong.status_code == 422
        back = CityLink(server)
        assert back.welcome.resume_ms == 15_000 and back.next_command() == Command(
            command_id="c1", type="feeder_reclose", target_kind="feeder", target_id="F01"
        )
        city.count, city.check = 0, 0
        answers = [Applied(command_id="c1", now_ms=15_200), Finished(command_id="c1", now_ms=15_900, state="done")]
        back.send([city.send(encode_frame(one)) for one in answers])
        back.send_until(city.until(16_000), 16_000)
        assert client.get("/api/commands/c1").json()["state"] == "done"
        back.close()


@pytest.mark.slow
def test_control_goes_down_and_is_not_digested() -> None:
    """The instructor's pause and pace reach the city; digests do not know of it; pace comes back as the clock."""
    city = SmallCity()
    with Server(None) as server, city_on(server, city, 15_000) as link, server.client("instructor") as client:
        before = client.get("/api/health").json()["digest"]
        assert client.post("/api/control", json={"pause": True}).status_code == 202
        assert client.post("/api/control", json={"pace": "max"}).status_code == 202
        assert [link.receive(), link.receive()] == [Control(pause=True), Control(pace=0.0)]
        for nonsense in ({}, {"pace": -1}, {"pace": "fast"}, {"run_to_ms": 1.5}):
            assert client.post("/api/control", json=nonsense).status_code == 422
        link.send([encode_frame(Pace(pace=0.0, paused=True, achieved=312.5))])
        link.send_until(city.until(16_000), 16_000)
        clock = client.get("/api/overview").json()["clock"]
        assert (clock["pace"], clock["mode"], clock["achieved_pace"]) == ("max", "PAUSED", 312.5)
        assert before != client.get("/api/health").json()["digest"]  # time has gone on, that is all
    with Server(None) as server, city_on(server, SmallCity(), 16_000), server.client("instructor") as client:
        other = client.get("/api/health").json()["digest"]
    assert other == headless_digests(SmallCity().until(16_000))


def headless_digests(frames: list[bytes], commands: list[JudgementCommand] | None = None) -> dict[str, str]:
    center = Center(config())
    headless(center, [*opening(), *frames], commands or [])
    return center.digests()


@pytest.mark.slow
def test_live_and_headless_have_the_same_digests(tmp_path: Path) -> None:
    """A live run with people in it is executed again from its recorded stream and journal: both digests are the same."""
    city = SmallCity()
    with Server(tmp_path) as server, city_on(server, city, 60_000) as link, server.client("operator") as client:
        link.send_until(lost(city, 120_000), 120_000)
        client.post(ACK, json={"command_id": "id-1"})
        link.send_until(city.until(150_000), 150_000)
        client.post("/api/incidents/INC-00001/comment", json={"command_id": "id-2", "text": "đã gọi điện lực"})
        city.restore_all()
        link.send_until(city.until(300_000), 300_000)
        live = client.get("/api/health").json()["digest"]
    journal = Journal(tmp_path / "runs" / "r1" / "journal.sqlite")
    commands = journal.commands()
    stored = [seq for seq, _ in journal.changes()]
    journal.close()
    center = Center(config())
    headless(center, read_frames(tmp_path / "runs" / "r1" / "wire"), commands)
    assert center.digests() == live and len(commands) == 2
    assert stored == list(range(1, center.change_count + 1))
    assert b"secret" not in b"".join(read_frames(tmp_path / "runs" / "r1" / "wire"))


@pytest.mark.slow
def test_a_restarted_center_knows_all_and_asks_the_city_to_resume(tmp_path: Path) -> None:
    """A center that starts on a run's folder has its incidents, alerts and digests; it welcomes the city with its barrier."""
    city = SmallCity()
    with Server(tmp_path) as server, city_on(server, city, 60_000) as link, server.client("operator") as client:
        link.send_until(lost(city, 130_000), 130_000)
        client.post(ACK, json={"command_id": "id-1"})
        before = client.get("/api/overview").json()
        digest = client.get("/api/health").json()["digest"]
    with Server(tmp_path, run="r1") as server, server.client("operator") as client:
        after = client.get("/api/overview").json()
        assert (after["alerts"], after["incidents"]) == (before["alerts"], before["incidents"])
        health = client.get("/api/health").json()
        assert health["digest"] == digest and health["status"] == "degraded" and not health["city_connected"]
        assert client.post(ACK, json={"command_id": "id-1"}).status_code == 200
        with city_on(server, city, 140_000) as link:
            assert link.welcome.resume_ms == 130_000
            assert client.get("/api/health").json()["bad_messages"] == 0


def test_strangers_on_the_wire_are_told_why() -> None:
    """A wrong token, another protocol, a first frame that is no hello and an odd run name are refused with a reason."""
    with Server(None) as server:
        for first, said in (
            (opening(token="guess")[0], "token"),
            (opening(protocol=2)[0], "protocol"),
            (opening()[1], "expected hello"),
            (opening(run="../../etc")[0], "expected names"),
            (b"garbage", "header"),
        ):
            link = CityLink(server, [first])
            assert said in link.welcome.error
            link.close()


def test_a_bad_frame_on_the_wire_is_counted_not_fatal() -> None:
    """Garbage in the middle of the stream is counted and shown; the city goes on."""
    city = SmallCity()
    with Server(None) as server, city_on(server, city, 5_000) as link, server.client("observer") as client:
        link.send([b"\xff" * 50])
        link.send_until(city.until(6_000), 6_000)
        health = client.get("/api/health").json()
        assert health["bad_by_reason"] == {"unreadable": 1, "barrier": 1} and health["now_ms"] == 6_000


def test_before_its_city_the_center_answers_calmly() -> None:
    """A page that opens first is told "nothing yet" (204), and the city once it is there; a name that is not there is 404."""
    paths = ("/api/city", "/api/command-types")
    with Server(None) as server, server.client("observer") as client:
        assert [client.get(path).status_code for path in paths] == [204, 204]
        assert [client.get(f"/runs/r1/cities/small{path}").status_code for path in paths] == [404, 404]
        with city_on(server, SmallCity(), 1_000):
            assert [client.get(path).status_code for path in paths] == [200, 200]
            assert [client.get(f"/runs/r1/cities/small{path}").status_code for path in paths] == [200, 200]


def test_long_addresses_mean_the_same_city() -> None:
    """`/runs/{run}/cities/{city}` finds the city by name, another name nothing."""
    with Server(None) as server, city_on(server, SmallCity(), 1_000), server.client("observer") as client:
        assert client.get("/runs/r1/cities/small/api/city").json() == client.get("/api/city").json()
        assert client.get("/runs/r1/cities/other/api/city").status_code == 404
        assert client.get("/runs/r1/cities/small/prometheus/api/v1/labels").json()["status"] == "success"


@pytest.mark.slow
def test_versioned_documents_may_be_kept_for_ever() -> None:
    """Devices and layers under their version are immutable; columns are as long as the registry."""
    with Server(None) as server, city_on(server, SmallCity(), 1_000), server.client("observer") as client:
        devices = client.get("/api/devices?v=1")
        assert (
            "immutable" in devices.headers["cache-control"]
            and "immutable" not in client.get("/api/devices?v=9").headers["cache-control"]
        )
        assert {len(v) for k, v in devices.json().items() if k not in ("kinds", "registry_version")} == {21}
        assert client.get("/api/layers?v=1").json()["zones"]["features"][0]["properties"]["name"] == "Lê Chân"
        assert [p["name"] for p in client.get("/api/places?q=LE chan").json()] == ["Lê Chân"]
        kinds = client.get("/api/kinds").json()
        assert kinds[0]["quantities"][0]["metric"] == "lamp_level_ratio" and len(client.get("/api/command-types").json()) == 2
        t_ms = client.get("/api/readings/0?minutes=5").json()["t_ms"]
        assert t_ms == [0] and client.get("/api/readings/99").status_code == 404


def test_a_port_in_use_and_a_bad_folder_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Where the server cannot start it says why in one line and returns 1."""
    taken = listen("127.0.0.1", 0)
    try:
        with pytest.raises(CannotServe, match="in use"):
            listen("127.0.0.1", taken.getsockname()[1])
        assert serve(ServeConfig(TOKENS, None, port=taken.getsockname()[1])) == 1
    finally:
        taken.close()
    (tmp_path / "runs").write_text("in the way")
    assert serve(ServeConfig(TOKENS, tmp_path, port=0)) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


PROMTOOL = ["promtool", "query"]


@pytest.mark.slow
def test_promtool_and_client_libraries_work() -> None:
    """`promtool query` and prometheus-api-client get what the city measured, in simulated and in wall time."""
    import shutil

    from prometheus_api_client import PrometheusConnect

    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    with Server(None) as server, city_on(server, SmallCity(), 120_000):
        address = f"http://any:{TOKENS['observer']}@127.0.0.1:{server.port}"

        def promtool(*arguments: str) -> str:
            done = subprocess.run([*PROMTOOL, *arguments], capture_output=True, text=True, timeout=WAIT_S, check=True)
            return done.stdout

        now = "--time=2026-03-03T11:02:00Z"
        assert promtool("instant", now, f"{address}/prometheus", "count(lamp_level_ratio)").startswith("{} => 12 ")
        assert promtool("instant", f"{address}/wall/prometheus", "count(lamp_level_ratio)").startswith("{} => 12 ")
        assert promtool("labels", f"{address}/prometheus", "feeder").split() == ["F01", "F02"]
        assert len(promtool("series", "--match=lamp_level_ratio", f"{address}/prometheus").splitlines()) == 12
        ranged = ("--start=2026-03-03T11:00:00Z", "--end=2026-03-03T11:02:00Z", "--step=60s")
        assert promtool("range", *ranged, f"{address}/prometheus", "sum(lamp_level_ratio)").count("12 @[") == 3
        headers = {"Authorization": f"Bearer {TOKENS['observer']}"}
        client = PrometheusConnect(url=f"{server.url}/prometheus", headers=headers)
        assert client.check_prometheus_connection() and "lamp_level_ratio" in client.all_metrics()
        assert client.custom_query("sum(cabinet_supply)")[0]["value"][1] == "4"
        for http in (server.client("observer"),):
            with http:
                refused = http.post("/prometheus/api/v1/query", data={"query": "sum(("})
                assert refused.status_code == 400 and refused.json()["errorType"] == "bad_data"
                assert http.post("/prometheus/api/v1/query", data={"query": "1+1"}).json()["data"]["result"][1] == "2"
                noted = http.get("/prometheus/api/v1/query", params={"query": "rate(lamp_level_ratio[5m])"}).json()
                assert [text.endswith(': "lamp_level_ratio" (1:6)') for text in noted["infos"]] == [True]
                never = http.get("/prometheus/api/v1/query", params={"query": "lamp_level_ratio", "timeout": "-1"})
                assert (never.status_code, never.json()["errorType"]) == (503, "timeout")
                for path in ("rules", "alerts", "metadata", "status/buildinfo"):
                    assert http.get(f"/prometheus/api/v1/{path}").json()["status"] == "success"


@pytest.mark.slow
def test_schemathesis_finds_no_server_error() -> None:
    """Generated requests over the whole API, as an instructor: no 5xx, and no undocumented status."""
    with Server(None) as server, city_on(server, SmallCity(), 15_000):
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--checks",
            "not_a_server_error,status_code_conformance", "--max-examples", "15", "--no-color", "--generation-database", "none",
            "-H", f"Authorization: Bearer {TOKENS['instructor']}", "--exclude-path-regex", "control",
            "--phases", "examples,coverage,fuzzing",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
