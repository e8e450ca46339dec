"""The only place where refusals become responses: one shape, as JSON or as a page."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from app.errors import (
    AdminClosed,
    BundleError,
    Busy,
    DrawingTooLarge,
    IncompleteRequest,
    NotFound,
    NotLetIn,
    NotPermitted,
    Refusal,
    SecretUnavailable,
    SketchnormError,
    StorageUnavailable,
    TooOften,
    UnreadableDrawing,
)
from app.web.deps import ERROR_KIND, REQUEST_ID, path_of, rendering_for, root_of
from app.web.headers import UNSTORED

LOG = logging.getLogger("sketchnorm")
RETRY_SECONDS = "30"
STATUS: tuple[tuple[type[SketchnormError], int], ...] = (
    (DrawingTooLarge, 413),
    (UnreadableDrawing, 415),
    (IncompleteRequest, 400),
    (NotLetIn, 401),
    (AdminClosed, 403),
    (NotPermitted, 403),
    (NotFound, 404),
    (TooOften, 429),
    (Refusal, 422),
    (StorageUnavailable, 503),
    (Busy, 503),
    (BundleError, 503),
    (SecretUnavailable, 503),
)
HEADINGS = {
    404: "Nothing is at this address",
    403: "That is not for everyone",
    405: "That cannot be done here",
    429: "Not so often",
    500: "Something went wrong",
    503: "Not just now",
}
NO_PAGE = "There is no such page; see the address, or start again at the first page."
NO_BUNDLE = "Drawings cannot be compared just now; please try again later."
UNEXPECTED = "Something went wrong here, not with what you sent; please try again later."


@dataclass(frozen=True)
class Problem:
    """RFC 9457, with one sentence as its detail; ``request_id`` is known to the log."""

    status: int
    detail: str
    request_id: str | None = None

    @property
    def title(self) -> str:
        """The usual name of the status."""
        return HTTPStatus(self.status).phrase

    @property
    def heading(self) -> str:
        """The same for a person."""
        return HEADINGS.get(self.status, "That did not work")

    def as_json(self) -> dict[str, str | int]:
        """The members of ``application/problem+json``, and the request's id if it has one."""
        known = {} if self.request_id is None else {"request_id": self.request_id}
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **known,
        }


# A page of its own for a problem, such as the form with what was typed; given the headers to send.
ProblemPage = Callable[[Request, Problem, Mapping[str, str]], Response]


def install(app: FastAPI, pages: Mapping[tuple[str, str], ProblemPage]) -> None:
    """Answer every refusal of ours and of the framework here.

    ``pages`` has the requests, method and path, whose problems are shown on a page of their own.
    """
    app.state.problem_pages = pages
    app.add_exception_handler(SketchnormError, _answer_ours)
    app.add_exception_handler(HTTPException, _answer_framework)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(Exception, _answer_unexpected)


def answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The problem in the form that the asker reads."""
    headers = dict(headers or {})
    problem = replace(problem, request_id=request.scope.get(REQUEST_ID))
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = RETRY_SECONDS
    if not wants_page(request):
        return JSONResponse(
            problem.as_json(), problem.status, headers, media_type="application/problem+json"
        )
    pages: Mapping[tuple[str, str], ProblemPage] = request.app.state.problem_pages
    page = pages.get((request.method, path_of(request.scope)))
    if page is None and problem.status == HTTPStatus.UNAUTHORIZED:
        return _to_login(request)
    return (page or _problem_page)(request, problem, headers)


def _to_login(request: Request) -> Response:
    """And from there to where one was going, if that is a page that can be opened."""
    query = request.url.query
    address = path_of(request.scope) + (f"?{query}" if query else "")
    going = f"?{urlencode({'next': address})}" if request.method == "GET" else ""
    return RedirectResponse(f"{root_of(request.scope)}/login{going}", 303)


def wants_page(request: Request) -> bool:
    """A person at a browser, as far as can be told; programs get JSON."""
    if is_for_programs(path_of(request.scope)):
        return False
    accept = request.headers.get("accept", "")
    return "json" not in accept or "text/html" in accept


def is_for_programs(path: str) -> bool:
    """Whether refusals at this address are JSON, whatever is asked for."""
    return path.startswith("/api/") or path in ("/livez", "/healthz")


def refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route that its level, its parameters and its body do not tell.

    For ``responses`` of a route; the OpenAPI document says the rest of each.
    """
    return {status: {"description": HTTPStatus(status).phrase} for status in statuses}


def _problem_page(request: Request, problem: Problem, headers: Mapping[str, str]) -> Response:
    context = {"problem": problem}
    return rendering_for(request).page("problem.html", context, problem.status, headers)


def _answer_ours(request: Request, error: Exception) -> Response:
    request.scope[ERROR_KIND] = type(error).__name__
    if isinstance(error, StorageUnavailable | SecretUnavailable):
        LOG.error("%s", error.advice)  # the address may hold a drawing's link, so it is not logged
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    if isinstance(error, BundleError) or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.error("%s", error)  # it is for the operator: it may name folders and commands
        sentence = NO_BUNDLE if isinstance(error, BundleError) else UNEXPECTED
        return answer(request, Problem(status, sentence))
    return answer(request, Problem(status, str(error)), _headers(error))


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, TooOften):
        return {"Retry-After": str(max(1, math.ceil(error.seconds)))}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, NotLetIn) else {}


def _answer_framework(request: Request, error: Exception) -> Response:
    known = cast(HTTPException, error)
    if known.status_code == HTTPStatus.SERVICE_UNAVAILABLE:  # no room for a body
        request.scope[ERROR_KIND] = Busy.__name__
    headers = dict(known.headers or {})
    return answer(request, Problem(known.status_code, _framework_sentence(known)), headers)


def _framework_sentence(error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NO_PAGE
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{error.detail.rstrip('.')}."
    allowed = (error.headers or {}).get("Allow", "")
    if "GET" in allowed:
        return "This address can only be opened; nothing can be sent to it or changed at it."
    return f"This address only takes what is sent to it with {allowed}."


def _answer_validation(request: Request, error: Exception) -> Response:
    names = {str(part["loc"][-1]) for part in cast(RequestValidationError, error).errors()}
    sentence = f"These fields could not be understood: {', '.join(sorted(names))}."
    return answer(request, Problem(422, sentence))


def _answer_unexpected(request: Request, error: Exception) -> Response:
    """The framework raises the error again once this is sent, so that it reaches the log.

    This is sent past our middleware, which is why the headers are added here.
    """
    # The server then closes the connection; who keeps it for the next request must be told.
    headers = {**request.app.state.headers, **UNSTORED, "Connection": "close"}
    return answer(request, Problem(500, UNEXPECTED), headers)
