"""Nothing in tables or statements that PostgreSQL could not take; no server is asked."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import ClauseElement, Connection, Table, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.base import Executable

from app.access.secrets import kept_key
from app.actions.configure import CurrentLevel
from app.actions.seed_demo import seed_demo
from app.actions.show import show, show_demo
from app.background.work import Work, run_due_jobs
from app.errors import InvalidRequest
from app.inference.analysis import BundleReference
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.history import Filter, list_handed_in
from app.storage.jobs import Recurring, enqueue, list_open
from app.storage.schema import MIGRATIONS, check_schema
from app.storage.tables import Base
from app.telemetry import NO_METRICS, Signals
from app.usage.analyses import AnalysisCounter
from app.usage.metrics import PERIODS, read_history, read_metrics
from app.usage.requests import RequestCounter, SeenRequest
from app.usage.visits import Salts
from tests.support.data.analyzers import REFERENCE, FakeAnalyzer
from tests.support.people.visitors import a_png
from tests.support.stores.databases import open_database
from tests.support.stores.migrations import scripts
from tests.support.stores.sites import DAYS, Site

PRESENT = datetime(2026, 6, 1, tzinfo=UTC)
POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
SQLITE_ALONE = ("AUTOINCREMENT", "PRAGMA", "ROWID", "GLOB", "INSERT OR", "STRFTIME", "JULIANDAY")


@pytest.mark.parametrize("table", Base.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_and_index_can_be_made_by_postgresql(table: Table) -> None:
    statements: list[ClauseElement] = [CreateTable(table), *map(CreateIndex, table.indexes)]
    said = "\n".join(str(statement.compile(dialect=POSTGRESQL)) for statement in statements)
    assert "DATETIME" not in said
    assert not [word for word in SQLITE_ALONE if word in said.upper()]


def test_the_migrations_speak_postgresql_from_empty_to_head_and_back() -> None:
    written = StringIO()
    options = {"as_sql": True, "output_buffer": written, "target_metadata": Base.metadata}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    upwards = list(reversed(scripts(MIGRATIONS)))
    with Operations.context(context):
        for script in upwards:
            script.module.upgrade()
        for script in reversed(upwards):
            script.module.downgrade()
    said = written.getvalue()
    for table in Base.metadata.tables:
        assert f"CREATE TABLE {table} " in said
        assert f"DROP TABLE {table};" in said
    assert "TIMESTAMP WITH TIME ZONE" in said
    assert not [word for word in SQLITE_ALONE if word in said.upper()]


@pytest.fixture
def statements(tmp_path: Path) -> list[ClauseElement]:
    """Whatever the app asks its database while a day passes."""
    asked: list[ClauseElement] = []

    def note(connection: Connection, statement: Executable, *_: object) -> None:
        if isinstance(statement, ClauseElement):
            asked.append(statement)

    with open_database(tmp_path) as database:
        event.listen(database.engine, "before_execute", note)
        live(Site(database, FolderBlobStore(tmp_path / "blobs", "local")))
        count(database, tmp_path)
    return asked


def live(site: Site) -> None:
    database: Database = site.database
    check_schema(database)
    for age in (0, DAYS + 1):
        kept = site.keeps(PRESENT - timedelta(days=age), key=str(age))
    show(kept, database=database)
    for bundle in (REFERENCE, BundleReference("test-2", "b" * 64)):
        analyzer = FakeAnalyzer(reference=bundle)
        seed_demo(analyzer=analyzer, bundle=bundle, database=database, blobs=site.blobs)
    show_demo(database=database)
    look_back(database)
    work = Work(database, {"tidy": lambda payload: site.retains(PRESENT)},
                [Recurring("tidy", timedelta(hours=1))])  # fmt: skip
    run_due_jobs(work)
    enqueue(database, "other", "k", PRESENT)
    list_open(database)
    site.retains(PRESENT + timedelta(days=365 * 10))


def look_back(database: Database) -> None:
    """The admin's list and what is set."""
    day = PRESENT.date()
    newest = list_handed_in(database, Filter(), size=1)
    assert newest.next is not None
    for wanted in (
        Filter(6, "house", "yes", day, day),
        Filter(flagged="no"),
        Filter(flagged="none"),
    ):
        list_handed_in(database, wanted, newest.next)
    CurrentLevel(database).change(0.02)
    CurrentLevel(database).read()


def count(database: Database, folder: Path) -> None:
    """What is seen of requests and analyses, and told of them."""
    salts = Salts(folder, kept_key)
    counter = RequestCounter(database, salts, Signals(NO_METRICS), lambda: PRESENT)
    for visitor in "ab":
        counter.note(SeenRequest(0.1, visitor=visitor, country="DE"))
        counter.flush()
    AnalysisCounter().unkept(database, FakeAnalyzer().analyze(a_png(16), 6, None), 6)
    with pytest.raises(InvalidRequest), AnalysisCounter().failures(database):
        raise InvalidRequest("No.")
    with pytest.raises(ZeroDivisionError), AnalysisCounter().failures(database):
        raise ZeroDivisionError
    read_metrics(database, PRESENT)
    for by in PERIODS:
        read_history(database, by, PRESENT)


def test_every_statement_of_the_app_can_be_said_to_postgresql(
    statements: list[ClauseElement],
) -> None:
    said = {str(statement.compile(dialect=POSTGRESQL)) for statement in statements}
    verbs = {sentence.split()[0] for sentence in said}
    assert verbs >= {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert any("FOR UPDATE SKIP LOCKED" in sentence for sentence in said)
    for sentence in said:
        assert not [word for word in SQLITE_ALONE if word in sentence.upper()]
