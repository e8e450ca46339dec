"""The whole app on a real port, in a process or a thread of its own; only the bundle is made up."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection

import uvicorn
from starlette.types import ASGIApp

from app.background.work import RETENTION, work_for
from app.background.worker import Worker
from app.bootstrap import assemble
from app.environment import Settings
from app.storage.jobs import Recurring
from app.web.app import create_app
from ecs.connections import PatientProtocol, SlowBodies
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.processes import Child
from tests.support.stores.databases import Place

EVERY = timedelta(milliseconds=100)  # far more often than in earnest, so that kills fall into it


def settings_for(place: Place) -> Settings:
    """Database and store both there."""
    return Settings.load(
        {
            "ENVIRONMENT": "local",
            "DATA_DIR": str(place.folder),
            "DATABASE_URL": place.url,
            "DATABASE_JOURNAL": place.journal,
            "UPLOADS_PER_MINUTE": "0",
        },
        place.folder,
    )


@contextmanager
def served(place: Place) -> Iterator[str]:
    """Where it is served, until it is killed at the end of the block."""
    server = Child.start(serve, place)
    try:
        yield f"http://127.0.0.1:{server.ear.recv_bytes().decode()}"
    finally:
        server.kill()
        server.ear.close()


def serve(place: Place, mouth: Connection) -> None:
    """Serve until killed; the port is told once it can be connected to."""
    settings = settings_for(place)
    services = assemble(settings, FakeAnalyzer)
    work = work_for(services.stores, settings)
    busy = replace(work, schedule=[Recurring(RETENTION, EVERY)])
    app = create_app(services, Worker(busy, EVERY.total_seconds()).lifespan)
    with _listener() as listener:
        mouth.send_bytes(str(listener.getsockname()[1]).encode())
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Where ``app`` is served by a thread of this process, whose clock and stores it shares."""
    with _listener() as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                SlowBodies(app), http=PatientProtocol, ws="none", lifespan="off", log_level="error",
                access_log=False, log_config=None,
            )
        )  # fmt: skip
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _listener() -> socket.socket:
    """The protocol is named because asyncio sends without delay only on sockets that name it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener
