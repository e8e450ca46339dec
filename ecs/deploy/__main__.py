"""``python -m ecs.deploy``: what ``make deploy`` and the workflows call."""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from ecs.deploy import findings, images, upkeep
from ecs.deploy.artifacts import Artifacts
from ecs.deploy.cloud import Cloud, DeploymentFailed, refusals
from ecs.deploy.releases import NO_IMAGE, Images, Release, Target
from ecs.deploy.steps import Steps

commands = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Release Sketchnorm to AWS, and take a release back.",
)  # fmt: skip
Foundation = Annotated[str, typer.Option(help="The stack of ecs/foundation.yaml.")]
Where = Annotated[Target, typer.Option(help="ecs, lambda, or both.")]
Id = Annotated[str, typer.Option("--release", help="The release that plan named.")]
Bucket = Annotated[str, typer.Option(help="Where templates go; by default the foundation's.")]
Parameters = Annotated[
    str, typer.Option(help="Parameters of the stacks: Name=Value, with spaces between.")
]
Digest = Annotated[str, typer.Option(help="sha256:…, as build printed it.")]
SUMMARY: Final = "GITHUB_STEP_SUMMARY"
OUTPUT: Final = "GITHUB_OUTPUT"
FOUNDATION: Final = "sketchnorm-foundation"


def say(line: str) -> None:
    """Print it, and add it to the summary of the workflow's run, if there is one."""
    print(line, flush=True)
    summary = os.environ.get(SUMMARY)
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"    {line}\n")


def hand_on(**values: str) -> None:
    """Give values to the jobs behind this one, if a workflow runs it."""
    output = os.environ.get(OUTPUT)
    if output:
        with Path(output).open("a", encoding="utf-8") as file:
            file.writelines(f"{name.replace('_', '-')}={value}\n" for name, value in values.items())


def opened(foundation: str, artifacts: str) -> Steps:
    """The steps in the account that the credentials are of."""
    cloud = Cloud(foundation)
    with refusals():
        bucket = artifacts or cloud.output("ArtifactsName")
    return Steps(cloud, Artifacts(cloud, bucket), say)


def take(
    step: Callable[[Steps, Release], None], release: str, foundation: str, artifacts: str
) -> None:
    """Do one step of a release that plan wrote down."""
    steps = opened(foundation, artifacts)
    with refusals():
        step(steps, Release.load(steps.artifacts, release))


def new_id() -> str:
    """When, and of which commit; a change set's name takes it, and the parameter Revision."""
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}-{images.commit(7)}"


@commands.command()
def build(target: Where) -> None:
    """Build the images of a target; each is also called NAME:built."""
    images.check_committed()
    for recipe in images.recipes(target):
        say(f"{recipe.name} is built as {images.build(recipe)}.")


@commands.command()
def push(target: Where, foundation: Foundation = FOUNDATION) -> None:
    """Push the images that build made, and print their digests."""
    cloud = Cloud(foundation)
    for recipe in images.recipes(target):
        with refusals():
            digest = images.push(cloud, recipe, images.local_name(recipe))
        say(f"{recipe.name} is pushed as {digest}.")
        hand_on(**{"service" if recipe is images.SERVICE else "function": digest})


@commands.command()
def reproduce(target: Where) -> None:
    """Build the images twice from nothing; fails unless their layers are the same."""
    images.check_committed()
    for recipe in images.recipes(target):
        images.check_reproducible(recipe)
        say(f"{recipe.name}: two builds have the same layers.")


@commands.command()
def scan(target: Where, folder: Path = Path()) -> None:
    """Judge the reports of a scanner (Grype's JSON) on all that a target deploys.

    Fails on what is high and can be fixed, and if a report is not there.
    """
    names = [*(recipe.report for recipe in images.recipes(target)), findings.OF_THE_LAYER]
    for line in findings.check(folder / name for name in names):
        say(line)
    say("Nothing that was found stops the release.")


@commands.command()
def plan(
    target: Where,
    service_image: Digest = "",
    function_image: Digest = "",
    parameters: Parameters = "",
    dry_run: bool = False,
    foundation: Foundation = FOUNDATION,
    artifacts: Bucket = "",
) -> None:
    """Print what would be changed, and write the release down for the steps behind."""
    steps = opened(foundation, artifacts)
    given = Images(service_image, function_image)
    with refusals():
        made = steps.plan(new_id(), target, given, read_parameters(parameters), dry_run=dry_run)
    hand_on(release=made.id)
    say(f"The release is {made.id}." if not dry_run else "Nothing was changed.")


