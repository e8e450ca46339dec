"""What people use; every page works without JavaScript."""

from typing import Final

from fastapi import APIRouter

from app.web.pages import drawings, home, upload

router = APIRouter()
for part in (home, upload, drawings):
    router.include_router(part.router)

PROBLEM_PAGES: Final = {("POST", "/upload"): upload.show_again}
