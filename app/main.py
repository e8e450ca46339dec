"""From settings to an application that answers; what every entry point begins with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.background.work import SEED_DEMO, work_for
from app.background.worker import Worker
from app.bootstrap import bootstrap, prepare, seed
from app.environment import Settings
from app.web.app import create_app
from app.web.front import Front


def open_app(settings: Settings) -> FastAPI:
    """Open everything; a developer's own database is migrated and seeded first.

    A server that runs the application's lifespan has the background's work done, and what it saw
    written down, beside the requests; Lambda, which runs none, has a function of its own for the
    one, and does the other after a request.
    """
    if settings.makes_its_own_database:
        prepare(settings)
    services = bootstrap(settings)
    if settings.makes_its_own_database:
        seed(services)
    front = Front(settings.public_base_url, settings.origin_secrets)
    if settings.environment.read_only:
        return create_app(services, front=front, security_contact=settings.security_contact)
    # With the model at hand, which a function that only looks after the data has not.
    others = {SEED_DEMO: lambda payload: seed(services)}
    worker = Worker(work_for(services.stores, settings, others))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with services.requests.lifespan(app), worker.lifespan(app):
            yield

    return create_app(services, lifespan, front, settings.security_contact)
