"""Seats: who may do what. A seat is a random capability token with a role; nothing is allowed that the table does not say.

Lives here: the permission table, tokens, reading them from cookie and header. Must not know: what any route does.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

COOKIE = "cityops_seat"
PERMISSIONS: Mapping[str, frozenset[str]] = {
    "observer": frozenset({"read"}),
    "operator": frozenset({"read", "acknowledge", "command"}),
    "instructor": frozenset({"read", "acknowledge", "command", "control", "reload"}),
}
CITY = "city"  # the role of a city's own token; it opens the wire and nothing else


@dataclass(frozen=True, slots=True)
class Seat:
    """A role under a name that timelines show."""

    role: str
    name: str

    def may(self, permission: str) -> bool:
        """Tell whether the role has a permission."""
        return permission in PERMISSIONS.get(self.role, frozenset())


class Seats:
    """The seats of a server, by the hash of their token."""

    def __init__(self, tokens: Mapping[str, Seat]) -> None:
        self._by_hash = {_hash(token): seat for token, seat in tokens.items()}

    def of_token(self, token: str) -> Seat | None:
        """Return the seat of a token or None. Comparing hashes tells nothing about the tokens there are."""
        return self._by_hash.get(_hash(token)) if token else None

    def of_headers(self, authorization: str, cookie: str) -> tuple[Seat | None, bool]:
        """Return the seat of a request and whether a browser sent it by itself (a cookie), which demands an Origin check."""
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self.of_token(rest.strip()), False
        if scheme.lower() == "basic":
            return self.of_token(_password(rest)), False
        return self.of_token(cookie), bool(cookie)

    def is_city(self, token: str) -> bool:
        """Tell whether a token opens the wire."""
        seat = self.of_token(token)
        return seat is not None and seat.role == CITY


def new_token() -> str:
    """Return a new random token of 192 bits."""
    return secrets.token_urlsafe(24)


def new_seats(roles: Iterable[str] = (*PERMISSIONS, CITY)) -> dict[str, str]:
    """Return a new token for each role."""
    return {role: new_token() for role in roles}


def seats_of(tokens: Mapping[str, str]) -> Seats:
    """Return the seats of a mapping role -> token, each named as its role. Raises ValueError for an unknown role."""
    unknown = sorted(set(tokens) - set(PERMISSIONS) - {CITY})
    if unknown:
        raise ValueError(f"there is no role {unknown[0]!r}; expected one of {', '.join((*PERMISSIONS, CITY))}")
    return Seats({token: Seat(role, role) for role, token in tokens.items()})


def same(a: str, b: str) -> bool:
    """Compare two secrets in a time that does not depend on where they differ."""
    return hmac.compare_digest(a.encode(), b.encode())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _password(encoded: str) -> str:
    """Return the password of HTTP Basic: tools such as promtool take it in the address, user:TOKEN@host."""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
