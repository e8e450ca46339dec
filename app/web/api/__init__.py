"""What programs use; every page has its twin here."""

from fastapi import APIRouter

from app.web.api import demo, description, drawings, health, history, uploads

router = APIRouter()
router.include_router(drawings.router)
router.include_router(demo.router)
router.include_router(uploads.router)
router.include_router(history.router)
router.include_router(health.router)
router.include_router(description.router)
