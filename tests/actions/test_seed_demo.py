"""The demo is real answers about the operator's drawings or made ones, renewed with the bundle."""

import json
import logging

import pytest

from app.actions.seed_demo import seed_demo
from app.actions.show import ShownSample, show_demo
from app.bootstrap import Services
from app.imaging.synthetic import DEMO_SAMPLES
from app.inference.analysis import BundleReference
from app.web.app import create_app
from tests.conftest import StoredCount
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png

ALL = len(DEMO_SAMPLES)


def seed(services: Services, analyzer: FakeAnalyzer | None = None) -> int:
    return seed_demo(
        analyzer=analyzer or services.analyzer,
        bundle=analyzer.reference if analyzer else services.bundle,
        database=services.stores.database,
        blobs=services.stores.blobs,
    )


def shown(services: Services) -> tuple[ShownSample, ...]:
    return show_demo(database=services.stores.database)


def titles(services: Services) -> list[str]:
    return [sample.title for sample in shown(services)]


def put(services: Services, name: str, picture: bytes | None, **told: object) -> None:
    """As the operator does; a keyword replaces what the description says."""
    described = {"title": name, "description": "Ours.", "age_years": 6.5, **told}
    blobs = services.stores.blobs
    blobs.put(f"demo/{name}.json", json.dumps(described).encode(), "application/json")
    if picture is not None:
        blobs.put(f"demo/{name}.png", picture, "image/png")


def test_the_demo_is_seeded_once_for_a_bundle(services: Services, stored: StoredCount) -> None:
    assert (seed(services), seed(services)) == (ALL, 0)
    assert stored() == (ALL, 2 * ALL)
    page = Visitor(create_app(services)).opens("/demo").text
    assert all(sample.title in page for sample in DEMO_SAMPLES)


def test_another_bundle_renews_the_demo_and_leaves_nothing_behind(
    services: Services, stored: StoredCount
) -> None:
    seed(services)
    newer = BundleReference("test-2", "b" * 64)
    assert seed(services, FakeAnalyzer(reference=newer)) == ALL
    assert stored() == (ALL, 2 * ALL)
    versions = {sample.drawing.result["bundle"]["version"] for sample in shown(services)}
    assert versions == {"test-2"}


def test_drawings_of_the_operator_take_the_place_of_the_made_ones(services: Services) -> None:
    seed(services)
    put(services, "b", a_png(), category="House")
    put(services, "a", a_png(64))
    assert (seed(services), seed(services)) == (2, 0)
    assert titles(services) == ["a", "b"]
    assert [sample.drawing.category for sample in shown(services)] == [None, "house"]


def test_a_drawing_that_is_added_replaced_or_removed_is_noticed(
    services: Services, stored: StoredCount
) -> None:
    put(services, "b", a_png())
    seed(services)
    put(services, "a", a_png())
    assert (seed(services), titles(services)) == (1, ["a", "b"])
    put(services, "a", a_png(64))
    assert (seed(services), titles(services)) == (1, ["a", "b"])
    put(services, "a", a_png(64), title="new")
    assert (seed(services), titles(services)) == (1, ["new", "b"])
    services.stores.blobs.delete("demo/a.json")
    assert (seed(services), titles(services)) == (0, ["b"])
    assert stored() == (1, 5)  # drawing and map, and what is left below demo/


def test_what_is_broken_is_logged_and_keeps_no_other_from_being_shown(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    put(services, "broken", b"no picture")
    put(services, "half", None)
    put(services, "well", a_png())
    with caplog.at_level(logging.WARNING):
        seed(services)
    assert titles(services) == ["well"]
    assert "The drawing half is left out of the demonstration" in caplog.text
    assert "The drawing broken-" in caplog.text
    assert Visitor(create_app(services)).opens("/demo").status_code == 200


def test_the_made_ones_are_shown_if_nothing_of_the_operators_can_be(services: Services) -> None:
    put(services, "broken", b"no picture")
    assert seed(services) == ALL
    assert len(titles(services)) == ALL
