"""Drawings by a program: as pictures, as the bytes of files, and as sets that bundles train on."""

import csv
import io
from pathlib import Path

import pillow_heif
from PIL import Image

from app.imaging import synthetic

CATEGORIES = ("house", "fish", "cat")  # of a set


def a_picture(category: str = "house", age_years: float = 6.5, seed: int = 1) -> Image.Image:
    """A synthetic drawing, grey."""
    return synthetic.draw(category, age_years, seed)


def as_bytes(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def as_heic(picture: Image.Image, **options: object) -> bytes:
    """Encode a picture as an iPhone does."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture.convert("RGB")).save(buffer, **options)
    return buffer.getvalue()


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
                picture = a_picture(category, age_years, 1000 + child)
                (folder / name).write_bytes(as_bytes(picture))
                table.writerow((name, age_years, category, f"child{child}"))
