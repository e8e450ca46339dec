"""Sparing a store that does not answer, and those who would wait for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import NotFound, ReadOnly, StorageFull, StorageRefused, StorageUnavailable

# Longer than one who asks may have to wait, so that never two of them wait one after the other.
PAUSE_SECONDS = 10.0
# The store said so, or the disk at this end: neither tells that others would wait in vain.
ANSWERED = (NotFound, StorageRefused, StorageFull, ReadOnly)


class Pause:
    """Begins when the store gave no answer; when it is over one finds out for all others.

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
