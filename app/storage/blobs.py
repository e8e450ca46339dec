"""Pictures and other large bytes, by key, wherever they are kept.

A key is one of six prefixes and a path below it. Stores do not remember what type a blob has in
a way that can be asked for: the tables do.
"""

import re
from pathlib import Path
from typing import Protocol

from app.errors import InvalidRequest

PREFIXES = ("drawings", "models", "saliency_maps", "exports", "backups", "demo")
# No name starts with a dot, so neither ".." nor a store's own file can be a key.
NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
KEY = re.compile(f"(?:{'|'.join(PREFIXES)})(?:/{NAME})+")
LONGEST_KEY = 255
AWAY = "The file store cannot be reached now; try again in a moment."
GONE = "What was asked for is not kept here, or no longer is."


class BlobStore(Protocol):
    """Bytes by key; each method raises ``StorageUnavailable`` when the store does not answer."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep all of ``content`` or nothing; what was there before is replaced."""
        ...

    def put_new(self, key: str, content: bytes, content_type: str) -> bool:
        """Keep ``content`` unless ``key`` holds something already; whether it was kept."""
        ...

    def put_new_file(
        self, key: str, file: Path, content_type: str, *, archived: bool = False
    ) -> bool:
        """As ``put_new``, from a file of any size; ``archived``: rarely read, so kept cheaply."""
        ...

    def get(self, key: str) -> bytes:
        """Raise ``NotFound`` when there is nothing at ``key``."""
        ...

    def get_file(self, key: str, file: Path) -> None:
        """As ``get``, written to ``file`` without holding all of it in memory."""
        ...

    def delete(self, key: str) -> None:
        """Deleting what is not there is not an error: deletion may be retried."""
        ...

    def exists(self, key: str) -> bool:
        """Whether ``get`` would find something."""
        ...

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Every key below one of the six prefixes, sorted."""
        ...


def check_key(key: str) -> str:
    """The key itself; raise ``InvalidRequest`` when it could mean anything outside the store."""
    if len(key) > LONGEST_KEY or not KEY.fullmatch(key):
        raise InvalidRequest(
            f"This key cannot be used; begin it with {'/, '.join(PREFIXES)}/ and use only "
            "letters, digits, dots, hyphens and underscores."
        )
    return key


def check_prefix(prefix: str) -> str:
    """The prefix itself; raise ``InvalidRequest`` unless it is one of the six."""
    if prefix not in PREFIXES:
        raise InvalidRequest(f"There is no prefix {prefix!r}; use {', '.join(PREFIXES)}.")
    return prefix
