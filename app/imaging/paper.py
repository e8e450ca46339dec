"""Photo or scan -> the drawing's part of it -> ink: how much darker than its paper each pixel is.

The drawing is looked for on the whole picture and read again from the original pixels around it, so
that neither the rest of the sheet nor the picture's size matters.

The paper is estimated locally (the lightest tone in a neighbourhood, smoothed), so that shadows
and falloff of light vanish; the smallest ratio over the colour channels is kept, so that coloured
pens count as ink; the result is scaled by its own percentiles.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageOps

from app.errors import UnreadableDrawing
from app.imaging.clutter import (
    TABLE,
    Cleaned,
    glance,
    grown,
    labelled,
    quantile,
    rim_of,
    wide_parts,
    without_clutter,
    without_table,
)

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
Box = tuple[int, int, int, int]  # left, top, right and bottom, in px

WORKING_SIDE = 384  # px, the longest side that ink is looked for at
SHADOWS = "shadows"
OVERVIEW = (
    "inked_share", "inked_rim", "rough_share", "paper_spread", "paper_colour", "ink_tones",
    "ink_colours",
)  # fmt: skip
_RIM = 0.03  # of the shorter side
_BARE = 0.06  # darker than the paper around it by more: not bare
INK = 0.35  # a pixel from here on counts as ink
SURROUNDINGS = 0.2  # the same, for what is read again from the original
SPECK_SHARE = 0.02  # of the sheet's longer side: what is smaller is dirt
LEAST_SIDE = 32  # px of the original: of smaller drawings too little can be seen
_DARK_SHEET = 110  # a sheet that is darker but for the strokes is a blackboard
_STROKE = 4  # px seen from afar: half of what no stroke is as wide as
_PAPER_SHARE = 0.1  # of the picture: light areas of more are paper
_PAPER_STEPS = (1, 2, 4)  # px at a quarter of the working size; together they reach
_PAPER_RADIUS = sum(_PAPER_STEPS)  # so far that fills any wider turn into paper
_LIT_RADIUS = 3  # px at a quarter of the working size: a shadow's edge is sharper
_SHADOW = 0.06  # of the paper's light: shallower shadows do no harm
_DARKEST_SHADOW = 0.5  # of the paper's light; what is darker is filled
_COLOURED = 0.12  # of the paper's light, between its colours
_PENUMBRA = 6  # px around a shadow's edge; strokes are no wider, so it goes on beyond them
_LEVELS = 4096  # to which a unit of darkness is rounded for its quantiles
_FAINTEST = 0.06  # less contrast than this is no ink
_SPECK = 9  # px at the working size


@dataclass(frozen=True)
class Sheet:
    """A picture at working size, and its ink.

    ``tone`` is (h, w, 3) in 0–1, ``paper`` the local paper estimate of the same shape, ``ink``
    (h, w) in 0–1; ``scale`` is working pixels per original pixel. ``left`` and ``top`` are where it
    begins in the original, in the original's pixels. ``clutter`` (h, w) is where something that
    is no part of the drawing was taken off, and ``notes`` name it; ``several``: there seems to be
    more than one drawing; ``dark``: its strokes are lighter than it. ``overview`` has one value for
    each name in ``OVERVIEW``: what the whole picture is like, whatever part of it is the drawing.
    """

    tone: FloatArray
    paper: FloatArray
    ink: FloatArray
    scale: float
    left: int = 0
    top: int = 0
    clutter: BoolArray | None = None
    notes: tuple[str, ...] = ()
    several: bool = False
    dark: bool = False
    overview: FloatArray = field(default_factory=lambda: np.zeros(len(OVERVIEW), np.float32))

    @property
    def marked(self) -> BoolArray:
        """Where there is ink."""
        return self.ink >= INK


@dataclass(frozen=True)
class _Ground:
    """Dark strokes on light paper; ``notes`` name what was taken away, ``dark``: a negative."""

    picture: Image.Image
    notes: tuple[str, ...] = ()
    dark: bool = False


@dataclass(frozen=True)
class _Light:
    """What is measured of a picture at working size, before its ink is scaled.

    ``tone`` and ``paper`` are (1 or 3, h, w), ``darkness`` is (h, w); see ``Sheet``.
    """

    tone: FloatArray
    paper: FloatArray
    darkness: FloatArray
    scale: float
    notes: tuple[str, ...]

    def within(self, box: Box) -> "_Light":
        """A part of it, for a picture that was not reduced."""
        part = _part(box)
        return replace(
            self, tone=self.tone[part], paper=self.paper[part], darkness=self.darkness[part]
        )

    def sheet(self) -> Sheet:
        """The sheet and its ink."""
        cleaned = self._cleaned(self.darkness)
        if cleaned.clutter.any():  # it may be far darker than the strokes, and ink is relative
            again = self._cleaned(np.where(cleaned.clutter, 0, self.darkness))
            cleaned = replace(
                again, clutter=cleaned.clutter | again.clutter, notes=cleaned.notes + again.notes
            )
        return self._sheet(cleaned)

    def scaled_anew(self, whole: Sheet, box: Box) -> Sheet:
        """A part of a sheet without clutter: its ink is relative to its own darkest strokes."""
        near = self.within(box)
        ink = np.where(whole.ink[_part(box)] > 0, _scaled(near.darkness), np.float32(0))
        return near._sheet(Cleaned(ink, np.zeros(ink.shape, bool), (), whole.several))

    def _cleaned(self, darkness: FloatArray) -> Cleaned:
        speck = _SPECK * (max(darkness.shape) / WORKING_SIDE) ** 2
        return without_clutter(_scaled(darkness), INK, speck)

    def _sheet(self, cleaned: Cleaned) -> Sheet:
        return Sheet(
            _as_rgb(self.tone), _as_rgb(self.paper), cleaned.ink, self.scale,
            clutter=cleaned.clutter, notes=tuple(dict.fromkeys((*self.notes, *cleaned.notes))),
            several=cleaned.several,
        )  # fmt: skip

    def overview(self, marked: BoolArray) -> FloatArray:
        """Measure what ``OVERVIEW`` names.

        Photographs have ink up to every side, little bare paper and many colours.
        """
        rim, smooth = max(1, round(_RIM * min(marked.shape))), self.paper[:, ::4, ::4]
        inner, inked = marked[rim:-rim, rim:-rim], np.flatnonzero(marked)
        tone, paper = (
            planes.reshape(len(planes), -1)[:, inked] for planes in (self.tone, self.paper)
        )
        light, ink = tone / np.maximum(paper, np.float32(0.05)), len(inked)
        return np.array(
            [
                ink / marked.size,
                (ink - np.count_nonzero(inner)) / (marked.size - inner.size),
                np.count_nonzero(self.darkness > _BARE) / marked.size,
                smooth.std(axis=(1, 2)).mean(),
                np.ptp(smooth.mean(axis=(1, 2))),
                light.std(axis=1).mean() if ink else 0,
                np.ptp(light, axis=0).std() if ink else 0,
            ],
            np.float32,
        )


def find_drawing(picture: Image.Image, least: int = LEAST_SIDE) -> Sheet:
    """Find the drawing on an upright RGB picture, and its ink.

    Raise ``UnreadableDrawing`` if the drawing has fewer than ``least`` pixels from end to end.
    """
    ground = _ground(picture)
    light = _measure(ground.picture)
    whole = light.sheet()
    box = _surroundings(whole, picture.size, least)
    if box is None:
        notes = (*ground.notes, *whole.notes)
        return replace(whole, ink=np.zeros_like(whole.ink), dark=ground.dark, notes=notes)
    part = _closer(whole, light, ground.picture, box)
    return replace(
        part, left=box[0], top=box[1], several=whole.several, dark=ground.dark,
        notes=tuple(dict.fromkeys((*ground.notes, *whole.notes, *part.notes))),
        overview=light.overview(whole.marked),
    )  # fmt: skip


def _ground(picture: Image.Image) -> _Ground:
    afar = glance(picture)
    if _is_dark_sheet(afar):
        return _Ground(ImageOps.invert(picture), dark=True)
    paper = without_table(picture, afar)
    return _Ground(picture) if paper is None else _Ground(paper, (TABLE,))


def _is_dark_sheet(afar: Image.Image) -> bool:
    """Whether all but the strokes is dark; paper on a dark table is light over a wide area."""
    light = np.asarray(afar.convert("L")) > _DARK_SHEET
    return bool(2 * light.sum() < light.size and wide_parts(light, _STROKE).mean() < _PAPER_SHARE)


def _closer(whole: Sheet, light: _Light, picture: Image.Image, box: Box) -> Sheet:
    """A part of the sheet, looked at again where there is more to see."""
    if box == (0, 0, *picture.size):
        return whole
    if light.scale < 1:
        return _measure(picture.crop(box)).sheet()
    return light.within(box).sheet() if whole.notes else light.scaled_anew(whole, box)


def _part(box: Box) -> tuple[Any, ...]:
    """What chooses it from planes (…, h, w)."""
    left, top, right, bottom = box
    return np.s_[..., top:bottom, left:right]


def find_ink(picture: Image.Image) -> Sheet:
    """Find the ink on all of an upright RGB picture."""
    return _measure(picture).sheet()


def _measure(picture: Image.Image) -> _Light:
    working = _at_working_size(picture)
    channels = _channels(working)
    tone = np.stack([_in_unit_range(channel) for channel in channels])
    lightest = [_lightest(channel) for channel in channels]
    paper = np.stack([_smooth(around, _PAPER_RADIUS, working.size) for around in lightest])
    darkness = _darkness(tone, paper)
    notes: tuple[str, ...] = ()
    lit = [_lit(around) for around in lightest]
    if any((a - b).max() > _SHADOW * 255 for a, b in zip(lightest, lit, strict=True)):
        under = np.stack([_smooth(light, _LIT_RADIUS, working.size) for light in lit])
        wide = _wide(darkness)
        grey = _greyness(tone, paper) & (wide < _DARKEST_SHADOW)
        shadows = _beside_shadows((darkness - _darkness(tone, under) > _SHADOW) & grey)
        if shadows.any():
            paper, notes = np.where(shadows, under, paper), (SHADOWS,)
            darkness = np.where(shadows, darkness - wide, darkness)
    return _Light(tone, paper, darkness, max(working.size) / max(picture.size), notes)


def pen_width(marked: BoolArray) -> float:
    """Twice the area over the length of the outline, in pixels."""
    inner = marked[1:-1, 1:-1] & marked[:-2, 1:-1] & marked[2:, 1:-1]
    inner &= marked[1:-1, :-2] & marked[1:-1, 2:]
    area = float(np.count_nonzero(marked))
    return 2 * area / max(1.0, area - np.count_nonzero(inner))


def _surroundings(sheet: Sheet, size: tuple[int, int], least: int) -> Box | None:
    """The ink's box and a margin around it, in original pixels; ``None`` if there is no drawing."""
    marked = sheet.marked
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):
        return None
    left, right = columns[0] / sheet.scale, (columns[-1] + 1) / sheet.scale
    top, bottom = rows[0] / sheet.scale, (rows[-1] + 1) / sheet.scale
    longer = max(right - left, bottom - top)
    if longer < max(SPECK_SHARE * max(size), least / 2):
        return None
    if longer < least:
        raise UnreadableDrawing(
            f"The drawing is only {longer:.0f} pixels in size; send a picture that it fills, with "
            f"at least {least} pixels from one end to the other."
        )
    margin = SURROUNDINGS * longer
    width, height = size
    return (
        max(0, int(left - margin)), max(0, int(top - margin)),
        min(width, round(right + margin)), min(height, round(bottom + margin)),
    )  # fmt: skip


