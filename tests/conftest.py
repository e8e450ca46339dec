"""A whole server on a real database and a real folder; only the bundle is made up."""

import json
import signal
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from sqlalchemy import func, select
from xdist.scheduler import LoadScopeScheduling

from app import telemetry
from app.bootstrap import Services
from app.environment import Settings
from app.storage import tables
from app.web.app import create_app
from tests.support import emf
from tests.support.clocks import wait_out_midnight
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.operators import Operator
from tests.support.people.visitors import Visitor
from tests.support.stores.databases import ON_POSTGRESQL, Kind, NewPlace, Place
from tests.support.stores.s3_server import NAMED, S3Server, running_server
from tests.support.stores.sites import open_services

if TYPE_CHECKING:
    from tests.support.stores.postgres_server import PostgresServer

# A slow machine is no failure: timings are for benchmarks.
SLOW = hypothesis.HealthCheck.too_slow
hypothesis.settings.register_profile("sketchnorm", deadline=None, suppress_health_check=[SLOW])
hypothesis.settings.load_profile("sketchnorm")

AT_A_DOOR = "test_every_door_keeps_the_promise"
OF_A_MODULE = '@pytest.fixture(scope="module"'
# For those that repeat or last as long as a promise needs, build images or train.
LONG_SECONDS = 1800
# After a test that ran out of time, until what still holds it up, such as a thread that is waited
# for at the end of a block, is interrupted, too.
AGAIN_SECONDS = 60
StoredCount = Callable[[], tuple[int, int]]


class SharersTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Tests go to whichever process is free; those that share something all to the same.

    That is a server, or what a fixture makes once for its module, which is else made in each
    process. The largest group is begun first, and single tests fill up the end.
    """

    def _split_scope(self, nodeid: str) -> str:
        if NAMED in nodeid:
            return NAMED
        test, _, parameters = nodeid.partition("[")
        if test.endswith(AT_A_DOOR):
            return parameters.partition("-")[0]
        module = nodeid.partition("::")[0]
        return module if _has_module_fixtures(self.config.rootpath / module) else nodeid


@cache
def _has_module_fixtures(module: Path) -> bool:
    """Read in its text: the process that schedules knows nothing but the names of tests."""
    return OF_A_MODULE in module.read_text(encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SharersTogether:
    """The marks of ``--dist loadgroup`` go unseen in pytest 9.2."""
    return SharersTogether(config, log)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One process more than ``-n auto`` means by itself, as some always wait for a server."""
    return (yield) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give long tests the time that they need; ``timeout`` in pyproject.toml is for the others."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ("endurance", "packages", "training")):
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer() -> Generator[None, object, object]:
    """Have the alarm of pytest-timeout, which fails the test, come again until it has ended."""
    is_set = yield
    signal.setitimer(signal.ITIMER_REAL, signal.getitimer(signal.ITIMER_REAL)[0], AGAIN_SECONDS)
    return is_set


@pytest.fixture(autouse=True)
def _metrics_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test has written as a metric is valid."""
    as_line = telemetry.as_line

    def checked(values: Mapping[telemetry.Metric, float], properties: Mapping[str, object]) -> str:
        line = as_line(values, properties)
        assert emf.check(json.loads(line)) == set(values)
        return line

    monkeypatch.setattr(telemetry, "as_line", checked)


@pytest.fixture
def one_day() -> None:
    """What is counted by the day is counted within one."""
    wait_out_midnight(60)


@pytest.fixture
def analyzer() -> FakeAnalyzer:
    """The bundle of the server under test."""
    return FakeAnalyzer()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What an operator has who sets nothing but a folder; and no limit, as tests send many."""
    environ = {"DATA_DIR": str(tmp_path / "var"), "UPLOADS_PER_MINUTE": "0"}
    return Settings.load({"ENVIRONMENT": "local", **environ}, tmp_path)


@pytest.fixture
def services(settings: Settings, analyzer: FakeAnalyzer) -> Iterator[Services]:
    """Migrated, opened and closed again."""
    with open_services(settings, analyzer) as services:
        yield services


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """Who backs up and restores a database that no app has open."""
    return Operator.with_a_site(tmp_path / "site")


@pytest.fixture
def visitor(services: Services) -> Visitor:
    """Somebody at a browser."""
    return Visitor(create_app(services))


@pytest.fixture
def stored(services: Services, settings: Settings) -> StoredCount:
    """How many drawings are in the tables, and how many files in the store."""

    def count() -> tuple[int, int]:
        with services.stores.database.reading() as session:
            rows = session.scalar(select(func.count()).select_from(tables.Drawing)) or 0
        files = (settings.data_dir / "blobs").rglob("*")
        return rows, sum(path.is_file() and not path.name.startswith(".") for path in files)

    return count


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One for all tests that use it."""
    with running_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(
    s3_server: S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> S3Server:
    """Empty, and what boto3 in this process uses."""
    assert NAMED in request.node.nodeid, f"name the test so that {NAMED} is in it: see s3_server"
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    s3_server.wipe()
    return s3_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    """One for all tests of a process that use it; its driver is needed by no other."""
    from tests.support.stores.postgres_server import running_postgres

    with running_postgres() as server:
        yield server


@pytest.fixture(params=["auto", ON_POSTGRESQL])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Of databases: a journal of SQLite's, or PostgreSQL."""
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def places_folder(tmp_path: Path) -> Path:
    """Where sites are kept."""
    return tmp_path


@pytest.fixture
def new_place(
    kind: Kind, places_folder: Path, request: pytest.FixtureRequest
) -> Iterator[NewPlace]:
    """Makes empty sites, all with that kind of database."""
    numbers = count()
    with ExitStack() as made:

        def new() -> Place:
            folder = places_folder / f"place-{next(numbers)}"
            folder.mkdir()
            if kind != "postgresql":
                return Place.in_folder(folder, kind)
            server: PostgresServer = request.getfixturevalue("postgres_server")
            return Place(folder, made.enter_context(server.new_database()))

        yield new


@pytest.fixture
def place(new_place: NewPlace) -> Place:
    """An empty site."""
    return new_place()
