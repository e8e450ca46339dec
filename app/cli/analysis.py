"""Analyse drawings."""

import json
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.progress import track
from rich.table import Table

from app.cli.console import Status, err, out, say, settings, warn
from app.errors import InvalidRequest, OutputError

if TYPE_CHECKING:
    from app.inference.analysis import Analysis
    from app.inference.manifest import Row
    from app.reports.outputs import FileId
    from app.reports.results import Line, Results

commands = typer.Typer()

Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on after an interruption: lines by the same bundle are kept."
    ),
]


@commands.command()
def analyze(
    file: Annotated[Path | None, typer.Argument(help="A picture of a drawing.")] = None,
    age: Annotated[
        str | None, typer.Option(help="The child's age, such as 5.5, 5;6 or 66m.")
    ] = None,
    category: Annotated[str | None, typer.Option(help="What was drawn.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result object.")] = False,
    map_path: Annotated[Path | None, typer.Option("--map", help="Where to write the map.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="A table of file, age_years and, if known, category.")
    ] = None,
    result: Annotated[
        Path | None, typer.Option("--out", help="Where to write one JSON line a drawing.")
    ] = None,
    maps: Annotated[Path | None, typer.Option(help="A folder for the maps.")] = None,
    force: Force = False,
    resume: Resume = False,
) -> None:
    """Analyse one drawing, or all those of a manifest; nothing is kept."""
    if manifest is not None and result is not None and file is None:
        _analyze_manifest(manifest, result, maps, force=force, resume=resume)
    elif file is not None and age is not None and manifest is None:
        _analyze_one(file, age, category, map_path, as_json=as_json, force=force)
    else:
        raise typer.BadParameter("give either FILE and --age, or --manifest and --out")


def _analyze_one(
    file: Path, age: str, category: str | None, map_path: Path | None, *, as_json: bool, force: bool
) -> None:
    from app.inference.analysis import read_age
    from app.inference.analyzer import BundleAnalyzer
    from app.inference.manifest import read_picture
    from app.reports.outputs import check_output, file_ids

    age_years = read_age(age)
    if map_path is not None:
        check_output(map_path, file_ids([file]), replace=force)
    content = read_picture(file, str(file))
    analysis = BundleAnalyzer.open(settings().bundle_path).analyze(content, age_years, category)
    if as_json:
        sys.stdout.write(json.dumps(analysis.as_json(), indent=2) + "\n")
    else:
        _print(analysis)
    if map_path is not None:
        _write_map(map_path, analysis)


def _write_map(path: Path, analysis: "Analysis") -> None:
    """After the answer, which is not lost if the map cannot be written."""
    from app.reports.outputs import write_output

    if analysis.saliency_map is None:
        warn("No map was made: this does not look like a drawing.")
        return
    try:
        write_output(path, analysis.saliency_map)
    except OutputError as error:
        warn(f"The map was not kept: {error}")
        raise typer.Exit(Status.PARTLY_FAILED) from error


def _print(analysis: "Analysis") -> None:
    for sentence in analysis.sentences:
        out.print(sentence, markup=False, emoji=False, highlight=False)  # it may name a category
    table = Table("measure", "p-value")
    for term, p_value in (analysis.assessment.terms or {}).items():
        table.add_row(term, "not measured" if p_value is None else f"{p_value:.3f}")
    if analysis.assessment.terms:
        out.print(table)


def _analyze_manifest(
    manifest: Path, result: Path, maps: Path | None, *, force: bool, resume: bool
) -> None:
    from app.actions.analyze_manifest import analyze_rows
    from app.inference.analyzer import BundleAnalyzer
    from app.inference.manifest import read_manifest
    from app.reports.outputs import file_ids, make_folder
    from app.reports.results import open_results

    _check_choice(force=force, resume=resume)
    rows = read_manifest(manifest)
    folder = manifest.parent
    inputs = file_ids([manifest, *(folder / row.file for row in rows)])
    if maps is not None:
        _check_maps(maps, rows, inputs, replace=force or resume)
        _check_apart(result, maps)
    analyzer = BundleAnalyzer.open(settings().bundle_path)
    with closing(open_results(result, "row", inputs, force=force, resume=resume)) as results:
        if maps is not None:
            _check_maps(maps, rows, inputs, replace=force or _has_made_maps(results, rows))
            make_folder(maps)
        lines = analyze_rows(analyzer, rows, folder, maps, results.earlier)
        _gather(lines, results, "row", [row.number for row in rows], result)


def _check_maps(
    maps: Path, rows: "list[Row]", inputs: "frozenset[FileId]", *, replace: bool
) -> None:
    from app.actions.resume import map_name
    from app.reports.outputs import check_output

    for row in rows:
        check_output(maps / map_name(row), inputs, replace=replace)


def _check_apart(result: Path, maps: Path) -> None:
    from app.actions.resume import is_map_name
    from app.reports.outputs import real

    if is_map_name(result.name) and real(result).parent == real(maps):
        raise InvalidRequest(f"{result} is the name of a map; name another file for the lines.")


def _has_made_maps(results: "Results", rows: "list[Row]") -> bool:
    """True if the maps that are there are those of an earlier run."""
    return any("map" in (results.earlier(row.number) or {}) for row in rows)


@commands.command()
def sitting(
    manifest: Annotated[
        Path, typer.Option(help="A table of file, age_years, sitting and, if known, category.")
    ],
    result: Annotated[Path, typer.Option("--out", help="Where to write one JSON line a sitting.")],
    force: Force = False,
    resume: Resume = False,
) -> None:
    """Say what several drawings of one child tell together; rows are grouped by sitting."""
    from app.actions.analyze_manifest import analyze_sittings, read_sittings
    from app.inference.analyzer import BundleAnalyzer
    from app.inference.bundle import Bundle
    from app.reports.outputs import file_ids
    from app.reports.results import open_results

    _check_choice(force=force, resume=resume)
    sittings = read_sittings(manifest)
    folder = manifest.parent
    files = [folder / row.file for sitting in sittings for row in sitting.rows]
    bundle = Bundle.open(settings().bundle_path)
    known = bundle.norms.sittings
    inputs = file_ids([manifest, *files])
    with closing(open_results(result, "sitting", inputs, force=force, resume=resume)) as results:
        lines = analyze_sittings(BundleAnalyzer(bundle), known, sittings, folder, results.earlier)
        _gather(lines, results, "sitting", [sitting.name for sitting in sittings], result)


def _check_choice(*, force: bool, resume: bool) -> None:
    if force and resume:
        raise InvalidRequest("Give either --force, to begin anew, or --resume, to go on.")


def _gather(
    lines: "Iterable[Line]",
    results: "Results",
    member: str,
    names: "list[int] | list[str]",
    path: Path,
) -> None:
    """Write the lines; end with a status of its own unless every one is an answer."""
    failed = Failed()
    try:
        for line in track(lines, f"{member.capitalize()}s", total=len(names), console=err):
            results.add(line[member], line)
            failed.count(line)
        results.finish(names)
    except KeyboardInterrupt:
        _end_interrupted(results, failed.of, len(names))
    tell = warn if results.unfinished is None else say  # lines alone go into a pipe
    tell(f"{_count(len(names), 'line')} written to {path}.")
    failed.end(member)


@dataclass
class Failed:
    """What failed ``of`` so many lines."""

    of: int = 0
    lines: int = 0
    drawings: int = 0
    maps: int = 0

    def count(self, line: "Line") -> None:
        """Count one line."""
        self.of += 1
        self.lines += "error" in line
        self.drawings += sum(row["failed"] for row in line.get("left_out", ()))
        self.maps += "map_error" in line

    def end(self, member: str) -> None:
        """Say what failed and end with a status that tells whether all did."""
        if self.maps:
            warn(f"{_count(self.maps, 'map')} could not be written; map_error says why.")
        if self.drawings:
            warn(f"{_count(self.drawings, 'drawing')} could not be analysed; left_out says why.")
        if self.lines:
            warn(f"{self.lines} of {_count(self.of, member)} failed; error says why, in each line.")
        if self.lines == self.of:
            raise typer.Exit(Status.ALL_FAILED)
        if self.lines or self.drawings or self.maps:
            raise typer.Exit(Status.PARTLY_FAILED)


def _end_interrupted(results: "Results", done: int, of: int) -> NoReturn:
    if results.unfinished is not None and done:
        warn(f"Interrupted: {done} of {of} lines are in {results.unfinished}; go on with --resume.")
    raise typer.Exit(Status.INTERRUPTED)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
