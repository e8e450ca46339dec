"""What fails half way leaves nothing behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Connection, event

from app.actions.submit import Submission, submit
from app.bootstrap import Services
from app.errors import StorageUnavailable
from tests.conftest import StoredCount
from tests.support.people.visitors import a_png
from tests.support.stores.doubles import WatchedStore

SUBMISSION = Submission(a_png(), 6.0, None)


@dataclass
class FullStore(WatchedStore):
    """Takes the first file and has no room for the second."""

    taken: int = 0

    def put(self, key: str, content: bytes, content_type: str) -> None:
        if self.taken:
            raise StorageUnavailable("The store is full.")
        self.taken += 1
        super().put(key, content, content_type)


def test_when_the_map_cannot_be_stored_the_picture_is_removed(
    services: Services, stored: StoredCount
) -> None:
    with pytest.raises(StorageUnavailable):
        submit(
            SUBMISSION,
            analyzer=services.analyzer,
            database=services.stores.database,
            blobs=FullStore(services.stores.blobs),
        )
    assert stored() == (0, 0)


@contextmanager
def commits_failing(services: Services, *, before: bool) -> Iterator[None]:
    """Before anything was committed, or once all was and only the answer is lost."""

    def fail(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if statement == "COMMIT":
            raise StorageUnavailable("The disk fails.")

    moment = "before_cursor_execute" if before else "after_cursor_execute"
    event.listen(services.stores.database.engine, moment, fail)
    yield
    event.remove(services.stores.database.engine, moment, fail)


def submit_in_vain(services: Services) -> None:
    with pytest.raises(StorageUnavailable, match="The disk fails"):
        submit(
            SUBMISSION,
            analyzer=services.analyzer,
            database=services.stores.database,
            blobs=services.stores.blobs,
        )


def test_when_the_commit_fails_both_files_are_removed(
    services: Services, stored: StoredCount
) -> None:
    with commits_failing(services, before=True):
        submit_in_vain(services)
    assert stored() == (0, 0)


def test_when_only_the_word_of_the_commit_is_lost_the_row_keeps_its_files(
    services: Services, stored: StoredCount
) -> None:
    with commits_failing(services, before=False):
        submit_in_vain(services)
    assert stored() == (1, 2)


def test_files_that_cannot_be_removed_do_not_hide_what_went_wrong(services: Services) -> None:
    class Undeletable(WatchedStore):
        def delete(self, key: str) -> None:
            raise StorageUnavailable("Nothing can be deleted.")

    with commits_failing(services, before=True):
        submit_in_vain(
            replace(
                services, stores=replace(services.stores, blobs=Undeletable(services.stores.blobs))
            )
        )


def test_a_fingerprint_changes_with_every_field() -> None:
    others = [
        Submission(a_png(colour="red"), 6.0, None),
        Submission(SUBMISSION.content, 6.5, None),
        Submission(SUBMISSION.content, 6.0, "cat"),
    ]
    prints = {one.fingerprint() for one in [SUBMISSION, *others]}
    assert len(prints) == 4
    assert Submission(a_png(), 6.0, None).fingerprint() == SUBMISSION.fingerprint()
