"""The application as AWS Lambda calls it: API Gateway events in, their answers out."""

from dataclasses import dataclass
from typing import Any, Final

from mangum import Mangum
from starlette.types import ASGIApp, Receive, Scope, Send

from app.telemetry import make_logger
from app.web.request_log import RequestLog

# What is not named here travels as base64, which costs a third more of Lambda's 6 MB.
TEXT_TYPES: Final = (
    "text/",
    "application/json",
    "application/problem+json",
    "application/x-ndjson",
    "application/javascript",
    "image/svg+xml",
)


@dataclass(frozen=True)
class StagePrefix:
    """Takes the stage off the path and hands it on as ``root_path``, which links begin with.

    At ``…amazonaws.com/Prod/upload`` version 1 says ``/upload`` in ``path`` and the whole in its
    context, version 2 says the whole. ``public`` is the prefix that visitors see where something
    in front, as CloudFront, adds or hides one; ``None`` where nothing does.
    """

    app: ASGIApp
    public: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = stage_prefix(scope["aws.event"])
        root = prefix if self.public is None else self.public
        path = scope["path"]
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            path = path[len(prefix) :] or "/"
        # In place: what stands outside reads from it which route was taken.
        scope.update(path=path, root_path=root)
        await self.app(scope, receive, send)


def stage_prefix(event: dict[str, Any]) -> str:
    """``/Prod``, or nothing where the address holds no stage: own domains, ``$default``, SAM."""
    context = event["requestContext"]
    whole = context["http"]["path"] if "http" in context else context.get("path", "")
    prefix = f"/{context.get('stage', '')}"
    return prefix if whole == prefix or whole.startswith(f"{prefix}/") else ""


def adapt(app: ASGIApp, public_prefix: str | None) -> Mangum:
    """No lifespan: Mangum would run it anew for every request."""
    logged = RequestLog(StagePrefix(app, public_prefix), make_logger())
    return Mangum(logged, lifespan="off", text_mime_types=list(TEXT_TYPES))
