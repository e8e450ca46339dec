"""The time from the first import to the first request."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage while a process starts, and then for what is made from then on only.

    What a start makes – modules, classes, routes, norms – stays, and yet the collector would look
    through all of it several times, a tenth of the whole start.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
