"""A release from its plan to its end, and every way in which it can stop."""

import json
from dataclasses import replace

import pytest

from ecs.deploy.cloud import Cloud, DeploymentFailed, refusals
from ecs.deploy.releases import (
    DEMO,
    FUNCTIONS,
    OF_THE_DISK,
    SERVICE,
    WATCH,
    Images,
    Release,
    Target,
    begun,
)
from ecs.deploy.service import SECONDS_HELD, SECONDS_TO_HEALTHY, Rehearsal
from ecs.deploy.steps import Steps
from tests.ecs.deploy.conftest import Site
from tests.support import ROOT
from tests.support.cloud.account import FOUNDATION, NEW, NEWER, OLD, REGION, Account
from tests.support.cloud.fargate import Pace
from tests.support.cloud.formation import MadeStack
from tests.support.cloud.protocol import Refused
from tests.support.cloud.scripts import Fate, Outcome, Scripts

pytestmark = pytest.mark.deploy


@pytest.fixture
def running(account: Account) -> Account:
    """An account in which the release ``OLD`` serves."""
    account.has_deployed(OLD)
    assert account.serves == "a"
    return account


def released(account: Account, digest: str = NEW) -> None:
    account.steps.release(account.plans(digest, f"release-{digest[-1]}"))


def interrupted(account: Account) -> Steps:
    """Whose operator presses Ctrl+C as soon as there is something to wait for."""

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    cloud = Cloud(FOUNDATION, REGION, pause=interrupt)
    return Steps(cloud, account.artifacts, account.said.append)


def test_a_release_is_backed_up_migrated_rehearsed_deployed_and_checked_in_that_order(
    running: Account, scripts: Scripts
) -> None:
    before = len(scripts.lives)
    released(running)
    story = [
        "serves" if life.serves else " ".join(life.command[1:]) for life in scripts.lives[before:]
    ]
    known = ["migrate --head", "migrate --serving 0005"]
    assert story == ["backup", *known, "serves", "serves"]
    assert [life.image[-1] for life in scripts.lives[before:]] == ["a", "a", "b", "b", "b"]
    assert running.serves == "b"
    assert f"{SERVICE}: {NEW} is serving." in running.said
    families = [task.definition["family"] for task in running.fargate.tasks.values()][before:]
    assert families == ["sketchnorm-service-command"] * 3 + ["sketchnorm-service"] * 2
    # What was registered for this release alone is gone again; the last one is CloudFormation's.
    assert len(running.fargate.gone) == 2


def test_the_first_release_makes_the_tables_before_any_task_serves(
    account: Account, scripts: Scripts
) -> None:
    released(account)
    commands = ["serves" if life.serves else life.command[1] for life in scripts.lives]
    assert commands == ["migrate", "seed", "serves", "serves"]
    assert set(account.formation.executed) == {SERVICE, FUNCTIONS, WATCH}
    assert account.serves == "b"


def test_a_release_of_what_serves_already_changes_no_task(running: Account) -> None:
    tasks = len(running.fargate.tasks)
    planned = running.plans(OLD)
    (change,) = (one for one in planned.changes if one.stack == SERVICE)
    assert change.before is not None
    assert change.wanted.parameters["ImageUri"] == change.before.parameters["ImageUri"]
    running.steps.apply(planned)
    running.steps.check(planned)
    assert len(running.fargate.tasks) == tasks


@pytest.mark.parametrize("target", Target)
def test_a_dry_run_prints_what_would_change_and_leaves_nothing_behind(
    account: Account, target: Target
) -> None:
    account.steps.plan("dry", target, Images(NEW, NEW), {}, dry_run=True)
    assert any("Modify" in line for line in account.said)
    assert set(account.formation.stacks) == {FOUNDATION}
    assert account.formation.executed == []
    bucket = account.artifacts.bucket
    assert account.cloud.s3.list_objects_v2(Bucket=bucket, Prefix="releases/")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("target", "images", "missing"),
    [("ecs", Images(function=NEW), "service"), ("lambda", Images(service=NEW), "function"),
     ("both", Images(service=NEW), "function"), ("both", Images(function=NEW), "service"),
     ("ecs", Images("latest"), "service")],
)  # fmt: skip
def test_a_release_without_its_image_is_not_planned(
    account: Account, target: str, images: Images, missing: str
) -> None:
    with pytest.raises(DeploymentFailed, match=f"--{missing}-image sha256"):
        account.steps.plan("r", Target(target), images, {})
    assert set(account.formation.stacks) == {FOUNDATION}


