"""Log out, revoke, then restore an older backup: neither is back."""

from contextlib import closing

from app.access.logins import end_all, find_login, make_login
from app.access.tokens import find_token, make_token, revoke_token
from app.backups.back_up import back_up
from app.backups.restore import restore
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.tables import now
from tests.access.test_logins import LIFETIMES


def test_what_was_ended_before_a_restore_stays_ended(
    database: Database, blobs: FolderBlobStore
) -> None:
    file = database.file
    assert file is not None
    login = make_login(database, 1, None, LIFETIMES, now())
    revoked, kept = (make_token(database, name, now()) for name in ("revoked", "kept"))
    back_up(file=file, environment="local", blobs=blobs)
    end_all(database)
    revoke_token(database, blobs, "revoked", now())
    database.close()
    restore(to=file, environment="local", blobs=blobs)
    with closing(Database.open(f"sqlite:///{file}", "local")) as again:
        assert find_login(again, login, 1, LIFETIMES, now()) is None
        assert find_token(again, revoked, now()) is None
        assert find_token(again, kept, now()) is not None
