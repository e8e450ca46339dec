"""One drawing in, one answer out; keeps nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from app.errors import Busy
from app.imaging import intake
from app.imaging.paper import find_drawing
from app.inference.analysis import Analysis, Analyzer, BundleReference, check_age
from app.inference.bundle import Bundle
from app.inference.features import Inked, measure, saliency_map
from app.scoring.assess import assess
from app.scoring.assessment import LEVEL, Assessment, Verdict
from app.wording import SheetNotes, sentences

MOST_WAITING = 8


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

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        """See ``Analyzer``."""
        started = time.perf_counter()
        check_age(age_years)
        picture = intake.read(content)
        sheet = find_drawing(picture)
        inked = measure(self._bundle.trunk, sheet)
        drawing = inked.drawing if inked else None
        assessment = assess(self._bundle.norms, drawing, age_years, category, level)
        noticed = SheetNotes(sheet.notes, sheet.several, sheet.dark, intake.reduction_of(picture))
        mapped = _map(inked, picture, assessment)
        kept, kept_type = intake.encode(picture, content)
        return Analysis(
            assessment,
            sentences(assessment, noticed),
            self.reference,
            round((time.perf_counter() - started) * 1000, 1),
            kept,
            kept_type,
            mapped,
            noticed,
        )


@dataclass(frozen=True)
class OneAtATime:
    """Lets one analysis run at a time.

    A quarter of a CPU makes two at once slower than one after the other, and each needs its own
    hundred megabytes. Few may wait: a waiting request holds a thread of the pool that every page
    needs.
    """

    analyzer: Analyzer
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    places: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(MOST_WAITING + 1), repr=False
    )

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        """Wait for the turn; raise ``Busy`` if too many wait already."""
        with self._place(), self.turn:
            return self.analyzer.analyze(content, age_years, category, level)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self.places.acquire(blocking=False):
            raise Busy("Many drawings are being analysed just now; please try again in a minute.")
        try:
            yield
        finally:
            self.places.release()


def _map(inked: Inked | None, picture: Image.Image, assessment: Assessment) -> bytes | None:
    """An 8-bit grey PNG; ``None`` if there is no drawing to make one of."""
    if inked is None or assessment.verdict is Verdict.NOT_A_DRAWING:
        return None
    seen = inked.seen
    return intake.encode_map(
        saliency_map(inked.sheet, inked.crop, seen.strokes, seen.foreign_shares, picture.size)
    )
