"""The steps of a release, in their order; each stops the ones behind it.

plan, backup, migrate, rehearse, apply, check, and roll_back if one of the last two fails.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ecs.deploy import releases, stacks
from ecs.deploy.artifacts import Artifacts
from ecs.deploy.cloud import Cloud, DeploymentFailed, refusals
from ecs.deploy.commands import CommandFunction, Service
from ecs.deploy.releases import DEMO, FUNCTIONS, SERVICE, Images, Release, Target
from ecs.deploy.service import Rehearsal, check_serving
from ecs.deploy.smoke import Smoke

UNTOUCHED: Final = "Nothing was deployed; the release before goes on."
REVISION: Final = re.compile(r"\w+")  # of the schema


@dataclass(frozen=True)
class Steps:
    """``say`` is told what is done; ``rehearsal`` and ``smoke`` make their parts."""

    cloud: Cloud
    artifacts: Artifacts
    say: Callable[[str], None]
    rehearsal: Callable[[Service], Rehearsal] = field(default=Rehearsal, repr=False)
    smoke: Callable[[str], Smoke] = field(default=Smoke, repr=False)
    seconds_to_serve: float = 900

    def plan(
        self,
        release_id: str,
        target: Target,
        images: Images,
        given: Mapping[str, str],
        *,
        dry_run: bool = False,
    ) -> Release:
        """Make the change sets, print them, and write the release down.

        Raise ``DeploymentFailed`` without the images of the target; a dry run needs none.
        """
        if not dry_run:
            _check_images(target, images)
        arguments = (self.cloud, self.artifacts, release_id, target, images, given)
        if not dry_run and releases.make_empty_service(*arguments):
            self.say(f"The stack {SERVICE} is made; it has no task yet.")
        release = releases.plan(*arguments)
        for change in release.changes:
            self.say(f"{change.stack}: {'' if change.lines else 'nothing would change'}")
            for line in change.lines:
                self.say(f"  {line}")
        if dry_run:
            self._discard(release)
        else:
            release.save(self.artifacts)
        return release

    def backup(self, release: Release) -> None:
        """Back the database up with the release that is running."""
        if release.target is Target.LAMBDA:
            function = self._command_function()
            if function is None:
                self.say("There is no database yet, so there is no backup.")
                return
            self.say(_or_stop("backup", lambda: function.run(["backup"])))
            return
        service = self._service()
        if service.described()["desiredCount"] == 0:
            self.say("There is no database yet, so there is no backup.")
            return
        running = service.image()
        self.say(_or_stop("backup", lambda: service.run(["backup"], running, release.id)))

    def migrate(self, release: Release) -> None:
        """Bring the database to the new release's schema; the one before runs on it, too."""
        if release.target is Target.LAMBDA:
            self.say("The stack migrates by itself, before it replaces the site.")
            return
        service, image = self._service(), self._image(release)
        serves = service.described()["desiredCount"] > 0

        def migrate() -> str:
            serving = ["--serving", self._known_to(service, release)] if serves else []
            return service.run(["migrate", *serving], image, release.id)

        self.say(_or_stop("migration", migrate))
        if not serves:
            self.say(_or_stop("seeding", lambda: service.run(["seed"], image, release.id)))

    def rehearse(self, release: Release) -> None:
        """Run the new image where no visitor reaches it."""
        if release.target is Target.LAMBDA:
            self.say("A function cannot be rehearsed; CloudFormation takes a bad one back.")
            return
        self.rehearsal(self._service()).hold(self._image(release), release.id)
        self.say("The new image is healthy and stays so.")

    def apply(self, release: Release) -> None:
        """Execute the change sets."""
        releases.apply(self.cloud, self.artifacts, release)
        self.say("The stacks are changed.")

    def check(self, release: Release) -> None:
        """Raise ``DeploymentFailed`` unless this release serves, and serves well."""
        if release.target is not Target.ECS:
            stack = FUNCTIONS if release.target is Target.LAMBDA else DEMO
            self._check_function(stack, release.images.function)
            self.say(f"{stack}: {release.images.function} is serving.")
        if release.target is not Target.LAMBDA:
            check_serving(self._service(), release.images.service, self.seconds_to_serve)
            self.say(f"{SERVICE}: {release.images.service} is serving.")
        for line in self.smoke(self._address(release.target)).check():
            self.say(line)
        releases.note_served(self.cloud, self.artifacts, release)

    def roll_back(self, release: Release) -> None:
        """Bring the stacks back to what they were before."""
        begun = {one.stack: one for one in releases.begun(self.artifacts, release)}
        if not begun:
            self.say("Nothing of this release was begun, so nothing is taken back.")
        for line in releases.roll_back(self.cloud, self.artifacts, release):
            self.say(line)
        before = begun[SERVICE].before if SERVICE in begun else None
        image = before.parameters.get("ImageUri", "") if before else ""
        service = self._service() if image else None
        if service and service.described()["desiredCount"]:
            check_serving(service, image.partition("@")[2], self.seconds_to_serve)
            self.say(f"{image} is serving again.")

    def release(self, planned: Release) -> None:
        """All steps after the plan; rolled back if the release is deployed and not well."""
        for step in (self.backup, self.migrate, self.rehearse):
            step(planned)
        try:
            with refusals():
                self.apply(planned)
                self.check(planned)
        except DeploymentFailed as error:
            self.say(f"{error}\nThe release is taken back.")
            self.roll_back(planned)
            raise

    def _discard(self, release: Release) -> None:
        for change in release.changes:
            if change.change_set:
                made = stacks.ChangeSet(change.stack, change.change_set, change.lines)
                stacks.discard(self.cloud, made)

    def _service(self) -> Service:
        stack = stacks.find_stack(self.cloud, SERVICE)
        if stack is None:
            raise DeploymentFailed(f"There is no stack {SERVICE}: begin with the command plan.")
        outputs = stack.outputs
        commands = outputs["CommandTaskDefinition"]
        return Service(self.cloud, outputs["ClusterName"], outputs["ServiceName"], commands)

    def _known_to(self, service: Service, release: Release) -> str:
        """The newest revision that the release that serves knows: it starts on one more at most."""
        said = service.run(["migrate", "--head"], service.image(), release.id)
        head = said.strip().rpartition("\n")[2]
        if not REVISION.fullmatch(head):
            raise DeploymentFailed(
                f"The release that serves did not say which schema it knows: {said[-300:]!r}"
            )
        return head

    def _image(self, release: Release) -> str:
        return f"{self.cloud.output('ImagesUri')}@{release.images.service}"

    def _command_function(self) -> CommandFunction | None:
        stack = stacks.find_stack(self.cloud, FUNCTIONS)
        name = stack.outputs.get("CommandFunctionName") if stack else None
        return CommandFunction(self.cloud, name) if name else None

    def _check_function(self, stack: str, digest: str) -> None:
        found = stacks.resources(self.cloud, stack)
        alias = {"Qualifier": "live"} if "ApiFunctionAliaslive" in found else {}
        function = self.cloud.functions.get_function(FunctionName=found["ApiFunction"], **alias)
        image = function["Code"].get("ResolvedImageUri", "")
        if not image.endswith(f"@{digest}"):
            raise DeploymentFailed(f"Not this release is serving: {stack} runs {image}.")

    def _address(self, target: Target) -> str:
        name = FUNCTIONS if target is Target.LAMBDA else SERVICE
        stack = stacks.find_stack(self.cloud, name)
        outputs, parameters = (stack.outputs, stack.parameters) if stack else ({}, {})
        public = parameters.get("PublicBaseUrl") or outputs.get("Address") or ""
        address = public or outputs.get("ApiAddress", "")
        return f"{address.rstrip('/')}/"


def _check_images(target: Target, images: Images) -> None:
    needed = {"service": target is not Target.LAMBDA, "function": target is not Target.ECS}
    for name, digest in (("service", images.service), ("function", images.function)):
        if needed[name] and not digest.startswith("sha256:"):
            raise DeploymentFailed(
                f"The target {target} needs the digest of an image (--{name}-image sha256:…), as "
                f"push printed it, not {digest!r}. Nothing was changed."
            )


def _or_stop(what: str, run: Callable[[], str]) -> str:
    try:
        return run()
    except DeploymentFailed as error:
        raise DeploymentFailed(f"The {what} failed. {UNTOUCHED}\n{error}") from error
