"""CloudFormation's stacks, changed by change sets alone.

A change set is made before anything else is done and executed last. CloudFormation refuses to
execute one that was made before another was executed, so of two deployments at a time the second
to come there stops and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from ecs.deploy.cloud import Cloud, DeploymentFailed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, ParameterTypeDef

HIDDEN: Final = "****"  # how CloudFormation shows a parameter that is not to be shown
SECONDS_FOR_CHANGE_SET: Final = 300
SECONDS_FOR_STACK: Final = 3600
WELL: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
GONE: Final = "DELETE_COMPLETE"
# A change set makes the stack, empty; nothing is in it until the change set is executed.
ONLY_PLANNED: Final = "REVIEW_IN_PROGRESS"
# What CloudFormation says of a change set that would change nothing.
NO_CHANGE: Final = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Stack:
    """A stack as it is now; ``parameters`` that are not shown have the value ``HIDDEN``.

    ``number`` is of this stack alone: one that is made after it by the same name has another.
    """

    name: str
    status: str
    parameters: dict[str, str]
    outputs: dict[str, str]
    number: str = ""

    @property
    def in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != ONLY_PLANNED


@dataclass(frozen=True)
class ChangeSet:
    """What would be changed; ``changes`` are lines for people."""

    stack: str
    arn: str
    changes: tuple[str, ...]


def find_stack(cloud: Cloud, name: str) -> Stack | None:
    """``None`` if there is none, or one that was only ever planned."""
    try:
        found = cloud.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise
    if found["StackStatus"] == ONLY_PLANNED:
        return None
    parameters = found.get("Parameters", [])
    return Stack(
        name,
        found["StackStatus"],
        {one["ParameterKey"]: one["ParameterValue"] for one in parameters},
        {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
        found["StackId"].rpartition("/")[2],
    )


def check_settled(stack: Stack | None) -> None:
    """Raise ``DeploymentFailed`` if the stack cannot be changed now."""
    if stack is None:
        return
    if stack.in_progress:
        raise DeploymentFailed(
            f"The stack {stack.name} is being changed by somebody else ({stack.status}), so "
            "nothing was begun. Try again once that has ended."
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        raise DeploymentFailed(
            f"The stack {stack.name} could not be rolled back ({stack.status}), so nothing was "
            "begun. CloudFormation's events say why; then run the command roll-back."
        )
    if stack.status == "ROLLBACK_COMPLETE":
        raise DeploymentFailed(
            f"The stack {stack.name} could not be made ({stack.status}), so nothing was begun. "
            "CloudFormation's events say why; remove what is left of it with the command destroy."
        )


def plan_change(
    cloud: Cloud, name: str, change_set: str, template_url: str, parameters: Mapping[str, str]
) -> ChangeSet | None:
    """Make a change set; ``None`` if it would change nothing.

    A parameter whose value is ``HIDDEN`` keeps what it has.
    """
    exists = find_stack(cloud, name) is not None
    made = cloud.cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=change_set,
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateURL=template_url,
        Parameters=_as_given(parameters),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        **as_role(cloud),
    )
    arn, found = made["Id"], dict[str, Any]()

    def is_made() -> bool:
        found.update(cloud.cloudformation.describe_change_set(ChangeSetName=arn))
        return found["Status"] in ("CREATE_COMPLETE", "FAILED")

    if not cloud.until(is_made, SECONDS_FOR_CHANGE_SET):
        raise DeploymentFailed(f"CloudFormation did not finish the change set of {name}.")
    reason = found.get("StatusReason") or "without a reason"
    if found["Status"] == "FAILED":
        discard(cloud, ChangeSet(name, arn, ()))
        if any(words in reason for words in NO_CHANGE):
            return None
        raise DeploymentFailed(f"CloudFormation refuses to change {name}: {reason}")
    pages = cloud.cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=arn)
    changes = [_line(one) for page in pages for one in page["Changes"]]
    return ChangeSet(name, arn, tuple(changes))


def discard(cloud: Cloud, change: ChangeSet) -> None:
    """Delete a change set, and the stack if it was made by it alone."""
    cloud.cloudformation.delete_change_set(ChangeSetName=change.arn)
    if find_stack(cloud, change.stack) is None:
        cloud.cloudformation.delete_stack(StackName=change.stack)


class Overtaken(DeploymentFailed):
    """Somebody else changed the stack after the change set was made; ours changed nothing."""


def execute(cloud: Cloud, change: ChangeSet) -> None:
    """Change the stack and wait for the end; raise ``DeploymentFailed`` if it is not a good one."""
    begin(cloud, change)
    wait(cloud, change.stack)


def begin(cloud: Cloud, change: ChangeSet) -> None:
    """Have the stack changed; raise ``Overtaken`` if that cannot be done any more.

    The token is made of the change set's name, which holds the release, and its number, which is of
    one stack: where an answer is lost and boto3 asks again, CloudFormation knows the question.
    """
    token = change.arn.rpartition(":changeSet/")[2].replace("/", "-")
    try:
        cloud.cloudformation.execute_change_set(ChangeSetName=change.arn, ClientRequestToken=token)
    except ClientError as error:
        if error.response["Error"]["Code"] in (
            "ChangeSetNotFound", "InvalidChangeSetStatus", "InvalidChangeSetStatusException",
            "ChangeSetNotFoundException",
        ):  # fmt: skip
            raise Overtaken(
                f"Another deployment changed the stack {change.stack} meanwhile, so this one was "
                "not executed. See what is deployed, then release again."
            ) from error
        raise


def wait(cloud: Cloud, name: str, well: frozenset[str] = WELL) -> None:
    """Until nothing goes on there; raise ``DeploymentFailed`` unless it ended well."""
    latest = ""

    def has_ended() -> bool:
        nonlocal latest
        stack = find_stack(cloud, name)
        latest = stack.status if stack else GONE
        return not latest.endswith("_IN_PROGRESS")

    if not cloud.until(has_ended, SECONDS_FOR_STACK):
        raise DeploymentFailed(
            f"The stack {name} is still {latest} after an hour. CloudFormation goes on by itself."
        )
    if latest == GONE and GONE not in well:
        raise DeploymentFailed(f"The stack {name} was deleted meanwhile, by somebody else.")
    if latest not in well:
        raise DeploymentFailed(f"The stack {name} ended as {latest}: {first_failure(cloud, name)}")


def wait_for_the_end(cloud: Cloud, name: str) -> None:
    """Until a stack is deleted; raise ``DeploymentFailed`` if it stays."""
    wait(cloud, name, frozenset({GONE}))


def wait_for_rollback(cloud: Cloud, name: str) -> None:
    """Until the stack is as before a change that failed."""
    wait(cloud, name, WELL | {"UPDATE_ROLLBACK_COMPLETE"})


def first_failure(cloud: Cloud, name: str) -> str:
    """Why the latest change of a stack failed, in CloudFormation's words."""
    events = cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reason = "CloudFormation gives no reason."
    for event in events:  # the newest first, back to the beginning of the change
        status = event.get("ResourceStatus", "")
        said = event.get("ResourceStatusReason", "")
        if event["LogicalResourceId"] == name and said == "User Initiated":
            break
        if status.endswith("_FAILED") and "cancelled" not in said:
            reason = f"{event['LogicalResourceId']}: {said}"
    return reason


def resources(cloud: Cloud, name: str) -> dict[str, str]:
    """The physical name of each resource of a stack."""
    pages = cloud.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
        for page in pages
        for one in page["StackResourceSummaries"]
    }


def as_role(cloud: Cloud) -> dict[str, Any]:
    """CloudFormation uses the foundation's role, or else the rights of whoever asks."""
    role = cloud.outputs.get("StackRoleArn")
    return {"RoleARN": role} if role else {}


def _as_given(parameters: Mapping[str, str]) -> "list[ParameterTypeDef]":
    return [
        {"ParameterKey": name, "UsePreviousValue": True}
        if value == HIDDEN
        else {"ParameterKey": name, "ParameterValue": value}
        for name, value in sorted(parameters.items())
    ]


def _line(change: "ChangeTypeDef") -> str:
    of = change["ResourceChange"]
    replaced = ", replaced" if of.get("Replacement") == "True" else ""
    return f"{of['Action']:<7} {of['LogicalResourceId']} ({of['ResourceType']}{replaced})"
