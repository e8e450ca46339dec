"""One drawing in, one answer out; keeps nothing."""

from dataclasses import dataclass
from typing import Any, Protocol

from app.scoring.assessment import Assessment


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
