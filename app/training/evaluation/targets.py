"""What the detector is meant to reach, and what the study before the first release reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Evaluation = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A bound on one number of an evaluation; ``study`` is what a first study found."""

    what: str
    value: Callable[[Evaluation], float]
    sign: Literal["≥", "≤"]
    bound: float
    study: str = ""

    def holds(self, value: float) -> bool:
        """Tell whether the bound is kept."""
        return value >= self.bound if self.sign == "≥" else value <= self.bound


def _mean(name: str) -> Callable[[Evaluation], float]:
    return lambda e: float(e["measures"][name]["mean"])


def _extreme(pick: Callable[[list[float]], float]) -> Callable[[Evaluation], float]:
    return lambda e: pick([e["measures"][f"false_flags_age_{y}"]["mean"] for y in range(4, 9)])


def _of_set(collection: str, name: str) -> Callable[[Evaluation], float]:
    return lambda e: float(e["by_set"].get(collection, {}).get(name, float("nan")))


def _refused(name: str) -> Callable[[Evaluation], float]:
    return lambda e: float(e["gate"]["refused"][name])


def _above(name: str, control: str) -> Callable[[Evaluation], float]:
    return lambda e: float(e["measures"][name]["mean"] - e["measures"][control]["mean"])


TARGETS = (
    Target(
        "a wrong category is noticed (AUROC of the category term)",
        _mean("wrong_category_auroc"), "≥", 0.92, ".86 / .896",
    ),
    Target("the category is the likeliest", _mean("top_1"), "≥", 0.60, ".46–.55"),
    Target("the category is among the five likeliest", _mean("top_5"), "≥", 0.90, ".84–.88"),
    Target(
        "Spearman of the category term with recognition by people, cdm",
        _of_set("cdm", "human_agreement"), "≤", -0.55, "−.49",
    ),
    Target(
        "age 8 against 4 from one drawing, cdm (AUROC)",
        _of_set("cdm", "age_8_against_4_auroc"), "≥", 0.76, ".67–.74",
    ),
    Target("half erased (AUROC)", _mean("half_auroc"), "≥", 0.90, ".84"),
    Target("scribble (AUROC)", _mean("scribble_auroc"), "≥", 0.90, ".80"),
    Target("intruder (AUROC)", _mean("intruder_auroc"), "≥", 0.84, ".75"),
    Target("upside down (AUROC)", _mean("upside_down_auroc"), "≥", 0.80, ".58"),
    Target("blank sheets refused", _refused("blank"), "≥", 0.98, "91–100 %"),
    Target("text refused", _refused("text"), "≥", 0.98, "91–100 %"),
    Target("textures refused", _refused("texture"), "≥", 0.98, "91–100 %"),
    Target("windows of real photographs refused", _refused("real_photo"), "≥", 0.98, "91–100 %"),
    Target(
        "real drawings refused", lambda e: float(e["gate"]["real_drawings_refused"]), "≤", 0.01
    ),
    Target("false flags, the age with fewest", _extreme(min), "≥", 0.035, ".044"),
    Target("false flags, the age with most", _extreme(max), "≤", 0.065, ".057"),
    Target("drawings of ages 4–8 with a p-value", _mean("p_value_given"), "≥", 0.97),
    Target("false flags on phone photographs", _mean("phone_flagged"), "≤", 0.07, ".05–.065"),
    Target("map: AUROC on the ink of intruders", _mean("map_auroc"), "≥", 0.72, ".653"),
    Target(
        "map: the same, above the density of ink",
        _above("map_auroc", "density_auroc"), "≥", 0.05, ".044",
    ),
    Target(
        "map: pointing at the intruder, above the density of ink",
        _above("map_pointing", "density_pointing"), "≥", 0.0, "below",
    ),
)  # fmt: skip
