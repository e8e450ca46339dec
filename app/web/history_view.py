"""The list of drawings: its filters, as they were typed and as they are meant, and its rows."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self, cast
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, Field

from app.errors import InvalidRequest
from app.inference.analysis import OLDEST, YOUNGEST
from app.storage.history import Filter, Flag, HandedIn, Page, Place
from app.web.forms import read_category
from app.wording import how_many, result_word

FLAGS: Final = {"yes": "flagged", "no": "not flagged", "none": "not compared"}
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
YEAR: Final = re.compile(r"[0-9]{1,2}")
MOST_FIELDS: Final = 10


class HistoryQuery(BaseModel):
    """What stands in the address of a list, as it was typed; a field that is not known is refused.

    ``cursor`` says where the page begins.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    age: str = Field("", description="A completed year of age, such as 6.")
    category: str = Field("", description="What is drawn, such as house.")
    flagged: str = Field("", description="yes, no, or none for what was not compared.")
    first: str = Field("", alias="from", description="The first day, in UTC: 2026-11-30.")
    last: str = Field("", alias="to", description="The last day, in UTC.")
    cursor: str = Field("", description="From the link to the next page; not to be made up.")

    @classmethod
    def of(cls, query: str) -> Self:
        """The list at an address; the whole list if the query is not one of ours."""
        try:
            return cls.model_validate(dict(parse_qsl(query, max_num_fields=MOST_FIELDS)))
        except ValueError:  # pydantic's error is one
            return cls.model_validate({})

    def address(self, **changes: str) -> str:
        """The same as a query, beginning with "?"; empty if nothing is asked for."""
        fields = {**self.model_dump(by_alias=True), **changes}
        given = {name: text for name, text in fields.items() if text}
        return f"?{urlencode(given)}" if given else ""

    def read(self) -> "ReadQuery":
        """Understand the filters; raise ``InvalidRequest`` for a cursor that is none of ours."""
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for name, reader in READERS.items():
            text = getattr(self, name).strip()
            try:
                values[name] = reader(text) if text else None
            except InvalidRequest as error:
                problems[name] = str(error)
        first, last = values.get("first"), values.get("last")
        if first and last and first > last:
            problems["last"] = "The last day is before the first; give a later one."
        place = Place.of(self.cursor) if self.cursor else None
        return ReadQuery(Filter(**values), place, problems)


@dataclass(frozen=True)
class ReadQuery:
    """The filters as they were understood, and by field what is wrong with the others."""

    wanted: Filter
    after: Place | None
    problems: Mapping[str, str]

    def check(self) -> Self:
        """Raise ``InvalidRequest`` if anything is wrong."""
        if self.problems:
            raise InvalidRequest(" ".join(self.problems.values()))
        return self


@dataclass(frozen=True)
class RowView:
    """One drawing of the list, in words."""

    id: str
    when: str
    what: str
    word: str
    share: str

    @classmethod
    def of(cls, drawing: HandedIn) -> Self:
        """Arrange a drawing and its newest answer."""
        result = drawing.result
        p_value, level = result["p_value"], result["level"]
        named = f", {drawing.category}" if drawing.category else ""
        return cls(
            id=drawing.id,
            when=f"{drawing.created_at:%d %b %Y, %H:%M}",
            what=f"{drawing.age_years:g} years{named}",
            word=result_word(p_value, level),
            share=how_many(p_value, result["resolution"], level),
        )


def as_json(page: Page, query: HistoryQuery, root: str) -> dict[str, Any]:
    """The same list for a program; ``next`` is the address of the next page, if there is one."""
    following = query.address(cursor=page.next.cursor) if page.next else None
    return {
        "drawings": [_drawing_as_json(drawing, root) for drawing in page.drawings],
        "next": f"{root}/api/history{following}" if following else None,
    }


def _drawing_as_json(drawing: HandedIn, root: str) -> dict[str, Any]:
    answered = ("verdict", "reason", "flagged", "level", "p_value", "anomaly_score", "bundle")
    return {
        "id": drawing.id,
        "created_at": drawing.created_at.isoformat(),
        "age_years": drawing.age_years,
        "category": drawing.category,
        **{name: drawing.result.get(name) for name in answered},
        "links": {
            "self": f"{root}/api/drawings/{drawing.id}",
            "page": f"{root}/drawings/{drawing.id}",
        },
    }


def _age(text: str) -> int:
    if not YEAR.fullmatch(text) or not YOUNGEST <= int(text) <= OLDEST:
        raise InvalidRequest(f"An age is a whole number of years from {YOUNGEST} to {OLDEST}.")
    return int(text)


def _flag(text: str) -> Flag:
    if text not in FLAGS:
        raise InvalidRequest("Flagged is yes, no, or none for what was not compared.")
    return cast(Flag, text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text if DAY.fullmatch(text) else "")
    except ValueError as error:
        raise InvalidRequest("A day is written as 2026-11-30: year, month, day.") from error


READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "age": _age,
    "category": read_category,
    "flagged": _flag,
    "first": _day,
    "last": _day,
}
