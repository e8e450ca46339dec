"""The task, how a new one takes its place, and how requests find it."""

import re
from typing import Any

import pytest

from app.environment import Settings
from ecs.server import SECONDS_FOR_LAST_REQUESTS
from tests.infra.templates import DOMAIN, Templates, properties
from tests.support import ROOT

SETTINGS = (ROOT / "app" / "environment.py").read_text()
DOCKERFILE = (ROOT / "Dockerfile.ecs").read_text()


def task(templates: Templates) -> dict[str, Any]:
    return properties(templates.service(), "Task")


def container(templates: Templates) -> dict[str, Any]:
    (one,) = task(templates)["ContainerDefinitions"]
    return dict(one)


def environment(templates: Templates, **given: str) -> dict[str, Any]:
    (one,) = properties(templates.service(**given), "Task")["ContainerDefinitions"]
    return {each["Name"]: each["Value"] for each in one["Environment"]}


def test_the_task_is_the_smallest_there_is(templates: Templates) -> None:
    assert (task(templates)["Cpu"], task(templates)["Memory"]) == ("256", "512")
    assert task(templates)["RequiresCompatibilities"] == ["FARGATE"]


@pytest.mark.parametrize("architecture", ["X86_64", "ARM64"])
def test_the_processor_is_chosen(templates: Templates, architecture: str) -> None:
    stack = templates.service(Architecture=architecture)
    platform = properties(stack, "Task")["RuntimePlatform"]
    assert platform == {"CpuArchitecture": architecture, "OperatingSystemFamily": "LINUX"}


