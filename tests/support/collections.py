"""Folders of reference drawings, drawn by the program."""

import csv
from pathlib import Path

from app.imaging import synthetic
from tests.support.pictures import as_bytes

CATEGORIES = ("house", "fish", "cat")


def write_collection(folder: Path, children: int, age_years: float, first: int = 0) -> None:
    """Add children with two or three drawings each to a set; the first call makes it."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    metadata = folder / "metadata.csv"
    new = not metadata.exists()
    with metadata.open("a", newline="") as lines:
        table = csv.writer(lines)
        if new:
            table.writerow(("file", "age_years", "category", "session_id"))
        for child in range(first, first + children):
            for category in CATEGORIES[child % 2 :]:
                name = f"images/{category}{child}.png"
                picture = synthetic.draw(category, age_years, 1000 + child)
                (folder / name).write_bytes(as_bytes(picture))
                table.writerow((name, age_years, category, f"child{child}"))
