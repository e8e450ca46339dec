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
    without_copy: Annotated[
        bool, typer.Option(help="Make no copy of the database first; you have made one.")
    ] = False,
) -> None:
    """Bring the database to this release's schema; a copy of it is made beside it first."""
    from app.actions import migrate as action
    from app.stores import open_database

    database = open_database(settings())
    try:
        save = action.no_copy if without_copy else action.copy_of(database)
        if to is None:
            done = action.migrate(database, save)
        else:
            done = action.take_back(database, to, save)
    finally:
        database.close()
    if done.saved is not None:
        _say(f"A copy of the database as it was is {done.saved}.")
    if done.before == done.after:
        _say(f"The database has the schema of this release, {done.after}, already.")
    else:
        _say(f"The database went from schema {done.before or 'none'} to {done.after}.")


@commands.command()
def retention() -> None:
    """Remove now what is older than RETENTION_DAYS; the app does so by itself every six hours."""
    from app.work import open_parts

    used = settings()
    with open_parts(used) as parts:
        removed = parts.retain()
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
