"""The whole app in a process of its own, on a real port; only the bundle is made up."""

import socket
from multiprocessing.connection import Connection
from pathlib import Path

import uvicorn

from app.bootstrap import assemble
from app.environment import Settings
from app.main import create_app
from app.storage.sqlite import JournalChoice
from tests.support.analyzers import FakeAnalyzer
from tests.support.storage import sqlite_url


def settings_for(folder: Path, mode: JournalChoice) -> Settings:
    """Database and store both in ``folder``."""
    return Settings.load(
        {
            "ENVIRONMENT": "local",
            "DATA_DIR": str(folder),
            "DATABASE_URL": sqlite_url(folder),
            "DATABASE_JOURNAL": mode,
        },
        folder,
    )


def serve(folder: Path, mode: JournalChoice, mouth: Connection) -> None:
    """Serve until killed; the port is told once it can be connected to."""
    app = create_app(assemble(settings_for(folder, mode), FakeAnalyzer))
    # The protocol is named because asyncio sends without delay only on sockets that name it.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        mouth.send_bytes(str(listener.getsockname()[1]).encode())
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
