"""One drawing in, one answer out; keeps nothing."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from app.errors import InvalidAge
from app.features import Inked, extract
from app.imaging import intake
from app.imaging.overlay import saliency_map
from app.inference.bundle import Bundle
from app.scoring.assess import DrawingFeatures, assess
from app.scoring.assessment import Assessment, Verdict
from app.scoring.attribution import patch_distances
from app.wording import sentences

YOUNGEST, OLDEST = 2, 18


@dataclass(frozen=True)
class BundleReference:
    """Which bundle made an answer."""

    version: str
    sha256: str


@dataclass(frozen=True)
class Analysis:
    """An answer with its sentences and, where one could be made, its saliency map.

    ``picture`` is the upright original without metadata, re-encoded; ``saliency_map`` is an
    8-bit grey PNG of the same size in pixels, brighter where the ink contributes more.
    """

    assessment: Assessment
    sentences: tuple[str, ...]
    bundle: BundleReference
    processing_ms: float
    picture: bytes
    picture_type: str
    saliency_map: bytes | None

    def as_json(self) -> dict[str, Any]:
        """The result object, the same in the command line, the API and exports."""
        return {
            **self.assessment.as_json(),
            "sentences": list(self.sentences),
            "bundle": {"version": self.bundle.version, "sha256": self.bundle.sha256},
            "processing_ms": self.processing_ms,
        }


class Analyzer(Protocol):
    """Whatever turns the bytes of a picture, an age and a category into an analysis."""

    def analyze(self, content: bytes, age_years: float, category: str | None) -> Analysis:
        """Raise ``UnusableDrawing`` or ``InvalidAge`` where no answer can be given."""
        ...


class BundleAnalyzer:
    """The analyzer of a bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.reference = BundleReference(bundle.version, bundle.sha256)
        self.categories = bundle.norms.categories

    @classmethod
    def open(cls, folder: Path) -> "BundleAnalyzer":
        """Load and check the bundle in ``folder``."""
        return cls(Bundle.open(folder))

    def analyze(self, content: bytes, age_years: float, category: str | None) -> Analysis:
        """Raise ``UnusableDrawing`` or ``InvalidAge`` where no answer can be given."""
        started = time.perf_counter()
        check_age(age_years)
        picture = intake.read(content)
        inked = extract(self._bundle.trunk, picture)
        drawing = DrawingFeatures(inked.features, inked.domain_measures) if inked else None
        assessment = assess(self._bundle.norms, drawing, age_years, category)
        contributions = self._map(inked, picture, assessment)
        kept, kept_type = intake.encode(picture, content)
        return Analysis(
            assessment,
            sentences(assessment),
            self.reference,
            round((time.perf_counter() - started) * 1000, 1),
            kept,
            kept_type,
            contributions,
        )

    def _map(
        self, inked: Inked | None, picture: Image.Image, assessment: Assessment
    ) -> bytes | None:
        if inked is None or assessment.verdict is Verdict.NOT_A_DRAWING:
            return None
        distances = patch_distances(inked.patches, self._bundle.norms.usual_patches)
        return intake.encode_map(saliency_map(inked.sheet, inked.crop, distances, picture.size))


def check_age(age_years: float) -> None:
    """Raise ``InvalidAge`` outside the ages the service takes (2 up to and including 18)."""
    if not math.isfinite(age_years) or not YOUNGEST <= age_years < OLDEST + 1:
        raise InvalidAge(f"The age must be between {YOUNGEST} and {OLDEST} years, such as 5.5.")
