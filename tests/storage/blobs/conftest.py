"""A store that is far away, and the spool that blobs wait in for it."""

from pathlib import Path

import pytest

from app.storage.blobs.spool import Spool
from tests.support.stores.doubles import DistantStore


@pytest.fixture
def distant() -> DistantStore:
    return DistantStore()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")
