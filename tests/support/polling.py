"""Waiting for what another thread does."""

import socket
import time
from collections.abc import Callable

import httpx
import pytest


def until(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Return as soon as it has; fail after a while that is long for any machine."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            pytest.fail(f"what was waited for did not happen in {seconds} seconds")
        time.sleep(0.01)


def free_port() -> int:
    """A port of the loopback address that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def when_up(address: str, alive: Callable[[], bool], seconds: float = 60) -> str:
    """The address itself once ``/livez`` says OK; fails where the server has ended before."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and alive():
        try:
            if httpx.get(f"{address}/livez", timeout=5).status_code == httpx.codes.OK:
                return address
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"nothing answers at {address}")
