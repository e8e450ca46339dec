"""Who looks after a database and a store, without a server."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from app.backups.back_up import BackupMade, back_up
from app.backups.catalogue import BackupBlob, BackupName
from app.backups.restore import Restored, restore
from app.storage.blobs.store import FolderBlobStore
from tests.support.stores.databases import a_row, open_database


@dataclass(frozen=True)
class Operator:
    """Looks after the site in ``folder``."""

    folder: Path
    environment: str = "local"

    @classmethod
    def with_a_site(cls, folder: Path, environment: str = "local") -> Self:
        """The operator of a new site, with a migrated database and an empty store."""
        folder.mkdir()
        with open_database(folder, environment):
            pass
        return cls(folder, environment)

    @property
    def database(self) -> Path:
        """The file of the site's database."""
        return self.folder / "sketchnorm.sqlite3"

    @property
    def blobs(self) -> FolderBlobStore:
        """The site's store."""
        return FolderBlobStore(self.folder / "blobs", self.environment)

    def keeps(self, category: str) -> None:
        """Have the database change."""
        with open_database(self.folder, self.environment) as database, database.writing() as tx:
            tx.add(a_row(category=category))

    def finds(self, file: Path | None = None) -> list[str]:
        """The categories of what was kept, in the database or in another file."""
        with closing(sqlite3.connect(file or self.database)) as connection:
            return [row[0] for row in connection.execute("SELECT category FROM drawings")]

    def backs_up(self, *, anew: bool = False) -> BackupMade:
        """As the command does."""
        return back_up(
            file=self.database, environment=self.environment, blobs=self.blobs, anew=anew
        )

    def restores(self, at: datetime | None = None, to: Path | None = None) -> Restored:
        """As the command does."""
        return restore(
            to=to or self.database, environment=self.environment, blobs=self.blobs, at=at
        )

    def file(self, name: BackupName, part: BackupBlob) -> Path:
        """Where that part of a backup lies on the disk."""
        return self.folder / "blobs" / name.key(part)
