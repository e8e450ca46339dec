"""Tell which parts work, each as "ok" or a sentence."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.actions.analyze import BundleReference
from app.errors import NotFound, StorageUnavailable
from app.storage.blobs import BlobStore
from app.storage.database import Database

OK = "ok"
PROBE_KEY = "demo/health-probe"


@dataclass(frozen=True)
class Health:
    """Each part is ``OK`` or the sentence that says what is wrong with it."""

    database: str
    store: str
    bundle: str
    reference: BundleReference

    @property
    def serving(self) -> bool:
        """Whether drawings can be analysed, kept and shown."""
        return self.database == self.store == self.bundle == OK


def check_health(*, database: Database, blobs: BlobStore, bundle: BundleReference) -> Health:
    """Ask every part now. The bundle was verified when it was opened and lives in memory."""
    return Health(
        database=_outcome(database.ping),
        store=_outcome(lambda: _reach(blobs)),
        bundle=OK,
        reference=bundle,
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
        """Ask again only where the last answer is older than ``seconds``."""
        with self._lock:
            if self._latest is None or self.clock() - self._latest[0] >= self.seconds:
                health = self.check()
                self._latest = (self.clock(), health)
            return self._latest[1]


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except StorageUnavailable as error:
        return str(error)
    return OK


def _reach(blobs: BlobStore) -> None:
    """Reading is enough to reach the store; that nothing lies at the key is a good answer."""
    try:
        blobs.get(PROBE_KEY)
    except NotFound:
        return
