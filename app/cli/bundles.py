"""Publish bundles to the running apps, and take them back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.cli.console import out, settings

commands = typer.Typer()


@commands.command()
def publish(bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")]) -> None:
    """Check a bundle and have running apps use it, without a restart."""
    from app.actions.publish import publish as publish_bundle
    from app.stores import open_blobs

    used = settings()
    pointer = publish_bundle(bundle, blobs=open_blobs(used))
    _say_current(pointer.version, pointer.sha256, used.bundle_poll_seconds)


@commands.command()
def rollback() -> None:
    """Have running apps use the bundle before the current one again."""
    from app.actions.roll_back import roll_back
    from app.stores import open_blobs

    used = settings()
    pointer = roll_back(blobs=open_blobs(used))
    _say_current(pointer.version, pointer.sha256, used.bundle_poll_seconds)


@commands.command()
def bundles() -> None:
    """List the published bundles and say which is current."""
    from app.actions.list_bundles import list_bundles
    from app.stores import open_blobs

    listed = list_bundles(blobs=open_blobs(settings()))
    if not listed:
        out.print("No bundle is published; apps use the one of BUNDLE_PATH.")
        return
    table = Table("version", "sha256", "")
    for bundle in listed:
        word = "current" if bundle.current else "previous" if bundle.previous else ""
        table.add_row(bundle.version or "unreadable", bundle.sha256[:12], word)
    out.print(table)


def _say_current(version: str, sha256: str, seconds: int) -> None:
    out.print(
        f"Bundle {version} ({sha256[:12]}) is current; apps that run turn to it with the first "
        f"request after at most {seconds} seconds, and /healthz says so.",
        highlight=False,
    )
