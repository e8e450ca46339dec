"""Templates into pages."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web.static_files import StaticFolder

_PALETTE = 3  # the colour type of PNG whose pixels are numbers of a palette
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
    Every page leads to ``source_url``, where the program can be read, if there is one, and to the
    admin's side if ``logged_in``.
    """

    static: StaticFolder
    source_url: str | None = None
    root: str = ""
    logged_in: bool = False
    _environment: Environment = field(default_factory=_environment, repr=False)

    def under(self, root: str, *, logged_in: bool = False) -> Self:
        """The same for a site that is reached under another path, and for who asks for a page."""
        return replace(self, root=root, logged_in=logged_in)

    def page(
        self,
        template: str,
        context: Mapping[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """Render ``template``; nobody stores the page unless ``headers`` say otherwise."""
        html = self._environment.get_template(template).render(
            **context,
            root=self.root,
            logged_in=self.logged_in,
            source_url=self.source_url,
            static_url=self._static_url,
        )
        return HTMLResponse(html, status, headers)

    def _static_url(self, name: str) -> str:
        return f"{self.root}{self.static.url(name)}"


def halo(saliency_map: bytes) -> bytes:
    """An 8-bit grey PNG as grey with alpha: white, and as opaque as the map is bright.

    The pixels are not touched: as numbers of a palette they are that already.
    """
    signature, header, rest = saliency_map[:8], saliency_map[16:29], saliency_map[33:]
    palette = (b"PLTE", b"\xff" * 3 * 256), (b"tRNS", bytes(range(256)))
    indexed = header[:9] + bytes([_PALETTE]) + header[10:]
    return signature + b"".join(_chunk(*part) for part in ((b"IHDR", indexed), *palette)) + rest


def _chunk(name: bytes, content: bytes) -> bytes:
    length, check = len(content), zlib.crc32(name + content)
    return length.to_bytes(4, "big") + name + content + check.to_bytes(4, "big")


def data_uri(content: bytes, media_type: str) -> str:
    """The bytes themselves as an address, for what is kept nowhere."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
