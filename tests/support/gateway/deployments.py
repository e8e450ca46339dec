"""CloudFormation as a function meets it: an event that asks, and an address for the answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from tests.support import ROOT

EVENT = ROOT / "tests" / "events" / "deployment_update.json"


@dataclass(frozen=True)
class Deployment:
    """What was put to the address that its events name."""

    address: str
    answers: list[dict[str, Any]] = field(default_factory=list)

    def asks(self, kind: str) -> dict[str, Any]:
        """The event that CloudFormation sends for a Create, an Update or a Delete."""
        event: dict[str, Any] = json.loads(EVENT.read_text())
        return {**event, "RequestType": kind, "ResponseURL": f"{self.address}/answer?signed=1"}


@contextmanager
def listening() -> Iterator[Deployment]:
    """Takes what S3 would take under a signed address: a PUT without a type."""
    answers: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signed = not self.headers["Content-Type"] and self.path == "/answer?signed=1"
            if signed:
                answers.append(json.loads(body))
            self.send_response(200 if signed else 403)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the console."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Deployment(f"http://127.0.0.1:{server.server_port}", answers)
        finally:
            server.shutdown()
            thread.join()
