"""A clock that is set by hand, and the one on the wall."""

import time
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


def wait_out_midnight(seconds: float) -> None:
    """Return when so many seconds, at least, are left of the day in UTC."""
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    left = (midnight - now).total_seconds()
    if left < seconds:
        time.sleep(left)
