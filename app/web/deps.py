"""What routes ask for, by name."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.bootstrap import Services
from app.web.forms import SubmittedForm, read_submitted_form
from app.web.rendering import Rendering
from app.web.static_files import StaticFolder

# These are ``async`` because they only look something up: a plain ``def`` would cost a trip to
# the thread pool each.


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _rendering(request: Request) -> Rendering:
    return cast(Rendering, request.app.state.rendering)


async def _static(request: Request) -> StaticFolder:
    return cast(StaticFolder, request.app.state.static)


CurrentServices = Annotated[Services, Depends(_services)]
CurrentRendering = Annotated[Rendering, Depends(_rendering)]
CurrentStatic = Annotated[StaticFolder, Depends(_static)]
CurrentForm = Annotated[SubmittedForm, Depends(read_submitted_form)]