# What stops a release before anything is deployed: a command's outcome, or an image's fate.
BEFORE = {
    "the backup fails": ("backup", Outcome(1, ("No space left on device",)), "No space left"),
    "the migration is killed half-way": ("migrate", Outcome(137, ("ALTER TABLE",)), "was killed"),
    "the migration is refused": ("migrate", Outcome(1, ("does not fit",)), "does not fit"),
}


@pytest.mark.parametrize(("command", "outcome", "told"), BEFORE.values(), ids=BEFORE)
def test_where_it_stops_before_it_is_deployed_the_release_before_serves_on(
    running: Account, scripts: Scripts, command: str, outcome: Outcome, told: str
) -> None:
    scripts.outcomes[command] = outcome
    planned = running.plans(NEW)
    executed = list(running.formation.executed)
    with pytest.raises(DeploymentFailed, match="Nothing was deployed") as failed:
        running.steps.release(planned)
    assert told in str(failed.value)
    assert running.formation.executed == executed
    assert running.serves == "a"


def test_nothing_is_migrated_without_a_backup(running: Account, scripts: Scripts) -> None:
    scripts.outcomes["backup"] = Outcome(1)
    with pytest.raises(DeploymentFailed):
        released(running)
    assert ("migrate", "b") not in scripts.commands


def test_the_release_that_serves_is_asked_what_it_knows_and_heard_where_its_log_is_late(
    running: Account, scripts: Scripts
) -> None:
    scripts.outcomes["migrate --head"] = Outcome(lines=())
    planned = running.plans(NEW)

    def later(seconds: float) -> None:
        scripts.lives[-1].outcome = Outcome(lines=("0004",))

    cloud = Cloud(FOUNDATION, REGION, pause=later)
    Steps(cloud, running.artifacts, running.said.append).migrate(planned)
    assert scripts.lives[-1].command[1:] == ["migrate", "--serving", "0004"]


def test_nothing_is_migrated_where_the_release_that_serves_says_no_revision(
    running: Account, scripts: Scripts
) -> None:
    scripts.outcomes["migrate --head"] = Outcome(lines=("0004", "(its log cannot be read)"))
    with pytest.raises(DeploymentFailed, match="Nothing was deployed") as failed:
        released(running)
    assert "did not say which schema it knows" in str(failed.value)
    assert ("migrate", "b") not in scripts.commands


@pytest.mark.parametrize(
    ("fate", "told"),
    [(Fate.UNHEALTHY, "was not healthy after"), (Fate.CRASHES, "ended by itself with status 1"),
     (Fate.FALTERS, "became unhealthy again")],
)  # fmt: skip
def test_an_image_that_does_not_stay_well_never_reaches_a_visitor(
    running: Account, scripts: Scripts, fate: Fate, told: str
) -> None:
    scripts.fates[NEW] = fate
    running.seconds = 0.5
    with pytest.raises(DeploymentFailed, match=told):
        released(running)
    assert running.serves == "a"
    assert [life.stopped for life in scripts.lives if life.image.endswith(NEW)][-1]
    assert not any("taken back" in line for line in running.said)


