"""Which release serves is read from the tasks that run, not from what was asked for."""

import pytest

from ecs.deploy.commands import Service
from ecs.deploy.releases import SERVICE
from ecs.deploy.service import check_serving, faults
from tests.support.cloud.account import NEW, OLD, REGISTRY, Account
from tests.support.cloud.scripts import Fate, Scripts

pytestmark = pytest.mark.deploy


@pytest.fixture
def service(account: Account) -> Service:
    """The service of an account in which ``OLD`` serves."""
    account.has_deployed(OLD)
    return Service(account.cloud, SERVICE, "web", "commands")


def test_a_release_whose_tasks_run_and_are_well_serves(service: Service) -> None:
    check_serving(service, OLD)
    assert faults(service, OLD) == []


def test_tasks_of_another_digest_are_noticed_though_the_service_asks_for_ours(
    account: Account, service: Service
) -> None:
    account.fargate.service = account.fargate.define(f"{REGISTRY}/service@{NEW}")
    account.fargate.breaks["DescribeServices"] = completed(account)
    assert faults(service, NEW) == [f"A task runs {OLD}."]


def test_a_task_of_before_that_still_answers_is_waited_for(
    account: Account, service: Service, scripts: Scripts
) -> None:
    before = scripts.lives[-1]
    account.fargate.replace(account.fargate.define(f"{REGISTRY}/service@{NEW}"))
    before.stopped = False  # it drains
    assert faults(service, NEW) == ["A task of before has not ended yet."]
    before.stop()
    assert faults(service, NEW) == []


def test_a_task_that_is_not_well_is_noticed(service: Service, scripts: Scripts) -> None:
    scripts.lives[-1].fate = Fate.UNHEALTHY
    assert faults(service, OLD) == ["A task is UNHEALTHY."]


def test_a_service_without_a_task_serves_nobody(service: Service, scripts: Scripts) -> None:
    scripts.lives[-1].stop()
    assert faults(service, OLD) == ["No task runs."]


def test_a_deployment_that_goes_on_is_no_success_yet(account: Account, service: Service) -> None:
    account.fargate.service = account.fargate.define(f"{REGISTRY}/service@{OLD}")
    assert faults(service, OLD) == ["ECS's deployment is IN_PROGRESS: "]


def completed(account: Account) -> dict[str, object]:
    """ECS's word that all is as it was asked to be."""
    definition = account.fargate.service
    deployment = {"status": "PRIMARY", "taskDefinition": definition, "rolloutState": "COMPLETED"}
    described = {"taskDefinition": definition, "deployments": [deployment], "desiredCount": 1}
    return {"services": [described], "failures": []}
