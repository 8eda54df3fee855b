"""A bound that tells work that ends from work that does not, by processor time.

Two seconds are asked of bad input. It is this process's processor time, so that who else is at work decides no test.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

ASKED_S = 2.0


@contextmanager
def soon(times_asked: float = 1.0) -> Iterator[None]:
    """Fail where the work inside takes longer than is asked."""
    began_s = time.process_time()
    yield
    assert time.process_time() - began_s < times_asked * ASKED_S
