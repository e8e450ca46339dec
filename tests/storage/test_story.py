"""Property 13: whatever happens, the database and the store tell the same story.

A machine of Hypothesis does what visitors, the background's work and operators do, in any order,
and has processes die at any step of it. It remembers what was acknowledged, and compares.
"""

import os
import tempfile
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from app.actions.migrate import migrate, no_backup
from app.actions.migrate import take_back as take_schema_back
from app.actions.take_inventory import forget_missing, take_inventory
from app.backups.back_up import back_up
from app.backups.catalogue import BackupName, list_backups
from app.backups.restore import restore
from app.storage import schema
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import Standing, find_standing
from app.storage.tables import DemoSample, IdempotencyKey, Removal
from tests.support.faults.crashes import Crash, Life, MortalDatabase, MortalStore
from tests.support.stores.databases import JOURNALS, NewDatabase, in_sqlite, use_journal
from tests.support.stores.sites import DAYS, Site

if TYPE_CHECKING:
    from tests.support.stores.postgres_server import PostgresServer

EXAMPLES = int(os.environ.get("SKETCHNORM_ROUNDS", "12"))
STEPS = 20
NOON = datetime.now(UTC)  # backups are named by the clock, and none may be older than a marker is
DAY = timedelta(days=1)
# How many steps a process takes before it dies; None: it lives.
DEATHS = st.none() | st.integers(0, 14)


