"""The whole API is as its OpenAPI document says, and keeps one's data from others.

schemathesis reads the document that a real server gives out, and asks each of its operations with
values that fit it and values that do not: as nobody, as a program with a token, and as the admin.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.access.admin import Access
from app.access.logins import make_login
from app.access.secrets import AdminSecret
from app.access.tokens import make_token
from app.actions.submit import Submission, submit
from app.bootstrap import Services
from app.environment import Settings
from app.storage.tables import now
from app.web.app import create_app
from app.web.static_files import StaticFolder
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.gateway.served import serving
from tests.support.people.admins import HASH
from tests.support.people.visitors import HTML, JSON, a_png
from tests.support.stores.sites import Site, open_services

EXAMPLES = int(os.environ.get("SKETCHNORM_ROUNDS", "20"))  # of each operation by each caller
CALLERS: Final = ("nobody", "a program", "the admin")
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CATEGORY: Final = "somebody else's dragon"
NAME: Final = "the study of somebody else"
Headers = dict[str, str]
Operation = APIOperation[Any, Any, Any, Any]


@dataclass
class Caller:
    """Who asks, with a drawing of their own; whatever ends or is deleted is made anew."""

    name: str
    services: Services
    access: Access
    token: str = field(repr=False)
    drawing: str = ""
    login: str = ""

    def shows(self) -> Headers:
        if self.name == "a program":
            return {"Authorization": f"Bearer {self.token}"}
        return {"Cookie": f"login={self._live_login()}"} if self.name == "the admin" else {}

    def own_drawing(self) -> str:
        stores = self.services.stores
        site = Site(stores.database, stores.blobs)
        if self.drawing not in site.drawings:
            self.drawing = site.submits()
        return self.drawing

    def _live_login(self) -> str:
        if self.access.login(self.login) is None:
            at, epoch = now(), self.access.secret.epoch() or 0
            self.login = make_login(self.access.database, epoch, None, self.access.lifetimes, at)
        return self.login


@dataclass(frozen=True)
class Example:
    """What Hypothesis chooses besides the values: ``fits`` names what exists and can be read."""

    case: Case[Any]
    fits: bool
    accept: Headers


@dataclass(frozen=True)
class Api:
    """The served document, and what no answer to somebody may hold."""

    schema: BaseSchema
    address: str
    services: Services
    access: Access
    of_somebody: dict[str, str]

    def calls(self, example: Example, caller: Caller, session: requests.Session) -> Response:
        case = example.case
        if example.fits:
            self._fit(case, caller)
        session.cookies.clear()
        return case.call(
            base_url=self.address,
            session=session,
            headers={**example.accept, **caller.shows()},
            allow_redirects=False,
        )

    def _fit(self, case: Case[Any], caller: Caller) -> None:
        existing = {
            "drawing_id": caller.own_drawing,
            "hashed_name": StaticFolder.read().files["site.css"].hashed_name.strip,
        }
        case.path_parameters = {
            name: existing[name]() if name in existing else value
            for name, value in case.path_parameters.items()
        }
        if case.media_type == "application/x-www-form-urlencoded" and isinstance(case.body, dict):
            case.body = {**case.body, "name": token_hex(4)}
        if case.media_type == "multipart/form-data" and isinstance(case.body, dict):
            body: dict[str, Any] = {"image": a_png(16), "age_years": "6.5"}
            case.body = body | {n: v for n, v in case.body.items() if n in ("category", "keep")}

    def hidden_from(self, caller: Caller) -> set[str]:
        """The admin may see which drawings and tokens there are, but nothing that lets one in."""
        public = {"a drawing", "a category", "a token's name"} if caller.name == "the admin" else ()
        return {value for what, value in self.of_somebody.items() if what not in public}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """With a drawing for everybody, and with what belongs to somebody who asks nothing."""
    folder = tmp_path_factory.mktemp("api")
    environ = {"DATA_DIR": str(folder), "UPLOADS_PER_MINUTE": "0"}
    chosen = Settings.load({"ENVIRONMENT": "local", **environ}, folder)
    with open_services(chosen, FakeAnalyzer()) as services:
        assert services.access is not None
        services.access.secret.source.write(AdminSecret(HASH, 1))
        site = Site(services.stores.database, services.stores.blobs)
        site.shows(site.submits())
        with serving(create_app(services)) as address:
            yield Api(
                schemathesis.openapi.from_url(f"{address}/openapi.json"),
                address,
                services,
                services.access,
                what_somebody_has(services, services.access),
            )


def what_somebody_has(services: Services, access: Access) -> dict[str, str]:
    submission = Submission(a_png(20), 6.5, CATEGORY, None)
    stores = services.stores
    drawing = submit(
        submission, analyzer=services.analyzer, database=stores.database, blobs=stores.blobs
    )
    return {
        "a drawing": drawing,
        "a category": CATEGORY,
        "a token's name": NAME,
        "a token": make_token(access.database, NAME, now()),
        "a login": make_login(access.database, 1, None, access.lifetimes, now()),
        "the password's hash": HASH,
    }


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest, api: Api) -> Caller:
    token = make_token(api.access.database, f"{request.param} {token_hex(4)}", now())
    return Caller(request.param, api.services, api.access, token)


def examples_of(operation: Operation) -> st.SearchStrategy[Example]:
    """A path alone has no values that do not fit."""
    cases = operation.as_strategy(GenerationMode.POSITIVE)
    if any((operation.body, operation.query, operation.headers)):
        cases |= operation.as_strategy(GenerationMode.NEGATIVE)
    return st.builds(Example, cases, st.booleans(), st.sampled_from([JSON, HTML]))


def test_every_operation_answers_as_the_document_says_and_tells_nothing_of_others(
    api: Api, caller: Caller, subtests: pytest.Subtests
) -> None:
    hidden = api.hidden_from(caller)
    with requests.Session() as session:
        for found in api.schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()

            @settings(max_examples=EXAMPLES, phases=[Phase.generate], database=None)
            @given(examples_of(operation))
            def holds(example: Example) -> None:
                response = api.calls(example, caller, session)
                example.case.validate_response(response, checks=CHECKS)
                told = response.content.decode(errors="replace") + str(response.headers)
                assert not [value for value in hidden if value in told]

            with subtests.test(operation.label):
                holds()


def test_every_refusal_in_the_document_has_the_one_shape(api: Api) -> None:
    document = requests.get(f"{api.address}/openapi.json", timeout=60).json()
    shape = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            refusals = {s: r for s, r in operation["responses"].items() if int(s) >= 400}
            assert {"403", "500", "503"} <= refusals.keys(), path
            for response in refusals.values():
                name = response.get("$ref", "").rpartition("/")[2]
                found = document["components"]["responses"][name] if name else response
                assert found["content"]["application/problem+json"] == shape, path
    assert "HTTPValidationError" not in document["components"]["schemas"]
