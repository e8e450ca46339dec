"""The admin's password: judged when it is chosen, hashed to be kept, and checked one at a time.

argon2id as OWASP's cheat sheet has it for 19 MiB. Several checks at once would each hold as much,
and take the processor from the pages that everybody sees.
"""

import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Busy, WeakPassword

MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
LONGEST = 256  # characters; more would only make the check take longer
LEAST_STRENGTH = 3  # of zxcvbn's 0–4: 10^8 guesses and more
MOST_WAITING = 4
# Of no password. Checked where none is set, so that this takes as long as a wrong one.
NO_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gcGFzc3dvcmQgYXQgYWxs"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
_HASHER: Final = PasswordHasher(PASSES, MEMORY_KIB, LANES)


def check_strength(password: str) -> None:
    """Raise ``WeakPassword`` if it would soon be guessed; zxcvbn is asked (Wheeler 2016)."""
    from zxcvbn import zxcvbn

    if len(password) > LONGEST:
        raise WeakPassword(f"The password is longer than {LONGEST} characters; choose another.")
    if not password:
        raise WeakPassword("No password was typed; nothing was changed.")
    found = zxcvbn(password, user_inputs=["sketchnorm"], max_length=LONGEST)
    if found["score"] < LEAST_STRENGTH:
        why = found["feedback"]["warning"] or "It would soon be guessed."
        raise WeakPassword(f"{why} Choose a longer one, such as five words that nobody expects.")


def hashed(password: str) -> str:
    """Hash it, with a salt of its own, to be kept."""
    return _HASHER.hash(_as_bytes(password))


def is_hash(text: str) -> bool:
    """Whether it is a hash that passwords can be checked against here."""
    try:
        _HASHER.check_needs_rehash(text)
    except InvalidHashError:
        return False
    return text.startswith("$argon2id$")


@dataclass(frozen=True)
class PasswordCheck:
    """Checks passwords one after the other; few may wait.

    All in the same thread: glibc gives each thread memory of its own and keeps those 19 MiB for it,
    so that a pool of threads which take turns would hold as much for every one of them.
    """

    turn: Executor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "password"), repr=False, compare=False
    )
    places: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(MOST_WAITING + 1), repr=False
    )

    def matches(self, password: str, kept: str | None) -> bool:
        """Whether ``kept`` is its hash; ``None`` has none, and takes as long to say so.

        Raise ``Busy`` if too many wait already.
        """
        with self._place():
            checked = self.turn.submit(_verified, password[:LONGEST], kept or NO_HASH)
            return checked.result() and len(password) <= LONGEST

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self.places.acquire(blocking=False):
            raise Busy("Many passwords are being checked just now; please try again in a minute.")
        try:
            yield
        finally:
            self.places.release()


def _as_bytes(password: str) -> bytes:
    """The same however a keyboard composes its letters (NFC, as RFC 8265 has it)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _verified(password: str, kept: str) -> bool:
    try:
        return _HASHER.verify(kept, _as_bytes(password))
    except (VerificationError, InvalidHashError):
        return False
