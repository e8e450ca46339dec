"""Make bundles, and measure how good they are."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import err, out, settings

commands = typer.Typer()

Seeds = Annotated[int, typer.Option(help="How many seeds to repeat over.", min=1)]


@commands.command()
def train(
    data: Annotated[Path, typer.Option(help="A folder of sets, each with a metadata.csv.")],
    bundle: Annotated[Path, typer.Option("--out", help="The bundle's folder.")],
    version: Annotated[str, typer.Option(help="The bundle's version.")],
    trunk: Annotated[Path | None, typer.Option(help="An exported trunk to use.")] = None,
    seed: Annotated[int, typer.Option(help="What every random choice follows from.")] = 1,
) -> None:
    """Train a bundle from drawings with ages."""
    from app.training.train import TrainingConfig
    from app.training.train import train as train_bundle

    card = train_bundle(data, bundle, trunk, TrainingConfig(version=version, seed=seed))
    for year, children in card["ages_without_norm"].items():
        err.print(f"Age {year} has {children} children, too few for norms; it answers no_norm.")
    out.print(f"{card['drawings']} drawings of {card['children']} children are in {bundle}.")


@commands.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="A folder of sets, each with a metadata.csv.")],
    report: Annotated[Path, typer.Option("--out", help="A folder for the report.")],
    trunk: Annotated[Path | None, typer.Option(help="The trunk; the bundle's without it.")] = None,
    seeds: Seeds = 3,
) -> None:
    """Cross-validate the recipe by child and write a report (HTML and JSON)."""
    from app.inference.bundle import TRUNK
    from app.training.evaluate import evaluate as cross_validate
    from app.training.report import write_report

    used = trunk or settings().bundle_path / TRUNK
    write_report(report, cross_validate(data, used, 10, tuple(range(1, seeds + 1))))
    out.print(f"The report is in {report / 'report.html'}.")
