"""Templates into pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web.static_files import StaticFolder

TEMPLATES = Path(__file__).parent / "templates"


class Rendering:
    """Jinja2 with escaping on; a name that a template does not know is an error, not a gap."""

    def __init__(self, static: StaticFolder) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static_url"] = static.url

    def page(
        self,
        template: str,
        context: Mapping[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """Render ``template``; a page may hold somebody's result, so shared caches keep none."""
        html = self._environment.get_template(template).render(context)
        return HTMLResponse(html, status, {"Cache-Control": "private, no-cache", **(headers or {})})
