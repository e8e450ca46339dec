"""Change sets against another CloudFormation than the tests' own: moto's."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from boto3.session import Session

from ecs.deploy import stacks
from ecs.deploy.artifacts import Artifacts
from ecs.deploy.cloud import Cloud, DeploymentFailed
from ecs.deploy.stacks import HIDDEN, discard, execute, find_stack, plan_change
from tests.support.cloud.account import REGION

pytestmark = pytest.mark.deploy

FOUNDATION = {"Resources": {"Alerts": {"Type": "AWS::SNS::Topic"}}}
TOPIC = {
    "Parameters": {
        "Name": {"Type": "String", "Default": "drawings"},
        "Hidden": {"Type": "String", "NoEcho": True, "Default": ""},
    },
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}},
    },
}  # fmt: skip
NAME = "topic"


@pytest.fixture
def cloud(moto: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An account with a foundation that names no role."""
    keys = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"}
    server = {"AWS_ENDPOINT_URL": moto["AWS_ENDPOINT_URL_S3"]}
    for name, value in {**moto, **server, **keys, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    opened = Cloud("foundation", REGION, poll_seconds=0.05)
    opened.cloudformation.create_stack(StackName="foundation", TemplateBody=json.dumps(FOUNDATION))
    yield opened
    for name in ("foundation", NAME):
        opened.cloudformation.delete_stack(StackName=name)


@pytest.fixture
def template(cloud: Cloud) -> str:
    bucket = f"artifacts-{uuid4()}"
    Session().client("s3", region_name=REGION).create_bucket(Bucket=bucket)
    url = Artifacts(cloud, bucket).put_template(json.dumps(TOPIC))
    # The form of address that moto reads; CloudFormation takes both.
    return f"https://{bucket}.s3.amazonaws.com/templates/{url.rpartition('/')[2]}"


def changed(cloud: Cloud, template: str, change_set: str, **parameters: str) -> None:
    made = plan_change(cloud, NAME, change_set, template, parameters)
    assert made is not None
    execute(cloud, made)


def test_a_stack_is_made_and_changed_by_change_sets(cloud: Cloud, template: str) -> None:
    assert find_stack(cloud, NAME) is None
    changed(cloud, template, "first", Name="one", Hidden="hush")
    made = find_stack(cloud, NAME)
    assert made is not None
    assert (made.status, made.parameters["Name"]) == ("CREATE_COMPLETE", "one")
    assert set(stacks.resources(cloud, NAME)) == {"Topic"}
    changed(cloud, template, "second", Name="two", Hidden=HIDDEN)
    after = find_stack(cloud, NAME)
    assert after is not None
    assert (after.status, after.parameters["Name"]) == ("UPDATE_COMPLETE", "two")


def test_what_is_only_planned_is_no_stack_and_leaves_none(cloud: Cloud, template: str) -> None:
    made = plan_change(cloud, NAME, "planned", template, {"Name": "one"})
    assert made is not None
    assert made.changes == ("Add     Topic (AWS::SNS::Topic)",)
    assert find_stack(cloud, NAME) is None
    discard(cloud, made)
    listed = cloud.cloudformation.list_stacks(StackStatusFilter=["REVIEW_IN_PROGRESS"])
    assert not listed["StackSummaries"]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("UPDATE_IN_PROGRESS", "by somebody else"),
        ("UPDATE_ROLLBACK_FAILED", "roll-back"),
        ("ROLLBACK_COMPLETE", "destroy"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "Try again"),
    ],
)
def test_a_stack_that_cannot_be_changed_says_what_to_do(status: str, word: str) -> None:
    with pytest.raises(DeploymentFailed, match=word):
        stacks.check_settled(stacks.Stack(NAME, status, {}, {}))


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_any_other_can_be(status: str) -> None:
    stacks.check_settled(stacks.Stack(NAME, status, {}, {}))
