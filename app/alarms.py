"""The alarms, as data: what each one watches, when it rings, and where its runbook is.

The templates make them, and tests compare the two. Each rings at most once for one fault, and each
error that somebody has to act on names its alarm (``errors``). CloudWatch looks back for a day at
most, and for a week if a period is an hour or more. What they cost is computed from the templates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from app.telemetry import DIMENSION, NAMESPACE, SERVICE, Metric

RUNBOOKS, MORE_RUNBOOKS = "docs/aws.md", "docs/usage.md"
MINUTE, HOUR, DAY = 60, 3600, 86_400
LONG_WAIT_MS: Final = 1500  # who counts gives up after 2000

Comparison = Literal["<", ">", ">="]
OPERATORS: Final[Mapping[Comparison, str]] = {
    "<": "LessThanThreshold",
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
}
OURS: Final = (DIMENSION,)


@dataclass(frozen=True)
class Alarm:
    """It rings if ``statistic`` of ``periods`` periods in a row, or of ``datapoints`` of them, is
    on the wrong side of ``threshold``.

    ``silence_is_bad``: that nothing was measured is the fault itself. ``dimensions`` are names; the
    template knows the values of those that are AWS's.
    """

    name: str
    what: str
    metric: str
    statistic: str
    comparison: Comparison
    threshold: float
    seconds: int
    periods: int = 1
    datapoints: int | None = None
    silence_is_bad: bool = False
    namespace: str = NAMESPACE
    dimensions: tuple[str, ...] = OURS
    page: str = MORE_RUNBOOKS

    @property
    def runbook(self) -> str:
        """The heading of its runbook, as an address within the repository."""
        return f"{self.page}#{self.name.lower()}"

    @property
    def is_ours(self) -> bool:
        """Whether the application writes its metric."""
        return self.namespace == NAMESPACE

    def as_properties(self) -> dict[str, object]:
        """As CloudFormation's ``AWS::CloudWatch::Alarm`` has them, without what is the stack's.

        Missing are the description, the actions and the values of AWS's own dimensions.
        """
        extended = self.statistic.startswith("p")
        some = {} if self.datapoints is None else {"DatapointsToAlarm": self.datapoints}
        ours = [{"Name": DIMENSION, "Value": SERVICE}]
        return {
            "Namespace": self.namespace,
            "MetricName": str(self.metric),
            "ExtendedStatistic" if extended else "Statistic": self.statistic,
            "Period": self.seconds,
            "EvaluationPeriods": self.periods,
            "Threshold": self.threshold,
            "ComparisonOperator": OPERATORS[self.comparison],
            "TreatMissingData": "breaching" if self.silence_is_bad else "notBreaching",
        } | some | ({"Dimensions": ours} if self.is_ours else {})  # fmt: skip


BACKUPS: Final = (
    Alarm("BackupMissing", "No backup succeeded for 7 hours", Metric.BACKUP_SUCCEEDED, "Sum",
          "<", 1, HOUR, 7, silence_is_bad=True, page=RUNBOOKS),
    Alarm("BackupFailed", "A backup failed", Metric.BACKUP_SUCCEEDED, "Minimum", "<", 1, 5 * MINUTE,
          page=RUNBOOKS),
    Alarm("BackupOld", "The drill found no backup younger than 7 hours",
          Metric.BACKUP_AGE_SECONDS, "Maximum", ">", 7 * HOUR, 5 * MINUTE, page=RUNBOOKS),
    Alarm("DrillMissing", "No drill restored a backup for a week",
          Metric.RESTORE_DRILL_SUCCEEDED, "Sum", "<", 1, DAY, 7, silence_is_bad=True,
          page=RUNBOOKS),
    Alarm("DrillFailed", "The newest backup could not be restored",
          Metric.RESTORE_DRILL_SUCCEEDED, "Minimum", "<", 1, 5 * MINUTE, page=RUNBOOKS),
)  # fmt: skip

FILES: Final = (
    Alarm("FilesMissing", "Rows refer to files that are not in the bucket",
          Metric.BLOBS_MISSING, "Maximum", ">", 0, 5 * MINUTE, page=RUNBOOKS),
    Alarm("FilesUncompared", "Rows and files were not compared for 13 hours",
          Metric.BLOBS_MISSING, "SampleCount", "<", 1, HOUR, 13, silence_is_bad=True,
          page=RUNBOOKS),
    # The least of each ten minutes, so that a file that comes and goes rings no bell.
    Alarm("SpoolWaiting", "Files have waited for the bucket for an hour",
          Metric.SPOOL_WAITING, "Minimum", ">", 0, 10 * MINUTE, 6, page=RUNBOOKS),
    Alarm("SpoolSilent", "Nobody has done work in the background for 15 minutes",
          Metric.SPOOL_WAITING, "SampleCount", "<", 1, 15 * MINUTE, silence_is_bad=True,
          page=RUNBOOKS),
    Alarm("SpoolRefused", "The bucket refuses files", Metric.SPOOL_REFUSED, "Maximum",
          ">", 0, 5 * MINUTE, page=RUNBOOKS),
)  # fmt: skip

SITE: Final = (
    Alarm("AuthSecretStale",
          "The admin's secret cannot be read, so logins are checked against the last known one",
          Metric.AUTH_SECRET_STALE, "Sum", ">=", 1, 5 * MINUTE, page=RUNBOOKS),
    Alarm("RequestsFail", "Requests fail within the application, the log tells of which kind",
          Metric.ERRORS, "Sum", ">=", 5, 5 * MINUTE, 3, 2),
    Alarm("AnalysesSlow", "One in twenty analyses takes longer than 3 seconds",
          Metric.ANALYSIS_MILLISECONDS, "p95", ">", 3000, 5 * MINUTE, 3),
    Alarm("VisitorsTurnedAway", "Drawings are refused because too many wait",
          Metric.BUSY_REFUSALS, "Sum", ">=", 10, 5 * MINUTE, 3, 2),
    Alarm("LoginsFail", "Somebody guesses the password", Metric.LOGIN_FAILURES, "Sum",
          ">=", 10, 15 * MINUTE),  # one client alone can be wrong 12 times in it
    Alarm("JobsGivenUp", "Work in the background was given up",
          Metric.JOBS_GIVEN_UP, "Sum", ">=", 1, 5 * MINUTE),
    Alarm("DatabaseWaits", "Writers wait long for the database's lock",
          Metric.DATABASE_WAIT_MILLISECONDS, "Maximum", ">", LONG_WAIT_MS, 5 * MINUTE, 2),
    Alarm("CountsLost", "Usage could not be counted", Metric.COUNTS_LOST, "Sum",
          ">=", 1, 5 * MINUTE, 3),
)  # fmt: skip

# What AWS measures of its own services: it also sees what the application cannot, such as its end.
AWS: Final = (
    Alarm("ServerErrors", "Requests fail", "5xx", "Sum", ">=", 5, MINUTE, 3, 2,
          namespace="AWS/ApiGateway", dimensions=("ApiId",), page=RUNBOOKS),
    Alarm("AnswersSlow", "One in twenty requests takes longer than 5 seconds", "Latency", "p95",
          ">", 5000, 5 * MINUTE, 3, namespace="AWS/ApiGateway", dimensions=("ApiId",)),
    Alarm("MemoryHigh", "The task is about to be killed for memory, or there is none",
          "MemoryUtilization", "Maximum", ">", 90, 5 * MINUTE, 3, silence_is_bad=True,
          namespace="AWS/ECS", dimensions=("ClusterName", "ServiceName"), page=RUNBOOKS),
    Alarm("CpuHigh", "The task has had no CPU to spare for half an hour", "CPUUtilization",
          "Average", ">", 90, 5 * MINUTE, 6, namespace="AWS/ECS",
          dimensions=("ClusterName", "ServiceName")),
    # Without a dimension: the sum over all functions of the account, for the price of one alarm.
    Alarm("FunctionFails", "A function failed", "Errors", "Sum", ">=", 1, 5 * MINUTE,
          namespace="AWS/Lambda", dimensions=()),
    Alarm("DiskBusy", "The database's disk does all that it can", "PercentIOLimit", "Average",
          ">", 90, 5 * MINUTE, 3, namespace="AWS/EFS", dimensions=("FileSystemId",)),
)  # fmt: skip

ALARMS: Final = (*BACKUPS, *FILES, *SITE, *AWS)