def test_a_rehearsal_that_nobody_ends_ends_by_itself(running: Account, scripts: Scripts) -> None:
    running.steps.rehearse(running.plans(NEW))
    command = scripts.lives[-1].command
    assert command[0] == "timeout"
    assert float(command[2]) > SECONDS_TO_HEALTHY + SECONDS_HELD
    # What the image runs, and what the task of the service runs: it names no other.
    image = (ROOT / "Dockerfile.ecs").read_text().rstrip().rpartition("\nCMD ")[2]
    assert command[3:] == json.loads(image)
    service = running.artifacts.read("releases/r1.json")["changes"][0]["wanted"]["template_url"]
    body = running.cloud.s3.get_object(
        Bucket=running.artifacts.bucket, Key=service.partition(f"{running.artifacts.bucket}/")[2]
    )["Body"].read()
    task = json.loads(body)["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0]
    assert not {"Command", "EntryPoint"} & set(task)


def test_health_that_is_never_green_once_it_is_deployed_is_taken_back(
    running: Account, scripts: Scripts
) -> None:
    scripts.fates[NEW] = Fate.UNHEALTHY
    running.rehearses = False
    running.fargate.pace = Pace(to_healthy=0.2)
    with pytest.raises(DeploymentFailed, match=f"{SERVICE} ended as UPDATE_ROLLBACK_COMPLETE"):
        released(running)
    assert running.serves == "a"
    assert any("is serving again" in line for line in running.said)


def test_a_rollback_by_ecs_that_cloudformation_calls_a_success_is_noticed(
    running: Account, scripts: Scripts
) -> None:
    planned = running.plans(NEW)
    scripts.fates[NEW] = Fate.UNHEALTHY
    running.seconds = 0.3
    running.fargate.pace = Pace(to_healthy=0.2)
    running.formation.blind = True
    running.steps.apply(planned)  # the wait says that all is well
    assert running.formation.stacks[SERVICE].status == "UPDATE_COMPLETE"
    with pytest.raises(DeploymentFailed, match="Not this release is serving: The service is to"):
        running.steps.check(planned)
    running.steps.roll_back(planned)
    assert running.formation.stacks[SERVICE].parameters["ImageUri"].endswith(OLD)
    assert running.serves == "a"


@pytest.mark.parametrize("path", ["/healthz", "/", "/static/site.css", "/demo", "/api/drawings"])
def test_a_site_that_does_not_pass_its_smoke_test_is_taken_back(
    running: Account, site: Site, path: str
) -> None:
    site.statuses[path] = 503
    with pytest.raises(DeploymentFailed, match="answered 503"):
        released(running)
    assert running.serves == "a"
    assert any("is taken back" in line for line in running.said)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [("/healthz", b"<html>Soon here", "/healthz answered no JSON object"),
     ("/healthz", b"[]", "/healthz answered no JSON object"),
     ("/healthz", b"{}", "the answer of /healthz has no status"),
     ("/api/drawings", b"{}", "the answer of /api/drawings has no analysis"),
     ("/", b'<link href="http://[/site.css">', "names no style that can be asked for")],
)  # fmt: skip
def test_a_site_that_answers_something_else_than_it_should_is_taken_back(
    running: Account, site: Site, path: str, body: bytes, told: str
) -> None:
    site.bodies[path] = body
    with pytest.raises(DeploymentFailed, match=told):
        released(running)
    assert running.serves == "a"


def test_a_release_that_cannot_be_checked_for_aws_refuses_is_taken_back(running: Account) -> None:
    planned, steps = running.plans(NEW), running.steps

    def until_it_is_told(line: str) -> None:
        running.said.append(line)
        if "is taken back" in line:
            del running.fargate.breaks["ListTasks"]

    class Denied(Rehearsal):
        """At whose end the tasks of a service may not be listed any more."""

        def hold(self, image: str, by: str) -> None:
            running.fargate.breaks["ListTasks"] = Refused("AccessDenied", "not authorized")

    with pytest.raises(DeploymentFailed, match="AWS refused ListTasks: not authorized"):
        replace(steps, rehearsal=Denied, say=until_it_is_told).release(planned)
    assert running.serves == "a"
    assert any("is taken back" in line for line in running.said)


