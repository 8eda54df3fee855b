"""A window onto the center for the instructor's rule lab: what the center tells every seat, read through the exercise.

Lives here: which addresses may be read, and reading them. Must not know: truth, what any answer says. The page of the exercise
lays truth over judgement in the browser; the center is asked for judgement and is told nothing.
"""

import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

TIMEOUT_S = 30
MAX_BYTES = 64 * 1024 * 1024
MAX_QUERY = 40_000
READABLE = re.compile(
    r"api/(?:city|overview|rules/why)"
    r"|prometheus/api/v1/(?:query|query_range|series|labels|label/[A-Za-z0-9_:]{1,200}/values|metadata|rules|alerts|status/flags)"
)


class NotReadable(ValueError):
    """An address that is not for the lab."""


class NoCenter(RuntimeError):
    """The center does not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the center said."""

    status: int
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class CenterWindow:
    """Reads the center at the address of its wire (`ws://host:port/wire`) with the instructor's token."""

    wire_url: str
    token: str

    def read(self, run: str, city: str, path: str, query: str) -> Answer:
        """Return what the center answers for a run's city; blocks.

        Raises:
            NotReadable: no address of the lab, or a query that is too long.
            NoCenter: no answer, or one without end.
        """
        if not READABLE.fullmatch(path) or len(query) > MAX_QUERY:
            raise NotReadable(f"there is nothing to read at {path[:100]!r}")
        parts = urllib.parse.urlsplit(self.wire_url)
        scheme = "https" if parts.scheme == "wss" else "http"
        where = "/".join(urllib.parse.quote(name, safe="") for name in ("runs", run, "cities", city))
        request = urllib.request.Request(
            f"{scheme}://{parts.netloc}/{where}/{path}?{query}", headers={"authorization": f"Bearer {self.token}"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=TIMEOUT_S) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            return _answer(error.code, error)
        except OSError as error:
            raise NoCenter(f"the center does not answer: {error}") from error


def _answer(status: int, response: object) -> Answer:
    body = response.read(MAX_BYTES + 1)  # type: ignore[attr-defined]  # a response or an error, both can be read
    if len(body) > MAX_BYTES:
        raise NoCenter(f"the center's answer is longer than {MAX_BYTES} bytes")
    return Answer(status, body, response.headers.get("content-type", "application/json"))  # type: ignore[attr-defined]
