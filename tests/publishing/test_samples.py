"""What the operator puts below demo/ is read as warily as what a visitor sends."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from app.errors import UnusableSample
from app.imaging.synthetic import DEMO_SAMPLES
from app.publishing.samples import (
    LARGEST_DESCRIPTION,
    LARGEST_PICTURE,
    MOST_SAMPLES,
    made_samples,
    supplied_samples,
)
from app.storage.blobs.store import FolderBlobStore
from tests.support.stores.doubles import WatchedStore

TOLD: dict[str, Any] = {"title": "A cat", "description": "By Mia’s class.", "age_years": "6;6"}


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(FolderBlobStore(tmp_path / "store", "local"))


def put(store: WatchedStore, name: str, told: bytes, picture: bytes = b"picture") -> None:
    store.put(f"demo/{name}.json", told, "application/json")
    store.put(f"demo/{name}.jpg", picture, "image/jpeg")


def as_text(**told: object) -> bytes:
    return json.dumps(TOLD | told).encode()


def test_a_picture_and_its_description_are_a_sample(store: WatchedStore) -> None:
    put(store, "cat", as_text(category=" Cat "))
    (sample,) = supplied_samples(store)
    assert (sample.title, sample.description) == ("A cat", "By Mia’s class.")
    assert (sample.age_years, sample.category) == (6.5, "cat")
    assert sample.id.startswith("cat-")
    assert sample.read() == b"picture"


def test_a_picture_is_read_only_when_it_is_asked_for(store: WatchedStore) -> None:
    put(store, "cat", as_text())
    (sample,) = supplied_samples(store)
    assert store.asked == ["demo/cat.json"]
    sample.read()
    assert store.asked == ["demo/cat.json", "demo/cat.jpg"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param(b"{", "not JSON", id="cut off"),
        pytest.param(b"\xff\xfe", "not JSON", id="not text"),
        pytest.param(b"[" * LARGEST_DESCRIPTION, "not JSON", id="deep"),
        pytest.param(b"[]", "not an object", id="a list"),
        pytest.param(b" " * (LARGEST_DESCRIPTION + 1), "larger than 16 KiB", id="too large"),
        pytest.param(b"{}", "its title", id="nothing said"),
        pytest.param(as_text(title=7), "its title", id="a number as title"),
        pytest.param(as_text(title="x" * 201), "its title", id="long title"),
        pytest.param(as_text(description=" "), "its description", id="blank description"),
        pytest.param(as_text(description="\ud800"), "its description", id="half a letter"),
        pytest.param(as_text(category=["cat"]), "its category", id="a list as category"),
        pytest.param(as_text(age_years=None), "age_years", id="no age"),
        pytest.param(as_text(age_years=True), "age_years", id="a truth as age"),
        pytest.param(as_text(age_years=1), "between 2 and 18", id="too young"),
        pytest.param(as_text(age_years=10**400), "age_years", id="too old for a float"),
        pytest.param(b'{"title":"a","description":"b","age_years":NaN}', "age_years", id="nan"),
    ],
)
def test_a_description_that_cannot_be_used_is_told_of_and_left_out(
    store: WatchedStore, told: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, "broken", told)
    put(store, "well", as_text())
    with caplog.at_level(logging.WARNING):
        assert [sample.id[:5] for sample in supplied_samples(store)] == ["well-"]
    assert "The drawing broken is left out of the demonstration" in caplog.text
    assert said in caplog.text


@pytest.mark.parametrize("missing", ["cat.jpg", "cat.json"])
def test_half_a_sample_is_left_out(
    store: WatchedStore, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, "cat", as_text())
    store.delete(f"demo/{missing}")
    with caplog.at_level(logging.WARNING):
        assert list(supplied_samples(store)) == []
    assert "put one picture beside cat.json" in caplog.text


def test_of_two_pictures_none_is_guessed(store: WatchedStore) -> None:
    put(store, "cat", as_text())
    store.put("demo/cat.png", b"another", "image/png")
    assert list(supplied_samples(store)) == []


def test_a_picture_that_is_too_large_is_not_read(store: WatchedStore) -> None:
    put(store, "cat", as_text(), b"x" * (LARGEST_PICTURE + 1))
    (sample,) = supplied_samples(store)
    with pytest.raises(UnusableSample, match="larger than 4096 KiB"):
        sample.read()
    assert "demo/cat.jpg" not in store.asked


def test_a_picture_that_goes_meanwhile_is_unusable(store: WatchedStore) -> None:
    put(store, "cat", as_text())
    (sample,) = supplied_samples(store)
    store.delete("demo/cat.jpg")
    with pytest.raises(UnusableSample, match="removed meanwhile"):
        sample.read()


def test_no_more_than_a_page_can_show_are_looked_at(
    store: WatchedStore, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(MOST_SAMPLES + 1):
        put(store, f"cat{number:02}", as_text())
    with caplog.at_level(logging.WARNING):
        assert len(list(supplied_samples(store))) == MOST_SAMPLES
    assert "the rest is left out" in caplog.text


def test_ids_are_told_apart_and_fit_the_table(store: WatchedStore) -> None:
    put(store, "x" * 190, as_text())
    put(store, "x" * 191, as_text(title="Another"))
    ids = {sample.id for sample in (*supplied_samples(store), *made_samples())}
    assert len(ids) == 2 + len(DEMO_SAMPLES)
    assert max(map(len, ids)) <= 64


def test_a_made_drawing_says_that_a_program_made_it() -> None:
    assert all("A computer program drew it" in sample.description for sample in made_samples())
