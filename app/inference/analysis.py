"""What an analysis is, whoever makes it; the runtime of the model is not needed to say that."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from app.errors import InvalidAge
from app.scoring.assessment import LEVEL, Assessment
from app.wording import PLAIN, SheetNotes

YOUNGEST, OLDEST = 2, 18


@dataclass(frozen=True)
class BundleReference:
    """Which bundle made an answer."""

    version: str
    sha256: str


@dataclass(frozen=True)
class Analysis:
    """An answer with its sentences and, if one could be made, its saliency map.

    ``picture`` is the upright original without metadata, re-encoded; ``saliency_map`` is an
    8-bit grey PNG of the same size in pixels, brighter where the ink seems less to belong.
    """

    assessment: Assessment
    sentences: tuple[str, ...]
    bundle: BundleReference
    processing_ms: float
    picture: bytes
    picture_type: str
    saliency_map: bytes | None
    sheet: SheetNotes = PLAIN

    def as_json(self) -> dict[str, Any]:
        """The result object, the same in the command line, the API and exports."""
        return {
            **self.assessment.as_json(),
            "sheet": asdict(self.sheet) | {"left_out": list(self.sheet.left_out)},
            "sentences": list(self.sentences),
            "bundle": {"version": self.bundle.version, "sha256": self.bundle.sha256},
            "processing_ms": self.processing_ms,
        }


class Analyzer(Protocol):
    """Turns the bytes of a picture, an age and a category into an analysis."""

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        """Raise ``UnusableDrawing`` or ``InvalidAge`` if no answer can be given.

        ``level``: flag drawings whose p-value is at most that.
        """
        ...


class OpenedBundle(Analyzer, Protocol):
    """An analyzer that says what it was opened from and which categories its norms name."""

    @property
    def reference(self) -> BundleReference: ...

    @property
    def categories(self) -> tuple[str, ...]: ...


def check_age(age_years: float) -> float:
    """The age itself; raise ``InvalidAge`` outside 2 up to and including 18 years."""
    if not math.isfinite(age_years) or not YOUNGEST <= age_years < OLDEST + 1:
        months = f" If {age_years:g} are months, write {age_years:g} months."
        raise InvalidAge(
            f"The age must be between {YOUNGEST} and {OLDEST} years, such as 5.5."
            + (months if YOUNGEST <= age_years / 12 < OLDEST + 1 else "")
        )
    return age_years
