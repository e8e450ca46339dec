"""Paper with marks of its own, and how scanners and phones see what is on it.

Light is (h, w) or (h, w, 1 or 3) in 0–255. What the tracer learns from and the gate is fitted on is
put on these sheets; by those of ``sheets`` they are judged.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

_MARKED = 0.2  # of the sheets have each kind of mark

Rng = np.random.Generator
Grey = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
Mark = Callable[[Grey, Rng], Grey]


def paper(shape: tuple[int, ...], rng: Rng) -> Grey:
    """The light of bare paper, (h, w) in 0–255: toned, unevenly lit, grained."""
    tone = np.full(shape, 255.0 if rng.random() < 0.35 else rng.uniform(140, 255))
    if rng.random() < 0.4:
        y, x = np.mgrid[: shape[0], : shape[1]]
        far = np.hypot(x / shape[1] - rng.random(), y / shape[0] - rng.random())
        tone = tone * (1 - rng.uniform(0, 0.45) * far / far.max())
    if rng.random() < 0.4:
        tone = tone + rng.uniform(1, 5) * smooth(shape, rng.uniform(0.3, 3), rng)
    return tone


def smooth(shape: tuple[int, ...], reach: float, rng: Rng) -> Grey:
    """Noise without trend, smooth over ``reach`` px, of unit spread."""
    step = max(1, int(reach / 2))
    small = rng.normal(size=(shape[0] // step + 3, shape[1] // step + 3))
    small = ndimage.gaussian_filter(small, reach / step)
    grey = Image.fromarray((small / (small.std() + 1e-6)).astype(np.float32))
    if step == 1:
        return np.asarray(grey)[: shape[0], : shape[1]]
    return np.asarray(grey.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def marked_paper(shape: tuple[int, ...], rng: Rng) -> Grey:
    """The same with none, some or all kinds of marks."""
    tone = paper(shape, rng)
    for mark in _MARKS:
        if rng.random() < _MARKED:
            tone = mark(tone, rng)
    return tone


def bare_sheet(rng: Rng) -> Image.Image:
    """A sheet with marks of its own and no drawing on it."""
    shape = tuple(int(side) for side in np.exp(rng.uniform(np.log(250), np.log(900), 2)))
    sheet = _MARKS[int(rng.integers(len(_MARKS)))](marked_paper(shape, rng), rng)
    return seen_by_camera(sheet[..., None], rng)


def seen_by_camera(light: Grey, rng: Rng) -> Image.Image:
    """The light of a sheet (h, w, 1 or 3), blurred, noisy, compressed, sometimes its negative."""
    light = 255 - light if rng.random() < 0.12 else light
    if rng.random() < 0.5:
        reach = rng.uniform(0, 1.2) * max(light.shape) / 300
        light = ndimage.gaussian_filter(light, (reach, reach, 0))
    if rng.random() < 0.4:
        light = light + rng.normal(0, rng.uniform(0.5, 5), (*light.shape[:2], 1))
    pixels = np.clip(light, 0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels.squeeze()).convert("RGB")
    if rng.random() < 0.3:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=int(rng.integers(18, 92)))
        picture = Image.open(buffer).convert("RGB")
    return picture


def _ruling(tone: Grey, rng: Rng) -> Grey:
    """Straight lines at equal steps, one way or both, nearly level."""
    y, x = np.mgrid[: tone.shape[0], : tone.shape[1]]
    longer = max(tone.shape)
    step = np.exp(rng.uniform(np.log(0.012), np.log(0.2))) * longer
    width = rng.uniform(0.8, 1 + 0.006 * longer)
    slope, start = rng.normal(0, rng.choice((0.006, 0.1))), rng.uniform(0, step)
    strength = rng.uniform(0.08, 0.6)
    both = rng.random()
    for along, across in ((x, y), (y, -x)):
        if both < 0.35 or (both < 0.9) == (across is y):
            off = np.abs((across + slope * along + start) % step - step / 2)
            tone = tone * (1 - strength * np.clip(width / 2 + 0.5 - off, 0, 1))
    return tone


def _single_line(tone: Grey, rng: Rng) -> Grey:
    """A fold or a printed line at any angle near the level or the upright."""
    y, x = np.mgrid[: tone.shape[0], : tone.shape[1]]
    if rng.random() < 0.5:
        y, x = x, y
    off = y - rng.uniform(0, y.max()) + (x - x.max() / 2) * rng.normal(0, 0.02)
    width = rng.uniform(0.8, 5)
    dark = np.clip(width / 2 + 0.5 - np.abs(off), 0, 1) * rng.uniform(0.05, 0.7)
    side = np.clip(off / rng.uniform(2, 20), 0, 1) * rng.uniform(0, 0.12)
    return np.asarray(tone * (1 - dark) * (1 - side))


def _border(tone: Grey, rng: Rng) -> Grey:
    """Dark along some of the sides, or a printed rectangle just inside of them."""
    height, width = tone.shape
    mask, pen_tone = Image.new("L", (width, height)), int(rng.uniform(60, 255))
    pen, longer = ImageDraw.Draw(mask), max(tone.shape)
    depth = [int(v) for v in rng.uniform(0.002, 0.03, 4) * longer]
    if rng.random() < 0.5:
        box = (depth[0], depth[1], width - depth[2], height - depth[3])
        pen.rectangle(box, outline=pen_tone, width=int(rng.integers(1, 6)))
    else:
        sides = (
            (0, 0, depth[0], height),
            (0, 0, width, depth[1]),
            (width - depth[2], 0, width, height),
            (0, height - depth[3], width, height),
        )
        for side in sides:
            if rng.random() < 0.5:
                pen.rectangle(side, fill=pen_tone)
    return np.asarray(tone * (1 - np.asarray(mask) / 255))


def _shadow(tone: Grey, rng: Rng) -> Grey:
    """The edge of a shadow, sharp or soft, at any angle."""
    y, x = np.mgrid[: tone.shape[0], : tone.shape[1]]
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    edge = rng.uniform(np.quantile(along, 0.1), np.quantile(along, 0.9))
    bent = rng.uniform(0, 0.03) * max(tone.shape) * smooth(tone.shape, 0.2 * max(tone.shape), rng)
    depth = np.clip((along - edge + bent) / rng.uniform(1, 30), 0, 1)
    return np.asarray(tone * (1 - rng.uniform(0.1, 0.45) * depth))


def _spots(tone: Grey, rng: Rng) -> Grey:
    """Holes and stains: dark or darker discs."""
    mask = Image.new("L", (tone.shape[1], tone.shape[0]))
    pen = ImageDraw.Draw(mask)
    for _ in range(int(rng.integers(1, 5))):
        r = rng.uniform(0.003, 0.02) * max(tone.shape)
        x, y = rng.uniform(0, tone.shape[1]), rng.uniform(0, tone.shape[0])
        pen.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.uniform(10, 230)))
    return np.asarray(tone * (1 - np.asarray(mask) / 255))


_MARKS: tuple[Mark, ...] = (_ruling, _single_line, _border, _shadow, _spots)
