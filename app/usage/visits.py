"""Who was here today, without anybody being known: a hash under a salt that lasts a day.

The salt lies in a file beside the database and never in it, so that no backup holds it. The first
process that finds another day to have begun destroys it; from then on nobody can tell whose a
digest was, nor whether somebody came on two days.
"""

import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from app.errors import ConfigurationError, StorageUnavailable

NAME, ENDING = "visits-", ".salt"
UNSALTED: Final = "Visits cannot be counted now."


@dataclass
class Salts:
    """The salt of the day that it is now; ``keep`` makes a file of random bytes, or reads it.

    Processes that run beside each other have the same one.
    """

    folder: Path
    keep: Callable[[Path], bytes] = field(repr=False)
    _day: date | None = field(default=None, repr=False)
    _salt: bytes | None = field(default=None, repr=False)
    _alone: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def digest(self, day: date, visitor: str) -> str:
        """A hash of the visitor under that day's salt, in hex; raises ``StorageUnavailable``.

        The salts of all other days are destroyed: after a clock was set back over midnight, who
        comes again is another.
        """
        with self._alone:
            self._begin(day)
            salt = self._salt = self._salt or self._kept(day)
        return hmac.new(salt, visitor.encode(), hashlib.sha256).hexdigest()

    def destroy_others(self, day: date) -> None:
        """Destroy the salts of all days but that one; raises ``StorageUnavailable``."""
        with self._alone:
            self._begin(day)

    def _begin(self, day: date) -> None:
        if self._day != day:
            self._day = self._salt = None
            self._unlink_others(day)
            self._day = day

    def _kept(self, day: date) -> bytes:
        try:
            return self.keep(self._file(day))
        except OSError as error:
            advice = f"The salt of the day cannot be kept: {error.strerror}."
            raise StorageUnavailable(UNSALTED, advice) from error
        except ConfigurationError as error:
            raise StorageUnavailable(UNSALTED, str(error)) from error

    def _unlink_others(self, day: date) -> None:
        try:
            for file in self.folder.glob(f"{NAME}*{ENDING}*"):
                if not file.name.startswith(self._file(day).name):  # which another may be writing
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageUnavailable(
                UNSALTED, f"An old salt cannot be deleted: {error.strerror}."
            ) from error

    def _file(self, day: date) -> Path:
        return self.folder / f"{NAME}{day.isoformat()}{ENDING}"
