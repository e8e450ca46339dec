"""What people use; every page works without JavaScript."""

from fastapi import APIRouter

from app.web.pages import drawings, files, home, upload

router = APIRouter()
for part in (home, upload, drawings, files):
    router.include_router(part.router)
