"""A release: which images go into which stacks, and what the stacks were before.

It is written down in the artifacts' bucket before anything is changed, so that each step can be a
job of its own, and so that a release can be taken back by a machine that did not begin it.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from ecs.deploy import stacks
from ecs.deploy.artifacts import ROOT, Artifacts, Template, package, parse
from ecs.deploy.cloud import Cloud, DeploymentFailed
from ecs.deploy.stacks import HIDDEN, Stack, find_stack

SERVICE: Final = "sketchnorm-service"
FUNCTIONS: Final = "sketchnorm"  # scheduled ones beside the service, or all on Lambda
DEMO: Final = "sketchnorm-demo"
WATCH: Final = "sketchnorm-watch"
STACKS: Final = (SERVICE, FUNCTIONS, DEMO, WATCH)
# Parameters of template.yaml that are outputs of the foundation.
OF_THE_DISK: Final = {
    "AccessPointArn": "AccessPointArn",
    "SubnetIds": "SubnetIds",
    "SecurityGroupId": "FunctionGroupId",
    "BucketName": "BucketName",
    "AdminSecretArn": "AdminSecretArn",
    "RetentionDays": "RetentionDays",
}


class Target(StrEnum):
    """Where it is deployed to; ``both``: the service, with the demo door on Lambda."""

    ECS = "ecs"
    LAMBDA = "lambda"
    BOTH = "both"


@dataclass(frozen=True)
class Images:
    """The digests (``sha256:…``) of the images that a target needs; empty for the others."""

    service: str = ""
    function: str = ""


@dataclass(frozen=True)
class State:
    """What a stack is made from."""

    template_url: str
    parameters: dict[str, str]


@dataclass(frozen=True)
class Change:
    """One stack of a release; ``change_set`` is empty if nothing would be changed.

    ``before`` is ``None`` if the release makes the stack.
    """

    stack: str
    wanted: State
    before: State | None
    change_set: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release:
    """A release that was planned."""

    id: str
    target: Target
    images: Images
    changes: tuple[Change, ...] = field(repr=False)

    @property
    def key(self) -> str:
        return f"releases/{self.id}.json"

    @property
    def begun_key(self) -> str:
        return f"releases/{self.id}.begun.json"

    def save(self, artifacts: Artifacts) -> None:
        artifacts.write(self.key, asdict(self))

    @classmethod
    def load(cls, artifacts: Artifacts, release_id: str) -> Self:
        """Raise ``DeploymentFailed`` if it was never planned."""
        found = artifacts.read(f"releases/{release_id}.json")
        return cls(
            found["id"],
            Target(found["target"]),
            Images(**found["images"]),
            tuple(_change(one) for one in found["changes"]),
        )


def plan(
    cloud: Cloud,
    artifacts: Artifacts,
    release_id: str,
    target: Target,
    images: Images,
    given: Mapping[str, str],
) -> Release:
    """Make a change set for each stack; nothing is changed yet.

    ``given`` are parameters that the operator chose; others keep their values. Raise
    ``DeploymentFailed`` if a stack cannot be changed now, or would write to a database that another
    package writes.
    """
    existing = {name: find_stack(cloud, name) for name in STACKS}
    for stack in existing.values():
        stacks.check_settled(stack)
    _check_one_writer(target, existing)
    _check_not_stopped(artifacts, existing[SERVICE])
    wanted = _wanted(cloud, artifacts, release_id, target, images, existing)
    _check_given(given, wanted)
    changes = []
    for name, (template, own) in wanted.items():
        stack = existing[name]
        parameters = _parameters(template, own, given, stack)
        url = artifacts.put_template(_text(template))
        before = _before(cloud, artifacts, stack)
        made = stacks.plan_change(cloud, name, f"release-{release_id}", url, parameters)
        change = Change(name, State(url, parameters), before)
        changes.append(replace(change, change_set=made.arn, lines=made.changes) if made else change)
    return Release(release_id, target, images, tuple(changes))


def make_empty_service(
    cloud: Cloud,
    artifacts: Artifacts,
    release_id: str,
    target: Target,
    images: Images,
    given: Mapping[str, str],
) -> bool:
    """Make the service's stack without a task if there is none; whether it was made.

    The first migration needs its cluster and roles, and a task its tables.
    """
    existing = {name: find_stack(cloud, name) for name in STACKS}
    if target is Target.LAMBDA or existing[SERVICE] is not None:
        return False
    _check_one_writer(target, existing)
    wanted = _wanted(cloud, artifacts, release_id, target, images, existing)
    _check_given(given, wanted)
    template, own = wanted[SERVICE]
    url = artifacts.put_template(_text(template))
    parameters = _parameters(template, {**own, "Tasks": "0"}, given, None)
    made = stacks.plan_change(cloud, SERVICE, f"empty-{release_id}", url, parameters)
    if made is not None:
        stacks.execute(cloud, made)
    return True


def apply(cloud: Cloud, artifacts: Artifacts, release: Release) -> None:
    """Execute the change sets, one stack after the other.

    Which were begun is written down first: nothing else may be taken back. What an apply before
    this one has begun stays written down, and is not executed again if it came to a good end.
    """
    earlier = [change.stack for change in begun(artifacts, release)]
    names = list(earlier)
    for change in release.changes:
        if not change.change_set:
            continue
        if change.stack in earlier and _is_changed(cloud, change):
            continue
        with_this = names if change.stack in names else [*names, change.stack]
        artifacts.write(release.begun_key, {"stacks": with_this})
        made = stacks.ChangeSet(change.stack, change.change_set, change.lines)
        try:
            stacks.begin(cloud, made)
        except (stacks.Overtaken, ClientError):
            artifacts.write(release.begun_key, {"stacks": names})
            raise
        names = with_this
        stacks.wait(cloud, change.stack)


def begun(artifacts: Artifacts, release: Release) -> list[Change]:
    """What ``apply`` began to change, whether or not it came to an end."""
    if not artifacts.has(release.begun_key):
        return []
    names = artifacts.read(release.begun_key)["stacks"]
    return [one for one in release.changes if one.stack in names]


def _is_changed(cloud: Cloud, change: Change) -> bool:
    """Whether an apply before this one changed the stack, and well."""
    stack = find_stack(cloud, change.stack)
    if stack is not None and stack.in_progress:
        stacks.wait(cloud, change.stack)
        stack = find_stack(cloud, change.stack)
    if stack is None or stack.status not in stacks.WELL:
        return False
    is_told_apart = change.before is None or _marks(change.before.parameters) != _marks(
        change.wanted.parameters
    )
    return is_told_apart and _marks(stack.parameters) == _marks(change.wanted.parameters)


def _marks(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters by which a stack is known to be of one release and not of another."""
    return {name: parameters[name] for name in ("Revision", "ImageUri") if name in parameters}


