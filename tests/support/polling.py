"""Waiting for what another thread or process does: any condition, or a server that answers."""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

import httpx
import pytest

# Made once: httpx reads all certificates anew for each request, encrypted or not.
TLS: Final = ssl.create_default_context()


def until(
    happened: Callable[[], bool],
    seconds: float = 60,
    *,
    alive: Callable[[], bool] = lambda: True,
    pause: float = 0.01,
    what: str = "what the test needs",
) -> None:
    """Return as soon as it has happened; fail after a while that is long for any machine.

    Fail at once if the process that would do it is no longer ``alive``.
    """
    end = time.monotonic() + seconds
    while not happened():
        if not alive():
            pytest.fail(f"waited in vain for {what}: the process has ended")
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds} seconds in vain for {what}")
        time.sleep(pause)


def when_up(address: str, alive: Callable[[], bool], seconds: float = 60) -> str:
    """The address itself once ``/livez`` says OK."""

    def is_up() -> bool:
        return _status(f"{address}/livez") == httpx.codes.OK

    until(is_up, seconds, alive=alive, pause=0.1, what=f"{address} to be up")
    return address


def when_listening(port: int, alive: Callable[[], bool]) -> str:
    """The address of ``port`` on loopback, once something answers there."""
    address = f"http://127.0.0.1:{port}"
    until(
        lambda: _status(address) is not None, alive=alive, pause=0.05, what=f"{address} to answer"
    )
    return address


def free_port() -> int:
    """A port of the loopback address that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status(address: str) -> int | None:
    try:
        return httpx.get(address, timeout=5, verify=TLS).status_code
    except httpx.TransportError:
        return None
