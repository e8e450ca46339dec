"""The service's image as in production: a disk, a bucket, and tasks one after another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support import containers
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.polling import free_port, when_up
from tests.support.stores.s3_server import BUCKET, REGION, S3Server, running_server

pytestmark = pytest.mark.packages


@dataclass(frozen=True)
class Production:
    """What outlives every task."""

    disk: Path
    s3: S3Server

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "ENVIRONMENT": "production",
            "AWS_REGION": REGION,
            "S3_BUCKET_NAME": BUCKET,
            "SECRET_MANAGER_ENABLED": "false",
            **self.s3.environ(),
        }

    def runs(self, *command: str) -> str:
        """A one-off task of the image; what it says."""
        with self._task(["sketchnorm", *command], self.settings) as task:
            assert containers.tool("wait", task.id) == "0", task.log()
            return task.log()

    @contextmanager
    def serves(self) -> Iterator[httpx.Client]:
        """The service."""
        port = free_port()
        settings = {**self.settings, "PORT": str(port), "DRAIN_SECONDS": "0"}
        with self._task([], settings) as task:
            address = when_up(f"http://127.0.0.1:{port}", task.is_running)
            with httpx.Client(base_url=address, timeout=60) as door:
                yield door

    @contextmanager
    def _task(
        self, command: list[str], settings: Mapping[str, str]
    ) -> Iterator[containers.Container]:
        disk = [f"--volume={self.disk}:/mnt/efs"]
        with containers.running(containers.service_image(), disk, command, settings) as task:
            yield task


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    disk = tmp_path / "disk"
    disk.mkdir()
    disk.chmod(0o777)  # as the access point's user, whoever that is here
    with running_server(tmp_path / "s3") as s3:
        yield Production(disk, s3)


def submit(door: httpx.Client, seed: int) -> httpx.Response:
    image = {"image": ("a.png", as_bytes(a_picture(seed=seed)))}
    return door.post("/api/drawings", files=image, data={"age_years": "6.5"})


def test_from_an_empty_disk_to_a_site_that_outlives_its_tasks_and_its_bucket(
    production: Production,
) -> None:
    assert "from schema none" in production.runs("migrate")
    assert "12 drawings" in production.runs("seed")
    with production.serves() as door:
        assert door.get("/healthz").json()["status"] == "ok"
        kept = submit(door, 1).json()
        assert "warning" not in kept
    stored = production.s3.keys()
    assert f"drawings/{kept['id']}" in stored
    assert "is in the store" in production.runs("backup")
    with production.serves() as door:
        assert door.get(kept["links"]["picture"]).status_code == httpx.codes.OK
        production.s3.stop()
        answer = submit(door, 2)
        assert answer.status_code == httpx.codes.CREATED
        assert "cannot be reached just now" in answer.json()["warning"]
        health = door.get("/healthz").json()
        assert (health["status"], health["spool"]["waiting"]) == ("degraded", 2)