@commands.command()
def backup(release: Id, foundation: Foundation = FOUNDATION, artifacts: Bucket = "") -> None:
    """Back the database up with the release that is running."""
    take(Steps.backup, release, foundation, artifacts)


@commands.command()
def migrate(release: Id, foundation: Foundation = FOUNDATION, artifacts: Bucket = "") -> None:
    """Migrate the database with the new release."""
    take(Steps.migrate, release, foundation, artifacts)


@commands.command()
def rehearse(release: Id, foundation: Foundation = FOUNDATION, artifacts: Bucket = "") -> None:
    """Run the new image where no visitor reaches it."""
    take(Steps.rehearse, release, foundation, artifacts)


@commands.command()
def apply(release: Id, foundation: Foundation = FOUNDATION, artifacts: Bucket = "") -> None:
    """Execute the change sets of a release."""
    take(Steps.apply, release, foundation, artifacts)


@commands.command()
def check(release: Id, foundation: Foundation = FOUNDATION, artifacts: Bucket = "") -> None:
    """Fail unless the release's own digest is serving, and serving well."""
    take(Steps.check, release, foundation, artifacts)


@commands.command("roll-back")
def roll_back(release: Id, foundation: Foundation = FOUNDATION, artifacts: Bucket = "") -> None:
    """Bring the stacks back to what they were before a release."""
    take(Steps.roll_back, release, foundation, artifacts)


@commands.command("release")
def release_all(
    target: Where,
    service_image: Digest = "",
    function_image: Digest = "",
    parameters: Parameters = "",
    dry_run: bool = False,
    foundation: Foundation = FOUNDATION,
    artifacts: Bucket = "",
) -> None:
    """All steps one after the other, as make deploy does; without images it builds them."""
    steps = opened(foundation, artifacts)
    wanted = Images(service_image, function_image)
    with refusals():
        if dry_run and wanted == Images():
            say("A dry run builds no image; the change sets name one of zeros.")
            wanted = Images(NO_IMAGE, NO_IMAGE)
        elif wanted == Images():
            wanted = images.build_and_push(steps.cloud, target)
        given = read_parameters(parameters)
        made = steps.plan(new_id(), target, wanted, given, dry_run=dry_run)
        if dry_run:
            say("Nothing was changed.")
            return
        say(f"The release is {made.id}.")
        steps.release(made)


@commands.command()
def drill(foundation: Foundation = FOUNDATION) -> None:
    """Have the newest backup restored and thrown away."""
    with refusals():
        say(upkeep.drill(Cloud(foundation)))


@commands.command("rotate-password")
def rotate_password(foundation: Foundation = FOUNDATION) -> None:
    """Put the hash on standard input (admin-password --print-hash) into the admin's secret."""
    hash_ = sys.stdin.readline().strip()
    with refusals():
        upkeep.rotate_password(Cloud(foundation), hash_)
    say("The password is set, and every login has ended; a running site knows within 5 minutes.")


@commands.command()
def destroy(
    stack: Annotated[str, typer.Option(help="The stack to delete.")],
    typed: Annotated[str, typer.Option("--confirm", help="Its name once more.")] = "",
    foundation: Foundation = FOUNDATION,
) -> None:
    """Delete a stack; the foundation, and with it the database and the bucket, stays."""
    with refusals():
        upkeep.destroy(Cloud(foundation), stack, typed)
    say(f"The stack {stack} is deleted; the database and the bucket are as they were.")


@commands.command()
def notify(subject: str, message: str, foundation: Foundation = FOUNDATION) -> None:
    """Write to everybody who is told of alarms."""
    with refusals():
        upkeep.notify(Cloud(foundation), subject, message)


def read_parameters(text: str) -> dict[str, str]:
    """Raise ``DeploymentFailed`` for a word that is no Name=Value."""
    pairs = [word.partition("=") for word in text.split()]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise DeploymentFailed(f"Say Name=Value for each parameter, not {' '.join(wrong)}.")
    return {name: value for name, _, value in pairs}


def main() -> None:
    """One command; what fails is a sentence, in the run's summary, too, and the exit status 1."""
    try:
        commands()
    except DeploymentFailed as error:
        say(f"FAILED: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
