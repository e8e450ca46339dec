"""What operators do between releases."""

import json

import pytest
from boto3.session import Session

from app.access.password import hashed
from ecs.deploy import upkeep
from ecs.deploy.cloud import DeploymentFailed, refusals
from ecs.deploy.releases import FUNCTIONS, SERVICE, STACKS
from tests.support import ROOT
from tests.support.cloud.account import FOUNDATION, NEW, OLD, Account
from tests.support.cloud.formation import MadeStack
from tests.support.cloud.protocol import Refused

pytestmark = pytest.mark.deploy

DRILL = f"{FUNCTIONS}-RestoreDrillFunction"


@pytest.fixture
def running(account: Account) -> Account:
    account.has_deployed(OLD)
    return account


def the_secret() -> dict[str, object]:
    text = (
        Session()
        .client("secretsmanager")
        .get_secret_value(SecretId="sketchnorm/admin")["SecretString"]
    )
    kept: dict[str, object] = json.loads(text)
    return kept


@pytest.fixture
def secret(account: Account) -> Account:
    """An account whose admin has a password."""
    client = Session().client("secretsmanager")
    text = json.dumps({"hash": hashed("an older password of hers"), "session_epoch": 4})
    try:
        client.create_secret(Name="sketchnorm/admin", SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId="sketchnorm/admin", SecretString=text)
    return account


def test_a_new_hash_ends_every_login(secret: Account) -> None:
    new = hashed("a far better password")
    upkeep.rotate_password(secret.cloud, new)
    assert the_secret() == {"hash": new, "session_epoch": 5}


@pytest.mark.parametrize("pasted", ["", "correct horse battery", "$argon2id$v=19$short"])
def test_what_is_no_hash_is_neither_stored_nor_repeated(secret: Account, pasted: str) -> None:
    before = the_secret()
    with pytest.raises(DeploymentFailed, match="nothing was changed") as refused:
        upkeep.rotate_password(secret.cloud, pasted)
    assert not pasted or pasted not in str(refused.value)
    assert the_secret() == before


def test_a_drill_says_what_it_restored(running: Account) -> None:
    running.functions.answers[DRILL] = {"backup": "2026-11-26", "rows": {"drawings": 12}}
    assert "2026-11-26 was restored" in upkeep.drill(running.cloud)


@pytest.mark.parametrize("answer", [RuntimeError("It is corrupt."), None, "Task timed out"])
def test_a_drill_that_fails_in_whatever_way_fails(running: Account, answer: object) -> None:
    running.functions.answers[DRILL] = answer
    with pytest.raises(DeploymentFailed):
        upkeep.drill(running.cloud)


@pytest.mark.parametrize("typed", ["", "sketchnorm", "yes"])
def test_a_stack_whose_name_is_not_typed_stays(running: Account, typed: str) -> None:
    with pytest.raises(DeploymentFailed, match="nothing was deleted"):
        upkeep.destroy(running.cloud, SERVICE, typed)
    assert SERVICE in running.formation.stacks


def test_a_stack_whose_name_is_typed_goes_and_the_foundation_stays(running: Account) -> None:
    upkeep.destroy(running.cloud, SERVICE, SERVICE)
    assert SERVICE not in running.formation.stacks
    assert FOUNDATION in running.formation.stacks


def test_the_foundation_is_not_deleted_by_any_command(running: Account) -> None:
    with pytest.raises(DeploymentFailed, match="removed by hand"):
        upkeep.destroy(running.cloud, FOUNDATION, FOUNDATION)


def test_a_stack_that_is_being_changed_is_not_deleted(running: Account) -> None:
    running.formation.stacks[SERVICE].status = "UPDATE_IN_PROGRESS"
    with pytest.raises(DeploymentFailed, match="being changed by somebody else"):
        upkeep.destroy(running.cloud, SERVICE, SERVICE)
    running.formation.stacks[SERVICE].status = "UPDATE_COMPLETE"


def test_what_could_not_be_made_can_be_removed(account: Account) -> None:
    account.formation.stacks[SERVICE] = MadeStack(SERVICE, "ROLLBACK_COMPLETE")
    upkeep.destroy(account.cloud, SERVICE, SERVICE)
    assert SERVICE not in account.formation.stacks


def test_a_message_reaches_who_is_told_of_alarms(account: Account) -> None:
    topic = account.cloud.sns.create_topic(Name="alerts")["TopicArn"]
    queues = Session().client("sqs")
    queue = queues.create_queue(QueueName="mail")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    account.cloud.sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
    )
    account.formation.stacks[FOUNDATION].outputs["AlertsArn"] = topic
    upkeep.notify(account.cloud, "Not deployed " * 20, "migrate failure")
    (message,) = queues.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(message["Body"])
    assert (told["Message"], len(told["Subject"])) == ("migrate failure", 100)


def test_the_workflow_offers_the_stacks_that_can_be_deleted() -> None:
    text = (ROOT / ".github" / "workflows" / "destroy.yml").read_text()
    assert f"[{', '.join(STACKS)}]" in text


def test_a_foundation_of_another_release_is_named(account: Account) -> None:
    del account.formation.stacks[FOUNDATION].outputs["BoundaryArn"]
    with pytest.raises(DeploymentFailed, match="has no output BoundaryArn"):
        account.plans(NEW)


def test_without_a_foundation_nothing_is_begun(account: Account) -> None:
    del account.formation.stacks[FOUNDATION]
    with pytest.raises(DeploymentFailed, match="AWS refused DescribeStacks"), refusals():
        account.cloud.output("ImagesUri")


def test_a_command_that_may_not_be_stopped_is_told(running: Account) -> None:
    running.fargate.breaks["DescribeServices"] = Refused("ClusterNotFoundException", "not found")
    with pytest.raises(DeploymentFailed, match="not found"), refusals():
        running.steps.backup(running.plans(NEW))
