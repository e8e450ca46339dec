"""Every refusal, drawn as one tree.

::

    SketchnormError
    ├── Refusal                    the person who asked can mend it; the sentence says how
    │   ├── UnusableDrawing
    │   │   ├── MissingDrawing     no file, or an empty one
    │   │   ├── DrawingTooLarge    too many bytes or pixels
    │   │   └── UnreadableDrawing  not a picture, a broken one, or a format we do not read
    │   ├── InvalidAge             missing, not a number, or outside 2–18
    │   ├── InvalidRequest         something else in the request contradicts itself
    │   ├── IncompleteRequest      the request broke off, or cannot be taken apart
    │   ├── NotPermitted           nobody may do this to it, such as deleting an example
    │   ├── NotFound               no such drawing, map or page
    │   ├── WeakPassword           one that would soon be guessed
    │   ├── NotLetIn               no login, no token, or a wrong password
    │   ├── AdminClosed            there is no admin's side here, or no password for it
    │   └── TooOften               asked again too soon
    ├── ConfigurationError         the operator can mend it; the process does not start
    │   └── WrongEnvironment       a database or store made by another environment
    ├── BundleError                the bundle is missing, changed or not understood
    ├── UnusableSample             a drawing put into the demonstration is incomplete or broken
    ├── BackupError                no backup can be made of this, or this one cannot be trusted
    ├── SecretUnavailable          the admin's secret cannot be read now, and was not for too long
    ├── StorageUnavailable         the database or the store cannot be reached now
    │   ├── StorageBusy            another writer holds it for too long
    │   ├── StorageFull            its disk is full
    │   ├── ReadOnly               it can be read, but nothing can be kept in it
    │   ├── StorageRefused         it answers, but not as asked; it may do what others ask
    │   └── StorageDamaged         what is in it has to be restored
    ├── JobFailed                  work in the background failed and is tried again
    ├── ImplausibleLoss            so much would be removed that something else must be wrong
    ├── OutputError                a file that a command was asked to write cannot be written
    ├── CommandFailed              an operator's command failed where it was run for them
    └── Busy                       too many drawings wait for their turn

Each carries one sentence that says what happened and what to do next. How a refusal looks over
HTTP is decided in ``web/errors.py`` alone. Those that an operator has to act on name the alarm of
``alarms`` that rings for them.
"""

from typing import ClassVar


class SketchnormError(Exception):
    """The root: ``str(error)`` is a sentence fit for the person who meets it."""

    alarm: ClassVar[str | None] = None


class Refusal(SketchnormError):
    """The request cannot be answered as it stands; nothing was stored."""


class UnusableDrawing(Refusal):
    """The bytes given as a drawing cannot be analysed."""


class MissingDrawing(UnusableDrawing):
    """No file was given, or it is empty."""


class DrawingTooLarge(UnusableDrawing):
    """More bytes or pixels than are read."""


class UnreadableDrawing(UnusableDrawing):
    """Not a picture, a broken picture, or one in a format that is not read."""


class InvalidAge(Refusal):
    """The age is missing, not a number, or outside 2–18 years."""


class InvalidRequest(Refusal):
    """The request contradicts itself."""


class IncompleteRequest(Refusal):
    """The body broke off or is not well formed, so that nobody knows what else it would say."""


class NotPermitted(Refusal):
    """What was asked for is not to be done to this by anybody."""


class NotFound(Refusal):
    """What was asked for does not exist, or no longer does."""


class WeakPassword(Refusal):
    """A password that is too easily guessed, or cannot be one."""


class NotLetIn(Refusal):
    """Who asks has shown neither a live login nor a token that would do, or a wrong password."""

    alarm = "LoginsFail"


class AdminClosed(Refusal):
    """Nobody can log in here; the sentence says how that can be changed, or where to go."""


class TooOften(Refusal):
    """Asked again too soon; ``seconds`` from now it may be tried again."""

    def __init__(self, sentence: str, seconds: float) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class ConfigurationError(SketchnormError):
    """Settings are missing or contradict each other; the process does not start."""


class WrongEnvironment(ConfigurationError):
    """A database, store or backup belongs to another environment than the one that uses it.

    ``what`` was made by ``made_by`` and is now ``used`` (opened, restored, …) by ``environment``;
    ``otherwise`` is what can be done instead of setting ENVIRONMENT.
    """

    def __init__(
        self, what: str, made_by: str, environment: str, used: str, otherwise: str = ""
    ) -> None:
        super().__init__(
            f"{what} was made by the environment {made_by!r} and is now {used} by "
            f"{environment!r}; set ENVIRONMENT={made_by}{otherwise and f', or {otherwise}'}."
        )


class BundleError(SketchnormError):
    """The bundle is missing, changed since it was made, or of a version not understood."""

    alarm = "RequestsFail"


class UnusableSample(SketchnormError):
    """A drawing that the operator put into the demonstration is incomplete or broken."""


class BackupError(SketchnormError):
    """What lies there cannot be backed up, or a backup is missing, damaged or not ours."""

    alarm = "BackupFailed"


class SecretUnavailable(SketchnormError):
    """The admin's secret cannot be read now; ``advice`` is for the operator and is logged."""

    alarm = "AuthSecretStale"

    def __init__(self, sentence: str, advice: str) -> None:
        super().__init__(sentence)
        self.advice = advice


class StorageUnavailable(SketchnormError):
    """The database or the store cannot be reached now; trying again later may work.

    ``advice`` is for the operator: which part it is and what mends it. It is logged and told by
    ``/healthz``, so it names no path.
    """

    alarm = "RequestsFail"

    def __init__(self, sentence: str, advice: str | None = None) -> None:
        super().__init__(sentence)
        self.advice = advice or sentence


class StorageBusy(StorageUnavailable):
    """Another writer held the database for longer than a writer waits."""

    alarm = "DatabaseWaits"


class StorageFull(StorageUnavailable):
    """The disk of the database or the store is full."""


class StorageRefused(StorageUnavailable):
    """The store was reached and did not do what it was asked; it may well do what others ask."""

    alarm = "SpoolRefused"


class StorageDamaged(StorageUnavailable):
    """What is in the database cannot be read any more; only a backup mends it."""


class ReadOnly(StorageUnavailable):
    """The database or the store can be read, but nothing can be kept in it."""


class JobFailed(SketchnormError):
    """Work in the background failed; what went wrong is kept with the job."""

    alarm = "JobsGivenUp"


class ImplausibleLoss(SketchnormError):
    """So much would be removed that something else is more likely wrong; nothing was."""

    alarm = "JobsGivenUp"


class OutputError(SketchnormError):
    """A file that a command was asked to write cannot be written; what was there is as before."""


class CommandFailed(SketchnormError):
    """An operator's command ended badly; the sentences are those that it printed."""


class Busy(SketchnormError):
    """Too many drawings wait for their turn; trying again in a minute will work."""

    alarm = "VisitorsTurnedAway"
