"""Manifests: any bytes are rows or refused, and any text is an age or refused."""

import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.inference.analysis import OLDEST, YOUNGEST, check_age, read_age
from app.inference.manifest import Row, read_manifest
from app.inference.spreadsheet import WORKBOOKS
from tests.fuzz.refusals import answered
from tests.support import ROOT
from tests.support.data import hostile
from tests.support.data.workbooks import LAST, Day, a_workbook

LONGEST: Final = 4096
LONGEST_AGE: Final = 80
OF_WORKBOOKS: Final = 16  # one is read
ENCODINGS: Final = ("utf-8-sig", "cp1252", "utf-16", "utf-16-be", "utf-32")
SHOWN: Final = re.compile(r"```csv\n(.*?)```", re.DOTALL)
AGES: Final = (
    "5;6", "5,4", "5.10", "5y6m", "66 months", "5 Jahre 6 Monate", "5 ans 6 mois", "-1", "1e3",
    "nan", "05.06.2021", "6. Mai", "5 years and 11 months", "٥", "999999 months",
)  # fmt: skip
WORDS: Final = (
    b"file", b"age_years", b"category", b"child", b"session_id", b"sitting", b"sep=;", b'"', b"\t",
    b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    *(age.encode() for age in AGES),
)  # fmt: skip
BOOK: Final = (("File", "Age years", "category"), ("a.png", 5.4, "house"), ("b.png", Day(46178), 7))


def seeds() -> Iterator[bytes]:
    """What people sent, what the documentation shows, every way to write an age, a workbook."""
    for case in sorted((ROOT / "tests" / "cases").glob("manifest_*.csv")):
        yield case.read_bytes()
    for shown in SHOWN.findall((ROOT / "docs" / "research.md").read_text(encoding="utf-8")):
        yield from (shown.replace("\n", "\r\n").encode(encoding) for encoding in ENCODINGS)
    yield from (f'file,age_years\na.png,"{age}"\n'.encode() for age in AGES)
    yield from (age.encode() for age in AGES)
    yield a_workbook(*BOOK)
    yield a_workbook(*BOOK, more=LAST)


def damaged(content: bytes, source: random.Random) -> bytes:
    """A workbook in one of its parts, packed again so that the part is reached."""
    try:
        parts = _unpacked(content)
        name = source.choice(sorted(parts))
    except Exception:  # noqa: BLE001 (it is no workbook, or no whole one)
        return hostile.damaged(content, source)
    return _packed(parts | {name: hostile.damaged(parts[name], source)})


@contextmanager
def opened(folder: Path) -> Iterator[Callable[[bytes], None]]:
    """Takes any bytes; raises if they escape."""
    file = folder / "manifest"
    yield lambda content: _take(content, file)


def _take(content: bytes, file: Path) -> None:
    if _is_read(content):
        file.write_bytes(content)
        for row in answered(lambda: read_manifest(file)) or ():
            _take_row(row, file.parent)
    text = content.decode(errors="replace")[:LONGEST_AGE]
    _take_age(lambda: read_age(text))


def _is_read(content: bytes) -> bool:
    """All but most workbooks: a process for each costs as much time as a hundred texts."""
    return not content.startswith(WORKBOOKS) or zlib.crc32(content) % OF_WORKBOOKS == 0


def _take_row(row: Row, folder: Path) -> None:
    _take_age(row.age)
    answered(lambda: row.content(folder))


def _take_age(read: Callable[[], float]) -> None:
    age = answered(lambda: check_age(read()))
    assert age is None or YOUNGEST <= age < OLDEST + 1


def _unpacked(content: bytes) -> dict[str, bytes]:
    """The parts of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def _packed(parts: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, part in parts.items():
            packed.writestr(zipfile.ZipInfo(name), part)
    return content.getvalue()
