"""Rules replaced while the center runs: all of them or none."""

from tests.ops_center.live_server import Server, city_on
from tests.ops_center.small_city import SmallCity

GOOD = {"name": "good.yml", "text": "groups: [{name: good, rules: [{alert: Down, expr: up == 0}, {alert: Up, expr: up == 1}]}]"}
BAD = {"name": "bad.yml", "text": "groups:\n - name: bad\n   rules:\n    - alert: Cut\n      expr: up ==\n"}


def test_one_bad_rule_among_many_keeps_the_old_set_running() -> None:
    """The answer names file, line and column; no file is taken, not even a good one; a good set is taken whole."""
    city = SmallCity()
    with Server(None) as server, city_on(server, city, 60_000) as link, server.client("instructor") as client:
        city.lose_feeder(0)
        link.send_until(city.until(120_000), 120_000)
        before = client.get("/api/rules").json()
        firing = client.get("/api/alerts").json()
        assert firing and before

        refused = client.post("/api/rules/reload", json={"command_id": "r-1", "rules": [GOOD, BAD]})
        assert refused.status_code in (400, 422)
        assert "bad.yml:5:" in refused.text and "good.yml" not in refused.text
        after = client.get("/api/rules").json()
        assert [(r["name"], r["expr"]) for r in after] == [(r["name"], r["expr"]) for r in before]
        assert client.get("/api/alerts").json() == firing

        link.send_until(city.until(180_000), 180_000)
        assert [r["last_evaluation_ms"] for r in client.get("/api/rules").json()] > [r["last_evaluation_ms"] for r in before]

        taken = client.post("/api/rules/reload", json={"command_id": "r-2", "rules": [GOOD]})
        assert taken.status_code == 200 and taken.json()["rules"] == {"ok": 2, "err": 0}
        assert [r["name"] for r in client.get("/api/rules").json()] == ["Down", "Up"]
