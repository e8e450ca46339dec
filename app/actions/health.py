"""Tell which parts work, each as "ok" or a sentence."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from app.access.current_secret import CurrentSecret
from app.errors import NotFound, StorageUnavailable
from app.inference.analysis import BundleReference
from app.publishing.current import CurrentBundle
from app.storage import jobs
from app.storage.blobs.spool import Spool
from app.storage.blobs.store import BlobStore, FolderBlobStore
from app.storage.database import Database
from app.storage.tables import now
from app.stores import Stores

OK = "ok"
PROBE_KEY = "demo/health-probe"
LONGEST_SILENCE = timedelta(hours=13)  # what is done least often is done every six hours


@dataclass(frozen=True)
class Health:
    """Each part is ``OK`` or the sentence that says what is wrong with it.

    ``reference`` is the bundle that serves, also where ``bundle`` says why another one does not.
    ``spool`` is where files wait for the store, ``None`` if they never have to; ``waiting`` is how
    many do now. ``work`` is what is done in the background, ``None`` if nothing is. ``login`` is
    whether the admin's password can be looked up, ``None`` where nobody can log in.
    """

    database: str
    store: str
    bundle: str
    reference: BundleReference
    spool: str | None = None
    waiting: int = 0
    work: str | None = None
    login: str | None = None

    @property
    def serving(self) -> bool:
        """Whether drawings can be analysed and kept; some good bundle always serves."""
        return self.database == OK and OK in (self.store, self.spool)

    @property
    def status(self) -> str:
        """One word for all parts."""
        if not self.serving:
            return "failing"
        parts = (self.store, self.bundle, self.spool or OK, self.work or OK, self.login or OK)
        well = set(parts) == {OK} and not self.waiting
        return OK if well else "degraded"


def check_health(
    *, stores: Stores, bundle: CurrentBundle, secret: CurrentSecret | None = None
) -> Health:
    """Ask every part now; the bundle is what was last seen, and looked for anew meanwhile."""
    bundle.look()
    spooling, database = stores.spooling, stores.database
    spool = spooling.spool if spooling else None
    return Health(
        database=_outcome(database.check),
        store=(spooling and spooling.trouble) or _outcome(lambda: _reach(stores.blobs)),
        bundle=bundle.fault or OK,
        reference=bundle.reference,
        spool=_outcome(spool.check) if spool else None,
        waiting=_count(spool),
        work=None if database.read_only else _work(database.impatient),
        login=_login(secret) if secret else None,
    )


@dataclass
class RecentHealth:
    """The health of a moment ago: many watchers must not wear out the parts they watch."""

    check: Callable[[], Health]
    seconds: float = 5.0
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _latest: tuple[float, Health] | None = None

    def read(self) -> Health:
        """Ask again only if the last answer is older than ``seconds``.

        One asks at a time; who comes meanwhile gets the last answer, if there ever was one.
        """
        known = self._latest
        alone = self._lock.acquire(blocking=known is None)
        try:
            return self._read_alone() if alone or known is None else known[1]
        finally:
            if alone:
                self._lock.release()

    def _read_alone(self) -> Health:
        if self._latest is None or self.clock() - self._latest[0] >= self.seconds:
            health = self.check()
            self._latest = (self.clock(), health)
        return self._latest[1]


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except StorageUnavailable as error:
        return error.advice
    return OK


def _login(secret: CurrentSecret) -> str:
    """Without a password all is well, too: the admin's side is closed."""
    secret.epoch()  # which looks for it, if that is due
    return secret.fault or OK


def _work(database: Database) -> str:
    """``OK`` if the database cannot be read, which ``database`` then says."""
    with suppress(StorageUnavailable):
        kinds = [job.kind for job in jobs.list_given_up(database)]
        if kinds:
            return (
                f"Work in the background was given up ({', '.join(kinds)}); sketchnorm jobs tells "
                "why. It is tried anew at its next time."
            )
        asked_at = jobs.last_asked_at(database)
        if asked_at is not None and now() - asked_at > LONGEST_SILENCE:
            return (
                f"Nothing was asked of the background since {asked_at:%d %B %Y, %H:%M} UTC; "
                "see that its thread or its schedule runs."
            )
    return OK


def _count(spool: Spool | None) -> int:
    """0 if the spool cannot be read, which ``spool`` then says."""
    try:
        return spool.count() if spool else 0
    except StorageUnavailable:
        return 0


def _reach(blobs: BlobStore) -> None:
    """Reading is enough to reach a store; that nothing lies at the key is a good answer."""
    with suppress(NotFound):
        blobs.get(PROBE_KEY)
    if isinstance(blobs, FolderBlobStore):
        blobs.check()  # a folder can be read long after its disk is full
