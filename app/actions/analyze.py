"""One drawing in, one answer out; keeps nothing."""

import time
from pathlib import Path

from PIL import Image

from app.actions.analysis import Analysis, BundleReference, check_age
from app.features import Inked, extract
from app.imaging import intake
from app.imaging.overlay import saliency_map
from app.inference.bundle import Bundle
from app.scoring.assess import DrawingFeatures, assess
from app.scoring.assessment import Assessment, Verdict
from app.scoring.attribution import foreign_shares
from app.wording import sentences


class BundleAnalyzer:
    """The analyzer of a bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.reference = BundleReference(bundle.version, bundle.sha256)
        self.categories = bundle.norms.named_categories

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
        foreign = foreign_shares(inked.seen.foreign)
        return intake.encode_map(saliency_map(inked.sheet, inked.crop, foreign, picture.size))