def roll_back(cloud: Cloud, artifacts: Artifacts, release: Release) -> list[str]:
    """Bring each stack back to what it was before the release; what was done, in words.

    The database stays as it is: the release before runs on the schema of this one. Raise
    ``DeploymentFailed``, with nothing taken back, if another release was deployed since.
    """
    changes = list(reversed(begun(artifacts, release)))
    for change in changes:
        _check_still_ours(change, _settled(cloud, change.stack))
    done = []
    for change in changes:
        stack = find_stack(cloud, change.stack)
        if change.before is None:
            if stack is not None:
                done.append(f"{change.stack} was made by this release and stays; nothing is before")
            continue
        if stack is not None and stack.status == "UPDATE_ROLLBACK_FAILED":
            cloud.cloudformation.continue_update_rollback(StackName=change.stack)
            stacks.wait_for_rollback(cloud, change.stack)
        done.append(_take_back(cloud, release, change.stack, change.before))
    return done


def _settled(cloud: Cloud, name: str) -> Stack | None:
    """The stack once nothing goes on there, however that ended."""
    stack = find_stack(cloud, name)
    if stack is None or not stack.in_progress:
        return stack
    with suppress(DeploymentFailed):
        stacks.wait(cloud, name)
    return find_stack(cloud, name)


def _check_still_ours(change: Change, stack: Stack | None) -> None:
    if stack is None:
        return
    before = change.before.parameters if change.before else {}
    if _marks(stack.parameters) not in (_marks(change.wanted.parameters), _marks(before)):
        raise DeploymentFailed(
            f"Another release was deployed since: the stack {change.stack} is neither as this one "
            "made it nor as it was before. Nothing was taken back."
        )


def _take_back(cloud: Cloud, release: Release, name: str, before: State) -> str:
    made = stacks.plan_change(
        cloud, name, f"back-{release.id}", before.template_url, before.parameters
    )
    if made is None:
        return f"{name} is as it was before"
    stacks.execute(cloud, made)
    return f"{name} was brought back to what it was before"


def note_served(cloud: Cloud, artifacts: Artifacts, release: Release) -> None:
    """Write down that the service has served: whoever stops it then has a reason."""
    stack = find_stack(cloud, SERVICE)
    if stack is not None:
        artifacts.write(_served_key(stack), {"release": release.id})


def _served_key(stack: Stack) -> str:
    return f"served/{stack.name}-{stack.number}.json"


def _check_not_stopped(artifacts: Artifacts, service: Stack | None) -> None:
    """A release starts a task, which must not happen in the midst of a restore."""
    if service is None or service.parameters.get("Tasks") != "0":
        return
    if artifacts.has(_served_key(service)):
        raise DeploymentFailed(
            f"The stack {SERVICE} has served and was stopped since (Tasks=0), perhaps for a "
            "restore, so nothing was begun. Finish that, start the site with Tasks=1, then release "
            "again."
        )


