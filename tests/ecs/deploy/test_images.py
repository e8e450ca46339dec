"""Images are pushed by digest, each of them once; a registry that is down stops everything."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ecs.deploy import images
from ecs.deploy.cloud import DeploymentFailed, refusals
from ecs.deploy.releases import Target
from tests.support import ROOT
from tests.support.cloud.account import NEW, OLD, Account

pytestmark = pytest.mark.deploy

COMMIT = "c" * 40
ID = "0123456789ab"
MANIFEST: dict[str, Any] = {
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
    "config": {"digest": OLD, "size": 2, "mediaType": "application/vnd.oci.image.config.v1+json"},
}  # fmt: skip


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker that writes down what it was asked, and does what ``does`` says to a push.

    Every image here has the same ``ID``.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "docker"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$1" != push ] || . {tmp_path}/does\n'
        f'[ "$1" != inspect ] || echo sha256:{ID}cdef\n'
    )
    script.chmod(0o755)
    (tmp_path / "does").write_text(f'echo "built: digest: {NEW} size: 1234"')
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(images, "commit", lambda length=40: COMMIT[:length])
    return tmp_path


@pytest.fixture
def registry(account: Account) -> Account:
    """An account with the two repositories."""
    client = account.cloud.ecr
    for name in ("service", "functions"):
        if not any(
            one["repositoryName"] == name for one in client.describe_repositories()["repositories"]
        ):
            client.create_repository(repositoryName=name)
    return account


def test_an_image_is_pushed_under_its_commit_and_known_by_its_digest(
    docker: Path, registry: Account
) -> None:
    assert images.push(registry.cloud, images.SERVICE, "sketchnorm-ecs:c") == NEW
    asked = (docker / "asked").read_text().splitlines()
    asked = [line for line in asked if line.split()[0] not in ("info", "inspect")]
    assert [line.split()[0] for line in asked] == ["login", "tag", "push", "logout"]
    assert asked[2].endswith(f"/service:{COMMIT}-{ID}")
    assert "--password-stdin" in asked[0]


def has_pushed(registry: Account, tag: str) -> str:
    """The digest of an image that was pushed before."""
    found = registry.cloud.ecr.batch_get_image(
        repositoryName="functions", imageIds=[{"imageTag": tag}]
    )["images"]
    pushed = found or [
        registry.cloud.ecr.put_image(
            repositoryName="functions",
            imageTag=tag,
            imageManifest=json.dumps(MANIFEST),
            imageManifestMediaType=MANIFEST["mediaType"],
        )["image"]
    ]
    return pushed[0]["imageId"]["imageDigest"]


def test_the_same_image_is_not_pushed_again(docker: Path, registry: Account) -> None:
    digest = has_pushed(registry, f"{COMMIT}-{ID}")
    assert images.push(registry.cloud, images.FUNCTION, "sketchnorm-api:c") == digest
    assert "push" not in (docker / "asked").read_text()


def test_another_image_of_the_same_commit_is_not_taken_for_the_one_that_was_scanned(
    docker: Path, registry: Account
) -> None:
    registry.cloud.ecr.delete_repository(repositoryName="functions", force=True)
    registry.cloud.ecr.create_repository(repositoryName="functions")
    for other in (COMMIT, f"{COMMIT}-ba9876543210"):
        assert has_pushed(registry, other) != NEW
    assert images.push(registry.cloud, images.FUNCTION, "sketchnorm-api:c") == NEW


def test_a_registry_that_breaks_off_stops_the_release_and_its_login_is_forgotten(
    docker: Path, registry: Account
) -> None:
    (docker / "does").write_text("echo 'received unexpected HTTP status: 503' >&2; exit 1")
    with pytest.raises(DeploymentFailed, match="docker push failed, so nothing was deployed") as it:
        images.push(registry.cloud, images.SERVICE, "sketchnorm-ecs:c")
    assert "503" in str(it.value)
    assert (docker / "asked").read_text().splitlines()[-1].startswith("logout")


def test_a_push_that_names_no_digest_is_no_push(docker: Path, registry: Account) -> None:
    (docker / "does").write_text("echo done")
    with pytest.raises(DeploymentFailed, match="is not known: done"):
        images.push(registry.cloud, images.SERVICE, "sketchnorm-ecs:c")


def test_a_registry_that_does_not_answer_stops_the_release(
    docker: Path, registry: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    registry.cloud.__dict__.pop("ecr", None)
    registry.cloud.__dict__.pop("_session", None)
    with pytest.raises(DeploymentFailed, match="AWS cannot be asked"), refusals():
        images.push(registry.cloud, images.SERVICE, "sketchnorm-ecs:c")


def test_what_is_not_committed_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_said", lambda *command: " M app/main.py")
    with pytest.raises(DeploymentFailed, match=r"not as in the commit:\n M app/main.py"):
        images.check_committed()


@pytest.mark.parametrize(("target", "count"), [("ecs", 1), ("lambda", 1), ("both", 2)])
def test_a_target_has_its_images(target: str, count: int) -> None:
    recipes = images.recipes(Target(target))
    assert len(recipes) == count
    assert all((ROOT / one.dockerfile).exists() for one in recipes)


def says(docker: Path, about_its_builder: str) -> None:
    """What this docker answers to ``buildx inspect``; its image is then built, and loaded."""
    with (docker / "bin" / "docker").open("a") as script:
        script.write(f'[ "$2" != inspect ] || printf "{about_its_builder}"\n')


def test_docker_builds_with_a_builder_that_sets_the_times_of_files(docker: Path) -> None:
    says(docker, "Name: sketchnorm\\nDriver:        docker-container\\n")
    name = images.build(images.SERVICE)
    (built,) = (
        line for line in (docker / "asked").read_text().splitlines() if "buildx build" in line
    )
    assert "rewrite-timestamp=true" in built
    assert f"SOURCE_DATE_EPOCH={images.commit_time()}" in built
    assert built.endswith(f"--file Dockerfile.ecs --tag {name} .")


@pytest.mark.parametrize("driver", ["Driver: docker\\n", "Driver: remote\\n", ""])
def test_docker_with_another_builder_builds_nothing_and_says_what_to_run(
    docker: Path, driver: str
) -> None:
    says(docker, driver)
    with pytest.raises(DeploymentFailed, match="docker buildx create --driver docker-container"):
        images.build(images.SERVICE)
    assert "build " not in (docker / "asked").read_text()


@pytest.mark.parametrize("dockerfile", ["Dockerfile.ecs", "Dockerfile.lambda"])
def test_what_would_differ_between_two_builds_is_not_in_an_image(dockerfile: str) -> None:
    text = re.sub(r"^#.*\n", "", (ROOT / dockerfile).read_text(), flags=re.MULTILINE)
    stages = text.split("\nFROM ")
    # A stage that runs something writes files; without the argument it does not know the time.
    for stage in (one for one in stages if "\nRUN " in one):
        assert "\nARG SOURCE_DATE_EPOCH\n" in stage.partition("\nRUN ")[0] + "\n"
    commands = re.split(r"&&|^RUN|\n(?=[A-Z])", text.replace("\\\n", ""), flags=re.MULTILINE)
    # Bytecode that names the time of its source would be another with each build.
    compiled = [one for one in commands if "-m compileall" in one]
    assert compiled
    assert all("--invalidation-mode unchecked-hash" in one for one in compiled)
    installed = [one for one in commands if "pip " in one and " install " in one]
    assert installed
    assert all("--no-compile" in one for one in installed)
