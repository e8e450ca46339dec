"""What a release asks of AWS is what GitHub's roles allow, and what it reads the templates have."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from boto3.session import Session
from botocore import xform_name

from ecs.deploy.images import FUNCTION
from ecs.deploy.images import SERVICE as SERVICE_IMAGE
from ecs.deploy.releases import DEMO, FUNCTIONS, OF_THE_DISK, SERVICE, STACKS
from tests.infra import test_roles as roles
from tests.infra.templates import Templates, listed, properties, statements
from tests.support import ROOT
from tests.support.cloud.account import OUTPUTS

FOLDER: Final = ROOT / "ecs" / "deploy"
# A workflow pushes images with the rights of the one role, and does all else with the other's.
FILES: Final = {
    "BuildRole": ("cloud.py", "images.py"),
    "DeployRole": tuple(file.name for file in FOLDER.glob("*.py") if file.name != "images.py"),
}
# Where the right is called otherwise than the operation.
OTHERWISE: Final = {("lambda", "Invoke"): "InvokeFunction", ("s3", "HeadObject"): "GetObject"}
# What no call of ours names.
BESIDES: Final = {
    "BuildRole": {
        "push, as Docker does": {
            "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload",
            "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage",
            "ecr:UploadLayerPart",
        },
    },
    "DeployRole": {
        "hand its work to CloudFormation, and tasks their roles": {"iam:PassRole"},
        "be told that a file is not there, and not that it may not be read": {"s3:ListBucket"},
    },
}  # fmt: skip
each_role = pytest.mark.parametrize("role", FILES)


def clients() -> dict[str, str]:
    """The service behind each client of ``Cloud``, by the client's name there."""
    tree = ast.parse((FOLDER / "cloud.py").read_text())
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(
                name=name,
                body=[
                    ast.Return(
                        value=ast.Call(
                            func=ast.Attribute(attr="client"), args=[ast.Constant(value=service)]
                        )
                    )
                ],
            ):
                found[name] = str(service)
    return found


