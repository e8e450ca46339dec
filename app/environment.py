"""Which environment this process runs in; the only reader of the environment and ``.env`` files.

What is found, first hit wins: the real environment, ``.env.local`` or ``.env.production``
(whichever environment was detected), ``.env``. A setting that is given but empty counts as not
given, as docker-compose and SAM pass absent settings that way. Nothing here changes
``os.environ``, and ``${...}`` in a file is not expanded, because that would read it unseen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeVar, get_args
from urllib.parse import urlsplit

from dotenv import dotenv_values
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.errors import ConfigurationError

EnvironmentName = Literal["local", "production"]
StorageBackend = Literal["local", "s3"]
Journal = Literal["auto", "wal", "delete"]

PRODUCTION_FILES = Path("/mnt/efs")
DATABASE_FILE = "sketchnorm.sqlite3"
BUNDLE_FOLDER = Path(__file__).parent.parent / "bundle"
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
BASE_URL = re.compile(r"https?://[A-Za-z0-9.:-]+(/[A-Za-z0-9._~-]+)*/?")
# Long enough that nobody guesses it, and fit for a header.
ORIGIN_SECRET = re.compile(r"[!-+\--~]{32,}")
MOST_ORIGIN_SECRETS = 2
EMAIL = re.compile(r"[^@\s:/]+@[^@\s:/]+")
CONTACT = re.compile(r"(mailto:[^@\s]+@[^@\s]+|https://\S+|tel:[+0-9-]+)")
WHOLE_NUMBER = re.compile(r"[0-9]{1,6}")
DAYS = re.compile(r"[1-9][0-9]{0,3}")
POLL_SECONDS = 30
PORT = 8000
RETENTION_DAYS = 30
LOGIN_IDLE_MINUTES, LOGIN_HOURS = 60, 12
UPLOADS_PER_MINUTE = 30
ADMIN_SECRET_NAME = "sketchnorm/admin"  # noqa: S105 - where the secret lies
SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@:-]{1,512}")  # or its ARN
LARGEST_UPLOAD_MB = 25  # which is also the most that is read as a picture
JOURNALS: tuple[Journal, ...] = get_args(Journal)
DATABASE_KINDS = ("sqlite", "postgresql")

Choice = TypeVar("Choice", bound=str)


@dataclass(frozen=True)
class EnvironmentConfig:
    """What differs between environments; one that contradicts itself cannot be made.

    ``s3_bucket_name`` may be known if storage is local: it is then simply not used. If all is
    ``read_only``, as at the demo door, drawings are answered and never kept. The database address
    is kept out of ``repr`` because it may carry a password.
    """

    environment: EnvironmentName
    database_url: str = field(repr=False)
    storage_backend: StorageBackend
    s3_bucket_name: str | None
    aws_region: str | None
    secret_manager_enabled: bool
    metrics_enabled: bool
    read_only: bool = False

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_storage(self)
        _check_region(self)
        _check_database(self)

    @classmethod
    def load(cls, environ: Mapping[str, str], folder: Path) -> Self:
        """Read the settings; raise ``ConfigurationError`` if they contradict each other."""
        return cls._read(_gather(environ, folder))

    @classmethod
    def _read(cls, values: "_Values") -> Self:
        production = values.environment == "production"
        return cls(
            environment=values.environment,
            database_url=values.text("DATABASE_URL") or _default_database(values),
            storage_backend=values.storage_backend,
            s3_bucket_name=values.text("S3_BUCKET_NAME"),
            aws_region=values.text("AWS_REGION"),
            secret_manager_enabled=values.switch("SECRET_MANAGER_ENABLED", default=production),
            metrics_enabled=values.switch("METRICS_ENABLED", default=production),
            read_only=values.read_only,
        )


@dataclass(frozen=True)
class Settings:
    """Everything the operator can set; ``data_dir`` holds what local storage keeps.

    A published bundle is noticed after ``bundle_poll_seconds`` at the latest; a drawing is kept
    for ``retention_days``. The service listens on ``port``, and after SIGTERM goes on for
    ``drain_seconds``. ``public_base_url`` is the address that visitors use, if it is not the
    one that requests are made to. Only requests with one of the ``origin_secrets`` are answered, if
    there are any; they are kept out of ``repr``. The journal is for SQLite alone. A picture that is
    sent in a request has ``largest_upload_mb`` at most, as what stands in front of a package lets
    no more through; each client sends ``uploads_per_minute``, 0 for no limit. A login ends when it
    was not used for ``login_idle_minutes``, and after ``login_hours`` in any case; the password's
    hash is the secret ``admin_secret_name`` of Secrets Manager. Pages lead to ``source_url``, the
    repository's address, if there is one.
    """

    environment: EnvironmentConfig
    data_dir: Path
    bundle_path: Path
    keep_uploads: bool
    bundle_poll_seconds: int = POLL_SECONDS
    database_journal: Journal = "auto"
    retention_days: int = RETENTION_DAYS
    port: int = PORT
    drain_seconds: int = 0
    public_base_url: str | None = None
    origin_secrets: tuple[str, ...] = field(default=(), repr=False)
    security_contact: str | None = None
    source_url: str | None = None
    login_idle_minutes: int = LOGIN_IDLE_MINUTES
    login_hours: int = LOGIN_HOURS
    uploads_per_minute: int = UPLOADS_PER_MINUTE
    admin_secret_name: str = ADMIN_SECRET_NAME
    largest_upload_mb: int = LARGEST_UPLOAD_MB

    def __post_init__(self) -> None:
        if not 1 <= self.login_idle_minutes <= 60 * self.login_hours:
            raise ConfigurationError(
                f"LOGIN_IDLE_MINUTES is {self.login_idle_minutes} and LOGIN_HOURS "
                f"{self.login_hours}; set them so that an unused login ends before any login does."
            )
        if not SECRET_NAME.fullmatch(self.admin_secret_name):
            raise ConfigurationError(
                f"ADMIN_SECRET_NAME is {self.admin_secret_name!r}; set it to the name of a secret "
                f"in Secrets Manager, such as {ADMIN_SECRET_NAME}."
            )
        if self.environment.read_only and self.keep_uploads:
            raise ConfigurationError(
                "KEEP_UPLOADS is true but all is read-only; set KEEP_UPLOADS=false, "
                "or READ_ONLY=false."
            )
        _check_public_address(self)
        _check_origin_secrets(self)
        _check_security_contact(self)
        _check_source(self)
        if not 1 <= self.largest_upload_mb <= LARGEST_UPLOAD_MB:
            raise ConfigurationError(
                f"LARGEST_UPLOAD_MB is {self.largest_upload_mb}; set it to a whole number of "
                f"megabytes from 1 to {LARGEST_UPLOAD_MB}."
            )

    @classmethod
    def load(cls, environ: Mapping[str, str], folder: Path) -> Self:
        """Read the settings; raise ``ConfigurationError`` if they contradict each other."""
        values = _gather(environ, folder)
        environment = EnvironmentConfig._read(values)
        return cls(
            environment=environment,
            data_dir=values.data_dir,
            bundle_path=Path(values.text("BUNDLE_PATH") or BUNDLE_FOLDER),
            keep_uploads=values.switch("KEEP_UPLOADS", default=not environment.read_only),
            bundle_poll_seconds=values.whole_number("BUNDLE_POLL_SECONDS", default=POLL_SECONDS),
            port=values.whole_number("PORT", default=PORT),
            drain_seconds=values.whole_number("DRAIN_SECONDS", default=0),
            public_base_url=values.text("PUBLIC_BASE_URL"),
            origin_secrets=values.texts("ORIGIN_SECRET"),
            security_contact=_as_uri(values.text("SECURITY_CONTACT")),
            source_url=values.text("SOURCE_URL"),
            database_journal=values.journal,
            largest_upload_mb=values.whole_number("LARGEST_UPLOAD_MB", default=LARGEST_UPLOAD_MB),
            retention_days=values.days("RETENTION_DAYS", default=RETENTION_DAYS),
            login_idle_minutes=values.whole_number(
                "LOGIN_IDLE_MINUTES", default=LOGIN_IDLE_MINUTES
            ),
            login_hours=values.whole_number("LOGIN_HOURS", default=LOGIN_HOURS),
            uploads_per_minute=values.whole_number(
                "UPLOADS_PER_MINUTE", default=UPLOADS_PER_MINUTE
            ),
            admin_secret_name=values.text("ADMIN_SECRET_NAME") or ADMIN_SECRET_NAME,
        )

    @property
    def secure(self) -> bool:
        """Whether visitors come by https; a developer's machine is asked by http."""
        if self.public_base_url is None:
            return self.environment.environment == "production"
        return urlsplit(self.public_base_url).scheme == "https"

    @property
    def makes_its_own_database(self) -> bool:
        """A developer's is migrated and seeded by itself; any other by its operator."""
        return self.environment.environment == "local" and not self.environment.read_only


