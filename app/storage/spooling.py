"""A store that goes on keeping what visitors hand in while the store behind it is away."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from app.errors import NotFound, StorageUnavailable
from app.storage.blobs import GONE, BlobStore, check_key, check_prefix
from app.storage.spool import Drained, Spool

log = logging.getLogger(__name__)

# What a visitor hands in cannot be asked for twice. The rest is written by an operator or a job,
# who had better be told: a bundle published from a laptop must not wait in a folder there.
SPOOLED = ("drawings", "saliency_maps")
# A store that does not answer costs each request seconds; one of them finds out for the others.
PAUSE_SECONDS = 10.0


class SpoolingBlobStore:
    """``inner``, and a spool for what it cannot take now; ``drain`` moves that once it can.

    Where something waits at a key, all that follows at that key waits behind it.
    """

    def __init__(
        self, inner: BlobStore, spool: Spool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.inner = inner
        self.spool = spool
        self._clock = clock
        self._away_until = clock()

    def __repr__(self) -> str:
        return f"SpoolingBlobStore({self.inner!r}, {str(self.spool.folder)!r})"

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """See ``BlobStore``; what cannot be kept there waits in the spool."""
        if not _is_spooled(key):
            self.inner.put(key, content, content_type)
        elif not self._tried(key, lambda: self.inner.put(key, content, content_type)):
            self.spool.keep(key, content, content_type)

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        """See ``BlobStore``; never spooled, as only ``inner`` can tell whether the key is free."""
        return not self._is_taken(key) and self.inner.put_new(key, content, content_type)

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        """See ``put_new``."""
        return not self._is_taken(key) and self.inner.put_new_file(
            key, file, content_type, archived=archived
        )

    def get(self, key: str) -> bytes:
        """See ``BlobStore``; first what waits, as that is newer."""
        waiting = self.spool.find(check_key(key))
        if waiting is None:
            return self.inner.get(key)
        if waiting.content is None:
            raise NotFound(GONE)
        return waiting.content

    def get_file(self, key: str, file: Path) -> None:
        """See ``BlobStore``; what waits is small."""
        if self.spool.is_waiting(check_key(key)):
            file.write_bytes(self.get(key))
        else:
            self.inner.get_file(key, file)

    def delete(self, key: str) -> None:
        """See ``BlobStore``; gone from here at once, and from ``inner`` as soon as it answers."""
        if not _is_spooled(key):
            self.inner.delete(key)
        elif not self._tried(key, lambda: self.inner.delete(key)):
            self.spool.forget(key)

    def exists(self, key: str) -> bool:
        """See ``BlobStore``."""
        waiting = self.spool.find(check_key(key))
        return self.inner.exists(key) if waiting is None else waiting.content is not None

    def keys(self, prefix: str) -> tuple[str, ...]:
        """See ``BlobStore``; the spool is read first, so that what is moved now is not missed."""
        waiting = self.spool.all_below(check_prefix(prefix))
        there = dict.fromkeys(self.inner.keys(prefix), True)
        return tuple(sorted(key for key, kept in {**there, **waiting}.items() if kept))

    def is_waiting(self, key: str) -> bool:
        """Whether something at ``key`` has still to reach ``inner``."""
        return self.spool.is_waiting(check_key(key))

    def drain(self) -> Drained:
        """Move what waits; quick where nothing does, and harmless to do at any time."""
        return self.spool.drain(self.inner)

    def _is_taken(self, key: str) -> bool:
        waiting = self.spool.find(check_key(key))
        if waiting is not None and waiting.content is None:
            raise StorageUnavailable("What was here is still being removed; try again later.")
        return waiting is not None

    def _tried(self, key: str, attempt: Callable[[], None]) -> bool:
        """Whether ``inner`` did it; it is not asked out of turn, nor again just after it failed."""
        if self._clock() < self._away_until or self.spool.is_waiting(key):
            return False
        try:
            attempt()
        except StorageUnavailable as error:
            self._away_until = self._clock() + PAUSE_SECONDS
            log.warning("The file store is away, so files wait in %s: %s", self.spool.folder, error)
            return False
        return True


def _is_spooled(key: str) -> bool:
    return check_key(key).partition("/")[0] in SPOOLED