def methods(text: str) -> Iterator[tuple[str, str]]:
    """The client and the method of each call: ``….ecs.run_task(…)``; paginators by theirs."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get_paginator", value=ast.Attribute(attr=client)),
                args=[ast.Constant(value=method)],
            ):
                yield client, str(method)
            case ast.Call(func=ast.Attribute(attr=method, value=ast.Attribute(attr=client))):
                yield client, method


@cache
def operations(service: str) -> dict[str, str]:
    """The name of each operation of AWS's, by boto3's."""
    client = Session(region_name="us-east-1").client(
        service,  # type: ignore[call-overload] # any of them
        aws_access_key_id="none", aws_secret_access_key="none",  # noqa: S106
    )  # fmt: skip
    return {xform_name(name): name for name in client.meta.service_model.operation_names}


def right(service: str, method: str) -> str:
    """The action that a method of boto3 needs."""
    operation = operations(service)[method]
    return f"{service}:{OTHERWISE.get((service, operation), operation)}"


@cache
def asked(files: tuple[str, ...]) -> frozenset[str]:
    """The actions that those scripts need."""
    services, found = clients(), set[str]()
    for name in files:
        text = (FOLDER / name).read_text()
        for client, method in methods(text):
            if client in services and method != "get_paginator":
                found.add(right(services[client], method))
        if "SecretsManager.open(" in text:  # the application's own
            found |= {roles.ACTION[one] for one in roles.calls() if one[0] == "access"}
    return frozenset(found)


def test_the_scripts_ask_aws_by_these_clients_alone() -> None:
    made = {file.name for file in FOLDER.glob("*.py") if re.search(r"\.client\(", file.read_text())}
    assert made == {"cloud.py"}
    text = (FOLDER / "cloud.py").read_text()
    assert len(clients()) == len(re.findall(r"\.client\(", text)) >= 7


def test_a_call_is_recognised_wherever_the_client_is_kept() -> None:
    text = "self.cloud.ecs.run_task(a=1); c.logs.get_paginator('filter_log_events').paginate(b=2)"
    assert set(methods(text)) >= {("ecs", "run_task"), ("logs", "filter_log_events")}
    assert right("lambda", "invoke") == "lambda:InvokeFunction"


@each_role
def test_github_may_do_what_its_scripts_do_and_no_more(templates: Templates, role: str) -> None:
    wanted = asked(FILES[role]).union(*BESIDES[role].values())
    assert roles.allowed(templates.foundation(), role) == wanted


def test_pushing_is_all_that_the_first_role_is_for() -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    build = text.partition("\n  build:")[2].partition("\n  plan:")[0]
    after = build.partition("AWS_BUILD_ROLE")[2]
    assert re.findall(r"run: (.+)", after) == ["make push"]
    assert text.count("AWS_BUILD_ROLE") == 1


def on(templates: Templates, action: str) -> set[str]:
    """The ends of the resources on which a release may do this."""
    found = set()
    (policy,) = properties(templates.foundation(), "DeployRole")["Policies"]
    for one in statements(policy["PolicyDocument"]):
        if action in listed(one["Action"]):
            found |= {_end(each) for each in listed(one["Resource"])}
    return found


def _end(resource: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(resource, str):
        return resource
    (said,) = resource.values()
    return re.sub(r"^arn:.*\$\{AWS::AccountId\}:", "", str(said))


STACK_OF: Final = {
    "cloudformation:ExecuteChangeSet": {f"stack/{name}/*" for name in STACKS},
    "cloudformation:DeleteStack": {f"stack/{name}/*" for name in STACKS},
    "ecs:RunTask": {f"task-definition/{SERVICE}:*", f"task-definition/{SERVICE}-command:*"},
    "ecs:StopTask": {f"task/{SERVICE}/*"},
    "ecs:DescribeTasks": {f"task/{SERVICE}/*"},
    "ecs:DescribeServices": {f"service/{SERVICE}/*"},
    "lambda:InvokeFunction": {
        f"function:{FUNCTIONS}-CommandFunction-*", f"function:{FUNCTIONS}-RestoreDrillFunction-*",
    },
    "lambda:GetFunction": {
        f"function:{FUNCTIONS}-ApiFunction-*", f"function:{DEMO}-ApiFunction-*",
    },
    "secretsmanager:PutSecretValue": {"AdminSecret"},
    "sns:Publish": {"Alerts"},
}  # fmt: skip


@pytest.mark.parametrize("action", STACK_OF)
def test_it_may_do_so_with_what_it_releases_alone(templates: Templates, action: str) -> None:
    assert on(templates, action) == STACK_OF[action]


def test_tasks_of_the_own_cluster_alone_are_listed(templates: Templates) -> None:
    (policy,) = properties(templates.foundation(), "DeployRole")["Policies"]
    (one,) = (
        one for one in statements(policy["PolicyDocument"])
        if "ecs:ListTasks" in listed(one["Action"])
    )  # fmt: skip
    cluster = one["Condition"]["ArnEquals"]["ecs:cluster"]
    assert cluster["Fn::Sub"].endswith(f":cluster/{SERVICE}")


def test_what_is_named_in_those_rights_is_called_so(templates: Templates) -> None:
    service = templates.service()
    assert properties(service, "Task")["Family"] == {"Ref": "AWS::StackName"}
    assert properties(service, "CommandTask")["Family"] == {"Fn::Sub": "${AWS::StackName}-command"}
    assert properties(service, "Cluster")["ClusterName"] == {"Ref": "AWS::StackName"}
    functions = set(templates.raw["functions"]["Resources"])
    assert functions >= {"ApiFunction", "CommandFunction", "RestoreDrillFunction"}


def outputs(templates: Templates, name: str) -> set[str]:
    return set(templates.raw[name]["Outputs"])


def texts() -> str:
    return "\n".join(file.read_text() for file in sorted(FOLDER.glob("*.py")))


def test_each_output_that_a_release_reads_is_there(templates: Templates) -> None:
    read = set(re.findall(r'\boutput\("(\w+)"\)|outputs\.get\("StackRole(\w+)"\)', texts()))
    of_the_foundation = {one for one, _ in read if one} | {"StackRoleArn"}
    of_the_foundation |= {*OF_THE_DISK.values(), SERVICE_IMAGE.repository, FUNCTION.repository}
    assert of_the_foundation <= outputs(templates, "foundation")
    assert {"ClusterName", "ServiceName", "CommandTaskDefinition", "Address"} <= outputs(
        templates, "service"
    )
    assert {"CommandFunctionName", "ApiAddress"} <= outputs(templates, "functions")


def test_the_foundation_of_the_tests_is_like_the_real_one(templates: Templates) -> None:
    assert set(OUTPUTS) <= outputs(templates, "foundation")


def test_the_release_may_move_the_image_of_commands_and_stop_all_tasks(
    templates: Templates,
) -> None:
    parameters = templates.raw["service"]["Parameters"]
    assert re.fullmatch(parameters["CommandImageUri"]["AllowedPattern"], "")
    assert parameters["Tasks"]["AllowedValues"] == [0, 1]


def test_each_script_is_one_of_the_two_roles(tmp_path: Path) -> None:
    known = {name for names in FILES.values() for name in names}
    assert {file.name for file in FOLDER.glob("*.py")} == known
