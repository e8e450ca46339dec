"""What the template promises, read from the stacks that it makes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import environment
from tests.infra.templates import Templates
from tests.support import ROOT
from tests.support.gateway.stack import REGION, Stack, translated

ROLES = ("demo", "sole", "none")
ACCESS_POINT = "access-point/fsap-0123456789abcdef0"
DISK = {
    "AccessPointArn": f"arn:aws:elasticfilesystem:{REGION}:123456789012:{ACCESS_POINT}",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "SecurityGroupId": "sg-0123456789abcdef0",
    "BucketName": "drawings",
    "AdminSecretArn": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:AdminSecret-abcdef",
}
FUNCTIONS = {
    ("local", False): {"ApiFunction"},
    ("demo", False): {"ApiFunction"},
    ("demo", True): {"ApiFunction", "BackupFunction", "RestoreDrillFunction"},
    ("none", True): {"BackupFunction", "RestoreDrillFunction"},
    ("none", False): set(),
    ("sole", True): {
        "ApiFunction", "CommandFunction", "BackupFunction", "RestoreDrillFunction",
        "RetentionFunction",
    },
}  # fmt: skip
BUCKET = "arn:${AWS::Partition}:s3:::${BucketName}"
LIST = ("s3:ListBucket", BUCKET)
# Parameters about who is let in, and how long a drawing is kept: the setting that each one is, and
# what that is unless it is given.
ACCESS: dict[str, tuple[str, str | int]] = {
    "UploadsPerMinute": ("UPLOADS_PER_MINUTE", environment.UPLOADS_PER_MINUTE),
    "LoginIdleMinutes": ("LOGIN_IDLE_MINUTES", environment.LOGIN_IDLE_MINUTES),
    "LoginHours": ("LOGIN_HOURS", environment.LOGIN_HOURS),
    "RetentionDays": ("RETENTION_DAYS", environment.RETENTION_DAYS),
}
GIVEN = {
    "UploadsPerMinute": "7", "LoginIdleMinutes": "15", "LoginHours": "2",
    "RetentionDays": "90", "OriginSecret": "5ecret" * 6,
    "PublicBaseUrl": "https://drawings.example.org",
}  # fmt: skip
STAMP = f"{BUCKET}/.environment.json"


@pytest.fixture(scope="module")
def demo() -> Stack:
    """The door for visitors beside a service on Fargate."""
    return translated(ApiRole="demo")


@pytest.fixture(scope="module")
def sole() -> Stack:
    """All of Sketchnorm on Lambda."""
    return translated(ApiRole="sole", **DISK)


@pytest.mark.parametrize(("role", "mounted"), FUNCTIONS, ids=str)
def test_each_role_has_its_functions(role: str, mounted: bool) -> None:
    stack = translated(ApiRole=role, **(DISK if mounted else {}))
    assert set(stack.functions()) == FUNCTIONS[role, mounted]


def test_the_template_that_aws_makes_of_it_is_clean(sole: Stack, tmp_path: Path) -> None:
    made = tmp_path / "template.json"
    made.write_text(json.dumps(sole.template))
    # W1028: SAM repeats conditions that hold already. The others: see the template's own head.
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [
        str(linter),
        str(made),
        "--regions",
        REGION,
        "--ignore-checks",
        "W1028",
        "W1030",
        "W1031",
    ]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_demo_door_is_read_only_and_reaches_nothing(demo: Stack) -> None:
    door = demo.functions()["ApiFunction"]
    assert door["Environment"]["Variables"] == {
        "ENVIRONMENT": "production", "READ_ONLY": "true", "DATA_DIR": "/var/task/demo",
        "SECRET_MANAGER_ENABLED": "false", "PUBLIC_BASE_URL": "", "ORIGIN_SECRET": "",
        "SECURITY_CONTACT": "", "SOURCE_URL": "",
        **{name: str(default) for name, default in ACCESS.values()},
    }  # fmt: skip
    assert not {"VpcConfig", "FileSystemConfigs", "ReservedConcurrentExecutions"} & set(door)
    assert demo.allowed("ApiFunction") == set()
    (basic,) = demo.role_of("ApiFunction")["ManagedPolicyArns"]
    assert basic["Fn::Sub"].endswith("/AWSLambdaBasicExecutionRole")


def test_the_sole_writer_has_the_disk_and_the_store(sole: Stack) -> None:
    site = sole.functions()["ApiFunction"]
    assert site["FileSystemConfigs"] == [
        {"Arn": DISK["AccessPointArn"], "LocalMountPath": "/mnt/efs"}
    ]
    assert site["VpcConfig"]["SubnetIds"] == DISK["SubnetIds"].split(",")
    variables = site["Environment"]["Variables"]
    assert (variables["READ_ONLY"], variables["S3_BUCKET_NAME"]) == ("false", "drawings")
    assert "DATA_DIR" not in variables


def told(function: dict[str, Any]) -> dict[str, str]:
    """Its settings; not what CloudFormation has yet to work out, such as an address of AWS's."""
    variables = function["Environment"]["Variables"].items()
    return {name: value for name, value in variables if isinstance(value, str)}


