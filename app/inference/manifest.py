"""Many drawings listed in a table, as researchers hand them in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.errors import InvalidRequest, MissingDrawing
from app.imaging.intake import MAX_BYTES
from app.inference.analysis import read_age
from app.inference.spreadsheet import MANIFEST, read_cells

COLUMNS: Final = ("file", "age_years")
OPTIONAL: Final = ("category", "child", "session_id", "sitting")


@dataclass(frozen=True)
class Row:
    """One line of a manifest; ``file`` is relative to the manifest's folder.

    ``child`` and ``sitting`` are any names that tell one from another. ``cells`` are all of its
    cells, by the names of their columns. ``broken`` says why they cannot be trusted, if so.
    """

    number: int
    file: str
    age_years: str
    category: str | None
    child: str | None = None
    sitting: str | None = None
    broken: str | None = None
    cells: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def age(self) -> float:
        """Raise ``InvalidAge`` unless it is an age; the analyzer knows its bounds.

        Raise ``InvalidRequest`` if the row is broken.
        """
        if self.broken is not None:
            raise InvalidRequest(self.broken)
        return read_age(self.age_years)

    def content(self, folder: Path) -> bytes:
        """Raise ``MissingDrawing`` if the file cannot be read."""
        if not self.file:
            raise MissingDrawing("The row names no file.")
        return read_picture(folder / self.file, self.file)


@dataclass(frozen=True)
class LeftOut:
    """A drawing that took no part in something, and why; ``failed``: it could not be analysed."""

    file: str
    why: str
    failed: bool = False


def read_picture(path: Path, name: str) -> bytes:
    """No more than tells that a file is too large; raise ``MissingDrawing`` if it cannot be read.

    ``name`` is what the person who asks calls it; it may hold any characters at all.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MissingDrawing(f"{printable(name)} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise MissingDrawing(
            f"{printable(name)} cannot be read: no file can have this name."
        ) from error


def printable(name: str) -> str:
    """The name, with control characters spelled out: a terminal would obey them."""
    return name if name.isprintable() else repr(name)


def read_manifest(manifest: Path, *also: str, called: str = MANIFEST) -> list[Row]:
    """Read the rows; raise ``InvalidRequest`` if there are none, or a column is not there.

    The columns of ``also`` are needed, too. ``called`` is what a refusal's sentence begins with.
    """
    header, *rows = read_cells(manifest, (*COLUMNS, *OPTIONAL, *also), called)
    _check_columns(called, header, (*COLUMNS, *also))
    if not rows:
        raise InvalidRequest(f"{called} has no rows below its header; add a line a drawing.")
    return [_row(number, header, cells) for number, cells in enumerate(rows)]


def _check_columns(called: str, header: list[str], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        more = "" if "category" in needed else " and may have category"
        raise InvalidRequest(
            f"{called} lacks the column {' and '.join(missing)}; it needs "
            f"{', '.join(needed)}{more}."
        )
    twice = [name for name in (*COLUMNS, *OPTIONAL) if header.count(name) > 1]
    if twice:
        raise InvalidRequest(f"{called} has the column {twice[0]} more than once; leave one.")


def _row(number: int, header: list[str], cells: list[str]) -> Row:
    named = dict(zip(header, cells, strict=False))  # what is missing at the end is empty
    return Row(
        number,
        named.get("file", ""),
        named.get("age_years", ""),
        named.get("category") or None,
        named.get("child") or named.get("session_id") or None,
        named.get("sitting") or None,
        _why_broken(header, cells, named.get("category", "")),
        named,
    )


def _why_broken(header: list[str], cells: list[str], category: str) -> str | None:
    """An age such as 5,4 that was written without quotation marks fills two cells."""
    cure = "put an age such as 5,4 or 5;6 into quotation marks, or write 5.4 or 5y6m."
    if any(cells[len(header) :]):
        return f"The row has {len(cells)} cells and the header {len(header)}; {cure}"
    if category.isdecimal():
        return f"The category is the number {category}; {cure}"
    return None
