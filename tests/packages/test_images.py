"""The images in themselves, and the service's within the limits of its task."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.packages.doors import WRITABLE, own_database
from tests.support import containers
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.polling import free_port, until, when_up

pytestmark = pytest.mark.packages
MIB = 1024 * 1024
PICTURE = as_bytes(a_picture())
BASES = {
    "Dockerfile.ecs": "docker.io/library/python:3.13-slim-trixie",
    "Dockerfile.lambda": "public.ecr.aws/lambda/python:3.13",
}


@pytest.mark.parametrize("dockerfile", BASES)
def test_an_image_adds_at_most_350_mb_to_its_base(dockerfile: str) -> None:
    image = {
        "Dockerfile.ecs": containers.service_image,
        "Dockerfile.lambda": containers.function_image,
    }
    added = containers.layers_above(image[dockerfile](), BASES[dockerfile])
    assert added <= 350e6, f"{added / 1e6:.0f} MB"


def test_the_service_runs_as_nobody_in_particular() -> None:
    with containers.running(containers.service_image(), command=["id", "--user"]) as container:
        assert _ended(container).log() == "10001"


def test_the_health_check_tells_the_living_from_the_dead() -> None:
    check = containers.health_check(containers.service_image())
    with service() as (container, _):
        assert containers.run_in(container, *check) == 0
    with containers.running(containers.service_image(), command=["sleep", "60"]) as container:
        assert containers.run_in(container, *check) == 1


def test_300_analyses_in_a_row_fit_the_memory() -> None:
    with service() as (container, address), httpx.Client(base_url=address, timeout=60) as door:
        statuses = [_analyse(door) for _ in range(300)]
        peak = container.peak_bytes() / MIB
    assert set(statuses) == {httpx.codes.OK}
    assert peak <= 300, f"{peak:.0f} MiB"


def test_one_task_takes_over_from_another_and_no_request_fails() -> None:
    with service(drain_seconds=12) as (old, old_address), service() as (_, new_address):
        found = [old_address]
        with Visits(found) as visits:
            until(lambda: visits.count.get(old_address, 0) >= 5)
            stopping = threading.Thread(target=old.stop, args=(60,))
            stopping.start()  # SIGTERM: what looks tasks up finds the old one for a while yet
            time.sleep(6)
            found[0] = new_address
            stopping.join(60)
            until(lambda: visits.count.get(new_address, 0) >= 5)
        assert visits.failures == []
        assert min(visits.count[old_address], visits.count[new_address]) >= 5
        assert old.exit_status() == 0


@contextmanager
def service(drain_seconds: int = 0) -> Iterator[tuple[containers.Container, str]]:
    """The image as it is, with the database of a developer's machine on its one writable folder."""
    port = free_port()
    environ = {**own_database(WRITABLE), "DRAIN_SECONDS": str(drain_seconds), "PORT": str(port)}
    with containers.running(containers.service_image(), environ=environ) as container:
        yield container, when_up(f"http://127.0.0.1:{port}", container.is_running)


@dataclass
class Visits:
    """Analyses asked for one after the other, each wherever ``found`` leads at that moment."""

    found: list[str]
    failures: list[str] = field(default_factory=list)
    count: dict[str, int] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Visits":
        self._threads += [threading.Thread(target=self._visit) for _ in range(2)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _visit(self) -> None:
        while not self._over.is_set():
            address = self.found[0]
            try:
                with httpx.Client(base_url=address, timeout=30) as door:
                    status = _analyse(door)
            except httpx.TransportError as error:
                self.failures.append(repr(error))
                continue
            self.count[address] = self.count.get(address, 0) + 1
            if status != httpx.codes.OK:
                self.failures.append(str(status))


def _analyse(door: httpx.Client) -> int:
    fields = {"age_years": "6.5", "keep": "false"}
    return door.post("/api/drawings", files={"image": ("a.png", PICTURE)}, data=fields).status_code


def _ended(container: containers.Container) -> containers.Container:
    until(lambda: not container.is_running(), pause=0.1, what="the container to end")
    return container