@pytest.mark.parametrize("role", ["demo", "sole"])
def test_what_is_said_of_who_is_let_in_reaches_the_site(role: str, tmp_path: Path) -> None:
    function = translated(ApiRole=role, **DISK, **GIVEN).functions()["ApiFunction"]
    environ = {**told(function), "AWS_REGION": REGION}
    settings = environment.Settings.load(environ, tmp_path)
    assert (settings.uploads_per_minute, settings.retention_days) == (7, 90)
    assert (settings.login_idle_minutes, settings.login_hours) == (15, 2)
    assert settings.origin_secrets == (GIVEN["OriginSecret"],)
    assert settings.public_base_url == GIVEN["PublicBaseUrl"]


def test_what_cloudfront_proves_itself_with_is_read_from_its_secret() -> None:
    """So that no release and no variable of a workflow needs to hold it."""
    function = translated(ApiRole="demo", OriginProofArn="arn:proof").functions()["ApiFunction"]
    said = function["Environment"]["Variables"]["ORIGIN_SECRET"]
    assert "{{resolve:secretsmanager:arn:proof:SecretString:accepted}}" in str(said) or (
        said == {"Fn::Sub": "{{resolve:secretsmanager:${OriginProofArn}:SecretString:accepted}}"}
    )


@pytest.mark.parametrize("name", ["ApiFunction", "CommandFunction"])
def test_commands_look_for_the_same_secret_as_the_site(name: str, tmp_path: Path) -> None:
    function = translated(ApiRole="sole", **DISK, **GIVEN).functions()[name]
    environ = {**told(function), "AWS_REGION": REGION}
    settings = environment.Settings.load(environ, tmp_path)
    assert settings.admin_secret_name == DISK["AdminSecretArn"]
    assert settings.environment.secret_manager_enabled


def test_the_site_reads_the_admins_secret_and_only_commands_change_it(sole: Stack) -> None:
    rights = {
        name: {
            action for action, resource in sole.allowed(name) if resource == DISK["AdminSecretArn"]
        }
        for name in sole.functions()
    }
    assert {name: actions for name, actions in rights.items() if actions} == {
        "ApiFunction": {"secretsmanager:GetSecretValue"},
        "CommandFunction": {"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"},
    }


def test_drawings_end_when_the_site_says(templates: Templates) -> None:
    """Whoever tells it and whoever does it: retention, commands, and the site."""
    functions = templates.sole.functions()
    days = {name: told(one).get("RETENTION_DAYS") for name, one in functions.items()}
    upkeep = dict.fromkeys(("BackupFunction", "RestoreDrillFunction"))
    site = dict.fromkeys(("ApiFunction", "CommandFunction", "RetentionFunction"), "30")
    assert days == upkeep | site


def test_the_origin_secret_is_shown_to_nobody_who_looks_at_the_stack(sole: Stack) -> None:
    assert sole.template["Parameters"]["OriginSecret"]["NoEcho"]


def test_a_first_visit_to_the_sole_writer_is_not_turned_away(sole: Stack) -> None:
    # 12 pictures, the style and the icon at once, while somebody else looks at a page or two.
    assert 16 <= sole.functions()["ApiFunction"]["ReservedConcurrentExecutions"] <= 40


@pytest.mark.parametrize("role", ROLES)
def test_functions_run_where_the_model_runs_and_what_wakes_by_itself_runs_once(role: str) -> None:
    functions = translated(ApiRole=role, **DISK).functions()
    assert {one["Architectures"][0] for one in functions.values()} == {"x86_64"}
    alone = {
        name for name, one in functions.items() if one.get("ReservedConcurrentExecutions") == 1
    }
    assert alone == set(functions) - {"ApiFunction"}


def test_the_function_gives_up_before_its_gateway(sole: Stack) -> None:
    assert sole.functions()["ApiFunction"]["Timeout"] < 29


