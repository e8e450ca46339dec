"""CloudFormation: stacks and change sets, and Lambda as far as a stack holds functions."""

import itertools
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from boto3.session import Session

from tests.support.cloud.fargate import Fargate
from tests.support.cloud.protocol import Json, Refused

ACCOUNT = "arn:aws:cloudformation:us-east-1:123456789012"
OUTPUTS = {"ClusterName": "sketchnorm-service", "ServiceName": "web"}


@dataclass
class MadeStack:
    """One stack; ``reason`` is why its latest change failed, if it did."""

    name: str
    status: str
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    number: str = field(default_factory=lambda: str(uuid4()))

    @property
    def id(self) -> str:
        return f"{ACCOUNT}:stack/{self.name}/{self.number}"


@dataclass
class Formation:
    """``fails`` names stacks whose changes fail, and why; ``blind``: it never asks how ECS did.

    The latter is the real one's weakness, too: what it waits for is that the service is stable,
    and one that was rolled back is. ``forbids`` names stacks whose change sets it does not execute,
    and ``loses`` is how many answers to that get lost on their way; asked again with one of the
    ``tokens`` that it knows, it does nothing more.
    """

    fargate: Fargate
    stacks: dict[str, MadeStack] = field(default_factory=dict)
    fails: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    address: str = ""
    blind: bool = False
    slow: float = 0
    forbids: set[str] = field(default_factory=set)
    loses: int = 0
    executed: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    _sets: dict[str, Json] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)
    _changing: list[threading.Thread] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, operation: str, asked: Json) -> Json:
        """Called by the server."""
        with self._lock:
            done: Json = getattr(self, f"_{operation}")(asked)
            return done

    def settle(self) -> None:
        """Wait for every change that goes on."""
        for thread in self._changing:
            thread.join(120)

    def _CreateChangeSet(self, asked: Json) -> Json:
        name, text = asked["StackName"], _read(asked["TemplateURL"])
        stack = self.stacks.get(name)
        if asked["ChangeSetType"] == "CREATE":
            stack = self.stacks.setdefault(name, MadeStack(name, "REVIEW_IN_PROGRESS"))
        if stack is None:
            raise Refused("ValidationError", f"Stack [{name}] does not exist")
        arn = f"{ACCOUNT}:changeSet/{asked['ChangeSetName']}/{next(self._numbers)}"
        parameters = _decided(json.loads(text), asked.get("Parameters") or [], stack)
        same = (text, parameters) == (stack.template, stack.parameters)
        refused = self.refuses.get(name)
        self._sets[arn] = {
            "stack": name, "template": text, "parameters": parameters,
            "Status": "FAILED" if same or refused else "CREATE_COMPLETE",
            "StatusReason": refused or (
                "The submitted information didn't contain changes." if same else ""
            ),
        }  # fmt: skip
        return {"Id": arn, "StackId": stack.id}

    def _DescribeChangeSet(self, asked: Json) -> Json:
        found = self._sets[asked["ChangeSetName"]]
        resources = json.loads(found["template"])["Resources"]
        changes = [
            {"Type": "Resource", "ResourceChange": {
                "Action": "Modify", "LogicalResourceId": name, "ResourceType": one["Type"],
            }}
            for name, one in resources.items()
        ]  # fmt: skip
        return {
            "ChangeSetId": asked["ChangeSetName"], "Status": found["Status"],
            "StatusReason": found["StatusReason"], "Changes": changes,
        }  # fmt: skip

    def _DeleteChangeSet(self, asked: Json) -> Json:
        self._sets.pop(asked["ChangeSetName"], None)
        return {}

    def _ExecuteChangeSet(self, asked: Json) -> Json:
        arn, token = asked["ChangeSetName"], asked["ClientRequestToken"]
        if token in self.tokens:
            return {}
        if arn not in self._sets:
            raise Refused("ChangeSetNotFound", f"ChangeSet [{arn}] does not exist")
        found = self._sets[arn]
        stack = self.stacks[found["stack"]]
        if stack.name in self.forbids:
            raise Refused("AccessDenied", f"not authorized to change {stack.name}")
        self.tokens.add(token)
        kind = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        # Those made before are of a stack that is no longer so.
        for other in [key for key, one in self._sets.items() if one["stack"] == found["stack"]]:
            del self._sets[other]
        stack.status = f"{kind}_IN_PROGRESS"
        thread = threading.Thread(target=self._change, args=(stack, found, kind))
        self._changing.append(thread)
        thread.start()
        if self.loses:
            self.loses -= 1
            raise Refused("ServiceUnavailable", "The answer is lost.", 503)
        return {}

    def _change(self, stack: MadeStack, wanted: Json, kind: str) -> None:
        time.sleep(self.slow)
        before = (stack.template, stack.parameters)
        stack.template, stack.parameters = wanted["template"], wanted["parameters"]
        reason = self.fails.get(stack.name, "") or self._deploy(stack)
        stack.reason = reason
        if reason and kind == "UPDATE":
            stack.template, stack.parameters = before
            stack.status = "UPDATE_ROLLBACK_COMPLETE"
            return
        stack.outputs |= {**OUTPUTS, "Address": self.address}
        self.executed.append(stack.name)
        stack.status = "ROLLBACK_COMPLETE" if reason else f"{kind}_COMPLETE"

    def _deploy(self, stack: MadeStack) -> str:
        """Why the service could not be replaced, if there is one and it could not."""
        template = json.loads(stack.template)
        service = template["Resources"].get("Service")
        if service is None:
            return ""
        image, count = stack.parameters["ImageUri"], int(stack.parameters["Tasks"])
        commands = self.fargate.define(image, "sketchnorm-service-command")
        stack.outputs["CommandTaskDefinition"] = commands
        if count and self.fargate.serves(image):
            return ""
        if self.fargate.replace(self.fargate.define(image), count) or self.blind:
            return ""
        return "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."

    def _DescribeStacks(self, asked: Json) -> Json:
        stack = self.stacks.get(asked["StackName"])
        if stack is None:
            raise Refused("ValidationError", f"Stack with id {asked['StackName']} does not exist")
        parameters = _pairs("Parameter", stack.parameters)
        outputs = _pairs("Output", stack.outputs)
        return {"Stacks": [{
            "StackName": stack.name, "StackStatus": stack.status, "StackId": stack.id,
            "CreationTime": "2026-11-01T00:00:00Z", "Parameters": parameters, "Outputs": outputs,
        }]}  # fmt: skip

    def _DescribeStackEvents(self, asked: Json) -> Json:
        stack = self.stacks[asked["StackName"]]
        event = {"StackId": "1", "EventId": "1", "StackName": stack.name,
                 "Timestamp": "2026-11-01T00:00:00Z"}  # fmt: skip
        failed = {"LogicalResourceId": "Service", "ResourceStatus": "UPDATE_FAILED",
                  "ResourceStatusReason": stack.reason}  # fmt: skip
        begun = {"LogicalResourceId": stack.name, "ResourceStatus": "UPDATE_IN_PROGRESS",
                 "ResourceStatusReason": "User Initiated"}  # fmt: skip
        return {"StackEvents": [event | failed, event | begun]}

    def _ListStackResources(self, asked: Json) -> Json:
        stack = self.stacks[asked["StackName"]]
        found = json.loads(stack.template)["Resources"] if stack.template else {}
        return {"StackResourceSummaries": [
            {"LogicalResourceId": name, "PhysicalResourceId": f"{stack.name}-{name}",
             "ResourceType": one["Type"], "LastUpdatedTimestamp": "2026-11-01T00:00:00Z",
             "ResourceStatus": "CREATE_COMPLETE"}
            for name, one in found.items()
        ]}  # fmt: skip

    def _GetTemplate(self, asked: Json) -> Json:
        return {"TemplateBody": self.stacks[asked["StackName"]].template}

    def _DeleteStack(self, asked: Json) -> Json:
        self.stacks.pop(asked["StackName"], None)
        return {}

    def _ContinueUpdateRollback(self, asked: Json) -> Json:
        self.stacks[asked["StackName"]].status = "UPDATE_ROLLBACK_COMPLETE"
        return {}


