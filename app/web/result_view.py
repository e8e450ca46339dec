"""A result, arranged for the page. Numbers become words here; none is made up.

Made from the stored JSON and not from ``Assessment``: a page shows what was answered then, also
when the bundle, or this program, has changed since.
"""

from dataclasses import dataclass
from typing import Any, Self

from app.wording import LESS_USUAL, result_word

OLDEST_SHOWN = 19.0
MOST_CATEGORIES = 5

TERMS = {
    "typicality": (
        "As a whole",
        "how far its look as a whole lies from what is usual at this age",
    ),
    "marks": ("Marks", "how many strokes there are, where they lie and how they run"),
    "age": ("Age", "how well the age that the drawing looks like fits the age that was given"),
    "category": ("What is drawn", "how well the drawing fits what it is said to show"),
    "parts": ("Parts", "whether something seems to be missing, or added by another hand"),
    "orientation": ("Which way up", "whether the drawing seems to be turned"),
}


@dataclass(frozen=True)
class TermView:
    """One part of the comparison; ``share`` says in words how many are as unusual."""

    label: str
    meaning: str
    word: str
    share: str


@dataclass(frozen=True)
class ScaleView:
    """The anomaly score among zones; all positions from 0 to 100."""

    score: float
    less_usual_from: float
    rare_from: float


@dataclass(frozen=True)
class AgeView:
    """The apparent age and its interval in years; positions from 0 to 100 are for the bar."""

    years: float
    low: float
    high: float

    def position(self, years: float) -> float:
        """Where ``years`` lies on the bar."""
        return round(100 * min(max(years, 0.0), OLDEST_SHOWN) / OLDEST_SHOWN, 2)


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

    verdict: str
    word: str
    sentences: tuple[str, ...]
    share: str
    scale: ScaleView | None
    terms: tuple[TermView, ...]
    age: AgeView | None
    categories: tuple[CategoryView, ...]
    norm: dict[str, Any]
    domain: str
    domain_matched: bool
    bundle_version: str
    bundle_sha256: str
    points: bool
    dark: bool

    @classmethod
    def of(cls, result: dict[str, Any]) -> Self:
        """Arrange a result in its JSON form."""
        level, p_value = result["level"], result["p_value"]
        return cls(
            verdict=result["verdict"],
            word=_headline(result),
            sentences=tuple(result["sentences"]),
            share=describe_share(p_value, result["resolution"]),
            scale=_scale(result),
            terms=_terms(result, level),
            age=AgeView(**result["apparent_age"]) if result["apparent_age"] else None,
            categories=_categories(result),
            norm=result["norm"],
            domain=result["norm"]["domain"],
            domain_matched=result["domain"]["matched"],
            bundle_version=result["bundle"]["version"],
            bundle_sha256=result["bundle"]["sha256"],
            points=_points(result, level),
            dark=result.get("sheet", {}).get("dark", False),
        )


def describe_share(p_value: float | None, resolution: float | None = None) -> str:
    """How many drawings of the norm are at least as unusual, no finer than can be told."""
    if p_value is None:
        return "could not be measured"
    if resolution is not None and p_value <= resolution:
        return f"fewer than {_per_hundred(resolution)} in 100 are as unusual"
    return f"about {_per_hundred(p_value)} in 100 are at least as unusual"


def _per_hundred(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.1g}"


def _headline(result: dict[str, Any]) -> str:
    if result["verdict"] == "not_a_drawing":
        return "no drawing found"
    if result["verdict"] == "no_norm":
        return "no comparison"
    return result_word(result["p_value"], result["level"])


def _scale(result: dict[str, Any]) -> ScaleView | None:
    if result["anomaly_score"] is None:
        return None
    level = result["level"]
    return ScaleView(
        score=round(result["anomaly_score"], 1),
        less_usual_from=round(100 * max(0.0, 1 - LESS_USUAL * level), 2),
        rare_from=round(100 * (1 - level), 2),
    )


def _points(result: dict[str, Any], level: float) -> bool:
    parts = result["terms"]["parts"]["p_value"]
    return parts is not None and parts <= level


def _terms(result: dict[str, Any], level: float) -> tuple[TermView, ...]:
    if all(term["p_value"] is None for term in result["terms"].values()):
        return ()
    return tuple(
        TermView(*TERMS[name], result_word(term["p_value"], level), describe_share(term["p_value"]))
        for name, term in result["terms"].items()
        if name in TERMS
    )


def _categories(result: dict[str, Any]) -> tuple[CategoryView, ...]:
    likely = sorted(result["categories"], key=lambda guess: -guess["probability"])
    return tuple(
        CategoryView(guess["name"], round(100 * guess["probability"], 1))
        for guess in likely[:MOST_CATEGORIES]
    )
