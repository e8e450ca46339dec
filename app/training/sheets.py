"""Drawings from their strokes, by any pen, on any sheet: what an answer must not depend on.

Strokes are points in 0–1 of the canvas, y downwards. Everything made here is a picture as somebody
could send it; nothing of it is fitted on. Only the camera of ``photographed`` is the one by which
the gate and the guard have seen other drawings.
"""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from scipy import ndimage

from app.errors import ConfigurationError
from app.training.anomalies import Pen, Rng, scribble
from app.training.not_drawings import phone_photo

SIDE = 300  # px, of the canvas that drawings were collected on
_FINE = 1200  # px: strokes on a smaller canvas are drawn at least so large, then reduced
A4 = (8.27, 11.69)  # inches
_DPI = 150
_INK = 25  # grey of a stroke
_BARE = 200  # lighter than that is no stroke
_LEAST_FILL = 0.002  # of the canvas: smaller areas are not filled

Points = NDArray[np.floating]
Sheet = Callable[["StrokeDrawing"], Image.Image]
Mark = Callable[[Image.Image, Rng], Image.Image]


@dataclass(frozen=True, eq=False)
class StrokeDrawing:
    """A drawing by its strokes; ``child`` is the reference drawings' name for who drew it."""

    collection: str
    child: str
    age_years: float
    category: str
    strokes: tuple[Points, ...]


COLLECTED = Pen(3.1, 0.4)
PENS = {
    "fine 2 px": Pen(2.0, 0.4),
    "soft 4 px": Pen(4.0, 1.4),
    "felt tip 6 px": Pen(6.0, 0.4),
    "thick 8 px": Pen(8.0, 0.5),
    "brush 7 px": Pen(7.0, 1.5),
}
PALE = Pen(2.5, 0.8)
_PALE_INK = 165


def read_strokes(folder: Path) -> list[StrokeDrawing]:
    """Read every ``<set>.ndjson.gz``: ``age_years``, ``category``, ``session_id``, ``strokes``."""
    files = sorted(folder.glob("*.ndjson.gz"))
    if not files:
        raise ConfigurationError(f"There are no strokes in {folder}; give a folder of .ndjson.gz.")
    return [drawing for file in files for drawing in _read(file)]


