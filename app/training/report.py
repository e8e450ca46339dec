"""The evaluation as a page and as JSON; the page needs nothing but itself."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape


def write_report(folder: Path, evaluation: dict[str, Any]) -> None:
    """Write ``report.html`` and ``report.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(evaluation, indent=2) + "\n", encoding="utf-8")
    templates = Environment(
        loader=PackageLoader("app.training", "templates"), autoescape=select_autoescape()
    )
    page = templates.get_template("report.html").render(e=evaluation, bars=_bars(evaluation))
    (folder / "report.html").write_text(page, encoding="utf-8")


def _bars(evaluation: dict[str, Any]) -> list[dict[str, float]]:
    """Bars of the histogram in a box of 100 × 100, the height 50 being uniform."""
    counts = evaluation["histogram"]
    uniform = sum(counts) / len(counts)
    width = 100 / len(counts)
    return [
        {"x": i * width, "width": width - 0.6, "height": 50 * count / uniform, "count": count}
        for i, count in enumerate(counts)
    ]
