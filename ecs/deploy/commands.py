"""``sketchnorm …`` in production: a one-off task of the service's image, or an event for Lambda."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from ecs.deploy.cloud import Cloud, DeploymentFailed

if TYPE_CHECKING:
    from mypy_boto3_ecs.literals import DesiredStatusType
    from mypy_boto3_ecs.type_defs import (
        ContainerOverrideTypeDef,
        ServiceTypeDef,
        TaskDefinitionTypeDef,
        TaskTypeDef,
    )

CONTAINER: Final = "app"
SECONDS_FOR_COMMAND: Final = 1800
SECONDS_FOR_LOG: Final = 30  # CloudWatch shows a line a while after it was written
# What RegisterTaskDefinition takes of what DescribeTaskDefinition gives.
DEFINITION: Final = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
    "placementConstraints", "requiresCompatibilities", "cpu", "memory", "runtimePlatform",
)  # fmt: skip


@dataclass(frozen=True)
class Service:
    """The service's cluster, and what its tasks are started with.

    Commands have a task definition of their own, ``commands``.
    """

    cloud: Cloud
    cluster: str
    name: str
    commands: str

    def described(self) -> "ServiceTypeDef":
        """The service as ECS knows it."""
        found = self.cloud.ecs.describe_services(cluster=self.cluster, services=[self.name])
        if not found["services"]:
            raise DeploymentFailed(f"There is no service {self.name} in {self.cluster}.")
        return found["services"][0]

    def definition(self, arn: str) -> "TaskDefinitionTypeDef":
        """A task definition."""
        return self.cloud.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def image(self) -> str:
        """What the service's task definition names, ``repository@sha256:…``."""
        found: str = self._app(self.definition(self.described()["taskDefinition"]))["image"]
        return found

    @contextmanager
    def with_image(self, arn: str, image: str) -> Iterator[str]:
        """A task definition like another one, but with this image; gone at the end."""
        found = self.definition(arn)
        if self._app(found)["image"] == image:
            yield arn
            return
        copy: dict[str, Any] = {name: one for name, one in found.items() if name in DEFINITION}
        self._app(copy)["image"] = image
        made = self.cloud.ecs.register_task_definition(**copy)["taskDefinition"]
        try:
            yield made["taskDefinitionArn"]
        finally:
            self.cloud.ecs.deregister_task_definition(taskDefinition=made["taskDefinitionArn"])

    def start(self, definition: str, overrides: "ContainerOverrideTypeDef", by: str) -> str:
        """Start a task where the service's run; its ARN."""
        service = self.described()
        started = self.cloud.ecs.run_task(
            cluster=self.cluster,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=service["networkConfiguration"],
            overrides={"containerOverrides": [overrides]},
            startedBy=by[:36],
        )
        if not started["tasks"]:
            reasons = ", ".join(one.get("reason", "?") for one in started["failures"])
            raise DeploymentFailed(f"ECS did not start a task: {reasons}.")
        arn: str = started["tasks"][0]["taskArn"]
        return arn

    def task(self, arn: str) -> "TaskTypeDef":
        """A task as it is now."""
        return self.cloud.ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"][0]

    def tasks(self, desired: "DesiredStatusType") -> "list[TaskTypeDef]":
        """The service's tasks that are to run, or to be ``STOPPED``: the latest hundred."""
        arns = self.cloud.ecs.list_tasks(
            cluster=self.cluster, serviceName=self.name, desiredStatus=desired
        )["taskArns"]
        if not arns:
            return []
        return self.cloud.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"]

    def stop(self, arn: str, why: str) -> None:
        """SIGTERM; ECS kills it later."""
        self.cloud.ecs.stop_task(cluster=self.cluster, task=arn, reason=why)

    def said(self, arn: str) -> str:
        """The last lines of a task's log, as far as they can be had."""
        options = self._app(self.definition(self.task(arn)["taskDefinitionArn"]))
        log = options.get("logConfiguration", {}).get("options", {})
        stream = f"{log.get('awslogs-stream-prefix')}/{CONTAINER}/{arn.rpartition('/')[2]}"
        try:
            found = self.cloud.logs.get_log_events(
                logGroupName=log.get("awslogs-group", ""), logStreamName=stream, limit=20
            )
        except ClientError as error:
            return f"(its log cannot be read: {error.response['Error']['Code']})"
        return "\n".join(event["message"] for event in found["events"])

    def run(self, words: Sequence[str], image: str, by: str) -> str:
        """Run a command of this image to its end and return its log.

        Raise ``DeploymentFailed`` unless its status is 0, or if it takes half an hour.
        """
        with self.with_image(self.commands, image) as definition:
            command = ["sketchnorm", *words]
            task = self.start(definition, {"name": CONTAINER, "command": command}, by)
            try:
                self._wait(task, words)
            except KeyboardInterrupt:
                self.stop(task, "the deployment was interrupted")
                raise
            status = self.exit_status(task)
            if status != 0:
                raise DeploymentFailed(
                    f"sketchnorm {' '.join(words)} {_how(self.task(task), status)}\n"
                    f"{self.said(task)}"
                )
            self.cloud.until(lambda: bool(self.said(task)), SECONDS_FOR_LOG)
            return self.said(task)

    def exit_status(self, arn: str) -> int | None:
        """Of a task that has stopped; ``None`` if its container never ran."""
        for container in self.task(arn)["containers"]:
            if container["name"] == CONTAINER:
                status: int | None = container.get("exitCode")
                return status
        return None

    def _wait(self, task: str, words: Sequence[str]) -> None:
        if not self.cloud.until(lambda: self._has_stopped(task), SECONDS_FOR_COMMAND):
            self.stop(task, "it took too long")
            raise DeploymentFailed(
                f"sketchnorm {' '.join(words)} had not ended after {SECONDS_FOR_COMMAND // 60} "
                "minutes and was stopped."
            )

    def _has_stopped(self, task: str) -> bool:
        return bool(self.task(task)["lastStatus"] == "STOPPED")

    @staticmethod
    def _app(definition: Mapping[str, Any]) -> dict[str, Any]:
        return next(one for one in definition["containerDefinitions"] if one["name"] == CONTAINER)


@dataclass(frozen=True)
class CommandFunction:
    """The function that runs commands where everything is on Lambda."""

    cloud: Cloud
    name: str

    def run(self, words: Sequence[str]) -> str:
        """Raise ``DeploymentFailed`` with what was printed unless the status is 0."""
        return str(invoke(self.cloud, self.name, {"command": list(words)}))


def invoke(cloud: Cloud, function: str, event: dict[str, Any]) -> object:
    """The answer of a function; raise ``DeploymentFailed`` if it fails."""
    answer = cloud.functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    said = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        what = said.get("errorMessage", said) if isinstance(said, dict) else said
        raise DeploymentFailed(f"{function} failed: {what}")
    return said


def _how(task: "TaskTypeDef", status: int | None) -> str:
    if status is None:
        return f"was never begun: {task.get('stoppedReason', 'ECS gives no reason')}"
    if status == 137:
        return "was killed, perhaps for want of memory"
    return f"ended with status {status}"
