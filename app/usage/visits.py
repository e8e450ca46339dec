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
from datetime import date, timedelta
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
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def digest(self, day: date, visitor: str) -> str:
        """A hash of the visitor under that day's salt, in hex; raises ``StorageUnavailable``.

        The salts of all other days are destroyed, but for tomorrow's, which another process may
        have made whose clock is ahead.
        """
        with self._lock:
            self._begin(day)
            salt = self._salt = self._salt or self._kept(day)
        return hmac.new(salt, visitor.encode(), hashlib.sha256).hexdigest()

    def destroy_others(self, day: date) -> None:
        """Destroy all salts but of that day and the next; raises ``StorageUnavailable``."""
        with self._lock:
            self._begin(day)

    def _begin(self, day: date) -> None:
        if self._day != day:
            self._day = self._salt = None
            destroy_salts(self.folder, but_of=day)
            self._day = day

    def _kept(self, day: date) -> bytes:
        try:
            return self.keep(self._file(day))
        except OSError as error:
            advice = f"The salt of the day cannot be kept: {error.strerror}."
            raise StorageUnavailable(UNSALTED, advice) from error
        except ConfigurationError as error:
            raise StorageUnavailable(UNSALTED, str(error)) from error

    def _file(self, day: date) -> Path:
        return self.folder / _name(day)


def destroy_salts(folder: Path, *, but_of: date) -> None:
    """Destroy all salts but of that day and the next; raises ``StorageUnavailable``."""
    kept = (_name(but_of), _name(but_of + timedelta(days=1)))
    try:
        for file in folder.glob(f"{NAME}*{ENDING}*"):
            if not file.name.startswith(kept):  # also if another process is still writing it
                file.unlink(missing_ok=True)
    except OSError as error:
        advice = f"An old salt cannot be deleted: {error.strerror}."
        raise StorageUnavailable(UNSALTED, advice) from error


def _name(day: date) -> str:
    return f"{NAME}{day.isoformat()}{ENDING}"
