"""The secret is looked up at run time, and an outage of its source closes no login that lives."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from app.access.current_secret import CurrentSecret
from app.access.logins import find_login, make_login
from app.access.secrets import AdminSecret, SecretFile, SecretsManager
from app.bootstrap import SECRET_FILE, Services, open_access
from app.environment import Settings
from app.errors import ConfigurationError, SecretUnavailable
from app.storage.database import Database
from app.telemetry import Metrics
from tests.access.test_logins import LIFETIMES
from tests.support.clocks import Clock
from tests.support.people.admins import HASH
from tests.support.stores.secrets_server import NAME, REGION, SecretsServer

pytestmark = pytest.mark.servers

SECRET = AdminSecret(HASH, 1)


@pytest.fixture
def manager(secrets_server: SecretsServer) -> SecretsManager:
    return SecretsManager.open(NAME, REGION)


@pytest.fixture
def current(manager: SecretsManager, database: Database, clock: Clock) -> CurrentSecret:
    return CurrentSecret(manager, database, clock)


@pytest.fixture
def known(secrets_server: SecretsServer, current: CurrentSecret) -> CurrentSecret:
    """One that has been read."""
    secrets_server.keeps_password(HASH)
    assert current.for_new_login() == SECRET
    return current


@pytest.fixture(params=["stops", "freezes", "keeps_nonsense"])
def outage(request: pytest.FixtureRequest, secrets_server: SecretsServer) -> object:
    """Have one; each is another way in which nobody can tell what the secret is."""
    if request.param == "keeps_nonsense":
        return lambda: secrets_server.keeps('{"hash": "hunter2"}')
    return getattr(secrets_server, request.param)


def test_without_a_secret_there_is_no_password(current: CurrentSecret) -> None:
    assert current.for_new_login() is None
    assert current.epoch() is None


def test_a_new_password_is_known_after_five_minutes(
    known: CurrentSecret, secrets_server: SecretsServer, clock: Clock
) -> None:
    secrets_server.keeps_password(HASH, epoch=2)
    clock.passes(seconds=299)
    assert known.epoch() == 1
    clock.passes(seconds=2)
    assert known.epoch() == 2


def test_the_first_password_is_known_at_once(
    current: CurrentSecret, secrets_server: SecretsServer, clock: Clock
) -> None:
    assert current.for_new_login() is None
    secrets_server.keeps_password(HASH)
    clock.passes(seconds=16)
    assert current.for_new_login() == SECRET


def test_in_an_outage_the_last_known_hash_lets_in_for_a_day(
    known: CurrentSecret, outage: object, clock: Clock
) -> None:
    assert callable(outage)
    outage()
    clock.passes(hours=23)
    assert known.for_new_login() == SECRET
    clock.passes(hours=2)
    with pytest.raises(SecretUnavailable):
        known.for_new_login()
    assert known.epoch() == 1


def test_a_process_that_starts_in_an_outage_knows_it_too(
    known: CurrentSecret, outage: object, database: Database, manager: SecretsManager, clock: Clock
) -> None:
    assert callable(outage)
    outage()
    newcomer = CurrentSecret(manager, database, clock)
    assert newcomer.for_new_login() == SECRET
    assert newcomer.epoch() == 1


def test_who_never_knew_it_lets_nobody_in(
    current: CurrentSecret, secrets_server: SecretsServer
) -> None:
    secrets_server.stops()
    with pytest.raises(SecretUnavailable):
        current.for_new_login()
    assert current.epoch() is None


def test_a_deleted_secret_is_no_password_and_no_outage(
    known: CurrentSecret, secrets_server: SecretsServer, clock: Clock, database: Database
) -> None:
    secrets_server.marks_as_deleted()
    clock.passes(minutes=6)
    assert known.for_new_login() is None
    assert known.fault is None
    secrets_server.stops()
    clock.passes(minutes=6)
    newcomer = CurrentSecret(known.source, database, clock)
    with pytest.raises(SecretUnavailable):
        newcomer.for_new_login()


def test_an_outage_is_told_once_and_so_is_its_end(
    known: CurrentSecret,
    secrets_server: SecretsServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    secrets_server.keeps("nonsense")
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            clock.passes(minutes=6)
            known.epoch()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert known.fault is not None
    secrets_server.keeps_password(HASH)
    clock.passes(minutes=6)
    assert known.epoch() == 1
    assert known.fault is None


def test_an_outage_is_counted_once_for_an_alarm_and_the_next_one_again(
    secrets_server: SecretsServer,
    manager: SecretsManager,
    database: Database,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    secrets_server.keeps_password(HASH)
    current = CurrentSecret(manager, database, clock, Metrics(enabled=True))
    current.epoch()
    assert stale(capsys) == []
    for _ in range(2):
        secrets_server.keeps("nonsense")
        for _ in range(5):
            clock.passes(minutes=6)
            current.epoch()
        assert stale(capsys) == [[1]]
        secrets_server.keeps_password(HASH)
        clock.passes(minutes=6)
        assert current.epoch() == 1
    secrets_server.deletes()
    clock.passes(minutes=6)
    assert current.epoch() is None
    assert stale(capsys) == []


def stale(capsys: pytest.CaptureFixture[str]) -> list[list[int]]:
    """What was written of ``AuthSecretStale`` since the last look."""
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line)["AuthSecretStale"] for line in lines if "AuthSecretStale" in line]


def test_a_site_in_production_counts_it(
    settings: Settings, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    counting = replace(settings.environment, metrics_enabled=True)
    access = open_access(replace(settings, environment=counting), services.stores.database)
    (settings.data_dir / SECRET_FILE).touch(mode=0o600)
    assert access.live_logins() == []
    assert stale(capsys) == [[1]]


def test_a_login_of_a_deleted_secret_is_not_back_with_the_next_one(
    known: CurrentSecret, secrets_server: SecretsServer, clock: Clock, database: Database
) -> None:
    """Who makes a secret anew may well begin with the same epoch."""
    login = make_login(database, 1, None, LIFETIMES, clock())
    secrets_server.deletes()
    clock.passes(minutes=6)
    assert known.epoch() is None
    secrets_server.keeps_password(HASH, epoch=1)
    clock.passes(seconds=16)
    assert known.epoch() == 1
    assert find_login(database, login, 1, LIFETIMES, clock()) is None


def test_a_frozen_source_is_asked_by_one_and_not_at_every_page(
    known: CurrentSecret, secrets_server: SecretsServer, clock: Clock
) -> None:
    secrets_server.freezes()
    clock.passes(minutes=6)
    known.epoch()
    asked = clock()
    for _ in range(50):  # each would take two seconds if it asked
        assert known.epoch() == 1
    assert clock() == asked


def test_a_password_is_written_where_it_is_read(
    manager: SecretsManager, secrets_server: SecretsServer
) -> None:
    secrets_server.keeps_password(HASH)
    manager.write(SECRET.with_password(HASH))
    assert manager.read() == AdminSecret(HASH, 2)


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    source = SecretFile(tmp_path / "new" / "secret.json")
    assert source.read() is None
    source.write(SECRET)
    assert source.path.stat().st_mode & 0o777 == 0o600
    assert source.read() == SECRET
    source.path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        source.read()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"hash": null, "session_epoch": 1}', '{"hash": "x"}', "\0"]
)
def test_what_is_no_secret_is_an_outage_and_never_an_open_door(tmp_path: Path, text: str) -> None:
    source = SecretFile(tmp_path / "secret.json")
    source.write(SECRET)
    source.path.write_text(text)
    with pytest.raises(SecretUnavailable) as refused:
        source.read()
    assert "sketchnorm admin-password" in refused.value.advice


def test_the_hash_is_in_no_repr() -> None:
    assert HASH not in repr(SECRET)
