"""Large pictures are sent to the bucket, handed in by their key, and gone afterwards."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.bootstrap import Services
from app.environment import Settings
from app.errors import Busy
from app.imaging.intake import MAX_BYTES
from app.inference.analysis import Analysis
from app.scoring.assessment import LEVEL
from app.storage import tables
from app.storage.blobs import uploads as uploads_module
from app.stores import Stores
from app.web.app import create_app
from app.web.forms import UploadLimit
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.network import refuse
from tests.support.people.visitors import HTML, Visitor, a_png
from tests.support.stores.s3_server import BUCKET, S3Server
from tests.support.stores.sites import in_s3, open_services

pytestmark = pytest.mark.servers

MIB = 1024 * 1024
NOWHERE = "uploads/" + "x" * 32
LIMIT = UploadLimit(1)


@pytest.fixture
def services(s3: S3Server, settings: Settings, analyzer: FakeAnalyzer) -> Iterator[Services]:
    """Of a package that takes little in a request."""
    in_bucket = replace(in_s3(settings), largest_upload_mb=LIMIT.megabytes)
    with open_services(in_bucket, analyzer) as services:
        yield services


def offered(visitor: Visitor) -> dict[str, Any]:
    answer = visitor.asks("POST", "/api/uploads")
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    offer: dict[str, Any] = answer.json()
    return offer


def send(offer: dict[str, Any], content: bytes, **changed: str) -> int:
    """As a program does: the fields first, then the file."""
    fields = {**offer["fields"], **changed}
    return httpx.post(offer["url"], data=fields, files={"file": content}, timeout=60).status_code


def sent(visitor: Visitor, content: bytes) -> str:
    """The key of a picture that is in the bucket."""
    offer = offered(visitor)
    assert send(offer, content) == 204
    return str(offer["key"])


def hands_in(
    visitor: Visitor, key: str, age: str = "6", name: str | None = None, **fields: str
) -> httpx.Response:
    """With ``name`` as Idempotency-Key, if there is one."""
    headers = None if name is None else {"Idempotency-Key": name}
    return visitor.submits(None, age_years=age, key=key, headers=headers, **fields)


def kept(services: Services) -> int:
    with services.stores.database.reading() as tx:
        return tx.scalar(select(func.count()).select_from(tables.Drawing)) or 0


def waiting(s3: S3Server) -> list[str]:
    everything = s3.keys()
    return [key for key in everything if key.startswith("uploads/")]


def test_a_picture_beyond_the_limit_of_a_request_is_analysed_kept_and_gone_from_its_key(
    visitor: Visitor, s3: S3Server
) -> None:
    picture = a_png().ljust(3 * MIB, b"\0")
    answer = hands_in(visitor, sent(visitor, picture), category="house")
    assert answer.status_code == 201
    assert answer.json()["analysis"]["norm"]["category"] == "house"
    drawing = answer.json()["id"]
    assert sorted(s3.keys()) == [
        ".environment.json", f"drawings/{drawing}", f"saliency_maps/{drawing}.png"
    ]  # fmt: skip


def test_the_wish_not_to_be_kept_holds_for_what_was_sent_to_the_bucket(
    visitor: Visitor, services: Services, s3: S3Server
) -> None:
    answer = hands_in(visitor, sent(visitor, a_png()), keep="false")
    assert (answer.status_code, set(answer.json())) == (200, {"analysis", "map"})
    assert s3.keys() == [".environment.json"]
    assert kept(services) == 0


def test_a_site_that_keeps_nothing_keeps_nothing_of_it(services: Services, s3: S3Server) -> None:
    visitor = Visitor(create_app(replace(services, keep_uploads=False)))
    assert hands_in(visitor, sent(visitor, a_png())).status_code == 200
    assert s3.keys() == [".environment.json"]


def test_a_picture_that_is_refused_is_gone_too(visitor: Visitor, s3: S3Server) -> None:
    answer = hands_in(visitor, sent(visitor, b"no picture"))
    assert answer.status_code == 415
    assert waiting(s3) == []


def test_a_key_can_be_used_once(visitor: Visitor, services: Services) -> None:
    key = sent(visitor, a_png())
    first, again = hands_in(visitor, key), hands_in(visitor, key)
    assert (first.status_code, again.status_code) == (201, 404)
    assert "was used already" in again.json()["detail"]
    assert kept(services) == 1


def test_a_request_that_names_itself_can_be_repeated(visitor: Visitor, services: Services) -> None:
    key, name = sent(visitor, a_png()), "first-try"
    first, again = (hands_in(visitor, key, name=name) for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert hands_in(visitor, key, age="7", name=name).status_code == 422
    assert kept(services) == 1


def test_two_racing_requests_with_one_key_make_no_twin(services: Services, s3: S3Server) -> None:
    # Both are being analysed before either is kept.
    analyzer = FakeAnalyzer(barrier=threading.Barrier(2))
    visitor = Visitor(create_app(replace(services, analyzer=analyzer)))
    key = sent(visitor, a_png())
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: hands_in(visitor, key), range(2)))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert kept(services) == 1
    assert waiting(s3) == []


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (NOWHERE, 404),
        ("drawings/" + "x" * 32, 422),
        ("uploads/../drawings/x", 422),
        ("uploads/", 422),
        (".environment.json", 422),
        (" " + NOWHERE, 422),
        (NOWHERE + "\n", 422),
        ("x" * 5000, 422),
    ],
    ids=[
        "unknown", "another prefix", "another folder", "none", "the stamp", "a space",
        "a line end", "long",
    ],
)  # fmt: skip
def test_a_key_that_is_none_of_ours_is_refused(
    visitor: Visitor, services: Services, key: str, status: int
) -> None:
    answer = hands_in(visitor, key)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")
    assert kept(services) == 0


def test_a_key_and_a_picture_at_once_are_refused_and_the_upload_stays(
    visitor: Visitor, s3: S3Server
) -> None:
    key = sent(visitor, a_png())
    answer = visitor.submits(a_png(), age_years="6", key=key)
    assert answer.status_code == 422
    assert "not both" in answer.json()["detail"]
    assert waiting(s3) == [key]


@pytest.mark.parametrize("age", ["abc", "1", ""])
def test_an_age_can_be_mended_without_sending_the_picture_again(visitor: Visitor, age: str) -> None:
    key = sent(visitor, a_png())
    assert hands_in(visitor, key, age=age).status_code == 422
    assert hands_in(visitor, key).status_code == 201


def test_an_upload_that_waited_for_too_long_is_not_used(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = sent(visitor, a_png())
    monkeypatch.setattr(uploads_module, "USABLE", timedelta(0))
    answer = hands_in(visitor, key)
    assert answer.status_code == 404
    assert "waited for more than an hour" in answer.json()["detail"]


def test_the_bucket_takes_what_the_form_is_for_and_nothing_else(
    visitor: Visitor, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer, other = offered(visitor), offered(visitor)
    assert offer["largest"] == MAX_BYTES
    assert offer["key"] != other["key"]
    assert send(offer, b"") == 400
    assert send(offer, bytes(MAX_BYTES + 1)) == 400
    assert send(offer, a_png(), key="drawings/mine") == 403
    assert send(offer, a_png(), key=other["key"]) == 403
    assert send(offer, a_png(), **{"x-amz-server-side-encryption": "aws:kms"}) == 403
    assert waiting(s3) == []
    assert send(offer, bytes(MAX_BYTES)) == 204
    encryption = s3.client.head_object(Bucket=BUCKET, Key=offer["key"])["ServerSideEncryption"]
    assert encryption == "AES256"


def test_what_somebody_else_put_there_is_refused_by_its_size(
    visitor: Visitor, s3: S3Server
) -> None:
    s3.client.put_object(Bucket=BUCKET, Key=NOWHERE, Body=bytes(MAX_BYTES + 1))
    answer = hands_in(visitor, NOWHERE)
    assert (answer.status_code, "larger than 25 MB" in answer.text) == (413, True)
    assert waiting(s3) == []


class TooBusy(FakeAnalyzer):
    """Never has a place."""

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        raise Busy("Many drawings are being analysed just now; please try again in a minute.")


def test_whoever_is_asked_to_come_again_need_not_send_the_picture_again(
    visitor: Visitor, services: Services
) -> None:
    turned_away = Visitor(create_app(replace(services, analyzer=TooBusy())))
    key = sent(visitor, a_png())
    answer = hands_in(turned_away, key)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert hands_in(visitor, key).status_code == 201


def test_few_large_pictures_are_in_memory_at_once(visitor: Visitor, services: Services) -> None:
    assert services.stores.uploads is not None
    key, taken = sent(visitor, a_png()), services.stores.uploads.taken
    first, second = sent(visitor, a_png()), sent(visitor, a_png())
    with taken(first, MAX_BYTES), taken(second, MAX_BYTES):
        assert hands_in(visitor, key).status_code == 503
    assert hands_in(visitor, key).status_code == 201


def test_an_upload_that_cannot_be_removed_does_not_cost_the_answer(
    visitor: Visitor, services: Services, s3: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    assert services.stores.uploads is not None
    key = sent(visitor, a_png())
    refuse(services.stores.uploads.store.client, "DeleteObject", 403, "AccessDenied")
    assert hands_in(visitor, key).status_code == 201
    assert waiting(s3) == [key]
    assert "left to the bucket's lifecycle" in caplog.text


def test_while_s3_is_away_whoever_asks_is_told_to_come_again(
    visitor: Visitor, s3: S3Server
) -> None:
    key = sent(visitor, a_png())
    s3.stop()
    try:
        answers = hands_in(visitor, key), visitor.asks("POST", "/api/uploads")
    finally:
        s3.start()
    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert "cannot be reached now" in answer.json()["detail"]
    assert waiting(s3) == [key]


def test_a_refusal_over_the_limit_leads_to_the_uploads(visitor: Visitor) -> None:
    for path, headers in (("/api/drawings", {}), ("/upload", HTML)):
        answer = visitor.submits(bytes(2 * MIB), to=path, headers=headers, age_years="6")
        assert answer.status_code == 413
        assert "larger than 1 MB" in answer.text
        assert "a program can send up to 25 MB through POST /api/uploads" in answer.text


def test_the_form_takes_no_key(visitor: Visitor, s3: S3Server) -> None:
    key = sent(visitor, a_png())
    page = visitor.submits(None, to="/upload", headers=HTML, age_years="6", key=key)
    assert (page.status_code, "choose a picture file" in page.text) == (422, True)
    assert waiting(s3) == [key]


def test_the_read_only_door_takes_none(
    services: Services, settings: Settings, s3: S3Server
) -> None:
    door = replace(in_s3(settings).environment, read_only=True)
    stores = Stores.open(replace(settings, environment=door, keep_uploads=False))
    try:
        visitor = Visitor(create_app(replace(services, stores=stores, keep_uploads=False)))
        for answer in (visitor.asks("POST", "/api/uploads"), hands_in(visitor, NOWHERE)):
            assert answer.status_code == 404
            assert "takes no uploads by key" in answer.json()["detail"]
    finally:
        stores.close()
