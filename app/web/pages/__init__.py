"""What people use; every page works without JavaScript."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.web.pages import (
    configuration,
    dashboard,
    demo,
    docs,
    drawings,
    history,
    home,
    login,
    privacy,
    security_txt,
    upload,
)

router = APIRouter(default_response_class=HTMLResponse)
for part in (
    home, demo, upload, drawings, docs, privacy,
    login, dashboard, history, configuration, security_txt,
):  # fmt: skip
    router.include_router(part.router)

PROBLEM_PAGES: Final = {
    ("POST", "/upload"): upload.show_again,
    ("POST", "/login"): login.show_again,
}
