"""A release as a process: ``python -m tests.support.cloud.release FAULT PHASES COMMAND…``.

Without a command it serves. It is the code that is checked out, which knows a migration more for
each word of PHASES (``expand``, ``contract``, ``failing``, or ``-`` for none), and has the FAULT.
"""

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from app.storage import schema
from tests.support.stores.migrations import later_release

NONE = "none"


def unhealthy(app: ASGIApp) -> ASGIApp:
    """Answer 503 to whoever asks whether it lives."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/livez":
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    return answer


def slow(app: ASGIApp) -> ASGIApp:
    """Answer everything after half a minute."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(30)
        await app(scope, receive, send)

    return answer


def undemonstrative(app: ASGIApp) -> ASGIApp:
    """Answer all but whoever asks for the demonstration."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/demo":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    return answer


def crashes(app: ASGIApp) -> ASGIApp:
    """End after a minute, as long as that is here."""
    seconds = float(os.environ["CRASHES_AFTER"])
    timer = threading.Timer(seconds, os._exit, (70,))
    timer.daemon = True
    timer.start()
    return app


def late(app: ASGIApp) -> ASGIApp:
    """Take so long to start that every list of tasks is asked for anew meanwhile."""
    time.sleep(float(os.environ["LATE_BY"]))
    return app


FAULTS: dict[str, Callable[[ASGIApp], ASGIApp]] = {
    "unhealthy": unhealthy, "slow": slow, "crashes": crashes, "late": late,
    "undemonstrative": undemonstrative, NONE: lambda app: app,
}  # fmt: skip


def main(fault: str, phases: str, *words: str) -> None:
    """Serve, or run a command of ``sketchnorm``."""
    with tempfile.TemporaryDirectory() as folder:
        steps = [] if phases == "-" else phases.split(",")
        with later_release(Path(folder), schema.REVISIONS[-1], *steps):
            if words:
                from app.cli import main as command

                command(list(words))
            else:
                _serve(FAULTS[fault])


def _serve(faulty: Callable[[ASGIApp], ASGIApp]) -> None:
    import ecs.server
    from ecs import serve

    run = ecs.server.run
    ecs.server.run = lambda app, settings: run(faulty(app), settings)
    serve.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
