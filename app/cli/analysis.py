"""Analyse drawings."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track
from rich.table import Table

from app.cli.console import err, out, settings
from app.errors import MissingDrawing
from app.wording import how_many

if TYPE_CHECKING:
    from app.inference.analysis import Analysis

commands = typer.Typer()


@commands.command()
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


def _analyze_one(
    file: Path, age: float, category: str | None, as_json: bool, map_path: Path | None
) -> None:
    from app.inference.analyzer import BundleAnalyzer

    try:
        content = file.read_bytes()
    except OSError as error:
        raise MissingDrawing(f"{file} cannot be read: {error.strerror}.") from error
    analysis = BundleAnalyzer.open(settings().bundle_path).analyze(content, age, category)
    if map_path is not None:
        _write_map(map_path, analysis)
    if as_json:
        sys.stdout.write(json.dumps(analysis.as_json(), indent=2) + "\n")
    else:
        print_answer(analysis)


def _write_map(path: Path, analysis: "Analysis") -> None:
    if analysis.saliency_map is None:
        err.print("No map was made: this does not look like a drawing.")
    else:
        path.write_bytes(analysis.saliency_map)


def print_answer(analysis: "Analysis") -> None:
    """Print the sentences, then each part of the comparison with its p-value."""
    assessment = analysis.assessment
    for sentence in analysis.sentences:
        out.print(sentence, highlight=False, markup=False)
    table = Table("measure", "p-value", "at least as unusual")
    for term, p_value in (assessment.terms or {}).items():
        share = how_many(p_value, assessment.resolution, assessment.level)
        table.add_row(term, "" if p_value is None else f"{p_value:g}", share)
    if assessment.terms:
        out.print(table)


def _analyze_manifest(manifest: Path, result: Path, maps: Path | None) -> None:
    from app.actions.analyze_manifest import analyze_rows
    from app.inference.analyzer import BundleAnalyzer
    from app.inference.manifest import read_manifest

    rows = read_manifest(manifest)
    if maps is not None:
        maps.mkdir(parents=True, exist_ok=True)
    analyzer = BundleAnalyzer.open(settings().bundle_path)
    lines = analyze_rows(analyzer, rows, manifest.parent, maps)
    with result.open("w", encoding="utf-8") as written:
        for line in track(lines, "Drawings", total=len(rows), console=err):
            written.write(line + "\n")
    out.print(f"{len(rows)} lines are in {result}.")


@commands.command()
def sitting(
    manifest: Annotated[
        Path, typer.Option(help="A CSV of file, age_years, sitting and, if known, category.")
    ],
    result: Annotated[Path, typer.Option("--out", help="Where to write one JSON line a sitting.")],
) -> None:
    """Say what several drawings of one child tell together; rows are grouped by sitting."""
    from app.actions.analyze_manifest import analyze_sittings, read_sittings
    from app.inference.analyzer import BundleAnalyzer
    from app.inference.bundle import Bundle

    sittings = read_sittings(manifest)
    bundle = Bundle.open(settings().bundle_path)
    lines = analyze_sittings(
        BundleAnalyzer(bundle), bundle.norms.sittings, sittings, manifest.parent
    )
    with result.open("w", encoding="utf-8") as written:
        for line in track(lines, "Sittings", total=len(sittings), console=err):
            written.write(line + "\n")
    out.print(f"{len(sittings)} lines are in {result}.")
