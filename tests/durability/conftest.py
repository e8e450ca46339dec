"""Where much is written in little time, on each kind of database and journal."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.stores.databases import JOURNALS, ON_POSTGRESQL, Kind

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of one's own is made in it


@pytest.fixture(params=[*JOURNALS, ON_POSTGRESQL])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def places_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where possible: a killed process leaves the same behind, after more writes."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)
