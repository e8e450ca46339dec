"""``sketchnorm …``: the commands of operators, developers and researchers."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.environment import Settings
from app.errors import MissingDrawing, SketchnormError

if TYPE_CHECKING:
    from app.actions.analyze import Analysis

app = typer.Typer(
    help="How unusual is a child's drawing among drawings by children of the same age?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

Seeds = Annotated[int, typer.Option(help="How many seeds to repeat over.", min=1)]


def main() -> None:
    """Run; a refusal or a wrong setting is one sentence on stderr and exit status 1."""
    try:
        app()
    except SketchnormError as error:
        err.print(f"[red]sketchnorm:[/red] {error}", highlight=False)
        sys.exit(1)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    reload: Annotated[bool, typer.Option(help="Start again when the code changes.")] = False,
) -> None:
    """Serve the site and the API; a local database is migrated and seeded by itself."""
    import uvicorn

    from app.serving import local_app, prepare

    settings = _settings()
    prepare(settings)
    out.print(f"Sketchnorm is at [bold]http://{host}:{port}[/bold] (Ctrl+C stops it)")
    if reload:
        uvicorn.run(
            "app.serving:local_app", factory=True, host=host, port=port, reload=True,
            reload_dirs=["app"], log_level="warning",
        )  # fmt: skip
    else:
        uvicorn.run(local_app(), host=host, port=port, log_level="warning")


@app.command()
def migrate() -> None:
    """Bring the database to this release's schema."""
    from app.storage import schema
    from app.storage.database import Database

    environment = _settings().environment
    database = Database.open(environment.database_url, environment.environment)
    try:
        schema.migrate(database)
    finally:
        database.close()
    out.print("The database has the schema of this release.")


@app.command()
def analyze(
    file: Annotated[Path | None, typer.Argument(help="A picture of a drawing.")] = None,
    age: Annotated[
        float | None, typer.Option(help="The child's age in years, such as 5.5.")
    ] = None,
    category: Annotated[str | None, typer.Option(help="What was drawn.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result object.")] = False,
    map_path: Annotated[Path | None, typer.Option("--map", help="Where to write the map.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="A CSV of file, age_years and, if known, category.")
    ] = None,
    result: Annotated[
        Path | None, typer.Option("--out", help="Where to write one JSON line a drawing.")
    ] = None,
    maps: Annotated[Path | None, typer.Option(help="A folder for the maps.")] = None,
) -> None:
    """Analyse one drawing, or all those of a manifest; nothing is kept."""
    if manifest is not None and result is not None and file is None:
        _analyze_manifest(manifest, result, maps)
    elif file is not None and age is not None and manifest is None:
        _analyze_one(file, age, category, as_json, map_path)
    else:
        raise typer.BadParameter("give either FILE and --age, or --manifest and --out")


@app.command()
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


@app.command()
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

    used = trunk or _settings().bundle_path / TRUNK
    write_report(report, cross_validate(data, used, 10, tuple(range(1, seeds + 1))))
    out.print(f"The report is in {report / 'report.html'}.")


def _settings() -> Settings:
    return Settings.load(os.environ, Path.cwd())


def _analyze_one(
    file: Path, age: float, category: str | None, as_json: bool, map_path: Path | None
) -> None:
    from app.actions.analyze import BundleAnalyzer

    try:
        content = file.read_bytes()
    except OSError as error:
        raise MissingDrawing(f"{file} cannot be read: {error.strerror}.") from error
    analysis = BundleAnalyzer.open(_settings().bundle_path).analyze(content, age, category)
    if map_path is not None:
        _write_map(map_path, analysis)
    if as_json:
        sys.stdout.write(json.dumps(analysis.as_json(), indent=2) + "\n")
    else:
        _print(analysis)


def _write_map(path: Path, analysis: "Analysis") -> None:
    if analysis.saliency_map is None:
        err.print("No map was made: this does not look like a drawing.")
    else:
        path.write_bytes(analysis.saliency_map)


def _print(analysis: "Analysis") -> None:
    for sentence in analysis.sentences:
        out.print(sentence, highlight=False)
    table = Table("measure", "p-value")
    for term, p_value in (analysis.assessment.terms or {}).items():
        table.add_row(term, "not measured" if p_value is None else f"{p_value:.3f}")
    if analysis.assessment.terms:
        out.print(table)


def _analyze_manifest(manifest: Path, result: Path, maps: Path | None) -> None:
    from app.actions.analyze import BundleAnalyzer
    from app.actions.analyze_manifest import analyze_rows, read_manifest

    rows = read_manifest(manifest)
    if maps is not None:
        maps.mkdir(parents=True, exist_ok=True)
    analyzer = BundleAnalyzer.open(_settings().bundle_path)
    lines = analyze_rows(analyzer, rows, manifest.parent, maps)
    with result.open("w", encoding="utf-8") as written:
        for line in track(lines, "Drawings", total=len(rows), console=err):
            written.write(line + "\n")
    out.print(f"{len(rows)} lines are in {result}.")
