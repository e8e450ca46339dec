"""The OpenAPI document: what can be asked, what each operation needs, and how it is refused.

The framework tells what an operation answers. What every route shares is told here: the level that
it declares, and the refusals, all of one shape (``app.web.errors``).
"""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts

from app.web.access import LOGIN_SCHEME, SECURITY, TOKEN_SCHEME, AccessLevel, level_of, public
from app.web.deps import CurrentServices, cookie_name
from app.web.errors import is_for_programs

router = APIRouter()
Json = dict[str, Any]

ALWAYS: Final = (403, 431, 500, 503)
WITH_BODY: Final = (408, 413)  # whatever the route makes of it
SAYS: Final = {
    400: "The body did not arrive whole, or cannot be taken apart.",
    401: "What the operation needs was not shown, or is not live.",
    403: "The request came from another site or past the site's front, or nothing can be changed "
    "here.",
    404: "There is nothing of that name here, or not any more.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "This is no picture that can be read.",
    422: "A field cannot be understood, or the drawing cannot be analysed.",
    429: "That was too often; wait as long as Retry-After says.",
    431: "The address and the headers are too long.",
    500: "Something unexpected went wrong.",
    503: "A part of the site is busy or away; wait as long as Retry-After says.",
}
WAITS: Final = (429, 503)
WAIT: Final[Json] = {
    "Retry-After": {"description": "In seconds.", "required": True, "schema": {"type": "integer"}}
}
PROBLEM: Final[Json] = {
    "type": "object",
    "description": "RFC 9457, with one sentence for a person as its detail.",
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
}
AS_JSON: Final[Json] = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
}
AS_PAGE: Final[Json] = {"text/html": {"schema": {"type": "string"}}}


@router.get("/openapi.json")
@public
def get(request: Request, services: CurrentServices) -> JSONResponse:
    """The same for everyone: what somebody may not do is described, too."""
    app: FastAPI = request.app
    if app.openapi_schema is None:
        app.openapi_schema = describe(app, cookie_name(services.secure))
    return JSONResponse(app.openapi_schema)


def describe(app: FastAPI, cookie: str) -> Json:
    """The document; ``cookie`` is the name of the one that a login is in."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            level = level_of(route.endpoint)
            if operation is not None and level is not None:
                _complete(operation, method, str(route.path), level)
    _add_components(document, cookie)
    return document


def _complete(operation: Json, method: str, path: str, level: AccessLevel) -> None:
    operation["security"] = SECURITY[level]
    responses: Json = operation["responses"]
    declared = {int(status) for status in responses if int(status) >= HTTPStatus.BAD_REQUEST}
    for status in sorted(declared | _refusals(operation, method, level)):
        own = responses.pop(str(status), {}).get("content", {})
        responses[str(status)] = _refusal(status, path, own)
    if level != "public" and not is_for_programs(path):
        responses.setdefault("303", {"description": "Leads to the login, or on."})


def _refusals(operation: Json, method: str, level: AccessLevel) -> set[int]:
    """What every operation of its kind may answer."""
    found = {*ALWAYS}
    if level != "public":
        found.add(401)
    if method != "GET":
        found |= {*WITH_BODY}
    if "requestBody" in operation:
        found |= {400, 422}
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        found.add(404)
    return found


def _refusal(status: int, path: str, own: Json) -> Json:
    """By reference, unless the route has an answer of its own with that status."""
    kind = "" if is_for_programs(path) else "-page"
    if status == HTTPStatus.UNPROCESSABLE_ENTITY or not own:  # the framework's own is never sent
        return {"$ref": f"#/components/responses/{status}{kind}"}
    return {**_response(status, page=bool(kind)), "content": {**own, **AS_JSON}}


def _response(status: int, *, page: bool) -> Json:
    content = {**AS_PAGE, **AS_JSON} if page else AS_JSON
    waits = {"headers": WAIT} if status in WAITS else {}
    return {"description": SAYS[status], "content": content, **waits}


def _add_components(document: Json, cookie: str) -> None:
    components: Json = document.setdefault("components", {})
    schemas: Json = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # the framework's, never sent
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    components["responses"] = {
        f"{status}{'-page' if page else ''}": _response(status, page=page)
        for status in SAYS
        for page in (False, True)
    }
    components["securitySchemes"] = {
        LOGIN_SCHEME: {"type": "apiKey", "in": "cookie", "name": cookie},
        TOKEN_SCHEME: {"type": "http", "scheme": "bearer"},
    }