@dataclass
class Functions:
    """Lambda; ``answers`` are what functions return, an exception's message if they fail.

    ``asked`` are the functions whose image was asked for.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    image: str = ""
    asked: list[str] = field(default_factory=list)
    invoked: list[tuple[str, Any]] = field(default_factory=list)

    def answer(self, operation: str, asked: Json) -> Json:
        name = asked["FunctionName"]
        if operation == "GetFunction":
            self.asked.append(name)
            return {"Code": {"ResolvedImageUri": self.image}}
        self.invoked.append((name, asked["Payload"]))
        said = self.answers.get(name, "done")
        if isinstance(said, Exception):
            failed = {"X-Amz-Function-Error": "Unhandled"}
            return {"body": {"errorMessage": str(said)}, "headers": failed}
        return {"body": said}


def _read(url: str) -> str:
    bucket, _, key = urlsplit(url).path.lstrip("/").partition("/")
    found = Session().client("s3").get_object(Bucket=bucket, Key=key)
    return found["Body"].read().decode()


def _decided(template: Json, given: list[Json], stack: MadeStack) -> dict[str, str]:
    declared = template.get("Parameters", {})
    unknown = {one["ParameterKey"] for one in given} - set(declared)
    if unknown:
        raise Refused("ValidationError", f"Parameters: {sorted(unknown)} do not exist")
    values = {name: one["Default"] for name, one in declared.items() if "Default" in one}
    for one in given:
        kept = one.get("UsePreviousValue") == "true"
        name = one["ParameterKey"]
        values[name] = stack.parameters[name] if kept else one["ParameterValue"]
    missing = set(declared) - set(values)
    if missing:
        raise Refused("ValidationError", f"Parameters: {sorted(missing)} must have values")
    return {name: str(value) for name, value in values.items()}


def _pairs(kind: str, values: Mapping[str, str]) -> list[Json]:
    return [{f"{kind}Key": name, f"{kind}Value": value} for name, value in values.items()]
