"""For machines that watch: ``/livez`` may get a task replaced, ``/healthz`` never does."""

from contextlib import suppress
from typing import Final, Literal, NotRequired

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict

from app.errors import StorageBusy
from app.web.access import public
from app.web.deps import CurrentServices

router = APIRouter()
# Of the threads that answer all else every one may be waiting for a store that is away, which is no
# reason to replace the task.
THREADS: Final = 2
_threads: RunVar[CapacityLimiter] = RunVar("the threads of /livez")


class Life(TypedDict):
    """That the process answers."""

    status: Literal["ok"]


class Bundle(TypedDict):
    """The one that serves; ``status`` says why another one does not."""

    status: str
    version: str
    sha256: str


class SpoolOfFiles(TypedDict):
    """Where files wait for the store, and how many do."""

    status: str
    waiting: int


class Parts(TypedDict):
    """Every part that there is, each as "ok" or a sentence."""

    status: Literal["ok", "degraded", "failing"]
    database: str
    store: str
    spool: NotRequired[SpoolOfFiles]
    work: NotRequired[str]
    login: NotRequired[str]
    bundle: Bundle


@router.get("/livez", responses={200: {"model": Life}})
@public
async def get_life(services: CurrentServices) -> JSONResponse:
    """The process answers and reaches its database; raises ``StorageUnavailable`` otherwise.

    One that is locked was reached: another process would find it locked too.
    """
    with suppress(StorageBusy):
        await to_thread.run_sync(services.stores.database.ping, limiter=_own_threads())
    return JSONResponse({"status": "ok"})


@router.get("/healthz", responses={200: {"model": Parts}, 503: {"model": Parts}})
@public
def get_health(services: CurrentServices) -> JSONResponse:
    """Every part, each as "ok" or a sentence."""
    health = services.health.read()
    bundle = {
        "status": health.bundle,
        "version": health.reference.version,
        "sha256": health.reference.sha256,
    }
    # Only a store elsewhere has files wait for it.
    spool = {"spool": {"status": health.spool, "waiting": health.waiting}} if health.spool else {}
    work = {"work": health.work} if health.work else {}  # a read-only copy has none
    login = {"login": health.login} if health.login else {}
    parts = {"database": health.database, "store": health.store, **spool, **work, **login}
    body = {"status": health.status, **parts, "bundle": bundle}
    return JSONResponse(body, 200 if health.serving else 503)


def _own_threads() -> CapacityLimiter:
    """One for each event loop, as a limiter belongs to the one that it is made in."""
    try:
        return _threads.get()
    except LookupError:
        limiter = CapacityLimiter(THREADS)
        _threads.set(limiter)
        return limiter
