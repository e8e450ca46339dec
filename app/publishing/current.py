"""The bundle in use, which follows the store while requests go on."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.errors import BundleError, StorageUnavailable
from app.inference.analysis import Analysis, BundleReference, OpenedBundle
from app.inference.analyzer import BundleAnalyzer
from app.publishing.published import Pointer, make_current, open_published, read_pointer
from app.scoring.assessment import LEVEL
from app.storage.blobs.store import BlobStore

UNFORESEEN = "The published bundle could not be opened, for a reason the log tells."


@dataclass(frozen=True)
class Use:
    """What serves now, the pointer that was last acted on, and what is wrong with it, if anything.

    A pointer that led to a fault is not followed again; ``seen=None`` means to look anew.
    """

    opened: OpenedBundle
    seen: Pointer | None
    fault: str | None


class CurrentBundle:
    """An analyzer that is always the newest good bundle.

    The store is asked, and a new bundle opened, in a thread of its own that lives no longer than
    that takes: no request waits for it, and nothing has to run between requests. Then one
    reference is replaced; a request that began with the old bundle ends with it, and the last one
    to end frees it. Two bundles are in memory only for that long.
    """

    def __init__(
        self, use: Use, blobs: BlobStore, seconds: float, clock: Callable[[], float]
    ) -> None:
        self._use = use
        self._blobs = blobs
        self._seconds = seconds
        self._clock = clock
        self._next_look = clock() + seconds
        self._following = threading.Lock()

    @classmethod
    def start(
        cls,
        blobs: BlobStore,
        seconds: float,
        open_own: Callable[[], OpenedBundle],
        clock: Callable[[], float] = time.monotonic,
    ) -> "CurrentBundle":
        """Begin with the published bundle; with one's own if none is, or none that is good."""
        return cls(_first_use(blobs, open_own), blobs, seconds, clock)

    @property
    def reference(self) -> BundleReference:
        """The bundle that the next analysis will be made with."""
        return self._use.opened.reference

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that its norms name."""
        return self._use.opened.categories

    @property
    def fault(self) -> str | None:
        """Why the published bundle is not the one in use; ``None`` if all is well."""
        return self._use.fault

    @property
    def looking(self) -> bool:
        """Whether the store is being asked or a bundle opened just now."""
        return self._following.locked()

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        """Analyse with the bundle of this moment, from beginning to end."""
        self.look()
        return self._use.opened.analyze(content, age_years, category, level)

    def look(self) -> None:
        """Have the store asked, unless that was done a moment ago or is being done."""
        if self._clock() < self._next_look or not self._following.acquire(blocking=False):
            return
        threading.Thread(target=self._follow, name="bundle", daemon=True).start()

    def turn_to(self, sha256: str) -> None:
        """Use a bundle that is in the store: here at once, elsewhere from the next look on.

        It is checked and self-tested first. Raise ``BundleError`` or ``StorageUnavailable``, and go
        on as before, if it cannot be used.
        """
        with self._following:
            bundle = open_published(self._blobs, sha256)
            pointer = make_current(self._blobs, bundle)
            self._use = Use(BundleAnalyzer(bundle), pointer, None)

    def _follow(self) -> None:
        """Unexpected exceptions propagate and end the thread; the next look retries."""
        use = replace(self._use, fault=UNFORESEEN)
        try:
            use = _follow(self._use, self._blobs)
        finally:
            self._use = use
            self._next_look = self._clock() + self._seconds
            self._following.release()


def _first_use(blobs: BlobStore, open_own: Callable[[], OpenedBundle]) -> Use:
    try:
        pointer = read_pointer(blobs)
    except (BundleError, StorageUnavailable) as error:
        return Use(open_own(), None, str(error))
    if pointer is None:
        return Use(open_own(), None, None)
    try:
        return Use(_open(blobs, pointer), pointer, None)
    except StorageUnavailable as error:
        return Use(open_own(), None, str(error))
    except BundleError as error:
        return Use(open_own(), pointer, str(error))


def _follow(use: Use, blobs: BlobStore) -> Use:
    try:
        pointer = read_pointer(blobs)
    except (BundleError, StorageUnavailable) as error:
        return replace(use, seen=None, fault=str(error))
    if pointer is None:
        return replace(use, seen=None, fault=None)
    if pointer == use.seen:
        return use
    return _replaced(use, pointer, blobs)


def _replaced(use: Use, pointer: Pointer, blobs: BlobStore) -> Use:
    if pointer.sha256 == use.opened.reference.sha256:
        return Use(use.opened, pointer, None)
    try:
        return Use(_open(blobs, pointer), pointer, None)
    except StorageUnavailable as error:
        return replace(use, seen=None, fault=str(error))
    except BundleError as error:
        return replace(use, seen=pointer, fault=str(error))


def _open(blobs: BlobStore, pointer: Pointer) -> OpenedBundle:
    return BundleAnalyzer(open_published(blobs, pointer.sha256))
