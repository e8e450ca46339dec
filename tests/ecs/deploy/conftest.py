from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.cloud.account import Account, opened_account, running_moto
from tests.support.cloud.fargate import Fargate
from tests.support.cloud.scripts import Scripts

PAGE = b'<link rel="stylesheet" href="/static/site.css">'


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_moto(tmp_path_factory.mktemp("moto")) as environ:
        yield environ


@pytest.fixture
def scripts() -> Scripts:
    """What happens to tasks: by default all is well."""
    return Scripts()


@pytest.fixture
def account(
    scripts: Scripts, moto: dict[str, str], site: "Site", monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    """An account with its foundation and nothing else; its site answers as ``site`` says."""
    with opened_account(Fargate(scripts.start), moto, monkeypatch) as opened:
        opened.formation.address = site.address
        yield opened


class Site:
    """A public address whose answers are said beforehand, by path; well for all others."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.statuses: dict[str, int] = {}
        self.bodies: dict[str, bytes] = {}


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b'{"status": "ok"}' if self.path == "/healthz" else PAGE)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b'{"analysis": {}}')

        def _answer(self, content: bytes) -> None:
            content = made.bodies.get(self.path, content)
            self.send_response(made.statuses.get(self.path, 200))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the console."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Site(server.server_port)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.json"
