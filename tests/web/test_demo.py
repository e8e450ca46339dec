"""The demonstration: real answers, each with its map and what it means (Property 14)."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from app.bootstrap import Services, assemble, seed
from app.environment import Settings
from app.scoring.assessment import Reason
from app.web.app import create_app
from app.web.front import Front
from tests.support.data.analyzers import FakeAnalyzer, compared, withheld
from tests.support.people.visitors import Visitor, a_png
from tests.support.stores.sites import open_services

FIELDS = {
    "id", "drawing_path", "analysis_result", "interpretability_data", "description", "age_group",
    "anomaly_score",
}  # fmt: skip
SOURCE = "https://example.org/me/sketchnorm"


@pytest.fixture
def seeded(services: Services) -> Services:
    seed(services)
    return services


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One whose demonstration is seeded again and again."""
    folder = tmp_path_factory.mktemp("site")
    settings = Settings.load({"ENVIRONMENT": "local", "DATA_DIR": str(folder)}, folder)
    with open_services(settings, FakeAnalyzer()) as services:
        yield services


def put(services: Services, name: str, told: dict[str, object], picture: bytes) -> None:
    blobs = services.stores.blobs
    blobs.put(f"demo/{name}.json", json.dumps(told).encode(), "application/json")
    blobs.put(f"demo/{name}.png", picture, "image/png")


TEXTS = st.text(max_size=30)
DESCRIBED = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXTS | st.integers(),
        "description": TEXTS,
        "age_years": st.floats(0, 20) | st.sampled_from(["6;6", "7", "x"]),
        "category": TEXTS | st.none(),
    },
)
SUPPLIED = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.tuples(DESCRIBED, st.sampled_from([a_png(), a_png(64), b"no picture", b""])),
)


@tried(max_examples=25)  # each may seed all anew
@given(SUPPLIED)
def test_whatever_the_operator_puts_there_each_sample_shown_is_complete(
    site: Services, supplied: dict[str, tuple[dict[str, object], bytes]]
) -> None:
    for key in site.stores.blobs.keys("demo"):
        site.stores.blobs.delete(key)
    for name, (told, picture) in supplied.items():
        put(site, name, told, picture)
    seed(site)
    visitor = Visitor(create_app(replace(site, source_url=SOURCE)))
    page, samples = visitor.opens("/demo"), visitor.opens("/api/demo").json()["samples"]
    assert page.status_code == 200
    assert samples
    for sample in samples:
        assert set(sample) >= FIELDS
        assert sample["interpretability_data"]["sentences"]
        assert sample["interpretability_data"]["map_path"] in page.text
        assert f'id="{sample["id"]}"' in page.text
    assert page.text.count('class="toggle"') == len(samples)
    assert f'href="{SOURCE}"' in page.text
    assert "not for medical diagnosis" in page.text


def test_a_sample_is_shown_with_its_answer_its_map_and_its_description(seeded: Services) -> None:
    visitor = Visitor(create_app(seeded))
    page = visitor.opens("/demo").text
    sample = visitor.opens("/api/demo").json()["samples"][0]
    assert sample["title"] in page
    assert sample["description"] in page
    assert sample["analysis_result"]["sentences"][0] in page
    assert (sample["age_group"], sample["anomaly_score"]) == ("6", 97.0)
    assert visitor.opens(sample["drawing_path"]).headers["content-type"] == "image/png"
    assert visitor.opens(sample["interpretability_data"]["map_path"]).status_code == 200
    assert visitor.opens(sample["page_path"]).status_code == 200


def test_each_map_masks_its_own_drawing(seeded: Services) -> None:
    page = Visitor(create_app(seeded)).opens("/demo").text
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for number, path in enumerate(re.findall(r'<image href="([^"]+)', page), 1):
        assert f'<mask id="foreign-{number}"><image href="{path}"' in page
        assert f'mask="url(#foreign-{number})"' in page


@pytest.mark.parametrize(
    "analyzer",
    [
        FakeAnalyzer(with_map=False),
        FakeAnalyzer(answer=withheld(Reason.TOO_FEW_REFERENCES), with_map=False),
        FakeAnalyzer(answer=withheld(Reason.UNCLEAR_STROKES)),
    ],
    ids=["no map", "too few references", "another kind"],
)
def test_what_is_not_known_of_a_sample_is_said(services: Services, analyzer: FakeAnalyzer) -> None:
    seed(replace(services, analyzer=analyzer))
    page = Visitor(create_app(services)).opens("/demo")
    assert page.status_code == 200
    assert "No map of the strokes" in page.text
    assert 'class="toggle"' not in page.text
    assert "None" not in page.text


def test_the_first_page_shows_one_sample_of_each_answer_from_usual_to_unusual(
    services: Services,
) -> None:
    for name, p_value in {"a": 0.01, "b": 0.6, "c": 0.02, "d": 0.1}.items():
        told: dict[str, object] = {"title": f"Drawing {name}", "description": "x", "age_years": 6}
        put(services, name, told, a_png())
        seed(replace(services, analyzer=FakeAnalyzer(answer=compared(p_value))))
    page = Visitor(create_app(services)).opens("/").text
    assert re.findall(r"Drawing (\w)", page) == ["b", "d", "a"]
    assert 'href="/demo"' in page


def test_the_source_is_led_to_only_if_the_operator_says_where_it_is(seeded: Services) -> None:
    def page(source: str | None) -> str:
        return Visitor(create_app(replace(seeded, source_url=source))).opens("/upload").text

    assert f'<a href="{SOURCE}">Source</a>' in page(SOURCE)
    assert "Source" not in page(None)


def test_below_another_path_every_link_of_the_pages_leads_back(seeded: Services) -> None:
    visitor = Visitor(create_app(seeded, front=Front("https://example.org/sketch")))
    for path in ("/demo", "/privacy"):
        links = set(re.findall(r'(?:href|src)="(/[^"]*)"', visitor.opens(path).text))
        assert len(links) >= 5
        for link in links:
            assert link.startswith("/sketch/")
            assert visitor.opens(link.removeprefix("/sketch")).status_code == 200, link
    sample = visitor.opens("/api/demo").json()["samples"][0]
    assert sample["drawing_path"].startswith("/sketch/drawings/")


def test_the_read_only_door_shows_what_it_was_seeded_with(
    seeded: Services, settings: Settings, tmp_path: Path
) -> None:
    before = Visitor(create_app(seeded)).opens("/api/demo").json()
    seeded.stores.database.close()
    config = replace(settings.environment, read_only=True)
    door = assemble(replace(settings, environment=config, keep_uploads=False), FakeAnalyzer)
    visitor = Visitor(create_app(door))
    assert visitor.opens("/demo").text.count('class="card example"') == len(before["samples"])
    assert visitor.opens("/api/demo").json() == before
    assert "This site stores no drawings" in visitor.opens("/privacy").text
    door.stores.database.close()
