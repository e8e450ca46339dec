"""What the admin sets while the site runs; kept in the database, so that every process has it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from app.errors import InvalidRequest, StorageUnavailable
from app.scoring.assessment import LEVEL, LITTLE
from app.storage.database import Database
from app.storage.tables import Configuration, now

LOWEST: Final = 0.001
HIGHEST: Final = 1 / LITTLE  # above it no drawing would be usual


@dataclass
class CurrentLevel:
    """The p-value up to which drawings are flagged: ``LEVEL`` until the admin sets another.

    It is read anew for each analysis: one row by its key. ``known`` is how it was read last, for
    drawings that are compared and not kept while the database is away.
    """

    database: Database
    known: float = LEVEL

    def read(self) -> float:
        """The level in force now; the last known one if the database cannot be read."""
        with suppress(StorageUnavailable), self.database.impatient.reading() as tx:
            row = tx.get(Configuration, 1)
            self.known = LEVEL if row is None else row.level
        return self.known

    def change(self, level: float) -> None:
        """For each analysis from now on; answers that were given keep the level they have.

        Raise ``InvalidRequest`` for a level out of bounds.
        """
        if not LOWEST <= level <= HIGHEST:
            raise InvalidRequest(
                f"The share of ordinary drawings to flag is from {100 * LOWEST:g} to "
                f"{100 * HIGHEST:g} per cent; give such a number."
            )
        with self.database.writing() as tx:
            tx.merge(Configuration(id=1, level=level, changed_at=now()))
