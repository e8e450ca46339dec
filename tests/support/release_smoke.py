"""What a release must be able to do with a database: run as a program of its own.

``python -m tests.support.release_smoke DATABASE_URL STORE`` prints whether the release accepts the
schema, then hands in a drawing, shows it, and prints its id. It is run with the code of the release
before, too, by the file that release has, or by the first there was.
"""

import sys
from pathlib import Path

from sqlalchemy import select

from app.actions.show import show, show_demo, show_picture
from app.actions.submit import Submission, submit
from app.errors import ConfigurationError
from app.storage.blobs.store import FolderBlobStore
from app.storage.database import Database
from app.storage.schema import check_schema
from app.storage.tables import Drawing
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import a_png


def main(url: str, store: str) -> None:
    """A visit, from the check at the start to the result."""
    database = Database.open(url, "local")
    blobs = FolderBlobStore(Path(store), "local")
    try:
        check_schema(database)
        print("accepted")
    except ConfigurationError as error:
        print(f"refused: {error}")
    submission = Submission(a_png(), 6.5, "house", "a key")
    for _ in range(2):
        kept = submit(submission, analyzer=FakeAnalyzer(), database=database, blobs=blobs)
    assert show(kept, database=database).category == "house"
    assert show_picture(kept, database=database, blobs=blobs).media_type == "image/png"
    assert show_demo(database=database) == ()
    with database.reading() as tx:
        assert kept in set(tx.scalars(select(Drawing.id)))
    database.close()
    print(kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
