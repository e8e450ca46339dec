"""Tasks that are no processes: what happens to them is said beforehand."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Fate(Enum):
    """What becomes of a task that serves."""

    HEALTHY = "healthy"
    UNHEALTHY = "never healthy"
    CRASHES = "ends by itself at once"
    FALTERS = "is healthy at first"


@dataclass(frozen=True)
class Outcome:
    """How a command ends; it never does with a status of ``None``."""

    status: int | None = 0
    lines: tuple[str, ...] = ("done",)


@dataclass
class ScriptedLife:
    """A container; one that falters is healthy for 0.1 seconds."""

    image: str
    command: list[str]
    fate: Fate
    outcome: Outcome
    stopped: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def serves(self) -> bool:
        """Whether it is the site, and no command of ``sketchnorm``."""
        return not self.command or self.command[-1] == "ecs.serve"

    def status(self) -> int | None:
        if self.stopped:
            return 143
        if not self.serves:
            return self.outcome.status
        return 1 if self.fate is Fate.CRASHES else None

    def is_healthy(self) -> bool:
        young = time.monotonic() - self.began < 0.1
        well = self.fate is Fate.HEALTHY or (self.fate is Fate.FALTERS and young)
        return well and self.status() is None

    def stop(self) -> None:
        self.stopped = True

    def said(self) -> list[str]:
        return list(self.outcome.lines)


@dataclass
class Scripts:
    """What happens to tasks, by the digest of their image and by ``sketchnorm``'s command.

    The command is all of its words, or the first if those are not there.
    """

    fates: dict[str, Fate] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(
        default_factory=lambda: {"migrate --head": Outcome(lines=("0005",))}
    )
    lives: list[ScriptedLife] = field(default_factory=list)

    def start(self, image: str, command: list[str], environ: Mapping[str, str]) -> ScriptedLife:
        fate = self.fates.get(image.rpartition("@")[2], Fate.HEALTHY)
        words = command[1:]
        said = (self.outcomes.get(key) for key in (" ".join(words), *words[:1]))
        outcome = next((one for one in said if one is not None), Outcome())
        life = ScriptedLife(image, command, fate, outcome)
        self.lives.append(life)
        return life

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Each command that was run, with the last digit of its image."""
        return [(life.command[1], life.image[-1]) for life in self.lives if not life.serves]
