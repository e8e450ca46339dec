"""A template with its parameters: which resources are made, and with what properties.

What depends on parameters is worked out as CloudFormation does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

ABSENT: Final = object()
Json = Any


@dataclass(frozen=True)
class Stack:
    """A template, and the parameters that it is deployed with."""

    template: dict[str, Any]
    parameters: Mapping[str, str | list[str]]

    def resources(self) -> dict[str, Any]:
        """Those that are made, without what falls away."""
        found = self.template["Resources"].items()
        return {
            name: self.resolved(part)
            for name, part in found
            if "Condition" not in part or self.holds(part["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties of the resources of one kind."""
        return {
            name: part.get("Properties", {})
            for name, part in self.resources().items()
            if part["Type"] == kind
        }

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template does."""
        return self.truth(self.template["Conditions"][condition])

    def truth(self, said: Json) -> bool:
        """Of a condition or of an assertion."""
        match said:
            case bool():
                return said
            case {"Condition": name}:
                return self.holds(name)
            case {"Fn::Equals": [one, other]}:
                return bool(self.resolved(one) == self.resolved(other))
            case {"Fn::Not": [inner]}:
                return not self.truth(inner)
            case {"Fn::And": parts}:
                return all(self.truth(part) for part in parts)
            case {"Fn::Or": parts}:
                return any(self.truth(part) for part in parts)
            case {"Fn::EachMemberEquals": [members, word]}:
                return all(member == word for member in self.resolved(members))
        raise LookupError(f"no condition: {said}")

    def resolved(self, node: Json) -> Json:
        """With every ``Fn::If`` decided and every parameter's value in its place."""
        match node:
            case {"Fn::If": [condition, yes, no]}:
                return self.resolved(yes if self.holds(condition) else no)
            case {"Ref": "AWS::NoValue"}:
                return ABSENT
            case {"Ref": name} if name in self.parameters:
                return self.parameters[name]
            case dict():
                pairs = {key: self.resolved(part) for key, part in node.items()}
                return {key: part for key, part in pairs.items() if part is not ABSENT}
            case list():
                return [part for part in map(self.resolved, node) if part is not ABSENT]
        return node


def stack(template: dict[str, Any], given: Mapping[str, str]) -> Stack:
    """With these parameters, the others as the template says, or empty."""
    declared = template["Parameters"]
    words = {name: given.get(name, str(one.get("Default", ""))) for name, one in declared.items()}
    lists = {name for name, one in declared.items() if one["Type"] == "CommaDelimitedList"}
    values = {name: text.split(",") if name in lists else text for name, text in words.items()}
    return Stack(template, values)