@dataclass(frozen=True)
class _Values:
    """The settings as text, all sources already laid over each other."""

    environment: EnvironmentName
    given: Mapping[str, str]

    def text(self, name: str) -> str | None:
        return self.given.get(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """Several, with commas between them."""
        parts = (part.strip() for part in self.given.get(name, "").split(","))
        return tuple(part for part in parts if part)

    @property
    def read_only(self) -> bool:
        return self.switch("READ_ONLY", default=False)

    @property
    def lasting(self) -> bool:
        """Whether what is kept must outlive the process and its disk."""
        return self.environment == "production" and not self.read_only

    @property
    def storage_backend(self) -> StorageBackend:
        usual = "s3" if self.lasting else "local"
        given = self.given.get("STORAGE_BACKEND", usual)
        return _one_of("STORAGE_BACKEND", given, get_args(StorageBackend))

    @property
    def journal(self) -> Journal:
        return _one_of("DATABASE_JOURNAL", self.given.get("DATABASE_JOURNAL", "auto"), JOURNALS)

    def switch(self, name: str, *, default: bool) -> bool:
        words = {"true": True, "false": False}
        return words[_one_of(name, self.given.get(name, str(default)), tuple(words))]

    def whole_number(self, name: str, *, default: int) -> int:
        text = self.given.get(name, str(default))
        if not WHOLE_NUMBER.fullmatch(text):
            raise ConfigurationError(
                f"{name} is {text!r}; set it to a whole number, such as {default}."
            )
        return int(text)

    def days(self, name: str, *, default: int) -> int:
        text = self.given.get(name, str(default))
        if not DAYS.fullmatch(text):
            raise ConfigurationError(
                f"{name} is {text!r}; set it to a whole number of days from 1 to 9999, "
                f"such as {default}."
            )
        return int(text)

    @property
    def data_dir(self) -> Path:
        return Path(self.given.get("DATA_DIR", "var"))


def _gather(environ: Mapping[str, str], folder: Path) -> _Values:
    real = _without_blanks(environ)
    shared = _read_file(folder / ".env")
    environment = _detect(real, shared)
    own = _read_file(folder / f".env.{environment}")
    if own.get("ENVIRONMENT", environment).lower() != environment:
        raise ConfigurationError(
            f"The file .env.{environment} sets ENVIRONMENT to another environment; "
            "remove that line from it."
        )
    return _Values(environment, {**shared, **own, **real})


def _detect(real: Mapping[str, str], shared: Mapping[str, str]) -> EnvironmentName:
    """``sam local`` sets the marks of Lambda and the template's bucket, yet is not AWS."""
    explicit = real.get("ENVIRONMENT") or shared.get("ENVIRONMENT")
    if explicit is not None:
        return _one_of("ENVIRONMENT", explicit, get_args(EnvironmentName))
    if real.get("AWS_SAM_LOCAL"):
        return "local"
    marks = ("AWS_LAMBDA_FUNCTION_NAME", "ECS_CONTAINER_METADATA_URI_V4", "S3_BUCKET_NAME")
    return "production" if any(mark in real for mark in marks) else "local"


def _default_database(values: _Values) -> str:
    folder = PRODUCTION_FILES if values.lasting else values.data_dir
    url = URL.create("sqlite", database=str(folder / DATABASE_FILE))
    return url.render_as_string(hide_password=False)


def _read_file(path: Path) -> dict[str, str]:
    """The settings in a ``.env`` file, none when there is no such file."""
    try:
        return _without_blanks(dotenv_values(path, interpolate=False))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The settings file {path.name} cannot be read; make it a readable UTF-8 text file."
        ) from error