def draw(
    drawing: StrokeDrawing, pen: Pen = COLLECTED, side: int = SIDE, ink: int = _INK
) -> Image.Image:
    """Draw it with a round pen whose size is in pixels of a canvas of ``SIDE``: grey, on white."""
    scale, fine = side / SIDE, -(-_FINE // side)
    darkness = Image.new("L", (side * fine, side * fine))
    draw_on = ImageDraw.Draw(darkness)
    width = max(1, round(pen.width * scale * fine))
    for stroke in drawing.strokes:
        points = [(float(x), float(y)) for x, y in stroke * side * fine]
        draw_on.line(points, fill=255, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            draw_on.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    small = darkness.resize((side, side), Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(pen.softness * scale))
    return soft.point(lambda value: round(255 - value * (255 - ink) / 255))


def pale(drawing: StrokeDrawing) -> Image.Image:
    """Draw it with a hard pencil."""
    return draw(drawing, PALE, ink=_PALE_INK)


def on_paper(
    drawing: StrokeDrawing, width: int, height: int, share: float, place: tuple[float, float]
) -> Image.Image:
    """Draw it ``share`` as wide as a white sheet; ``place`` is where the spare room goes, 0–1."""
    side = round(share * min(width, height))
    sheet = Image.new("L", (width, height), 255)
    left, top = (round(p * (room - side)) for p, room in zip(place, (width, height), strict=True))
    sheet.paste(draw(drawing, side=side), (left, top))
    return sheet


def a4(drawing: StrokeDrawing, dpi: int = _DPI, share: float = 0.75) -> Image.Image:
    """A scan of an A4 sheet."""
    width, height = (round(inches * dpi) for inches in A4)
    return on_paper(drawing, width, height, share, (0.5, 0.4))


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def _toned(paper: tuple[int, int, int], drawn: Image.Image) -> Image.Image:
    return ImageChops.multiply(Image.new("RGB", drawn.size, paper), drawn.convert("RGB"))


def _transparent(drawing: StrokeDrawing) -> Image.Image:
    drawn = draw(drawing)
    layer = Image.new("RGBA", drawn.size, (0, 0, 0, 0))
    layer.putalpha(ImageChops.invert(drawn))
    return layer


SHEETS: dict[str, Sheet] = {
    "twice as wide": lambda d: on_paper(d, 600, 600, 0.5, (0.5, 0.5)),
    "four times as wide": lambda d: on_paper(d, 1200, 1200, 0.25, (0.5, 0.5)),
    "A4 at 150 dpi": a4,
    "A4 at 300 dpi": lambda d: a4(d, 300),
    "A4 at 600 dpi": lambda d: a4(d, 600),
    "strip": lambda d: on_paper(d, 1600, 400, 0.75, (0.2, 0.5)),
    "corner": lambda d: on_paper(d, 900, 900, 0.35, (0.02, 0.97)),
    "half the pixels": lambda d: draw(d, side=150),
    "five times the pixels": lambda d: draw(d, side=1500),
    "grey paper": lambda d: _toned((205, 205, 205), draw(d)),
    "coloured paper": lambda d: _toned((250, 226, 160), draw(d)),
    "light on dark": lambda d: ImageChops.invert(draw(d)),
    "transparent": _transparent,
    "JPEG 20": lambda d: _jpeg(draw(d), 20),
}


# Handwriting, a figure one high, y downwards.
_FIGURES = tuple(
    np.array(points, float)
    for points in (
        [(0, 0), (0.5, 0), (0.2, 1)],
        [(0.5, 0.1), (0.1, 0.4), (0, 0.8), (0.3, 1), (0.5, 0.7), (0.1, 0.6)],
        [(0, 0.1), (0.4, 0), (0.4, 0.4), (0.1, 0.5), (0.5, 0.6), (0.4, 1), (0, 0.9)],
        [(0.4, 0.4), (0.1, 0.5), (0, 0.2), (0.3, 0), (0.5, 0.3), (0.4, 1)],
    )
)
_OF_TEN = tuple(
    np.array(points, float)
    for points in (
        [(1.2, 0), (0.8, 1.1)],
        [(1.4, 0.2), (1.6, 0), (1.6, 1)],
        [(2.2, 0), (1.9, 0.5), (2.1, 1), (2.5, 0.6), (2.4, 0.1), (2.2, 0)],
    )
)


def _edge_strip(sheet: Image.Image, rng: Rng) -> Image.Image:
    """A dark strip along one side, as a scanner's lid leaves."""
    width = int(rng.integers(6, 24))
    return _painted(sheet, [(sheet.width - width, 0, sheet.width, sheet.height)], (20, 90), rng)


def _border(sheet: Image.Image, rng: Rng) -> Image.Image:
    """A black border all around, of uneven width."""
    w, h = sheet.size
    left, top, right, bottom = (int(v) for v in rng.integers(8, 40, 4))
    boxes = [(0, 0, left, h), (w - right, 0, w, h), (0, 0, w, top), (0, h - bottom, w, h)]
    return _painted(sheet, boxes, (5, 60), rng)


def _frame(sheet: Image.Image, rng: Rng) -> Image.Image:
    """A printed frame, as around the space to draw in on a worksheet."""
    margin, tone = int(rng.integers(20, 60)), int(rng.integers(20, 140))
    marked = sheet.copy()
    box = (margin, margin, sheet.width - margin, sheet.height - margin)
    ImageDraw.Draw(marked).rectangle(box, outline=tone, width=int(rng.integers(1, 5)))
    return ImageChops.darker(marked, sheet)


def _ruled(sheet: Image.Image, rng: Rng) -> Image.Image:
    """Lines 7–9 mm apart."""
    return _lined(sheet, rng, rng.uniform(7, 9), columns=False)


def _grid(sheet: Image.Image, rng: Rng) -> Image.Image:
    """Graph paper of 5 mm."""
    return _lined(sheet, rng, 5, columns=True)


def _fold(sheet: Image.Image, rng: Rng) -> Image.Image:
    """One fold across, dark on one side and light on the other."""
    y = round(sheet.height * rng.uniform(0.35, 0.65))
    shade = np.zeros((sheet.height, 1))
    shade[y : y + 3] = rng.uniform(40, 110)
    shade[y + 3 : y + 9] = 12
    return _shaded(sheet, shade)


def _holes(sheet: Image.Image, rng: Rng) -> Image.Image:
    """Two punched holes at the left, the dark table showing through."""
    r, x = round(3 / 25.4 * _DPI), round(12 / 25.4 * _DPI)
    marked, tone = sheet.copy(), int(rng.integers(20, 110))
    for step in (-40, 40):
        y = sheet.height // 2 + round(step / 25.4 * _DPI)
        ImageDraw.Draw(marked).ellipse((x - r, y - r, x + r, y + r), fill=tone)
    return ImageChops.darker(marked, sheet)


def _shadow(sheet: Image.Image, rng: Rng) -> Image.Image:
    """The sharp edge of a shadow, across the sheet at a slant."""
    y, x = np.mgrid[: sheet.height, : sheet.width]
    edge = rng.uniform(0.3, 0.6) * sheet.width + (y - sheet.height / 2) * rng.uniform(-0.4, 0.4)
    soft = np.clip((x - edge) / rng.uniform(3, 10), 0, 1)
    return _shaded(sheet, soft * rng.uniform(40, 90))


def _score(sheet: Image.Image, rng: Rng) -> Image.Image:
    """A teacher's mark in a corner, by hand: a figure, a slash, a ten, and a ring around them."""
    marked = sheet.copy()
    place = np.array([sheet.width - rng.uniform(110, 170), rng.uniform(25, 60)])
    lean = np.array([[1, 0], [rng.normal(0, 0.1), 1]])
    angle = np.linspace(0, 2 * np.pi + rng.uniform(0, 0.5), 40)
    ring = np.stack([1.25 + 1.6 * np.cos(angle), 0.55 + 0.95 * np.sin(angle)], -1)
    figure = _FIGURES[int(rng.integers(len(_FIGURES)))]
    for stroke in (figure, *_OF_TEN, ring):
        points = (stroke + rng.normal(0, 0.03, stroke.shape)) @ lean * rng.uniform(28, 34) + place
        line = [(float(x), float(y)) for x, y in points]
        ImageDraw.Draw(marked).line(line, 60, int(rng.integers(2, 5)), "curve")
    return ImageChops.darker(marked, sheet)


def _table(sheet: Image.Image, rng: Rng) -> Image.Image:
    """Photographed from above on a dark, grained table, a little turned."""
    room = rng.uniform(0.08, 0.3, 4) * min(sheet.size)
    size = (round(sheet.width + room[0] + room[1]), round(sheet.height + room[2] + room[3]))
    grain = np.cumsum(rng.normal(0, 1, size[1]))[:, None] * 0.3 + rng.normal(0, 4, size[::-1])
    table = Image.fromarray(np.clip(rng.uniform(25, 85) + grain, 0, 110).astype(np.uint8))
    place = (round(room[0]), round(room[2]))
    layer, mask = Image.new("L", size), Image.new("L", size)
    layer.paste(sheet, place)
    mask.paste(255, (*place, place[0] + sheet.width, place[1] + sheet.height))
    turn = rng.uniform(-2.5, 2.5)
    turned = [one.rotate(turn, Image.Resampling.BICUBIC) for one in (layer, mask)]
    table.paste(turned[0], (0, 0), turned[1])
    return table


MARKS: dict[str, Mark] = {
    "edge strip": _edge_strip,
    "border": _border,
    "frame": _frame,
    "ruled": _ruled,
    "5 mm grid": _grid,
    "fold": _fold,
    "two holes": _holes,
    "shadow edge": _shadow,
    "score in a corner": _score,
    "table": _table,
}


def filled(drawing: StrokeDrawing, pen: Pen, side: int, rng: Rng) -> Image.Image:
    """Draw it and fill some of what its lines enclose, as crayon or felt tip does: grey."""
    drawn = draw(drawing, pen, side)
    enclosed, count = ndimage.label(np.asarray(drawn) > _BARE)
    outside = {int(n) for edge in (0, -1) for n in (*enclosed[edge], *enclosed[:, edge])}
    for number in range(1, count + 1):
        region = enclosed == number
        if number in outside or region.sum() < _LEAST_FILL * side**2 or rng.random() < 0.4:
            continue
        crayon = _crayon(side, rng) if rng.random() < 0.6 else Image.new("L", drawn.size, 255)
        tone = int(rng.integers(90, 215))
        layer = crayon.point(lambda value, tone=tone: 255 - value * (255 - tone) // 255)
        reach = ndimage.binary_dilation(region, iterations=max(1, side // 150))
        drawn = Image.composite(ImageChops.darker(drawn, layer), drawn, Image.fromarray(reach))
    return drawn


def photographed(drawing: StrokeDrawing, rng: Rng) -> Image.Image:
    """A phone's photo of it on paper: any pen, filled or not, ruled or shadowed or neither."""
    pen, side = Pen(rng.uniform(2.5, 7), rng.uniform(0.4, 1.2)), int(rng.integers(500, 900))
    width, height = (round(inches * _DPI) for inches in A4)
    sheet = Image.new("L", (width, height), 255)
    drawn = filled(drawing, pen, side, rng) if rng.random() < 0.5 else draw(drawing, pen, side)
    place = rng.uniform(0.2, 0.8, 2) * (width - side, height - side)
    sheet.paste(drawn, (int(place[0]), int(place[1])))
    mark = (_ruled, _shadow, None, None)[int(rng.integers(4))]
    return phone_photo(mark(sheet, rng) if mark else sheet, rng)


def _crayon(side: int, rng: Rng) -> Image.Image:
    """Slanting strokes beside each other, light where they leave the paper bare."""
    layer = Image.new("L", (side, side))
    pen, step, lean = ImageDraw.Draw(layer), rng.uniform(0.012, 0.03) * side, rng.uniform(-1, 1)
    for start in np.arange(-side, 2 * side, step):
        x, width = start + rng.normal(0, 0.15 * step), max(1, round(step * rng.uniform(0.6, 1.1)))
        pen.line((x, 0, x + lean * side, side), fill=int(rng.integers(150, 256)), width=width)
    return layer


def scribbled_over(drawing: StrokeDrawing, rng: Rng) -> StrokeDrawing:
    """One to three smoothed random walks over it, by the same pen."""
    walks = [scribble(rng) for _ in range(int(rng.integers(1, 4)))]
    return replace(drawing, strokes=(*drawing.strokes, *walks))


def _painted(
    sheet: Image.Image,
    boxes: list[tuple[int, int, int, int]],
    tones: tuple[int, int],
    rng: Rng,
) -> Image.Image:
    marked = sheet.copy()
    for left, top, right, bottom in boxes:
        noise = rng.integers(*tones, (bottom - top, right - left)).astype(np.uint8)
        marked.paste(Image.fromarray(noise), (left, top))
    return marked


def _lined(sheet: Image.Image, rng: Rng, millimetres: float, *, columns: bool) -> Image.Image:
    step, tone = millimetres / 25.4 * _DPI, int(rng.integers(120, 210))
    marked = sheet.copy()
    pen, start = ImageDraw.Draw(marked), rng.uniform(0, step)
    for y in np.arange(start, sheet.height, step):
        pen.line((0, round(y), sheet.width, round(y)), fill=tone, width=2)
    for x in np.arange(start, sheet.width, step) if columns else ():
        pen.line((round(x), 0, round(x), sheet.height), fill=tone, width=2)
    return ImageChops.darker(marked, sheet)


def _shaded(sheet: Image.Image, darkness: NDArray[np.float64]) -> Image.Image:
    """Take ``darkness`` (h, w or 1), in grey levels of white paper, from the light."""
    lit = np.asarray(sheet, np.float64) * (1 - darkness / 255)
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def _read(file: Path) -> Iterator[StrokeDrawing]:
    collection = file.name.removesuffix(".ndjson.gz")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            strokes = tuple(np.array(stroke, float) for stroke in row["strokes"] if len(stroke) > 1)
            if strokes:
                child = f"{collection}/{row['session_id']}"
                yield StrokeDrawing(
                    collection, child, float(row["age_years"]), row["category"], strokes
                )


def half_of(drawing: StrokeDrawing, rng: Rng) -> StrokeDrawing:
    """Without what lies in one half of the box that its strokes fill."""
    everything = np.concatenate(drawing.strokes)
    axis, upper = int(rng.integers(2)), bool(rng.integers(2))
    middle = (everything[:, axis].min() + everything[:, axis].max()) / 2
    kept = [_runs(stroke, (stroke[:, axis] < middle) ^ upper) for stroke in drawing.strokes]
    return replace(drawing, strokes=tuple(run for runs in kept for run in runs))


def intruder(guest: StrokeDrawing, host: StrokeDrawing, rng: Rng) -> StrokeDrawing:
    """The guest 28–42 % as wide as the canvas, somewhere over the host."""
    points = np.concatenate(guest.strokes)
    low, size = points.min(0), max(float(np.ptp(points, axis=0).max()), 1e-3)
    side = rng.uniform(0.28, 0.42)
    box = np.concatenate(host.strokes)
    centre = rng.uniform(box.min(0), box.max(0))
    start = np.clip(centre - side / 2, 0, 1 - side)
    moved = tuple((stroke - low) / size * side + start for stroke in guest.strokes)
    return replace(guest, strokes=moved)


def _runs(stroke: Points, kept: NDArray[np.bool_]) -> list[Points]:
    """The pieces of a stroke whose points are all kept."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kept.astype(int), [0]])))
    pieces = [stroke[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [piece for piece in pieces if len(piece) > 1]
