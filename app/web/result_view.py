"""A result, arranged for the page; its numbers become words in ``wording``.

Made from the stored JSON and not from ``Assessment``: a page shows what was answered then, also
when the bundle, or this program, has changed since. What an earlier release did not store is not
known.
"""

from dataclasses import dataclass
from typing import Any, Self

from app.scoring.assessment import LITTLE, AgeEstimate
from app.wording import age_range, age_sentence, how_many, how_often, result_word

MOST_CATEGORIES = 5

TERMS = {
    "typicality": (
        "Overall look",
        "how far its look lies from what is usual at this age",
    ),
    "marks": ("Strokes and layout", "how many strokes there are, where they lie and how they run"),
    "age": ("Age", "how well the age that the drawing looks like fits the age that was given"),
    "category": ("What is drawn", "how well the drawing fits what it is said to show"),
    "parts": ("Parts", "whether something seems to be missing, or added later"),
    "orientation": ("Which way up", "whether the drawing seems to be turned"),
}


@dataclass(frozen=True)
class TermView:
    """One part of the comparison; ``share`` says in words how many are at least as unusual."""

    label: str
    meaning: str
    share: str
    stands_out: bool


@dataclass(frozen=True)
class ScaleView:
    """Where the drawing stands among the zones of the three words; positions from 0 to 100.

    Taken from the p-value, as the words are, so that the mark always lies in the zone that is said.
    """

    mark: float
    little_from: float
    very_from: float
    label: str


@dataclass(frozen=True)
class AgeView:
    """The ages that could have drawn this, in whole years, among ``first`` to ``last``."""

    low: int
    high: int
    first: int
    last: int
    sentence: str

    def position(self, years: float) -> float:
        """Where ``years`` lies on the bar, from 0 to 100."""
        inside = min(max(years, self.first), self.last)
        return round(100 * (inside - self.first) / (self.last - self.first), 2)


@dataclass(frozen=True)
class CategoryView:
    """A category that the drawing may show, with its calibrated probability in per cent."""

    name: str
    percent: float


@dataclass(frozen=True)
class ResultView:
    """All that ``result.html`` needs.

    ``points``: strokes that seem added are a finding; ``dark``: strokes are light on a dark sheet.
    """

    compared: bool
    word: str
    sentences: tuple[str, ...]
    share: str
    often: str
    scale: ScaleView | None
    terms: tuple[TermView, ...]
    age: AgeView | None
    categories: tuple[CategoryView, ...]
    norm: dict[str, Any]
    same_category: int | None
    domain: str
    bundle_version: str
    bundle_sha256: str
    points: bool
    dark: bool

    @classmethod
    def of(cls, result: dict[str, Any]) -> Self:
        """Arrange a result in its JSON form."""
        level, p_value = result["level"], result["p_value"]
        return cls(
            compared=p_value is not None,
            word=result_word(p_value, level),
            sentences=tuple(result["sentences"]),
            share=how_many(p_value, result["resolution"], level),
            often=how_often(level),
            scale=_scale(result),
            terms=_terms(result),
            age=_age(result),
            categories=_categories(result),
            norm=result["norm"],
            same_category=result["norm"].get("same_category"),
            domain=result["norm"]["domain"],
            bundle_version=result["bundle"]["version"],
            bundle_sha256=result["bundle"]["sha256"],
            points="parts" in _stands_out(result),
            dark=result.get("sheet", {}).get("dark", False),
        )


def _scale(result: dict[str, Any]) -> ScaleView | None:
    p_value, level = result["p_value"], result["level"]
    if p_value is None:
        return None
    share = how_many(p_value, result["resolution"], level)
    return ScaleView(
        mark=round(100 * (1 - p_value), 2),
        little_from=round(100 * max(0.0, 1 - LITTLE * level), 2),
        very_from=round(100 * (1 - level), 2),
        label=f"{result_word(p_value, level).capitalize()}: {share} are at least as unusual.",
    )


def _stands_out(result: dict[str, Any]) -> list[str]:
    return list(result.get("stands_out", ()))


def _terms(result: dict[str, Any]) -> tuple[TermView, ...]:
    level, resolution = result["level"], result["resolution"]
    return tuple(
        TermView(
            *TERMS[name],
            how_many(term["p_value"], resolution, level),
            name in _stands_out(result),
        )
        for name, term in result["terms"].items()
        if name in TERMS
    )


def _age(result: dict[str, Any]) -> AgeView | None:
    age, ages = result["apparent_age"], result["norm"].get("ages")
    if result["p_value"] is None or age is None or ages is None:
        return None
    youngest, oldest = ages
    years = age_range(AgeEstimate(**age), (youngest, oldest))
    if years is None:
        return None
    return AgeView(*years, youngest - 1, oldest + 2, age_sentence(years))


def _categories(result: dict[str, Any]) -> tuple[CategoryView, ...]:
    likely = sorted(result["categories"], key=lambda guess: -guess["probability"])
    return tuple(
        CategoryView(guess["name"], round(100 * guess["probability"], 1))
        for guess in likely[:MOST_CATEGORIES]
    )
