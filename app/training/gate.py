"""Fit the gate and the domain guard, on real drawings and on made pictures.

Pictures are made of what is no drawing, and of drawings as a phone would see them.
"""

import io
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from app.imaging.marks import PICTURE_MEASURES
from app.scoring.assess import READING
from app.scoring.norms import LIMIT_SHARE, LIMIT_SLACK, DomainGuard, FloatArray, Gate, products
from app.training.media import bare_sheet

REFUSED_DRAWINGS = 0.003  # share of the norms' own drawings that may be refused
REFUSED_OTHERS = 0.01  # and of other drawings: doodles, photographs of drawings
REFUSED_UNKNOWN = 0.02  # of these, if the picture is of a kind the norms do not know
READ_SHARE = 0.9  # of simulated pictures that can be read well enough
_FOLDS = 5
_TRUST_MEASURES, _TRUST_PAIRS = 3, 1.5  # they are few, and would drown among the drawing's features
BoolArray = NDArray[np.bool_]
DOMAIN = "finger-on-tablet line drawings"


@dataclass(frozen=True, eq=False)
class GateExamples:
    """What the gate sees, (n, g) each, of drawings and of ``others``, which are none.

    ``own`` are the references, ``photographed`` some of them as a phone would see them,
    ``simulated`` doodles by other media on other sheets, ``unaged`` real drawings by set, and
    ``photographs`` windows of real ones, by photograph; ``looked_at`` is how many there were of
    these and of each set, with those that no strokes were found on.
    """

    own: FloatArray
    photographed: FloatArray
    simulated: FloatArray
    unaged: dict[str, FloatArray]
    others: FloatArray
    photographs: dict[str, FloatArray]
    looked_at: dict[str, int]

    def gate(self, seed: int, known: BoolArray | None = None) -> Gate:
        """Fit the gate on all, or on the ``known`` references (n,) and all else."""
        own = self.own if known is None else self.own[known]
        others = np.concatenate([self.others, *self.photographs.values()])
        return fit_gate(own, self._judged, self.simulated, others, seed)

    def guard(self, known: BoolArray | None = None) -> DomainGuard:
        """Fit the guard on the same references."""
        own = self.own if known is None else self.own[known]
        return fit_guard(
            picture_of(np.concatenate([own, self.photographed])), picture_of(self.simulated)
        )

    @property
    def _judged(self) -> FloatArray:
        return np.concatenate([self.photographed, *self.unaged.values()])


