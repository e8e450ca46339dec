"""The two images: built so that the same commit gives the same layers, and pushed by digest."""

import base64
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecs.deploy.artifacts import ROOT
from ecs.deploy.cloud import Cloud, DeploymentFailed
from ecs.deploy.releases import Images, Target

CONTAINER_BUILDER: Final = re.compile(r"^Driver:\s+docker-container$", re.MULTILINE)
PUSHED: Final = re.compile(r"digest: (sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile, the local name of its image, and the foundation's output of its repository.

    ``report`` is the file into which a scanner of the image writes.
    """

    dockerfile: str
    name: str
    repository: str
    report: str


SERVICE: Final = Recipe("Dockerfile.ecs", "sketchnorm-ecs", "ImagesUri", "scan-service.json")
FUNCTION: Final = Recipe(
    "Dockerfile.lambda", "sketchnorm-api", "FunctionImagesUri", "scan-function.json"
)


def recipes(target: Target) -> tuple[Recipe, ...]:
    """The images that a target needs."""
    match target:
        case Target.ECS:
            return (SERVICE,)
        case Target.LAMBDA:
            return (FUNCTION,)
        case Target.BOTH:
            return (SERVICE, FUNCTION)


def commit(length: int = 40) -> str:
    """The commit that is checked out, by as many of its digits."""
    return _said("git", "rev-parse", "HEAD")[:length]


def commit_time() -> int:
    """Seconds since 1970, UTC: SOURCE_DATE_EPOCH of everything that is built from the commit."""
    return int(_said("git", "log", "-1", "--format=%ct"))


def check_committed() -> None:
    """Raise ``DeploymentFailed`` if files differ from the commit, which then says nothing."""
    changed = _said("git", "status", "--porcelain")
    if changed:
        raise DeploymentFailed(
            f"Files are not as in the commit:\n{changed}\nCommit them, or deploy another checkout."
        )


def build(recipe: Recipe, *, fresh: bool = False) -> str:
    """Build the image and return its local name; ``fresh`` uses no layer built before."""
    epoch, tag = commit_time(), local_name(recipe)
    if _has_buildx():
        _build_with_buildx(recipe, tag, epoch, fresh)
    else:
        cache = ["--no-cache"] if fresh else []
        _run(
            tool(), "build", *cache, "--network", "host", "--format", "docker",
            "--timestamp", str(epoch), "--build-arg", f"SOURCE_DATE_EPOCH={epoch}",
            "--file", recipe.dockerfile, "--tag", tag, ".",
        )  # fmt: skip
    _run(tool(), "tag", tag, f"{recipe.name}:built")  # what a scanner is told
    return tag


def local_name(recipe: Recipe) -> str:
    """What the image of this commit is called on this machine."""
    return f"{recipe.name}:{commit(12)}"


def check_reproducible(recipe: Recipe) -> None:
    """Raise ``DeploymentFailed`` unless two builds from nothing have the same layers."""
    first, second = (layers(build(recipe, fresh=True)) for _ in range(2))
    if first != second:
        same = len(set(first) & set(second))
        raise DeploymentFailed(
            f"{recipe.name}: {same} of {len(first)} layers are the same in two builds, not all."
        )


def _build_with_buildx(recipe: Recipe, tag: str, epoch: int, fresh: bool) -> None:
    """Its exporter sets the times of files; Lambda takes no image with attestations inside."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        cache = ["--no-cache"] if fresh else []
        _run(
            "docker", "buildx", "build", *cache, "--platform", "linux/amd64",
            "--provenance=false", "--sbom=false", "--build-arg", f"SOURCE_DATE_EPOCH={epoch}",
            "--output", f"type=docker,dest={archive},rewrite-timestamp=true",
            "--file", recipe.dockerfile, "--tag", tag, ".",
        )  # fmt: skip
        _run("docker", "load", "--input", str(archive))


def push(cloud: Cloud, recipe: Recipe, local: str) -> str:
    """Push an image and return its digest; raise ``DeploymentFailed`` if the registry is down.

    The same image of the same commit is not pushed again: tags there cannot be moved. Another image
    of that commit, as after its base image was renewed, has a tag of its own.
    """
    repository = cloud.output(recipe.repository)
    tag = f"{commit()}-{_id(local)}"
    remote = f"{repository}:{tag}"
    known = _pushed_before(cloud, repository, tag)
    if known is not None:
        return known
    registry = repository.partition("/")[0]
    found = cloud.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(found).decode().partition(":")
    _run(tool(), "login", "--username", user, "--password-stdin", registry, stdin=password)
    try:
        _run(tool(), "tag", local, remote)
        with tempfile.TemporaryDirectory() as folder:
            return _pushed(remote, Path(folder) / "digest")
    finally:
        _run(tool(), "logout", registry)


def _pushed(remote: str, note: Path) -> str:
    """Docker prints the digest, podman writes it into a file."""
    named = ["--digestfile", str(note)] if tool() == "podman" else []
    said = _run(tool(), "push", *named, remote)
    found = PUSHED.search(said)
    digest = note.read_text().strip() if note.exists() else found[1] if found else ""
    if not digest.startswith("sha256:"):
        raise DeploymentFailed(f"The digest of {remote} is not known: {said.strip()[-300:]}")
    return digest


def _id(image: str) -> str:
    """The first digits of what the image is made of: its configuration, which names its layers."""
    return _said(tool(), "inspect", "--format", "{{.Id}}", image).removeprefix("sha256:")[:12]


def _pushed_before(cloud: Cloud, repository: str, tag: str) -> str | None:
    name = repository.partition("/")[2]
    try:
        found = cloud.ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])
    except cloud.ecr.exceptions.ImageNotFoundException:
        return None
    return found["imageDetails"][0]["imageDigest"]


