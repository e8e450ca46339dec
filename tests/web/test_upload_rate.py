"""How many drawings one address or one token may send a minute, and what is told beyond that."""

import math
from dataclasses import dataclass, field, replace
from html import unescape
from itertools import cycle, islice

import httpx
import pytest

from app.access.limits import Rate
from app.access.tokens import make_token, revoke_token
from app.bootstrap import Services
from app.storage.tables import now
from app.web.app import create_app
from app.web.front import Front
from tests.conftest import StoredCount
from tests.support.people.visitors import HTML, Visitor, a_png

MOST = 3
SECRET = "5ecret" * 6
PLACES = ("/upload", "/api/drawings", "/api/uploads")
LIMITED = httpx.codes.TOO_MANY_REQUESTS


@dataclass
class Sender:
    """Sends drawings from whatever address CloudFront names, with whatever token."""

    visitor: Visitor
    headers: dict[str, str] = field(default_factory=dict)

    def sends(self, to: str = "/api/drawings", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {"age_years": "6;3", "category": "cat", "keep": "false"}
        return self.visitor.submits(a_png(), to=to, headers=self.headers | named, **fields)

    def is_limited_after(self, most: int) -> bool:
        """Whether so many get through, and no more."""
        through = [self.sends().status_code for _ in range(most + 1)]
        return LIMITED not in through[:most] and through[-1] == LIMITED


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, uploads_per_minute=MOST)


@pytest.fixture
def sender(services: Services) -> Sender:
    return Sender(Visitor(create_app(services)))


@pytest.fixture
def behind(services: Services) -> Visitor:
    """A site behind CloudFront."""
    return Visitor(create_app(services, front=Front("https://a.org", (SECRET,))))


def from_(address: str, behind: Visitor) -> Sender:
    headers = {"X-Origin-Verify": SECRET, "CloudFront-Viewer-Address": f"{address}:443"}
    return Sender(behind, headers)


def bearing(token: str, sender: Sender) -> Sender:
    return Sender(sender.visitor, {"Authorization": f"Bearer {token}"})


def test_the_form_and_the_api_are_counted_together(sender: Sender) -> None:
    for to in islice(cycle(PLACES), MOST):
        assert sender.sends(to).status_code != LIMITED
    assert {sender.sends(to).status_code for to in PLACES} == {LIMITED}


def test_what_is_refused_for_another_reason_counts_too(sender: Sender) -> None:
    for _ in range(MOST):
        assert sender.visitor.submits(b"no picture", age_years="6").status_code == 415
    assert sender.sends().status_code == LIMITED


def test_a_program_is_told_when_to_come_again(sender: Sender, stored: StoredCount) -> None:
    refused = [sender.sends() for _ in range(MOST + 1)][-1]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"].startswith("No more than 3 drawings a minute are taken")
    assert refused.headers["cache-control"] == "no-store"
    assert stored() == (0, 0)


def test_the_form_keeps_what_was_typed_and_the_picture(sender: Sender) -> None:
    page = [sender.sends("/upload", **HTML) for _ in range(MOST + 1)][-1]
    assert (page.status_code, "retry-after" in page.headers) == (LIMITED, True)
    shown = unescape(page.text)
    for part in ("No more than 3 drawings", 'value="6;3"', 'value="cat"', 'value="false" checked'):
        assert part in shown
    assert 'name="picture_again"' in shown


def test_after_a_while_one_may_again(sender: Sender, services: Services) -> None:
    at, app = [0.0], create_app(services)
    app.state.upload_rate = Rate(lambda: at[0])
    sender = Sender(Visitor(app))
    refused = [sender.sends() for _ in range(MOST + 1)][-1]
    at[0] += math.ceil(float(refused.headers["retry-after"]))
    assert sender.sends().status_code == httpx.codes.OK


def test_each_address_that_cloudfront_names_is_counted_by_itself(behind: Visitor) -> None:
    assert from_("203.0.113.7", behind).is_limited_after(MOST)
    assert from_("203.0.113.8", behind).is_limited_after(MOST)


def test_the_addresses_of_one_customer_are_counted_together(behind: Visitor) -> None:
    for host in range(MOST):
        assert from_(f"2001:db8:0:1::{host}", behind).sends().status_code == httpx.codes.OK
    assert from_("2001:db8:0:1::ffff", behind).sends().status_code == LIMITED
    assert from_("2001:db8:0:2::1", behind).sends().status_code == httpx.codes.OK


@pytest.mark.parametrize("name", ["X_Forwarded_For", "Forwarded", "X_Real_IP"])
def test_what_a_request_says_of_its_sender_changes_nothing(
    behind: Visitor, sender: Sender, name: str
) -> None:
    for one in (sender, from_("203.0.113.7", behind)):
        said = [one.sends(**{name: f"198.51.100.{number}"}) for number in range(MOST + 1)]
        assert said[-1].status_code == LIMITED


def test_with_no_secret_cloudfronts_headers_are_not_believed(sender: Sender) -> None:
    said = [sender.sends(CloudFront_Viewer_Address=f"198.51.100.{n}:1") for n in range(MOST + 1)]
    assert said[-1].status_code == LIMITED


@pytest.mark.parametrize("rate", [1, 2 * MOST], ids=["fewer", "more"])
def test_a_live_token_has_a_rate_of_its_own(sender: Sender, services: Services, rate: int) -> None:
    made = make_token(services.stores.database, "Study A", now(), per_minute=rate)
    assert bearing(made, sender).is_limited_after(rate)
    assert sender.is_limited_after(MOST)


def test_a_token_that_is_revoked_or_made_up_counts_for_nothing(
    sender: Sender, services: Services
) -> None:
    stores = services.stores
    made = make_token(stores.database, "Study A", now(), per_minute=100)
    revoke_token(stores.database, stores.blobs, "Study A", now())
    tokens = cycle([made, "sketchnorm_" + "x" * 43, "nonsense"])
    said = [bearing(next(tokens), sender).sends().status_code for _ in range(MOST + 1)]
    assert (said[-1], sender.sends().status_code) == (LIMITED, LIMITED)


def test_where_nothing_is_kept_there_are_no_tokens_and_addresses_are_counted(
    services: Services,
) -> None:
    door = Sender(Visitor(create_app(replace(services, access=None, keep_uploads=False))))
    assert bearing("sketchnorm_" + "x" * 43, door).is_limited_after(MOST)


def test_nobody_is_limited_in_what_is_only_opened(sender: Sender) -> None:
    assert {sender.visitor.opens("/upload").status_code for _ in range(5 * MOST)} == {200}
