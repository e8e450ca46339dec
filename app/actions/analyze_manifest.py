"""Many drawings listed in a manifest -> one line for each, or for each sitting of one child.

What cannot be analysed is a line with its error.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.actions.resume import Earlier, fingerprint, has_map, holds, map_name, no_earlier
from app.errors import InvalidRequest, OutputError, Refusal
from app.inference.analysis import Analysis, Analyzer, BundleReference, OpenedBundle
from app.inference.manifest import LeftOut, Row, read_manifest
from app.reports.outputs import write_output
from app.reports.results import Line
from app.scoring.assessment import Assessment, Reason, Verdict
from app.scoring.sitting import SittingAssessment, Sittings, assess_sitting
from app.wording import dependence, sitting_sentences

_SAME_SITTING = 0.25  # years between the ages given for one sitting


def analyze_rows(
    analyzer: OpenedBundle,
    rows: list[Row],
    folder: Path,
    maps: Path | None,
    earlier: Earlier = no_earlier,
) -> Iterator[Line]:
    """Yield a line for each row; with ``maps``, write ``maps/<row number>.png`` as well.

    ``earlier`` lines are yielded again if they still hold.
    """
    for row in rows:
        yield _analyze_row(analyzer, row, folder, maps, earlier)


def _analyze_row(
    analyzer: OpenedBundle, row: Row, folder: Path, maps: Path | None, earlier: Earlier
) -> Line:
    about: Line = {"row": row.number, "file": row.file}
    try:
        age, content = row.age(), row.content(folder)
        about["input"] = fingerprint([row], folder)
        kept = earlier(row.number)
        if holds(kept, about, analyzer.reference) and has_map(kept, maps):
            return kept
        analysis = analyzer.analyze(content, age, row.category)
    except Refusal as refusal:
        return about | {"error": str(refusal)}
    return about | analysis.as_json() | _keep_map(analysis, row, maps)


def _keep_map(analysis: Analysis, row: Row, maps: Path | None) -> Line:
    """A map that cannot be written is no reason to lose the answer."""
    if maps is None:
        return {}
    if analysis.saliency_map is None:
        return {"map": None}
    name = map_name(row)
    try:
        write_output(maps / name, analysis.saliency_map)
    except OutputError as error:
        return {"map": None, "map_error": str(error)}
    return {"map": name}


@dataclass(frozen=True)
class Sitting:
    """The rows of one child at one age."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class SittingAnalysis:
    """What is said of a sitting and of which drawings."""

    assessment: SittingAssessment
    used: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    bundle: BundleReference

    def as_json(self) -> dict[str, Any]:
        """The object of one line; ``null``: not measured, and the sentences say why."""
        sitting = self.assessment
        age = sitting.apparent_age
        return {
            "drawings": sitting.drawings,
            "p_value": sitting.p_value,
            "resolution": sitting.resolution,
            "level": sitting.level,
            "flagged": sitting.flagged,
            "method": sitting.method and sitting.method.value,
            "correlation": sitting.correlation,
            "dependence": dependence(sitting),
            "apparent_age": age and {"years": age.years, "low": age.low, "high": age.high},
            "used": list(self.used),
            "left_out": [asdict(row) for row in self.left_out],
            "sentences": list(sitting_sentences(sitting, len(self.left_out))),
            "bundle": {"version": self.bundle.version, "sha256": self.bundle.sha256},
        }


def read_sittings(manifest: Path) -> list[Sitting]:
    """Group a manifest by its column ``sitting``; raise ``InvalidRequest`` if it is empty."""
    rows = read_manifest(manifest, "sitting")
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        if row.sitting is None:
            raise InvalidRequest(
                f"Row {row.number} ({row.file}) names no sitting; give every drawing of one child "
                "the same name in the column sitting."
            )
        grouped.setdefault(row.sitting, []).append(row)
    return [Sitting(name, tuple(rows)) for name, rows in grouped.items()]


def analyze_sittings(
    analyzer: OpenedBundle,
    norms: Sittings,
    sittings: list[Sitting],
    folder: Path,
    earlier: Earlier = no_earlier,
) -> Iterator[Line]:
    """Yield a line for each sitting; one that cannot be analysed is a line with its error.

    ``earlier`` lines are yielded again if they still hold.
    """
    for sitting in sittings:
        about = {"sitting": sitting.name, "input": fingerprint(sitting.rows, folder)}
        kept = earlier(sitting.name)
        if holds(kept, about, analyzer.reference):
            yield kept
            continue
        try:
            yield about | analyze_sitting(analyzer, norms, sitting, folder).as_json()
        except Refusal as refusal:
            yield about | {"error": str(refusal)}


def analyze_sitting(
    analyzer: Analyzer, norms: Sittings, sitting: Sitting, folder: Path
) -> SittingAnalysis:
    """Analyse the drawings that can be; raise ``Refusal`` if none can or the ages differ."""
    _check_ages(sitting)
    analyses, left_out = _analyze_each(analyzer, sitting, folder)
    if not analyses:
        raise InvalidRequest(
            "None of the drawings can be read. "
            + " ".join(f"{row.file}: {row.why}" for row in left_out)
        )
    compared = {row: a for row, a in analyses.items() if a.assessment.p_value is not None}
    left_out += [
        LeftOut(row.file, _why(analysis.assessment))
        for row, analysis in analyses.items()
        if row not in compared
    ]
    return SittingAnalysis(
        assess_sitting(norms, [analysis.assessment for analysis in analyses.values()]),
        tuple(row.file for row in compared),
        tuple(left_out),
        next(iter(analyses.values())).bundle,
    )


def _check_ages(sitting: Sitting) -> None:
    ages = [row.age() for row in sitting.rows]
    if max(ages) - min(ages) > _SAME_SITTING:
        raise InvalidRequest(
            f"The drawings are of ages {min(ages):g} to {max(ages):g}; a sitting is several "
            "drawings by one child at one age."
        )


def _analyze_each(
    analyzer: Analyzer, sitting: Sitting, folder: Path
) -> tuple[dict[Row, Analysis], list[LeftOut]]:
    analyses: dict[Row, Analysis] = {}
    left_out = []
    for row in sitting.rows:
        try:
            age = row.age()
            analyses[row] = analyzer.analyze(row.content(folder), age, row.category)
        except Refusal as refusal:
            left_out.append(LeftOut(row.file, str(refusal), failed=True))
    return analyses, left_out


def _why(assessment: Assessment) -> str:
    """Why a drawing that could be read has no p-value."""
    if assessment.verdict is Verdict.NOT_A_DRAWING:
        return "It does not look like a drawing."
    if assessment.reason is Reason.UNKNOWN_DOMAIN:
        return f"It is a picture of another kind than {assessment.norm.domain}."
    return f"Too few children aged {assessment.norm.age_band} are among the references."