def test_a_deployment_that_was_interrupted_is_taken_back_by_another_machine(
    running: Account,
) -> None:
    planned = running.plans(NEW)
    running.formation.slow = 0.2
    with pytest.raises(KeyboardInterrupt):
        interrupted(running).apply(planned)
    with pytest.raises(DeploymentFailed, match="being changed by somebody else"):
        running.plans(NEWER, "r2")
    running.steps.roll_back(Release.load(running.artifacts, planned.id))
    assert running.serves == "a"
    assert running.formation.stacks[SERVICE].status == "UPDATE_COMPLETE"


def test_of_two_deployments_at_a_time_the_second_changes_nothing(running: Account) -> None:
    first, second = running.plans(NEW, "r1"), running.plans(NEWER, "r2")
    running.steps.apply(first)
    with pytest.raises(DeploymentFailed, match="Another deployment changed the stack"):
        running.steps.apply(second)
    assert running.serves == "b"


def test_where_the_second_of_two_stops_it_does_not_take_the_first_one_back(
    running: Account,
) -> None:
    first, second = running.plans(NEW, "r1"), running.plans(NEWER, "r2")
    running.steps.apply(first)
    with pytest.raises(DeploymentFailed, match="Another deployment changed the stack"):
        running.steps.release(second)
    assert running.serves == "b"


def test_a_release_is_not_taken_back_once_another_one_was_deployed(running: Account) -> None:
    first = running.plans(NEW, "r1")
    running.steps.apply(first)
    running.steps.apply(running.plans(NEWER, "r2"))
    executed = list(running.formation.executed)
    with pytest.raises(DeploymentFailed, match=r"Another release was deployed .* taken back"):
        running.steps.roll_back(first)
    assert running.formation.executed == executed
    assert running.serves == "c"


def test_an_answer_of_cloudformation_that_is_lost_is_no_other_deployment(running: Account) -> None:
    planned = running.plans(NEW)
    running.formation.loses = 1
    running.steps.apply(planned)
    running.steps.check(planned)


def test_a_stack_that_may_not_be_changed_is_not_taken_back_either(running: Account) -> None:
    running.formation.forbids = {FUNCTIONS}
    planned = running.plans(NEW)
    with pytest.raises(DeploymentFailed, match="not authorized to change"), refusals():
        running.steps.apply(planned)
    assert [one.stack for one in begun(running.artifacts, planned)] == [SERVICE]
    running.steps.roll_back(planned)
    assert running.serves == "a"


def test_an_apply_that_is_run_again_goes_on_where_the_first_one_stopped(running: Account) -> None:
    running.formation.forbids = {FUNCTIONS}
    planned = running.plans(NEW)
    with pytest.raises(DeploymentFailed), refusals():
        running.steps.apply(planned)
    running.formation.forbids = set()
    running.formation.tokens.clear()  # it knows them for some minutes only
    running.steps.apply(planned)
    assert running.formation.executed[-2:] == [SERVICE, FUNCTIONS]
    assert {one.stack for one in begun(running.artifacts, planned)} == {SERVICE, FUNCTIONS}


def test_an_apply_that_is_run_again_waits_for_what_the_first_one_began(running: Account) -> None:
    planned = running.plans(NEW)
    running.formation.slow = 0.2
    with pytest.raises(KeyboardInterrupt):
        interrupted(running).apply(planned)
    running.steps.apply(planned)
    running.steps.check(planned)


def test_a_stack_that_somebody_deletes_meanwhile_is_no_success(running: Account) -> None:
    planned = running.plans(NEW)
    running.formation.slow = 0.2

    def delete(seconds: float) -> None:
        running.formation.stacks.pop(SERVICE, None)

    cloud = Cloud(FOUNDATION, REGION, pause=delete)
    with pytest.raises(DeploymentFailed, match="was deleted meanwhile"):
        Steps(cloud, running.artifacts, running.said.append).apply(planned)


def test_a_command_that_is_interrupted_is_stopped(running: Account, scripts: Scripts) -> None:
    scripts.outcomes["migrate"] = Outcome(None)
    planned = running.plans(NEW)
    with pytest.raises(KeyboardInterrupt):
        interrupted(running).migrate(planned)
    assert scripts.lives[-1].stopped
    assert running.serves == "a"


