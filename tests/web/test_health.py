"""``/livez`` and ``/healthz``: what watchers are told."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex

from app.actions.health import Health, RecentHealth, check_health
from app.bootstrap import Services
from app.storage import tables
from app.storage.blobs.spool import Spool
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.jobs import enqueue
from app.storage.tables import now
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor
from tests.support.stores.doubles import DistantStore


def break_database(services: Services) -> None:
    tables.Base.metadata.tables["environment_stamp"].drop(services.stores.database.engine)


def test_a_server_in_order_says_so_of_every_part(visitor: Visitor) -> None:
    assert visitor.opens("/livez").json() == {"status": "ok"}
    health = visitor.opens("/healthz")
    assert health.status_code == 200
    assert health.json() == {
        "status": "ok",
        "database": "ok",
        "store": "ok",
        "work": "ok",
        "login": "ok",
        "bundle": {"status": "ok", "version": "test-1", "sha256": "a" * 64},
    }


def test_without_its_database_it_is_neither_alive_nor_well(
    visitor: Visitor, services: Services
) -> None:
    break_database(services)
    life, health = visitor.opens("/livez"), visitor.opens("/healthz")
    assert (life.status_code, health.status_code) == (503, 503)
    assert life.headers["retry-after"] == "30"
    assert life.json()["detail"] == "The database cannot be reached now; try again in a moment."
    assert "has the schema of this version (SQLITE_ERROR)" in health.json()["database"]
    assert health.json()["store"] == "ok"


def test_the_last_answer_holds_for_five_seconds() -> None:
    asked: list[float] = []
    times = [0.0]

    def check() -> Health:
        asked.append(times[0])
        return Health("ok", "ok", "ok", FakeAnalyzer().reference)

    recent = RecentHealth(check, clock=lambda: times[0])
    for times[0] in (0.0, 1.0, 4.9, 5.0, 6.0):
        recent.read()
    assert asked == [0.0, 5.0]


def test_work_that_was_given_up_is_told_until_its_kind_is_done_again(
    visitor: Visitor, services: Services
) -> None:
    def ends(error: str | None) -> None:
        with services.stores.database.writing() as tx:
            tx.add(
                tables.Job(
                    kind="retention", unique_key=token_hex(8), created_at=now(), run_after=now(),
                    finished_at=now(), last_error=error,
                )
            )  # fmt: skip

    ends("The store is gone from /mnt/efs.")
    health = visitor.opens("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert "was given up (retention); sketchnorm jobs tells why" in health.json()["work"]
    assert "/mnt" not in health.text
    ends(None)
    assert check(services).status == "ok"


def test_a_background_that_fell_silent_is_told(services: Services) -> None:
    enqueue(services.stores.database, "retention", "retention@1", now() - timedelta(hours=14))
    assert "Nothing was asked of the background since" in str(check(services).work)
    enqueue(services.stores.database, "retention", "retention@2", now())
    assert check(services).work == "ok"


def check(services: Services) -> Health:
    return services.health.check()


def test_who_comes_while_another_asks_gets_the_last_answer() -> None:
    begun, end, times = threading.Event(), threading.Event(), [0.0]
    answers = [Health(word, "ok", "ok", FakeAnalyzer().reference) for word in ("first", "second")]

    def check() -> Health:
        if times[0] == 10.0:
            begun.set()
            assert end.wait(20)
            return answers[1]
        return answers[0]

    recent = RecentHealth(check, clock=lambda: times[0])
    recent.read()
    times[0] = 10.0
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(recent.read)
        assert begun.wait(20)
        assert recent.read().database == "first"
        end.set()
        assert asking.result(20).database == "second"
    assert recent.read().database == "second"


def test_a_store_that_answers_and_refuses_is_told(services: Services, tmp_path: Path) -> None:
    distant = DistantStore(refuses={"drawings/a"})
    spooling = SpoolingBlobStore(distant, Spool(tmp_path / "spool"))
    stores = replace(services.stores, blobs=spooling)
    ask = partial(check_health, stores=stores, bundle=services.current)
    assert ask().store == "ok"
    spooling.put("drawings/a", b"x", "image/png")
    health = ask()
    assert (health.store, health.status) == ("The bucket refused (NoReason).", "degraded")


def test_a_bundle_that_is_not_the_published_one_makes_it_degraded_but_serving() -> None:
    health = Health("ok", "ok", "The published bundle is damaged.", FakeAnalyzer().reference)
    assert (health.serving, health.status) == (True, "degraded")
