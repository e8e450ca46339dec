"""Blobs in an S3 bucket, or in anything else that speaks S3.

boto3 is imported when a store is opened, not with this module: it takes longer to import than most
commands run. Nothing waits long: who is kept waiting here is somebody at a browser.
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, Self
from urllib.parse import quote

from app.errors import (
    ConfigurationError,
    InvalidRequest,
    NotFound,
    SketchnormError,
    StorageRefused,
    StorageUnavailable,
)
from app.storage.blobs.store import (
    AWAY,
    GONE,
    KEY,
    STAMP,
    BlobState,
    check_key,
    check_prefix,
    check_stamp,
    stamp_of,
)
from app.storage.files import take_name, unfinished

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import StorageClassType

log = logging.getLogger(__name__)

# Of each single step: to connect or to send another 128 KiB; to hear of the answer's next bytes. A
# large blob may take longer than that, a store that keeps silent may not. Amazon too advises to
# ask again after 2 s.
CONNECT_SECONDS = 1
READ_SECONDS = 2
ATTEMPTS = 2
CONNECTIONS = 40  # as many as there are threads that answer requests
CHUNK = 1 << 20
LONGEST_LINK = timedelta(days=7)  # S3 makes longer ones and then refuses them
AMAZON = ".amazonaws.com"

REFUSED = "The file store does not do what it is asked just now; try again later."
DAMAGED = "What the file store sent was damaged on its way; try again in a moment."

# HEAD has no body, so its errors are named by their status.
ABSENT: Final = frozenset({"NoSuchKey", "404"})
WRONG: Final = {
    "NoSuchBucket": "it does not exist; create it, or correct S3_BUCKET_NAME",
    "PermanentRedirect": "it lies in another region; correct AWS_REGION",
    "AuthorizationHeaderMalformed": "it lies in another region; correct AWS_REGION",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it",
    "InvalidAccessKeyId": "the credentials are not known there; correct them",
    "SignatureDoesNotMatch": "the credentials are not accepted there; correct them",
    "AccessDenied": "access is denied; allow what docs/storage.md lists",
    "403": "access is denied; allow what docs/storage.md lists",
}
# Statuses of 400 to 499 that say no more than a dead network does: it may go well in a moment.
PASSING_STATUS: Final = frozenset({408, 429})
PASSING: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class S3BlobStore:
    """A store in a bucket, stamped by the environment that made it; threads may share it.

    ``checked`` is whether the bucket was found to be this environment's since the start.
    """

    def __init__(self, client: "S3Client", bucket: str, environment: str) -> None:
        self.client = client
        self.bucket = bucket
        self.environment = environment
        self.checked = False

    def __repr__(self) -> str:
        return f"S3BlobStore({self.bucket!r}, {self.environment!r})"

    @classmethod
    def open(cls, bucket: str, environment: str, region: str | None) -> Self:
        """Raise ``ConfigurationError`` if the bucket is missing, closed or another's.

        One that does not answer is no reason not to start. It is checked once it answers, before
        anything in it is read or written.
        """
        store = cls(_make_client(region), bucket, environment)
        try:
            store.check()
        except StorageUnavailable as error:
            log.warning("The bucket %s could not be checked at the start: %s", bucket, error)
        return store

    def check(self) -> None:
        """Make sure that the bucket is this environment's; stamp it if it has no stamp."""
        stamp = self._read_stamp()
        if stamp is None:
            # Of two that begin at once, one stamps; both then look at what is there.
            self._stamp()
            stamp = self._read_stamp() or b""
        check_stamp(stamp, self.environment, f"the bucket {self.bucket}", "S3_BUCKET_NAME")
        self.checked = True

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """See ``BlobStore``."""
        check_key(key)
        with self.answering():
            self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                ServerSideEncryption="AES256",
            )

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        """See ``BlobStore``."""
        check_key(key)
        with self.answering():
            return self._put_new(key, content, content_type)

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        """See ``BlobStore``; what is archived can still be read at once."""
        check_key(key)
        kind: StorageClassType = "GLACIER_IR" if archived else "STANDARD"
        with _file_at(file), file.open("rb") as stream, self.answering():
            return self._put_new(key, stream, content_type, kind)

    def get(self, key: str) -> bytes:
        """See ``BlobStore``; the checksum is compared."""
        check_key(key)
        with self.answering():
            return self._read(key)

    def get_file(self, key: str, file: Path) -> None:
        """See ``BlobStore``; ``file`` is written once the checksum was compared."""
        check_key(key)
        with _file_at(file), self.answering(), unfinished(file) as stream:
            for chunk in self._chunks(key):
                stream.write(chunk)
            take_name(stream, file)

    def delete(self, key: str) -> None:
        """See ``BlobStore``."""
        check_key(key)
        with self.answering():
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def exists(self, key: str) -> bool:
        """See ``BlobStore``."""
        check_key(key)
        try:
            with self.answering():
                self.client.head_object(Bucket=self.bucket, Key=key)
        except NotFound:
            return False
        return True

    def look(self, key: str) -> BlobState:
        """See ``BlobStore``."""
        check_key(key)
        with self.answering():
            there = self.client.head_object(Bucket=self.bucket, Key=key)
        return BlobState(there["ContentLength"], there["ETag"].strip('"'))

    def keys(self, prefix: str) -> tuple[str, ...]:
        """See ``BlobStore``."""
        below = f"{check_prefix(prefix)}/"
        pages = self.client.get_paginator("list_objects_v2")
        with self.answering():
            found = [
                entry["Key"]
                for page in pages.paginate(Bucket=self.bucket, Prefix=below)
                for entry in page.get("Contents", ())
            ]
        return tuple(sorted(key for key in found if KEY.fullmatch(key)))

    def download_url(self, key: str, seconds: int, filename: str) -> str:
        """A link with which anybody can download the blob for ``seconds``, seven days at most.

        It is made without asking the bucket, so nothing need be there. It ends earlier where the
        credentials that signed it do.
        """
        if not 0 < seconds <= LONGEST_LINK.total_seconds():
            raise InvalidRequest(
                f"A link for downloading works for 1 second to {LONGEST_LINK.days} days, not for "
                f"{seconds} seconds; ask for another time."
            )
        named = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        asked = {
            "Bucket": self.bucket,
            "Key": check_key(key),
            "ResponseContentDisposition": named,
        }
        with self.answering():
            return self.client.generate_presigned_url("get_object", asked, ExpiresIn=seconds)

    def _put_new(
        self,
        key: str,
        body: bytes | IO[bytes],
        content_type: str,
        kind: "StorageClassType" = "STANDARD",
    ) -> bool:
        from botocore.exceptions import ClientError

        attempt = uuid.uuid4().hex
        try:
            self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                ServerSideEncryption="AES256",
                StorageClass=kind,
                IfNoneMatch="*",
                Metadata={"attempt": attempt},
            )
        except ClientError as error:
            if _code(error) != "PreconditionFailed":
                raise
            return self._was_kept(key, attempt, error)
        return True

    def _was_kept(self, key: str, attempt: str, refusal: "ClientError") -> bool:
        """A second try may be refused because the first one was kept and its answer lost."""
        if not refusal.response["ResponseMetadata"]["RetryAttempts"]:
            return False
        there = self.client.head_object(Bucket=self.bucket, Key=key)
        return there["Metadata"].get("attempt") == attempt

    def _read(self, key: str) -> bytes:
        return b"".join(self._chunks(key))

    def _chunks(self, key: str) -> Iterator[bytes]:
        answer = self.client.get_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        with closing(answer["Body"]) as body:
            yield from body.iter_chunks(CHUNK)

    def _read_stamp(self) -> bytes | None:
        try:
            with self._translated():
                return self._read(STAMP)
        except NotFound:
            return None

    def _stamp(self) -> None:
        with self._translated():
            self._put_new(STAMP, stamp_of(self.environment), "application/json")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Once the process has started, wrong settings are no fault of whoever asks."""
        if not self.checked:
            self._check_late()
        try:
            with self._translated():
                yield
        except ConfigurationError as error:
            raise StorageRefused(REFUSED, self._advice(error)) from error

    def _check_late(self) -> None:
        """A bucket that may be another's is as good as one that is away."""
        try:
            self.check()
        except ConfigurationError as error:
            log.warning("%s", error)
            raise StorageUnavailable(AWAY, self._advice(error)) from error

    def _advice(self, error: ConfigurationError) -> str:
        """For everybody's eyes, so without the name of the bucket."""
        return str(error).replace(f"bucket {self.bucket}", "bucket")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What boto3 raises, by the names of our own tree."""
        from botocore import exceptions

        try:
            yield
        except exceptions.ClientError as error:
            raise self._named(error) from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            raise self._wrong("there are no credentials for it; give the process a role") from error
        except exceptions.FlexibleChecksumError as error:
            raise StorageRefused(DAMAGED) from error
        except (
            exceptions.ConnectionError,
            exceptions.HTTPClientError,
            exceptions.IncompleteReadError,
            exceptions.CredentialRetrievalError,
        ) as error:
            # What the error says holds the address, and that a drawing's link.
            log.warning("The bucket %s does not answer: %s", self.bucket, type(error).__name__)
            raise StorageUnavailable(AWAY) from error

    def _named(self, error: "ClientError") -> SketchnormError:
        code = _code(error)
        if code in ABSENT:
            return NotFound(GONE)
        if code in WRONG:
            return self._wrong(WRONG[code])
        if _is_refusal(code, error.response["ResponseMetadata"]["HTTPStatusCode"]):
            return StorageRefused(REFUSED, f"The bucket refused a request ({code}).")
        log.warning("The bucket %s does not answer as it should: %s", self.bucket, error)
        return StorageUnavailable(AWAY)

    def _wrong(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"The bucket {self.bucket} cannot be used: {why}.")


def _make_client(region: str | None) -> "S3Client":
    """Amazon is addressed by host, as it wants links to be; others by path, as they all can."""
    from boto3.session import Session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    def make(style: Literal["path", "virtual"]) -> "S3Client":
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            max_pool_connections=CONNECTIONS,
            s3={"addressing_style": style},
        )
        return session.client("s3", region_name=region, config=config)

    try:
        session = Session()
        client = make("path")
        return make("virtual") if AMAZON in client.meta.endpoint_url else client
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"S3 cannot be used as it is set up ({error}); correct the AWS settings."
        ) from error


def _is_refusal(code: str, status: int) -> bool:
    """Whether the same request would be answered in the same way again."""
    return 400 <= status < 500 and status not in PASSING_STATUS and code not in PASSING


def _code(error: "ClientError") -> str:
    return error.response["Error"]["Code"]


@contextmanager
def _file_at(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(
            f"The file {path.name} cannot be read or written ({error.strerror}); try again later."
        ) from error
