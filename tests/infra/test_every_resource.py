"""Property 10 over every resource of every stack, and over those that somebody adds tomorrow."""

from typing import Any

import pytest

from tests.infra.rules import faults
from tests.infra.templates import DISK, DOMAIN, DOOR, Templates
from tests.support.gateway.stack import Stack, translated


def every(stacks: dict[str, Stack]) -> list[str]:
    return [
        f"{stack} {name}: {fault}"
        for stack, made in stacks.items()
        for name, part in made.resources().items()
        for fault in faults(part["Type"], part.get("Properties", {}))
    ]


def test_everything_is_encrypted_private_and_has_the_least_rights(templates: Templates) -> None:
    assert every(templates.stacks()) == []


def test_that_holds_with_every_choice(templates: Templates) -> None:
    chosen = {
        "no GitHub": templates.foundation(GitHubRepository="", GitHubRepositoryId=""),
        "GitHub is known": templates.foundation(GitHubProviderArn="arn:there"),
        "no domain": templates.service(),
        "a domain": templates.service(**DOMAIN, **DOOR, DemonstrationIsOwn="yes"),
        "upkeep alone": translated(ApiRole="none", **DISK),
    }
    assert every(chosen) == []


def test_each_bucket_has_a_policy(templates: Templates) -> None:
    stack = templates.foundation()
    policed = {one["Bucket"]["Ref"] for one in stack.of_type("AWS::S3::BucketPolicy").values()}
    assert policed == set(stack.of_type("AWS::S3::Bucket"))


def test_each_role_of_a_task_or_function_is_bounded(templates: Templates) -> None:
    for stack in (templates.service(), templates.sole):
        for name, role in stack.of_type("AWS::IAM::Role").items():
            assert "PermissionsBoundary" in role, name
            assert role["Path"] == "/sketchnorm/", name


CARELESS: dict[str, tuple[str, dict[str, Any]]] = {
    "bucket": ("AWS::S3::Bucket", {}),
    "disk": ("AWS::EFS::FileSystem", {}),
    "access point": ("AWS::EFS::AccessPoint", {}),
    "mount target": ("AWS::EFS::MountTarget", {}),
    "repository": ("AWS::ECR::Repository", {}),
    "secret": ("AWS::SecretsManager::Secret", {"SecretString": "hunter2"}),
    "subnet": ("AWS::EC2::Subnet", {"MapPublicIpOnLaunch": True}),
    "logs": ("AWS::Logs::LogGroup", {}),
    "integration": ("AWS::ApiGatewayV2::Integration", {"IntegrationType": "HTTP_PROXY"}),
    "stage": ("AWS::ApiGatewayV2::Stage", {}),
    "REST stage": ("AWS::ApiGateway::Stage", {}),
    "open group": (
        "AWS::EC2::SecurityGroup",
        {
            "SecurityGroupIngress": [
                {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
            ],
        },
    ),
    "task": ("AWS::ECS::TaskDefinition", {"ContainerDefinitions": [{"Name": "other"}]}),
    "public topic": (
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish"}
            }
        },
    ),
    "all-powerful role": (
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {"Statement": []},
            "Policies": [
                {
                    "PolicyDocument": {
                        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
                    }
                }
            ],
        },
    ),
    "role with a policy of AWS's": (
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {"Statement": []},
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        },
    ),
    "role for any repository": (
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": {"Effect": "Allow", "Principal": {"Federated": "arn:github"}}
            },
        },
    ),
    "permission": ("AWS::Lambda::Permission", {"Principal": "*"}),
    "type that nobody knows": ("AWS::DynamoDB::Table", {}),
}


@pytest.mark.parametrize(("kind", "properties"), CARELESS.values(), ids=CARELESS)
def test_what_is_added_carelessly_is_found(
    templates: Templates, kind: str, properties: dict[str, Any]
) -> None:
    with_it = templates.changed("foundation", ("Added",), {"Type": kind, "Properties": properties})
    assert [fault for fault in every({"it": with_it.foundation()}) if "Added" in fault]
