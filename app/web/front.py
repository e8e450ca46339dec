"""What stands in front of this process, such as CloudFront, and what it is believed.

It shows visitors an address of its own, proves itself with a secret, and says who asks. With no
secret set nothing that a request says about its sender is believed.
"""

from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.deps import COUNTRY, path_of, without_root
from app.web.errors import Problem, answer

# CloudFront adds them to each request to its origin, in the place of a visitor's own of that name.
SECRET_HEADER: Final = "x-origin-verify"  # noqa: S105 — the name of one
ADDRESS_HEADER: Final = "cloudfront-viewer-address"
COUNTRY_HEADER: Final = "cloudfront-viewer-country"
PASSED_BY: Final = "This site is only reached by its public address; open that one."
# The task's own health check asks it over loopback, with no secret; it tells only that the process
# is alive. /healthz tells more, and who watches that one comes by the public address.
OPEN_TO_ALL: Final = "/livez"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Front:
    """As the operator says: the address that visitors use, and the secrets that are accepted."""

    base_url: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def prefix(self) -> str | None:
        """The path that the public address ends with, ``None`` if none is set."""
        return None if self.base_url is None else urlsplit(self.base_url).path.rstrip("/")

    @property
    def is_encrypted(self) -> bool:
        """Whether visitors come over https, as far as we know."""
        return self.base_url is not None and urlsplit(self.base_url).scheme == "https"

    @property
    def origin(self) -> str | None:
        """What a browser on one of our pages sends as ``Origin``, ``None`` if it is not known."""
        if self.base_url is None:
            return None
        parts = urlsplit(self.base_url)
        usual = parts.port in (None, DEFAULT_PORTS[parts.scheme])
        return f"{parts.scheme}://{parts.hostname}" + ("" if usual else f":{parts.port}")


NO_FRONT: Final = Front()


@dataclass(frozen=True)
class OriginSecret:
    """Refuses what did not come through the front, and takes the visitor's address from it.

    Two secrets can be accepted at once, so that one is replaced without an outage.
    """

    app: ASGIApp
    secrets: tuple[str, ...] = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            known = self._accepts(headers.get(SECRET_HEADER, ""))
            scope.update(client=_client(headers) if known else None)
            if known:
                scope[COUNTRY] = headers.get(COUNTRY_HEADER)
            elif path_of(scope) != OPEN_TO_ALL:
                await answer(Request(scope), Problem(403, PASSED_BY))(scope, receive, send)
                return
            scope["headers"] = _without_secret(scope["headers"])
        await self.app(scope, receive, send)

    def _accepts(self, given: str) -> bool:
        """Compares with each, however the first one went, so that the time tells nothing."""
        equal = [compare_digest(given.encode(), secret.encode()) for secret in self.secrets]
        return any(equal)


def _client(headers: Headers) -> tuple[str, int] | None:
    """From ``198.51.100.10:46532`` or ``2001:db8::1:46532``."""
    address, _, port = headers.get(ADDRESS_HEADER, "").rpartition(":")
    return (address, int(port)) if address and port.isdecimal() else None


def _without_secret(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """So that nothing further inside can write it to a log or a page."""
    return [(name, value) for name, value in headers if name != SECRET_HEADER.encode()]


@dataclass(frozen=True)
class PublicRoot:
    """Puts ``prefix`` in the place of any other root, so that links begin with it.

    What stands in front may have taken it off or not. It must have if ``ambiguous``: a route of
    ours begins with the same words, and nobody could tell the two apart.
    """

    app: ASGIApp
    prefix: str
    ambiguous: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = path_of(scope)
            inner = path if self.ambiguous else without_root(path, self.prefix)
            # In place: what stands outside reads from it which route was taken.
            scope.update(root_path=self.prefix, path=self.prefix + inner)
        await self.app(scope, receive, send)
