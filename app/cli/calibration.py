"""Calibrate a bundle on one's own drawings."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track

from app.cli.console import err, out

if TYPE_CHECKING:
    from app.actions.analyze_manifest import Row
    from app.actions.calibrate import CalibrationReport

commands = typer.Typer()


@commands.command()
def calibrate(
    bundle: Annotated[Path, typer.Option(help="The bundle's folder; it is left as it is.")],
    manifest: Annotated[
        Path,
        typer.Option(
            help="A CSV of file, age_years and, if known, category and child (or session_id)."
        ),
    ],
    name: Annotated[str, typer.Option(help="Whose drawings they are, such as kindergarten.")],
    calibrated: Annotated[Path, typer.Option("--out", help="A new folder for the result.")],
) -> None:
    """Calibrate a bundle on drawings of at least 60 children of your own; nothing is trained."""
    from app.actions.calibrate import calibrate as calibrate_bundle

    today = datetime.now(UTC).date()
    _print(calibrate_bundle(bundle, manifest, name, calibrated, today, _progress), calibrated)


def _progress(rows: "Sequence[Row]") -> "Iterable[Row]":
    return track(rows, "Drawings", console=err)


def _print(report: "CalibrationReport", folder: Path) -> None:
    for row in report.left_out:
        err.print(f"{row.file} was left out: {row.why}", highlight=False)
    if report.anonymous:
        err.print(
            f"{report.anonymous} drawings name no child and count as a child each; if some are by "
            "the same child, p-values look surer than they are.",
            highlight=False,
        )
    out.print(
        f"Bundle {report.version}, calibrated on {report.drawings} drawings of {report.children} "
        f"children, is in {folder}.",
        highlight=False,
    )
    if not report.compares_categories:
        out.print(
            f"Categories will not count: only {report.named_children} children have drawings with "
            "a category that has norms.",
            highlight=False,
        )
