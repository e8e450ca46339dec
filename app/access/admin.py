"""The admin's side: logging in and out, and who is let in with what they show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.access import logins
from app.access.current_secret import CurrentSecret
from app.access.limits import Attempts
from app.access.logins import Lifetimes, Login
from app.access.password import PasswordCheck
from app.access.tokens import Token, find_token
from app.errors import AdminClosed, NotLetIn
from app.storage.database import Database
from app.storage.tables import now

NOT_SET_YET = (
    "Nobody can log in here yet: no password is set. Whoever runs this site sets one with "
    "sketchnorm admin-password."
)
WRONG = "The password is not right; try again."


@dataclass(frozen=True)
class Access:
    """What the web asks; there is none where the database cannot be written."""

    database: Database
    secret: CurrentSecret
    attempts: Attempts
    lifetimes: Lifetimes
    clock: Callable[[], datetime] = now
    check: PasswordCheck = field(default_factory=PasswordCheck)

    def log_in(self, password: str, client: str, country: str | None) -> str:
        """Return what the browser is to hold.

        Raise ``NotLetIn`` for a wrong password, ``AdminClosed`` if none is set, ``TooOften``,
        ``Busy``, or ``SecretUnavailable``.
        """
        at = self.clock()
        secret = self.secret.for_new_login()
        self.attempts.admit(client, at)
        # Also where none is set: how long this takes is to tell nothing.
        right = self.check.matches(password, secret.hash if secret else None)
        if secret is None:
            raise AdminClosed(NOT_SET_YET)
        if not right:
            raise NotLetIn(WRONG)
        self.attempts.was_right(client, at)
        return logins.make_login(self.database, secret.session_epoch, country, self.lifetimes, at)

    def login(self, token: str | None, *, used: bool = True) -> Login | None:
        """The live login whose token the browser holds; unless ``used`` it is idle all the same."""
        return self._found(token, self.secret.epoch(), used=used) if token else None

    def known_login(self, token: str) -> Login | None:
        """The same for a page that is open to everyone, and waits for no secret."""
        return self._found(token, self.secret.known_epoch)

    def _found(self, token: str, epoch: int | None, *, used: bool = True) -> Login | None:
        if epoch is None:
            return None
        at = self.clock()
        login = logins.find_login(self.database, token, epoch, self.lifetimes, at)
        if used and login is not None:
            logins.note_use(self.database, login, at)
        return login

    def token(self, shown: str | None) -> Token | None:
        """The live token that a program shows."""
        return find_token(self.database, shown, self.clock()) if shown else None

    def log_out(self, token: str) -> None:
        """End one login."""
        logins.end_login(self.database, token)

    def log_out_everywhere(self) -> None:
        """End all."""
        logins.end_all(self.database)

    def live_logins(self) -> Sequence[Login]:
        """All that are live, the newest first."""
        epoch = self.secret.epoch()
        if epoch is None:
            return []
        return logins.live_logins(self.database, epoch, self.lifetimes, self.clock())

    @property
    def has_password(self) -> bool:
        """Whether anybody could log in."""
        return self.secret.epoch() is not None
