"""`cityops command`: one command to a running center, as a seat of it.

The seat is a link as `cityops demo` prints them. A command to the city is followed until the city has done it or failed.
"""

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from scenarios.cli.common import JsonOption
from scenarios.cli.output import BAD_INPUT, DOES_NOT_HOLD, refuse, say, say_json

OF_INCIDENTS = ("acknowledge", "comment", "assign", "state", "close")
OF_ALERTS = {"acknowledge_alert": "acknowledge", "shelve": "shelve", "unshelve": "unshelve"}
RELOAD = "reload"
ENDED = ("done", "failed")
ASK_AGAIN_S = 0.25


class _Center:
    """A running center, seen through one seat."""

    def __init__(self, link: str) -> None:
        parts = urlsplit(link)
        self.address = f"{parts.scheme}://{parts.netloc}"
        self._token = parts.fragment.removeprefix("seat=")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer of the center as data; leave where there is none, or where it refuses."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Origin": self.address}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=60) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            refuse([f"the center refuses ({error.code}): {_detail(error.read())}"], DOES_NOT_HOLD)
        except OSError as error:
            refuse([f"no center at {self.address}: {getattr(error, 'reason', error)}"], DOES_NOT_HOLD)


def _detail(body: bytes) -> str:
    try:
        problem = json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace")
    return str(problem.get("detail") or problem.get("title") or problem)


def command(
    type_: Annotated[str | None, typer.Argument(metavar="[TYPE]", help="What to do; without it, what can be done.")] = None,
    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="KIND:ID of a place, an incident's id, or an alert's fingerprint.")
    ] = None,
    seat: Annotated[
        str | None, typer.Option("--seat", help="The link of the seat, as printed at start (else $CITYOPS_SEAT).")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A parameter, NAME=VALUE; may be repeated.")] = None,
    incident: Annotated[str | None, typer.Option("--incident", help="The incident that a command to the city is about.")] = None,
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", help="For reload: rule files or folders; without it the built-in pack.")
    ] = None,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait until the city has done it.")] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Send one command to a running center: to an incident, an alert, the rules, or the city.

    Example: cityops command road_close link:nguyen_van_linh_21 --set until_s=1800
    """
    link = seat or os.environ.get("CITYOPS_SEAT", "")
    if not urlsplit(link).netloc:
        refuse([f"the seat is {link!r}; expected a link such as http://127.0.0.1:8700/#seat=TOKEN"], BAD_INPUT)
    center, params = _Center(link), _params(set_ or [])
    if type_ is None:
        _list(center, as_json)
        return
    if target is None and type_ != RELOAD:
        refuse([f"{type_} lacks its target; expected an incident, an alert, or KIND:ID of a place"], BAD_INPUT)
    answer = _send(center, type_, target or "", params, incident, rules or [])
    if type_ not in (*OF_INCIDENTS, *OF_ALERTS, RELOAD):
        answer = _followed(center, answer, wait)
    _tell(type_, target or "", answer, as_json)


def _params(words: Sequence[str]) -> dict[str, Any]:
    """Return parameters; a value that is a JSON number or true and false is one, everything else is text."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            refuse([f"--set {word!r}; expected NAME=VALUE"], BAD_INPUT)
        try:
            read = json.loads(value)
        except ValueError:
            read = value
        found[name] = read if isinstance(read, bool | int | float) else value
    return found


def _send(
    center: _Center, type_: str, target: str, params: dict[str, Any], incident: str | None, rules: Sequence[Path]
) -> dict[str, Any]:
    body: dict[str, Any] = {"command_id": uuid.uuid4().hex, **params}
    if type_ in OF_INCIDENTS:
        path = f"/api/incidents/{quote(target)}/{type_}"
    elif type_ in OF_ALERTS:
        path = f"/api/alerts/{quote(target)}/{OF_ALERTS[type_]}"
    elif type_ == RELOAD:
        from scenarios.setup import rule_texts

        texts = rule_texts(rules)
        path, body["rules"] = "/api/rules/reload", [{"name": name, "text": data.decode()} for name, data in texts.items()]
    else:
        kind, _, thing = target.partition(":")
        path = "/api/commands"
        body = {"command_id": body["command_id"], "type": type_, "target": {"kind": kind, "id": thing}, "params": params}
        body |= {"incident_id": incident} if incident else {}
    answer: dict[str, Any] = center.ask("POST", path, body)
    return answer


def _followed(center: _Center, answer: dict[str, Any], wait_s: float) -> dict[str, Any]:
    """Return a command as it ended, or as it stands when the time is over."""
    for _ in range(round(wait_s / ASK_AGAIN_S)):
        if answer["state"] in ENDED:
            break
        time.sleep(ASK_AGAIN_S)
        answer = center.ask("GET", f"/api/commands/{answer['command_id']}")
    return answer


def _list(center: _Center, as_json: bool) -> None:
    types = center.ask("GET", "/api/command-types")
    if as_json:
        say_json(types)
        return
    for info in types:
        words = [f"{p['name']}={'|'.join(p.get('choices') or []) or p['type']}" for p in info["parameters"]]
        say(f"{info['type']:<18} {' or '.join(info['target_kinds']):<24} {' '.join(words)}".rstrip())
    say(f"incidents: {', '.join(OF_INCIDENTS)}; alerts: {', '.join(OF_ALERTS)}; rules: {RELOAD}")


def _tell(type_: str, target: str, answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(answer)
    else:
        state = answer.get("state", "done")
        say(f"{type_} {target}: {state} {answer.get('reason', '')}".rstrip(": "))
    if answer.get("state") == "failed":
        raise typer.Exit(DOES_NOT_HOLD)
