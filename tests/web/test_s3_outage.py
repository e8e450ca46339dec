"""S3 is killed under a hundred uploads and started again: every drawing is there, and once."""

import colorsys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from app.bootstrap import Services
from app.environment import Settings
from app.storage import tables
from app.storage.blobs.spool import Drained
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png
from tests.support.polling import until
from tests.support.stores.s3_server import S3Server
from tests.support.stores.sites import in_s3, open_services

pytestmark = pytest.mark.servers

UPLOADS = 100
BEFORE = 20
DURING = 60
VISITORS = 4
VERSIONED = "versioned"


@pytest.fixture
def services(s3: S3Server, settings: Settings, analyzer: FakeAnalyzer) -> Iterator[Services]:
    """In a bucket that forgets nothing, so that what was written twice shows."""
    s3.client.create_bucket(Bucket=VERSIONED)
    s3.client.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    with open_services(in_s3(settings, VERSIONED), analyzer) as services:
        yield services
    for version in versions(s3):
        s3.client.delete_object(
            Bucket=VERSIONED, Key=version["Key"], VersionId=version["VersionId"]
        )
    s3.client.delete_bucket(Bucket=VERSIONED)


def versions(s3: S3Server) -> list[Any]:
    pages = s3.client.get_paginator("list_object_versions").paginate(Bucket=VERSIONED)
    return [version for page in pages for version in page.get("Versions", ())]


def picture(number: int) -> bytes:
    """Each of another colour, so that no two are alike."""
    red, green, blue = colorsys.hsv_to_rgb(number / UPLOADS, 1, 0.8)
    return a_png(colour=f"#{int(255 * red):02x}{int(255 * green):02x}{int(255 * blue):02x}")


class Crowd:
    """Visitors who hand in a hundred drawings: some before, some during and some after."""

    def __init__(self, services: Services, seconds: float) -> None:
        self.services = services
        self.visitor = Visitor(create_app(services))
        self.pause = seconds * VISITORS / DURING
        self.over = threading.Event()
        self.answered = self.warned = 0

    def hand_in(self, number: int) -> dict[str, Any]:
        if number >= BEFORE + DURING:
            self.over.wait(120)
        elif number >= BEFORE:
            time.sleep(self.pause)
        answer = self.visitor.submits(picture(number), age_years="6")
        self.answered += 1
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        self.warned += "warning" in body
        return body

    def drain_until_over(self) -> None:
        """As two processes would."""
        assert self.services.stores.spooling is not None
        while not self.over.wait(0.2):
            self.services.stores.spooling.drain()


def outage(services: Services, s3: S3Server, seconds: float) -> list[dict[str, Any]]:
    """The answers to all uploads, in their order."""
    crowd = Crowd(services, seconds)
    with ThreadPoolExecutor(VISITORS + 2) as threads:
        drainers: list[Future[None]] = [threads.submit(crowd.drain_until_over) for _ in range(2)]
        answers = [threads.submit(crowd.hand_in, number) for number in range(UPLOADS)]
        try:
            until(lambda: crowd.answered >= BEFORE)
            s3.stop()
            time.sleep(seconds)
            # On a busy machine fewer are handed in in that time.
            until(lambda: crowd.warned >= DURING // 2)
            s3.start()
        finally:
            crowd.over.set()
        for drainer in drainers:
            drainer.result()
        return [answer.result() for answer in answers]


@pytest.mark.parametrize(
    "seconds", [3, pytest.param(30, marks=pytest.mark.endurance)], ids="{} s".format
)
def test_a_hundred_uploads_around_an_outage_are_all_kept_once(
    services: Services, s3: S3Server, seconds: int
) -> None:
    answers = outage(services, s3, seconds)
    waited = sum("warning" in answer for answer in answers)
    assert waited >= DURING // 2
    assert services.stores.spooling is not None
    spooling = services.stores.spooling
    until(lambda: spooling.drain() == Drained(0, 0))
    with services.stores.database.reading() as tx:
        assert tx.scalar(select(func.count()).select_from(tables.Drawing)) == UPLOADS
    kept = Counter(version["Key"] for version in versions(s3))
    pictures = [f"drawings/{answer['id']}" for answer in answers]
    maps = [f"saliency_maps/{answer['id']}.png" for answer in answers]
    assert kept == Counter([".environment.json", *pictures, *maps])
    analyzer = FakeAnalyzer()
    for number, (picture_key, map_key) in enumerate(zip(pictures, maps, strict=True)):
        expected = analyzer.analyze(picture(number), 6.0, None)
        assert services.stores.blobs.get(picture_key) == expected.picture
        assert services.stores.blobs.get(map_key) == expected.saliency_map
