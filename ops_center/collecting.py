"""The garbage collector, kept quiet while millions of small things are made. Must not know: what they are."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Make millions of small containers without the garbage collector walking them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
