"""An account with the foundation deployed, and the steps of a release in it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from uuid import uuid4

import pytest

from ecs.deploy.artifacts import Artifacts
from ecs.deploy.cloud import Cloud
from ecs.deploy.commands import Service
from ecs.deploy.releases import Images, Release, Target
from ecs.deploy.service import Rehearsal
from ecs.deploy.smoke import Smoke
from ecs.deploy.steps import Steps
from tests.support.cloud.fargate import Fargate, Logs
from tests.support.cloud.formation import Formation, Functions, MadeStack
from tests.support.cloud.protocol import Answers, serving
from tests.support.polling import free_port, when_listening

REGION = "us-east-1"
FOUNDATION = "sketchnorm-foundation"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
OF_MOTO = ("S3", "SNS", "SECRETS_MANAGER", "ECR", "SQS")
OLD, NEW, NEWER = (f"sha256:{digit * 64}" for digit in "abc")
OUTPUTS = {
    "ImagesUri": f"{REGISTRY}/service",
    "FunctionImagesUri": f"{REGISTRY}/functions",
    "BoundaryArn": "arn:aws:iam::123456789012:policy/sketchnorm/Boundary",
    "StackRoleArn": "arn:aws:iam::123456789012:role/StackRole",
    "AccessPointArn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-1",
    "SubnetIds": "subnet-1,subnet-2",
    "FunctionGroupId": "sg-1",
    "BucketName": "drawings",
    "AdminSecretArn": "sketchnorm/admin",
    "OriginProofArn": "sketchnorm/origin",
    "RetentionDays": "30",
}


@contextmanager
def running_moto(folder: Path) -> Iterator[dict[str, str]]:
    """S3, SNS, Secrets Manager and ECR of moto's server: what boto3 needs to find them."""
    port = free_port()
    with (
        (folder / "moto.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        ) as process,
    ):  # fmt: skip
        try:
            address = when_listening(port, lambda: process.poll() is None)
            yield {f"AWS_ENDPOINT_URL_{service}": address for service in OF_MOTO}
        finally:
            process.kill()


class Skipped(Rehearsal):
    """For what only shows once it is deployed."""

    def hold(self, image: str, by: str) -> None: ...


@dataclass
class Account:
    """``said`` is what the steps told; ``seconds`` is how long anything is waited for."""

    fargate: Fargate
    formation: Formation
    functions: Functions
    said: list[str] = field(default_factory=list)
    seconds: float = 3
    held: float = 0.2
    smokes_for: float = 0
    rehearses: bool = True

    @cached_property
    def cloud(self) -> Cloud:
        return Cloud(FOUNDATION, REGION, poll_seconds=0.02)

    @cached_property
    def artifacts(self) -> Artifacts:
        return Artifacts(self.cloud, self.cloud.output("ArtifactsName"), build=str.encode)

    @property
    def steps(self) -> Steps:
        return Steps(
            self.cloud, self.artifacts, self.said.append,
            rehearsal=self._rehearsal if self.rehearses else Skipped,
            smoke=partial(Smoke, seconds=self.smokes_for, pause=lambda seconds: None),
            seconds_to_serve=self.seconds,
        )  # fmt: skip

    def _rehearsal(self, service: Service) -> Rehearsal:
        return Rehearsal(service, seconds_to_healthy=self.seconds, seconds_held=self.held)

    def plans(self, service: str, release_id: str = "r1", target: Target = Target.ECS) -> Release:
        """A release of these images; the function's is the same as the service's."""
        return self.steps.plan(release_id, target, Images(service, service), {})

    def has_deployed(self, digest: str) -> None:
        """An account in which this release serves."""
        steps = self.steps
        planned = self.plans(digest, f"first-{digest[-1]}")
        steps.migrate(planned)
        steps.apply(planned)
        self.said.clear()

    @property
    def serves(self) -> str:
        """The last digit of the digest that serves."""
        return self.fargate.image_of(self.fargate.service)[-1]


@contextmanager
def opened_account(
    fargate: Fargate, moto: dict[str, str], patch: pytest.MonkeyPatch
) -> Iterator[Account]:
    """What boto3 in this process uses; its foundation is there."""
    formation, functions = Formation(fargate), Functions()
    outputs = {**OUTPUTS, "ArtifactsName": f"artifacts-{uuid4()}"}
    formation.stacks[FOUNDATION] = MadeStack(FOUNDATION, "CREATE_COMPLETE", outputs=outputs)
    parts: dict[str, Answers] = {
        "ecs": fargate, "cloudformation": formation, "lambda": functions, "logs": Logs(fargate),
    }  # fmt: skip
    with serving(parts) as server:
        keys = {
            "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        for name, value in {**moto, **server.environ, **keys}.items():
            patch.setitem(os.environ, name, value)
        account = Account(fargate, formation, functions)
        account.cloud.s3.create_bucket(Bucket=outputs["ArtifactsName"])
        try:
            yield account
        finally:
            formation.settle()
            fargate.end()
