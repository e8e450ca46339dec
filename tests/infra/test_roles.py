"""What the code asks of AWS is what its roles allow: nothing less and nothing more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.infra.rules import MADE
from tests.infra.templates import DISK as DISK_AND_SECRET
from tests.infra.templates import FILES, Templates, listed, properties, statements
from tests.support import ROOT
from tests.support.gateway.stack import Stack

PRODUCT: Final = ("app", "handlers", "ecs")
DEPLOYMENT: Final = ROOT / "ecs" / "deploy"  # which has roles of its own: test_deployment.py
# The action that AWS asks for, by the service and the method of boto3.
ACTION: Final = {
    ("storage", "put_object"): "s3:PutObject",
    ("storage", "generate_presigned_post"): "s3:PutObject",
    ("storage", "get_object"): "s3:GetObject",
    ("storage", "generate_presigned_url"): "s3:GetObject",
    ("storage", "head_object"): "s3:GetObject",
    ("storage", "list_objects_v2"): "s3:ListBucket",
    ("storage", "delete_object"): "s3:DeleteObject",
    ("access", "get_secret_value"): "secretsmanager:GetSecretValue",
    ("access", "put_secret_value"): "secretsmanager:PutSecretValue",
}
DISK: Final = {"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"}
# A new password, and a restore, which raises the epoch of logins.
OF_COMMANDS: Final = {("access", "put_secret_value")}


def methods(tree: ast.AST) -> Iterator[str]:
    """Of a client of boto3: ``client.method(…)``, wherever the client is kept, and paginators."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get_paginator"), args=[ast.Constant(value=str(name))]
            ):
                yield name
            case ast.Call(
                func=ast.Attribute(
                    attr=name, value=ast.Name(id="client") | ast.Attribute(attr="client")
                )
            ):
                yield name


def product() -> Iterator[Path]:
    """The modules that run in production."""
    for part in PRODUCT:
        yield from (
            file for file in (ROOT / part).rglob("*.py") if not file.is_relative_to(DEPLOYMENT)
        )


def calls() -> set[tuple[str, str]]:
    """Each method of boto3 that the product calls, with the room that calls it."""
    found = set()
    for file in product():
        text = file.read_text()
        if "boto3" not in text:
            continue
        room, tree = file.relative_to(ROOT).parts[1], ast.parse(text)
        found |= {(room, name) for name in methods(tree) if name != "get_paginator"}
    return found


def allowed(stack: Stack, role: str) -> set[str]:
    """The actions of a role."""
    return {
        action
        for policy in properties(stack, role).get("Policies", [])
        for one in statements(policy["PolicyDocument"])
        for action in listed(one["Action"])
    }


def needed(found: set[tuple[str, str]]) -> set[str]:
    return {ACTION[one] for one in found} | DISK


def test_the_methods_of_boto3_are_those_that_we_know_the_actions_of() -> None:
    assert calls() == set(ACTION)


def test_clients_are_made_in_two_places() -> None:
    making = {
        str(file.relative_to(ROOT))
        for file in product()
        if re.search(r"^ *(from|import) boto3\b", file.read_text(), re.M)
    }
    assert making == {"app/access/secrets.py", "app/storage/blobs/s3.py"}


def test_only_commands_and_a_deployment_write_the_secret() -> None:
    writing = {
        str(file.relative_to(ROOT))
        for file in (*product(), *DEPLOYMENT.glob("*.py"))
        if re.search(r"\b(source|secret)\.write\(", file.read_text())
    }
    assert writing == {"app/backups/restore.py", "app/cli/access.py", "ecs/deploy/upkeep.py"}


SITES = {"the service": ("service", "TaskRole"), "the sole function": ("sole", "SiteRole")}


@pytest.mark.parametrize(("stack", "role"), SITES.values(), ids=SITES)
def test_the_site_may_do_what_it_does_and_no_more(
    templates: Templates, stack: str, role: str
) -> None:
    assert allowed(templates.stacks()[stack], role) == needed(calls() - OF_COMMANDS)


RUNNERS = {
    "a task for commands": ("service", "CommandRole"),
    "a function for commands": ("sole", "CommandFunctionRole"),
}


@pytest.mark.parametrize(("stack", "role"), RUNNERS.values(), ids=RUNNERS)
def test_commands_may_do_what_they_do_and_no_more(
    templates: Templates, stack: str, role: str
) -> None:
    assert allowed(templates.stacks()[stack], role) == needed(calls())


@pytest.mark.parametrize(("stack", "role"), RUNNERS.values(), ids=RUNNERS)
def test_commands_write_the_admins_secret_and_no_other(
    templates: Templates, stack: str, role: str
) -> None:
    (policy,) = properties(templates.stacks()[stack], role)["Policies"]
    (written,) = (
        one["Resource"]
        for one in statements(policy["PolicyDocument"])
        if "secretsmanager:PutSecretValue" in listed(one["Action"])
    )
    imported = {"Fn::ImportValue": {"Fn::Sub": "${Foundation}-AdminSecretArn"}}
    assert written in (imported, DISK_AND_SECRET["AdminSecretArn"])


