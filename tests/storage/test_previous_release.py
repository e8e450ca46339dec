"""The release before runs on the schema of this one, and this one on a schema a step ahead."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.actions.show import show, show_picture
from app.bootstrap import assemble, prepare
from app.environment import Settings
from app.errors import ConfigurationError
from app.storage.blobs.store import FolderBlobStore
from app.storage.schema import MIGRATIONS, NEWER, REVISIONS, check_schema
from app.web.app import create_app
from tests.support import ROOT
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png
from tests.support.stores.databases import Place
from tests.support.stores.migrations import later_release, scripts

SMOKE = Path("tests/support/release_smoke.py")


def git(*words: str) -> bytes:
    """Skips the test where there is no history to look into."""
    try:
        return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"there is no history of this code here: {error}")


def unpack(commit: str, folder: Path) -> Path:
    """The code as it was then."""
    packed = git("archive", commit, "app", "migrations", "tests/__init__.py", "tests/support")
    folder.mkdir()
    # tarfile has no safe way of unpacking before Python 3.11.4; tar itself stays in the folder.
    command = ["tar", "--extract", "--file=-", "--no-same-owner", f"--directory={folder}"]
    subprocess.run(command, input=packed, check=True)
    if not (folder / SMOKE).exists():
        first = (
            git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(SMOKE)).decode().strip()
        )
        (folder / SMOKE).write_bytes(git("show", f"{first}:{SMOKE}"))
    return folder


@pytest.fixture
def head() -> str:
    return REVISIONS[-1]


@pytest.fixture
def before(tmp_path: Path, head: str) -> Path:
    """The code of the last commit at which the revision before the newest was the newest."""
    (newest,) = (ROOT / "migrations" / "versions").glob(f"{head}_*.py")
    added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest.relative_to(ROOT)))
    commit = f"{added.decode().strip()}^" if added.strip() else "HEAD"
    git("rev-parse", "--verify", f"{commit}^{{commit}}")
    return unpack(commit, tmp_path / "before")


def visit(code: Path, place: Place) -> list[str]:
    """What the smoke test of that code prints about the database and the store there."""
    store = place.folder / "blobs"
    said = subprocess.run(
        [sys.executable, "-m", "tests.support.release_smoke", place.url, store],
        env={"PATH": os.environ["PATH"]},
        cwd=code, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines()


def test_the_code_before_runs_on_the_new_schema_and_the_new_code_reads_what_it_wrote(
    before: Path, head: str, place: Place
) -> None:
    versions = [path.name for path in (before / "migrations" / "versions").glob("*.py")]
    assert not any(name.startswith(f"{head}_") for name in versions)
    with place.opened() as database:
        checked, kept = visit(before, place)
        check_schema(database)
        blobs = FolderBlobStore(place.folder / "blobs", "local")
        assert show(kept, database=database).category == "house"
        assert show_picture(kept, database=database, blobs=blobs).content
    # The first release knew only its own revision: it had no way to learn what came after.
    first = len(versions) == 1
    contract = scripts(MIGRATIONS)[0].module.phase == "contract"
    assert checked == (f"refused: {NEWER}" if first or contract else "accepted")


def test_this_code_runs_its_own_visit(place: Place) -> None:
    with place.opened():
        assert visit(ROOT, place)[0] == "accepted"


@pytest.fixture
def one_ahead(settings: Settings, tmp_path: Path, head: str) -> Settings:
    """As after a deployment that migrated and was rolled back."""
    with later_release(tmp_path, head, "expand"):
        prepare(settings)
    return settings


def test_serve_accepts_a_schema_one_expand_step_ahead_and_works_on_it(one_ahead: Settings) -> None:
    prepare(one_ahead)
    services = assemble(one_ahead, FakeAnalyzer)
    visitor = Visitor(create_app(services))
    answer = visitor.submits(a_png(), age_years="6.5")
    assert answer.status_code == 201
    assert visitor.opens(answer.json()["links"]["page"]).status_code == 200
    services.stores.database.close()


def test_serve_refuses_a_schema_that_is_further_ahead(
    settings: Settings, tmp_path: Path, head: str
) -> None:
    with later_release(tmp_path, head, "expand", "expand"):
        prepare(settings)
    with pytest.raises(ConfigurationError, match="newer version"):
        prepare(settings)
    with pytest.raises(ConfigurationError, match="newer version"):
        assemble(settings, FakeAnalyzer)
