"""The protocols: JSON for ECS and the logs, forms and XML for CloudFormation, REST for Lambda."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

Json = dict[str, Any]
SERVICES = ("ECS", "CLOUDFORMATION", "LAMBDA", "CLOUDWATCH_LOGS")


class Refused(Exception):
    """What AWS answers with a status of 400, or with another one."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Answers(Protocol):
    """Does what one operation asks for."""

    def answer(self, operation: str, asked: Json) -> Json: ...


@dataclass(frozen=True)
class AwsServer:
    """Where it listens; ``environ`` is what boto3 needs to find it."""

    port: int

    @property
    def environ(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.port}"
        return {f"AWS_ENDPOINT_URL_{service}": address for service in SERVICES}


@contextmanager
def serving(parts: Mapping[str, Answers]) -> Iterator[AwsServer]:
    """Answer for ``ecs``, ``cloudformation``, ``lambda`` and ``logs``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = self.headers.get("X-Amz-Target", "")
            if target:
                service = "ecs" if target.startswith("AmazonEC2ContainerService") else "logs"
                self._json(service, target.rpartition(".")[2], json.loads(body))
            elif self.path.startswith("/2015-03-31/functions/"):
                self._function("Invoke", {"Payload": json.loads(body)})
            else:
                form = dict(parse_qsl(body.decode(), keep_blank_values=True))
                self._xml(form.pop("Action"), unflattened(form))

        def do_GET(self) -> None:
            self._function("GetFunction", {})

        def _function(self, operation: str, asked: Json) -> None:
            name = unquote(urlsplit(self.path).path.split("/")[3])
            self._json("lambda", operation, {"FunctionName": name, **asked})

        def _json(self, service: str, operation: str, asked: Json) -> None:
            try:
                answer = parts[service].answer(operation, asked)
            except Refused as error:
                told = json.dumps({"__type": error.code, "message": str(error)})
                self._send(error.status, told, {"x-amzn-errortype": error.code})
                return
            headers = answer.pop("headers", {})
            self._send(200, json.dumps(answer.pop("body", answer), default=str), headers)

        def _xml(self, operation: str, asked: Json) -> None:
            try:
                answer = parts["cloudformation"].answer(operation, asked)
            except Refused as error:
                said = f"<Code>{error.code}</Code><Message>{escape(str(error))}</Message>"
                told = f"<ErrorResponse><Error>{said}</Error></ErrorResponse>"
                self._send(error.status, told, {})
                return
            result = f"<{operation}Result>{as_xml(answer)}</{operation}Result>"
            self._send(200, f"<{operation}Response>{result}</{operation}Response>", {})

        def _send(self, status: int, text: str, headers: Mapping[str, str]) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the console."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield AwsServer(server.server_port)
        finally:
            server.shutdown()
            thread.join()


def unflattened(form: Mapping[str, str]) -> Json:
    """``{"A.member.1.B": "c"}`` as ``{"A": [{"B": "c"}]}``."""
    root: Json = {}
    for name, value in sorted(form.items()):
        node, (*path, last) = root, name.split(".")
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return {name: _listed(node) for name, node in root.items()}


def _listed(node: object) -> object:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        members = sorted(node["member"].items(), key=lambda pair: int(pair[0]))
        return [_listed(member) for _, member in members]
    return {name: _listed(part) for name, part in node.items()}


def as_xml(node: object) -> str:
    """Members of lists are called ``member``."""
    match node:
        case dict():
            return "".join(f"<{name}>{as_xml(part)}</{name}>" for name, part in node.items())
        case list():
            return "".join(f"<member>{as_xml(part)}</member>" for part in node)
        case bool():
            return str(node).lower()
    return escape(str(node))
