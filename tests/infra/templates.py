"""Our templates, as they are or with something changed, and the stacks that are made of them."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Self

from samcli.yamlhelper import yaml_parse

from tests.support import ROOT
from tests.support.gateway.stack import REGION, Stack, plain, translated

FILES: Final = {
    "foundation": "ecs/foundation.yaml",
    "service": "ecs/service.yaml",
    "watch": "ecs/watch.yaml",
    "functions": "template.yaml",
}
ZONES: Final = {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"}
GITHUB: Final = {
    "GitHubRepository": "example/sketchnorm",
    "GitHubOwnerId": "11",
    "GitHubRepositoryId": "22",
}
DOOR: Final = {"DemoDoor": "abc.execute-api.us-east-1.amazonaws.com"}
DOMAIN: Final = {"DomainName": "drawings.example.org", "HostedZoneId": "Z1"}
DISK: Final = {
    "AccessPointArn": f"arn:aws:elasticfilesystem:{REGION}:123456789012:access-point/fsap-01",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "SecurityGroupId": "sg-0123456789abcdef0",
    "BucketName": "drawings",
    "AdminSecretArn": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:AdminSecret-abcdef",
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/sketchnorm/boundary",
}
Json = Any
Step = str | int | Mapping[str, Any]  # a key, a place in a list, or what one of the list says
GONE: Final = object()


@dataclass(frozen=True)
class Templates:
    """Each template by its name in ``FILES``."""

    raw: Mapping[str, dict[str, Any]] = field(repr=False)

    @classmethod
    def read(cls) -> Self:
        """As they are deployed."""
        return cls({name: yaml_parse((ROOT / file).read_text()) for name, file in FILES.items()})

    def changed(self, name: str, path: tuple[Step, ...], to: Json = GONE) -> Self:
        """With one thing below ``Resources`` deleted, or replaced."""
        raw = {**self.raw, name: deepcopy(self.raw[name])}
        *steps, last = path
        place = raw[name]["Resources"]
        for step in steps:
            place = place[_key(place, step)]
        if to is GONE:
            del place[_key(place, last)]
        else:
            place[_key(place, last)] = to
        changed = replace(self, raw=raw)
        if name != "functions":  # whose translation takes a second
            vars(changed).update(sole=self.sole, demo=self.demo)
        return changed

    def foundation(self, **given: str) -> Stack:
        """With GitHub's roles."""
        return plain(self.raw["foundation"], **{**ZONES, "AlertEmail": "a@b", **GITHUB, **given})

    def service(self, **given: str) -> Stack:
        """Without a domain of its own and without a demo door."""
        return plain(self.raw["service"], **given)

    @cached_property
    def watch(self) -> Stack:
        """There is one only."""
        return plain(self.raw["watch"])

    @cached_property
    def sole(self) -> Stack:
        """All of Sketchnorm on Lambda."""
        return translated(self.raw["functions"], ApiRole="sole", **DISK)

    @cached_property
    def demo(self) -> Stack:
        """The demo door."""
        return translated(self.raw["functions"], ApiRole="demo")

    def stacks(self) -> dict[str, Stack]:
        """Every stack that can be made, with all that it can have."""
        return {
            "foundation": self.foundation(RetentionDays="365", PublicOrigin="https://example.org"),
            "service": self.service(**DOMAIN, **DOOR),
            "watch": self.watch,
            "sole": self.sole,
            "demo": self.demo,
        }


def properties(stack: Stack, name: str) -> dict[str, Any]:
    """Of a resource that must be there."""
    found = stack.resources()
    assert name in found, f"there is no {name}"
    return dict(found[name].get("Properties", {}))


def statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a policy."""
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def listed(found: Json) -> list[Json]:
    """IAM lets one stand for a list of one."""
    return found if isinstance(found, list) else [found]


def _key(place: Json, step: Step) -> Json:
    if not isinstance(step, Mapping):
        return step
    (found,) = (
        number for number, one in enumerate(place) if step.items() <= dict(one).items()
    )  # fmt: skip
    return found