def test_the_container_can_do_nothing_that_it_need_not(templates: Templates) -> None:
    one = container(templates)
    assert one["ReadonlyRootFilesystem"] is True
    assert one["User"] == "10001:10001"
    assert one["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert not one.get("Privileged")


def test_the_user_is_the_images_and_the_disks(templates: Templates) -> None:
    assert "USER 10001:10001\n" in DOCKERFILE
    posix = properties(templates.foundation(), "AccessPoint")["PosixUser"]
    assert f"{posix['Uid']}:{posix['Gid']}" == container(templates)["User"]


def test_what_is_written_is_mounted(templates: Templates) -> None:
    mounts = {
        one["ContainerPath"]: one["SourceVolume"] for one in container(templates)["MountPoints"]
    }
    assert mounts == {"/mnt/efs": "disk", "/tmp": "scratch"}  # noqa: S108
    # Else Fargate mounts it as root's own, and the container is not root.
    assert "VOLUME /tmp\n" in DOCKERFILE


def test_the_disk_is_mounted_by_a_role_and_encrypted(templates: Templates) -> None:
    (disk,) = (one for one in task(templates)["Volumes"] if one["Name"] == "disk")
    mounted = disk["EFSVolumeConfiguration"]
    assert mounted["TransitEncryption"] == "ENABLED"
    assert mounted["AuthorizationConfig"]["IAM"] == "ENABLED"
    assert mounted.get("RootDirectory", "/") == "/"


def test_the_image_is_named_by_its_digest(templates: Templates) -> None:
    pattern = templates.raw["service"]["Parameters"]["ImageUri"]["AllowedPattern"]
    assert re.fullmatch(pattern, "1.dkr.ecr.us-east-1.amazonaws.com/a@sha256:" + "0" * 64)
    assert not re.fullmatch(pattern, "1.dkr.ecr.us-east-1.amazonaws.com/a:latest")
    assert container(templates)["Image"] == ""


def test_the_last_requests_are_answered_before_the_task_is_killed(templates: Templates) -> None:
    drain = int(environment(templates)["DRAIN_SECONDS"])
    assert drain >= 60  # for which the API goes on with a list of tasks that it knows
    assert container(templates)["StopTimeout"] == 120 > drain + SECONDS_FOR_LAST_REQUESTS


def test_a_task_that_does_not_live_is_replaced_as_in_the_image(templates: Templates) -> None:
    check = container(templates)["HealthCheck"]
    assert check["Command"] == ["CMD", "python", "-IS", "ecs/healthcheck.py"]
    said = re.search(
        r"--interval=(\d+)s --timeout=(\d+)s --start-period=(\d+)s --retries=(\d+)", DOCKERFILE
    )
    assert said
    parts = ("Interval", "Timeout", "StartPeriod", "Retries")
    assert [str(check[part]) for part in parts] == list(said.groups())


def test_the_application_starts_with_what_the_task_tells_it(templates: Templates) -> None:
    told = {name: value for name, value in environment(templates).items() if type(value) is str}
    given = told | {
        "PUBLIC_BASE_URL": "https://abc.cloudfront.net", "AWS_REGION": "us-east-1",
        "S3_BUCKET_NAME": "drawings", "ORIGIN_SECRET": "0" * 32, "RETENTION_DAYS": "30",
        "ADMIN_SECRET_NAME": "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-b",
    }  # fmt: skip
    settings = Settings.load(given, ROOT / "tests")
    assert settings.environment.environment == "production"
    assert settings.database_journal == "delete"
    assert settings.environment.secret_manager_enabled


def command(templates: Templates, **given: str) -> dict[str, Any]:
    (one,) = properties(templates.service(**given), "CommandTask")["ContainerDefinitions"]
    return dict(one)


# What only those need who answer requests.
OF_REQUESTS = {
    "PUBLIC_BASE_URL", "SECURITY_CONTACT", "SOURCE_URL", "UPLOADS_PER_MINUTE",
    "LOGIN_IDLE_MINUTES", "LOGIN_HOURS", "DRAIN_SECONDS",
}  # fmt: skip
# What is as the application or the image has it.
LEFT_AS_IT_IS = {
    "DATABASE_URL": "a file on the disk",
    "STORAGE_BACKEND": "the bucket, in production",
    "SECRET_MANAGER_ENABLED": "true in production",
    "METRICS_ENABLED": "true in production",
    "READ_ONLY": "the service writes",
    "KEEP_UPLOADS": "the service keeps",
    "DATA_DIR": "nothing is kept in a folder",
    "BUNDLE_PATH": "the image's",
    "BUNDLE_POLL_SECONDS": "soon enough",
    "PORT": "as the health check and the registry have it",
    "LARGEST_UPLOAD_MB": "set in the image",
}


def test_each_setting_is_told_or_left_as_it_is(templates: Templates) -> None:
    read = set(re.findall(r'values\.\w+\(\s*"([A-Z0-9_]+)"|given\.get\("([A-Z0-9_]+)"', SETTINGS))
    names = {one or other for one, other in read} | {"READ_ONLY", "ENVIRONMENT"}
    secrets = {one["Name"] for one in container(templates)["Secrets"]}
    assert not LEFT_AS_IT_IS.keys() & (set(environment(templates)) | secrets)
    assert names == set(environment(templates)) | secrets | LEFT_AS_IT_IS.keys()


def test_a_command_has_the_database_and_the_settings_of_the_service(templates: Templates) -> None:
    told = {one["Name"]: one["Value"] for one in command(templates)["Environment"]}
    served = environment(templates)
    assert told == {name: served[name] for name in set(served) - OF_REQUESTS}
    for part in ("MountPoints", "User", "ReadonlyRootFilesystem", "LinuxParameters"):
        assert command(templates)[part] == container(templates)[part]
    commands = properties(templates.service(), "CommandTask")
    assert commands["Volumes"] == task(templates)["Volumes"]
    assert commands["TaskRoleArn"] == {"Fn::GetAtt": ["CommandRole", "Arn"]}
    assert task(templates)["TaskRoleArn"] == {"Fn::GetAtt": ["TaskRole", "Arn"]}


def test_a_new_release_can_migrate_before_it_serves(templates: Templates) -> None:
    new, old = "a@sha256:" + "1" * 64, "a@sha256:" + "0" * 64
    stack = templates.service(ImageUri=old, CommandImageUri=new)
    assert properties(stack, "Task")["ContainerDefinitions"][0]["Image"] == old
    assert properties(stack, "CommandTask")["ContainerDefinitions"][0]["Image"] == new
    assert command(templates, ImageUri=old)["Image"] == old


def test_what_a_command_says_is_not_lost(templates: Templates) -> None:
    assert command(templates)["LogConfiguration"]["Options"]["mode"] == "blocking"


def test_drawings_are_kept_for_as_long_as_the_bucket_expects(templates: Templates) -> None:
    """A release hands it on; an exported value could never be changed."""
    assert environment(templates, RetentionDays="90")["RETENTION_DAYS"] == "90"
    ours, theirs = (
        templates.raw[name]["Parameters"]["RetentionDays"] for name in ("service", "foundation")
    )
    assert str(ours["Default"]) == str(theirs["Default"])
    assert "Export" not in templates.raw["foundation"]["Outputs"]["RetentionDays"]


def test_links_are_those_that_visitors_use(templates: Templates) -> None:
    ours = environment(templates, **DOMAIN)["PUBLIC_BASE_URL"]
    theirs = environment(templates)["PUBLIC_BASE_URL"]
    assert ours["Fn::Sub"] == "https://${DomainName}"
    assert theirs["Fn::Sub"] == "https://${Distribution.DomainName}"


def test_secrets_are_no_part_of_the_task(templates: Templates) -> None:
    (secret,) = container(templates)["Secrets"]
    text, names = secret["ValueFrom"]["Fn::Sub"]
    assert secret["Name"] == "ORIGIN_SECRET"
    assert "ORIGIN_SECRET" not in environment(templates)
    assert text == "${Arn}:accepted::${OriginProofVersion}"
    assert names["Arn"]["Fn::ImportValue"]["Fn::Sub"] == "${Foundation}-OriginProofArn"


def test_lines_are_kept_for_a_month_and_hold_up_no_request(templates: Templates) -> None:
    options = container(templates)["LogConfiguration"]["Options"]
    assert (options["mode"], options["max-buffer-size"]) == ("non-blocking", "4m")
    assert properties(templates.service(), "Logs")["RetentionInDays"] == 30


def service(templates: Templates) -> dict[str, Any]:
    return properties(templates.service(), "Service")


def test_one_task_at_a_time_and_two_while_one_replaces_the_other(templates: Templates) -> None:
    deployment = service(templates)["DeploymentConfiguration"]
    assert service(templates)["DesiredCount"] == "1"
    choices = templates.raw["service"]["Parameters"]["Tasks"]
    assert (choices["Default"], choices["AllowedValues"]) == (1, [0, 1])
    percents = (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"])
    assert percents == (100, 200)


def test_a_deployment_that_fails_twice_is_taken_back(templates: Templates) -> None:
    assert service(templates)["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {
        "Enable": True, "Rollback": True, "ResetOnHealthyTask": False,
        "ThresholdConfiguration": {"Type": "COUNT", "Value": 2},
    }  # fmt: skip


def test_a_deployment_whose_requests_fail_is_taken_back(templates: Templates) -> None:
    alarms = service(templates)["DeploymentConfiguration"]["Alarms"]
    assert alarms == {"Enable": True, "Rollback": True, "AlarmNames": [{"Ref": "ServerErrors"}]}


def test_the_task_stays_in_its_zone(templates: Templates) -> None:
    assert service(templates)["AvailabilityZoneRebalancing"] == "DISABLED"


def test_the_task_has_a_way_out_and_one_way_in(templates: Templates) -> None:
    network = service(templates)["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "ENABLED"
    (group,) = network["SecurityGroups"]
    assert group["Fn::ImportValue"]["Fn::Sub"] == "${Foundation}-TaskGroupId"


def test_the_task_starts_once_it_can_be_asked(templates: Templates) -> None:
    assert templates.service().resources()["Service"]["DependsOn"] == "Route"


def test_the_api_finds_the_healthy_task_and_its_port(templates: Templates) -> None:
    registry = properties(templates.service(), "Registry")
    assert [one["Type"] for one in registry["DnsConfig"]["DnsRecords"]] == ["SRV"]
    assert registry["HealthCheckCustomConfig"] == {"FailureThreshold": 1}
    (entry,) = service(templates)["ServiceRegistries"]
    assert entry["RegistryArn"] == {"Fn::GetAtt": ["Registry", "Arn"]}
    assert (entry["ContainerName"], entry["ContainerPort"]) == ("app", 8000)
    integration = properties(templates.service(), "Integration")
    assert integration["IntegrationUri"] == {"Fn::GetAtt": ["Registry", "Arn"]}
    assert integration["ConnectionType"] == "VPC_LINK"


def test_a_request_keeps_its_number_in_the_log(templates: Templates) -> None:
    parameters = properties(templates.service(), "Integration")["RequestParameters"]
    assert parameters == {"overwrite:header.x-apigw-request-id": "$context.requestId"}


def test_the_api_takes_so_many_requests_and_no_more(templates: Templates) -> None:
    settings = properties(templates.service(), "Stage")["DefaultRouteSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (50, 100)


def test_the_api_logs_no_address_and_no_path(templates: Templates) -> None:
    stage = properties(templates.service(), "Stage")
    line = stage["AccessLogSettings"]["Format"]
    assert not re.search(r"sourceIp|path|Path|userAgent|routeKey|authorizer", line)
    assert properties(templates.service(), "ApiLogs")["RetentionInDays"] == 14


def test_the_api_has_no_stage_in_its_addresses(templates: Templates) -> None:
    assert properties(templates.service(), "Stage")["StageName"] == "$default"


REFUSED = {
    "a name without a zone": ({"DomainName": "a.example"}, "HostedZoneId"),
    "a certificate elsewhere": ({**DOMAIN, "AWS::Region": "eu-central-1"}, "us-east-1"),
}


@pytest.mark.parametrize(("given", "word"), REFUSED.values(), ids=REFUSED)
def test_a_domain_that_cannot_work_is_refused(
    templates: Templates, given: dict[str, str], word: str
) -> None:
    stack = templates.service(**given)
    region = given.get("AWS::Region", "us-east-1")
    stack = type(stack)(stack.template, {**stack.parameters, "AWS::Region": region})
    (refusal,) = stack.refusals()
    assert word in refusal


def test_a_domain_that_works_is_not(templates: Templates) -> None:
    assert templates.service().refusals() == []
    assert templates.service(**DOMAIN).refusals() == []
    assert templates.service(DomainName="a.example", CertificateArn="arn:its").refusals() == []
