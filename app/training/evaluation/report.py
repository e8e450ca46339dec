"""The evaluation as a page, as JSON, and as a model card; the page needs nothing but itself."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, select_autoescape

from app.training.evaluation.held_out import AGES
from app.training.evaluation.made import KINDS

Evaluation = dict[str, Any]
Measured = Callable[[Evaluation], float]


@dataclass(frozen=True)
class Target:
    """A bound on one number of an evaluation; ``study`` is what a first study found."""

    what: str
    value: Measured
    sign: Literal["≥", "≤"]
    bound: float
    study: str = ""

    def holds(self, value: float) -> bool:
        """Tell whether the bound is kept."""
        return value >= self.bound if self.sign == "≥" else value <= self.bound


def _mean(name: str) -> Measured:
    return lambda e: float(e["measures"][name]["mean"])


def _extreme(pick: Callable[[list[float]], float]) -> Measured:
    return lambda e: pick([e["measures"][f"false_flags_age_{y}"]["mean"] for y in AGES])


def _of_set(collection: str, name: str) -> Measured:
    return lambda e: float(e["by_set"].get(collection, {}).get(name, float("nan")))


def _refused(name: str) -> Measured:
    return lambda e: float(e["gate"]["refused"][name])


def _above(name: str, control: str) -> Measured:
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
    Target(
        "ordinary drawings of which something is said to stand out",
        _mean("something_stands_out"), "≤", 0.06, ".10–.21",
    ),
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


def _over(section: str, pick: Callable[[list[float]], float], name: str) -> Measured:
    """The least or most of one column of a section, without its first row."""
    return lambda e: pick(
        [float(row[name]) for key, row in e["robustness"][section].items() if key != "plain"]
    )


def _furthest(section: str) -> Measured:
    return lambda e: max(abs(float(row["change"])) for row in e["robustness"][section].values())


def _half_kept(e: Evaluation) -> float:
    half = e["robustness"]["half_erased"]
    return min(float(value) / float(half["plain"]) for value in half.values())


def _map_margin(measure: str) -> Measured:
    return lambda e: min(
        float(row[measure] - row[f"density_{measure}"]) for row in e["robustness"]["map"].values()
    )


def _media(name: str) -> Measured:
    return lambda e: float(e["robustness"]["media"][name])


def _photos(name: str) -> Measured:
    return lambda e: float(e["gate"]["by_halves"].get("paper_photos", {}).get(name, float("nan")))


ROBUSTNESS = (
    Target("other pens: answered", _over("pens", min, "answered"), "≥", 0.98, ".84–.99"),
    Target("other pens: change of the flagged share", _furthest("pens"), "≤", 0.02, ".044"),
    Target("other pens: rank", _over("pens", min, "spearman"), "≥", 0.95, ".60–.96"),
    Target("other sheets: answered", _over("sheets", min, "answered"), "≥", 0.97, ".00–.99"),
    Target("other sheets: rank", _over("sheets", min, "spearman"), "≥", 0.95, ".00–1.0"),
    Target("marked sheets: change of the flagged share", _furthest("marks"), "≤", 0.03, ".05–.85"),
    Target("marked sheets: rank", _over("marks", min, "spearman"), "≥", 0.90, "−.08–.66"),
    Target("marked sheets: half erased, flagged as on plain ones", _half_kept, "≥", 0.67, ".04"),
    Target(
        "marked sheets without a drawing: refused",
        lambda e: min(v for k, v in e["robustness"]["empty_sheets"].items()),
        "≥",
        0.98,
        ".00",
    ),
    Target("photographs of coloured drawings: flagged", _media("flagged"), "≤", 0.07, ".042–.07"),
    Target("photographs of coloured drawings: flagged", _media("flagged"), "≥", 0.03, ".042–.07"),
    Target("the same, half erased (AUROC)", _media("half_auroc"), "≥", 0.90),
    Target("the same, scribbled over (AUROC)", _media("scribble_auroc"), "≥", 0.90),
    Target("real paper photographs taken for drawings", _photos("taken_for_drawings"), "≥", 0.98),
    Target("real paper photographs answered", _photos("answered"), "≥", 0.85, ".53"),
    Target("intruders by one pen (AUROC)", _over("intruders", min, "auroc"), "≥", 0.82, ".68–.84"),
    Target("the same, flagged", _over("intruders", min, "flagged"), "≥", 0.28, ".11–.36"),
    Target("map on intruders by any pen (AUROC)", _over("map", min, "auroc"), "≥", 0.76, ".33–.93"),
    Target("the same, above the density of strokes", _map_margin("auroc"), "≥", 0.05),
    Target("the same, pointing", _map_margin("pointing"), "≥", 0.0),
)


def write_report(folder: Path, evaluation: dict[str, Any]) -> None:
    """Write ``report.html``, ``report.json`` and ``model_card.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    templates = Environment(
        loader=PackageLoader("app.training.evaluation", "templates"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = {"e": evaluation, **_plots(evaluation), "targets": _reached(evaluation)}
    for name in ("report.html", "model_card.md"):
        page = templates.get_template(name).render(shown, kinds=KINDS, ages=AGES)
        (folder / name).write_text(page, encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(evaluation, indent=2) + "\n", encoding="utf-8")


def _reached(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    targets = TARGETS + (ROBUSTNESS if evaluation.get("robustness") else ())
    return [_row(target, evaluation) for target in targets]


def _row(target: Target, evaluation: dict[str, Any]) -> dict[str, Any]:
    value = target.value(evaluation)
    return {
        "what": target.what,
        "value": value,
        "bound": f"{target.sign} {target.bound:g}",
        "reached": target.holds(value),
        "study": target.study,
    }


def _plots(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Points and bars in boxes of 100 × 100."""
    counts = evaluation["histogram"]
    uniform, width = sum(counts) / len(counts), 100 / len(counts)
    found = {kind: evaluation["measures"][f"{kind}_auroc"]["mean"] for kind in KINDS}
    return {
        "bars": [
            {"x": i * width, "width": width - 0.6, "height": 50 * count / uniform, "count": count}
            for i, count in enumerate(counts)
        ],
        "curve": [
            {"x": 100 * point["level"] / 0.5, "y": 100 * point["flagged"] / 0.5, **point}
            for point in evaluation["calibration_curve"]
        ],
        "reliable": [
            {"x": 100 * point["said"], "y": 100 * point["found"], **point}
            for point in evaluation["reliability"]
        ],
        "noticed": [
            {
                "kind": kind.replace("_", " "),
                "found": found[kind],
                **{
                    name: evaluation["controls"][name][kind]
                    for name in ("pen_width_alone", "unconditional_distance", "autoencoder")
                },
            }
            for kind in KINDS
        ],
    }
