"""The service within the limits of its task, used by many at once and by those who mean it ill."""

import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.support import containers
from tests.support.data.awkward import NAMES, awkward_pictures
from tests.support.data.hostile import FORMATS, hostile_pictures
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.faults.beside import Beside
from tests.support.faults.crowds import Crowd
from tests.support.polling import free_port, until, when_up
from tests.support.stores.databases import open_database

pytestmark = [
    pytest.mark.packages,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # Pillow's remarks on odd files
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]
MIB = 1024 * 1024
PICTURE = as_bytes(a_picture())
ROUNDS = 5  # of each damage to each format
CLIENT_ERRORS = range(400, 500)
MOST_MEMORY = 340


@dataclass(frozen=True)
class Service:
    """The image at work, with its data in a folder of this machine."""

    container: containers.Container
    port: int
    data: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def peak(self) -> float:
        """The most memory that its process used, in MiB."""
        pid = containers.tool("inspect", "--format", "{{.State.Pid}}", self.container.id)
        status = Path(f"/proc/{pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    def kept(self) -> tuple[int, int]:
        """How many drawings have rows, and how many files of drawings there are."""
        with closing(sqlite3.connect(self.data / "sketchnorm.sqlite3")) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM drawings").fetchone()
        return rows, sum(1 for _ in (self.data / "blobs" / "drawings").iterdir())


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Over a database made before, as after every restart."""
    port, data = free_port(), tmp_path / "data"
    data.mkdir()
    with open_database(data):
        pass
    for path in (data, *data.iterdir()):
        path.chmod(0o777)  # for the user that the image runs as
    environ = {
        "ENVIRONMENT": "local", "DATA_DIR": "/data", "DRAIN_SECONDS": "0", "PORT": str(port),
        "UPLOADS_PER_MINUTE": "0",
    }  # fmt: skip
    image, disk = containers.service_image(), [f"--volume={data}:/data"]
    with containers.running(image, disk, environ=environ) as container:
        when_up(f"http://127.0.0.1:{port}", container.is_running)
        yield Service(container, port, data)


@dataclass
class Watch(Beside):
    """Asks ``/livez`` again and again; ``seconds`` are how long each answer took."""

    address: str
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def go_on(self) -> None:
        while not self.ended.wait(0.3):
            began = time.monotonic()
            try:
                answer = httpx.get(f"{self.address}/livez", timeout=20)
            except httpx.TransportError as error:
                self.failures.append(repr(error))
                continue
            self.seconds.append(time.monotonic() - began)
            if answer.status_code != httpx.codes.OK:
                self.failures.append(answer.text)

    def told(self) -> str:
        """For whoever reads the test's output."""
        ordered = sorted(self.seconds)
        usual, slow = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
        return (
            f"/livez: {len(ordered)} answers, median {usual:.2f} s, 95th percentile {slow:.2f} s, "
            f"longest {ordered[-1]:.2f} s"
        )


def submit(door: httpx.Client, picture: bytes, name: bytes = b"drawing.png") -> httpx.Response:
    """The heading is written here, because a client would mend the name."""
    head = b'--B\r\nContent-Disposition: form-data; name="image"; filename="' + name + b'"\r\n\r\n'
    age = b'\r\n--B\r\nContent-Disposition: form-data; name="age_years"\r\n\r\n6.5\r\n--B--\r\n'
    return door.post(
        "/api/drawings",
        content=head + picture + age,
        headers={"Content-Type": "multipart/form-data; boundary=B"},
    )


@contextmanager
def client_of(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.address, timeout=60) as door:
        yield door


def upload_for(seconds: float, service: Service) -> tuple[list[float], set[int]]:
    """How long each of the uploads took that an honest visitor sends one after the other."""
    took, statuses, end = [], set(), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.5)
        began = time.monotonic()
        with client_of(service) as door:
            statuses.add(submit(door, PICTURE).status_code)
        took.append(time.monotonic() - began)
    return took, statuses


def test_slow_and_idle_clients_keep_nobody_waiting(service: Service) -> None:
    crowd = Crowd(service.port, idle=200, in_head=100, in_body=100)
    with crowd, Watch(service.address) as watch:
        uploads, statuses = upload_for(45, service)
    print(f"{watch.told()}; {len(uploads)} uploads, longest {max(uploads):.2f} s; {crowd.cut} cut")
    assert (watch.failures, statuses) == ([], {httpx.codes.CREATED})
    assert max(watch.seconds) <= 2
    assert max(uploads) <= 2
    assert crowd.cut >= 400  # each at least once
    assert crowd.answers == {b"HTTP/1.1 408 Request Timeout"}


def test_many_large_bodies_that_stop_before_their_end_do_not_fill_the_memory(
    service: Service,
) -> None:
    stopped = Crowd(service.port, in_body=100, begun=bytes(3 * MIB))
    with stopped, Watch(service.address) as watch:
        until(lambda: stopped.cut >= 100, 120)
    print(f"{watch.told()}; peak {service.peak():.0f} MiB")
    assert watch.failures == []
    assert service.peak() <= MOST_MEMORY
    assert stopped.answers <= {
        b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 503 Service Unavailable",
    }  # fmt: skip
    assert upload_for(5, service)[1] == {httpx.codes.CREATED}


def hostile_files() -> dict[str, tuple[bytes, bytes]]:
    """Contents and names, by what is wrong with them."""
    damaged = {
        f"{file.kind}, {file.seed}": (file.content, b"a.png")
        for kind in FORMATS
        for file in hostile_pictures(kind, ROUNDS)
    }
    awkward = {what: (content, b"a.png") for what, content in awkward_pictures().items()}
    return damaged | awkward | {f"named {what}": (PICTURE, name) for what, name in NAMES.items()}


def test_hostile_pictures_are_read_or_refused_within_the_memory(service: Service) -> None:
    files, answers = hostile_files(), dict[str, httpx.Response]()
    kept_before, _ = service.kept()
    with client_of(service) as door, Watch(service.address) as watch:
        for what, (content, name) in files.items():
            answers[what] = submit(door, content, name)
    read = {what for what, answer in answers.items() if answer.status_code == httpx.codes.CREATED}
    print(f"{len(files)} files, {len(read)} read; peak {service.peak():.0f} MiB; {watch.told()}")
    for what in set(files) - read:
        assert answers[what].status_code in CLIENT_ERRORS, (what, answers[what].text)
        assert answers[what].json()["detail"].endswith("."), what
    assert watch.failures == []
    assert service.kept() == (kept_before + len(read), kept_before + len(read))
    assert service.peak() <= MOST_MEMORY
    assert max(watch.seconds) <= 1
