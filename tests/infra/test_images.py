"""What the recipes of both images copy from the repository."""

import pytest

from app.web.documentation import FOLDER, Documentation
from tests.support import ROOT

IMAGES = ["Dockerfile.lambda", "Dockerfile.ecs"]


def copied(image: str) -> dict[str, str]:
    """Where each file or folder of the repository is put while the image is built."""
    lines = (ROOT / image).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    copies = [line.split()[1:] for line in lines if line.startswith("COPY ") and "--" not in line]
    return {source: target for *sources, target in copies for source in sources}


@pytest.mark.parametrize("image", IMAGES)
def test_the_documentation_lies_beside_the_code_that_shows_it(image: str) -> None:
    beside = copied(image)["app"].removesuffix("/app")
    assert copied(image)["docs"] == f"{beside}/{FOLDER.relative_to(ROOT)}"


def test_the_documentation_is_sent_to_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*"
    assert "!docs" in lines


def test_no_image_has_more_of_it_than_what_is_shown() -> None:
    shown = {file.path for file in Documentation.find().files.values()}
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == shown
