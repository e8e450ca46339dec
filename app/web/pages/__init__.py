"""What people use; every page works without JavaScript."""

from typing import Final

from fastapi import APIRouter

from app.web.pages import (
    configuration,
    demo,
    docs,
    drawings,
    home,
    login,
    privacy,
    security_txt,
    upload,
)

router = APIRouter()
for part in (home, demo, upload, drawings, docs, privacy, login, configuration, security_txt):
    router.include_router(part.router)

PROBLEM_PAGES: Final = {
    ("POST", "/upload"): upload.show_again,
    ("POST", "/login"): login.show_again,
}
