"""The Lambda handler in this process, which shares its clock and stores with the test."""

import asyncio
from contextlib import closing
from typing import Any

from starlette.types import ASGIApp

from handlers.gateway import adapt
from tests.support.gateway.events import Event, Invoke


def invoked(app: ASGIApp) -> Invoke:
    """What ``handlers.api`` makes of ``app``; Mangum needs an event loop, and makes none."""

    def invoke(event: Event) -> object:
        with closing(asyncio.new_event_loop()) as loop:
            asyncio.set_event_loop(loop)
            try:
                context: Any = {}
                return adapt(app)(event, context)
            finally:
                asyncio.set_event_loop(None)

    return invoke
