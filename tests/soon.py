"""A bound that tells work that ends from work that does not, by processor time.

Two seconds are asked of bad input, and quiet machines hold them. A test must not be decided by who else is at work, or by how
much garbage the tests before it left: what it looks for is work that grows without end, so it allows ten times as much.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

ASKED_S = 2.0
ALLOWED = 10


@contextmanager
def soon(times_asked: float = 1.0) -> Iterator[None]:
    """Fail where the work inside takes far longer than is asked."""
    began_s = time.process_time()
    yield
    assert time.process_time() - began_s < ALLOWED * times_asked * ASKED_S