def _without_blanks(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text.strip() for name, text in values.items() if text and text.strip()}


def _one_of(name: str, value: str, allowed: tuple[Choice, ...]) -> Choice:
    for word in allowed:
        if value.lower() == word:
            return word
    raise ConfigurationError(f"{name} is {value!r}; set it to {' or '.join(allowed)}.")


def _check_choices(config: EnvironmentConfig) -> None:
    _one_of("ENVIRONMENT", config.environment, get_args(EnvironmentName))
    _one_of("STORAGE_BACKEND", config.storage_backend, get_args(StorageBackend))


def _check_storage(config: EnvironmentConfig) -> None:
    lasting = config.environment == "production" and not config.read_only
    if lasting and config.storage_backend == "local":
        raise ConfigurationError(
            "STORAGE_BACKEND is local in production, where local files are lost with each "
            "deployment; set STORAGE_BACKEND=s3, or ENVIRONMENT=local, or READ_ONLY=true to serve "
            "what is there and keep nothing."
        )
    if config.storage_backend == "s3" and config.s3_bucket_name is None:
        raise ConfigurationError(
            "STORAGE_BACKEND is s3 but no bucket is named; set S3_BUCKET_NAME, "
            "or ENVIRONMENT=local and STORAGE_BACKEND=local to keep files in a folder."
        )
    if config.s3_bucket_name is not None and not BUCKET_NAME.fullmatch(config.s3_bucket_name):
        raise ConfigurationError(
            f"S3_BUCKET_NAME is {config.s3_bucket_name!r}, which no bucket can be called; "
            "set it to the bare name of a bucket."
        )


