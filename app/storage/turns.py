"""Waiting for one's turn to write a SQLite file, more often than SQLite itself asks for it.

SQLite tries less and less often, ten times a second in the end. Beside a writer that writes on and
on it comes too late each time, and gives up with the lock free again and again; after a backup with
a rollback journal it sleeps on for up to 100 ms. Two steps of a transaction wait: its beginning,
for other writers, and with a rollback journal its commit, for readers.
"""

import random
import sqlite3
import time
from typing import Final, Literal

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app.storage.faults import primary_code

BETWEEN_TRIES = (0.0005, 0.003)  # in seconds; at random, so that two do not try in step
Step = Literal["BEGIN IMMEDIATE", "COMMIT"]
BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"


def take_turn(connection: Connection, step: Step, patience_ms: int) -> None:
    """Do ``step``, or raise once the patience is at its end.

    A COMMIT that has to wait leaves its transaction as it was (sqlite.org/lang_transaction.html).
    """
    end = time.monotonic() + patience_ms / 1000
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    while not _done(connection, step, last_try=time.monotonic() >= end):
        time.sleep(random.uniform(*BETWEEN_TRIES))  # noqa: S311 - no secret
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience_ms}")


def _done(connection: Connection, step: Step, *, last_try: bool) -> bool:
    try:
        connection.exec_driver_sql(step)
    except OperationalError as error:
        if last_try or primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
