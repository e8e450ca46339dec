"""Templates into pages."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web.static_files import StaticFolder

TEMPLATES = Path(__file__).parent / "templates"


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True)
class Rendering:
    """Jinja2 with escaping on; a name that a template does not know is an error, not a gap.

    ``root`` stands before every address on a page: the path that the site is reached under.
    """

    static: StaticFolder
    root: str = ""
    _environment: Environment = field(default_factory=_environment, repr=False)

    def under(self, root: str) -> Self:
        """The same for a site that is reached under another path."""
        return replace(self, root=root)

    def page(
        self,
        template: str,
        context: Mapping[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """Render ``template``; a page may hold somebody's result, so shared caches keep none."""
        html = self._environment.get_template(template).render(
            **context, root=self.root, static_url=self._static_url
        )
        return HTMLResponse(html, status, {"Cache-Control": "private, no-cache", **(headers or {})})

    def _static_url(self, name: str) -> str:
        return f"{self.root}{self.static.url(name)}"


def data_uri(content: bytes, media_type: str) -> str:
    """The bytes themselves as an address, for what is kept nowhere."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
