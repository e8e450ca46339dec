"""A form that could not be answered comes back with its picture, without JavaScript."""

import base64
import os
import re
from dataclasses import replace
from html import unescape

import httpx
import pytest

from app.bootstrap import Services
from app.errors import Busy
from app.inference.analysis import Analysis
from app.scoring.assessment import LEVEL
from app.web.app import create_app
from app.web.forms import UploadLimit, join_picture
from app.web.pages.upload import FIELD_LENGTH, LARGEST_CARRIED, PictureAgain
from tests.conftest import StoredCount
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.faults.disks import impatient, locked
from tests.support.people.visitors import Visitor, a_png

LIMIT = UploadLimit(4)  # of the package that takes least
FIELD = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')


class TooBusy(FakeAnalyzer):
    """Never has a place."""

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        raise Busy("Many drawings are being analysed just now; please try again in a minute.")


@pytest.fixture
def turned_away(services: Services) -> Visitor:
    """A visitor whose every upload is answered 503."""
    services = replace(services, analyzer=TooBusy(), largest_upload_mb=LIMIT.megabytes)
    return Visitor(create_app(services))


def hidden(page: httpx.Response) -> list[tuple[str, str]]:
    return [(name, unescape(value)) for name, value in FIELD.findall(page.text)]


def sends_again(visitor: Visitor, page: httpx.Response, image: bytes = b"") -> httpx.Response:
    """What a browser sends when the button is pressed once more; ``b""``: no file was chosen."""
    parts: list[tuple[str, tuple[str | None, bytes]]] = [
        (name, (None, value.encode())) for name, value in hidden(page)
    ]
    parts += [("age_years", (None, b"6")), ("image", ("new.png" if image else "", image))]
    return visitor.asks("POST", "/upload", files=parts)


def test_a_locked_database_costs_nobody_the_picture(
    services: Services, stored: StoredCount
) -> None:
    visitor = Visitor(
        create_app(
            replace(
                services,
                stores=replace(services.stores, database=impatient(services.stores.database)),
            )
        )
    )
    with locked(services.stores.database):
        refused = visitor.submits(
            a_png(), to="/upload", age_years="6", category="cat", attempt="first"
        )
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["cache-control"] == "no-store"
    assert 'value="cat"' in refused.text
    answer = sends_again(visitor, refused)
    assert answer.status_code == 303
    assert visitor.opens(answer.headers["location"] + "/picture").status_code == 200
    assert stored() == (1, 2)


def test_the_page_shows_the_picture_and_says_that_it_is_sent_again(turned_away: Visitor) -> None:
    page = turned_away.submits(a_png(), to="/upload", age_years="6")
    assert page.status_code == 503
    assert "Your picture is still in this form." in page.text
    assert "will be sent again, unless you choose another" in page.text
    assert 'src="data:image/jpeg;base64,' in page.text
    assert 'name="image" required' not in page.text


def test_it_can_be_turned_away_again_and_again(turned_away: Visitor) -> None:
    first = turned_away.submits(a_png(), to="/upload", age_years="6", attempt="one")
    second = sends_again(turned_away, first)
    assert second.status_code == 503
    assert [name for name, _ in hidden(first)] == ["attempt", "picture_again"]
    assert hidden(second) == hidden(first)


def test_a_new_file_wins_over_the_earlier_picture(
    turned_away: Visitor, visitor: Visitor, analyzer: FakeAnalyzer
) -> None:
    page = turned_away.submits(a_png(), to="/upload", age_years="6")
    new = a_png(colour="red")
    answer = sends_again(visitor, page, new)
    direct = visitor.submits(new, to="/upload", age_years="7")
    pictures = [visitor.opens(one.headers["location"] + "/picture") for one in (answer, direct)]
    assert pictures[0].content == pictures[1].content


def test_the_same_attempt_makes_no_twin_of_what_was_kept_after_all(
    turned_away: Visitor, visitor: Visitor, stored: StoredCount
) -> None:
    page = turned_away.submits(a_png(), to="/upload", age_years="6", attempt="one")
    kept = visitor.submits(a_png(), to="/upload", age_years="6", attempt="one")
    assert sends_again(visitor, page).headers["location"] == kept.headers["location"]
    assert stored() == (1, 2)


def test_the_largest_picture_that_is_carried_can_be_sent(turned_away: Visitor) -> None:
    largest = os.urandom(LARGEST_CARRIED // 4 * 3)
    page = turned_away.submits(largest, to="/upload", age_years="6")
    assert len(page.content) < LIMIT.body
    assert (
        join_picture([value for name, value in hidden(page) if name == "picture_again"]) == largest
    )
    assert sends_again(turned_away, page).status_code == 503


def test_a_larger_one_has_to_be_chosen_again_and_the_page_says_so(turned_away: Visitor) -> None:
    page = turned_away.submits(os.urandom(LARGEST_CARRIED - 9), to="/upload", age_years="6")
    assert page.status_code == 503
    assert "please choose it again" in page.text
    assert 'name="image" required' in page.text
    assert len(page.content) < 10_000


@pytest.mark.parametrize("age", ["", "abc"])
def test_other_refusals_carry_no_picture(visitor: Visitor, age: str) -> None:
    page = visitor.submits(a_png(), to="/upload", age_years=age)
    assert page.status_code == 422
    assert "picture_again" not in page.text


def test_a_picture_that_was_changed_on_the_way_is_refused_in_words(visitor: Visitor) -> None:
    page = visitor.submits(None, to="/upload", age_years="6", picture_again="<not base64>")
    assert page.status_code == 422
    assert "choose it anew" in page.text


def test_no_field_is_longer_than_the_framework_reads() -> None:
    again = PictureAgain.of(os.urandom(2_000_000))
    assert max(map(len, again.fields)) <= FIELD_LENGTH
    assert base64.b64decode("".join(again.fields)) == join_picture(again.fields)
