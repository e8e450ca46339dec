"""Make bundles, and measure how good they are."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import err, out, settings

if TYPE_CHECKING:
    from app.training.recipe import Recipe

commands = typer.Typer()

Data = Annotated[Path, typer.Option(help="A folder of sets, each with a metadata.csv.")]
Config = Annotated[
    Path | None, typer.Option(help="The recipe, a TOML file; docs/recipe.toml explains it.")
]


@commands.command()
def train(
    data: Data,
    bundle: Annotated[Path, typer.Option("--out", help="The bundle's folder.")],
    config: Config = None,
    version: Annotated[str | None, typer.Option(help="The bundle's version.")] = None,
    trunk: Annotated[Path | None, typer.Option(help="A trained trunk to use.")] = None,
    seed: Annotated[int | None, typer.Option(help="What every random choice follows from.")] = None,
) -> None:
    """Train a bundle from drawings with ages; options win over the recipe."""
    from app.training.thin_cells import thin_warnings
    from app.training.train import train as train_bundle

    card = train_bundle(data, bundle, trunk, _recipe(config, version, seed))
    for warning in thin_warnings(card["thin"]):
        err.print(f"[yellow]Thin:[/yellow] {warning}", highlight=False)
    out.print(f"{card['drawings']} drawings of {card['children']} children are in {bundle}.")


@commands.command()
def evaluate(
    data: Data,
    report: Annotated[Path, typer.Option("--out", help="A folder for the report.")],
    config: Config = None,
    trunk: Annotated[Path | None, typer.Option(help="The trunk; the bundle's without it.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds to repeat over.", min=1)] = 3,
) -> None:
    """Cross-validate the recipe by child and write a report (HTML and JSON)."""
    from app.inference.bundle import TRUNK
    from app.training.evaluation.evaluate import evaluate as cross_validate
    from app.training.evaluation.report import write_report

    used = trunk or settings().bundle_path / TRUNK
    recipe = _recipe(config, None, None)
    write_report(report, cross_validate(data, used, recipe, tuple(range(1, seeds + 1))))
    out.print(f"The report is in {report / 'report.html'}.")


def _recipe(config: Path | None, version: str | None, seed: int | None) -> "Recipe":
    from app.training.recipe import Recipe

    recipe = Recipe.read(config) if config else Recipe()
    if version is not None:
        recipe = replace(recipe, version=version)
    return recipe if seed is None else replace(recipe, seed=seed)
