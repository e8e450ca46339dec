"""Back up the database and restore it."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli.console import instant, out, say, settings
from app.environment import Settings

if TYPE_CHECKING:
    from app.access.secrets import SecretSource
    from app.actions.take_inventory import Inventory

commands = typer.Typer()


@commands.command()
def backup(
    anew: Annotated[
        bool, typer.Option(help="Make a copy even where the database is unchanged.")
    ] = False,
) -> None:
    """Copy the database into the store, once the copy is proven; the app may go on meanwhile."""
    from app.backups.back_up import back_up
    from app.stores import database_file, open_blobs

    used = settings()
    made = back_up(
        file=database_file(used),
        environment=used.environment.environment,
        blobs=open_blobs(used),
        anew=anew,
    )
    if made.copied:
        say(f"The backup {made.name} is in the store ({made.manifest.plain.size:,} bytes).")
    else:
        say(f"The database is as in the backup {made.name}; that is noted in the store.")


@commands.command()
def backups() -> None:
    """List the backups, oldest first."""
    from app.backups.catalogue import list_backups
    from app.stores import open_blobs

    listed = list_backups(open_blobs(settings()))
    if not listed:
        say("There is no backup yet; sketchnorm backup makes one.")
        return
    table = Table("made at", "digest", "still the same at")
    for one in listed:
        table.add_row(_exactly(one.name.made_at), one.name.digest, _exactly(one.unchanged_at))
    out.print(table)


@commands.command()
def restore(
    at: Annotated[
        str | None,
        typer.Option(help="Restore the newest backup not after this, such as 2026-11-23T06:00Z."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The file to restore to; the app's database without it.")
    ] = None,
    keep_epoch: Annotated[
        bool, typer.Option(help="Go on where the admin's secret cannot be changed just now.")
    ] = False,
) -> None:
    """Put a backup in the place of the database, which is kept; stop the app first."""
    from app.backups.restore import restore as restore_backup
    from app.stores import database_file, open_blobs

    used = settings()
    database = database_file(used)
    target = to or database
    in_place = target.resolve() == database.resolve()
    restored = restore_backup(
        to=target,
        environment=used.environment.environment,
        blobs=open_blobs(used),
        at=None if at is None else _read_instant(at),
        secret=_secret(used) if in_place and not keep_epoch else None,
    )
    say(f"The backup {restored.name} is restored to {restored.file}.")
    if restored.forgotten:
        say(f"Left out were {restored.forgotten} drawings that their visitors have deleted.")
    if restored.replaced is not None:
        say(f"What was there before is {restored.replaced}.")


@commands.command()
def inventory(
    grace: Annotated[
        float, typer.Option(help="Seconds between two looks; 0 where the app is stopped.", min=0)
    ] = 20,
    forget_missing: Annotated[
        bool,
        typer.Option(help="Remove the drawings whose files are missing, as after a restore."),
    ] = False,
    however_many: Annotated[
        bool, typer.Option(help="With --forget-missing: also where most files are missing.")
    ] = False,
) -> None:
    """List the blobs that no row refers to, and those that rows refer to and are missing."""
    from app.actions.take_inventory import take_inventory
    from app.stores import Stores

    used = settings()
    with closing(Stores.open_read_only(used)) as stores:
        found = take_inventory(database=stores.database, blobs=stores.blobs, grace=grace)
    for key in found.unreferred:
        say(f"unreferred  {key}")
    for key in found.missing:
        say(f"missing     {key}")
    say(
        f"Rows refer to {found.referred} blobs, {len(found.missing)} of them are missing; "
        f"{len(found.unreferred)} in the store are referred to by no row."
    )
    if found.missing and forget_missing:
        forgotten = _forget(found, used, however_many=however_many)
        say(f"{forgotten} drawings whose files are missing were removed.")
    elif not found.complete:
        raise typer.Exit(1)


def _forget(found: "Inventory", used: Settings, *, however_many: bool) -> int:
    from app.actions.take_inventory import forget_missing
    from app.storage.tables import now
    from app.stores import open_database

    with closing(open_database(used)) as database:
        return forget_missing(found, database=database, now=now(), however_many=however_many)


def _secret(used: Settings) -> "SecretSource":
    from app.bootstrap import open_secret

    return open_secret(used)


def _exactly(moment: datetime | None) -> str:
    """As precisely as backups are named."""
    return instant(moment, "%Y-%m-%dT%H:%M:%S.%fZ")


def _read_instant(text: str) -> datetime:
    """A time without a zone is taken as UTC, in which backups are named."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("write --at like 2026-11-23T06:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
