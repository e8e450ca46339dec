"""A bundle: trunk, norms and card in one folder, every file checksummed by its manifest.

``manifest.json`` holds the format, the version and the sha256 of each file; the sha256 of the
manifest itself names the bundle.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import BundleError
from app.inference import arrays
from app.inference.trunk import Trunk
from app.scoring.assess import Norms

FORMAT = 1
TRUNK, NORMS, CARD, MANIFEST = "trunk.onnx", "norms.npz", "card.json", "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """What is needed to assess drawings, and which version of it this is."""

    version: str
    sha256: str
    trunk: Trunk
    norms: Norms
    card: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Bundle":
        """Check every file against the manifest, then load; raise ``BundleError`` otherwise."""
        manifest = _checked_manifest(folder)
        try:
            norms = arrays.load(folder / NORMS, Norms)
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise BundleError(
                f"The norms in {folder} are of a shape this release does not know; train the "
                "bundle again with this release."
            ) from error
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        digest = _sha256(folder / MANIFEST)
        return cls(manifest["version"], digest, Trunk(folder / TRUNK), norms, card)


def write_bundle(
    folder: Path, version: str, trunk: Path, norms: Norms, card: dict[str, Any]
) -> None:
    """Write all files, the manifest last: a folder without one is no bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    if trunk.resolve() != (folder / TRUNK).resolve():
        (folder / TRUNK).write_bytes(trunk.read_bytes())
    arrays.save(folder / NORMS, norms)
    (folder / CARD).write_text(json.dumps(card, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    manifest = {
        "format": FORMAT,
        "version": version,
        "files": {name: _sha256(folder / name) for name in (TRUNK, NORMS, CARD)},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _checked_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            f"There is no bundle in {folder}; set BUNDLE_PATH to one or run `sketchnorm train`."
        ) from error
    except ValueError as error:
        raise BundleError(f"The manifest in {folder} is damaged; restore the bundle.") from error
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"The bundle in {folder} has format {manifest.get('format')}, this release reads "
            f"{FORMAT}; train it again."
        )
    for name in (TRUNK, NORMS, CARD):
        if not (folder / name).is_file() or _sha256(folder / name) != manifest["files"].get(name):
            raise BundleError(
                f"{name} in {folder} is missing or not the one its manifest describes; restore "
                "the bundle from its release."
            )
    return manifest


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