def test_every_body_may_be_binary(demo: Stack) -> None:
    (api,) = demo.of_type("AWS::ApiGateway::RestApi").values()
    assert api["Body"]["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_backups_are_made_every_six_hours_and_drilled_every_three_days(sole: Stack) -> None:
    rules = sole.of_type("AWS::Events::Rule")
    assert {name: rule["ScheduleExpression"] for name, rule in rules.items()} == {
        "BackupFunctionSchedule": "rate(6 hours)",
        "RestoreDrillFunctionSchedule": "rate(3 days)",
        "RetentionFunctionSchedule": "rate(5 minutes)",
    }


S3_RIGHTS = {
    "ApiFunction": {
        LIST, *((f"s3:{verb}Object", f"{BUCKET}/*") for verb in ("Get", "Put", "Delete"))
    },
    "CommandFunction": {
        LIST, *((f"s3:{verb}Object", f"{BUCKET}/*") for verb in ("Get", "Put", "Delete"))
    },
    "BackupFunction": {
        LIST, ("s3:GetObject", f"{BUCKET}/*"), ("s3:PutObject", f"{BUCKET}/backups/*"),
        ("s3:PutObject", STAMP),
    },
    "RestoreDrillFunction": {
        LIST, ("s3:GetObject", f"{BUCKET}/backups/*"), ("s3:GetObject", STAMP),
        ("s3:PutObject", f"{BUCKET}/backups/drills/newest.json"),
    },
    "RetentionFunction": {
        LIST, ("s3:GetObject", f"{BUCKET}/*"), ("s3:PutObject", STAMP),
        *(
            ("s3:PutObject", f"{BUCKET}/{kind}/*")
            for kind in ("drawings", "saliency_maps", "backups/forgotten")
        ),
        *(
            ("s3:DeleteObject", f"{BUCKET}/{kind}/*")
            for kind in ("drawings", "saliency_maps", "exports", "backups")
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize("function", S3_RIGHTS)
def test_a_function_may_do_in_the_bucket_what_it_does_and_no_more(
    function: str, sole: Stack
) -> None:
    allowed = sole.allowed(function)
    assert {one for one in allowed if one[0].startswith("s3:")} == S3_RIGHTS[function]


@pytest.mark.parametrize("function", sorted(FUNCTIONS["sole", True]))
def test_only_what_changes_the_database_may_write_to_its_disk(function: str, sole: Stack) -> None:
    allowed = {action for action, _ in sole.allowed(function)}
    writes = "elasticfilesystem:ClientWrite" in allowed
    assert "elasticfilesystem:ClientMount" in allowed
    assert writes == (function not in ("BackupFunction", "RestoreDrillFunction"))


def test_the_database_is_migrated_before_the_site_is_replaced(sole: Stack) -> None:
    migration = sole.resources()["Migration"]["Properties"]
    assert migration["ServiceToken"] == {"Fn::GetAtt": ["CommandFunction", "Arn"]}
    # Which changes with the image, so that each release asks anew.
    version = migration["Release"]["Ref"]
    assert sole.of_type("AWS::Lambda::Version")[version]["FunctionName"] == {
        "Ref": "CommandFunction"
    }
    assert migration["Database"] == DISK["AccessPointArn"]
    assert "${Migration}" in sole.functions()["ApiFunction"]["Description"]["Fn::Sub"]
    assert "Migration" in sole.resources()["RetentionFunction"]["DependsOn"]


REFUSED = {
    "a role that nobody chose": ({}, "ApiRole=demo"),
    "a writer without a disk": (
        {"ApiRole": "sole", "BucketName": "drawings", "AdminSecretArn": "arn"}, "AccessPointArn"
    ),
    "a writer without a password": ({"ApiRole": "sole", **DISK, "AdminSecretArn": ""}, "AdminSec"),
    "no subnets": ({"ApiRole": "sole", **DISK, "SubnetIds": ""}, "SubnetIds"),
    "no group": ({"ApiRole": "none", **DISK, "SecurityGroupId": ""}, "SecurityGroupId"),
    "no bucket": ({"ApiRole": "demo", **DISK, "BucketName": ""}, "BucketName"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "word"), REFUSED.values(), ids=REFUSED)
def test_a_deployment_that_lacks_something_is_refused(given: dict[str, str], word: str) -> None:
    (refusal,) = translated(**given).refusals()
    assert word in refusal


@pytest.mark.parametrize(("role", "mounted"), list(FUNCTIONS)[1:], ids=str)
def test_a_deployment_that_lacks_nothing_is_not(role: str, mounted: bool) -> None:
    assert translated(ApiRole=role, **(DISK if mounted else {})).refusals() == []


def test_every_handler_that_is_named_is_there(sole: Stack) -> None:
    functions = sole.functions().values()
    zipped = [one["Handler"] for one in functions if "Handler" in one]
    handlers = zipped + [
        word for one in functions for word in one.get("ImageConfig", {}).get("Command", ())
    ]
    assert len(handlers) == 4
    for module, _, name in (handler.rpartition(".") for handler in handlers):
        code = (ROOT / f"{module.replace('.', '/')}.py").read_text()
        assert f"def {name}(" in code
        assert len(code.splitlines()) < 40
