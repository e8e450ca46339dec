"""S3 takes connections and says nothing: who needs it is told so, and all others are served."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from app.bootstrap import Services
from app.environment import Settings
from app.storage.blobs import s3
from app.storage.blobs.s3 import S3BlobStore
from app.storage.blobs.spooling import SpoolingBlobStore
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.network import SilentServer
from tests.support.people.visitors import JSON, Visitor, a_png
from tests.support.polling import until
from tests.support.stores.s3_server import BUCKET, REGION
from tests.support.stores.sites import in_s3, open_services

READERS = 60
THREADS = 40  # of the pool that answers requests
# Readers hold these for so long; far less than that is far more than any machine needs for /livez.
SILENT_SECONDS = 120
LIVES_SECONDS = 30


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentServer]:
    """What boto3 in this process talks to."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAPP")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "appsecret")
    with SilentServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@pytest.fixture
def settings(settings: Settings, server: SilentServer) -> Settings:
    return in_s3(settings)


def test_the_app_starts_and_takes_drawings(
    settings: Settings, analyzer: FakeAnalyzer, server: SilentServer
) -> None:
    """Only whoever asks first waits: the check at the start, not the bundle nor the upload."""
    with open_services(settings, analyzer) as services:
        drawing = Visitor(create_app(services)).submits(a_png(), age_years="6").json()
    assert "warning" in drawing
    until(lambda: server.asked >= s3.ATTEMPTS)
    assert server.asked == s3.ATTEMPTS


async def read_and_watch(services: Services, path: str, server: SilentServer) -> list[int]:
    """What many readers of one file got; meanwhile the process was seen to be alive."""
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        readers = [asyncio.create_task(client.get(path, headers=JSON)) for _ in range(READERS)]
        try:
            await asyncio.to_thread(until, lambda: server.asked == THREADS)
            life = await asyncio.wait_for(client.get("/livez"), LIVES_SECONDS)
            assert (life.status_code, any(reader.done() for reader in readers)) == (200, False)
        finally:
            server.hang_up()
        return [answer.status_code for answer in await asyncio.gather(*readers)]


def test_more_readers_than_threads_do_not_make_the_process_seem_dead(
    services: Services, server: SilentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert services.stores.spooling is not None
    link = Visitor(create_app(services)).submits(a_png(), age_years="6").json()["links"]
    spool = services.stores.spooling.spool
    assert spool.count() == 2
    for file in spool.folder.iterdir():
        file.unlink()
    monkeypatch.setattr(s3, "READ_SECONDS", SILENT_SECONDS)
    bucket = S3BlobStore(s3._make_client(REGION), BUCKET, "local")
    unaware = SpoolingBlobStore(bucket, spool)
    services = replace(services, stores=replace(services.stores, blobs=unaware))
    until(lambda: server.asked >= s3.ATTEMPTS)
    before = server.asked
    server.asked = 0
    assert asyncio.run(read_and_watch(services, link["picture"], server)) == [503] * READERS
    assert before == s3.ATTEMPTS
    until(lambda: server.asked >= THREADS * s3.ATTEMPTS)
    # Those who had to wait for a thread found out that another had asked in vain.
    assert server.asked == THREADS * s3.ATTEMPTS
