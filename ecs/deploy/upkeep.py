"""What operators do between releases: a drill, a new password, the end of a stack, a message."""

from typing import Final

from app.access.password import is_hash
from app.access.secrets import AdminSecret, SecretsManager
from app.errors import SecretUnavailable
from ecs.deploy import stacks
from ecs.deploy.cloud import Cloud, DeploymentFailed
from ecs.deploy.commands import invoke
from ecs.deploy.releases import FUNCTIONS, STACKS

LONGEST_SUBJECT: Final = 100  # of SNS


def drill(cloud: Cloud) -> str:
    """Have the newest backup restored and thrown away; what the drill saw."""
    name = stacks.resources(cloud, FUNCTIONS).get("RestoreDrillFunction")
    if not name:
        raise DeploymentFailed(f"The stack {FUNCTIONS} has no drill: it was deployed without disk.")
    answer = invoke(cloud, name, {})
    if not isinstance(answer, dict) or "backup" not in answer:
        raise DeploymentFailed(f"{name} did not say which backup it restored: {answer!r}")
    return f"The backup {answer['backup']} was restored: {answer.get('rows')}"


def rotate_password(cloud: Cloud, hash_: str) -> None:
    """Put a new hash into the admin's secret, which ends every login.

    Raise ``DeploymentFailed`` for anything but what ``admin-password --print-hash`` printed: a
    password that somebody pasted by mistake must not be stored, or printed.
    """
    if not is_hash(hash_):
        raise DeploymentFailed(
            "That is no hash of sketchnorm admin-password --print-hash, so nothing was changed. If "
            "it was a password, choose another one: it may be in this run's log."
        )
    source = SecretsManager.open(cloud.output("AdminSecretArn"), cloud.region)
    try:
        before = source.read()
        source.write(before.with_password(hash_) if before else AdminSecret(hash_, 1))
    except SecretUnavailable as error:
        raise DeploymentFailed(f"{error.advice} Nothing was changed.") from error


def destroy(cloud: Cloud, name: str, typed: str) -> None:
    """Delete a stack; the foundation, and with it all data, stays.

    Raise ``DeploymentFailed`` unless its name was typed once more.
    """
    if name not in STACKS:
        raise DeploymentFailed(
            f"{name} is none of {', '.join(STACKS)}. The foundation holds the data and is removed "
            "by hand alone: docs/deploying.md#the-end."
        )
    if typed != name:
        raise DeploymentFailed(f"To delete the stack {name} type its name; nothing was deleted.")
    stack = stacks.find_stack(cloud, name)
    if stack is None:
        raise DeploymentFailed(f"There is no stack {name}.")
    if stack.in_progress:
        stacks.check_settled(stack)
    cloud.cloudformation.delete_stack(StackName=name, **stacks.as_role(cloud))
    stacks.wait_for_the_end(cloud, name)


def notify(cloud: Cloud, subject: str, message: str) -> None:
    """Write to everybody who is told of alarms."""
    cloud.sns.publish(
        TopicArn=cloud.output("AlertsArn"), Subject=subject[:LONGEST_SUBJECT], Message=message
    )