def fit_gate(
    own: FloatArray, judged: FloatArray, drawn: FloatArray, others: FloatArray, seed: int
) -> Gate:
    """Fit on what is a drawing (n, g), the first three, and on what is not.

    The threshold is set on the norms' ``own`` drawings and on the ``judged`` ones, each seen by a
    gate that was fitted without it.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x = np.concatenate([own, judged, drawn, others])
    truth = np.arange(len(x)) >= len(x) - len(others)
    centre, scale = x.mean(0), x.std(0) + 1e-3
    z = np.clip((x - centre) / scale, -6, 6)
    measures = len(PICTURE_MEASURES)
    z = np.concatenate([z, products(z[:, -measures:])], axis=1)
    trust = np.ones(z.shape[1])
    trust[x.shape[1] - measures :] = _TRUST_MEASURES
    trust[x.shape[1] :] = _TRUST_PAIRS
    z *= trust
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    splits = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    unseen = cross_val_predict(model, z, truth, cv=splits, method="decision_function")
    of_own, of_judged = unseen[: len(own)], unseen[len(own) : len(own) + len(judged)]
    threshold = max(
        float(np.quantile(of_own, 1 - REFUSED_DRAWINGS)),
        float(np.quantile(of_judged, 1 - REFUSED_OTHERS)),
    )
    unknown = float(np.quantile(of_judged, 1 - REFUSED_UNKNOWN))
    model.fit(z, truth)
    return Gate(
        centre,
        scale,
        np.asarray(model.coef_[0] * trust, np.float32)[: x.shape[1]],
        np.asarray(model.coef_[0] * trust, np.float32)[x.shape[1] :],
        float(model.intercept_[0]),
        threshold,
        min(threshold, unknown),
    )


def picture_of(gate: FloatArray) -> FloatArray:
    """Undo what ``gate_features`` does to the measures of pictures, (n, m)."""
    return np.asarray(np.exp(gate[:, -len(PICTURE_MEASURES) :]) - 0.01)


def fit_guard(pictures: FloatArray, simulated: FloatArray) -> DomainGuard:
    """Set each limit above nearly all of the pictures (n, m), and most of the ``simulated`` ones.

    Some of the latter nobody could read.
    """
    limits = np.quantile(pictures[:, -READING:], LIMIT_SHARE, axis=0) * LIMIT_SLACK
    if len(simulated):
        read = np.quantile(simulated[:, -READING:], READ_SHARE, axis=0)
        limits = np.maximum(limits, read)
    return DomainGuard(DOMAIN, limits.astype(np.float32))


SIDE = 300  # px
Rng = np.random.Generator
Grey = NDArray[np.floating]


def blank(rng: Rng) -> Image.Image:
    """Paper of tone 235–255 with a little noise, sometimes unevenly lit."""
    tone = rng.uniform(235, 255) - _falloff(rng) * rng.uniform(0, 25)
    return _picture(tone + rng.normal(0, rng.uniform(0.3, 3), (SIDE, SIDE)))


def printed_text(rng: Rng) -> Image.Image:
    """Lines of words in one size, from footnote to headline."""
    size = int(rng.integers(9, 46))
    font = ImageFont.load_default(size)
    sheet = Image.new("L", (SIDE, SIDE), int(rng.integers(235, 256)))
    draw = ImageDraw.Draw(sheet)
    tone = int(rng.integers(0, 90))
    for y in range(int(rng.integers(4, 20)), SIDE, int(size * rng.uniform(1.2, 1.7))):
        draw.text((int(rng.integers(2, 20)), y), _words(rng, SIDE // max(4, size // 2)), tone, font)
    return _seen(sheet, rng)


def texture(rng: Rng) -> Image.Image:
    """Noise of several scales with random strengths."""
    return _picture(_stretched(_noise(rng, rng.uniform(0.2, 2.2)), rng))


def photo_like(rng: Rng) -> Image.Image:
    """Shaded, textured, coloured shapes overlapping on a shaded ground."""
    ground = np.stack([_stretched(_noise(rng, rng.uniform(1.2, 2.4)), rng) for _ in range(3)], -1)
    shared = _stretched(_noise(rng, rng.uniform(1.2, 2.4)), rng)[..., None]
    mixture = rng.uniform(0.5, 0.95)
    canvas = Image.fromarray(_bytes(mixture * shared + (1 - mixture) * ground))
    for _ in range(int(rng.integers(0, 14))):
        canvas.paste(_surface(rng), mask=_shape(rng))
    return canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))


def note(rng: Rng) -> Image.Image:
    """A mark, a date or a word as teachers write them, ringed or not, on bare paper."""
    width, height = (int(side) for side in rng.uniform(250, 900, 2))
    sheet = Image.new("L", (width, height), int(rng.integers(235, 256)))
    size = int(rng.uniform(0.03, 0.25) * min(width, height)) + 9
    font, words = ImageFont.load_default(size), _note(rng)
    left, top, right, bottom = font.getbbox(words)
    layer = Image.new("L", (int(right - left) + 3 * size, int(bottom - top) + 2 * size))
    draw, pen = ImageDraw.Draw(layer), max(1, int(size * rng.uniform(0.03, 0.14)))
    draw.text((1.5 * size - left, size - top), words, 255, font, stroke_width=int(rng.integers(3)))
    if rng.random() < 0.5:
        room = rng.uniform(0.2, 0.9) * size
        box = (1.5 * size - room, size - room)
        draw.ellipse((*box, layer.width - box[0], layer.height - box[1]), outline=255, width=pen)
    layer = layer.rotate(rng.normal(0, 8), Image.Resampling.BILINEAR)
    place = (int(rng.uniform(0, max(1, width - layer.width))), int(rng.uniform(0, height / 2)))
    sheet.paste(int(rng.integers(0, 140)), place, layer)
    return _seen(sheet, rng)


NOT_DRAWINGS: dict[str, Callable[[Rng], Image.Image]] = {
    "blank": blank,
    "text": printed_text,
    "texture": texture,
    "photo": photo_like,
    "note": note,
    "bare sheet": bare_sheet,
}


def photograph_windows(each: int, seed: int) -> dict[str, list[Image.Image]]:
    """``each`` windows of the two photographs that come with scikit-learn."""
    from sklearn.datasets import load_sample_images

    rng, sample = np.random.default_rng(seed), load_sample_images()
    return {
        Path(name).name: [_window(Image.fromarray(values), rng) for _ in range(each)]
        for name, values in zip(sample.filenames, sample.images, strict=True)
    }


def _window(photograph: Image.Image, rng: Rng) -> Image.Image:
    side = int(rng.integers(150, min(photograph.size)))
    x = int(rng.integers(photograph.width - side + 1))
    y = int(rng.integers(photograph.height - side + 1))
    return photograph.crop((x, y, x + side, y + side))


def not_drawings(each: int, seed: int) -> Iterator[Image.Image]:
    """Yield ``each`` pictures of every kind."""
    rng = np.random.default_rng(seed)
    for _ in range(each):
        for make in NOT_DRAWINGS.values():
            yield make(rng)


def phone_photo(drawing: Image.Image, rng: Rng) -> Image.Image:
    """Show a grey drawing on toned paper: grain, coloured ink, falloff, perspective, blur, JPEG."""
    size = drawing.size
    ink = 1 - np.asarray(_tilted(drawing, rng), np.float32)[..., None] / 255
    ink *= rng.uniform(0.75, 1, ink.shape)
    paper, pen = rng.uniform(150, 245, 3), rng.uniform(0, 110, 3)
    paper = 0.8 * paper.mean() + 0.2 * paper
    light = (
        1
        - rng.uniform(0, 0.45)
        * np.asarray(_picture(255 * _falloff(rng)).resize(size))[..., None]
        / 255
    )
    seen = (paper * (1 - ink) + pen * ink) * light + rng.normal(
        0, rng.uniform(1, 5), (*ink.shape[:2], 1)
    )
    photo = Image.fromarray(_bytes(seen)).filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=int(rng.integers(55, 92)))
    return Image.open(buffer).convert("RGB")


def _tilted(drawing: Image.Image, rng: Rng) -> Image.Image:
    width, height = drawing.size
    lean = rng.uniform(-0.04, 0.04, 2)
    turn = (
        1 + lean[0],
        lean[1],
        0,
        lean[1],
        1 - lean[0],
        0,
        *(rng.uniform(-0.1, 0.1, 2) / max(width, height)),
    )
    return drawing.transform(
        (width, height), Image.Transform.PERSPECTIVE, turn, Image.Resampling.BILINEAR, fillcolor=255
    )


def _seen(sheet: Image.Image, rng: Rng) -> Image.Image:
    """As scanned, or as photographed."""
    return phone_photo(sheet, rng) if rng.random() < 0.5 else sheet


def _note(rng: Rng) -> str:
    """Such as 7/10, 3.5., A+ or a short word."""
    one, other = int(rng.integers(0, 13)), int(rng.choice((5, 6, 10, 12, 20, 100)))
    notes = (
        f"{one}/{other}", f"{one or 7}", f"{one}.{int(rng.integers(1, 13))}.", f"{one}%",
        f"{rng.choice(list('ABCDEF'))}{rng.choice(['', '+', '-'])}", _words(rng, 5).strip() or "ok",
    )  # fmt: skip
    return notes[int(rng.integers(len(notes)))]


def _words(rng: Rng, characters: int) -> str:
    letters = rng.choice(list(string.ascii_lowercase + "     " + string.digits[:2]), characters)
    return "".join(letters)


def _noise(rng: Rng, slope: float) -> Grey:
    """1/f^slope noise, (SIDE, SIDE)."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    spectrum = np.fft.fft2(rng.normal(size=(SIDE, SIDE))) / np.maximum(frequency, 1 / SIDE) ** slope
    return np.asarray(np.real(np.fft.ifft2(spectrum)))


