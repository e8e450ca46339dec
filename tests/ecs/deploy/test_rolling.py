"""One release takes over from another, as real processes, while visitors come.

Old and new run on one database with a rollback journal, as on the network disk. Times are AWS's,
ten times shorter; ``SKETCHNORM_TIME_SCALE=1`` takes them as they are.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from ecs.deploy.cloud import DeploymentFailed
from ecs.deploy.service import SECONDS_TO_HEALTHY, SECONDS_TO_SERVE
from tests.support.cloud.account import NEW, OLD, REGION, Account, opened_account
from tests.support.cloud.fargate import Fargate, Pace
from tests.support.cloud.processes import (
    A_MINUTE,
    KNOWN_AFTER,
    SCALE,
    STALE_FOR,
    Build,
    Processes,
    gateway,
)
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.faults.beside import Beside

pytestmark = pytest.mark.endurance  # minutes together, so not with every change of a file
# In seconds. A process starts no faster because the times of AWS are divided.
TO_SERVE, TO_HEALTHY = max(60, SECONDS_TO_SERVE / SCALE), max(20, SECONDS_TO_HEALTHY / SCALE)
BUCKET = "drawings"
PICTURE = as_bytes(a_picture())
SETTINGS = {
    "ENVIRONMENT": "production", "AWS_REGION": REGION, "S3_BUCKET_NAME": BUCKET,
    "SECRET_MANAGER_ENABLED": "false", "DATABASE_JOURNAL": "delete", "UPLOADS_PER_MINUTE": "0",
    "PUBLIC_BASE_URL": "http://127.0.0.1",
}  # fmt: skip


@dataclass
class Visitors(Beside):
    """One uploads drawings that are kept and looks at each; the other opens pages."""

    address: str
    failures: list[str] = field(default_factory=list)
    answers: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def go_on(self) -> None:
        with ThreadPoolExecutor(2) as both:
            list(both.map(self._visit, (self._upload, self._look)))

    def _visit(self, visit: Callable[[httpx.Client], None]) -> None:
        with httpx.Client(base_url=self.address, timeout=60) as site:
            while not self.ended.wait(0.1):
                try:
                    visit(site)
                except httpx.TransportError as error:
                    self.failures.append(repr(error))

    def _upload(self, site: httpx.Client) -> None:
        files, fields = {"image": ("a.png", PICTURE)}, {"age_years": "6.5", "category": "house"}
        answer = site.post("/api/drawings", files=files, data=fields)
        if self._count(answer, httpx.codes.CREATED):
            links = answer.json()["links"]
            self._count(site.get(httpx.URL(links["self"]).path), httpx.codes.OK)

    def _look(self, site: httpx.Client) -> None:
        self._count(site.get("/"), httpx.codes.OK)

    def _count(self, answer: httpx.Response, expected: int) -> bool:
        self.answers += 1
        if answer.status_code != expected:
            path = answer.request.url.path
            self.failures.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        return answer.status_code == expected


@dataclass(frozen=True)
class Production:
    account: Account
    processes: Processes
    visitors: Visitors

    def releases(self, digest: str = NEW) -> None:
        """With all steps, and visitors until the lists are fresh again."""
        with self.visitors:
            try:
                self.account.steps.release(self.account.plans(digest, "r2"))
            finally:
                time.sleep(STALE_FOR + KNOWN_AFTER)

    @property
    def serving(self) -> str:
        return self.account.serves


@contextmanager
def production(
    folder: Path,
    moto: dict[str, str],
    new: Build,
    patch: pytest.MonkeyPatch,
    old: Build = Build(),  # noqa: B008 - a frozen value
    ready: bool = True,
) -> Iterator[Production]:
    """The release ``OLD`` serves; without ``ready`` nobody waits for a task's health."""
    environ = {
        **SETTINGS, **moto, "PATH": "/usr/bin:/bin", "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests", "AWS_EC2_METADATA_DISABLED": "true",
        "DATABASE_URL": f"sqlite:///{folder}/sketchnorm.sqlite3", "DATA_DIR": str(folder),
    }  # fmt: skip
    processes = Processes(folder, {OLD: old, NEW: new}, environ)
    with gateway(KNOWN_AFTER if ready else 0) as front:
        pace = Pace(to_healthy=TO_SERVE, to_known=KNOWN_AFTER, look=0.1, ready=ready)
        fargate = Fargate(processes.start, front, pace)
        with opened_account(fargate, moto, patch) as account:
            account.formation.address = front.address
            account.seconds, account.held, account.smokes_for = TO_SERVE, A_MINUTE * 1.5, 20
            account.cloud.s3.create_bucket(Bucket=BUCKET)
            account.has_deployed(OLD)
            time.sleep(KNOWN_AFTER)
            yield Production(account, processes, Visitors(front.address))


@pytest.mark.parametrize("new", [Build(phases="expand"), Build("late")], ids=["ahead", "late"])
def test_a_release_takes_over_and_no_request_fails(
    tmp_path: Path, moto: dict[str, str], monkeypatch: pytest.MonkeyPatch, new: Build
) -> None:
    with production(tmp_path, moto, new, monkeypatch) as site:
        site.releases()
        assert site.visitors.failures == []
        assert site.visitors.answers > 30
        assert site.serving == NEW[-1]
        old, *_ = site.processes.lives
        assert old.process.wait(TO_SERVE) == 0


FAULTY = {
    "it is never healthy": (Build("unhealthy", "expand"), "was not healthy"),
    "it is slow": (Build("slow", "expand"), "was not healthy"),
    "it crashes after a minute": (Build("crashes", "expand"), "ended by itself with status 70"),
    "its migration fails": (Build("none", "failing"), "The migration failed"),
}


@pytest.mark.parametrize(("new", "told"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_release_goes_and_the_one_before_serves_on_the_new_schema(
    tmp_path: Path, moto: dict[str, str], monkeypatch: pytest.MonkeyPatch, new: Build, told: str
) -> None:
    with production(tmp_path, moto, new, monkeypatch) as site:
        site.account.seconds = TO_HEALTHY
        with pytest.raises(DeploymentFailed, match=told):
            site.releases()
        assert site.visitors.failures == []
        assert site.visitors.answers > 10
        assert site.serving == OLD[-1]


def test_a_release_that_is_well_and_fails_its_smoke_test_is_taken_back(
    tmp_path: Path, moto: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tasks are healthy and visitors use it, until it goes as it came."""
    with production(tmp_path, moto, Build("undemonstrative", "expand"), monkeypatch) as site:
        with pytest.raises(DeploymentFailed, match=r"the demonstration is shown.*answered 404"):
            site.releases()
        assert site.visitors.failures == []
        assert site.visitors.answers > 30
        assert len(site.processes.lives) == 4  # the old one, a rehearsal, the new one, the old one
        assert site.serving == OLD[-1]


WITHOUT = {
    "the drain": {"new": Build(), "old": Build(drain=0)},
    "the readiness check": {"new": Build("late"), "ready": False},
    "expand and contract": {"new": Build(phases="contract")},
}


@pytest.mark.parametrize("parts", WITHOUT.values(), ids=WITHOUT)
def test_requests_fail_without(
    tmp_path: Path, moto: dict[str, str], monkeypatch: pytest.MonkeyPatch, parts: dict[str, object]
) -> None:
    with production(tmp_path, moto, patch=monkeypatch, **parts) as site:  # type: ignore[arg-type]
        try:
            site.releases()
        except DeploymentFailed:
            assert "contract" in str(parts)
        assert site.visitors.failures
