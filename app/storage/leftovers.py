"""What lies beside the database after restores, and when nobody needs it any more."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.storage import faults
from app.storage.files import ABANDONED

# A folder to work in, gone in the end unless its process is killed.
RESTORING: Final = ".restoring-"

REPLACED: Final = ".replaced-"
TIME: Final = "%Y%m%dT%H%M%S.%fZ"


def replaced_name(database: Path, now: datetime) -> Path:
    """Where a database is kept that another takes the place of."""
    return database.with_name(f"{database.name}{REPLACED}{now.astimezone(UTC):{TIME}}")


def remove_replaced(database: Path, before: datetime) -> int:
    """Delete databases that were replaced before then, with their journals; how many files."""
    dated = re.compile(re.escape(f"{database.name}{REPLACED}") + r"(\d{8}T\d{6}\.\d{6}Z)(-.*)?")
    with _named():
        found = [(path, dated.fullmatch(path.name)) for path in database.parent.iterdir()]
        old = [path for path, name in found if name and _instant(name[1]) < before]
        for path in old:
            path.unlink(missing_ok=True)
    return len(old)


def remove_abandoned(database: Path) -> int:
    """Delete the folders of restores that were killed more than a day ago; how many."""
    before = time.time() - ABANDONED.total_seconds()
    with _named():
        folders = database.parent.glob(f"{RESTORING}*")
        abandoned = [folder for folder in folders if folder.stat().st_mtime < before]
        for folder in abandoned:
            shutil.rmtree(folder)
    return len(abandoned)


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, TIME).replace(tzinfo=UTC)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise faults.of_disk(error, "the database") from error
