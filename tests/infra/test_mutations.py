"""Each line that protects something is missed by a test once it is deleted or weakened."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pytest

from app.alarms import ALARMS, Alarm
from app.telemetry import Metric
from tests.infra import test_deployment as deployment
from tests.infra import test_distribution as distribution
from tests.infra import test_every_resource as every_resource
from tests.infra import test_foundation as foundation
from tests.infra import test_roles as roles
from tests.infra import test_service as service
from tests.infra import test_snapshot as snapshot
from tests.infra import test_template as functions
from tests.infra import test_upkeep as upkeep
from tests.infra import test_watch as watch
from tests.infra.templates import DOOR, GONE, Json, Step, Templates

Claim = Callable[[Templates], None]
Change = tuple[str, tuple[Step, ...], Any, Claim]

EVERYTHING: Final = every_resource.test_everything_is_encrypted_private_and_has_the_least_rights
BUCKET: Final = ("Bucket", "Properties")
POLICY: Final = ("BucketPolicy", "Properties", "PolicyDocument", "Statement")
RULES: Final = (*BUCKET, "LifecycleConfiguration", "Rules")
TASK: Final = ("Task", "Properties")
CONTAINER: Final = (*TASK, "ContainerDefinitions", 0)
DEPLOYMENT: Final = ("Service", "Properties", "DeploymentConfiguration")
CDN: Final = ("Distribution", "Properties", "DistributionConfig")
DATA: Final = ("TaskRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
COMMANDS: Final = ("CommandRole", *DATA[1:])
SITE: Final = (
    "SiteRole", "Properties", "Policies", 0, "Fn::If", 1, "PolicyDocument", "Statement",
)  # fmt: skip
FIRST: Final = ("Policies", 0, "PolicyDocument", "Statement")


def rule(name: str) -> tuple[Step, ...]:
    return (*RULES, {"Id": name})


def trust(role: str) -> tuple[Step, ...]:
    return (role, "Properties", "AssumeRolePolicyDocument", "Statement", 0, "Condition")


FOUNDATION: Final[dict[str, tuple[tuple[Step, ...], Any, Claim]]] = {
    "bucket in plain text": ((*BUCKET, "BucketEncryption"), GONE, EVERYTHING),
    "public ACLs": (
        (*BUCKET, "PublicAccessBlockConfiguration", "BlockPublicAcls"), False, EVERYTHING),
    "public policies": (
        (*BUCKET, "PublicAccessBlockConfiguration", "BlockPublicPolicy"), GONE, EVERYTHING),
    "public objects": (
        (*BUCKET, "PublicAccessBlockConfiguration", "IgnorePublicAcls"), GONE, EVERYTHING),
    "public bucket": (
        (*BUCKET, "PublicAccessBlockConfiguration", "RestrictPublicBuckets"), GONE, EVERYTHING),
    "others' objects": ((*BUCKET, "OwnershipControls"), GONE, EVERYTHING),
    "no versions": (
        (*BUCKET, "VersioningConfiguration", "Status"), "Suspended", EVERYTHING),
    "bucket by http": (
        (*POLICY, {"Sid": "EncryptedTransport"}),
        GONE, EVERYTHING),
    "bucket by TLS 1.0": (
        (*POLICY, {"Sid": "ModernTransport"}),
        GONE, EVERYTHING),
    "bucket without a policy": (
        ("BucketPolicy",), GONE, every_resource.test_each_bucket_has_a_policy),
    "backups expire": (
        (*rule("backups"), "ExpirationInDays"), 365,
        foundation.test_no_rule_expires_or_moves_a_backup),
    "backups are moved": (
        (*rule("backups"), "Transitions"), [],
        foundation.test_no_rule_expires_or_moves_a_backup),
    "everything expires": (
        (*rule("unfinished-uploads"), "ExpirationInDays"), 365,
        foundation.test_no_rule_expires_or_moves_a_backup),
    "old backups stay": (
        (*rule("backups"), "NoncurrentVersionExpiration", "NoncurrentDays"), 365,
        partial(foundation.test_what_was_deleted_is_gone_soon, name="backups")),
    "deleted drawings stay": (
        (*rule("drawings"), "NoncurrentVersionExpiration", "NoncurrentDays"), 30,
        partial(foundation.test_what_was_deleted_is_gone_soon, name="drawings")),
    "deleted maps stay": (
        rule("maps"), GONE, foundation.test_each_prefix_has_its_rule),
    "exports stay": (
        (*rule("exports"), "ExpirationInDays"), 70,
        partial(foundation.test_what_is_fetched_once_ends_by_itself, name="exports", days=7)),
    "uploads stay": (
        (*rule("uploads"), "ExpirationInDays"), 30,
        partial(foundation.test_what_is_fetched_once_ends_by_itself, name="uploads", days=1)),
    "unfinished uploads stay": (
        (*rule("unfinished-uploads"), "AbortIncompleteMultipartUpload", "DaysAfterInitiation"), 7,
        foundation.test_unfinished_uploads_end_after_a_day),
    "a rule is off": (
        (*rule("exports"), "Status"), "Disabled", foundation.test_every_rule_is_in_force),
    "every site sends pictures": (
        (*BUCKET, "CorsConfiguration"),
        {"CorsRules": [{"AllowedMethods": ["POST"], "AllowedOrigins": ["*"]}]},
        foundation.test_pages_send_pictures_to_the_bucket_from_the_own_site_alone),
    "bucket goes with the stack": (
        ("Bucket", "DeletionPolicy"), GONE, foundation.test_data_outlives_the_stack),
    "disk goes with an update": (
        ("Disk", "UpdateReplacePolicy"), "Delete", foundation.test_data_outlives_the_stack),
    "disk in plain text": (("Disk", "Properties", "Encrypted"), False, EVERYTHING),
    "disk mounted in plain text": (("Disk", "Properties", "FileSystemPolicy"), GONE, EVERYTHING),
    "slow disk": (
        ("Disk", "Properties", "ThroughputMode"), "bursting",
        foundation.test_the_disk_is_as_fast_as_it_is_asked_to_be),
    "disk as root": (("AccessPoint", "Properties", "PosixUser"), GONE, EVERYTHING),
    "disk open to the network": (("DiskInA", "Properties", "SecurityGroups"), GONE, EVERYTHING),
    "disk in one zone": (("DiskInB",), GONE, foundation.test_the_disk_is_in_both_zones),
    "the internet asks the task": (
        ("TaskGroup", "Properties", "SecurityGroupIngress", 0),
        {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, "CidrIp": "0.0.0.0/0"}, EVERYTHING),
    "functions lose the disk": (
        ("DiskGroup", "Properties", "SecurityGroupIngress", 1), GONE,
        partial(foundation.test_a_group_lets_in_whom_it_serves, group="DiskGroup")),
    "the link speaks to all": (
        ("LinkGroup", "Properties", "SecurityGroupEgress"), GONE, EVERYTHING),
    "public addresses unasked": (
        ("SubnetA", "Properties", "MapPublicIpOnLaunch"), True, EVERYTHING),
    "functions are let in": (
        ("RouteOut6", "Properties", "EgressOnlyInternetGatewayId"), {"Ref": "InternetGateway"},
        foundation.test_functions_reach_aws_over_ipv6_which_lets_nobody_in),
    "no way to the bucket": (
        ("S3Endpoint",), GONE, foundation.test_the_bucket_is_reached_without_the_internet),
    "a NAT": (
        ("Nat",), {"Type": "AWS::EC2::NatGateway", "Properties": {}},
        foundation.test_the_network_has_two_public_subnets_and_no_nat),
    "tags that change": (
        ("Images", "Properties", "ImageTagMutability"), "MUTABLE",
        partial(foundation.test_ten_releases_can_be_gone_back_to, name="Images")),
    "images unscanned": (
        ("FunctionImages", "Properties", "ImageScanningConfiguration"), GONE,
        partial(foundation.test_ten_releases_can_be_gone_back_to, name="FunctionImages")),
    "no mail": (("AlertMail",), GONE, foundation.test_alarms_reach_a_mailbox),
    "everybody publishes": (
        ("AlertPolicy", "Properties", "PolicyDocument", "Statement", 0, "Principal"), "*",
        EVERYTHING),
    "notices in plain text": (
        ("AlertPolicy", "Properties", "PolicyDocument", "Statement", 1), GONE, EVERYTHING),
    "small drawings are moved": (
        (*RULES, 8, "Fn::If", 1, "ObjectSizeGreaterThan"), GONE,
        partial(foundation.test_large_drawings_that_stay_are_moved, days="365")),
    "drawings are moved at once": (
        (*RULES, 8, "Fn::If", 1, "Transitions", 0, "TransitionInDays"), 1,
        partial(foundation.test_large_drawings_that_stay_are_moved, days="365")),
    "no budget": (("Budget",), GONE, foundation.test_money_spent_and_money_foreseen_are_told),
    "nothing is foreseen": (
        ("Budget", "Properties", "NotificationsWithSubscribers", 1), GONE,
        foundation.test_money_spent_and_money_foreseen_are_told),
    "another audience": (
        (*trust("BuildRole"), "StringEquals", "token.actions.githubusercontent.com:aud"), GONE,
        EVERYTHING),
    "any repository deploys": (
        (*trust("DeployRole"), "StringEquals", "token.actions.githubusercontent.com:sub"), GONE,
        EVERYTHING),
    "a pattern deploys": (
        trust("DeployRole"),
        {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:example/*"}},
        EVERYTHING),
    "the old subject alone": (
        (*trust("BuildRole"), "StringEquals", "token.actions.githubusercontent.com:sub", 1), GONE,
        partial(foundation.test_github_is_known_by_both_forms_of_its_subject, role="BuildRole")),
    "roles without a boundary": (
        ("StackRole", "Properties", *FIRST, {"Action": [
            "iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy"]}, "Condition"), {},
        foundation.test_a_deployment_makes_no_role_without_a_boundary),
    "tasks of other clusters are listed": (
        ("DeployRole", "Properties", *FIRST, {"Action": "ecs:ListTasks"}, "Condition"), {},
        deployment.test_tasks_of_the_own_cluster_alone_are_listed),
    "any task is run": (
        ("DeployRole", "Properties", *FIRST, {"Action": "ecs:RunTask"}, "Resource"), ["*"],
        partial(deployment.test_it_may_do_so_with_what_it_releases_alone, action="ecs:RunTask")),
    "any function is asked": (
        ("DeployRole", "Properties", *FIRST, {"Action": "lambda:InvokeFunction"}, "Resource", 0),
        {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"},
        partial(deployment.test_it_may_do_so_with_what_it_releases_alone,
                action="lambda:InvokeFunction")),
    "images are pushed to nowhere": (
        ("BuildRole", "Properties", *FIRST, 2), GONE,
        partial(deployment.test_github_may_do_what_its_scripts_do_and_no_more, role="BuildRole")),
    "a wider boundary": (
        ("Boundary", "Properties", "PolicyDocument", "Statement", 0, "Action"),
        ["s3:DeleteBucket"],
        roles.test_the_boundary_holds_all_that_a_role_is_allowed_and_no_more),
}  # fmt: skip

SERVICE: Final[dict[str, tuple[tuple[Step, ...], Any, Claim]]] = {
    "a larger task": ((*TASK, "Cpu"), "512", service.test_the_task_is_the_smallest_there_is),
    "writable root": ((*CONTAINER, "ReadonlyRootFilesystem"), GONE, EVERYTHING),
    "root": ((*CONTAINER, "User"), GONE, EVERYTHING),
    "capabilities": ((*CONTAINER, "LinuxParameters"), GONE, EVERYTHING),
    "killed early": (
        (*CONTAINER, "StopTimeout"), 30,
        service.test_the_last_requests_are_answered_before_the_task_is_killed),
    "no health check": (
        (*CONTAINER, "HealthCheck"), GONE,
        service.test_a_task_that_does_not_live_is_replaced_as_in_the_image),
    "disk in plain text on its way": (
        (*TASK, "Volumes", 0, "EFSVolumeConfiguration", "TransitEncryption"), "DISABLED",
        EVERYTHING),
    "disk by nobody's right": (
        (*TASK, "Volumes", 0, "EFSVolumeConfiguration", "AuthorizationConfig", "IAM"), "DISABLED",
        EVERYTHING),
    "secret as a setting": (
        (*CONTAINER, "Environment", 0), {"Name": "ORIGIN_SECRET", "Value": "x"}, EVERYTHING),
    "no secret": ((*CONTAINER, "Secrets"), [], service.test_secrets_are_no_part_of_the_task),
    "lines hold up requests": (
        (*CONTAINER, "LogConfiguration", "Options", "mode"), "blocking",
        service.test_lines_are_kept_for_a_month_and_hold_up_no_request),
    "lines for ever": (("Logs", "Properties", "RetentionInDays"), GONE, EVERYTHING),
    "no circuit breaker": (
        (*DEPLOYMENT, "DeploymentCircuitBreaker"), GONE,
        service.test_a_deployment_that_fails_twice_is_taken_back),
    "a patient circuit breaker": (
        (*DEPLOYMENT, "DeploymentCircuitBreaker", "ThresholdConfiguration", "Value"), 10,
        service.test_a_deployment_that_fails_twice_is_taken_back),
    "no rollback": (
        (*DEPLOYMENT, "DeploymentCircuitBreaker", "Rollback"), False,
        service.test_a_deployment_that_fails_twice_is_taken_back),
    "no rollback by alarm": (
        (*DEPLOYMENT, "Alarms"), GONE,
        service.test_a_deployment_whose_requests_fail_is_taken_back),
    "down while one replaces the other": (
        (*DEPLOYMENT, "MinimumHealthyPercent"), 0,
        service.test_one_task_at_a_time_and_two_while_one_replaces_the_other),
    "moved to another zone": (
        ("Service", "Properties", "AvailabilityZoneRebalancing"), "ENABLED",
        service.test_the_task_stays_in_its_zone),
    "commands in tasks": (("Service", "Properties", "EnableExecuteCommand"), True, EVERYTHING),
    "starting tasks are asked": (
        ("Registry", "Properties", "HealthCheckCustomConfig"), GONE,
        service.test_the_api_finds_the_healthy_task_and_its_port),
    "no port": (
        ("Registry", "Properties", "DnsConfig", "DnsRecords", 0, "Type"), "A",
        service.test_the_api_finds_the_healthy_task_and_its_port),
    "by the open internet": (
        ("Integration", "Properties", "ConnectionType"), "INTERNET", EVERYTHING),
    "any number of requests": (("Stage", "Properties", "DefaultRouteSettings"), GONE, EVERYTHING),
    "addresses in the log": (
        ("Stage", "Properties", "AccessLogSettings", "Format"), "$context.identity.sourceIp",
        service.test_the_api_logs_no_address_and_no_path),
    "no proof": ((*CDN, "Origins", 0, "OriginCustomHeaders"), GONE, EVERYTHING),
    "origin by http": (
        (*CDN, "Origins", 0, "CustomOriginConfig", "OriginProtocolPolicy"), "http-only",
        EVERYTHING),
    "visitors by http": (
        (*CDN, "DefaultCacheBehavior", "ViewerProtocolPolicy"), "allow-all", EVERYTHING),
    "no headers for browsers": (
        (*CDN, "DefaultCacheBehavior", "ResponseHeadersPolicyId"), GONE, EVERYTHING),
    "https is forgotten": (
        ("Headers", "Properties", "ResponseHeadersPolicyConfig", "SecurityHeadersConfig",
         "StrictTransportSecurity", "AccessControlMaxAgeSec"), 60, EVERYTHING),
    "errors are kept": (
        (*CDN, "CustomErrorResponses", 9, "ErrorCachingMinTTL"), 10,
        distribution.test_no_error_is_kept),
    "results are kept": (
        ("Dynamic", "Properties", "CachePolicyConfig", "DefaultTTL"), 60,
        distribution.test_nothing_else_is_kept),
    "files are not kept": (
        (*CDN, "CacheBehaviors", 0, "CachePolicyId"), {"Ref": "Dynamic"},
        distribution.test_hashed_files_are_kept_for_a_year),
    "no failover of files": (
        (*CDN, "OriginGroups", "Fn::If", 1, "Items", 1, "FailoverCriteria", "StatusCodes"),
        {"Quantity": 4, "Items": [500, 502, 503, 504]},
        distribution.test_the_door_is_replaced_when_it_is_away),
    "a group is posted to": (
        (*CDN, "CacheBehaviors", 1, "Fn::If", 1, "AllowedMethods"), ["GET", "HEAD", "POST"],
        partial(distribution.test_no_group_stands_on_a_path_that_may_be_posted_to,
                given=DOOR)),
    "country is lost": (
        ("Forwarded", "Properties", "OriginRequestPolicyConfig", "HeadersConfig", "Headers", 2),
        "User-Agent", distribution.test_each_header_that_the_application_reads_reaches_it),
    "tokens are lost": (
        ("Dynamic", "Properties", "CachePolicyConfig", "ParametersInCacheKeyAndForwardedToOrigin",
         "HeadersConfig"), {"HeaderBehavior": "none", "Headers": []},
        distribution.test_each_header_that_the_application_reads_reaches_it),
    "outdated TLS": (
        (*CDN, "ViewerCertificate", "Fn::If", 1, "MinimumProtocolVersion"), "TLSv1", EVERYTHING),
    "commands write no secret": (
        (*COMMANDS, 2, "Action"), "secretsmanager:GetSecretValue",
        partial(roles.test_commands_may_do_what_they_do_and_no_more, stack="service",
                role="CommandRole")),
    "commands in the role of the site": (
        ("CommandTask", "Properties", "TaskRoleArn"), {"Fn::GetAtt": ["TaskRole", "Arn"]},
        service.test_a_command_has_the_database_and_the_settings_of_the_service),
    "a setting is forgotten": (
        (*CONTAINER, "Environment", {"Name": "LOGIN_HOURS"}), GONE,
        service.test_each_setting_is_told_or_left_as_it_is),
    "task writes the secret": (
        (*DATA, 2, "Action"),
        ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        partial(roles.test_the_site_may_do_what_it_does_and_no_more, stack="service",
                role="TaskRole")),
    "task lists nothing": (
        (*DATA, 0), GONE,
        partial(roles.test_the_site_may_do_what_it_does_and_no_more, stack="service",
                role="TaskRole")),
    "task does everything in S3": (
        (*DATA, 1, "Action"), "s3:*",
        EVERYTHING),
    "all of the disk": (
        (*DATA, 3, "Condition"),
        {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
        partial(roles.test_the_disk_is_opened_at_the_access_point_alone, stack="service",
                role="TaskRole")),
    "no log of the start": (
        ("StartRole", "Properties", *FIRST, 2), GONE,
        roles.test_starting_a_task_takes_its_image_its_secret_and_its_log),
    "roles without their boundary": (
        ("TaskRole", "Properties", "PermissionsBoundary"), GONE,
        every_resource.test_each_role_of_a_task_or_function_is_bounded),
}  # fmt: skip

FUNCTIONS: Final[dict[str, tuple[tuple[Step, ...], Any, Claim]]] = {
    "versions stay": (
        ("ApiFunction", "Properties", "VersionDeletionPolicy"), "Retain",
        snapshot.test_versions_that_serve_nobody_are_removed),
    "no snapshot": (
        ("ApiFunction", "Properties", "SnapStart"), {"ApplyOn": "None"},
        snapshot.test_only_the_demo_door_starts_from_a_snapshot),
    "a snapshot with a disk": (
        ("ApiFunction", "Properties", "SnapStart"), {"ApplyOn": "PublishedVersions"},
        snapshot.test_only_the_demo_door_starts_from_a_snapshot),
    "old settings are served": (
        ("ApiFunction", "Properties", "VersionDescription"), GONE,
        snapshot.test_a_new_revision_is_a_new_version),
    "backups now and then": (
        ("BackupFunction", "Properties", "Events", "Schedule", "Properties", "Schedule"),
        "rate(1 day)", upkeep.test_each_function_wakes_as_often_as_its_alarms_expect),
    "no drills": (
        ("RestoreDrillFunction", "Properties", "Events"), {},
        upkeep.test_each_function_wakes_as_often_as_its_alarms_expect),
    "no retention": (
        ("RetentionFunction", "Properties", "Events"), {},
        upkeep.test_each_function_wakes_as_often_as_its_alarms_expect),
    "two backups at once": (
        ("BackupFunction", "Properties", "ReservedConcurrentExecutions"), 2,
        upkeep.test_what_wakes_by_itself_runs_once),
    "backup writes to the disk": (
        ("BackupFunction", "Properties", "Policies", 0, "Statement", 3, "Action"),
        ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
        upkeep.test_backups_and_drills_only_read_the_database),
    "the door is not throttled": (
        ("Api", "Properties", "MethodSettings"), GONE, EVERYTHING),
    "the site writes the secret": (
        (*SITE, 2, "Action"),
        ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        partial(roles.test_the_site_may_do_what_it_does_and_no_more, stack="sole",
                role="SiteRole")),
    "the function for commands writes no secret": (
        ("CommandFunction", "Properties", "Policies", 0, "Statement", 3, "Action"),
        "secretsmanager:GetSecretValue",
        partial(roles.test_commands_may_do_what_they_do_and_no_more, stack="sole",
                role="CommandFunctionRole")),
    "drawings are kept for other days": (
        ("RetentionFunction", "Properties", "Environment"), GONE,
        functions.test_drawings_end_when_the_site_says),
    "no way to Secrets Manager": (
        ("ApiFunction", "Properties", "VpcConfig", "Fn::If", 1, "Ipv6AllowedForDualStack"), GONE,
        upkeep.test_the_sole_writer_reaches_secrets_manager_over_ipv6),
    "lines of functions for ever": (("Logs", "Properties", "RetentionInDays"), GONE, EVERYTHING),
}  # fmt: skip


def of_zip(function: str) -> Claim:
    """That a function may do what it does in the bucket and on the disk."""

    def claim(templates: Templates) -> None:
        functions.test_a_function_may_do_in_the_bucket_what_it_does_and_no_more(
            function, templates.sole
        )
        functions.test_only_what_changes_the_database_may_write_to_its_disk(
            function, templates.sole
        )

    return claim


def of_site(stack: str, role: str) -> Claim:
    return partial(roles.test_the_site_may_do_what_it_does_and_no_more, stack=stack, role=role)


def of_commands(stack: str, role: str) -> Claim:
    return partial(roles.test_commands_may_do_what_they_do_and_no_more, stack=stack, role=role)


def of_github(role: str) -> Claim:
    """By what it may do, and by how often it is said."""

    def claim(templates: Templates) -> None:
        deployment.test_github_may_do_what_its_scripts_do_and_no_more(templates, role)
        roles.test_no_right_of_github_is_there_unnoticed(templates, role)

    return claim


def of_cloudformation(templates: Templates) -> None:
    roles.test_cloudformation_may_do_what_it_makes_and_no_more(templates)
    roles.test_no_right_of_github_is_there_unnoticed(templates, "StackRole")


# Where each role's statements are, how many there are, and the claim that misses each of them.
LINES: Final[Mapping[str, tuple[str, tuple[Step, ...], int, Claim]]] = {
    "TaskRole": ("service", DATA, 4, of_site("service", "TaskRole")),
    "CommandRole": ("service", COMMANDS, 4, of_commands("service", "CommandRole")),
    "CommandFunction": (
        "functions", ("CommandFunction", "Properties", "Policies", 0, "Statement"), 4,
        of_commands("sole", "CommandFunctionRole")),
    "StartRole": (
        "service", ("StartRole", "Properties", *FIRST), 4,
        roles.test_starting_a_task_takes_its_image_its_secret_and_its_log),
    "SiteRole": ("functions", SITE, 4, of_site("sole", "SiteRole")),
    "BuildRole": ("foundation", ("BuildRole", "Properties", *FIRST), 3, of_github("BuildRole")),
    "DeployRole": ("foundation", ("DeployRole", "Properties", *FIRST), 17, of_github("DeployRole")),
    "StackRole": ("foundation", ("StackRole", "Properties", *FIRST), 9, of_cloudformation),
    "Boundary": (
        "foundation", ("Boundary", "Properties", "PolicyDocument", "Statement"), 9,
        roles.test_the_boundary_holds_all_that_a_role_is_allowed_and_no_more),
} | {
    f"{name}Function": (
        "functions", (f"{name}Function", "Properties", "Policies", 0, "Statement"), count,
        of_zip(f"{name}Function"))
    for name, count in (("Backup", 4), ("RestoreDrill", 4), ("Retention", 5))
}  # fmt: skip
EACH_LINE: Final = {
    f"{role} {number}": (name, (*path, number), GONE, claim)
    for role, (name, path, count, claim) in LINES.items()
    for number in range(count)
}


@pytest.mark.parametrize(("name", "path", "to", "claim"), EACH_LINE.values(), ids=EACH_LINE)
def test_each_right_that_is_taken_away_is_missed(
    templates: Templates, name: str, path: tuple[Step, ...], to: Json, claim: Claim
) -> None:
    with pytest.raises((AssertionError, KeyError, ValueError)):
        claim(templates.changed(name, path, to))


@pytest.mark.parametrize("role", LINES)
def test_no_right_is_left_out_above(templates: Templates, role: str) -> None:
    name, path, count, claim = LINES[role]
    claim(templates)
    with pytest.raises(IndexError):
        templates.changed(name, (*path, count))


CHANGES: Final[dict[str, Change]] = {
    f"{name}: {what}": (name, *change)
    for name, changes in (
        ("foundation", FOUNDATION),
        ("service", SERVICE),
        ("functions", FUNCTIONS),
    )
    for what, change in changes.items()
}


@pytest.mark.parametrize(("name", "path", "to", "claim"), CHANGES.values(), ids=CHANGES)
def test_what_is_deleted_or_weakened_makes_its_test_fail(
    templates: Templates, name: str, path: tuple[Step, ...], to: Json, claim: Claim
) -> None:
    claim(templates)
    weakened = templates.changed(name, path, to)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        claim(weakened)


each_alarm = pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)


def place(templates: Templates, alarm: Alarm) -> str:
    """The template that makes it."""
    (name,) = (name for name, raw in templates.raw.items() if alarm.name in raw["Resources"])
    return name


@each_alarm
def test_each_alarm_is_missed(templates: Templates, alarm: Alarm) -> None:
    without = templates.changed(place(templates, alarm), (alarm.name,))
    with pytest.raises(AssertionError):
        watch.test_the_templates_make_each_alarm_and_no_other(without)


QUIETER: Final[dict[str, Any]] = {
    "MetricName": "Other", "Period": 60 * 60 * 24 * 7, "EvaluationPeriods": 99,
    "Threshold": 5_000_000, "ComparisonOperator": "LessThanLowerThreshold",
    "TreatMissingData": "ignore",
}  # fmt: skip


@pytest.mark.parametrize("what", QUIETER)
@each_alarm
def test_an_alarm_that_rings_otherwise_is_found(
    templates: Templates, alarm: Alarm, what: str
) -> None:
    path = (alarm.name, "Properties", what)
    other = templates.changed(place(templates, alarm), path, QUIETER[what])
    with pytest.raises(AssertionError):
        watch.test_an_alarm_rings_when_the_list_says(other, alarm)


@each_alarm
def test_an_alarm_that_tells_nobody_is_found(templates: Templates, alarm: Alarm) -> None:
    path = (alarm.name, "Properties", "AlarmActions")
    mute = templates.changed(place(templates, alarm), path, [])
    with pytest.raises(AssertionError):
        watch.test_an_alarm_is_told_and_so_is_its_end(mute, alarm)


@pytest.mark.parametrize("alarm", [alarm for alarm in ALARMS if alarm.dimensions], ids=str)
def test_an_alarm_that_looks_elsewhere_is_found(templates: Templates, alarm: Alarm) -> None:
    path = (alarm.name, "Properties", "Dimensions", 0, "Value")
    elsewhere = templates.changed(place(templates, alarm), path, "another")
    with pytest.raises(AssertionError):
        watch.test_an_alarm_looks_at_what_is_ours(elsewhere, alarm)


def test_an_alarm_that_the_list_lacks_is_found(templates: Templates) -> None:
    one = templates.raw["watch"]["Resources"]["BackupFailed"]
    more = templates.changed("watch", ("Unlisted",), one)
    with pytest.raises(AssertionError):
        watch.test_the_templates_make_each_alarm_and_no_other(more)


@pytest.mark.parametrize("metric", Metric)
def test_a_metric_that_the_dashboard_lacks_is_found(templates: Templates, metric: Metric) -> None:
    body = templates.raw["watch"]["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    text = body["Fn::Sub"].replace(f'"{metric}"', '"Other"')
    without = templates.changed(
        "watch", ("Dashboard", "Properties", "DashboardBody", "Fn::Sub"), text
    )
    with pytest.raises(AssertionError):
        watch.test_the_dashboard_shows_each_metric_once_and_nothing_else(without)
