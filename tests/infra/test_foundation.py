"""What is kept for years: the network, the disk, the bucket, secrets, images, GitHub's roles."""

import json
from typing import Any

import pytest

from tests.infra.templates import GITHUB, Templates, listed, properties, statements

KEPT = {"Disk", "AccessPoint", "Bucket", "AdminSecret", "OriginProof", "Images", "FunctionImages"}
SUBJECTS = {
    "BuildRole": "ref:refs/heads/main",
    "DeployRole": "environment:production",
}


def rules(templates: Templates, days: str = "30") -> dict[str, Any]:
    bucket = properties(templates.foundation(RetentionDays=days), "Bucket")
    return {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}


def test_data_outlives_the_stack(templates: Templates) -> None:
    found = templates.foundation().resources()
    for name in KEPT:
        policies = (found[name].get("DeletionPolicy"), found[name].get("UpdateReplacePolicy"))
        assert policies == ("Retain", "Retain"), name


def test_the_network_has_two_public_subnets_and_no_nat(templates: Templates) -> None:
    stack = templates.foundation()
    assert {"SubnetA", "SubnetB"} == set(stack.of_type("AWS::EC2::Subnet"))
    assert not stack.of_type("AWS::EC2::NatGateway")
    assert properties(stack, "RouteOut")["DestinationCidrBlock"] == "0.0.0.0/0"
    zones = [one["AvailabilityZone"] for one in stack.of_type("AWS::EC2::Subnet").values()]
    assert zones[0] != zones[1]


def test_functions_reach_aws_over_ipv6_which_lets_nobody_in(templates: Templates) -> None:
    stack = templates.foundation()
    route = properties(stack, "RouteOut6")
    assert route["EgressOnlyInternetGatewayId"] == {"Ref": "EgressGateway"}
    assert properties(stack, "Ipv6")["AmazonProvidedIpv6CidrBlock"] is True
    assert all("Ipv6CidrBlock" in one for one in stack.of_type("AWS::EC2::Subnet").values())


