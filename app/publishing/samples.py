"""The drawings of the demonstration: the operator's from the store, else those of a program.

The operator puts two files for each directly below ``demo/``: the picture, such as ``cat.png``, and
``cat.json``, which says what it is. Both are read as warily as what a visitor sends.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from app.errors import InvalidAge, NotFound, UnusableSample
from app.imaging.synthetic import DEMO_SAMPLES, SyntheticSample, draw_sample
from app.inference.analysis import check_age, read_age
from app.storage.blobs.store import BlobState, BlobStore

log = logging.getLogger(__name__)

PREFIX: Final = "demo"
DESCRIBED: Final = "json"
MOST_SAMPLES: Final = 24
LARGEST_DESCRIPTION: Final = 16 * 1024
LARGEST_PICTURE: Final = 4 * 1024 * 1024
LONGEST_TITLE, LONGEST_TEXT, LONGEST_CATEGORY = 200, 2000, 64
_LONGEST_NAME, _DIGEST = 40, 12  # of an id, in letters


@dataclass(frozen=True)
class Sample:
    """A drawing to be shown; ``id`` is another one once anything of it was changed.

    ``read`` gives the picture: it is asked only for a drawing that has to be analysed.
    """

    id: str
    title: str
    description: str
    age_years: float
    category: str | None
    read: Callable[[], bytes] = field(repr=False)


def made_samples() -> Iterator[Sample]:
    """Those that a program draws."""
    return map(_made, DEMO_SAMPLES)


def supplied_samples(blobs: BlobStore) -> Iterator[Sample]:
    """The operator's, by name; what is incomplete or broken is logged and left out."""
    files = _files_by_name(blobs.keys(PREFIX))
    if len(files) > MOST_SAMPLES:
        log.warning("More than %d drawings are below demo/; the rest is left out.", MOST_SAMPLES)
    for name in sorted(files)[:MOST_SAMPLES]:
        try:
            yield _supplied(name, files[name], blobs)
        except UnusableSample as error:
            leave_out(name, error)


def leave_out(name: str, error: Exception) -> None:
    """Tell the operator which drawing is not shown, and why."""
    log.warning("The drawing %s is left out of the demonstration: %s", name, error)


def _made(sample: SyntheticSample) -> Sample:
    description = f"{sample.description} A computer program drew it."
    return Sample(
        _id(sample.slug, f"{sample!r} {description}"),
        sample.title,
        description,
        sample.age_years,
        sample.category,
        partial(draw_sample, sample),
    )


def _files_by_name(keys: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """``cat`` has ``demo/cat.json`` and ``demo/cat.png``; folders below are not looked into."""
    files: dict[str, list[str]] = {}
    for key in keys:
        name, _, kind = key.removeprefix(f"{PREFIX}/").rpartition(".")
        if name and "/" not in name + kind:
            files.setdefault(name, []).append(key)
    return files


def _supplied(name: str, keys: Sequence[str], blobs: BlobStore) -> Sample:
    described = f"{PREFIX}/{name}.{DESCRIBED}"
    pictures = [key for key in keys if key != described]
    if described not in keys or len(pictures) != 1:
        raise UnusableSample(f"put one picture beside {name}.{DESCRIBED}, under the same name.")
    text, picture = _read(described, LARGEST_DESCRIPTION, blobs), pictures[0]
    version = _look(picture, blobs).version
    return _described(
        _id(name, f"{hashlib.sha256(text).hexdigest()} {picture} {version}"),
        _parse(text),
        partial(_read, picture, LARGEST_PICTURE, blobs),
    )


def _described(sample_id: str, told: Mapping[str, Any], read: Callable[[], bytes]) -> Sample:
    category = told.get("category")
    return Sample(
        sample_id,
        _line(told, "title", LONGEST_TITLE),
        _line(told, "description", LONGEST_TEXT),
        _age(told),
        None if category is None else _line(told, "category", LONGEST_CATEGORY).lower(),
        read,
    )


def _parse(text: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableSample("its description is not JSON.") from error
    if not isinstance(told, dict):
        raise UnusableSample("its description is not an object in JSON.")
    return told


def _line(told: Mapping[str, Any], name: str, longest: int) -> str:
    value = told.get(name)
    line = " ".join(value.split()) if isinstance(value, str) else ""
    if not line or len(line) > longest or not line.isprintable():
        raise UnusableSample(f"its {name} is to be a text of 1 to {longest} letters.")
    return line


def _age(told: Mapping[str, Any]) -> float:
    try:
        return check_age(read_age(str(told.get("age_years", ""))))
    except InvalidAge as error:
        raise UnusableSample(f"age_years: {error}") from error


def _read(key: str, largest: int, blobs: BlobStore) -> bytes:
    """Raise ``UnusableSample`` before more than ``largest`` bytes are read."""
    if _look(key, blobs).size > largest:
        raise UnusableSample(f"{key} is larger than {largest // 1024} KiB; make it smaller.")
    with _there(key):
        return blobs.get(key)


def _look(key: str, blobs: BlobStore) -> BlobState:
    with _there(key):
        return blobs.look(key)


@contextmanager
def _there(key: str) -> Iterator[None]:
    """Whoever replaces a sample may be removing its files just now."""
    try:
        yield
    except NotFound as error:
        raise UnusableSample(f"{key} was removed meanwhile.") from error


def _id(name: str, made_of: str) -> str:
    digest = hashlib.sha256(made_of.encode()).hexdigest()
    return f"{name[:_LONGEST_NAME]}-{digest[:_DIGEST]}"