def build_and_push(cloud: Cloud, target: Target) -> Images:
    """All images of a target."""
    check_committed()
    digests = {one.name: push(cloud, one, build(one)) for one in recipes(target)}
    return Images(digests.get(SERVICE.name, ""), digests.get(FUNCTION.name, ""))


def layers(image: str) -> list[str]:
    """The digests of an image's layers, uncompressed."""
    every = "{{range .RootFS.Layers}}{{.}} {{end}}"
    return _said(tool(), "inspect", "--format", every, image).split()


def tool() -> str:
    """docker or, if none answers, podman."""
    if shutil.which("docker") and _succeeds("docker", "info"):
        return "docker"
    if shutil.which("podman"):
        return "podman"
    raise DeploymentFailed("No Docker answers here and there is no podman; install one of them.")


def _has_buildx() -> bool:
    """Raise ``DeploymentFailed`` if Docker's builder in use cannot set the times of files.

    That of Docker itself cannot, so images of one commit would differ.
    """
    if tool() != "docker":
        return False
    if not CONTAINER_BUILDER.search(_succeeded("docker", "buildx", "inspect")):
        raise DeploymentFailed(
            "Docker's builder here cannot give the same image for the same commit, so nothing was "
            "built. Run docker buildx create --driver docker-container --use, then try again; "
            "where there is no buildx, install Docker's buildx plugin first."
        )
    return True


def _succeeds(*command: str) -> bool:
    asked = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - ours
    return asked.returncode == 0


def _succeeded(*command: str) -> str:
    """What it printed; nothing if it failed."""
    asked = subprocess.run(  # noqa: S603 - ours
        command, capture_output=True, text=True, check=False
    )
    return "" if asked.returncode else asked.stdout


def _said(*command: str) -> str:
    return _run(*command).strip()


def _run(*command: str, stdin: str | None = None) -> str:
    """What it printed; raise ``DeploymentFailed`` with its last words if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - commands of ours with names of ours
            command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise DeploymentFailed(f"{command[0]} is not installed here; it is needed.") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip()[-600:]
        raise DeploymentFailed(f"{' '.join(command[:2])} failed, so nothing was deployed: {last}")
    return done.stdout
