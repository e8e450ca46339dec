"""A clock that is set by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until time ``passes``."""

    at: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **duration: float) -> None:
        self.at += timedelta(**duration)
