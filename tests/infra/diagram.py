"""The picture in docs/aws.md, made from what the templates' resources refer to.

``python -m tests.infra.diagram`` prints it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tests.infra.templates import DOOR, Json, Templates
from tests.support.gateway.stack import Stack

# Of the some sixty, those that an operator meets.
SHOWN: Final = {
    "Distribution": "CloudFront",
    "Api": "HTTP API",
    "Route": "its one route",
    "Integration": "its way to the task",
    "Link": "VPC link",
    "Registry": "Cloud Map",
    "Service": "ECS service",
    "Task": "task on Fargate",
    "CommandTask": "task for commands",
    "TaskRole": "rights of the service",
    "CommandRole": "rights of commands",
    "Disk": "EFS: the database",
    "Bucket": "S3: files and backups",
    "AdminSecret": "admin's secret",
    "OriginProof": "CloudFront's secret",
    "ServerErrors": "alarm",
    "Alerts": "SNS: mail",
}
NAMED: Final = re.compile(r"\$\{(\w+)(?:\.\w+)?\}")
IMPORTED: Final = re.compile(r"^\$\{Foundation\}-(\w+)$")


def mermaid(templates: Templates) -> str:
    """Boxes and arrows; an arrow means *refers to*."""
    foundation, service = templates.foundation(), templates.service(**DOOR)
    exported = _exported(foundation)
    arrows = {
        (name, found)
        for stack in (foundation, service)
        for name, part in stack.resources().items()
        if name in SHOWN
        for found in _mentioned(part, exported)
        if found in SHOWN and found != name
    }
    boxes = (f'  {name}["{what}"]' for name, what in SHOWN.items())
    lines = (f"  {one} --> {other}" for one, other in sorted(arrows))
    return "\n".join(["flowchart LR", *boxes, *lines])


def _exported(stack: Stack) -> dict[str, str]:
    """The resource behind each name that the foundation exports."""
    return {
        name: next(_mentioned(output["Value"], {}), "")
        for name, output in stack.template["Outputs"].items()
    }


def _mentioned(node: Json, exported: Mapping[str, str]) -> Iterator[str]:
    match node:
        case {"Fn::ImportValue": {"Fn::Sub": str(text)}} if found := IMPORTED.match(text):
            yield exported.get(found[1], "")
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from NAMED.findall(text)
        case dict():
            for part in node.values():
                yield from _mentioned(part, exported)
        case list():
            for part in node:
                yield from _mentioned(part, exported)
        case str():
            yield from NAMED.findall(node)


if __name__ == "__main__":
    print(mermaid(Templates.read()))
