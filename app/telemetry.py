"""Log lines and metrics: JSON on standard output, from which CloudWatch takes both.

Never a picture, an age or an address in a line, nor a country as a dimension. In requests use
``thread_safe_append_keys``: ``append_keys`` leaks from one request into another.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

SERVICE = "sketchnorm"
NAMESPACE = "Sketchnorm"


class Metric(StrEnum):
    """Every metric there is; each one costs money, so what computes the cost reads this list."""

    BACKUP_SUCCEEDED = "BackupSucceeded"
    BACKUP_FAILED = "BackupFailed"
    BACKUP_SECONDS = "BackupSeconds"
    RESTORE_DRILL_SUCCEEDED = "RestoreDrillSucceeded"
    RESTORE_DRILL_FAILED = "RestoreDrillFailed"
    RESTORE_DRILL_SECONDS = "RestoreDrillSeconds"
    BACKUP_AGE_SECONDS = "BackupAgeSeconds"
    BLOBS_MISSING = "BlobsMissing"
    SPOOL_WAITING = "SpoolWaiting"
    SPOOL_REFUSED = "SpoolRefused"
    AUTH_SECRET_STALE = "AuthSecretStale"  # noqa: S105 - a metric's name

    @property
    def unit(self) -> MetricUnit:
        """Seconds if the name says so, else a count."""
        return MetricUnit.Seconds if self.endswith("Seconds") else MetricUnit.Count


@dataclass(frozen=True)
class Metrics:
    """Writes metrics, each as a line of its own; writes none unless ``enabled``."""

    enabled: bool

    def put(self, metric: Metric, value: float = 1) -> None:
        """Write one value."""
        if not self.enabled:
            return
        with single_metric(
            name=metric, unit=metric.unit, value=value, namespace=NAMESPACE,
            default_dimensions={"service": SERVICE},
        ):  # fmt: skip
            pass

    @contextmanager
    def outcome(self, succeeded: Metric, failed: Metric, seconds: Metric) -> Iterator[None]:
        """Say how the block went and how long it took; what it raises goes on."""
        began, done = time.monotonic(), False
        try:
            yield
            done = True
        finally:
            self.put(succeeded if done else failed)
            self.put(seconds, time.monotonic() - began)


def make_logger() -> Logger:
    """The logger of an entry point; ``POWERTOOLS_LOG_LEVEL`` sets its level.

    What other modules and libraries write, warnings and worse, gets its form and its ids.
    """
    logging.basicConfig(stream=sys.stdout)  # nothing if Lambda has put a handler before
    logger = Logger(service=SERVICE)
    for handler in logging.root.handlers:
        handler.setFormatter(logger.registered_formatter)
    return logger
