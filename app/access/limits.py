"""How often one may ask: wrong passwords, and uploads.

Wrong passwords are counted in the database for each client and for the account, so that a restart
forgives nothing. A client is known by a keyed hash of its address alone, whose key lies beside the
database and never in it. Who guesses waits longer each time. Who never guessed waits for what
others do, too, but for no more than a minute.
"""

import hashlib
import hmac
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.errors import TooOften
from app.storage.database import Database
from app.storage.tables import LoginAttempts

ACCOUNT: Final = "account"
FREE, FREE_FOR_ALL = 3, 10  # wrong passwords before one has to wait, by one client and by all
LONGEST_WAIT = timedelta(minutes=15)
LONGEST_WAIT_FOR_OTHERS = timedelta(minutes=1)
FORGOTTEN = timedelta(hours=24)
MINUTE = 60.0
MOST_CLIENTS = 10_000  # whose uploads are remembered
UNKNOWN: Final = "unknown"
_PREFIX: Final = 64  # bits of an IPv6 address that one customer has all addresses of


Address = IPv4Address | IPv6Address


def client_of(address: Address | None) -> str:
    """Whom an address belongs to: the address itself, or the IPv6 network of one customer."""
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> _PREFIX << _PREFIX, _PREFIX)))


@dataclass(frozen=True)
class Attempts:
    """Counts an attempt to log in before the password is checked, and takes it back if it was
    right: so that many at once are no way around.
    """

    database: Database
    key: bytes = field(repr=False)

    def admit(self, client: str, now: datetime) -> None:
        """Raise ``TooOften``, and count nothing, if the client has to wait."""
        who = self._who(client)
        with self.database.reading() as tx:
            own, of_all = _found(tx, who, now), _found(tx, ACCOUNT, now)
            wait, waits_since = _wait(own, of_all, now)
        if wait <= timedelta(0):
            self._count(who, now)
            return
        if waits_since != own.waits_since:
            with self.database.writing() as tx:
                _kept(tx, who, now).waits_since = waits_since
        raise TooOften(_sentence(wait), wait.total_seconds())

    def was_right(self, client: str, now: datetime) -> None:
        """Forget the client's wrong ones; those of others stay counted for the account."""
        with self.database.writing() as tx:
            tx.execute(delete(LoginAttempts).where(LoginAttempts.who == self._who(client)))
            of_all = _kept(tx, ACCOUNT, now)
            of_all.wrong = max(0, of_all.wrong - 1)

    def _count(self, who: str, now: datetime) -> None:
        with self.database.writing() as tx:
            tx.execute(delete(LoginAttempts).where(LoginAttempts.last_at < now - FORGOTTEN))
            for row in (_kept(tx, who, now), _kept(tx, ACCOUNT, now)):
                row.wrong, row.last_at, row.waits_since = row.wrong + 1, now, None

    def _who(self, client: str) -> str:
        return hmac.new(self.key, client.encode(), hashlib.sha256).hexdigest()


def _found(tx: Session, who: str, now: datetime) -> LoginAttempts:
    row = tx.get(LoginAttempts, who)
    if row is None or row.last_at < now - FORGOTTEN:
        return LoginAttempts(who=who, wrong=0, last_at=now)
    return row


def _kept(tx: Session, who: str, now: datetime) -> LoginAttempts:
    """The row itself, made if there is none."""
    row = tx.get(LoginAttempts, who)
    if row is None:
        row = LoginAttempts(who=who, wrong=0, last_at=now)
        tx.add(row)
    return row


def _wait(
    own: LoginAttempts, of_all: LoginAttempts, now: datetime
) -> tuple[timedelta, datetime | None]:
    """How long the client has to wait, and since when it has waited for what others did."""
    for_others = _until(of_all, FREE_FOR_ALL, LONGEST_WAIT_FOR_OTHERS) - now
    if own.wrong:
        return max(for_others, _until(own, FREE, LONGEST_WAIT) - now), None
    if for_others <= timedelta(0):
        return for_others, None
    since = own.waits_since or now
    return min(for_others, since + LONGEST_WAIT_FOR_OTHERS - now), since


def _until(row: LoginAttempts, free: int, longest: timedelta) -> datetime:
    """Twice as long after each wrong password."""
    if row.wrong < free:
        return row.last_at
    return row.last_at + min(timedelta(seconds=2 ** min(row.wrong - free, 20)), longest)


def _sentence(wait: timedelta) -> str:
    seconds = max(1, round(wait.total_seconds()))
    when = f"{seconds} seconds" if seconds < MINUTE else f"{-(-seconds // 60)} minutes"
    return f"There were too many wrong passwords; please try again in {when}."


@dataclass(frozen=True)
class Rate:
    """How often each of many may do something in a minute; counted in this process alone."""

    clock: Callable[[], float] = time.monotonic
    _times: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict, repr=False)
    _alone: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def admit(self, who: str, per_minute: int) -> None:
        """Raise ``TooOften`` if ``who`` did it that often within the last minute; 0: no limit."""
        if not per_minute:
            return
        with self._alone:
            now, times = self.clock(), self._of(who)
            while times and times[0] <= now - MINUTE:
                times.popleft()
            if len(times) < per_minute:
                times.append(now)
                return
            wait = times[-per_minute] + MINUTE - now
        raise TooOften(
            f"No more than {per_minute} drawings a minute are taken from one place; please try "
            f"again in {max(1, round(wait))} seconds.",
            wait,
        )

    def _of(self, who: str) -> deque[float]:
        """Those who asked last are remembered."""
        times = self._times.pop(who, None)
        self._times[who] = times = deque() if times is None else times
        if len(self._times) > MOST_CLIENTS:
            self._times.popitem(last=False)
        return times
