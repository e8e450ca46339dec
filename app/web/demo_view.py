"""The drawings of the demonstration, arranged for the page and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from app.actions.show import ShownSample, show_demo
from app.storage.database import Database
from app.web.result_view import ResultView

NO_MAP: Final = "No map could be made for this drawing."


@dataclass(frozen=True)
class DemoSample:
    """One drawing of the demonstration with its answer; paths lead to where the site is reached.

    ``anomaly_score`` is the percentile from 0 to 100, ``None`` if the drawing got none.
    ``interpretability_data`` holds the map's path, whether what it shows is a finding, and the
    terms that stand out.
    """

    id: str
    title: str
    description: str
    age_group: str
    age_years: float
    category: str | None
    anomaly_score: float | None
    drawing_path: str
    page_path: str
    analysis_result: Mapping[str, Any] = field(repr=False)
    interpretability_data: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, sample: ShownSample, root: str) -> Self:
        """Arrange a sample for a site that is reached under ``root``."""
        drawing, result = sample.drawing, sample.drawing.result
        page = f"{root}/drawings/{drawing.id}"
        return cls(
            id=sample.slug,
            title=sample.title,
            description=sample.description,
            age_group=result["norm"]["age_band"],
            age_years=drawing.age_years,
            category=drawing.category,
            anomaly_score=result["anomaly_score"],
            drawing_path=f"{page}/picture",
            page_path=page,
            analysis_result=result,
            interpretability_data=_interpretation(
                result, None if drawing.map_key is None else f"{page}/map.png"
            ),
        )

    @property
    def result(self) -> ResultView:
        """The answer in words."""
        return ResultView.of(dict(self.analysis_result))

    def as_json(self) -> dict[str, Any]:
        """All fields, for programs."""
        return asdict(self)


def demo_samples(database: Database, root: str) -> tuple[DemoSample, ...]:
    """All of them in their order; none if the demonstration was not seeded."""
    return tuple(DemoSample.of(sample, root) for sample in show_demo(database=database))


def one_of_each(samples: Sequence[DemoSample]) -> tuple[DemoSample, ...]:
    """The first sample for each word that an answer can have, from usual to unusual."""
    first: dict[str, DemoSample] = {}
    for sample in samples:
        first.setdefault(sample.result.word, sample)
    return tuple(sorted(first.values(), key=lambda sample: sample.anomaly_score or 0))


def _interpretation(result: Mapping[str, Any], map_path: str | None) -> dict[str, Any]:
    stands_out = list(result.get("stands_out", ()))
    return {
        "map_path": map_path,
        "map_reason": NO_MAP if map_path is None else None,
        "map_is_finding": "parts" in stands_out,
        "stands_out": stands_out,
        "sentences": list(result["sentences"]),
    }
