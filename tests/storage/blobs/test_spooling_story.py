"""Whatever happens in whatever order: in the end the store holds what was asked for last."""

import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.errors import StorageUnavailable
from app.storage.blobs.spool import Spool
from app.storage.blobs.spooling import PAUSE_SECONDS, SpoolingBlobStore
from tests.support.stores.doubles import DistantStore

KEYS = st.sampled_from(["drawings/a", "drawings/b", "saliency_maps/a.png"])


class KilledError(BaseException):
    """Ends a move as ``kill -9`` does: nothing catches it, and only the lock is given back."""


class SpoolingStory(RuleBasedStateMachine):
    """The store under test, and a dictionary that tells what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.distant = DistantStore()
        self.expected: dict[str, bytes] = {}
        self.restart()

    def teardown(self) -> None:
        self.distant.away = self.distant.lose_answers = False
        self.distant.refuses.clear()
        self.store.drain()
        assert self.distant.blobs == self.expected
        assert self.store.spool.count() == 0
        self.folder.cleanup()

    @rule()
    def restart(self) -> None:
        """Much time passes between any two looks at the clock."""
        clock = partial(next, count(0.0, PAUSE_SECONDS))
        spool = Spool(Path(self.folder.name) / "spool")
        self.store = SpoolingBlobStore(self.distant, spool, clock)

    @rule(away=st.booleans(), lose_answers=st.booleans())
    def weather(self, away: bool, lose_answers: bool) -> None:
        self.distant.away, self.distant.lose_answers = away, lose_answers

    @rule(keys=st.sets(KEYS))
    def refuse(self, keys: set[str]) -> None:
        self.distant.refuses = keys

    @rule(key=KEYS, content=st.binary(max_size=3))
    def put(self, key: str, content: bytes) -> None:
        self.store.put(key, content, "image/png")
        self.expected[key] = content

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.store.delete(key)
        self.expected.pop(key, None)

    @rule()
    def drain(self) -> None:
        self.store.drain()

    @rule(kept=st.booleans())
    def drain_killed(self, kept: bool) -> None:
        """Before or after the first blob is kept where it belongs."""

        class Deadly(DistantStore):
            def put_new(self, key: str, content: bytes, content_type: str) -> bool:
                if kept:
                    super().put_new(key, content, content_type)
                raise KilledError

        deadly = Deadly(blobs=self.distant.blobs, types=self.distant.types)
        _until_killed(lambda: self.store.spool.drain(deadly))

    @invariant()
    def what_is_read_is_what_was_asked_for(self) -> None:
        for key in ("drawings/a", "drawings/b", "saliency_maps/a.png"):
            try:
                there = self.store.exists(key)
                read = self.store.get(key) if there else None
            except StorageUnavailable:
                assert not self.store.is_waiting(key)
            else:
                assert read == self.expected.get(key)


def _until_killed(attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except KilledError:
        return


SpoolingStory.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestSpoolingStory = SpoolingStory.TestCase
