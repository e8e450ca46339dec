"""What fails half way leaves nothing behind."""

from dataclasses import dataclass

import pytest
from sqlalchemy import event

from app.actions.submit import Submission, submit
from app.bootstrap import Services
from app.errors import StorageUnavailable
from tests.conftest import StoredCount
from tests.support.stores import WatchedStore
from tests.support.visitors import a_drawing

SUBMISSION = Submission(a_drawing(), 6.0, None)


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
            database=services.database,
            blobs=FullStore(services.blobs),
        )
    assert stored() == (0, 0)


def test_when_the_commit_fails_both_files_are_removed(
    services: Services, stored: StoredCount
) -> None:
    def fail(*_: object) -> None:
        raise StorageUnavailable("The disk is full.")

    event.listen(services.database.engine, "commit", fail)
    with pytest.raises(StorageUnavailable):
        submit(
            SUBMISSION,
            analyzer=services.analyzer,
            database=services.database,
            blobs=services.blobs,
        )
    event.remove(services.database.engine, "commit", fail)
    assert stored() == (0, 0)


def test_a_fingerprint_changes_with_every_field() -> None:
    others = [
        Submission(a_drawing(colour="red"), 6.0, None),
        Submission(SUBMISSION.content, 6.5, None),
        Submission(SUBMISSION.content, 6.0, "cat"),
    ]
    prints = {one.fingerprint() for one in [SUBMISSION, *others]}
    assert len(prints) == 4
    assert Submission(a_drawing(), 6.0, None).fingerprint() == SUBMISSION.fingerprint()
