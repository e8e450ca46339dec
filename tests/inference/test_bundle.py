import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.errors import BundleError
from app.imaging.marks import CROP_SIDE
from app.inference.bundle import FORMAT, Bundle, write_manifest
from app.inference.features import READ_SIDE
from tests.support.data.bundles import BUNDLE


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))


def test_the_shipped_bundle_opens_and_says_what_it_was_made_of() -> None:
    bundle = Bundle.open(BUNDLE)
    assert bundle.card["version"] == bundle.version
    assert bundle.card["drawings"] > 2000
    assert len(bundle.sha256) == 64
    seen = bundle.trunk.see(np.zeros((READ_SIDE, READ_SIDE), np.float32))
    assert seen.strokes.shape == (CROP_SIDE, CROP_SIDE)
    assert seen.patches.shape == (112, 8, 8)
    assert seen.embedding.shape == (256,)
    assert seen.foreign.shape == (16, 16)


@pytest.mark.parametrize("name", ["trunk.onnx", "norms.npz", "card.json", "selftest.json"])
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
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', '"format": 1'))
    with pytest.raises(BundleError, match="format 1"):
        Bundle.open(copy)


@pytest.mark.parametrize("content", ["{", "[]", "3"])
def test_a_damaged_manifest_is_refused(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match="damaged"):
        Bundle.open(copy)


def test_a_manifest_that_lists_other_files_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["../../elsewhere"] = "a" * 64
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="lists other files"):
        Bundle.open(copy)


@pytest.mark.parametrize("version", ["", "x" * 65, None])
def test_a_version_that_no_analysis_could_keep_is_refused(copy: Path, version: str | None) -> None:
    manifest = json.loads((copy / "manifest.json").read_text()) | {"version": version}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="names no version"):
        Bundle.open(copy)


@pytest.mark.parametrize(
    ("name", "why"),
    [("trunk.onnx", "no model"), ("norms.npz", "of a shape"), ("card.json", "damaged")],
)
def test_a_file_that_is_checksummed_but_is_something_else_is_refused(
    copy: Path, name: str, why: str
) -> None:
    (copy / name).write_bytes(b"something else")
    write_manifest(copy, "test")
    with pytest.raises(BundleError, match=why):
        Bundle.open(copy)
