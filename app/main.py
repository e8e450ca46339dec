"""The web application, from parts that are ready made; nothing is opened or read here."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from app.bootstrap import Services
from app.web import api, errors, pages, security
from app.web.access import check_access_levels
from app.web.public_root import PublicRoot
from app.web.rendering import Rendering
from app.web.static_files import StaticFolder

Beside = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    services: Services, beside: Beside | None = None, public_prefix: str | None = None
) -> FastAPI:
    """Raise ``ConfigurationError`` where a route says not who may use it.

    ``beside`` is what a server runs as long as it serves; one that only answers has nothing.
    ``public_prefix`` is for where visitors see another path before ours than this process is asked.
    """
    static = StaticFolder.read()
    # No ready-made documentation pages: they load their code from other sites.
    app = FastAPI(
        title="Sketchnorm", docs_url=None, redoc_url=None, openapi_url=None, lifespan=beside
    )
    app.state.services = services
    app.state.static = static
    app.state.rendering = Rendering(static)
    app.include_router(api.router)
    app.include_router(pages.router)
    errors.install(app)
    security.install(app)
    if public_prefix is not None:
        app.add_middleware(PublicRoot, prefix=public_prefix)
    check_access_levels(app)
    return app
