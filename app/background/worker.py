"""The thread that works beside the app, for as long as the app runs."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.background.work import Work, run_due_jobs
from app.errors import SketchnormError

log = logging.getLogger(__name__)

TICK_SECONDS = 15.0
# The task has ended by then in any case, see ``ecs``; what was cut off is taken up by the next.
STOP_SECONDS = 10.0


class Worker:
    """Looks for work every ``seconds``, each time in a thread of its own.

    Unexpected exceptions propagate and end that thread alone; the next poll retries. Threads are
    daemons: a job that takes long does not hold up the end of the process, its lease runs out.
    """

    def __init__(self, work: Work, seconds: float = TICK_SECONDS) -> None:
        self._work = work
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="worker", daemon=True)

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Run while the server is up: the application's lifespan, as ASGI calls it."""
        self.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Look for work at once, then again and again."""
        self._thread.start()

    def stop(self) -> bool:
        """Begin no further job and wait a little for the one at hand; true if it ended."""
        self._stop.set()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            log.warning("A job was cut off at the end; it will be done anew once its lease is out.")
        return not self._thread.is_alive()

    def _keep_looking(self) -> None:
        while not self._stop.is_set():
            look = threading.Thread(target=self._look, name="jobs", daemon=True)
            look.start()
            look.join()
            self._stop.wait(self._seconds)

    def _look(self) -> None:
        try:
            run_due_jobs(self._work, stopping=self._stop.is_set)
        except SketchnormError as error:
            log.warning("Work in the background has to wait: %s", error)
