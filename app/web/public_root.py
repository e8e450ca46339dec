"""What visitors see before the paths that routes are written for.

As ASGI has it, ``path`` is the whole and ``root_path`` how it begins: a gateway's stage, or what
something in front, as CloudFront, adds for visitors and takes off before it asks.
"""

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True)
class PublicRoot:
    """Puts ``prefix`` in the place of any other root, so that links begin with it."""

    app: ASGIApp
    prefix: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # In place: what stands outside reads from it which route was taken.
            scope.update(root_path=self.prefix, path=self.prefix + path_of(scope))
        await self.app(scope, receive, send)


def root_of(scope: Scope) -> str:
    """What links to our own pages begin with, without a slash at its end."""
    return str(scope.get("root_path", ""))


def path_of(scope: Scope) -> str:
    """The path that routes are written for."""
    return without_root(str(scope["path"]), root_of(scope))


def without_root(path: str, root: str) -> str:
    """``path`` where it does not begin with ``root``: ``/production`` lies not under ``/prod``."""
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :] or "/"
    return path
