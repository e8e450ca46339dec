"""The ways into the application, each as an HTTP client that ends where the door begins."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx

from tests.support import ROOT, containers
from tests.support.gateway.emulator import emulated
from tests.support.gateway.events import Gateway, Shape
from tests.support.gateway.sam import start_api
from tests.support.polling import free_port, when_up

Door = Callable[[Path], AbstractContextManager[httpx.Client]]
SECONDS = 120
# As the images have it.
SERVICE_MB, FUNCTION_MB = "9", "4"
WRITABLE = Path("/tmp")  # noqa: S108 — of the container, which has no other folder to write to


@contextmanager
def through_uvicorn(folder: Path) -> Iterator[httpx.Client]:
    """A process of this machine."""
    port = free_port()
    command = [sys.executable, "-m", "tests.packages.probe_server"]
    environ = {"PATH": os.environ["PATH"], "PORT": str(port), "LARGEST_UPLOAD_MB": SERVICE_MB}
    environ |= own_database(folder)
    with subprocess.Popen(command, env=environ, cwd=ROOT) as server:
        try:
            address = when_up(f"http://127.0.0.1:{port}", lambda: server.poll() is None)
            with _client(address) as client:
                yield client
        finally:
            server.terminate()


def through_lambda(shape: Shape) -> Door:
    """The handler under AWS's emulator of its runtime, behind a gateway of that shape."""

    @contextmanager
    def door(folder: Path) -> Iterator[httpx.Client]:
        environ = {**own_database(folder), "LARGEST_UPLOAD_MB": FUNCTION_MB}
        with emulated("tests.packages.probe_lambda.handler", environ, folder) as it:
            transport = Gateway(shape, it.invoke)
            address = f"https://gateway{shape.prefix}"
            with httpx.Client(transport=transport, base_url=address) as client:
                yield client

    return door


@contextmanager
def through_container(folder: Path) -> Iterator[httpx.Client]:
    """The service's image, within the limits that it has in production."""
    port = free_port()
    options = ["--volume", f"{ROOT / 'tests'}:/srv/sketchnorm/tests:ro"]
    command = ["python", "-m", "tests.packages.probe_server"]
    environ = {"PORT": str(port), **own_database(WRITABLE)}
    with (
        containers.running(containers.service_image(), options, command, environ) as container,
        _client(when_up(f"http://127.0.0.1:{port}", container.is_running)) as client,
    ):
        yield client


@contextmanager
def through_sam(folder: Path) -> Iterator[httpx.Client]:
    """``sam local start-api`` over the template that is deployed, with the function's image."""
    with (
        start_api(containers.probed_function_image(), folder) as address,
        _client(address) as client,
    ):
        yield client


def own_database(folder: Path) -> Mapping[str, str]:
    """The settings of a developer's machine; with no limit, as tests send many."""
    return {"ENVIRONMENT": "local", "DATA_DIR": str(folder / "var"), "UPLOADS_PER_MINUTE": "0"}


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=SECONDS)


HERE: Mapping[str, Door] = {
    "uvicorn": through_uvicorn,
    "lambda, HTTP API": through_lambda(Shape(2, "$default")),
    "lambda, HTTP API with a stage": through_lambda(Shape(2, "live")),
    "lambda, REST API": through_lambda(Shape(1, "live")),
    "lambda, load balancer": through_lambda(Shape("alb", "$default")),
}
IN_CONTAINERS: Mapping[str, Door] = {
    "the ECS image": through_container,
    "sam local start-api": through_sam,
}
