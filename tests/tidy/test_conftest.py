"""The guards of the test suite itself work."""

import socket

import pytest


def test_a_test_cannot_leave_this_machine() -> None:
    """Connecting beyond loopback is refused before anything is sent (192.0.2.1 is set aside for documentation)."""
    with socket.socket() as outside, pytest.raises(PermissionError, match="loopback"):
        outside.connect(("192.0.2.1", 80))


def test_a_test_may_use_loopback() -> None:
    """A server on 127.0.0.1 can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5) as client:
        assert client.getpeername() == server.getsockname()
