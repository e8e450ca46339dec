"""A bundle: trunk, norms, card and self-test in one folder, each checksummed by its manifest.

``manifest.json`` holds the format, the version and the sha256 of each file; the sha256 of the
manifest itself names the bundle. What the self-test means is for ``app.self_test`` to know.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
    RuntimeException,
)

from app.errors import BundleError
from app.inference import arrays
from app.inference.trunk import Trunk
from app.scoring.assess import Norms

FORMAT = 2
TRUNK, NORMS, CARD, SELF_TEST = "trunk.onnx", "norms.npz", "card.json", "selftest.json"
CHECKSUMMED = (TRUNK, NORMS, CARD, SELF_TEST)
MANIFEST = "manifest.json"
LONGEST_VERSION = 64  # what the column of the analyses holds
# They share no family but Exception.
NO_TRUNK = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented, RuntimeException)


@dataclass(frozen=True)
class Bundle:
    """What is needed to assess drawings, and which version of it this is."""

    version: str
    sha256: str
    trunk: Trunk
    norms: Norms
    card: dict[str, Any]
    self_test: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Bundle":
        """Check every file against the manifest, then load; raise ``BundleError`` otherwise."""
        manifest = _checked_manifest(folder)
        return cls(
            manifest["version"],
            _sha256(folder / MANIFEST),
            _open_trunk(folder),
            _open_norms(folder),
            _read_object(folder, CARD),
            _read_object(folder, SELF_TEST),
        )


def write_bundle(
    folder: Path,
    version: str,
    trunk: Path,
    norms: Norms,
    card: dict[str, Any],
    self_test: dict[str, Any],
) -> None:
    """Write all files, the manifest last: a folder without one is no bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    if trunk.resolve() != (folder / TRUNK).resolve():
        (folder / TRUNK).write_bytes(trunk.read_bytes())
    arrays.save(folder / NORMS, norms)
    _write_object(folder / CARD, card)
    _write_object(folder / SELF_TEST, self_test)
    write_manifest(folder, version)


def write_manifest(folder: Path, version: str) -> None:
    """Declare the files that are in ``folder`` to be the bundle ``version``."""
    files = {name: _sha256(folder / name) for name in CHECKSUMMED}
    manifest = {"format": FORMAT, "version": version, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _checked_manifest(folder: Path) -> dict[str, Any]:
    manifest = _read_manifest(folder)
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"The bundle in {folder} has format {manifest.get('format')}, this release reads "
            f"{FORMAT}; train it again."
        )
    version, files = manifest.get("version"), manifest.get("files")
    if not isinstance(version, str) or not 1 <= len(version) <= LONGEST_VERSION:
        raise BundleError(
            f"The manifest in {folder} names no version of 1 to {LONGEST_VERSION} characters; "
            "train the bundle again."
        )
    if not isinstance(files, dict) or set(files) != set(CHECKSUMMED):
        raise BundleError(
            f"The manifest in {folder} lists other files than {', '.join(CHECKSUMMED)}; restore "
            "the bundle from its release."
        )
    for name in CHECKSUMMED:
        if not (folder / name).is_file() or _sha256(folder / name) != files[name]:
            raise BundleError(
                f"{name} in {folder} is missing or not the one its manifest describes; restore "
                "the bundle from its release."
            )
    return manifest


def _read_manifest(folder: Path) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file():
        raise BundleError(
            f"There is no bundle in {folder}; set BUNDLE_PATH to one or run `sketchnorm train`."
        )
    return _read_object(folder, MANIFEST)


def _open_trunk(folder: Path) -> Trunk:
    try:
        return Trunk(folder / TRUNK)
    except NO_TRUNK as error:
        raise BundleError(
            f"The trunk in {folder} is no model that this release can run; train the bundle again "
            "with this release."
        ) from error


def _open_norms(folder: Path) -> Norms:
    try:
        return arrays.load(folder / NORMS, Norms)
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"The norms in {folder} are of a shape this release does not know; train the "
            "bundle again with this release."
        ) from error


def _read_object(folder: Path, name: str) -> dict[str, Any]:
    try:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(folder, name) from error
    if not isinstance(value, dict):
        raise _damaged(folder, name)
    return value


def _damaged(folder: Path, name: str) -> BundleError:
    return BundleError(f"{name} in {folder} is damaged; restore the bundle from its release.")


def _write_object(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
