"""A real S3 server on loopback: SeaweedFS, which checks signatures, checksums and conditions.

It takes some 400 MB, so all tests that use it run in one process and share it. They are known by
``s3`` in their names: pytest-xdist sees nothing else of them.
"""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.polling import until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAMED = "s3"
BUCKET = "pictures"
REGION: Final = "eu-central-1"
IDENTITIES = Path(__file__).with_name("s3_identities.json")
WEED = Path(sysconfig.get_path("scripts")) / "weed"
SOCKETS = Path("/tmp")  # noqa: S108 - the server knows no other place for them
# A key of 32 bytes under which the server keeps what it is asked to encrypt.
ENCRYPTION_KEY = "00" * 32
PORTS = range(18_000, 32_000)
PARTS = ("master", "volume", "filer", "s3")


def _free_ports() -> dict[str, int]:
    """Below those that the system gives to connections, of which the server itself opens many.

    All are held until all are known, so that none is given twice.
    """
    names = (*PARTS, *(f"{part}.grpc" for part in PARTS))
    candidates = random.sample(PORTS, len(PORTS))
    with ExitStack() as held:
        free = (port for port in candidates if _is_free(port, held))
        return dict(zip(names, free, strict=False))


def _is_free(port: int, held: ExitStack) -> bool:
    listener = held.enter_context(socket.socket())
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


@dataclass
class S3Server:
    """Can be killed and started again on the same ports, with what was kept."""

    folder: Path
    ports: dict[str, int] = field(default_factory=_free_ports)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    def environ(self, name: str = "APP") -> dict[str, str]:
        """What a process needs to use it as one of those in ``s3_identities.json``."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": f"AKIA{name}",
            "AWS_SECRET_ACCESS_KEY": f"{name.lower()}secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cached_property
    def client(self) -> "S3Client":
        """For tests to look past the store under test."""
        from boto3.session import Session
        from botocore.config import Config

        return Session("AKIAAPP", "appsecret", region_name=REGION).client(
            "s3", endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1})
        )

    def start(self) -> None:
        """Return once something can be kept; an open port is not enough."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [WEED, *self._arguments()],
                env={**os.environ, "WEED_S3_SSE_KEK": ENCRYPTION_KEY},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        until(
            self._takes_blobs,
            alive=lambda: self.process is not None and self.process.poll() is None,
            pause=0.2,
            what=f"the S3 server to start; see {self.folder / 'log'}",
        )

    def stop(self) -> None:
        """At once, as a failure does it; what it has acknowledged is kept."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=30)
            self.process = None
        for port in self.ports.values():
            for left in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()

    def keys(self) -> list[str]:
        """Every key in the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def wipe(self) -> None:
        """Empty the bucket; a bucket for each test would soon fill the server."""
        for key in self.keys():
            self.client.delete_object(Bucket=BUCKET, Key=key)

    def _arguments(self) -> Iterator[str]:
        yield from ("server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1")
        yield from (
            "-filer",
            "-s3",
            f"-s3.config={IDENTITIES}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        )
        yield from ("-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=50")
        # It has nobody to elect it against, yet waits for this long when started again.
        yield "-master.electionTimeout=1s"
        for part in PARTS:
            yield f"-{part}.port={self.ports[part]}"
            yield f"-{part}.port.grpc={self.ports[part + '.grpc']}"

    def _takes_blobs(self) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client
        try:
            if BUCKET not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
                client.create_bucket(
                    Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
                )
            client.put_object(Bucket=BUCKET, Key="probe", Body=b"x", ServerSideEncryption="AES256")
            client.delete_object(Bucket=BUCKET, Key="probe")
        except (BotoCoreError, ClientError):
            return False
        return True


@contextmanager
def running_server(folder: Path) -> Iterator[S3Server]:
    """Stopped at the end, however that comes."""
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _die_with_parent() -> None:
    """In the new process: a test run that is killed must not leave a server behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
