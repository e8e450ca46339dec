"""A store that goes on keeping what visitors hand in while the store behind it is away."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import NotFound, ReadOnly, StorageFull, StorageRefused, StorageUnavailable
from app.storage import faults
from app.storage.blobs.spool import Drained, Spool
from app.storage.blobs.store import (
    AWAY,
    GONE,
    MARKERS,
    BlobState,
    BlobStore,
    check_key,
    check_prefix,
)
from app.storage.files import write_atomically

log = logging.getLogger(__name__)

# What a visitor hands in or deletes cannot be asked for twice. The rest is written by an operator
# or a job, who had better be told: a bundle published from a laptop must not wait there.
SPOOLED = ("drawings/", "saliency_maps/", f"{MARKERS}/")

# Longer than one who asks may have to wait, so that never two of them wait one after the other.
PAUSE_SECONDS = 10.0
# The store said so, or the disk at this end: neither tells that others would wait in vain.
ANSWERED = (NotFound, StorageRefused, StorageFull, ReadOnly)


class Pause:
    """Spares a store that does not answer, and those who would wait for it.

    It begins when the store gave no answer; when it is over, one caller finds out for all others.
    Each request to a store that keeps silent costs seconds, and the thread that waits for it.
    """

    def __init__(self, clock: Callable[[], float], *, away: bool) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._away = away
        self._until = clock() + PAUSE_SECONDS

    def admits(self) -> bool:
        """Whether the caller may ask; of those who come when the pause is over, only the first."""
        with self._lock:
            if not self._away:
                return True
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + PAUSE_SECONDS
            return True

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Learn from what becomes of the question asked in the block."""
        try:
            yield
        except ANSWERED:
            self.end()
            raise
        except StorageUnavailable:
            self.begin()
            raise
        self.end()

    def begin(self) -> None:
        """The store gave no answer."""
        with self._lock:
            self._away = True
            self._until = self._clock() + PAUSE_SECONDS

    def end(self) -> None:
        """The store answers."""
        with self._lock:
            self._away = False


class SpoolingBlobStore:
    """``inner``, and a spool for what it cannot take now; ``drain`` moves that once it can.

    Where something waits at a key, all that follows at that key waits behind it. ``away`` is what
    is known of ``inner`` in the beginning.
    """

    def __init__(
        self,
        inner: BlobStore,
        spool: Spool,
        clock: Callable[[], float] = time.monotonic,
        *,
        away: bool = False,
    ) -> None:
        self.inner = inner
        self.spool = spool
        self._pause = Pause(clock, away=away)
        self._refusal: str | None = None

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
        content = self._find(key)
        if content is not None:
            return content
        with self.asking():
            return self.inner.get(key)

    def get_file(self, key: str, file: Path) -> None:
        """See ``BlobStore``; what waits is small."""
        content = self._find(key)
        if content is None:
            with self.asking():
                self.inner.get_file(key, file)
            return
        try:
            write_atomically(file, content)
        except OSError as error:
            raise faults.of_disk(error, "the folder to work in") from error

    def delete(self, key: str) -> None:
        """See ``BlobStore``; gone from here at once, and from ``inner`` as soon as it answers."""
        if not _is_spooled(key):
            self.inner.delete(key)
        elif not self._tried(key, lambda: self.inner.delete(key)):
            self.spool.forget(key)

    def exists(self, key: str) -> bool:
        """See ``BlobStore``."""
        label = self.spool.look(check_key(key))
        if label is not None:
            return not label.deleted
        with self.asking():
            return self.inner.exists(key)

    def look(self, key: str) -> BlobState:
        """See ``BlobStore``; what waits is small."""
        content = self._find(key)
        if content is not None:
            return BlobState(len(content), hashlib.sha256(content).hexdigest())
        with self.asking():
            return self.inner.look(key)

    def keys(self, prefix: str) -> tuple[str, ...]:
        """See ``BlobStore``; the spool is read first, so that what is moved now is not missed."""
        spooled = f"{check_prefix(prefix)}/" in SPOOLED
        waiting = self.spool.all_below(prefix) if spooled else {}
        there = dict.fromkeys(self.inner.keys(prefix), True)
        return tuple(sorted(key for key, kept in {**there, **waiting}.items() if kept))

    def is_waiting(self, key: str) -> bool:
        """Whether something at ``key`` has still to reach ``inner``."""
        return self.spool.is_waiting(check_key(key))

    def drain(self) -> Drained:
        """Move what waits; quick if nothing does, and harmless to do at any time."""
        drained = self.spool.drain(self.inner)
        if drained.moved:
            self._pause.end()
        if drained.refused or not drained.left:
            self._refusal = drained.refusal
        return drained

    @property
    def trouble(self) -> str | None:
        """What ``inner`` said when it last refused what now waits, for the operator.

        Another process may have moved it since.
        """
        if self._refusal is not None:
            with suppress(StorageUnavailable):  # which ``spool.check`` tells
                self._refusal = self._refusal if self.spool.count() else None
        return self._refusal

    def _find(self, key: str) -> bytes | None:
        """What waits; raise ``NotFound`` if that is a deletion."""
        waiting = self.spool.find(check_key(key))
        if waiting is not None and waiting.label.deleted:
            raise NotFound(GONE)
        return None if waiting is None else waiting.content

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Nobody at a browser waits for a store that is known to be away."""
        if not self._pause.admits():
            raise StorageUnavailable(AWAY)
        with self._pause.watching():
            yield

    def _is_taken(self, key: str) -> bool:
        label = self.spool.look(check_key(key))
        if label is not None and label.deleted:
            raise StorageUnavailable("What was here is still being removed; try again later.")
        return label is not None

    def _tried(self, key: str, attempt: Callable[[], None]) -> bool:
        """Whether ``inner`` did it; it is not asked out of turn, nor again just after it failed."""
        if self.spool.is_waiting(key) or not self._pause.admits():
            return False
        try:
            with self._pause.watching():
                attempt()
        except StorageRefused as error:
            self._refusal = error.advice
            log.warning("The file store refuses a file, which waits in the spool: %s", error.advice)
            return False
        except StorageUnavailable as error:
            place, why = self.spool.folder, error.advice
            log.warning("The file store is away, so files wait in %s: %s", place, why)
            return False
        return True


def _is_spooled(key: str) -> bool:
    return check_key(key).startswith(SPOOLED)
