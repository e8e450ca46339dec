"""The demo is real answers about made-up drawings, renewed with the bundle."""

from app.actions.seed_demo import seed_demo
from app.actions.show import show_demo
from app.bootstrap import Services
from app.imaging.synthetic import DEMO_SAMPLES
from app.inference.analysis import BundleReference
from app.web.app import create_app
from tests.conftest import StoredCount
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor

ALL = len(DEMO_SAMPLES)


def seed(services: Services, analyzer: FakeAnalyzer | None = None) -> int:
    return seed_demo(
        analyzer=analyzer or services.analyzer,
        bundle=analyzer.reference if analyzer else services.bundle,
        database=services.stores.database,
        blobs=services.stores.blobs,
    )


def test_the_demo_is_seeded_once_for_a_bundle(services: Services, stored: StoredCount) -> None:
    assert (seed(services), seed(services)) == (ALL, 0)
    assert stored() == (ALL, 2 * ALL)
    page = Visitor(create_app(services)).opens("/").text
    assert all(sample.title.split("'")[0] in page for sample in DEMO_SAMPLES)


def test_another_bundle_renews_the_demo_and_leaves_nothing_behind(
    services: Services, stored: StoredCount
) -> None:
    seed(services)
    newer = BundleReference("test-2", "b" * 64)
    assert seed(services, FakeAnalyzer(reference=newer)) == ALL
    assert stored() == (ALL, 2 * ALL)
    versions = {
        sample.drawing.result["bundle"]["version"]
        for sample in show_demo(database=services.stores.database)
    }
    assert versions == {"test-2"}
