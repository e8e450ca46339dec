"""One worker that goes on serving for a while after SIGTERM.

API Gateway finds tasks through Cloud Map, which has no draining: for up to a minute it sends
requests to a task that is being stopped.
"""

import signal
import threading
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from app.environment import Settings
from app.telemetry import make_logger
from app.web.request_log import RequestLog
from ecs.connections import PatientProtocol, SlowBodies

# With DRAIN_SECONDS this must end before ECS kills the task, 120 seconds after SIGTERM at most.
SECONDS_FOR_LAST_REQUESTS = 30
# Above it a request is answered 503 before anything is read of it; each takes 20 KB and a file.
MOST_CONNECTIONS = 1000
LARGEST_HEAD = 16 * 1024


class DrainingServer(uvicorn.Server):
    """Takes the first SIGTERM as the beginning of the end; any further signal ends it at once."""

    def __init__(self, config: uvicorn.Config, drain_seconds: int) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn for SIGTERM and SIGINT."""
        if sig != signal.SIGTERM or self._draining or not self._drain_seconds:
            self.should_exit = True
            return
        self._draining = True
        timer = threading.Timer(self._drain_seconds, self._end)
        timer.daemon = True
        timer.start()

    def _end(self) -> None:
        self.should_exit = True


def run(app: ASGIApp, settings: Settings) -> None:
    """Serve until told to stop; returns when the last request is answered."""
    config = uvicorn.Config(
        RequestLog(SlowBodies(app), make_logger()),
        host="0.0.0.0",  # noqa: S104 — a task is reached from outside itself
        port=settings.port,
        workers=1,
        http=PatientProtocol,
        ws="none",
        server_header=False,
        proxy_headers=False,  # anybody can send X-Forwarded-For
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        log_level="warning",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=SECONDS_FOR_LAST_REQUESTS,
    )
    DrainingServer(config, settings.drain_seconds).run()
