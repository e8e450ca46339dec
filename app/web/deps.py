"""What routes ask for, by name."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.bootstrap import Services
from app.web.forms import SubmittedForm, read_submitted_form
from app.web.public_root import root_of
from app.web.rendering import Rendering
from app.web.static_files import StaticFolder

# These are ``async`` because they only look something up: a plain ``def`` would cost a trip to
# the thread pool each.


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _root(request: Request) -> str:
    return root_of(request.scope)


async def _rendering(request: Request) -> Rendering:
    return rendering_for(request)


async def _static(request: Request) -> StaticFolder:
    return cast(StaticFolder, request.app.state.static)


def rendering_for(request: Request) -> Rendering:
    """The rendering whose addresses lead back to where this request came in."""
    rendering = cast(Rendering, request.app.state.rendering)
    return rendering.under(root_of(request.scope))


CurrentServices = Annotated[Services, Depends(_services)]
CurrentRendering = Annotated[Rendering, Depends(_rendering)]
CurrentRoot = Annotated[str, Depends(_root)]
CurrentStatic = Annotated[StaticFolder, Depends(_static)]
CurrentForm = Annotated[SubmittedForm, Depends(read_submitted_form)]
