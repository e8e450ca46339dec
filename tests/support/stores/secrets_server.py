"""Secrets Manager on loopback: moto's server in a process of its own, which can be frozen.

Stopping it loses what it keeps: a restart answers that there is no such secret, which is another
fault than an outage.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.access.secrets import AdminSecret
from tests.support.polling import until

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION: Final = "eu-central-1"
NAME: Final = "sketchnorm/admin"
KEYS: Final = ("AKIATESTS", "testssecret")


@dataclass(frozen=True)
class SecretsServer:
    """Holds the admin's secret; ``environ`` is what boto3 needs to use it."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cached_property
    def client(self) -> "SecretsManagerClient":
        """For tests to act as AWS or its administrator."""
        from boto3.session import Session

        url = self.environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"]
        return Session(*KEYS, region_name=REGION).client("secretsmanager", endpoint_url=url)

    def keeps(self, text: str) -> None:
        """Whatever was kept before."""
        try:
            self.client.create_secret(Name=NAME, SecretString=text)
        except self.client.exceptions.ResourceExistsException:
            self.client.put_secret_value(SecretId=NAME, SecretString=text)

    def keeps_password(self, hash_: str, epoch: int = 1) -> None:
        self.keeps(AdminSecret(hash_, epoch).as_text())

    def deletes(self) -> None:
        self.client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)

    def marks_as_deleted(self) -> None:
        """As the console does: it can be had back for some days."""
        self.client.delete_secret(SecretId=NAME)

    def freezes(self) -> None:
        """It takes connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaws(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stops(self) -> None:
        """Connections are refused."""
        self.process.kill()
        self.process.wait(timeout=30)


@contextmanager
def running_secrets_server(folder: Path) -> Iterator[SecretsServer]:
    """Started, and empty."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with (folder / "moto.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until(
            lambda: _answers(port),
            alive=lambda: process.poll() is None,
            what=f"moto's server to start; see {folder / 'moto.log'}",
        )
        server = SecretsServer(process, port)
        server.client.list_secrets()  # the first answer takes it longer than the product waits
        yield server
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(timeout=30)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
