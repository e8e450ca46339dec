"""A bundle: trunk, norms, card and self-test in one folder, each checksummed by its manifest.

``manifest.json`` holds the format, the version and the sha256 of each file; the sha256 of the
manifest itself names the bundle. What the self-test means is told in ``self_test``.
"""

import hashlib
import json
import zipfile
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
    RuntimeException,
)

from app.errors import BundleError
from app.inference.features import Trunk
from app.scoring.assess import Norms

FORMAT = 3
TRUNK, NORMS, CARD, SELF_TEST = "trunk.onnx", "norms.npz", "card.json", "selftest.json"
CHECKSUMMED = (TRUNK, NORMS, CARD, SELF_TEST)
MANIFEST = "manifest.json"
LONGEST_VERSION = 64  # what the column of the analyses holds
# They share no family but Exception.
NO_TRUNK = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented, RuntimeException)

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]


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
    save_arrays(folder / NORMS, norms)
    _write_object(folder / CARD, card)
    _write_object(folder / SELF_TEST, self_test)
    write_manifest(folder, version)


def write_manifest(folder: Path, version: str) -> None:
    """Declare the files that are in ``folder`` to be the bundle ``version``."""
    files = {name: _sha256(folder / name) for name in CHECKSUMMED}
    manifest = {"format": FORMAT, "version": version, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def save_arrays(path: Path, value: object) -> None:
    """Write a frozen dataclass of arrays as ``.npz``; the same values give the same bytes.

    Not compressed: that would save a tenth of the file and double the time to open a bundle.
    """
    np.savez(path, **_flatten(value))  # type: ignore[arg-type]


def load_arrays(path: Path, kind: type[T]) -> T:
    """Read one; raise ``KeyError`` or ``ValueError`` for a file of another shape."""
    with np.load(path, allow_pickle=False) as stored:
        return _restore(kind, dict(stored))


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
        return load_arrays(folder / NORMS, Norms)
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


def _flatten(value: object, name: str = "norms") -> Arrays:
    """Name every leaf by its path: ``norms.folds.0.typicality.precision``."""
    if is_dataclass(value):
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        parts = [(str(place), part) for place, part in enumerate(value)]
    else:
        return {name: np.asarray(value)}
    return {key: leaf for part, v in parts for key, leaf in _flatten(v, f"{name}.{part}").items()}


def _restore(kind: type[T], arrays: Arrays, name: str = "norms") -> T:
    """Undo ``_flatten``; raise ``KeyError`` for a missing leaf.

    An array with a default may be missing: what it would hold was not recorded.
    """
    hints = get_type_hints(kind)
    parts = {
        field.name: f"{name}.{field.name}"
        for field in fields(kind)  # type: ignore[arg-type]
        if field.default_factory is MISSING
        or is_dataclass(hints[field.name])
        or f"{name}.{field.name}" in arrays
    }
    return kind(**{part: _value(hints[part], arrays, path) for part, path in parts.items()})


def _value(hint: Any, arrays: Arrays, name: str) -> Any:  # noqa: ANN401 - it reads any annotation
    if is_dataclass(hint) and isinstance(hint, type):
        return _restore(hint, arrays, name)
    if get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
        count = len(
            {key.split(".")[name.count(".") + 1] for key in arrays if key.startswith(name + ".")}
        )
        return tuple(_restore(get_args(hint)[0], arrays, f"{name}.{i}") for i in range(count))
    leaf = arrays[name]
    if get_origin(hint) is tuple:
        return tuple(leaf.tolist())
    return leaf.item() if hint in (float, int, str) else leaf
