"""Pictures as people send them, made from synthetic drawings."""

import io
from pathlib import Path

from PIL import Image

from app.imaging import synthetic
from app.inference.bundle import TRUNK
from app.inference.trunk import Trunk

BUNDLE = Path(__file__).parents[2] / "bundle"


def a_drawing(category: str = "house", age_years: float = 6.5, seed: int = 1) -> Image.Image:
    """A synthetic drawing, grey."""
    return synthetic.draw(category, age_years, seed)


def as_bytes(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def trunk() -> Trunk:
    """The shipped trunk."""
    return Trunk(BUNDLE / TRUNK)
