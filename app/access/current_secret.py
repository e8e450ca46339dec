"""The admin's secret as it was last read: looked up anew every few minutes, and kept for outages.

While its source is away, live logins live on, and for a day new ones are checked against the hash
that was last known. That is a row of the database, so that a process which starts meanwhile knows
it, too. A secret that was deleted is no outage: without a password nobody is let in.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete

from app.access.secrets import LATER, AdminSecret, SecretSource
from app.errors import ConfigurationError, SecretUnavailable, StorageUnavailable
from app.storage.database import Database
from app.storage.tables import AdminLogin, KnownSecret, now
from app.telemetry import Metric, Metrics

log = logging.getLogger(__name__)

LASTS = timedelta(seconds=300)
PAUSE = timedelta(seconds=15)  # after an attempt that failed, or found no password
LONGEST_OUTAGE = timedelta(hours=24)
ROW_LASTS = timedelta(hours=1)  # a row that says nothing new is written no more often


@dataclass(frozen=True)
class _Known:
    secret: AdminSecret | None
    read_at: datetime


@dataclass
class CurrentSecret:
    """One for the process. ``fault`` says what is wrong with the source, ``None`` if nothing is."""

    source: SecretSource
    database: Database
    clock: Callable[[], datetime] = now
    metrics: Metrics = field(default_factory=lambda: Metrics(enabled=False))
    fault: str | None = None
    _known: _Known | None = None
    _next_look: datetime | None = None
    _written_at: datetime | None = None
    _alone: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def for_new_login(self) -> AdminSecret | None:
        """``None`` if no password is set.

        Raise ``SecretUnavailable`` if it could not be read for longer than a day.
        """
        known = self._look()
        if known is None or (self.fault and self.clock() - known.read_at > LONGEST_OUTAGE):
            raise SecretUnavailable(LATER, self.fault or "The admin's secret was never read.")
        return known.secret

    def epoch(self) -> int | None:
        """The epoch whose logins are live; ``None`` if none are."""
        known = self._look()
        return known.secret.session_epoch if known and known.secret else None

    @property
    def read_at(self) -> datetime | None:
        """When its source could last be read, whatever it said; ``None`` if it never could."""
        return self._known.read_at if self._known else None

    @property
    def known_epoch(self) -> int | None:
        """The same as far as it is known already: nobody is asked, so nobody waits."""
        known = self._known
        return known.secret.session_epoch if known and known.secret else None

    def forget(self) -> None:
        """Look again at once: the password was changed here."""
        self._next_look = None

    def _look(self) -> _Known | None:
        """One asks the source; who comes meanwhile goes on with what is known, if anything is."""
        if not self._is_due() or not self._alone.acquire(blocking=self._known is None):
            return self._known
        try:
            if self._is_due():
                self._ask()
        finally:
            self._alone.release()
        return self._known

    def _is_due(self) -> bool:
        return self._next_look is None or self.clock() >= self._next_look

    def _ask(self) -> None:
        try:
            secret = self.source.read()
        except SecretUnavailable as error:
            self._go_on_without(error.advice)
        except ConfigurationError as error:
            self._go_on_without(str(error))
        else:
            self._learn(_Known(secret, self.clock()))

    def _learn(self, known: _Known) -> None:
        if self.fault is not None:
            log.warning("The admin's secret can be read again.")
        changed = self._known is None or self._known.secret != known.secret
        lasts = LASTS if known.secret else PAUSE  # who sets the first password waits for it
        self.fault, self._known, self._next_look = None, known, known.read_at + lasts
        if changed or self._written_at is None or known.read_at - self._written_at > ROW_LASTS:
            self._write(known)

    def _go_on_without(self, fault: str) -> None:
        """Told once for each outage, and by ``/healthz`` as long as it lasts."""
        if self.fault is None:
            log.error("The admin's secret cannot be read: %s", fault)
            self.metrics.put(Metric.AUTH_SECRET_STALE)
        self.fault, self._next_look = fault, self.clock() + PAUSE
        if self._known is None:
            self._known = self._read_row()

    def _read_row(self) -> _Known | None:
        with suppress(StorageUnavailable), self.database.reading() as tx:
            row = tx.get(KnownSecret, 1)
            if row is not None:
                return _Known(AdminSecret(row.hash, row.epoch), row.read_at)
        return None

    def _write(self, known: _Known) -> None:
        """What cannot be written now is written at the next look.

        Without a password no login is left: the next one may begin with the same epoch.
        """
        with suppress(StorageUnavailable):
            with self.database.writing() as tx:
                tx.execute(delete(KnownSecret))
                if (secret := known.secret) is None:
                    tx.execute(delete(AdminLogin))
                else:
                    tx.add(
                        KnownSecret(
                            hash=secret.hash, epoch=secret.session_epoch, read_at=known.read_at
                        )
                    )
            self._written_at = known.read_at
