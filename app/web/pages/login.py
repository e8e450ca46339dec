"""Logging in and out; everything else of the admin's side is reached from here."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from app.access.admin import NOT_SET_YET
from app.access.limits import client_of
from app.web.access import admin, public
from app.web.deps import (
    CurrentAccess,
    CurrentRendering,
    CurrentRoot,
    CurrentServices,
    client_address,
    cookie_name,
    country_of,
    login_token,
    rendering_for,
    services_of,
)
from app.web.errors import Problem, refused

router = APIRouter()
HOME: Final = "/dashboard"


@router.get("/login")
@public
def get(services: CurrentServices, rendering: CurrentRendering, request: Request) -> Response:
    """The form, or the sentence that says why nobody can log in here."""
    access = services.access
    context: dict[str, object] = {"closed": None, "problem": None, "next": _next_of(request)}
    if access is None:
        context["closed"] = services.elsewhere
    elif not access.has_password and access.secret.fault is None:
        context["closed"] = NOT_SET_YET
    return rendering.page("login.html", context)


@router.post(
    "/login", status_code=303, response_class=RedirectResponse, responses=refused(401, 429)
)
@public
def post(
    access: CurrentAccess,
    services: CurrentServices,
    root: CurrentRoot,
    request: Request,
    password: Annotated[str, Form()] = "",
) -> Response:
    """Lead to where one was going, with a cookie that no script can read."""
    client = client_of(client_address(request.scope))
    token = access.log_in(password, client, country_of(request.scope))
    response = RedirectResponse(root + (_next_of(request) or HOME), 303)
    response.set_cookie(
        cookie_name(services.secure), token, path="/", secure=services.secure, httponly=True,
        samesite="lax", max_age=round(access.lifetimes.whole.total_seconds()),
    )  # fmt: skip
    return response


@router.post("/logout", status_code=303, response_class=RedirectResponse)
@public
def log_out(services: CurrentServices, root: CurrentRoot, request: Request) -> Response:
    """End the login that the browser holds, if it is one."""
    token = login_token(request)
    if token is not None and services.access is not None:
        services.access.log_out(token)
    return _logged_out(services.secure, root)


@router.post("/logout/everywhere", status_code=303, response_class=RedirectResponse)
@admin
def log_out_everywhere(
    access: CurrentAccess, services: CurrentServices, root: CurrentRoot
) -> Response:
    """End every login, this one too."""
    access.log_out_everywhere()
    return _logged_out(services.secure, root)


def show_again(request: Request, problem: Problem, headers: Mapping[str, str]) -> Response:
    """The form with what is wrong; nothing of the password is sent back."""
    context = {"closed": None, "problem": problem.detail, "next": _next_of(request)}
    if services_of(request).access is None:
        context["closed"] = problem.detail
    return rendering_for(request).page("login.html", context, problem.status, headers)


def leads_here(path: str) -> bool:
    """Whether it is a path of this site, whatever a browser makes of it.

    Browsers take a backslash for a slash, and leave out what cannot be seen.
    """
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return False
    return path.isascii() and path.isprintable()


def _next_of(request: Request) -> str:
    going = request.query_params.get("next", "")
    return going if leads_here(going) else ""


def _logged_out(secure: bool, root: str) -> Response:
    response = RedirectResponse(f"{root}/login", 303)
    response.delete_cookie(
        cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax"
    )
    return response