def test_a_stack_that_could_not_be_rolled_back_is_said_and_mended(running: Account) -> None:
    planned = running.plans(NEW)
    running.steps.apply(planned)
    running.formation.stacks[SERVICE].status = "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(DeploymentFailed, match="run the command roll-back"):
        running.plans(NEWER, "r2")
    running.steps.roll_back(planned)
    assert running.formation.stacks[SERVICE].status == "UPDATE_COMPLETE"
    assert running.serves == "a"


def test_a_stack_that_was_never_made_is_to_be_removed_first(account: Account) -> None:
    account.formation.stacks[SERVICE] = MadeStack(SERVICE, "ROLLBACK_COMPLETE")
    with pytest.raises(DeploymentFailed, match="with the command destroy"):
        account.plans(NEW)


def test_what_cloudformation_refuses_is_told_and_nothing_is_begun(running: Account) -> None:
    running.formation.refuses[SERVICE] = "Template format error"
    with pytest.raises(DeploymentFailed, match="Template format error"):
        running.plans(NEW)


def test_a_site_that_was_stopped_is_not_started_by_a_release(running: Account) -> None:
    running.steps.release(running.plans(NEW))
    running.formation.stacks[SERVICE].parameters["Tasks"] = "0"
    with pytest.raises(DeploymentFailed, match="Finish that, start the site with Tasks=1"):
        running.plans(NEWER, "r2")
    running.formation.stacks[SERVICE].number = "of another stack, made after that one was deleted"
    running.plans(NEWER, "r3")


def test_a_first_release_that_was_taken_back_is_no_site_that_was_stopped(
    account: Account, site: Site
) -> None:
    site.statuses["/demo"] = 503
    with pytest.raises(DeploymentFailed, match="answered 503"):
        released(account)
    assert account.formation.stacks[SERVICE].parameters["Tasks"] == "0"
    site.statuses.clear()
    released(account, NEWER)
    assert account.serves == "c"


def test_only_one_package_writes_the_database(running: Account) -> None:
    with pytest.raises(DeploymentFailed, match="only one package may"):
        running.plans(NEW, target=Target.LAMBDA)


def test_the_service_is_not_deployed_beside_a_sole_writer(account: Account) -> None:
    sole = {"ApiRole": "sole"}
    account.formation.stacks[FUNCTIONS] = MadeStack(FUNCTIONS, "CREATE_COMPLETE", parameters=sole)
    with pytest.raises(DeploymentFailed, match="ApiRole=sole"):
        account.plans(NEW)


def test_both_deploys_the_demo_door_and_joins_it(account: Account) -> None:
    account.formation.address = "https://drawings.example.org"
    account.steps.apply(account.plans(NEW, target=Target.BOTH))
    stacks = account.formation.stacks
    assert stacks[DEMO].parameters["ApiRole"] == "demo"
    assert stacks[FUNCTIONS].parameters["ApiRole"] == "none"
    stacks[DEMO].outputs["ApiAddress"] = "https://abc.execute-api.us-east-1.amazonaws.com/live/"
    account.steps.apply(account.plans(NEWER, "r2", Target.BOTH))
    assert stacks[SERVICE].parameters["DemoDoor"] == "abc.execute-api.us-east-1.amazonaws.com"
    assert stacks[DEMO].parameters["PublicBaseUrl"] == "https://drawings.example.org"
    assert stacks[DEMO].parameters["OriginProofArn"] == "sketchnorm/origin"


def test_both_are_checked_by_the_digest_of_each(account: Account, site: Site) -> None:
    planned = account.plans(NEW, target=Target.BOTH)
    account.steps.apply(planned)
    account.functions.image = f"registry/functions@{NEW}"
    account.steps.check(planned)
    assert account.functions.asked[-1].startswith(f"{DEMO}-ApiFunction")
    account.functions.image = f"registry/functions@{OLD}"
    with pytest.raises(DeploymentFailed, match=f"{DEMO} runs registry/functions@{OLD}"):
        account.steps.check(planned)


