"""AWS as a deployment meets it: the clients, the foundation's outputs, and waiting."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

# A command on Lambda runs for 15 minutes at most, and nothing may be asked twice of it.
ONCE = Config(read_timeout=930, retries={"total_max_attempts": 1, "mode": "standard"})


@cache
def _session(region: str | None) -> Session:
    """One for all accounts: it reads AWS's large models once."""
    return Session(region_name=region)


class DeploymentFailed(Exception):
    """A step did not succeed; the message says what happened and what to do next."""


@contextmanager
def refusals() -> Iterator[None]:
    """Have what AWS refuses, or an AWS that does not answer, raise ``DeploymentFailed``."""
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise DeploymentFailed(
            f"AWS refused {error.operation_name}: {said.get('Message')} ({said.get('Code')})."
        ) from error
    except BotoCoreError as error:
        raise DeploymentFailed(f"AWS cannot be asked: {error}. Nothing more was done.") from error


@dataclass(frozen=True)
class Cloud:
    """One account in one region; credentials are found where boto3 looks for them.

    ``foundation`` is the stack of ``ecs/foundation.yaml``. AWS is asked every ``poll_seconds``
    whether something has happened.
    """

    foundation: str
    region: str | None = None
    poll_seconds: float = 5
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    @property
    def _session(self) -> Session:
        return _session(self.region)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation")

    @cached_property
    def s3(self) -> "S3Client":
        return self._session.client("s3")

    @cached_property
    def ecr(self) -> "ECRClient":
        return self._session.client("ecr")

    @cached_property
    def functions(self) -> "LambdaClient":
        return self._session.client("lambda", config=ONCE)

    @cached_property
    def ecs(self) -> "ECSClient":
        return self._session.client("ecs")

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs")

    @cached_property
    def sns(self) -> "SNSClient":
        return self._session.client("sns")

    @cached_property
    def outputs(self) -> dict[str, str]:
        """What the foundation says about itself."""
        found = self.cloudformation.describe_stacks(StackName=self.foundation)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in found[0].get("Outputs", [])}

    def output(self, name: str) -> str:
        """One output of the foundation; raise ``DeploymentFailed`` without it."""
        try:
            return self.outputs[name]
        except KeyError:
            raise DeploymentFailed(
                f"The stack {self.foundation} has no output {name}: deploy ecs/foundation.yaml "
                "of this release first, with GitHubRepository for ArtifactsName."
            ) from None

    def until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Ask until it has happened, ``seconds`` at most; whether it has."""
        end = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > end:
                return False
            self.pause(self.poll_seconds)
        return True
