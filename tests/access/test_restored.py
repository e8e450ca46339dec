"""Delete, log out, revoke, change the password, then restore an older backup: none is back."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.access.current_secret import CurrentSecret
from app.access.logins import end_all, end_login, find_login, make_login
from app.access.secrets import AdminSecret, SecretFile, SecretSource
from app.access.tokens import find_token, make_token, revoke_token
from app.actions.forget import forget_marked
from app.backups.back_up import back_up
from app.backups.restore import Restored, restore
from app.errors import BackupError, SecretUnavailable
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.tables import ApiToken, KnownSecret, now
from tests.access.test_logins import LIFETIMES
from tests.support.people.admins import HASH
from tests.support.people.researchers import sketchnorm
from tests.support.stores.databases import Place, contents
from tests.support.stores.sites import Site


@dataclass(frozen=True)
class Away:
    """A source that can be read at most."""

    secret: AdminSecret | None = None

    def read(self) -> AdminSecret | None:
        if self.secret is None:
            raise SecretUnavailable("Later.", "Secrets Manager does not answer.")
        return self.secret

    def write(self, secret: AdminSecret) -> None:
        raise SecretUnavailable("Later.", "Secrets Manager refused a request.")


@dataclass(frozen=True)
class BackedUp:
    """A site whose backup knows a login, two tokens and a drawing, and the password of then."""

    file: Path
    blobs: FolderBlobStore
    source: SecretFile
    login: str
    tokens: tuple[str, str]
    drawing: str

    def restores(self, source: SecretSource | None = None, to: Path | None = None) -> Restored:
        return restore(to=to or self.file, environment="local", blobs=self.blobs, secret=source)

    @contextmanager
    def opened(self, file: Path | None = None) -> Iterator[Database]:
        with closing(Database.open(f"sqlite:///{file or self.file}", "local")) as database:
            yield database

    def lets_in(self, login: str, at: datetime | None = None) -> bool:
        """Whether the site, started anew, lets in who holds it."""
        with self.opened() as database:
            epoch = CurrentSecret(self.source, database).epoch()
            known = epoch is not None
            return known and bool(find_login(database, login, epoch or 0, LIFETIMES, at or now()))

    def logs_in(self) -> str:
        with self.opened() as database:
            epoch = CurrentSecret(self.source, database).epoch()
            assert epoch is not None
            return make_login(database, epoch, None, LIFETIMES, now())


@pytest.fixture
def site(blobs: FolderBlobStore, tmp_path: Path) -> BackedUp:
    source = SecretFile(tmp_path / "admin-secret.json")
    source.write(AdminSecret(HASH, 3))
    with Place.in_folder(tmp_path, "auto").opened() as database:
        file = database.file
        assert file is not None
        assert CurrentSecret(source, database).epoch() == 3
        login = make_login(database, 3, None, LIFETIMES, now())
        one, other = (make_token(database, name, now()) for name in ("revoked", "kept"))
        drawing = Site(database, blobs).submits()
        back_up(file=file, environment="local", blobs=blobs)
    return BackedUp(file, blobs, source, login, (one, other), drawing)


def test_what_was_ended_before_a_restore_stays_ended(site: BackedUp) -> None:
    with site.opened() as database:
        end_login(database, site.login)
        revoke_token(database, site.blobs, "revoked", now())
        Site(database, site.blobs).forgets(site.drawing, now())
    assert site.restores(site.source).forgotten == 1
    assert not site.lets_in(site.login)
    with site.opened() as database:
        revoked, kept = (find_token(database, token, now()) for token in site.tokens)
        assert (revoked is None, kept is None) == (True, False)
        assert Site(database, site.blobs).drawings == set()


def test_logging_out_everywhere_outlasts_a_restore(site: BackedUp) -> None:
    with site.opened() as database:
        end_all(database)
    site.restores(site.source)
    assert not site.lets_in(site.login)


def test_a_login_of_the_backup_has_ended_even_if_its_row_were_there(
    site: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.backups.restore.delete", select)
    site.restores(site.source)
    with site.opened() as database:
        assert find_login(database, site.login, 3, LIFETIMES, now()) is not None
    assert not site.lets_in(site.login)


def test_the_epoch_is_above_all_in_the_backup_though_the_secret_was_made_anew(
    site: BackedUp,
) -> None:
    site.source.write(AdminSecret(HASH, 1))
    site.restores(site.source)
    assert site.source.read() == AdminSecret(HASH, 4)


def test_the_file_that_was_replaced_has_no_live_login_if_it_is_put_back(site: BackedUp) -> None:
    newer = site.logs_in()
    assert site.lets_in(newer)
    replaced = site.restores(site.source).replaced
    assert replaced is not None
    replaced.replace(site.file)
    assert not site.lets_in(newer)


def test_who_logs_in_after_a_restore_is_let_in(site: BackedUp) -> None:
    site.restores(site.source)
    assert site.lets_in(site.logs_in())


def test_a_password_that_was_replaced_is_not_back_in_an_outage(site: BackedUp) -> None:
    """The backup is younger than a day, so that its hash would let in."""
    site.source.write(AdminSecret(HASH, 3).with_password(HASH))
    site.restores(site.source)
    with site.opened() as database:
        with database.reading() as tx:
            assert tx.get(KnownSecret, 1) is None
        started_in_an_outage = CurrentSecret(Away(), database)
        with pytest.raises(SecretUnavailable):
            started_in_an_outage.for_new_login()


@pytest.mark.parametrize(
    "source", [Away(), Away(AdminSecret(HASH, 3))], ids=["not to be read", "not to be written"]
)
def test_without_the_secret_nothing_is_restored(site: BackedUp, source: Away) -> None:
    before = contents(site.file.parent)
    with pytest.raises(BackupError, match="--keep-epoch"):
        site.restores(source)
    assert contents(site.file.parent) == before


def test_the_epoch_is_raised_before_the_database_is_put_in_place(
    site: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore that is killed between the two has ended logins and changed nothing else."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.backups.restore.put_in_place", killed)
    before = site.file.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        site.restores(site.source)
    assert site.source.read() == AdminSecret(HASH, 4)
    assert site.file.read_bytes() == before
    assert not site.lets_in(site.login)


def test_a_site_without_a_password_is_restored(site: BackedUp) -> None:
    site.source.path.unlink()
    site.restores(site.source)
    assert site.source.read() is None
    assert not site.lets_in(site.login)


@pytest.fixture
def at_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SecretFile:
    """Where the command finds the site of a developer, which has a password and a backup."""
    for name in ("DATA_DIR", "DATABASE_URL", "SECRET_MANAGER_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert sketchnorm("migrate").status == 0
    source = SecretFile(tmp_path / "var" / "admin-secret.json")
    source.write(AdminSecret(HASH, 1))
    assert sketchnorm("backup").status == 0
    return source


@pytest.mark.parametrize(
    ("words", "epoch"),
    [
        pytest.param((), 2, id="in place"),
        pytest.param(("--to", "var/sketchnorm.sqlite3"), 2, id="in place, by name"),
        pytest.param(("--to", "copy.sqlite3"), 1, id="a copy to look into"),
        pytest.param(("--keep-epoch",), 1, id="where the secret cannot be changed"),
    ],
)
def test_the_command_raises_the_epoch_where_it_replaces_the_database(
    at_a_shell: SecretFile, words: tuple[str, ...], epoch: int
) -> None:
    assert sketchnorm("restore", *words).status == 0
    assert at_a_shell.read() == AdminSecret(HASH, epoch)


def test_a_token_that_came_back_by_other_means_is_revoked_again(
    database: Database, blobs: FolderBlobStore
) -> None:
    revoked, kept = (make_token(database, name, now()) for name in ("revoked", "kept"))
    revoke_token(database, blobs, "revoked", now())
    with database.writing() as tx:
        tx.execute(update(ApiToken).values(revoked_at=None))
    assert find_token(database, revoked, now()) is not None
    forget_marked(database=database, blobs=blobs, now=now())
    assert find_token(database, revoked, now()) is None
    assert find_token(database, kept, now()) is not None
