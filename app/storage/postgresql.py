"""What PostgreSQL needs to be told so that it keeps the promises that SQLite keeps.

Transactions that write take turns here, too: each first takes one lock of the database, which it
holds until its end. Our writers read rows and write what follows from them (a counter, a lease, a
key that was not there). At ``READ COMMITTED`` alone two at once would lose an update. At
``SERIALIZABLE`` PostgreSQL would end one of them with an error, for which the caller would have to
repeat the whole block: a ``with`` block cannot be repeated. Behind the lock ``READ COMMITTED`` is
serial, as each statement sees all that was committed before it. Readers never wait for it.
"""

from contextlib import closing
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import ConfigurationError
from app.storage.sqlite import BEGIN_OPTION, IMMEDIATELY, PATIENCE_OPTION

DRIVER: Final = "psycopg"
PATIENCE_MS: Final = 5_000  # how long a writer waits for its turn, and anyone for a table
WRITERS_LOCK: Final = 0x736B65746368  # "sketch": advisory locks are numbers, each database's own
# In seconds; libpq by itself waits for a server that does not answer until the system gives up.
CONNECT: Final = {"connect_timeout": 5, "tcp_user_timeout": 15_000, "keepalives_idle": 30}
# The first takes back what a role or a server may have set: that a commit is answered before it is
# on the disk. The others let go of what a machine that died, or a process that froze, still holds.
FOR_EACH_SESSION: Final = f"""
SELECT set_config('synchronous_commit', 'on', false)
         WHERE current_setting('synchronous_commit') = 'off';
SET lock_timeout = {PATIENCE_MS};
SET idle_in_transaction_session_timeout = '60s';
SET tcp_keepalives_idle = 30;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 6;
"""
READING: Final = "REPEATABLE READ"  # one view for the whole transaction
WRITING: Final[dict[str, Any]] = {BEGIN_OPTION: IMMEDIATELY, "isolation_level": "READ COMMITTED"}


def make_engine(url: URL, *, read_only: bool = False) -> Engine:
    """An engine for the server at ``url``, which is not connected to yet."""
    _check_driver(url)
    arguments = {name: value for name, value in CONNECT.items() if name not in url.query}
    engine = create_engine(url, pool_pre_ping=True, isolation_level=READING, connect_args=arguments)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine.execution_options(postgresql_readonly=True) if read_only else engine


def _check_driver(url: URL) -> None:
    """Only this one tells errors by the codes that ``faults`` knows."""
    if url.get_driver_name() != DRIVER:
        raise ConfigurationError(
            f"The driver in {url.drivername} is not known here; "
            f"begin DATABASE_URL with postgresql+{DRIVER}://."
        )


def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(FOR_EACH_SESSION)
    connection.commit()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if (patience_ms := options.get(PATIENCE_OPTION)) is not None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(patience_ms)}")
    if options.get(BEGIN_OPTION) == IMMEDIATELY:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