def _check_region(config: EnvironmentConfig) -> None:
    if config.aws_region is not None:
        return
    if config.environment == "production":
        raise ConfigurationError(
            "No AWS region is set for the bucket in production; set AWS_REGION."
        )
    if config.secret_manager_enabled:
        raise ConfigurationError(
            "SECRET_MANAGER_ENABLED is true but no AWS region is set; set AWS_REGION, "
            "or SECRET_MANAGER_ENABLED=false."
        )


def _check_database(config: EnvironmentConfig) -> None:
    """Never quotes the address: it may carry a password and errors end up in logs."""
    url = _database_address(config.database_url)
    if url.get_backend_name() != "sqlite":
        return
    if url.database in (None, "", ":memory:") or "uri" in url.query:
        raise ConfigurationError(
            "DATABASE_URL names no SQLite file; set it to sqlite:/// and the path of a file."
        )
    if config.environment == "local" and _lies_in(Path(str(url.database)), PRODUCTION_FILES):
        raise ConfigurationError(
            f"DATABASE_URL lies on the production disk {PRODUCTION_FILES} but the environment "
            "is local; set ENVIRONMENT=production, or use another DATABASE_URL."
        )


def _database_address(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "DATABASE_URL is not a database address; write it like sqlite:///folder/file.sqlite3 "
            "or postgresql+psycopg://user:password@host/name."
        ) from error
    if url.get_backend_name() not in DATABASE_KINDS:
        raise ConfigurationError(
            f"DATABASE_URL names an unknown kind of database; use {' or '.join(DATABASE_KINDS)}."
        )
    return url


def _check_public_address(settings: Settings) -> None:
    address = settings.public_base_url
    if address is not None and not _is_web_address(address):
        raise ConfigurationError(
            f"PUBLIC_BASE_URL is {address!r}; write it like "
            "https://drawings.example.org or https://example.org/drawings."
        )


def _is_web_address(address: str) -> bool:
    """With a port that can be, or none."""
    try:
        parts = urlsplit(address)
        is_whole = parts.hostname is not None and parts.port != 0
        return is_whole and BASE_URL.fullmatch(address) is not None
    except ValueError:
        return False


def _check_origin_secrets(settings: Settings) -> None:
    """Never quotes one: errors end up in logs."""
    secrets = settings.origin_secrets
    if len(secrets) > MOST_ORIGIN_SECRETS:
        raise ConfigurationError(
            "ORIGIN_SECRET holds more than two values; set the new one and the one that it "
            "replaces, with a comma between them."
        )
    if not all(ORIGIN_SECRET.fullmatch(secret) for secret in secrets):
        raise ConfigurationError(
            "ORIGIN_SECRET is shorter than 32 characters or has some that no header can hold; "
            "make one with: openssl rand -hex 32."
        )
    if secrets and settings.public_base_url is None:
        raise ConfigurationError(
            "ORIGIN_SECRET is set but PUBLIC_BASE_URL is not, so that forms sent from the public "
            "address would be refused as another site's; set PUBLIC_BASE_URL, too."
        )


def _as_uri(contact: str | None) -> str | None:
    """An e-mail address may be given as it is."""
    return f"mailto:{contact}" if contact and EMAIL.fullmatch(contact) else contact


def _check_security_contact(settings: Settings) -> None:
    contact = settings.security_contact
    if contact is not None and not (contact.isprintable() and CONTACT.fullmatch(contact)):
        raise ConfigurationError(
            f"SECURITY_CONTACT is {contact!r}; write an e-mail address, or one that begins with "
            "https://."
        )


def _check_source(settings: Settings) -> None:
    address = settings.source_url
    if address is not None and not _is_web_address(address):
        raise ConfigurationError(
            f"SOURCE_URL is {address!r}; write the repository's address, like "
            "https://github.com/owner/sketchnorm."
        )


def _lies_in(path: Path, folder: Path) -> bool:
    """Follows links and ``..``, so that neither hides the production disk."""
    return path.resolve().is_relative_to(folder.resolve())
