"""A port to listen on, or one line that says why not.

Lives here: binding. Must not know: what is served; it loads nothing, so that who only looks for a free port starts at once.
"""

import os
import socket

BACKLOG = 2_048


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
