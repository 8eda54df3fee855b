"""Alerts on their way to Alertmanagers, beside a live center. Lives here: a bounded queue, wall time, HTTP.

What is sent and when is decided in `rules/notices.py`; this is the outermost shell. Must not know: rules' states, incidents.
An Alertmanager compares `endsAt` with its own clock, so instants are moved by (wall clock - simulated now) as each evaluation
ends. Sending never holds the center up: what cannot be delivered waits, and of too much the oldest is dropped and counted.
A firing alert that was dropped is sent again after the resend delay, so nothing is lost for good by a pause of the network.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from ops_center.judge import Judge
from ops_center.rules.alerting import Change as Transition
from ops_center.rules.group import RuleEngine
from ops_center.rules.notices import Notices, payload

CAPACITY = 10_000  # alerts that wait
AT_ONCE = 256  # alerts of one message
TIMEOUT_S = 10.0
PATH = "/api/v2/alerts"

Post = Callable[[str, bytes], str]
"""Deliver a body to an address; return what went wrong, nothing when it was taken."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = build_opener(ProxyHandler({}), _NoRedirect())


def post(url: str, body: bytes) -> str:
    """Send JSON; any answer but 2xx is a failure, a redirect too: alerts go where they were told to go and nowhere else."""
    request = Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with _opener.open(request, timeout=TIMEOUT_S):
            return ""
    except (OSError, HTTPException, ValueError) as error:
        return str(error)[:300] or type(error).__name__


def checked_url(text: str) -> str:
    """Return an Alertmanager's address with the path of its API. Raises ValueError."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or any(c.isspace() or ord(c) < 32 for c in text):
        raise ValueError(f"an Alertmanager at {text[:200]!r} cannot be reached; expected an address like http://127.0.0.1:9093")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(PATH)}{PATH}"


@dataclass(slots=True)
class Delivery:
    """How one Alertmanager fares: alerts that it took, that it did not, and why not."""

    url: str
    sent: int = 0
    failed: int = 0
    trouble: str = ""


@dataclass(slots=True)
class Notifier:
    """The alerts of one live city on their way to each of some Alertmanagers. All but `post` happens on one event loop.

    `labels` are what tells this city's alerts from others' (external labels); an alert's own come first.
    """

    urls: Sequence[str]
    external_url: str = ""
    post: Post = post
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    labels: Mapping[str, str] = field(default_factory=dict)
    dropped: int = 0
    deliveries: list[Delivery] = field(init=False)
    _waiting: deque[dict[str, Any]] = field(default_factory=deque)
    _notices: tuple[RuleEngine, Notices] | None = None
    _some: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.deliveries = [Delivery(url) for url in self.urls]

    def watch(self, judge: Judge, labels: Mapping[str, str]) -> None:
        """Send what this judge's rules raise from now on, instead of any other's."""
        self.labels, self._notices = dict(labels), None
        judge.after_evaluation = self._evaluated

    def _evaluated(self, engine: RuleEngine, at_ms: int, transitions: Sequence[Transition]) -> None:
        if self._notices is None or self._notices[0] is not engine:
            self._notices = engine, Notices(engine)
        due = self._notices[1].after(at_ms, transitions)
        if due:
            alerts = payload(due, self.wall_ms() - at_ms, self.external_url)
            self._waiting.extend({**alert, "labels": {**self.labels, **alert["labels"]}} for alert in alerts)
            while len(self._waiting) > CAPACITY:
                self._waiting.popleft()
                self.dropped += 1
            self._some.set()

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            await self.flush()

    async def flush(self) -> None:
        """Send what waits, message by message, to all at the same time; a failure is counted and not tried again by itself."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            body = json.dumps(batch, ensure_ascii=False).encode()
            await asyncio.gather(*(self._deliver(delivery, body, len(batch)) for delivery in self.deliveries))
        self._some.clear()

    async def _deliver(self, delivery: Delivery, body: bytes, alerts: int) -> None:
        delivery.trouble = await asyncio.to_thread(self.post, delivery.url, body)
        if delivery.trouble:
            delivery.failed += alerts
        else:
            delivery.sent += alerts

    async def close(self) -> None:
        """Stop sending."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
