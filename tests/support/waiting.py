"""Waiting for what another thread does."""

import time
from collections.abc import Callable

import pytest


def until(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Return as soon as it has; fail after a while that is long for any machine."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            pytest.fail(f"what was waited for did not happen in {seconds} seconds")
        time.sleep(0.01)