def _stretched(values: Grey, rng: Rng) -> Grey:
    low, high = np.percentile(values, (1, 99))
    dark, light = np.sort(rng.uniform(0, 255, 2))
    return np.asarray(dark + (values - low) / (high - low) * max(light - dark, 60))


def _falloff(rng: Rng) -> Grey:
    """0 at the brightest place to 1 at the darkest, (SIDE, SIDE)."""
    x, y = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    distance = np.hypot(x - rng.random(), y - rng.random())
    return np.asarray(distance / distance.max())


def _surface(rng: Rng) -> Image.Image:
    tone = rng.uniform(0, 255, 3)
    shade = _stretched(_noise(rng, rng.uniform(1, 2.5)), rng)[..., None] - 128
    return Image.fromarray(_bytes(tone + shade * rng.uniform(0.05, 0.6)))


def _shape(rng: Rng) -> Image.Image:
    mask = Image.new("L", (SIDE, SIDE))
    centre, reach = rng.uniform(0, SIDE, 2), rng.uniform(20, 150)
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 12))))
    radius = reach * rng.uniform(0.5, 1, len(angles))
    corners = centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    ImageDraw.Draw(mask).polygon([tuple(corner) for corner in corners.tolist()], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(rng.uniform(0, 4)))


def _picture(values: Grey) -> Image.Image:
    return Image.fromarray(_bytes(values))


def _bytes(values: Grey) -> NDArray[np.uint8]:
    return np.clip(values, 0, 255).astype(np.uint8)