class Story(RuleBasedStateMachine):
    """``kept`` is what has to be there, and when it was made; ``shown`` is in the demo; ``deleted``
    is what visitors were told to be gone for good.

    How an act ended that a death cut off, only the rows can tell: they are read after it, and from
    then on that is what has to be there.
    """

    def __init__(self, new_database: NewDatabase = in_sqlite) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory()))
        self.url = self.resources.enter_context(new_database(self.folder))
        self.now = NOON
        self.kept: dict[str, datetime] = {}
        self.shown: set[str] = set()
        self.deleted: set[str] = set()
        self.backups: dict[BackupName, tuple[dict[str, datetime], set[str]]] = {}

    # --- the process that serves ---------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.open()
        migrate(self.site.database, no_backup)

    def open(self) -> None:
        database = Database.open(self.url, "local")
        self.site = Site(database, FolderBlobStore(self.folder / "blobs", "local"))

    @rule()
    def reopen(self) -> None:
        self.site.database.close()
        self.open()

    def mortal(self, steps: int | None) -> Site:
        """The same site, served by a process that dies after so many steps."""
        life = Life(steps)
        database = MortalDatabase.of(self.site.database, life)
        return Site(database, MortalStore(self.site.blobs, life))

    # --- visitors ------------------------------------------------------------------------------

    @precondition(lambda self: self.current)
    @rule(steps=DEATHS, key=st.none() | st.sampled_from("abc"))
    def submit(self, steps: int | None, key: str | None) -> None:
        before, answered = self.site.drawings, self.answered(key)
        try:
            kept = self.mortal(steps).submits(key)
        except Crash:
            self.reopen()
            added = self.site.drawings - before
            assert len(added) <= 1
        else:
            added = self.site.drawings - before
            assert kept == answered if answered else added == {kept}
        for drawing_id in added:
            self.site.dates(drawing_id, self.now)
            self.kept[drawing_id] = self.now

    @property
    def removable(self) -> list[str]:
        """What is not in the demo, in the order it was made in: ids are random, and a choice that
        depended on them could not be repeated."""
        return [one for one in self.kept if one not in self.shown]

    @precondition(lambda self: self.removable and self.current)
    @rule(steps=DEATHS, data=st.data())
    def forget(self, steps: int | None, data: st.DataObject) -> None:
        drawing_id = data.draw(st.sampled_from(self.removable))
        try:
            self.mortal(steps).forgets(drawing_id, self.now)
        except Crash:
            self.reopen()
        else:
            self.deleted.add(drawing_id)
            assert drawing_id not in self.site.drawings
            assert not any(drawing_id in key for key in self.site.stored)
        if drawing_id not in self.site.drawings:
            del self.kept[drawing_id]

    @precondition(lambda self: self.removable)
    @rule(data=st.data())
    def show(self, data: st.DataObject) -> None:
        drawing_id = data.draw(st.sampled_from(self.removable))
        self.site.shows(drawing_id)
        self.shown.add(drawing_id)

    # --- the background's work -----------------------------------------------------------------

    @precondition(lambda self: self.current)
    @rule(steps=DEATHS, days=st.sampled_from([0, 1, 10, DAYS]))
    def retain(self, steps: int | None, days: int) -> None:
        self.now += days * DAY
        unwanted = self.expired() | self.marked()
        try:
            self.mortal(steps).retains(self.now)
        except Crash:
            self.reopen()
        else:
            assert not unwanted & self.site.drawings
        for drawing_id in unwanted - self.site.drawings:
            del self.kept[drawing_id]
        self.shown &= self.kept.keys()
        left = {one.name for one in list_backups(self.site.blobs)}
        self.backups = {name: held for name, held in self.backups.items() if name in left}

    # --- operators -----------------------------------------------------------------------------

    @rule()
    def migrate_up(self) -> None:
        migrate(self.site.database, no_backup)
        assert self.current

    @precondition(lambda self: self.current)
    @rule()
    def migrate_down(self) -> None:
        take_schema_back(self.site.database, "0001", no_backup)
        assert not self.current

    @rule()
    def die_while_migrating(self) -> None:
        standing = find_standing(self.site.database)
        step = partial(schema.take_back, revision="0001") if self.current else schema.migrate
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(schema, "_tell_oldest_code", die)
            with pytest.raises(Crash):
                step(self.site.database)
        self.reopen()
        assert find_standing(self.site.database) is standing

    @precondition(lambda self: self.site.database.file is not None)
    @rule(steps=DEATHS)
    def back_up(self, steps: int | None) -> None:
        """Who is killed has made a whole backup, or none that anybody would find."""
        file, store = self.folder / "sketchnorm.sqlite3", self.mortal(steps).blobs
        with suppress(Crash):
            back_up(file=file, environment="local", blobs=store, anew=True)
        made = {one.name for one in list_backups(self.site.blobs)} - self.backups.keys()
        assert len(made) == 1 or (not made and steps is not None)
        self.backups |= {name: (dict(self.kept), set(self.shown)) for name in made}

    @precondition(lambda self: self.backups)
    @rule(steps=st.integers(0, 3))
    def die_while_restoring(self, steps: int) -> None:
        """The database is as it was, which the invariants compare."""
        self.site.database.close()
        file, store = self.folder / "sketchnorm.sqlite3", self.mortal(steps).blobs
        with suppress(Crash):
            restore(to=file, environment="local", blobs=store)
            raise AssertionError("it outlived its death")
        self.open()

    @precondition(lambda self: self.backups)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        """As docs/backups.md says: stop, restore, migrate, compare, forget what is missing."""
        name = data.draw(st.sampled_from(sorted(self.backups)))
        self.site.database.close()
        file = self.folder / "sketchnorm.sqlite3"
        restored = restore(to=file, environment="local", blobs=self.site.blobs, at=name.made_at)
        assert restored.name == name
        self.open()
        migrate(self.site.database, no_backup)
        kept, shown = self.backups[name]
        self.kept = {one: made for one, made in kept.items() if not self.site.has_marked(one)}
        self.shown = shown & self.kept.keys()
        assert restored.forgotten == len(kept) - len(self.kept)
        found = take_inventory(database=self.site.database, blobs=self.site.blobs, grace=0)
        lost = {key.removeprefix("drawings/") for key in found.missing if key.startswith("d")}
        assert lost <= self.kept.keys()
        forgotten = forget_missing(found, database=self.site.database, now=self.now)
        assert forgotten == len(lost)
        self.shown -= lost
        self.kept = {one: made for one, made in self.kept.items() if one not in lost}

    # --- the story -----------------------------------------------------------------------------

    @property
    def current(self) -> bool:
        """Whether this release would serve with the schema."""
        return find_standing(self.site.database) is Standing.CURRENT

    def answered(self, key: str | None) -> str | None:
        """The drawing of an earlier request that named itself so."""
        wanted = select(IdempotencyKey.drawing_id).where(IdempotencyKey.key == key)
        with self.site.database.reading() as tx:
            return tx.scalar(wanted)

    def expired(self) -> set[str]:
        """What retention has to remove now, because it is old."""
        before = self.now - DAYS * DAY
        return {one for one, made in self.kept.items() if made < before} - self.shown

    def marked(self) -> set[str]:
        """What it has to remove because a visitor asked for it and the process was killed."""
        return {one for one in self.kept if self.site.has_marked(one)}

    @invariant()
    def what_was_acknowledged_is_there_and_nothing_else(self) -> None:
        assert self.site.drawings == self.kept.keys()
        with self.site.database.reading() as tx:
            assert set(tx.scalars(select(DemoSample.drawing_id))) == self.shown
            assert set(tx.scalars(select(IdempotencyKey.drawing_id))) <= self.kept.keys()

    @invariant()
    def what_visitors_deleted_never_comes_back(self) -> None:
        assert not self.deleted & self.site.drawings

    @invariant()
    def no_row_lacks_its_blob(self) -> None:
        expected = {f"drawings/{one}" for one in self.kept}
        expected |= {f"saliency_maps/{one}.png" for one in self.kept}
        assert self.site.referred == expected
        assert expected <= self.site.stored

    def teardown(self) -> None:
        """In the end retention finds all that was left over, and removes nothing else."""
        try:
            self.settle()
        finally:
            self.site.database.close()
            self.resources.close()

    def settle(self) -> None:
        migrate(self.site.database, no_backup)
        wanted = self.kept.keys() - self.marked()
        for _ in range(2):
            self.site.retains(self.now)
            self.now += 7 * DAY
        self.site.retains(self.now)
        assert self.site.referred == self.site.stored
        assert self.site.drawings == wanted - self.expired()
        with self.site.database.reading() as tx:
            assert tx.scalars(select(Removal.key)).all() == []


def die(connection: object) -> None:
    """In place of the last step of a migration."""
    raise Crash


STORIES = settings(max_examples=EXAMPLES, stateful_step_count=STEPS)


@pytest.mark.parametrize("journal", JOURNALS)
def test_database_and_store_tell_the_same_story(
    journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_journal(journal, monkeypatch)
    run_state_machine_as_test(Story, settings=STORIES)


@pytest.mark.postgres
def test_postgresql_and_store_tell_the_same_story(postgres_server: "PostgresServer") -> None:
    """Without backups, which PostgreSQL's own tools make."""

    class OnServer(Story):
        def __init__(self) -> None:
            super().__init__(lambda folder: postgres_server.new_database())

    run_state_machine_as_test(OnServer, settings=STORIES)
