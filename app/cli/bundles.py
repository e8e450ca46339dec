"""Make bundles, measure how good they are, and have running apps use them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track
from rich.table import Table

from app.cli.console import err, out, say, settings, warn

if TYPE_CHECKING:
    from app.training.recipe import Recipe
if TYPE_CHECKING:
    from app.inference.manifest import Row
    from app.training.calibrate import CalibrationReport

commands = typer.Typer()

Data = Annotated[Path, typer.Option(help="A folder of sets, each with a metadata.csv.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is in the folder --out.")]
Config = Annotated[
    Path | None, typer.Option(help="The recipe, a TOML file; docs/recipe.toml explains it.")
]


@commands.command()
def train(
    data: Data,
    bundle: Annotated[Path, typer.Option("--out", help="The bundle's folder.")],
    force: Force = False,
    config: Config = None,
    version: Annotated[str | None, typer.Option(help="The bundle's version.")] = None,
    trunk: Annotated[Path | None, typer.Option(help="A trained trunk to use.")] = None,
    seed: Annotated[int | None, typer.Option(help="What every random choice follows from.")] = None,
) -> None:
    """Train a bundle from drawings with ages; options win over the recipe."""
    from app.reports.outputs import check_new_folder
    from app.training.references import thin_warnings
    from app.training.train import train as train_bundle

    check_new_folder(bundle, replace=force)
    card = train_bundle(data, bundle, trunk, _recipe(config, version, seed))
    for warning in thin_warnings(card["thin"]):
        warn(f"Thin: {warning}")
    say(f"{card['drawings']} drawings of {card['children']} children are in {bundle}.")


@commands.command()
def evaluate(
    data: Data,
    report: Annotated[Path, typer.Option("--out", help="A folder for the report.")],
    force: Force = False,
    config: Config = None,
    trunk: Annotated[Path | None, typer.Option(help="The trunk; the bundle's without it.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds to repeat over.", min=1)] = 3,
) -> None:
    """Cross-validate the recipe by child and write a report (HTML and JSON)."""
    from app.inference.bundle import TRUNK
    from app.reports.outputs import check_new_folder
    from app.training.evaluation.evaluate import evaluate as cross_validate
    from app.training.evaluation.report import write_report

    check_new_folder(report, replace=force)
    used = trunk or settings().bundle_path / TRUNK
    recipe = _recipe(config, None, None)
    write_report(report, cross_validate(data, used, recipe, tuple(range(1, seeds + 1))))
    say(f"The report is in {report / 'report.html'}.")


def _recipe(config: Path | None, version: str | None, seed: int | None) -> "Recipe":
    from app.training.recipe import Recipe

    recipe = Recipe.read(config) if config else Recipe()
    if version is not None:
        recipe = replace(recipe, version=version)
    return recipe if seed is None else replace(recipe, seed=seed)


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
    from app.reports.outputs import check_folder
    from app.training.calibrate import calibrate as calibrate_bundle

    check_folder(calibrated)  # before minutes of work; that it is empty is checked there, too
    today = datetime.now(UTC).date()
    _print(calibrate_bundle(bundle, manifest, name, calibrated, today, _progress), calibrated)


def _progress(rows: "Sequence[Row]") -> "Iterable[Row]":
    return track(rows, "Drawings", console=err)


def _print(report: "CalibrationReport", folder: Path) -> None:
    for row in report.left_out:
        warn(f"{row.file} was left out: {row.why}")
    if report.anonymous:
        warn(
            f"{report.anonymous} drawings name no child and count as a child each; if some are by "
            "the same child, p-values look surer than they are."
        )
    say(
        f"Bundle {report.version}, calibrated on {report.drawings} drawings of {report.children} "
        f"children, is in {folder}."
    )
    if not report.compares_categories:
        say(
            f"Categories will not count: only {report.named_children} children have drawings with "
            "a category that has norms."
        )


@commands.command()
def publish(bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")]) -> None:
    """Check a bundle and have running apps use it, without a restart."""
    from app.publishing.published import publish as publish_bundle
    from app.stores import open_blobs

    used = settings()
    pointer = publish_bundle(bundle, blobs=open_blobs(used))
    _say_current(pointer.version, pointer.sha256, used.bundle_poll_seconds)


@commands.command()
def rollback() -> None:
    """Have running apps use the bundle before the current one again."""
    from app.publishing.published import roll_back
    from app.stores import open_blobs

    used = settings()
    pointer = roll_back(blobs=open_blobs(used))
    _say_current(pointer.version, pointer.sha256, used.bundle_poll_seconds)


@commands.command()
def bundles() -> None:
    """List the published bundles and say which is current."""
    from app.publishing.published import list_bundles
    from app.stores import open_blobs

    listed = list_bundles(blobs=open_blobs(settings()))
    if not listed:
        say("No bundle is published; apps use the one of BUNDLE_PATH.")
        return
    table = Table("version", "sha256", "")
    for bundle in listed:
        word = "current" if bundle.current else "previous" if bundle.previous else ""
        table.add_row(bundle.version or "unreadable", bundle.sha256[:12], word)
    out.print(table)


def _say_current(version: str, sha256: str, seconds: int) -> None:
    say(
        f"Bundle {version} ({sha256[:12]}) is current; apps that run turn to it with the first "
        f"request after at most {seconds} seconds, and /healthz says so."
    )