def _check_one_writer(target: Target, existing: Mapping[str, Stack | None]) -> None:
    """Two packages that write one database would undo each other's work."""
    functions = existing[FUNCTIONS]
    writes = functions is not None and functions.parameters.get("ApiRole") == "sole"
    if target is Target.LAMBDA and existing[SERVICE] is not None:
        raise DeploymentFailed(
            f"The stack {SERVICE} writes the database, and only one package may. Remove that "
            "stack with the command destroy first; the database and the bucket stay."
        )
    if target is not Target.LAMBDA and writes:
        raise DeploymentFailed(
            f"The stack {FUNCTIONS} writes the database (ApiRole=sole), and only one package may. "
            "Remove that stack with the command destroy first; the database and the bucket stay."
        )


def _wanted(
    cloud: Cloud,
    artifacts: Artifacts,
    release_id: str,
    target: Target,
    images: Images,
    existing: Mapping[str, Stack | None],
) -> dict[str, tuple[Template, dict[str, str]]]:
    """The template of each stack, in the order of their deployment, with what we say ourselves."""
    function_uri = f"{cloud.output('FunctionImagesUri')}@{images.function or NO_IMAGE}"
    functions = package(_template("template.yaml"), function_uri, artifacts)
    shared = {"PermissionsBoundary": cloud.output("BoundaryArn"), "Revision": release_id}
    disk = {name: cloud.output(output) for name, output in OF_THE_DISK.items()}
    role = "sole" if target is Target.LAMBDA else "none"
    found: dict[str, tuple[Template, dict[str, str]]] = {}
    if target is Target.BOTH:
        behind = _behind_cloudfront(cloud, existing[SERVICE])
        found[DEMO] = functions, {**shared, "ApiRole": "demo", **behind}
    if target is not Target.LAMBDA:
        uri = f"{cloud.output('ImagesUri')}@{images.service}"
        door = _door(existing[DEMO]) if target is Target.BOTH else ""
        own = {"Foundation": cloud.foundation, "ImageUri": uri, "DemoDoor": door}
        own["RetentionDays"] = cloud.output("RetentionDays")
        own |= {"Tasks": "1", "CommandImageUri": ""}  # whatever an operator set by hand
        found[SERVICE] = _template("ecs/service.yaml"), own
    found[FUNCTIONS] = functions, {**shared, **disk, "ApiRole": role}
    found[WATCH] = _template("ecs/watch.yaml"), {"Foundation": cloud.foundation}
    return found


# For a stack that has no function with an image: CloudFormation asks for one all the same.
NO_IMAGE: Final = f"sha256:{0:064}"


def _behind_cloudfront(cloud: Cloud, service: Stack | None) -> dict[str, str]:
    """What the demo door has to know of what stands in front, once there is such a thing."""
    address = service.outputs.get("Address", "") if service else ""
    if not address:
        return {}
    return {"PublicBaseUrl": address, "OriginProofArn": cloud.output("OriginProofArn")}


def _door(demo: Stack | None) -> str:
    """The host of the demo door; empty until it was deployed once."""
    address = demo.outputs.get("ApiAddress", "") if demo else ""
    return address.removeprefix("https://").partition("/")[0]


def _text(template: Template) -> str:
    return json.dumps(template, indent=1, default=str)


def _template(path: str) -> Template:
    return parse((ROOT / path).read_text(encoding="utf-8"))


def _check_given(
    given: Mapping[str, str], wanted: Mapping[str, tuple[Template, dict[str, str]]]
) -> None:
    declared = {name for template, _ in wanted.values() for name in template["Parameters"]}
    unknown = sorted(set(given) - declared)
    if unknown:
        raise DeploymentFailed(f"No stack of this target has a parameter {', '.join(unknown)}.")


def _parameters(
    template: Template, own: Mapping[str, str], given: Mapping[str, str], stack: Stack | None
) -> dict[str, str]:
    """Ours, else the operator's, else what the stack has, else the template's default.

    What the template does not know is left out, so that a template may be ahead or behind.
    """
    declared = template.get("Parameters", {})
    kept = dict.fromkeys(stack.parameters if stack else {}, HIDDEN)
    said = {**kept, **given, **own}
    return {name: value for name, value in said.items() if name in declared}


def _before(cloud: Cloud, artifacts: Artifacts, stack: Stack | None) -> State | None:
    if stack is None:
        return None
    found: Any = cloud.cloudformation.get_template(StackName=stack.name, TemplateStage="Original")
    body = found["TemplateBody"]
    text = body if isinstance(body, str) else json.dumps(body, indent=1)
    return State(artifacts.put_template(text), stack.parameters)


def _change(found: dict[str, Any]) -> Change:
    before = found["before"]
    return Change(
        found["stack"],
        State(**found["wanted"]),
        State(**before) if before else None,
        found["change_set"],
        tuple(found["lines"]),
    )
