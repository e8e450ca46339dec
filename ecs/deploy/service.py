"""Which release serves, and whether a new one could: what ECS itself does not tell.

CloudFormation and ECS report success, too, when the circuit breaker put the release before back.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecs.deploy.cloud import DeploymentFailed
from ecs.deploy.commands import CONTAINER, Service

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ContainerOverrideTypeDef

SECONDS_TO_HEALTHY: Final = 300
# More than a minute, for faults that take one. The health check looks every 30 seconds and gives up
# after three.
SECONDS_HELD: Final = 100
SECONDS_TO_SERVE: Final = 900
# The command of the image, which ends by itself: whoever should have stopped the task may be gone.
COMMAND: Final = ("timeout", "--kill-after=30", "900", "python", "-m", "ecs.serve")


@dataclass(frozen=True)
class Rehearsal:
    """A task of the new image that no visitor reaches, for as long as faults take to show."""

    service: Service
    seconds_to_healthy: float = SECONDS_TO_HEALTHY
    seconds_held: float = SECONDS_HELD

    def hold(self, image: str, by: str) -> None:
        """Raise ``DeploymentFailed`` if it does not become healthy, or does not stay so."""
        like = self.service.described()["taskDefinition"]
        with self.service.with_image(like, image) as definition:
            # It writes like any other task, and has no visitor to wait for at its end.
            changed: ContainerOverrideTypeDef = {
                "name": CONTAINER,
                "command": list(COMMAND),
                "environment": [{"name": "DRAIN_SECONDS", "value": "0"}],
            }
            task = self.service.start(definition, changed, by)
            try:
                self._watch(task)
            finally:
                self.service.stop(task, "the rehearsal is over")

    def _watch(self, task: str) -> None:
        healthy = self.service.cloud.until(lambda: self._is_healthy(task), self.seconds_to_healthy)
        if not healthy:
            raise DeploymentFailed(
                f"The new image was not healthy after {self.seconds_to_healthy:.0f} seconds, so it "
                f"was not deployed.\n{self.service.said(task)}"
            )
        end = time.monotonic() + self.seconds_held
        while time.monotonic() < end:
            if not self._is_healthy(task):
                raise DeploymentFailed(
                    "The new image became unhealthy again, so it was not deployed.\n"
                    f"{self.service.said(task)}"
                )
            self.service.cloud.pause(self.service.cloud.poll_seconds)

    def _is_healthy(self, task: str) -> bool:
        """Raise ``DeploymentFailed`` if it has ended by itself."""
        found = self.service.task(task)
        if found["lastStatus"] in ("DEPROVISIONING", "STOPPED"):
            status = self.service.exit_status(task)
            raise DeploymentFailed(
                f"The new image ended by itself with status {status}, so it was not deployed.\n"
                f"{self.service.said(task)}"
            )
        return bool(found.get("healthStatus") == "HEALTHY")


def check_serving(service: Service, digest: str, seconds: float = SECONDS_TO_SERVE) -> None:
    """Raise ``DeploymentFailed`` unless tasks of this digest, and no others, come to serve."""
    told: list[str] = []

    def serves() -> bool:
        told[:] = faults(service, digest)
        return not told

    if not service.cloud.until(serves, seconds):
        raise DeploymentFailed(f"Not this release is serving: {' '.join(told)}")


def faults(service: Service, digest: str) -> list[str]:
    """Sentences about what speaks against it that this digest alone serves; none if it does."""
    described, found = service.described(), []
    image = service.image()
    if not image.endswith(f"@{digest}"):
        found.append(f"The service is to run {image}.")
    primary = next(one for one in described["deployments"] if one["status"] == "PRIMARY")
    if primary.get("rolloutState") != "COMPLETED":
        reason = primary.get("rolloutStateReason", "")
        found.append(f"ECS's deployment is {primary.get('rolloutState')}: {reason}")
    if primary["taskDefinition"] != described["taskDefinition"]:
        found.append("ECS is at another task definition than the service.")
    tasks = service.tasks("RUNNING")
    if not tasks:
        return [*found, "No task runs."]
    if any(task["lastStatus"] != "STOPPED" for task in service.tasks("STOPPED")):
        # It would answer the smoke test, too: API Gateway sends requests to it for a minute yet.
        found.append("A task of before has not ended yet.")
    for container in (one for task in tasks for one in task["containers"]):
        if container["name"] != CONTAINER:
            continue
        if container.get("imageDigest") != digest:
            found.append(f"A task runs {container.get('imageDigest', 'an unknown image')}.")
        if container.get("healthStatus") != "HEALTHY":
            found.append(f"A task is {container.get('healthStatus', 'of unknown health')}.")
    return found
