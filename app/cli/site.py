"""Serve the site, seed its demonstration, and see to its schema and what runs in the background."""

import socket
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli.console import instant, out, say, settings
from app.errors import ConfigurationError

if TYPE_CHECKING:
    from fastapi import FastAPI

commands = typer.Typer()


@commands.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    reload: Annotated[bool, typer.Option(help="Start again when the code changes.")] = False,
) -> None:
    """Serve the site and the API; a local database is migrated and seeded by itself."""
    import uvicorn

    from app.main import open_app

    used = settings()  # a wrong setting is one sentence, before anything else is said
    with _listening(host, port) as listener:
        app = None if reload else open_app(used)
        out.print(f"Sketchnorm is at [bold]http://{host}:{port}[/bold] (Ctrl+C stops it)")
        if app is not None:
            config = uvicorn.Config(
                app, log_level="warning", server_header=False, proxy_headers=False
            )
            uvicorn.Server(config).run(sockets=[listener])
    if reload:
        uvicorn.run(
            "app.cli.site:reloaded_app", factory=True, host=host, port=port, reload=True,
            reload_dirs=["app"], log_level="warning", server_header=False, proxy_headers=False,
        )  # fmt: skip


def _listening(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sends without delay only on sockets that name it.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Nothing can listen at {host}, port {port}: {error.strerror}. Stop what uses it, or "
            "choose another port with --port."
        ) from error
    return listener


def reloaded_app() -> "FastAPI":
    """Made anew by uvicorn in each process that it starts."""
    from app.main import open_app

    return open_app(settings())


@commands.command()
def seed(
    as_of: Annotated[
        int | None,
        typer.Option(help="Seconds since 1970: a new database is then the same file each time."),
    ] = None,
) -> None:
    """Put the demonstration's drawings through the bundle in use, unless that was done before."""
    from app.bootstrap import bootstrap
    from app.bootstrap import seed as seed_demonstration

    services = bootstrap(settings())
    with closing(services.stores):
        at = None if as_of is None else datetime.fromtimestamp(as_of, UTC)
        count = seed_demonstration(services, at)
    out.print(f"{count} drawings of the demonstration were analysed anew.")


@commands.command()
def migrate(
    to: Annotated[
        str | None, typer.Option(help="Go back to this earlier revision instead, such as 0001.")
    ] = None,
    without_backup: Annotated[
        bool, typer.Option(help="Make no backup of the database first; you have made one.")
    ] = False,
    serving: Annotated[
        str | None,
        typer.Option(help="The newest revision that the serving release knows; refuse to lose it."),
    ] = None,
    head: Annotated[
        bool, typer.Option(help="Print the newest revision that this release knows, and end.")
    ] = False,
) -> None:
    """Bring the database to this release's schema; a backup of it is made first."""
    from app.actions import migrate as action
    from app.storage.schema import REVISIONS
    from app.stores import open_blobs, open_database

    if head:
        say(REVISIONS[-1])
        return
    if serving is not None:
        action.check_serving(serving)
    used = settings()
    with closing(open_database(used)) as database:
        save = action.no_backup if without_backup else action.backup_of(database, open_blobs(used))
        if to is None:
            done = action.migrate(database, save)
        else:
            done = action.take_back(database, to, save)
    if done.saved is not None:
        say(f"The database as it was is in the backup {done.saved}.")
    if done.before == done.after and done.after not in REVISIONS:
        say(
            f"The database has the schema {done.after}, one step ahead of this release, which "
            "serves with it; nothing was changed."
        )
    elif done.before == done.after:
        say(f"The database has the schema of this release, {done.after}, already.")
    else:
        say(f"The database went from schema {done.before or 'none'} to {done.after}.")


@commands.command()
def retention(
    however_many: Annotated[
        bool, typer.Option(help="Also where most files are referred to by no row.")
    ] = False,
) -> None:
    """Remove now what is older than RETENTION_DAYS; the app does so by itself every six hours."""
    from app.background.work import retain_now
    from app.stores import Stores

    used = settings()
    with closing(Stores.open(used)) as stores:
        removed = retain_now(stores, used, however_many=however_many)
    for name, count in removed.as_json().items():
        say(f"{name.replace('_', ' '):<17} {count:>6}")


@commands.command()
def jobs() -> None:
    """List the jobs that wait, run or were given up."""
    from app.storage.jobs import list_open
    from app.stores import Stores

    with closing(Stores.open(settings())) as stores:
        listed = list_open(stores.database)
    if not listed:
        say("No job waits, runs or was given up.")
        return
    table = Table("kind", "not before", "leased until", "attempts", "last error")
    for job in listed:
        table.add_row(
            job.kind,
            "given up" if job.finished_at else instant(job.run_after),
            instant(job.leased_until),
            str(job.attempts),
            job.last_error or "",
        )
    out.print(table)
