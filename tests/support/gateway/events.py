"""API Gateway: HTTP requests into its events, a function's answers into HTTP responses.

Written from its documentation: two shapes of events (payload 1.0 and 2.0), what it encodes as
base64, its limits. Recorded events of the real one lie in ``tests/events``. A load balancer (ALB)
in front of a function is a third shape, without stages.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

import httpx

LARGEST_PAYLOAD = 6 * 1024 * 1024  # of a function's event and of its answer
TEXT = ("text/", "application/json", "application/javascript", "application/xml")

Event = dict[str, Any]
Invoke = Callable[[Event], object]


@dataclass(frozen=True)
class Shape:
    """How a gateway speaks to its function; ``stage`` is part of the address unless ``$default``.

    Version 1 is a REST API with ``*/*`` as its binary media types, version 2 an HTTP API, and "alb"
    a load balancer.
    """

    version: Literal[1, 2, "alb"]
    stage: str

    @property
    def prefix(self) -> str:
        """What the path of every address begins with."""
        return "" if self.stage == "$default" else f"/{self.stage}"

    def event(self, request: httpx.Request) -> Event:
        """The event that this request becomes."""
        match self.version:
            case 1:
                return self._event_1(request)
            case 2:
                return self._event_2(request)
            case "alb":
                return self._event_alb(request)

    def _event_1(self, request: httpx.Request) -> Event:
        whole, _, query = request.url.raw_path.decode().partition("?")
        path = whole.removeprefix(self.prefix) or "/"
        body = request.read()
        headers = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        pairs = parse_qsl(query, keep_blank_values=True)
        return {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": request.method,
            "headers": dict(headers),
            "multiValueHeaders": _grouped(headers),
            "queryStringParameters": dict(pairs) or None,
            "multiValueQueryStringParameters": _grouped(pairs) or None,
            "pathParameters": {"proxy": path.lstrip("/")},
            "stageVariables": None,
            "requestContext": {
                "httpMethod": request.method,
                "path": whole,
                "stage": self.stage,
                "identity": {"sourceIp": "203.0.113.7"},
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            },
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }

    def _event_2(self, request: httpx.Request) -> Event:
        path, _, query = request.url.raw_path.decode().partition("?")
        body = request.read()
        is_text = request.headers.get("content-type", "").startswith(TEXT)
        cookies = request.headers.get("cookie", "")
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "cookies": cookies.split("; ") if cookies else [],
            "headers": {n: v for n, v in request.headers.items() if n != "cookie"},
            "requestContext": {
                "http": {"method": request.method, "path": path, "sourceIp": "203.0.113.7"},
                "requestId": "JKJaXmPLvHcESHA=",
                "stage": self.stage,
            },
            "body": body.decode() if is_text else base64.b64encode(body).decode(),
            "isBase64Encoded": not is_text,
        }

    def _event_alb(self, request: httpx.Request) -> Event:
        path, _, query = request.url.raw_path.decode().partition("?")
        headers = [(name.decode().lower(), value.decode()) for name, value in request.headers.raw]
        body = request.read()
        is_text = request.headers.get("content-type", "").startswith(TEXT)
        return {
            "requestContext": {
                "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:t"}
            },
            "httpMethod": request.method,
            "path": path,
            # As they stand in the address: a load balancer decodes nothing. Its target group is set
            # to send every value of a name, without which only the last would come.
            "multiValueQueryStringParameters": _grouped(
                [
                    (name, value)
                    for name, _, value in (p.partition("=") for p in query.split("&") if p)
                ]
            ),
            "multiValueHeaders": _grouped(headers),
            "body": body.decode() if is_text else base64.b64encode(body).decode(),
            "isBase64Encoded": not is_text,
        }


@dataclass(frozen=True)
class Gateway(httpx.BaseTransport):
    """Stands before a function; ``invoke`` hands it an event and gives back its answer."""

    shape: Shape
    invoke: Invoke

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as API Gateway does, its own refusals included."""
        event = self.shape.event(request)
        if len(json.dumps(event)) > LARGEST_PAYLOAD:
            return httpx.Response(413, json={"message": "Request Too Long"}, request=request)
        answer = self.invoke(event)
        if not isinstance(answer, dict) or "statusCode" not in answer:
            message = {"message": "Internal server error", "answer": repr(answer)[:500]}
            return httpx.Response(502, json=message, request=request)
        return _response(answer, request)


def _response(answer: dict[str, Any], request: httpx.Request) -> httpx.Response:
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    headers = list((answer.get("headers") or {}).items())
    headers += [("set-cookie", cookie) for cookie in answer.get("cookies") or []]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers += [(name, value) for value in values]
    kept = b"" if request.method == "HEAD" else content
    return httpx.Response(answer["statusCode"], headers=headers, content=kept, request=request)


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups
