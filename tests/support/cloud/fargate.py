"""ECS: task definitions, tasks, and one service whose task is replaced as ECS does it.

The new task is started beside the old one. Once it is healthy and has been found for a while, the
old one is deregistered and told to end. A new task that does not get there is tried a second time;
then the circuit breaker puts the task definition before back.
"""

import copy
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.support.cloud.protocol import Json, Refused

ATTEMPTS = 2
ACCOUNT = "arn:aws:ecs:us-east-1:123456789012"


class Life(Protocol):
    """One task's container, whatever it is made of."""

    def status(self) -> int | None:
        """Its exit status; ``None`` as long as it runs."""

    def is_healthy(self) -> bool: ...

    def stop(self) -> None:
        """SIGTERM; returns at once."""

    def said(self) -> list[str]: ...


Start = Callable[[str, list[str], Mapping[str, str]], Life]


class Register(Protocol):
    """Where visitors' requests find tasks, as Cloud Map and the gateway's stale list of it."""

    def add(self, life: Life) -> None: ...

    def remove(self, life: Life) -> None: ...


class Nobody:
    """A register that nobody looks into."""

    def add(self, life: Life) -> None: ...

    def remove(self, life: Life) -> None: ...


@dataclass(frozen=True)
class Pace:
    """In seconds: until a task must be healthy, and until it is known after that.

    Without ``ready`` a task is found as soon as it is begun.
    """

    to_healthy: float = 1
    to_known: float = 0.01
    look: float = 0.01
    ready: bool = True


@dataclass
class Task:
    arn: str
    definition: Json
    life: Life
    asked_to_stop: bool = False
    of_the_service: bool = False