def test_what_answers_visitors_does_not_write_the_secret(templates: Templates) -> None:
    writing = {
        (name, role)
        for name, stack in templates.stacks().items()
        for role in stack.of_type("AWS::IAM::Role")
        if ACTION["access", "put_secret_value"] in allowed(stack, role)
    }
    assert writing == {("foundation", "DeployRole"), *RUNNERS.values()}


def test_the_demo_door_may_do_nothing(templates: Templates) -> None:
    assert allowed(templates.demo, "SiteRole") == set()


def test_starting_a_task_takes_its_image_its_secret_and_its_log(templates: Templates) -> None:
    (container,) = properties(templates.service(), "Task")["ContainerDefinitions"]
    wanted = {"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    if container["LogConfiguration"]["LogDriver"] == "awslogs":
        wanted |= {"logs:CreateLogStream", "logs:PutLogEvents"}
    if container["Secrets"]:
        wanted |= {"secretsmanager:GetSecretValue"}
    assert allowed(templates.service(), "StartRole") == wanted


def test_the_boundary_holds_all_that_a_role_is_allowed_and_no_more(templates: Templates) -> None:
    document = properties(templates.foundation(), "Boundary")["PolicyDocument"]
    bound = {action for one in statements(document) for action in listed(one["Action"])}
    service = templates.service()
    roles = {
        action for role in service.of_type("AWS::IAM::Role") for action in allowed(service, role)
    }
    network = {one for one in bound if one.startswith("ec2:")}  # by a policy of AWS's
    assert bound - network == roles
    assert network


@pytest.mark.parametrize(("stack", "role"), (SITES | RUNNERS).values(), ids=SITES | RUNNERS)
def test_the_disk_is_opened_at_the_access_point_alone(
    templates: Templates, stack: str, role: str
) -> None:
    (policy,) = properties(templates.stacks()[stack], role)["Policies"]
    found = statements(policy["PolicyDocument"])
    (opened,) = (one for one in found if set(listed(one["Action"])) & DISK)
    assert set(opened["Condition"]["StringEquals"]) == {"elasticfilesystem:AccessPointArn"}


def test_a_role_reads_the_secrets_that_it_needs_by_name(templates: Templates) -> None:
    for role, secret in (
        ("StartRole", "OriginProofArn"), ("TaskRole", "AdminSecretArn"),
        ("CommandRole", "AdminSecretArn"),
    ):  # fmt: skip
        (policy,) = properties(templates.service(), role)["Policies"]
        (read,) = (
            one["Resource"]
            for one in statements(policy["PolicyDocument"])
            if "secretsmanager:GetSecretValue" in listed(one["Action"])
        )
        assert read["Fn::ImportValue"]["Fn::Sub"] == f"${{Foundation}}-{secret}"


# What CloudFormation does with each right; nobody has run it yet.
CLOUDFORMATION_DOES: Final = {
    "make what the stacks consist of": MADE,
    "put functions into the network": {
        "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRegions", "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
        "ec2:DescribeVpcs", "elasticfilesystem:DescribeAccessPoints",
        "elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets",
    },
    "name images": {
        "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
        "ecr:GetRepositoryPolicy",
    },
    "read code": {"s3:GetObject"},
    "read the distribution's header": {"secretsmanager:GetSecretValue"},
    "make roles, within the boundary": {
        "iam:AttachRolePolicy", "iam:CreateRole", "iam:CreateServiceLinkedRole",
        "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:GetRole",
        "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
        "iam:PassRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:TagRole",
        "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    },
}  # fmt: skip


def test_cloudformation_may_do_what_it_makes_and_no_more(templates: Templates) -> None:
    stack = templates.foundation()
    assert allowed(stack, "StackRole") == set().union(*CLOUDFORMATION_DOES.values())


# A right that stands there twice is for two different things.
STATEMENTS: Final = {"BuildRole": 3, "DeployRole": 17, "StackRole": 9}


@pytest.mark.parametrize("role", STATEMENTS)
def test_no_right_of_github_is_there_unnoticed(templates: Templates, role: str) -> None:
    (policy,) = properties(templates.foundation(), role)["Policies"]
    assert len(statements(policy["PolicyDocument"])) == STATEMENTS[role]


BLOCK = re.compile(r"^( *)(?:- )?(Resource|Action): *(.*)$")


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each list of resources or actions, with the effect that stands before it."""
    lines, effect = text.splitlines(), ""
    for number, line in enumerate(lines):
        if "Effect:" in line:
            effect = line
        if BLOCK.match(line):
            indent = len(line) - len(line.lstrip())
            below = []
            for further in lines[number + 1 :]:
                if len(further) - len(further.lstrip()) <= indent:
                    break
                below.append(further)
            yield effect, "\n".join([line, *below])


@pytest.mark.parametrize("file", FILES.values())
def test_each_wildcard_has_its_reason_beside_it(file: str) -> None:
    for effect, block in blocks((ROOT / file).read_text()):
        if "Deny" in effect:
            continue
        plain = re.sub(r"#.*", "", block)
        assert "*" not in plain or "# " in block, block
