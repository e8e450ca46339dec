"""What routes ask for, by name, and where a request says that the site is reached.

As ASGI has it, ``path`` is the whole path and ``root_path`` how it begins: a gateway's stage, or
what something in front, such as CloudFront, shows to visitors and takes off before it asks.
"""

from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import urlsplit, urlunsplit

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.bootstrap import Services
from app.web.forms import SubmittedForm, read_submitted_form
from app.web.rendering import Rendering

# These are ``async`` because they only look something up: a plain ``def`` would cost a trip to
# the thread pool each.


async def _services(request: Request) -> Services:
    return services_of(request)


async def _root(request: Request) -> str:
    return root_of(request.scope)


async def _rendering(request: Request) -> Rendering:
    return rendering_for(request)


def services_of(request: Request) -> Services:
    """The parts that the application was made of."""
    return cast(Services, request.app.state.services)


def rendering_for(request: Request) -> Rendering:
    """The rendering whose addresses lead back to where this request came in."""
    rendering = cast(Rendering, request.app.state.rendering)
    return rendering.under(root_of(request.scope))


CurrentServices = Annotated[Services, Depends(_services)]
CurrentRendering = Annotated[Rendering, Depends(_rendering)]
CurrentRoot = Annotated[str, Depends(_root)]
CurrentForm = Annotated[SubmittedForm, Depends(read_submitted_form)]


@dataclass(frozen=True)
class PublicRoot:
    """Puts ``prefix`` in the place of any other root, so that links begin with it.

    What stands in front may have taken it off or not. It must have if ``ambiguous``: a route of
    ours begins with the same words, and nobody could tell the two apart.
    """

    app: ASGIApp
    prefix: str
    ambiguous: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = path_of(scope)
            inner = path if self.ambiguous else without_root(path, self.prefix)
            # In place: what stands outside reads from it which route was taken.
            scope.update(root_path=self.prefix, path=self.prefix + inner)
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class RelativeRedirects:
    """Sends visitors on by path alone: the framework names the host that the request claimed."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_relative(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "location" in headers:
                    headers["location"] = _path_and_query(headers["location"])
            await send(message)

        await self.app(scope, receive, send_relative)


def _path_and_query(address: str) -> str:
    return urlunsplit(("", "", *urlsplit(address)[2:]))


def root_of(scope: Scope) -> str:
    """What links to our own pages begin with, without a trailing slash."""
    return str(scope.get("root_path", ""))


def path_of(scope: Scope) -> str:
    """The path that routes are written for."""
    return without_root(str(scope["path"]), root_of(scope))


def without_root(path: str, root: str) -> str:
    """``path`` itself unless it begins with ``root``: ``/production`` is not under ``/prod``."""
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :] or "/"
    return path
