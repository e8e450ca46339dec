"""An age means the same however it is written, or is refused."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidAge
from app.inference.analysis import check_age, read_age


@pytest.mark.parametrize(
    "text",
    [
        "5.5", "5,5", "5.50", " 5.5\xa0", "5;6", "5;06", "5 ; 6", "5y6m", "5Y 6M", "5 y 6 mo",
        "5 years 6 months", "5 years, 6 months", "5 years and 6 months", "5 Jahre 6 Monate",
        "5 J. 6 M.", "5 Jahre und 6 Monate", "5 ans 6 mois", "5 ans et 6 mois", "66 months", "66m",
        "66 Monate", "66 mois", "66,0 months", "5.5 years", "5,5 Jahre", "5,5 ans",
    ],
)  # fmt: skip
def test_five_and_a_half_years_are_read_however_they_are_written(text: str) -> None:
    assert read_age(text) == 5.5


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("5", 5),
        ("5 years", 5),
        ("5.4", 5.4),
        ("5,4", 5.4),
        ("5.", 5),
        ("5.333333333333333", 5.333333333333333),
        ("5;4", 5.33),
        ("64 months", 5.33),
        ("5;10", 5.83),
        ("5y11m", 5.92),
        ("5;0", 5),
        ("10;11", 10.92),
        ("71.99 months", 5.99),
        ("5.100", 5.1),
        ("5.1", 5.1),
        ("5.09", 5.09),
        ("5.12", 5.12),
    ],
)
def test_an_age_is_read_in_years(text: str, years: float) -> None:
    assert read_age(text) == years


@pytest.mark.parametrize("text", ["5.10", "5,10", "5.10 years", " 5.10 "])
def test_an_age_with_two_meanings_is_refused_with_both(text: str) -> None:
    with pytest.raises(InvalidAge, match="5 years 1 month or 5 years 10 months; write 5;1 or 5;10"):
        read_age(text)


@pytest.mark.parametrize("text", ["5.11", "5,11"])
def test_the_eleventh_month_has_two_meanings_too(text: str) -> None:
    with pytest.raises(InvalidAge, match="5 years 1 month or 5 years 11 months; write 5;1 or 5;11"):
        read_age(text)


@pytest.mark.parametrize(
    "text",
    ["5-Jun", "05. Jun", "05.Jun", "Jun-05", "5-mai", "5 juin", "05.06.2026", "2026-06-05 00:00:00",
     "5/6/26", "Mai 06"],
)  # fmt: skip
def test_an_age_that_a_spreadsheet_made_a_date_of_is_refused_as_such(text: str) -> None:
    with pytest.raises(InvalidAge, match="looks like a date"):
        read_age(text)


@pytest.mark.parametrize(
    "text",
    ["five", "nan", "inf", "1e1", "5-6", "5:6", "5'6", "５", "5;", ";6", "5y6m7", "6m5y", "5 6",
     "+5", "5..5", "5;-1", "0x5", "5_0", "66 monkeys", "5\x00"],
)  # fmt: skip
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(InvalidAge, match="is no age; give it in years"):
        read_age(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [(" Five  years ", "“Five years” is"), ("\x1b[2J", "What was"), ("x" * 41, "What was")],
)
def test_what_was_typed_is_shown_if_it_can_be(text: str, shown: str) -> None:
    with pytest.raises(InvalidAge, match=f"^{shown}"):
        read_age(text)


@pytest.mark.parametrize("text", ["5;12", "5y66m", "5;99"])
def test_more_than_eleven_months_beside_years_are_refused(text: str) -> None:
    with pytest.raises(InvalidAge, match="run from 0 to 11"):
        read_age(text)


def test_no_age_at_all_is_missing() -> None:
    with pytest.raises(InvalidAge, match="missing"):
        read_age(" \t")


@given(years=st.integers(2, 18), months=st.integers(0, 11))
def test_years_and_months_stay_in_their_year_in_every_notation(years: int, months: int) -> None:
    notations = (f"{years};{months}", f"{years}y{months}m", f"{12 * years + months} months")
    read = {read_age(text) for text in notations}
    assert len(read) == 1
    assert int(read.pop()) == years


@given(st.text(max_size=30))
def test_anything_else_is_read_or_refused(text: str) -> None:
    with suppress(InvalidAge):
        assert math.isfinite(read_age(text))


def test_months_given_as_years_are_refused_with_what_to_write() -> None:
    with pytest.raises(InvalidAge, match="If 66 are months, write 66 months"):
        check_age(66)
