"""The zip functions and their layer as `sam build` makes them, on Lambda's own Python."""

from pathlib import Path

import pytest

from tests.support import containers
from tests.support.gateway.sam import sam
from tests.support.gateway.stack import Stack, translated

pytestmark = pytest.mark.packages
BASE = "public.ecr.aws/lambda/python:3.13"
# -S: nothing is found but the code and the layer.
PYTHON = (
    "--entrypoint=/var/lang/bin/python3.13",
    "--cpus=1",
    "--env=PYTHONPATH=/var/task:/opt/python",
)
CODE, LAYER = "BackupFunction", "UpkeepLayer"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One function and its layer; the code of the others is the same."""
    folder = tmp_path_factory.mktemp("built")
    sam("build", CODE, "--build-dir", str(folder))
    return folder


@pytest.fixture(scope="module")
def stack() -> Stack:
    return translated(ApiRole="sole", AccessPointArn="arn")


def test_each_handler_finds_all_that_it_imports_in_the_layer(built: Path, stack: Stack) -> None:
    handlers = [one["Handler"] for one in stack.functions().values() if "Handler" in one]
    modules = [handler.rpartition(".")[0] for handler in handlers]
    assert len(modules) == 3
    code = f"import boto3, {', '.join(modules)}; print('found')"
    mounted = [f"--volume={built / CODE}:/var/task:ro", f"--volume={built / LAYER}:/opt:ro"]
    with containers.running(BASE, [*PYTHON, *mounted], ["-S", "-c", code]) as container:
        assert (containers.tool("wait", container.id), container.log()) == ("0", "found")


def test_the_layer_is_small_and_the_code_smaller(built: Path) -> None:
    assert size(built / LAYER) <= 50e6
    assert size(built / CODE) <= 1e6


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
