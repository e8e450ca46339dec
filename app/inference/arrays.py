"""Frozen dataclasses of arrays to one flat ``.npz`` and back, without pickle."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]


def flatten(value: object, name: str = "norms") -> Arrays:
    """Name every leaf by its path: ``norms.folds.0.typicality.precision``."""
    if is_dataclass(value):
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        parts = [(str(place), part) for place, part in enumerate(value)]
    else:
        return {name: np.asarray(value)}
    return {key: leaf for part, v in parts for key, leaf in flatten(v, f"{name}.{part}").items()}


def restore(kind: type[T], arrays: Arrays, name: str = "norms") -> T:
    """Undo ``flatten``; raise ``KeyError`` for a missing leaf."""
    hints = get_type_hints(kind)
    parts = {field.name: f"{name}.{field.name}" for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{part: _value(hints[part], arrays, path) for part, path in parts.items()})


def _value(hint: Any, arrays: Arrays, name: str) -> Any:  # noqa: ANN401 - it reads any annotation
    if is_dataclass(hint) and isinstance(hint, type):
        return restore(hint, arrays, name)
    if get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
        count = len(
            {key.split(".")[name.count(".") + 1] for key in arrays if key.startswith(name + ".")}
        )
        return tuple(restore(get_args(hint)[0], arrays, f"{name}.{i}") for i in range(count))
    leaf = arrays[name]
    if get_origin(hint) is tuple:
        return tuple(leaf.tolist())
    return leaf.item() if hint in (float, int, str) else leaf


def save(path: Path, value: object) -> None:
    """Write; the same values give the same bytes.

    Not compressed: that would save a tenth of the file and double the time to open a bundle.
    """
    np.savez(path, **flatten(value))  # type: ignore[arg-type]


def load(path: Path, kind: type[T]) -> T:
    """Read; raise ``KeyError`` or ``ValueError`` for a file of another shape."""
    with np.load(path, allow_pickle=False) as stored:
        return restore(kind, dict(stored))
