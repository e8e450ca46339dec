"""What programs use; every page has its twin here."""

from typing import Final

from app.web.api import demo, description, drawings, health, history, metrics, uploads

# Each is taken into the application by itself: a router within a router has its routes made twice.
ROUTERS: Final = tuple(
    part.router for part in (drawings, demo, uploads, history, metrics, health, description)
)
