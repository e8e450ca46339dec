import shutil
from pathlib import Path

import numpy as np
import pytest

from app.errors import BundleError
from app.inference.bundle import Bundle
from tests.support.pictures import BUNDLE


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))


def test_the_shipped_bundle_opens_and_says_what_it_was_made_of() -> None:
    bundle = Bundle.open(BUNDLE)
    assert bundle.card["version"] == bundle.version
    assert bundle.card["drawings"] > 2000
    assert len(bundle.sha256) == 64
    assert bundle.trunk.patches(np.zeros((128, 128), np.float32)).shape == (112, 8, 8)


@pytest.mark.parametrize("name", ["trunk.onnx", "norms.npz", "card.json"])
def test_one_flipped_byte_is_noticed(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        Bundle.open(copy)


def test_a_folder_without_a_bundle_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="BUNDLE_PATH"):
        Bundle.open(tmp_path)


def test_a_bundle_of_another_format_is_refused(copy: Path) -> None:
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(BundleError, match="format 2"):
        Bundle.open(copy)


def test_a_damaged_manifest_is_refused(copy: Path) -> None:
    (copy / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match="damaged"):
        Bundle.open(copy)
