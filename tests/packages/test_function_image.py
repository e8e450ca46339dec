"""The functions' image as Lambda runs it: as no user in particular, with only /tmp to write to."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import httpx
import pytest

from tests.packages.doors import WRITABLE, own_database
from tests.support import containers
from tests.support.data.pictures import a_picture, as_bytes
from tests.support.gateway.emulator import post_event
from tests.support.gateway.events import Gateway, Shape
from tests.support.gateway.stack import REGION, translated
from tests.support.polling import free_port, when_listening

pytestmark = pytest.mark.packages
# What Lambda has for it: another user each time, a disk that cannot be written, a whole CPU.
LAMBDA = ("--user=993", "--cpus=1", "--memory=1769m", "--memory-swap=1769m")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def door() -> Iterator[httpx.Client]:
    """The door with the settings that the template gives it."""
    function = translated(ApiRole="demo").functions()["ApiFunction"]
    environ = {**function["Environment"]["Variables"], "AWS_REGION": REGION}
    with emulated_image("handlers.api.handler", environ) as address:
        transport = Gateway(Shape(1, "live"), partial(post_event, address))
        with httpx.Client(transport=transport, base_url="https://gateway/live") as client:
            yield client


def test_every_example_has_its_picture_and_some_have_a_map(door: httpx.Client) -> None:
    examples = re.findall(r'href="/live(/drawings/[^"/]+)"', door.get("/demo").text)
    assert len(examples) == 12
    pages = [door.get(example) for example in examples]
    pictures = [door.get(f"{example}/picture") for example in examples]
    assert {answer.status_code for answer in pages + pictures} == {httpx.codes.OK}
    assert all(picture.content.startswith(PNG) for picture in pictures)
    maps = [one for page in pages for one in re.findall(r'href="/live([^"]+/map.png)"', page.text)]
    assert maps
    assert all(door.get(one).content.startswith(PNG) for one in maps)


def test_a_drawing_is_answered_and_not_kept(door: httpx.Client) -> None:
    image = {"image": ("a.png", as_bytes(a_picture()))}
    answer = door.post("/api/drawings", files=image, data={"age_years": "6.5"})
    assert (answer.status_code, set(answer.json())) == (httpx.codes.OK, {"analysis", "map"})


def test_every_part_is_well(door: httpx.Client) -> None:
    answer = door.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (httpx.codes.OK, "ok")


def test_commands_are_run_by_the_same_image() -> None:
    with emulated_image("handlers.command.handler", own_database(WRITABLE)) as address:
        migrated, seeded, backed_up = (
            str(post_event(address, {"command": [word]})) for word in ("migrate", "seed", "backup")
        )
    assert "from schema none" in migrated
    assert "12 drawings" in seeded
    assert "is in the store" in backed_up


@contextmanager
def emulated_image(handler: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The address of a function made of the image, behind the emulator that is in its base."""
    port = free_port()
    command = [
        "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{free_port()}", "/var/runtime/bootstrap",
    ]  # fmt: skip
    options = [*LAMBDA, "--entrypoint=/usr/local/bin/aws-lambda-rie"]
    image = containers.function_image()
    with containers.running(image, options, command, {"_HANDLER": handler, **environ}) as container:
        yield when_listening(port, container.is_running)
