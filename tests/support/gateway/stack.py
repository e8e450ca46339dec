"""The stack that a deployment would make: the template, transformed by the code that AWS runs.

What depends on parameters is worked out as CloudFormation does, so that tests read plain values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader

from tests.support import ROOT

TEMPLATE: Final = ROOT / "template.yaml"
ABSENT: Final = object()
Json = Any
REGION = "us-east-1"


@dataclass(frozen=True)
class Stack:
    """A template for CloudFormation alone, and the parameters that it is deployed with."""

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

    def functions(self) -> dict[str, Any]:
        """The properties of the functions."""
        return self.of_type("AWS::Lambda::Function")

    def role_of(self, function: str) -> dict[str, Any]:
        """The properties of the role that a function runs under."""
        name = self.functions()[function]["Role"]["Fn::GetAtt"][0]
        role: dict[str, Any] = self.of_type("AWS::IAM::Role")[name]
        return role

    def allowed(self, function: str) -> set[tuple[str, str]]:
        """Each action with each resource that the function's own statements allow it."""
        policies = self.role_of(function).get("Policies", [])
        statements = [one for each in policies for one in each["PolicyDocument"]["Statement"]]
        return {
            (action, resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource)
            for one in statements
            for action in _listed(one["Action"])
            for resource in _listed(one["Resource"])
        }

    def refusals(self) -> list[str]:
        """What the rules say about the parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self.template["Rules"].values()
            if self.truth(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.truth(assertion["Assert"])
        ]

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


def translated(**given: str) -> Stack:
    """The stack with these parameters, the others as the template says."""
    template = yaml_parse(TEMPLATE.read_text())
    declared = template["Parameters"]
    words = {name: given.get(name, one["Default"]) for name, one in declared.items()}
    # It asks AWS only for policies by name, of which we use none.
    validator = SamTemplateValidator(
        template, ManagedPolicyLoader(None), region=REGION, parameter_overrides=dict(words)
    )
    made = yaml_parse(validator.get_translated_template_if_valid())
    lists = {name for name, one in declared.items() if one["Type"] == "CommaDelimitedList"}
    values = {name: text.split(",") if name in lists else text for name, text in words.items()}
    return Stack(made, values)


def _listed(found: Json) -> list[Json]:
    return found if isinstance(found, list) else [found]
