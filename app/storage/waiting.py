"""What one file of the spool holds: a line that describes, then the bytes as they are."""

import json
from dataclasses import dataclass
from typing import IO

from app.errors import InvalidRequest
from app.storage.blobs import check_key

LONGEST_LINE = 4096


@dataclass(frozen=True)
class Label:
    """The line: what is to be done at which key."""

    key: str
    content_type: str
    deleted: bool

    @classmethod
    def read(cls, stream: IO[bytes]) -> "Label":
        """Raise ``ValueError`` where this is not what was written."""
        try:
            told = json.loads(stream.readline(LONGEST_LINE))
            return cls(check_key(told["key"]), str(told["type"]), bool(told["deleted"]))
        except (KeyError, TypeError, InvalidRequest) as error:
            raise ValueError("not a file of a spool") from error

    def as_line(self) -> bytes:
        """With its end."""
        told = {"key": self.key, "type": self.content_type, "deleted": self.deleted}
        return json.dumps(told).encode() + b"\n"


@dataclass(frozen=True)
class Waiting:
    """The last that was asked for under a key."""

    label: Label
    content: bytes

    @classmethod
    def read(cls, stream: IO[bytes]) -> "Waiting":
        """Raise ``ValueError`` where this is not what was written."""
        return cls(Label.read(stream), stream.read())

    def as_bytes(self) -> bytes:
        """What is kept in the file."""
        return self.label.as_line() + self.content
