"""Drawings by their strokes, made by the program."""

from app.imaging import synthetic
from app.training.sheets import StrokeDrawing


def a_stroke_drawing(
    category: str = "house", age_years: float = 6.5, seed: int = 1
) -> StrokeDrawing:
    """The strokes of a synthetic drawing."""
    strokes = tuple(synthetic.strokes_of(category, age_years, seed))
    return StrokeDrawing("made", f"made/{category}{seed}", age_years, category, strokes)