def test_the_bucket_is_reached_without_the_internet(templates: Templates) -> None:
    endpoint = properties(templates.foundation(), "S3Endpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["RouteTableIds"] == [{"Ref": "Routes"}]


GATES = {
    "LinkGroup": set(),
    "TaskGroup": {("LinkGroup", 8000)},
    "FunctionGroup": set(),
    "DiskGroup": {("TaskGroup", 2049), ("FunctionGroup", 2049)},
}


@pytest.mark.parametrize("group", GATES)
def test_a_group_lets_in_whom_it_serves(templates: Templates, group: str) -> None:
    found = properties(templates.foundation(), group).get("SecurityGroupIngress", [])
    let_in = {(one["SourceSecurityGroupId"]["Ref"], one["FromPort"]) for one in found}
    assert let_in == GATES[group]
    assert all(one["FromPort"] == one["ToPort"] for one in found)


def test_no_group_lets_all_out(templates: Templates) -> None:
    for name, group in templates.foundation().of_type("AWS::EC2::SecurityGroup").items():
        ways = group["SecurityGroupEgress"]  # without it CloudFormation lets all out
        anywhere = [one for one in ways if one["IpProtocol"] == "-1"]
        assert all(one["CidrIp"] == "127.0.0.1/32" for one in anywhere), name


def test_the_disk_is_one_folder_of_the_images_user(templates: Templates) -> None:
    point = properties(templates.foundation(), "AccessPoint")
    assert point["PosixUser"] == {"Uid": "10001", "Gid": "10001"}
    assert point["RootDirectory"]["Path"] == "/db"
    assert point["RootDirectory"]["CreationInfo"]["Permissions"] == "0750"


def test_the_disk_is_in_both_zones(templates: Templates) -> None:
    targets = templates.foundation().of_type("AWS::EFS::MountTarget").values()
    assert {one["SubnetId"]["Ref"] for one in targets} == {"SubnetA", "SubnetB"}
    assert all(one["SecurityGroups"] == [{"Ref": "DiskGroup"}] for one in targets)


def test_the_disk_is_as_fast_as_it_is_asked_to_be(templates: Templates) -> None:
    assert properties(templates.foundation(), "Disk")["ThroughputMode"] == "elastic"


def test_no_rule_expires_or_moves_a_backup(templates: Templates) -> None:
    moves = {"ExpirationInDays", "ExpirationDate", "Transition", "Transitions", "Expiration"}
    for name, rule in rules(templates, "3650").items():
        prefix = rule.get("Prefix", "")
        reaches = "backups/".startswith(prefix) or prefix.startswith("backups/")
        assert not (reaches and moves & set(rule)), name


ENDS = {"backups": 7, "drawings": 1, "maps": 1, "exports": 1, "uploads": 1, "demonstration": 1}


@pytest.mark.parametrize("name", ENDS)
def test_what_was_deleted_is_gone_soon(templates: Templates, name: str) -> None:
    assert rules(templates)[name]["NoncurrentVersionExpiration"]["NoncurrentDays"] == ENDS[name]


def test_each_prefix_has_its_rule(templates: Templates) -> None:
    prefixes = {"backups/", "drawings/", "saliency_maps/", "exports/", "uploads/", "models/"}
    assert prefixes <= {rule.get("Prefix", "") for rule in rules(templates).values()}


def test_unfinished_uploads_end_after_a_day(templates: Templates) -> None:
    rule = rules(templates)["unfinished-uploads"]
    assert "Prefix" not in rule
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


@pytest.mark.parametrize(("name", "days"), [("exports", 7), ("uploads", 1)])
def test_what_is_fetched_once_ends_by_itself(templates: Templates, name: str, days: int) -> None:
    assert rules(templates)[name]["ExpirationInDays"] == days


def test_every_rule_is_in_force(templates: Templates) -> None:
    assert {rule["Status"] for rule in rules(templates, "3650").values()} == {"Enabled"}


@pytest.mark.parametrize("days", ["7", "14", "30", "60", "90"])
def test_drawings_that_end_soon_are_not_moved(templates: Templates, days: str) -> None:
    assert "old-drawings" not in rules(templates, days)


@pytest.mark.parametrize("days", ["120", "180", "365", "730", "1825", "3650"])
def test_large_drawings_that_stay_are_moved(templates: Templates, days: str) -> None:
    rule = rules(templates, days)["old-drawings"]
    assert rule["Prefix"] == "drawings/"
    assert rule["ObjectSizeGreaterThan"] == str(128 * 1024)
    assert rule["Transitions"] == [{"StorageClass": "STANDARD_IA", "TransitionInDays": 90}]


def test_pages_send_pictures_to_the_bucket_from_the_own_site_alone(templates: Templates) -> None:
    assert "CorsConfiguration" not in properties(templates.foundation(), "Bucket")
    ours = properties(templates.foundation(PublicOrigin="https://a.example"), "Bucket")
    (rule,) = ours["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == (["https://a.example"], ["POST"])


def test_no_password_is_in_the_template(templates: Templates) -> None:
    secret = properties(templates.foundation(), "AdminSecret")
    assert not {"SecretString", "GenerateSecretString"} & set(secret)
    assert templates.raw["foundation"]["Parameters"]["OriginSecret"]["NoEcho"] is True


def test_what_cloudfront_sends_is_accepted_from_the_first_day(templates: Templates) -> None:
    text = properties(templates.foundation(), "OriginProof")["SecretString"]["Fn::Sub"]
    assert json.loads(text) == {"sent": "${OriginSecret}", "accepted": "${OriginSecret}"}


@pytest.mark.parametrize("name", ["Images", "FunctionImages"])
def test_ten_releases_can_be_gone_back_to(templates: Templates, name: str) -> None:
    repository = properties(templates.foundation(), name)
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    (rule,) = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rule["selection"]["countType"] == "imageCountMoreThan"
    assert rule["selection"]["countNumber"] == 10


def test_alarms_reach_a_mailbox(templates: Templates) -> None:
    stack = templates.foundation(AlertEmail="ops@example.org")
    mail = properties(stack, "AlertMail")
    assert mail == {
        "TopicArn": {"Ref": "Alerts"}, "Protocol": "email", "Endpoint": "ops@example.org"
    }  # fmt: skip
    (allowed,) = (
        one
        for one in statements(properties(stack, "AlertPolicy")["PolicyDocument"])
        if one["Effect"] == "Allow"
    )
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert "aws:SourceAccount" in allowed["Condition"]["StringEquals"]


def test_money_spent_and_money_foreseen_are_told(templates: Templates) -> None:
    budget = properties(templates.foundation(AlertEmail="ops@example.org"), "Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "40", "Unit": "USD"}
    assert budget["Budget"]["TimeUnit"] == "MONTHLY"
    told = budget["NotificationsWithSubscribers"]
    assert {one["Notification"]["NotificationType"] for one in told} == {"ACTUAL", "FORECASTED"}
    assert all(one["Notification"]["Threshold"] == 100 for one in told)
    assert all(one["Subscribers"][0]["Address"] == "ops@example.org" for one in told)


@pytest.mark.parametrize("role", SUBJECTS)
def test_github_is_known_by_both_forms_of_its_subject(templates: Templates, role: str) -> None:
    policy = properties(templates.foundation(), role)["AssumeRolePolicyDocument"]
    (trust,) = statements(policy)
    (said,) = trust["Condition"].values()
    assert set(trust["Condition"]) == {"StringEquals"}
    assert said["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    old, new = said["token.actions.githubusercontent.com:sub"]
    where = SUBJECTS[role]
    assert old["Fn::Sub"] == f"repo:${{GitHubRepository}}:{where}"
    form = "repo:${Owner}@${GitHubOwnerId}/${Name}@${GitHubRepositoryId}"
    assert new["Fn::Sub"][0] == f"{form}:{where}"


def test_without_its_numbers_github_has_the_old_subject_alone(templates: Templates) -> None:
    stack = templates.foundation(GitHubOwnerId="", GitHubRepositoryId="")
    (trust,) = statements(properties(stack, "DeployRole")["AssumeRolePolicyDocument"])
    assert len(trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]) == 1


def test_without_a_repository_github_has_no_role(templates: Templates) -> None:
    stack = templates.foundation(**dict.fromkeys(GITHUB, ""))
    assert not stack.of_type("AWS::IAM::Role")
    assert not stack.of_type("AWS::IAM::OIDCProvider")


def test_a_provider_that_is_there_is_used(templates: Templates) -> None:
    stack = templates.foundation(GitHubProviderArn="arn:there")
    assert not stack.of_type("AWS::IAM::OIDCProvider")
    (trust,) = statements(properties(stack, "BuildRole")["AssumeRolePolicyDocument"])
    assert trust["Principal"] == {"Federated": "arn:there"}


def test_a_deployment_makes_no_role_without_a_boundary(templates: Templates) -> None:
    role = properties(templates.foundation(), "StackRole")
    for one in statements(role["Policies"][0]["PolicyDocument"]):
        actions = set(listed(one["Action"]))
        if actions & {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"}:
            assert one["Condition"] == {
                "StringEquals": {"iam:PermissionsBoundary": {"Ref": "Boundary"}}
            }
        assert "iam:DeleteRolePermissionsBoundary" not in actions
        assert "iam:CreatePolicyVersion" not in actions


def test_a_deployment_changes_no_data_and_not_this_stack(templates: Templates) -> None:
    stack = templates.foundation()
    stacks = statements(properties(stack, "DeployRole")["Policies"][0]["PolicyDocument"])[0]
    assert all("stack/sketchnorm" in one["Fn::Sub"] for one in stacks["Resource"])
    assert not [one for one in stacks["Resource"] if "foundation" in one["Fn::Sub"]]
    made = statements(properties(stack, "StackRole")["Policies"][0]["PolicyDocument"])
    prefixes = {action.split(":")[0] for one in made for action in listed(one["Action"])}
    assert not prefixes & {"kms", "sns", "budgets", "cloudformation", "sts", "organizations"}
    for one in made:
        for action in listed(one["Action"]):
            assert not action.startswith(("s3:Put", "s3:Delete", "elasticfilesystem:Delete"))


REFUSED = {
    "one number": ({"GitHubOwnerId": "1", "GitHubRepositoryId": ""}, "GitHubRepositoryId"),
    "the other number": ({"GitHubOwnerId": "", "GitHubRepositoryId": "2"}, "GitHubOwnerId"),
    "one zone twice": ({"ZoneB": "us-east-1a"}, "ZoneB"),
    "numbers of nothing": ({"GitHubRepository": ""}, "GitHubRepository"),
}


@pytest.mark.parametrize(("given", "word"), REFUSED.values(), ids=REFUSED)
def test_what_contradicts_itself_is_refused(
    templates: Templates, given: dict[str, str], word: str
) -> None:
    (refusal,) = templates.foundation(**given).refusals()
    assert word in refusal
