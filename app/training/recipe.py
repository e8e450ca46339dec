"""What one training run may choose, read from one TOML file."""

import tomllib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from app.errors import ConfigurationError

T = TypeVar("T")


@dataclass(frozen=True)
class TracerRecipe:
    """Teaching what redraws strokes, on simulated pictures of drawings without ages."""

    examples: int = 26000
    epochs: float = 5
    batch: int = 48
    rate: float = 4e-3
    workers: int = 2


@dataclass(frozen=True)
class TrunkRecipe:
    """Fine-tuning of the trunk on drawings without ages; no epochs leave it as ImageNet left it."""

    epochs: int = 3
    variants: int = 12  # made examples of each drawing
    batch: int = 128
    rate: float = 6e-4  # of the trunk's late stages; the heads, being new, learn faster
    head_rate: float = 2.5e-3
    workers: int = 2


@dataclass(frozen=True)
class NormsRecipe:
    """Fitting of the norms, fold by fold, on the trunk's features."""

    folds: int = 10
    workers: int = 2


@dataclass(frozen=True)
class GateRecipe:
    """Examples for telling drawings from what is none."""

    unaged: int = 700  # drawings of each set without ages
    not_drawings: int = 500  # made pictures of each kind
    photographed: int = 800  # references seen as by a phone
    painted: int = 400  # coloured areas without outlines
    windows: int = 40  # of each photograph
    simulated: int = 600  # doodles by other media, coloured and filled, on sheets with marks


@dataclass(frozen=True)
class Recipe:
    """One training run; the same recipe and drawings give the same bundle on the same machine."""

    version: str = "unnamed"
    seed: int = 7
    tracer: TracerRecipe = field(default_factory=TracerRecipe)
    trunk: TrunkRecipe = field(default_factory=TrunkRecipe)
    norms: NormsRecipe = field(default_factory=NormsRecipe)
    gate: GateRecipe = field(default_factory=GateRecipe)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file; what it leaves out keeps its default, what is unknown is refused."""
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise ConfigurationError(f"{path} is no TOML: {error}.") from error
        return _filled(cls, given, path.name)


def _filled(kind: type[T], given: dict[str, Any], where: str) -> T:
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(given.keys() - known.keys()):
        raise ConfigurationError(
            f"{where} sets {', '.join(unknown)}, which nothing reads; known are {', '.join(known)}."
        )
    checked = {
        name: _checked(known[name].type, value, f"{where}: {name}") for name, value in given.items()
    }
    return kind(**checked)


def _checked(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - any field, any value
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise ConfigurationError(f"{where} must be a table.")
        return _filled(kind, value, where)
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise ConfigurationError(f"{where} must be of type {kind.__name__}, not {value!r}.")
    return kind(value)