def _at_working_size(picture: Image.Image) -> Image.Image:
    shrink = WORKING_SIDE / max(picture.size)
    if shrink >= 1:
        return picture
    size = max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _channels(working: Image.Image) -> list[Image.Image]:
    """Red, green and blue; only one of them if they are the same, as on line art and scans."""
    red, green, blue = working.split()
    coloured = any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    return [red, green, blue] if coloured else [red]


def _in_unit_range(channel: Image.Image) -> FloatArray:
    return np.asarray(channel) / np.float32(255)


def _as_rgb(planes: FloatArray) -> FloatArray:
    """(1 or 3, h, w) seen as (h, w, 3), without a copy: read-only."""
    return np.broadcast_to(np.moveaxis(planes, 0, -1), (*planes.shape[1:], 3))


def _lightest(channel: Image.Image) -> NDArray[np.uint8]:
    """The lightest tone around each pixel, at a quarter of the size."""
    quarter = max(1, channel.width // 4), max(1, channel.height // 4)
    small = np.asarray(channel.resize(quarter, Image.Resampling.BOX))
    return _lightest_around(_lightest_around(small).T).T


def _lit(lightest: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same as far as its own light reaches: the step at a shadow's edge stays where it is."""
    return 255 - _lightest_around(_lightest_around(255 - lightest).T).T


def _smooth(values: NDArray[np.uint8], radius: int, size: tuple[int, int]) -> FloatArray:
    smooth = Image.fromarray(np.ascontiguousarray(values)).filter(ImageFilter.BoxBlur(radius))
    return _in_unit_range(smooth.resize(size, Image.Resampling.BILINEAR))


def _darkness(tone: FloatArray, paper: FloatArray) -> FloatArray:
    """How much darker than the paper each pixel is, (h, w), by its darkest channel."""
    return np.asarray(1 - (tone / np.maximum(paper, np.float32(0.05))).min(axis=0))


def _greyness(tone: FloatArray, paper: FloatArray) -> BoolArray:
    """Where all colours are darkened alike, as in a shadow and not under a crayon, (h, w)."""
    light = tone / np.maximum(paper, np.float32(0.05))
    return np.asarray(np.ptp(light, axis=0) < _COLOURED)


def _beside_shadows(darker: BoolArray) -> BoolArray:
    """Where the paper is darker than around it because it lies in a shadow, (h, w).

    ``darker`` is where it is so against the paper around, but not against that under its own light.
    An edge that runs out of the picture is a shadow's; one that is closed is that of a filled area.
    """
    labels, count = labelled(grown(darker, _PENUMBRA))
    leaves = np.bincount(rim_of(labels), minlength=count + 1) > 0
    leaves[0] = False
    return np.asarray(leaves[labels])


def _wide(darkness: FloatArray) -> FloatArray:
    """What is darker over a width that no stroke has: a morphological opening, (h, w)."""
    light = 255 - (np.clip(darkness, 0, 1) * 255).astype(np.uint8)
    return _in_unit_range(
        Image.fromarray(255 - _lit(_lightest_around(_lightest_around(light).T).T))
    )


def _lightest_around(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Maximum within ``_PAPER_RADIUS`` up and down, its reach doubled at every step."""
    for step in _PAPER_STEPS:
        before, values = values, values.copy()
        np.maximum(values[step:], before[:-step], out=values[step:])
        np.maximum(values[:-step], before[step:], out=values[:-step])
    return values


def _scaled(darkness: FloatArray) -> FloatArray:
    """0 at the paper's own noise, 1 at the darkest strokes of this very drawing."""
    levels = _levels(darkness)
    middle = quantile(levels, 0.5)
    from_middle = np.abs(np.arange(len(levels)) - middle)
    noise = 1.4826 * quantile(np.bincount(from_middle, levels), 0.5) / _LEVELS
    floor = min(middle / _LEVELS - 1 + 3 * noise + 0.02, 0.3)
    ceiling = quantile(levels, 0.997) / _LEVELS - 1
    if ceiling - floor < _FAINTEST:
        ceiling = float(darkness.max())
    if ceiling - floor < _FAINTEST:
        return np.zeros_like(darkness)
    ink = (darkness - floor) / (ceiling - floor)
    return np.asarray(np.clip(ink, 0, 1, out=ink))


def _levels(darkness: FloatArray) -> NDArray[np.intp]:
    """How often each level occurs: the first stands for -1 or less, the last for 1."""
    level = np.maximum(darkness, -1)
    level *= _LEVELS
    level += _LEVELS + 0.5
    return np.bincount(level.astype(np.int16).ravel(), minlength=2 * _LEVELS + 1)
