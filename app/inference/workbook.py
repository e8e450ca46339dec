"""The first sheet of a workbook as JSON: a program for a process of its own.

Its library ends the process on some files: two cells at opposite corners of a sheet make it ask for
half a terabyte. So memory is limited here, and nothing of ours is imported.
"""

import io
import json
import resource
import sys
from contextlib import suppress
from typing import Final

MOST_MEMORY: Final = 2 * 2**30  # a million rows of four cells take half of it
PROTECTED: Final = 3  # the exit status if there is a password


def main() -> None:
    """Standard input to standard output; any exit status but 0 and ``PROTECTED`` is a failure."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, MOST_MEMORY)
    import python_calamine as calamine

    try:
        with calamine.load_workbook(io.BytesIO(sys.stdin.buffer.read())) as book:
            rows = book.get_sheet_by_index(0).to_python()
    except calamine.PasswordError:
        sys.exit(PROTECTED)
    json.dump([[_text(cell) for cell in row] for row in rows], sys.stdout)


def _limit(kind: int, most: int) -> None:
    with suppress(ValueError, OSError):  # some systems have no such limit, or a lower one
        resource.setrlimit(kind, (most, most))


def _text(cell: object) -> str:
    """A cell as it would be typed: 5.0 is 5, a date one that the reader of ages knows as such."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


if __name__ == "__main__":
    main()
