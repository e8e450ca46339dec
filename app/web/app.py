"""The web application, from parts that are ready made; nothing is opened or read here."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import iter_route_contexts

from app.access.limits import Rate
from app.bootstrap import Services
from app.web import api, errors, pages, security, static_files
from app.web.access import check_access_levels
from app.web.counting import CountRequests
from app.web.deps import let_in, without_root
from app.web.documentation import Documentation
from app.web.forms import UploadLimit
from app.web.front import NO_FRONT, Front, PublicRoot
from app.web.rendering import Rendering

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    services: Services,
    lifespan: Lifespan | None = None,
    front: Front = NO_FRONT,
    security_contact: str | None = None,
) -> FastAPI:
    """Raise ``ConfigurationError`` if a route declares no access level.

    ``lifespan``: runs while the server is up; ``None`` on Lambda. ``front`` is for a site
    that visitors reach through something else. ``security_contact``, a URI, is told in
    ``security.txt``.
    """
    static = static_files.StaticFolder.read()
    # No ready-made documentation pages: they load their code from other sites.
    app = FastAPI(
        title="Sketchnorm", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan,
        dependencies=[Depends(let_in)],
    )  # fmt: skip
    by_key = services.stores.uploads is not None
    limit = UploadLimit(services.largest_upload_mb, by_key)
    app.state.services = services
    app.state.upload_limit = limit
    app.state.upload_rate = Rate()
    app.state.front = front
    app.state.security_contact = security_contact
    app.state.static = static
    app.state.rendering = Rendering(static, services.source_url)
    app.state.documentation = Documentation.find(services.source_url)
    for router in pages.ROUTERS:
        app.include_router(router, default_response_class=HTMLResponse)
    for router in (*api.ROUTERS, static_files.router):
        app.include_router(router)
    errors.install(app, pages.PROBLEM_PAGES)
    security.install(app, front, limit)
    if front.prefix is not None:
        ours = [route.path or "" for route in iter_route_contexts(app.routes)]
        ambiguous = any(without_root(path, front.prefix) != path for path in ours)
        app.add_middleware(PublicRoot, prefix=front.prefix, ambiguous=ambiguous)
    app.add_middleware(CountRequests, counter=services.requests)
    check_access_levels(app)
    return app
