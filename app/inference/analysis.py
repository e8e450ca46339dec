"""What an analysis is, whoever makes it; the runtime of the model is not needed to say that."""

import math
import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from app.errors import InvalidAge
from app.scoring.assessment import LEVEL, Assessment
from app.wording import PLAIN, SheetNotes

YOUNGEST, OLDEST = 2, 18

MISSING: Final = "The age is missing; give the child's age in years, such as 6.5."
HOW: Final = "give it in years, such as 6 or 6.5, or in years and months, such as 6;6 or 6y6m."
A_DATE: Final = (
    "looks like a date, which spreadsheets make of 5-6 and 5.6; format the column as text and "
    "write 5;6 for 5 years 6 months."
)
LONGEST_SHOWN: Final = 40
MOST_MONTHS: Final = 11

_NUMBER = r"[0-9]{1,6}(?:[.,][0-9]{0,20})?"
_YEARS = r"(?:y|yrs?|years?|j|jahren?|jahre?|ans?)\.?"
_MONTHS = r"(?:m|mo|mos|mths?|months?|monate?|monaten|mois)\.?"
YEARS = re.compile(rf"(-?{_NUMBER}) ?(?:{_YEARS})?")
MONTHS = re.compile(rf"({_NUMBER}) ?{_MONTHS}")
YEARS_AND_MONTHS = re.compile(
    rf"([0-9]{{1,3}}) ?(?:;|{_YEARS},?(?: and| und| et)?) ?([0-9]{{1,2}}) ?(?:{_MONTHS})?"
)
TWO_MEANINGS = re.compile(r"([0-9]{1,3})[.,](10|11)")
DATE = re.compile(
    r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}( .*)?"
    r"|(?=.*[0-9]).*\b(jan|feb|f[ée]v|m[aä]r|mrz|a[pv]r|ma[iy]|jun|juin|jui?l|aug|ao[uû]|sep|o[ck]t"
    r"|nov|d[eé][cz])[^\W\d_]*\b.*"
)


@dataclass(frozen=True)
class BundleReference:
    """Which bundle made an answer."""

    version: str
    sha256: str


@dataclass(frozen=True)
class Analysis:
    """An answer with its sentences and, if one could be made, its saliency map.

    ``picture`` is the upright original without metadata, re-encoded, ``sheet.reduced`` times
    smaller each way; ``saliency_map`` is an 8-bit grey PNG of the same size in pixels, brighter
    where the ink seems less to belong.
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


def read_age(text: str) -> float:
    """The age in years; raise ``InvalidAge`` for what is no age or has two meanings.

    Years and months become hundredths of a year, never rounded up into the next year. The bounds
    are checked by ``inference.analysis.check_age``.
    """
    plain = " ".join(text.casefold().split())
    if not plain:
        raise InvalidAge(MISSING)
    if found := YEARS.fullmatch(plain):
        return _years(found[1])
    if found := MONTHS.fullmatch(plain):
        return _years_and_months(0, _number(found[1]))
    if found := YEARS_AND_MONTHS.fullmatch(plain):
        _check_months(int(found[2]))
        return _years_and_months(int(found[1]), int(found[2]))
    raise InvalidAge(f"{_shown(text)} {A_DATE if DATE.fullmatch(plain) else f'is no age; {HOW}'}")


def _years(number: str) -> float:
    if found := TWO_MEANINGS.fullmatch(number):
        years, months = found.groups()
        raise InvalidAge(
            f"An age of {number} may mean {years} years 1 month or {years} years {months} months; "
            f"write {years};1 or {years};{months}."
        )
    return _number(number)


def _years_and_months(years: int, months: float) -> float:
    more, rest = divmod(months, 12)
    return round(years + more + min(rest / 12, 0.99), 2)


def _check_months(months: int) -> None:
    if months > MOST_MONTHS:
        raise InvalidAge(
            f"The months after the years of an age run from 0 to {MOST_MONTHS}; write 6;0 for "
            "6 years and 5;11 for 5 years 11 months."
        )


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _shown(text: str) -> str:
    plain = " ".join(text.split())
    return f"“{plain}”" if plain.isprintable() and len(plain) <= LONGEST_SHOWN else "What was given"
