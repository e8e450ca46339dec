"""The cells of a table as spreadsheets save it: a CSV of any common kind, or a workbook.

Encodings are told by rules and not guessed: a byte order mark, UTF-16 without one, UTF-8, and
Windows-1252 for what is none of these. Statistics over a few file names would err more often.
"""

import codecs
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.errors import InvalidRequest
from app.inference import workbook

Cells = list[str]

MANIFEST: Final = "The manifest"  # what a refusal calls the file, unless it is told another name
MOST_BYTES: Final = 64 * 2**20  # a million rows; nothing larger fills the memory
SEPARATORS: Final = (",", ";", "\t", "|")
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|:^~])"?[ ,;\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
# UTF-32 first: its mark begins with that of UTF-16.
MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # .xlsx and .ods; .xls
SAVE_AS: Final = "save it in the spreadsheet as “CSV UTF-8”"
UNREADABLE: Final = f"is a workbook that cannot be read, or its sheet is too large; {SAVE_AS}."
MOST_SECONDS: Final = 120  # for a workbook; a million rows take 25


def read_cells(file: Path, names: Collection[str], called: str = MANIFEST) -> list[Cells]:
    """The rows, without blank ones; the header comes first, its names as ``plain_name`` has them.

    ``names`` are the columns that may be there: the separator is the one that finds most of them.
    Raise ``InvalidRequest`` for a file that cannot be read or is no table, in a sentence that
    begins with ``called`` if the file can be opened.
    """
    content = _read_bytes(file)
    if content.startswith(WORKBOOKS):
        cells = _read_workbook(content, called)
    else:
        cells = list(_read_csv(decode(content, called), names, called))
    header, *rows = [row for row in cells if any(row)] or [[]]
    return [[plain_name(name) for name in header], *rows]


def plain_name(name: str) -> str:
    """The name of a column, whatever its case and spaces: “Age Years” is age_years."""
    return "_".join(name.casefold().replace("_", " ").split())


def decode(content: bytes, called: str = MANIFEST) -> str:
    """The text; raise ``InvalidRequest`` for bytes that are none."""
    try:
        return content.decode(_encoding(content)).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"{called} is no text in UTF-8, UTF-16 or Windows-1252; {SAVE_AS}."
        ) from error


def _read_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise InvalidRequest(
            f"There is no manifest {file}; give the path of a CSV file."
        ) from error
    except OSError as error:
        raise InvalidRequest(
            f"The table {file} cannot be read ({error.strerror}); give the path of a CSV file."
        ) from error
    if len(content) > MOST_BYTES:
        raise InvalidRequest(
            f"The table {file} is larger than {MOST_BYTES // 2**20} MB; split it, or give the "
            "path of a CSV file."
        )
    return content


def _encoding(content: bytes) -> str:
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return encoding
    # Names of columns are ASCII, of which UTF-16 makes every other byte NUL.
    if content[1:4:2] == b"\0\0":
        return "utf-16-le"
    if content[0:3:2] == b"\0\0":
        return "utf-16-be"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _read_csv(text: str, names: Collection[str], called: str) -> Iterator[Cells]:
    declared = SEPARATOR_LINE.match(text)
    body = text[declared.end() :] if declared else text
    separator = declared[1] if declared else _separator(body, names)
    reader = csv.reader(
        io.StringIO(body, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    begins = 1 + bool(declared)
    try:
        for row in reader:
            yield [cell.strip() for cell in row]
            begins = reader.line_num + 1 + bool(declared)
    except csv.Error as error:
        raise InvalidRequest(
            f"{called} cannot be read from line {begins} on: a quotation mark is not closed or "
            f"stands inside a cell, or a cell is longer than {csv.field_size_limit():,} characters."
        ) from error


def _separator(text: str, names: Collection[str]) -> str:
    """Of those in the first line the one that finds most names, the comma if none does."""
    lines = io.StringIO(text, newline="")
    first = next((line for line in lines if re.search(r"\w", line)), "")

    def found(separator: str) -> int:
        cells = (cell.strip('" ') for cell in first.split(separator))
        return len({plain_name(cell) for cell in cells} & set(names))

    return max(SEPARATORS, key=found)


def _read_workbook(content: bytes, called: str) -> list[Cells]:
    """The first sheet, read by a process of its own; see ``workbook.py``."""
    if find_spec("python_calamine") is None:
        raise InvalidRequest(
            f"{called} is a workbook; {SAVE_AS}, or have workbooks read by installing "
            "sketchnorm with its extra xlsx."
        )
    try:
        read = subprocess.run(  # noqa: S603 (our own words)
            [sys.executable, "-P", workbook.__file__],
            input=content, capture_output=True, check=False, timeout=MOST_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise InvalidRequest(f"{called} {UNREADABLE}") from error
    if read.returncode == workbook.PROTECTED:
        raise InvalidRequest(f"{called} is protected by a password; remove it, or {SAVE_AS}.")
    if read.returncode != 0:
        raise InvalidRequest(f"{called} {UNREADABLE}")
    cells: list[Cells] = json.loads(read.stdout)
    return cells
