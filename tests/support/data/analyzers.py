"""Answers that nothing was measured for: an analyzer that needs no bundle, and assessments.

The same bytes always get the same made-up answer.
"""

import io
import threading
from dataclasses import dataclass, field, replace

from PIL import Image, UnidentifiedImageError

from app.errors import UnreadableDrawing
from app.inference.analysis import Analysis, BundleReference, check_age
from app.scoring.assessment import (
    LEVEL,
    AgeEstimate,
    Assessment,
    CategoryGuess,
    CategoryLeftOut,
    DomainMatch,
    NormUsed,
    Reason,
    Verdict,
    nearest_names,
)
from app.wording import sentences
from tests.support.data.pictures import as_bytes

RESOLUTION = 0.00826
REFERENCE = BundleReference("test-1", "a" * 64)


@dataclass
class FakeAnalyzer:
    """Counts what it analysed; ``with_map=False`` is an analyzer that can make no map.

    ``answer`` is what it says of every drawing, if anything.
    """

    reference: BundleReference = REFERENCE
    categories: tuple[str, ...] = ("cat", "house", "person")
    with_map: bool = True
    p_value: float | None = 0.03
    parts: float = 0.4
    verdict: Verdict = Verdict.DRAWING
    answer: Assessment | None = None
    analysed: int = 0
    processing_ms: float = 12.5
    barrier: threading.Barrier | None = field(default=None, repr=False)

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        """Refuse an age out of bounds and what Pillow cannot open, as the real one does."""
        check_age(age_years)
        picture = _open(content)
        if self.barrier is not None:
            self.barrier.wait(timeout=10)
        self.analysed += 1
        assessment = self.answer or self._assess(age_years, category, level)
        return Analysis(
            assessment=assessment,
            sentences=sentences(assessment),
            bundle=self.reference,
            processing_ms=self.processing_ms,
            picture=as_bytes(picture),
            picture_type="image/png",
            saliency_map=as_bytes(picture.convert("L")) if self.with_map else None,
        )

    def _assess(self, age_years: float, category: str | None, level: float) -> Assessment:
        norm = self._norm(age_years, category)
        domain = DomainMatch(matched=True, distance=0.4)
        if self.verdict is not Verdict.DRAWING or self.p_value is None:
            return Assessment(self.verdict, level, domain, norm)
        return Assessment(
            verdict=self.verdict,
            level=level,
            domain=domain,
            norm=norm,
            anomaly_score=100 * (1 - self.p_value),
            p_value=self.p_value,
            resolution=RESOLUTION,
            flagged=self.p_value <= level,
            terms={
                "typicality": self.p_value,
                "marks": 0.12,
                "age": 0.6,
                "category": None,
                "parts": self.parts,
                "orientation": 0.9,
            },
            apparent_age=AgeEstimate(6.4, 4.9, 8.1),
            categories=(CategoryGuess("house", 0.62), CategoryGuess("cat", 0.2)),
        )

    def _norm(self, age_years: float, category: str | None) -> NormUsed:
        norm = NormUsed(category, f"{int(age_years)}", 1440, 120, "synthetic", ages=(4, 8))
        if category is None or category in self.categories:
            return norm
        nearest = nearest_names(category, self.categories)
        return replace(norm, category=None, left_out=CategoryLeftOut(category, False, nearest))


def compared(
    p_value: float, category: str | None = "house", years: float = 6.0, half: float = 2.0
) -> Assessment:
    """A drawing that got a p-value."""
    return Assessment(
        Verdict.DRAWING,
        LEVEL,
        DomainMatch(True, 0.4),
        NormUsed(category, "6", 400, 240, "line drawings", ages=(4, 8)),
        100 * (1 - p_value),
        p_value,
        0.004,
        p_value <= LEVEL,
        apparent_age=AgeEstimate(years, years - half, years + half),
    )


def withheld(reason: Reason) -> Assessment:
    """A drawing that got none."""
    matched = reason is not Reason.UNCLEAR_STROKES
    return Assessment(
        Verdict.NO_NORM,
        LEVEL,
        DomainMatch(matched, 0.4 if matched else 3.0),
        NormUsed(None, "6", 400, 240, "line drawings"),
        reason=reason,
    )


def _open(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise UnreadableDrawing("This is not a picture that can be read; send a PNG.") from error
