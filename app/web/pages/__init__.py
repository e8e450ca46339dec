"""What people use; every page works without JavaScript."""

from typing import Final

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

PARTS: Final = (
    home, demo, upload, drawings, docs, privacy,
    login, dashboard, history, configuration, security_txt,
)  # fmt: skip
ROUTERS: Final = tuple(part.router for part in PARTS)

PROBLEM_PAGES: Final = {
    ("POST", "/upload"): upload.show_again,
    ("POST", "/login"): login.show_again,
}
