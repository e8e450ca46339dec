"""docs/aws.md says what the templates say."""

import re

from tests.infra.diagram import mermaid
from tests.infra.templates import FILES, Templates
from tests.support import ROOT

DOCUMENT = (ROOT / "docs" / "aws.md").read_text()


def test_the_diagram_is_made_from_the_templates(templates: Templates) -> None:
    (drawn,) = re.findall(r"```mermaid\n(.+?)\n```", DOCUMENT, re.DOTALL)
    assert drawn == mermaid(templates)


def test_each_template_is_named() -> None:
    assert all(f"`{file}`" in DOCUMENT for file in FILES.values())


def test_each_parameter_that_is_named_is_there(templates: Templates) -> None:
    there = {name for one in templates.raw.values() for name in one["Parameters"]}
    assert set(re.findall(r"\b([A-Z][a-z]+[A-Z]?[A-Za-z]+)=", DOCUMENT)) <= there


def test_github_may_change_the_stacks_of_those_names(templates: Templates) -> None:
    named = set(re.findall(r"^\| `(sketchnorm[a-z-]*)` \|", DOCUMENT, re.M))
    policies = templates.foundation().of_type("AWS::IAM::Role")["DeployRole"]["Policies"]
    changed = policies[0]["PolicyDocument"]["Statement"][0]["Resource"]
    allowed = {re.findall(r"stack/([a-z-]+)/", one["Fn::Sub"])[0] for one in changed}
    assert allowed == named - {"sketchnorm-foundation"}
