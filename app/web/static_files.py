"""Our own style sheets and scripts, at addresses that change with their content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.errors import NotFound
from app.web.access import public
from app.web.headers import FOR_EVER

FOLDER = Path(__file__).parent / "static"
router = APIRouter()
# Not asked of the system: reading its list takes longer than all of the files.
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class StaticFile:
    """One file, with its address: the name with a hash of the content in it."""

    hashed_name: str
    content: bytes
    media_type: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it whole; the files are few and small."""
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        name = PurePosixPath(path.name)
        return cls(f"{name.stem}.{digest}{name.suffix}", content, TYPES[path.suffix])


@dataclass(frozen=True)
class StaticFolder:
    """All of them, read once at start: an address without the right hash is not found."""

    files: Mapping[str, StaticFile]

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Self:
        """Read every file directly in ``folder``."""
        return cls({path.name: StaticFile.read(path) for path in sorted(folder.iterdir())})

    def url(self, name: str) -> str:
        """The address of the file called ``name``."""
        return f"/static/{self.files[name].hashed_name}"

    def find(self, hashed_name: str) -> StaticFile:
        """Raise ``NotFound`` for an address that is not, or no longer, one of ours."""
        for file in self.files.values():
            if file.hashed_name == hashed_name:
                return file
        raise NotFound("There is no such file here; reload the page that led to it.")


@router.get(
    "/static/{hashed_name}", response_class=Response,
    responses={
        200: {"content": {"text/*": {}, "image/*": {}}},
        304: {"description": "A file that the browser has already."},
    },
)  # fmt: skip
@public
def get_static(hashed_name: str, request: Request) -> Response:
    """One of our own files."""
    file = cast(StaticFolder, request.app.state.static).find(hashed_name)
    return cached(request, file.content, file.media_type, FOR_EVER)


def cached(
    request: Request, content: bytes, media_type: str, caching: Mapping[str, str]
) -> Response:
    """Bytes that browsers keep as ``caching`` says; 304 if they have them already."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, **caching}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
