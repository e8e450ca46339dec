"""The application as AWS Lambda calls it: a gateway's or load balancer's events in, answers out."""

from dataclasses import dataclass
from typing import Any, Final

from mangum import Mangum
from starlette.types import ASGIApp, Receive, Scope, Send

from app.telemetry import make_logger
from app.web.deps import without_root
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
    """Hands the stage on as ``root_path``, which links begin with.

    At ``…amazonaws.com/Prod/upload`` version 1 says ``/upload`` in ``path`` and the whole in its
    context, version 2 says the whole.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = stage_prefix(scope["aws.event"])
        # In place: what stands outside reads from it which route was taken.
        scope.update(path=prefix + without_root(scope["path"], prefix), root_path=prefix)
        await self.app(scope, receive, send)


def stage_prefix(event: dict[str, Any]) -> str:
    """``/Prod``, or nothing if the address holds no stage: own domains, ``$default``, SAM, ALB."""
    context = event["requestContext"]
    whole = context["http"]["path"] if "http" in context else context.get("path", "")
    prefix = f"/{context.get('stage', '')}"
    return prefix if whole == prefix or whole.startswith(f"{prefix}/") else ""


def adapt(app: ASGIApp) -> Mangum:
    """No lifespan: Mangum would run it anew for every request."""
    logged = RequestLog(StagePrefix(app), make_logger())
    return Mangum(logged, lifespan="off", text_mime_types=list(TEXT_TYPES))
