"""The shipped bundle, copies of it that pass for others, and what can go wrong with them."""

import json
import shutil
from pathlib import Path

from app.inference.bundle import (
    CARD,
    CHECKSUMMED,
    MANIFEST,
    SELF_TEST,
    Bundle,
    write_manifest,
)
from app.publishing.published import Pointer, key_of, point
from app.storage.blobs.store import BlobStore
from tests.support import ROOT

BUNDLE = ROOT / "bundle"


def another_bundle(folder: Path, version: str = "test-2") -> Path:
    """The shipped bundle under another version: another sha256, the same answers."""
    copy = Path(shutil.copytree(BUNDLE, folder / version))
    card = json.loads((copy / CARD).read_text()) | {"version": version}
    (copy / CARD).write_text(json.dumps(card))
    write_manifest(copy, version)
    return copy


def a_bundle_of_other_answers(folder: Path, version: str = "other-answers") -> Path:
    """One whose checksums hold, and whose answers are not those recorded in it."""
    copy = another_bundle(folder, version)
    recorded = json.loads((copy / SELF_TEST).read_text())
    recorded["drawings"][0]["answer"]["measures"]["p_value"] += 0.2
    (copy / SELF_TEST).write_text(json.dumps(recorded))
    write_manifest(copy, version)
    return copy


def flip_a_byte(path: Path) -> None:
    """Damage a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def smuggle(folder: Path, blobs: BlobStore) -> Pointer:
    """Publish a bundle without the checks of ``publish``."""
    bundle = Bundle.open(folder)
    for name in (MANIFEST, *CHECKSUMMED):
        blobs.put(key_of(bundle.sha256, name), (folder / name).read_bytes(), "")
    return point(blobs, bundle, None)
