"""The admin's secret: the hash of the password, and the epoch under which logins are live.

It is read at run time, so that a new password needs no deployment. In production it lies in Secrets
Manager, on a developer's machine in a file for its owner alone. boto3 is imported when the former
is opened: it takes longer to import than most of the application.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from app.access.password import is_hash
from app.errors import ConfigurationError, SecretUnavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEY_BYTES = 32
WAIT_SECONDS = 2.0  # for Secrets Manager; a person waits for the page meanwhile
OWNER_ALONE = 0o600
LATER: Final = "Nobody can log in just now; please try again in a few minutes."
# What Secrets Manager says of a secret that is not there, or is marked to be deleted.
GONE: Final = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
_EPOCH: Final = range(2**31)


@dataclass(frozen=True)
class AdminSecret:
    """What a password is checked against; raising ``session_epoch`` ends every login."""

    hash: str = field(repr=False)
    session_epoch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it from JSON; raise ``SecretUnavailable`` if that is no such secret."""
        try:
            found = json.loads(text)
            secret = cls(found["hash"], found["session_epoch"])
        except (ValueError, TypeError, KeyError) as error:
            raise SecretUnavailable(LATER, MALFORMED) from error
        if not isinstance(secret.hash, str) or not is_hash(secret.hash):
            raise SecretUnavailable(LATER, MALFORMED)
        if type(secret.session_epoch) is not int or secret.session_epoch not in _EPOCH:
            raise SecretUnavailable(LATER, MALFORMED)
        return secret

    def as_text(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self))

    def with_password(self, hash_: str) -> Self:
        """The secret after a change of the password, which ends every login."""
        return replace(self.raised(), hash=hash_)

    def raised(self, above: int = 0) -> Self:
        """With an epoch that no login has, nor any up to the epoch ``above``."""
        return replace(self, session_epoch=max(self.session_epoch, above) + 1)


MALFORMED: Final = (
    'The admin\'s secret is not of the form {"hash": "$argon2id$…", "session_epoch": 1}; '
    "run sketchnorm admin-password."
)


class SecretSource(Protocol):
    """Where the secret is kept."""

    def read(self) -> AdminSecret | None:
        """``None`` if no password is set; raise ``SecretUnavailable`` if nobody can tell."""

    def write(self, secret: AdminSecret) -> None:
        """Put it in the place of the one before; raise ``SecretUnavailable`` if that fails."""


def kept_key(path: Path) -> bytes:
    """Random bytes that are the same at every start, made at the first one."""
    with suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(path, os.urandom(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{path.name} is damaged; delete it, and it is made anew.")
    return key


def _write_new(path: Path, content: bytes) -> None:
    """Raise ``FileExistsError`` if there is one; its owner alone can read it."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ALONE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    finally:
        beside.unlink()


@dataclass(frozen=True)
class SecretFile:
    """A file that its owner alone can read."""

    path: Path

    def read(self) -> AdminSecret | None:
        """Raise ``ConfigurationError`` if others can read it, too."""
        try:
            with self.path.open(encoding="utf-8") as file:
                if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise ConfigurationError(
                        f"Others can read {self.path.name}; run chmod 600 on it."
                    )
                return AdminSecret.parse(file.read())
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SecretUnavailable(LATER, f"{self.path.name} cannot be read: {error}") from error

    def write(self, secret: AdminSecret) -> None:
        """Whoever reads meanwhile finds the old one or the new one, whole."""
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(secret.as_text())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise SecretUnavailable(
                LATER, f"{self.path.name} cannot be written: {error}"
            ) from error


@dataclass(frozen=True)
class SecretsManager:
    """A secret of AWS."""

    name: str
    client: "SecretsManagerClient" = field(repr=False)

    @classmethod
    def open(cls, name: str, region: str | None) -> Self:
        """Nothing is asked yet; raise ``ConfigurationError`` if the AWS settings are wrong."""
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            connect_timeout=WAIT_SECONDS,
            read_timeout=WAIT_SECONDS,
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        try:
            client = Session().client("secretsmanager", region_name=region, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(
                f"Secrets Manager cannot be used as it is set up ({error}); correct the AWS "
                "settings, or set SECRET_MANAGER_ENABLED=false."
            ) from error
        return cls(name, client)

    def read(self) -> AdminSecret | None:
        """A secret that was deleted is no password; whatever else goes wrong is an outage."""
        from botocore.exceptions import ClientError

        with self._reachable():
            try:
                found: dict[str, Any] = dict(self.client.get_secret_value(SecretId=self.name))
            except ClientError as error:
                if error.response["Error"]["Code"] in GONE:
                    return None
                raise
        return AdminSecret.parse(found.get("SecretString", ""))

    def write(self, secret: AdminSecret) -> None:
        """As a new version; the secret itself is made by the infrastructure."""
        with self._reachable():
            self.client.put_secret_value(SecretId=self.name, SecretString=secret.as_text())

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise SecretUnavailable(
                LATER, f"Secrets Manager refused a request for the admin's secret ({code})."
            ) from error
        except BotoCoreError as error:
            raise SecretUnavailable(
                LATER, f"Secrets Manager does not answer ({type(error).__name__})."
            ) from error
