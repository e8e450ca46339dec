"""What a release must be able to do with a database: run as a program of its own.

``python -m tests.support.release_smoke DATABASE_URL STORE`` prints whether the release accepts the
schema, then hands in a drawing, shows it, and prints its id. It is run with the code of the release
before, too: by the file that release has, or by this one where it has none.
"""

import importlib.util
import sys
from pathlib import Path

from sqlalchemy import select

from app.actions.show import show, show_demo, show_picture
from app.actions.submit import Submission, submit
from app.errors import ConfigurationError
from app.storage.database import Database
from app.storage.folder import FolderBlobStore
from app.storage.tables import Drawing
from tests.support.analyzers import FakeAnalyzer
from tests.support.visitors import a_drawing

if importlib.util.find_spec("app.storage.revision"):
    from app.storage.revision import check_schema
else:  # the code of revision 0001
    from app.storage.schema import check_schema  # type: ignore[attr-defined,no-redef]


def main(url: str, store: str) -> None:
    """A visit, from the check at the start to the result."""
    database = Database.open(url, "local")
    blobs = FolderBlobStore(Path(store), "local")
    try:
        check_schema(database)
        print("accepted")
    except ConfigurationError as error:
        print(f"refused: {error}")
    submission = Submission(a_drawing(), 6.5, "house", "a key")
    for _ in range(2):
        kept = submit(submission, analyzer=FakeAnalyzer(), database=database, blobs=blobs)
    assert show(kept, database=database).category == "house"
    assert show_picture(kept, database=database, blobs=blobs).media_type == "image/png"
    assert show_demo(database=database) == ()
    with database.reading() as session:
        assert kept in set(session.scalars(select(Drawing.id)))
    database.close()
    print(kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
