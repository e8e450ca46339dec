"""The evaluation as a page, as JSON, and as a model card; the page needs nothing but itself."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from app.training.evaluation.made import KINDS
from app.training.evaluation.targets import TARGETS, Target

AGES = range(4, 9)


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
    return [_row(target, evaluation) for target in TARGETS]


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
