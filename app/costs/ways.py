"""Ways to deploy the same site, made of the same templates, so that months can be compared."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from app.costs.month import Deployment, Line, Prices, month
from app.costs.templates import Stack, stack
from app.costs.usage import Usage
from app.errors import ConfigurationError

FILES: Final = {
    "foundation": "ecs/foundation.yaml",
    "service": "ecs/service.yaml",
    "watch": "ecs/watch.yaml",
    "functions": "template.yaml",
}
DISK: Final = {"AccessPointArn": "there", "BucketName": "there", "AdminSecretArn": "there"}
USUAL: Final = "Fargate"
IN_FRONT: Final = frozenset(
    {"Api", "Link", "Integration", "Route", "Stage", "Namespace", "Registry"}
)
MACHINE_GB: Final = 8


@dataclass(frozen=True)
class Templates:
    """The four of a checkout."""

    raw: Mapping[str, dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raise ``ConfigurationError`` if it is no checkout, or YAML cannot be read."""
        try:
            return cls({name: _yaml(folder / file) for name, file in FILES.items()})
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"There is no {error.filename}; say --folder and a checkout of Sketchnorm."
            ) from error

    def stacks(self, *names: str, role: str = "none", **given: str) -> tuple[Stack, ...]:
        """Those, and the functions in their role."""
        made = [stack(self.raw[name], given) for name in names]
        functions = DISK if role != "demo" else {}
        return (*made, stack(self.raw["functions"], {**functions, "ApiRole": role}))


def _yaml(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise ConfigurationError(
            "Templates are YAML, which Python does not read; pip install 'sketchnorm[cost]'."
        ) from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc] # it has no types
        """One of our own, because constructors are added to a class."""

    def long_form(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
        """``!Ref`` and ``!GetAtt`` stand for these."""
        match node:
            case yaml.ScalarNode():
                value: Any = loader.construct_scalar(node)
            case yaml.SequenceNode():
                value = loader.construct_sequence(node, deep=True)
            case yaml.MappingNode():
                value = loader.construct_mapping(node, deep=True)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", long_form)
    found: dict[str, Any] = yaml.load(file.read_text("utf-8"), Loader)  # noqa: S506 - a safe one
    return found


def ways(templates: Templates, metrics: int) -> Iterator[tuple[str, Deployment]]:
    """Each by its name; the usual one comes first."""
    service = ("foundation", "service", "watch")
    fargate = templates.stacks(*service)
    yield USUAL, Deployment(fargate, metrics)
    yield "Fargate, arm64", Deployment(templates.stacks(*service, Architecture="ARM64"), metrics)
    sole = templates.stacks("foundation", "watch", role="sole")
    yield "Lambda only", Deployment(sole, metrics)
    yield "EC2 t4g.micro", Deployment(_without_task(fargate), metrics)
    yield "Fargate behind a load balancer", Deployment(_balanced(fargate), metrics)
    door = (*fargate, *templates.stacks(role="demo"))
    yield "Fargate and the demo door", Deployment(door, metrics)


def bill(name: str, deployment: Deployment, usage: Usage, prices: Prices) -> list[Line]:
    """The month of one of ``ways``."""
    lines = month(deployment, usage, prices)
    if name == "EC2 t4g.micro":
        hours = prices["hours"]
        lines += [
            Line("EC2", "t4g.micro", hours * prices["ec2.t4g_micro_hour"]),
            Line("EC2", f"a disk of {MACHINE_GB} GB", MACHINE_GB * prices["ec2.disk_gb_month"]),
            Line("Network", "a public IPv4 address", hours * prices["network.public_ipv4_hour"]),
        ]
    return lines


def _without_task(stacks: tuple[Stack, ...]) -> tuple[Stack, ...]:
    return _edited(stacks, frozenset({"Service", "Task", "CommandTask", "Cluster"}), {})


def _balanced(stacks: tuple[Stack, ...]) -> tuple[Stack, ...]:
    balancer = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {}}
    return _edited(stacks, IN_FRONT, {"Balancer": balancer})


def _edited(
    stacks: tuple[Stack, ...], gone: frozenset[str], new: dict[str, Any]
) -> tuple[Stack, ...]:
    """Where the service's stack is, without some resources and with others."""
    edited = []
    for one in stacks:
        template = deepcopy(one.template)
        if "Task" in template["Resources"]:
            kept = {name: part for name, part in template["Resources"].items() if name not in gone}
            template["Resources"] = kept | new
        edited.append(Stack(template, one.parameters))
    return tuple(edited)
