"""The web application, from parts that are ready made; nothing is opened or read here."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.bootstrap import Services
from app.web import api, errors, pages, security, static_files
from app.web.access import check_access_levels
from app.web.deps import PublicRoot, RelativeRedirects, without_root
from app.web.forms import UploadLimit
from app.web.rendering import Rendering

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    services: Services, lifespan: Lifespan | None = None, public_prefix: str | None = None
) -> FastAPI:
    """Raise ``ConfigurationError`` if a route declares no access level.

    ``lifespan``: runs while the server is up; ``None`` on Lambda. ``public_prefix`` is for a site
    whose visitors see another path before ours than this process is asked for.
    """
    static = static_files.StaticFolder.read()
    # No ready-made documentation pages: they load their code from other sites.
    app = FastAPI(
        title="Sketchnorm", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    by_key = services.stores.uploads is not None
    limit = UploadLimit(services.largest_upload_mb, by_key)
    app.state.services = services
    app.state.upload_limit = limit
    app.state.static = static
    app.state.rendering = Rendering(static)
    for router in (api.router, pages.router, static_files.router):
        app.include_router(router)
    errors.install(app, pages.PROBLEM_PAGES)
    security.install(app, limit)
    app.add_middleware(RelativeRedirects)
    if public_prefix is not None:
        ours = [route.path or "" for route in iter_route_contexts(app.routes)]
        ambiguous = any(without_root(path, public_prefix) != path for path in ours)
        app.add_middleware(PublicRoot, prefix=public_prefix, ambiguous=ambiguous)
    check_access_levels(app)
    return app
