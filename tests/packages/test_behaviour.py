"""Every door keeps the same promises."""

from collections.abc import Iterator

import httpx
import pytest

from tests.packages.behaviours import BEHAVIOURS, Behaviour
from tests.packages.doors import HERE, IN_CONTAINERS

DOORS = {**HERE, **IN_CONTAINERS}
EACH_DOOR = [
    *(pytest.param(name, id=name) for name in HERE),
    *(pytest.param(name, marks=pytest.mark.packages, id=name) for name in IN_CONTAINERS),
]


@pytest.fixture(scope="module", params=EACH_DOOR)
def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A way into the application that it does not know of."""
    with DOORS[request.param](tmp_path_factory.mktemp("door")) as client:
        yield client


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
def test_every_door_keeps_the_promise(door: httpx.Client, behaviour: Behaviour) -> None:
    behaviour(door)
