"""The stack that a deployment would make: the template, transformed by the code that AWS runs.

What depends on parameters is worked out as CloudFormation does, so that tests read plain values.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader

from app.costs import templates as costs
from tests.support import ROOT

TEMPLATE: Final = ROOT / "template.yaml"
REGION = "us-east-1"


@dataclass(frozen=True)
class Stack(costs.Stack):
    """A template for CloudFormation alone, and the parameters that it is deployed with."""

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


def translated(template: dict[str, Any] | None = None, /, **given: str) -> Stack:
    """The stack with these parameters; of our own template unless another is given."""
    template = deepcopy(template) if template else yaml_parse(TEMPLATE.read_text())
    values = costs.stack(template, given).parameters
    words = {name: given.get(name, one["Default"]) for name, one in template["Parameters"].items()}
    # It asks AWS only for policies by name, of which we use none.
    validator = SamTemplateValidator(
        template, ManagedPolicyLoader(None), region=REGION, parameter_overrides=dict(words)
    )
    return Stack(yaml_parse(validator.get_translated_template_if_valid()), values)


def plain(template: dict[str, Any], **given: str) -> Stack:
    """The stack of a template that needs no translation."""
    made = costs.stack(template, given)
    return Stack(template, {"AWS::Region": REGION, **made.parameters})


def _listed(found: costs.Json) -> list[costs.Json]:
    return found if isinstance(found, list) else [found]
