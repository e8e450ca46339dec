"""An analyzer that needs no bundle: the same bytes always get the same made-up answer."""

import io
import threading
from dataclasses import dataclass, field

from PIL import Image, UnidentifiedImageError

from app.actions.analysis import Analysis, BundleReference
from app.errors import UnreadableDrawing
from app.scoring.assessment import (
    AgeEstimate,
    Assessment,
    CategoryGuess,
    DomainMatch,
    NormUsed,
    Verdict,
)

LEVEL = 0.05
RESOLUTION = 0.002
REFERENCE = BundleReference("test-1", "a" * 64)


@dataclass
class FakeAnalyzer:
    """Counts what it analysed; ``with_map=False`` is an analyzer that can make no map."""

    reference: BundleReference = REFERENCE
    categories: tuple[str, ...] = ("cat", "house", "person")
    with_map: bool = True
    p_value: float | None = 0.03
    verdict: Verdict = Verdict.DRAWING
    analysed: int = 0
    barrier: threading.Barrier | None = field(default=None, repr=False)

    def analyze(self, content: bytes, age_years: float, category: str | None) -> Analysis:
        """Refuse what Pillow cannot open, as the real one does."""
        picture = _open(content)
        if self.barrier is not None:
            self.barrier.wait(timeout=10)
        self.analysed += 1
        return Analysis(
            assessment=self._assess(age_years, category),
            sentences=("This drawing is rare here.", "This is a comparison, not a diagnosis."),
            bundle=self.reference,
            processing_ms=12.5,
            picture=_png(picture),
            picture_type="image/png",
            saliency_map=_png(picture.convert("L")) if self.with_map else None,
        )

    def _assess(self, age_years: float, category: str | None) -> Assessment:
        norm = NormUsed(category, f"{int(age_years)}", 1440, 120, "synthetic")
        domain = DomainMatch(matched=True, distance=0.4)
        if self.verdict is not Verdict.DRAWING or self.p_value is None:
            return Assessment(self.verdict, LEVEL, domain, norm)
        return Assessment(
            verdict=self.verdict,
            level=LEVEL,
            domain=domain,
            norm=norm,
            anomaly_score=100 * (1 - self.p_value),
            p_value=self.p_value,
            resolution=RESOLUTION,
            flagged=self.p_value <= LEVEL,
            terms={
                "typicality": self.p_value,
                "marks": 0.12,
                "age": 0.6,
                "category": None,
                "parts": 0.4,
                "orientation": 0.9,
            },
            apparent_age=AgeEstimate(6.4, 4.9, 8.1),
            categories=(CategoryGuess("house", 0.62), CategoryGuess("cat", 0.2)),
        )


def _open(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise UnreadableDrawing("This is not a picture that can be read; send a PNG.") from error


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
