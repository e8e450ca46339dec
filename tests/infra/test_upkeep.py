"""The scheduled functions, and what the sole writer needs that the door does not."""

import pytest
from boto3.session import Session

from app.access.secrets import SecretsManager
from tests.infra.templates import Templates, properties

SCHEDULES = {
    # The alarms ring after 7 hours, a week, and 15 minutes without a word.
    "BackupFunctionSchedule": "rate(6 hours)",
    "RestoreDrillFunctionSchedule": "rate(3 days)",
    "RetentionFunctionSchedule": "rate(5 minutes)",
}
SCHEDULED = ("BackupFunction", "RestoreDrillFunction", "RetentionFunction", "CommandFunction")


def test_each_function_wakes_as_often_as_its_alarms_expect(templates: Templates) -> None:
    rules = templates.sole.of_type("AWS::Events::Rule")
    assert {name: rule["ScheduleExpression"] for name, rule in rules.items()} == SCHEDULES


def test_what_wakes_by_itself_runs_once(templates: Templates) -> None:
    for name in SCHEDULED:
        assert properties(templates.sole, name)["ReservedConcurrentExecutions"] == 1


def test_backups_and_drills_only_read_the_database(templates: Templates) -> None:
    for name in ("BackupFunction", "RestoreDrillFunction"):
        actions = {action for action, _ in templates.sole.allowed(name)}
        assert "elasticfilesystem:ClientMount" in actions
        assert "elasticfilesystem:ClientWrite" not in actions


def test_the_sole_writer_reaches_secrets_manager_over_ipv6(templates: Templates) -> None:
    for name in ("ApiFunction", "CommandFunction"):
        function = properties(templates.sole, name)
        assert function["VpcConfig"]["Ipv6AllowedForDualStack"] is True
        address = function["Environment"]["Variables"]["AWS_ENDPOINT_URL_SECRETS_MANAGER"]
        assert address["Fn::Sub"] == "https://secretsmanager.${AWS::Region}.api.aws"


def test_that_name_is_asked_and_signed_for_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://secretsmanager.eu-west-1.api.aws"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", address)
    client = SecretsManager.open("sketchnorm/admin", "eu-west-1").client
    assert (client.meta.endpoint_url, client.meta.region_name) == (address, "eu-west-1")
    # The store goes on by its own endpoint.
    store = Session().client("s3", region_name="eu-west-1")
    assert store.meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"


def test_upkeep_reaches_the_bucket_alone(templates: Templates) -> None:
    for name in ("BackupFunction", "RestoreDrillFunction", "RetentionFunction"):
        assert "Ipv6AllowedForDualStack" not in properties(templates.sole, name)["VpcConfig"]
        actions = {action.split(":")[0] for action, _ in templates.sole.allowed(name)}
        assert actions == {"s3", "elasticfilesystem"}