FUNCTION = {"ApiRole", "PermissionsBoundary", "Revision"}
TOLD = {
    SERVICE: {"Foundation", "ImageUri", "DemoDoor", "RetentionDays", "Tasks", "CommandImageUri"},
    FUNCTIONS: FUNCTION | set(OF_THE_DISK),
    WATCH: {"Foundation"},
    DEMO: FUNCTION,
}


@pytest.mark.parametrize("target", Target)
def test_each_stack_is_told_what_the_release_knows_of_it(account: Account, target: Target) -> None:
    """A parameter that a template does not have would be left out in silence."""
    for change in account.plans(NEW, target=target).changes:
        assert TOLD[change.stack] <= set(change.wanted.parameters), change.stack


def test_on_lambda_alone_the_old_release_backs_up_and_the_stack_migrates(
    account: Account, site: Site
) -> None:
    steps = account.steps
    first = account.plans(OLD, "r1", Target.LAMBDA)
    steps.backup(first)
    assert account.said[-1] == "There is no database yet, so there is no backup."
    steps.apply(first)
    functions = account.formation.stacks[FUNCTIONS]
    assert functions.parameters["ApiRole"] == "sole"
    functions.outputs |= {"CommandFunctionName": "commands", "ApiAddress": f"{site.address}/"}
    account.functions.image = f"registry/functions@{NEW}"
    second = account.plans(NEW, "r2", Target.LAMBDA)
    steps.release(second)
    assert account.functions.invoked == [("commands", {"command": ["backup"]})]
    assert f"{FUNCTIONS}: {NEW} is serving." in account.said


def test_on_lambda_alone_a_backup_that_fails_stops_the_release(account: Account) -> None:
    account.steps.apply(account.plans(OLD, "r1", Target.LAMBDA))
    account.formation.stacks[FUNCTIONS].outputs["CommandFunctionName"] = "commands"
    account.functions.answers["commands"] = RuntimeError("The copy is corrupt.")
    with pytest.raises(DeploymentFailed, match=r"Nothing was deployed.*\n.*The copy is corrupt"):
        account.steps.release(account.plans(NEW, "r2", Target.LAMBDA))


def test_on_lambda_alone_another_image_than_ours_is_noticed(account: Account) -> None:
    planned = account.plans(NEW, target=Target.LAMBDA)
    account.steps.apply(planned)
    account.functions.image = f"registry/functions@{OLD}"
    with pytest.raises(DeploymentFailed, match="Not this release is serving"):
        account.steps.check(planned)


def test_a_task_that_ecs_cannot_start_is_told(running: Account) -> None:
    running.fargate.breaks["RunTask"] = {"tasks": [], "failures": [{"reason": "RESOURCE:FARGATE"}]}
    with pytest.raises(DeploymentFailed, match="ECS did not start a task: RESOURCE:FARGATE"):
        released(running)


def test_what_aws_refuses_is_a_sentence(running: Account) -> None:
    running.fargate.breaks["RegisterTaskDefinition"] = Refused("AccessDenied", "not authorized")
    with (
        pytest.raises(DeploymentFailed, match="AWS refused RegisterTaskDefinition: not authorized"),
        refusals(),
    ):
        running.steps.migrate(running.plans(NEW))


def test_a_parameter_that_no_stack_knows_is_refused(account: Account) -> None:
    with pytest.raises(DeploymentFailed, match="No stack of this target has a parameter Domain"):
        account.steps.plan("r", Target.ECS, Images(NEW), {"Domain": "example.org"})


def test_parameters_that_were_chosen_once_are_kept(account: Account) -> None:
    steps = account.steps
    chosen = {"SecurityContact": "help@example.org"}
    steps.apply(steps.plan("r1", Target.ECS, Images(OLD), chosen))
    steps.apply(account.plans(NEW, "r2"))
    parameters = account.formation.stacks[SERVICE].parameters
    assert parameters["SecurityContact"] == "help@example.org"
    assert parameters["ImageUri"].endswith(NEW)
