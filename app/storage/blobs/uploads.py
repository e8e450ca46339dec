"""Pictures too large for a request: sent straight to the bucket, used once, and then gone.

Stores of drawings know nothing of them, as their keys are none there. What is never used is removed
by the bucket's lifecycle, see docs/storage.md.
"""

import logging
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from app.errors import Busy, DrawingTooLarge, InvalidRequest, NotFound, StorageUnavailable
from app.storage.blobs.s3 import CHUNK, S3BlobStore
from app.storage.blobs.spooling import SpoolingBlobStore
from app.storage.blobs.store import BlobStore

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

log = logging.getLogger(__name__)

KEY: Final = re.compile("uploads/[A-Za-z0-9_-]{32}")
FORM_SECONDS: Final = 600  # in which sending has to begin
USABLE: Final = timedelta(hours=1)
MOST_AT_ONCE: Final = 2  # held in memory beside the analysis
NO_KEY: Final = "This is not the key of an upload; send the one that POST /api/uploads gave."
GONE: Final = (
    "No picture is at this key: it was never sent, was used already, or waited for more than an "
    "hour; ask POST /api/uploads for another key."
)


@dataclass(frozen=True)
class Offer:
    """A form that a picture can be sent with: ``fields`` to ``url``, and the file behind them."""

    key: str
    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Uploads:
    """Forms for pictures that go to the bucket, and those pictures, one after the other."""

    spooling: SpoolingBlobStore
    store: S3BlobStore
    places: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(MOST_AT_ONCE), repr=False
    )

    @classmethod
    def into(cls, blobs: BlobStore) -> Self | None:
        """``None`` if the blobs are not in a bucket, which is all that can take them."""
        if isinstance(blobs, SpoolingBlobStore) and isinstance(blobs.inner, S3BlobStore):
            return cls(blobs, blobs.inner)
        return None

    def offer(self, largest: int) -> Offer:
        """A form for one picture of 1 to ``largest`` bytes, at a key that nobody can guess."""
        key = f"uploads/{secrets.token_urlsafe(24)}"
        encrypted = {"x-amz-server-side-encryption": "AES256"}
        with self._asking():
            signed = self.store.client.generate_presigned_post(
                self.store.bucket,
                key,
                Fields=dict(encrypted),
                Conditions=[encrypted, ["content-length-range", 1, largest]],
                ExpiresIn=FORM_SECONDS,
            )
        return Offer(key, signed["url"], signed["fields"])

    @contextmanager
    def taken(self, key: str, largest: int) -> Iterator[bytes]:
        """The picture, which is gone at the end of the block.

        It stays if the block ends for want of a place or a store, so that the same request can be
        made again. Raise ``NotFound`` if there is none, ``DrawingTooLarge`` before it is read.
        """
        if not KEY.fullmatch(key):
            raise InvalidRequest(NO_KEY)
        with self._place():
            try:
                yield self._read(key, largest)
            except (Busy, StorageUnavailable):
                raise
            except BaseException:
                self._remove(key)
                raise
            self._remove(key)

    def _read(self, key: str, largest: int) -> bytes:
        try:
            with self._asking():
                found = self.store.client.get_object(
                    Bucket=self.store.bucket, Key=key, ChecksumMode="ENABLED"
                )
                with closing(found["Body"]) as body:
                    _check(found, largest)
                    return b"".join(body.iter_chunks(CHUNK))
        except NotFound as error:
            raise NotFound(GONE) from error

    def _remove(self, key: str) -> None:
        """The answer is not lost if this fails; the bucket's lifecycle removes what stays."""
        try:
            with self._asking():
                self.store.client.delete_object(Bucket=self.store.bucket, Key=key)
        except StorageUnavailable as error:
            log.warning("An upload that was used is left to the bucket's lifecycle: %s", error)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self.spooling.asking(), self.store.answering():
            yield

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self.places.acquire(blocking=False):
            raise Busy("Many large pictures are being analysed; please try again in a minute.")
        try:
            yield
        finally:
            self.places.release()


def _check(found: "GetObjectOutputTypeDef", largest: int) -> None:
    if datetime.now(UTC) - found["LastModified"] > USABLE:
        raise NotFound(GONE)
    if found["ContentLength"] > largest:
        raise DrawingTooLarge(
            f"The picture is larger than {largest // 2**20} MB; save it smaller, such as a JPEG at "
            "300 dpi."
        )
