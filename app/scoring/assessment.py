"""What is said of one drawing, as values; the JSON form is the same object everywhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import takewhile
from typing import Any

LEVEL = 0.05  # unless the operator chose another: the share of ordinary drawings that is flagged
LITTLE = 4  # times the level: up to there a p-value is a little unusual
MOST_STANDING_OUT = 2
AGE_COVERAGE = 0.8  # of children whose age lies in the interval of an estimate
MOST_NAMES = 3
ALIKE = 0.75  # of the letters of two names, in the same order
# What people call the same thing; spelling alone would not lead from one to another.
ALSO_CALLED = (
    ("airplane", "aeroplane", "aircraft", "jet", "plane"),
    ("bear", "teddy", "teddy bear"),
    ("bike", "bicycle", "cycle", "tricycle"),
    ("boat", "sailboat", "ship", "yacht"),
    ("bus", "coach"),
    ("car", "auto", "automobile", "vehicle"),
    ("cat", "kitten", "kitty"),
    ("chair", "armchair", "seat", "stool"),
    ("cookie", "biscuit"),
    ("couch", "settee", "sofa"),
    ("cup", "glass", "mug"),
    ("dog", "doggy", "puppy"),
    ("flower", "daisy", "rose", "tulip"),
    ("foot", "feet", "toes"),
    ("frog", "toad"),
    ("hat", "cap"),
    ("house", "building", "cottage", "home", "hut"),
    ("ice cream", "gelato", "sundae"),
    ("lamp", "light"),
    ("phone", "cellphone", "mobile", "smartphone", "telephone"),
    ("rabbit", "bunny", "hare"),
    ("sheep", "lamb"),
    ("shoe", "boot", "sneaker", "trainer"),
    ("table", "desk"),
    ("train", "locomotive", "railway"),
    ("tree", "fir", "oak", "palm"),
    ("watch", "clock"),
)


class Verdict(StrEnum):
    """Which of the three kinds of answer this is."""

    DRAWING = "drawing"
    NOT_A_DRAWING = "not_a_drawing"
    NO_NORM = "no_norm"


class Reason(StrEnum):
    """Why a drawing that is one was not compared."""

    TOO_FEW_REFERENCES = "too_few_references"
    UNCLEAR_STROKES = "unclear_strokes"


@dataclass(frozen=True)
class AgeEstimate:
    """Age in years that the drawing looks like; ``low`` to ``high`` holds 80 % of children."""

    years: float
    low: float
    high: float


@dataclass(frozen=True)
class CategoryGuess:
    """A category and its calibrated probability among the categories of the norms."""

    name: str
    probability: float


@dataclass(frozen=True)
class CategoryLeftOut:
    """A category that was named, but not compared within; ``nearest``: names to try instead.

    ``known``: there are drawings of it, but too few; they are only recognised.
    """

    name: str
    known: bool
    nearest: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Its part of the result object."""
        return {"name": self.name, "known": self.known, "nearest": list(self.nearest)}


@dataclass(frozen=True)
class NormUsed:
    """The group a drawing was compared with.

    ``local``: the references and children are an operator's own, of all ages, each first compared
    with the references of its own year. ``same_category`` of the references show the same thing;
    ``None``: nothing was named, or what each shows was not recorded. ``ages`` are the first and the
    last completed year of age with norms; ``None``: none has any.
    """

    category: str | None
    age_band: str
    references: int
    children: int
    domain: str
    local: bool = False
    same_category: int | None = None
    ages: tuple[int, int] | None = None
    left_out: CategoryLeftOut | None = None

    def as_json(self) -> dict[str, Any]:
        """Its part of the result object."""
        return {
            "category": self.category,
            "category_left_out": self.left_out and self.left_out.as_json(),
            "age_band": self.age_band,
            "ages": self.ages and list(self.ages),
            "references": self.references,
            "same_category": self.same_category,
            "children": self.children,
            "domain": self.domain,
            "local": self.local,
        }


@dataclass(frozen=True)
class DomainMatch:
    """Whether the picture is of the kind the norms come from.

    ``distance`` is relative to the limit: 1.0 is the farthest that still matches; ``None`` if there
    is no ink to measure it on.
    """

    matched: bool
    distance: float | None


@dataclass(frozen=True)
class Assessment:
    """Everything measured of one drawing; ``None`` for what could not be measured.

    ``level`` is the one in force when the drawing was assessed.
    """

    verdict: Verdict
    level: float
    domain: DomainMatch
    norm: NormUsed
    anomaly_score: float | None = None
    p_value: float | None = None
    resolution: float | None = None
    flagged: bool | None = None
    terms: dict[str, float | None] | None = None
    apparent_age: AgeEstimate | None = None
    categories: tuple[CategoryGuess, ...] = ()
    reason: Reason | None = None

    @property
    def stands_out(self) -> tuple[str, ...]:
        """The terms that may be said to stand out, the strongest first."""
        return standing_out(self.terms or {}, self.p_value, self.level)

    def as_json(self) -> dict[str, Any]:
        """The object documented in the README, without sentences, bundle and timing."""
        terms = self.terms or dict.fromkeys(TERMS)
        age = self.apparent_age
        return {
            "verdict": self.verdict.value,
            "reason": self.reason and self.reason.value,
            "anomaly_score": self.anomaly_score,
            "p_value": self.p_value,
            "resolution": self.resolution,
            "level": self.level,
            "flagged": self.flagged,
            "terms": {name: {"p_value": terms[name]} for name in TERMS},
            "stands_out": list(self.stands_out),
            "apparent_age": age and {"years": age.years, "low": age.low, "high": age.high},
            "categories": [{"name": c.name, "probability": c.probability} for c in self.categories],
            "norm": self.norm.as_json(),
            "domain": {"matched": self.domain.matched, "distance": self.domain.distance},
        }


TERMS = ("typicality", "marks", "age", "category", "parts", "orientation")


def standing_out(
    terms: Mapping[str, float | None], p_value: float | None, level: float
) -> tuple[str, ...]:
    """Return at most two terms, the strongest first; none if the whole is usual.

    Six terms at 5 % each would flag a fifth of ordinary drawings in some term, so their p-values
    are corrected for their number by Holm's step-down procedure (Holm 1979).
    """
    if p_value is None or p_value > LITTLE * level:
        return ()
    known = sorted((p, name) for name, p in terms.items() if p is not None)
    corrected = [(p * (len(known) - place), name) for place, (p, name) in enumerate(known)]
    passed = takewhile(lambda term: term[0] <= level, corrected)
    return tuple(name for _, name in passed)[:MOST_STANDING_OUT]


def plain_name(name: str | None) -> str:
    """The name in lower case, one space between its words; empty if there is none."""
    return " ".join((name or "").lower().replace("_", " ").replace("-", " ").split())


def nearest_names(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return three of the ``known`` names at most, the nearest first; none if none is near.

    Near is what means the same, then what is spelled alike, as a whole or in one of its words.
    """
    plain = plain_name(name)
    near = [found for part in (plain, *plain.split()) for found in _near(part, known)]
    return tuple(dict.fromkeys(near))[:MOST_NAMES]


def _near(part: str, known: Sequence[str]) -> Iterator[str]:
    for names in ALSO_CALLED:
        if part in names:
            yield from (name for name in names if name in known)
    yield from get_close_matches(part, known, MOST_NAMES, ALIKE)
