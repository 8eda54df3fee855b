"""A port to listen on, or one line that says why not; and by what names one is reached there.

Lives here: binding. Must not know: what is served; it loads nothing, so that who only looks for a free port starts at once.
"""

import os
import socket

BACKLOG = 2_048
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERYWHERE = ("0.0.0.0", "::")  # what is listened on to be reached at every address of the machine
ANY_ADDRESS = "*"  # among hosts: every address, no name; strangers can turn a name of theirs to this machine, not an address


class CannotServe(RuntimeError):
    """The server cannot start; one line that says why."""


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket. Raises CannotServe."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise CannotServe(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from error
    return bound


def hosts_of(listening: str) -> tuple[str, ...]:
    """Return the hosts by which a server may be called that listens at an address, or at every one of its machine."""
    if listening not in EVERYWHERE:
        return (*LOOPBACK, f"[{listening.lower()}]" if ":" in listening else listening.lower())
    name = socket.gethostname().lower()
    return (*LOOPBACK, name, f"{name}.local", ANY_ADDRESS)


def shown_host(listening: str) -> str:
    """Return the host that a link to a server names which listens at an address."""
    shown = socket.gethostname() if listening in EVERYWHERE else listening
    return f"[{shown}]" if ":" in shown else shown
