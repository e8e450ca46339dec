"""Bring the database's schema forward or back; see to what runs in the background."""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from app.cli.console import out, settings

commands = typer.Typer()


@commands.command()
def migrate(
    to: Annotated[
        str | None, typer.Option(help="Go back to this earlier revision instead, such as 0001.")
    ] = None,
    without_backup: Annotated[
        bool, typer.Option(help="Make no backup of the database first; you have made one.")
    ] = False,
) -> None:
    """Bring the database to this release's schema; a backup of it is made first."""
    from app.actions import migrate as action
    from app.stores import open_blobs, open_database

    used = settings()
    database = open_database(used)
    try:
        save = action.no_backup if without_backup else action.backup_of(database, open_blobs(used))
        if to is None:
            done = action.migrate(database, save)
        else:
            done = action.take_back(database, to, save)
    finally:
        database.close()
    if done.saved is not None:
        _say(f"The database as it was is in the backup {done.saved}.")
    if done.before == done.after:
        _say(f"The database has the schema of this release, {done.after}, already.")
    else:
        _say(f"The database went from schema {done.before or 'none'} to {done.after}.")


@commands.command()
def retention(
    however_many: Annotated[
        bool, typer.Option(help="Also where most files are referred to by no row.")
    ] = False,
) -> None:
    """Remove now what is older than RETENTION_DAYS; the app does so by itself every six hours."""
    from app.work import open_parts

    used = settings()
    with open_parts(used) as parts:
        removed = parts.retain(however_many=however_many)
    for name, count in removed.as_json().items():
        _say(f"{name.replace('_', ' '):<17} {count:>6}")


@commands.command()
def jobs() -> None:
    """List the jobs that wait, run or were given up."""
    from app.storage.jobs import list_open
    from app.work import open_parts

    with open_parts(settings()) as parts:
        listed = list_open(parts.database)
    if not listed:
        _say("No job waits, runs or was given up.")
        return
    table = Table("kind", "not before", "leased until", "attempts", "last error")
    for job in listed:
        table.add_row(
            job.kind,
            "given up" if job.finished_at else _instant(job.run_after),
            _instant(job.leased_until),
            str(job.attempts),
            job.last_error or "",
        )
    out.print(table)


def _say(sentence: str) -> None:
    out.print(sentence, highlight=False, soft_wrap=True)


def _instant(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
