"""What a bundle answered about a few made drawings when it was written, and if it still does.

It fails for a bundle whose answers are not the ones that were calibrated: because it was made with
another way of measuring ink, or for another release. The drawings travel with their answers, so
that a change to how drawings are made is not taken for one.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from app.errors import BundleError, UnusableDrawing
from app.imaging import intake, synthetic
from app.inference.bundle import NO_TRUNK, Bundle
from app.inference.features import Trunk, extract
from app.scoring.assess import Norms, assess
from app.scoring.assessment import LEVEL

# The trunk's last digits differ between processors, and a score that passes one child's moves a
# p-value by one step of the norm, 1 / (1 + children). Percentiles are the same in percent.
STEPS = 2
AGE_TOLERANCE = 0.05  # years
DISTANCE_TOLERANCE = 0.01  # of the farthest that still matches

MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError, UnusableDrawing)


@dataclass(frozen=True)
class MadeDrawing:
    """``drawn`` is ``None`` for an empty sheet; ``category`` is what it is said to show."""

    drawn: str | None
    age_years: float
    category: str | None
    seed: int

    def as_png(self) -> bytes:
        """Draw it."""
        if self.drawn is None:
            return synthetic.as_png(Image.new("L", (300, 300), 255))
        return synthetic.as_png(synthetic.draw(self.drawn, self.age_years, self.seed))


MADE_DRAWINGS = (
    MadeDrawing("house", 5.4, "house", 3),
    MadeDrawing("fish", 7.5, "rabbit", 12),
    MadeDrawing("cat", 4.3, None, 5),
    MadeDrawing("tree", 6.8, "tree", 4),
    MadeDrawing("bear", 9.5, "bear", 6),
    MadeDrawing(None, 6.5, None, 0),
)


def record(trunk: Trunk, norms: Norms) -> dict[str, Any]:
    """Answer the made drawings; this is what ``write_bundle`` keeps."""
    return {"drawings": [_recorded(trunk, norms, made) for made in MADE_DRAWINGS]}


def check(bundle: Bundle) -> None:
    """Raise ``BundleError`` if the bundle no longer gives the answers recorded in it."""
    try:
        differences = list(_differences(bundle))
    except (*NO_TRUNK, *MALFORMED) as error:
        raise BundleError(
            f"The self-test of bundle {bundle.version} cannot be run by this release "
            f"({type(error).__name__}); train the bundle again with this release."
        ) from error
    if differences:
        raise BundleError(
            f"Bundle {bundle.version} fails its self-test: {differences[0]}; train it again with "
            "this release, or use the release that wrote it."
        )


def _recorded(trunk: Trunk, norms: Norms, made: MadeDrawing) -> dict[str, Any]:
    picture = made.as_png()
    return {
        "picture": base64.b64encode(picture).decode(),
        "age_years": made.age_years,
        "category": made.category,
        "answer": _answer(trunk, norms, picture, made.age_years, made.category),
    }


def _answer(
    trunk: Trunk, norms: Norms, picture: bytes, age_years: float, category: str | None
) -> dict[str, Any]:
    inked = extract(trunk, intake.read(picture))
    assessment = assess(norms, inked.drawing if inked else None, age_years, category, LEVEL)
    age = assessment.apparent_age
    measures = {
        "p_value": assessment.p_value,
        "anomaly_score": assessment.anomaly_score,
        "apparent_age": age and age.years,
        "domain_distance": assessment.domain.distance,
        **(assessment.terms or {}),
    }
    return {
        "verdict": assessment.verdict.value,
        "resolution": assessment.resolution,
        "measures": measures,
    }


def _differences(bundle: Bundle) -> Iterator[str]:
    """Yield the first difference of each drawing in words; a test without drawings is malformed."""
    drawings = bundle.self_test["drawings"]
    if not drawings:
        raise ValueError("a self-test must have drawings")
    for number, drawing in enumerate(drawings, 1):
        difference = _difference(bundle, drawing)
        if difference is not None:
            yield f"of drawing {number} it now says {difference}"


def _difference(bundle: Bundle, drawing: dict[str, Any]) -> str | None:
    recorded = drawing["answer"]
    now = _answer(
        bundle.trunk,
        bundle.norms,
        base64.b64decode(drawing["picture"]),
        float(drawing["age_years"]),
        drawing["category"],
    )
    if now["verdict"] != recorded["verdict"]:
        return f"{now['verdict']} instead of {recorded['verdict']}"
    for name, before in recorded["measures"].items():
        value = now["measures"].get(name)
        if not _same(value, before, _tolerance(name, recorded["resolution"])):
            return f"{name} {value} instead of {before}"
    return None


def _tolerance(name: str, resolution: float | None) -> float:
    by_name = {
        "apparent_age": AGE_TOLERANCE,
        "domain_distance": DISTANCE_TOLERANCE,
        "anomaly_score": 100 * STEPS * (resolution or 0),
    }
    return by_name.get(name, STEPS * (resolution or 0))


def _same(value: float | None, before: float | None, tolerance: float) -> bool:
    """What was not measured must still not be."""
    if value is None or before is None:
        return value is before
    return abs(value - before) <= tolerance + 1e-9