@dataclass
class Fargate:
    """``start`` makes a task's container from an image, a command and its environment.

    ``breaks`` are answers to operations instead of what they do, for when AWS has a bad day.
    """

    start: Start
    register: Register = field(default_factory=Nobody)
    pace: Pace = field(default_factory=Pace)
    breaks: dict[str, Json | Refused] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    definitions: dict[str, Json] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    tasks: dict[str, Task] = field(default_factory=dict)
    service: str = ""
    rolled_back: bool = False
    _serving: list[Task] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, operation: str, asked: Json) -> Json:
        """Called by the server, in a thread of each request's own."""
        self.asked.append(operation)
        broken = self.breaks.get(operation)
        if isinstance(broken, Refused):
            raise broken
        if broken is not None:
            return copy.deepcopy(broken)
        with self._lock:
            done: Json = getattr(self, f"_{operation}")(asked)
            return done

    def define(self, image: str, family: str = "sketchnorm-service") -> str:
        """A task definition as CloudFormation registers it; its ARN."""
        container = {
            "name": "app", "image": image, "essential": True,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "logs", "awslogs-stream-prefix": "app"},
            },
        }  # fmt: skip
        return self._add(
            {"family": family, "containerDefinitions": [container], "cpu": "256", "memory": "512"}
        )

    def replace(self, definition: str, count: int = 1) -> bool:
        """What a deployment of the service does; whether the new task is serving at its end."""
        before, self.service = self.service, definition
        if not count:
            self._retire(self._serving)
            self._serving = []
            return True
        for _ in range(ATTEMPTS):
            task = self._begin(definition, [], {})
            task.of_the_service = True
            if self._became_known(task):
                self._retire([one for one in self._serving if one is not task])
                self._serving = [task]
                return True
            task.life.stop()
        self.service, self.rolled_back = before, True
        return False

    def serves(self, image: str) -> bool:
        """Whether the service's tasks are of this image."""
        images = {one.definition["containerDefinitions"][0]["image"] for one in self._serving}
        return images == {image}

    def end(self) -> None:
        """Stop every task."""
        for task in self.tasks.values():
            task.life.stop()

    def image_of(self, definition: str) -> str:
        image: str = self.definitions[definition]["containerDefinitions"][0]["image"]
        return image

    def _became_known(self, task: Task) -> bool:
        if not self.pace.ready:
            self.register.add(task.life)
        end = time.monotonic() + self.pace.to_healthy
        while not task.life.is_healthy():
            if task.life.status() is not None or time.monotonic() > end:
                return False
            time.sleep(self.pace.look)
        self.register.add(task.life)
        time.sleep(self.pace.to_known)
        if task.life.status() is None:
            return True
        self.register.remove(task.life)
        return False

    def _retire(self, tasks: list[Task]) -> None:
        for task in tasks:
            self.register.remove(task.life)
            task.asked_to_stop = True
            task.life.stop()

    def _begin(self, definition: str, command: list[str], environ: Mapping[str, str]) -> Task:
        arn = f"{ACCOUNT}:task/sketchnorm-service/{next(self._numbers):032x}"
        life = self.start(self.image_of(definition), command, environ)
        task = Task(arn, self.definitions[definition], life)
        with self._lock:
            self.tasks[arn] = task
        return task

    def _add(self, definition: Json) -> str:
        arn = f"{ACCOUNT}:task-definition/{definition['family']}:{next(self._numbers)}"
        self.definitions[arn] = {**definition, "taskDefinitionArn": arn}
        return arn

    def _DescribeServices(self, asked: Json) -> Json:
        settled = self.service in {one.definition["taskDefinitionArn"] for one in self._serving}
        deployment = {
            "id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": self.service,
            "rolloutState": "COMPLETED" if settled else "IN_PROGRESS",
            "rolloutStateReason": "ECS deployment circuit breaker: rolled back." * self.rolled_back,
        }  # fmt: skip
        service = {
            "serviceName": asked["services"][0], "taskDefinition": self.service,
            "desiredCount": 1 if self._serving else 0, "deployments": [deployment],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        }  # fmt: skip
        return {"services": [service], "failures": []}

    def _DescribeTaskDefinition(self, asked: Json) -> Json:
        return {"taskDefinition": self.definitions[asked["taskDefinition"]]}

    def _RegisterTaskDefinition(self, asked: Json) -> Json:
        return {"taskDefinition": self.definitions[self._add(asked)]}

    def _DeregisterTaskDefinition(self, asked: Json) -> Json:
        self.gone.add(asked["taskDefinition"])
        return {"taskDefinition": self.definitions[asked["taskDefinition"]]}

    def _RunTask(self, asked: Json) -> Json:
        if asked["taskDefinition"] in self.gone:
            raise Refused("ClientException", "TaskDefinition is inactive")
        (override,) = asked["overrides"]["containerOverrides"]
        environ = {one["name"]: one["value"] for one in override.get("environment", [])}
        task = self._begin(asked["taskDefinition"], override.get("command", []), environ)
        return {"tasks": [self._described(task)], "failures": []}

    def _StopTask(self, asked: Json) -> Json:
        task = self.tasks[asked["task"]]
        task.asked_to_stop = True
        task.life.stop()
        return {"task": self._described(task)}

    def _ListTasks(self, asked: Json) -> Json:
        if asked["desiredStatus"] == "STOPPED":
            own = [one for one in self.tasks.values() if one.of_the_service]
            return {"taskArns": [one.arn for one in own if one.asked_to_stop]}
        return {"taskArns": [one.arn for one in self._serving if one.life.status() is None]}

    def _DescribeTasks(self, asked: Json) -> Json:
        return {"tasks": [self._described(self.tasks[arn]) for arn in asked["tasks"]]}

    def _described(self, task: Task) -> Json:
        status = task.life.status()
        health = "HEALTHY" if task.life.is_healthy() else "UNHEALTHY"
        image = task.definition["containerDefinitions"][0]["image"]
        container = {
            "name": "app", "healthStatus": health, "imageDigest": image.rpartition("@")[2],
            **({} if status is None else {"exitCode": status}),
        }  # fmt: skip
        return {
            "taskArn": task.arn, "taskDefinitionArn": task.definition["taskDefinitionArn"],
            "lastStatus": "RUNNING" if status is None else "STOPPED", "healthStatus": health,
            "containers": [container],
        }  # fmt: skip


@dataclass(frozen=True)
class Logs:
    """What tasks printed."""

    fargate: Fargate

    def answer(self, operation: str, asked: Json) -> Json:
        number = asked["logStreamName"].rpartition("/")[2]
        for arn, task in self.fargate.tasks.items():
            if arn.endswith(number):
                return {"events": [{"message": line, "timestamp": 1} for line in task.life.said()]}
        raise Refused("ResourceNotFoundException", "The specified log stream does not exist.")
