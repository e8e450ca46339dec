"""What the gate is fitted on: pictures that are no drawings, and drawings as a phone sees them."""

import io
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from app.training.anomalies import smooth_walk
from app.training.papers import Grey, Rng, bare_sheet

SIDE = 300  # px
OFTENER = {"note": 6, "bare sheet": 4}
_PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "cat", "coffee", "coins", "grass", "gravel",
    "hubble_deep_field", "immunohistochemistry", "moon", "retina", "rocket",
)  # fmt: skip


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
    """A mark, a date or a word as teachers write them, printed or by hand, ringed or not."""
    width, height = (int(side) for side in rng.uniform(250, 900, 2))
    sheet = Image.new("L", (width, height), int(rng.integers(235, 256)))
    size = int(rng.uniform(0.03, 0.25) * min(width, height)) + 9
    font, words = ImageFont.load_default(size), _note(rng)
    left, top, right, bottom = font.getbbox(words)
    layer = Image.new("L", (int(right - left) + 3 * size, int(bottom - top) + 2 * size))
    draw, pen = ImageDraw.Draw(layer), max(1, int(size * rng.uniform(0.03, 0.14)))
    if rng.random() < 0.5:
        _write(draw, (1.5 * size, size), (right - left, bottom - top), pen, rng)
    else:
        place = (1.5 * size - left, size - top)
        draw.text(place, words, 255, font, stroke_width=int(rng.integers(3)))
    if rng.random() < 0.5:
        room = rng.uniform(0.2, 0.9) * size
        box = (1.5 * size - room, size - room)
        draw.ellipse((*box, layer.width - box[0], layer.height - box[1]), outline=255, width=pen)
    layer = layer.rotate(rng.normal(0, 8), Image.Resampling.BILINEAR)
    place = (int(rng.uniform(0, max(1, width - layer.width))), int(rng.uniform(0, height / 2)))
    sheet.paste(int(rng.integers(0, 140)), place, layer)
    return _seen(sheet, rng)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    size: tuple[float, float],
    pen: int,
    rng: Rng,
) -> None:
    """A few letters or figures of no alphabet, each a stroke or two, in a row."""
    count = int(rng.integers(1, 6))
    for number in range(count):
        for _ in range(int(rng.integers(1, 3))):
            walk = smooth_walk(rng, (8, 40), 6)
            walk = (walk - walk.min(0)) / (np.ptp(walk, axis=0) + 1e-6)
            room = rng.uniform(0.5, 0.95, 2) * (size[0] / count, size[1])
            start = place + np.array([number * size[0] / count, rng.uniform(0, 0.2) * size[1]])
            draw.line([tuple(point) for point in (start + walk * room).tolist()], 255, pen, "curve")


NOT_DRAWINGS: dict[str, Callable[[Rng], Image.Image]] = {
    "blank": blank,
    "text": printed_text,
    "texture": texture,
    "photo": photo_like,
    "note": note,
    "bare sheet": bare_sheet,
}


def photograph_windows(each: int, seed: int) -> dict[str, list[Image.Image]]:
    """``each`` windows of each of the photographs that come with scikit-learn and scikit-image."""
    rng = np.random.default_rng(seed)
    return {
        f"photograph, {name}": [_window(photograph, rng) for _ in range(each)]
        for name, photograph in _photographs().items()
    }


def _photographs() -> dict[str, Image.Image]:
    from skimage import data
    from sklearn.datasets import load_sample_images

    sample = load_sample_images()
    pictures = {
        Path(name).stem: values
        for name, values in zip(sample.filenames, sample.images, strict=True)
    } | {name: getattr(data, name)() for name in _PHOTOGRAPHS}
    return {name: Image.fromarray(values).convert("RGB") for name, values in pictures.items()}


def _window(photograph: Image.Image, rng: Rng) -> Image.Image:
    side = int(rng.integers(150, min(photograph.size)))
    x = int(rng.integers(photograph.width - side + 1))
    y = int(rng.integers(photograph.height - side + 1))
    return photograph.crop((x, y, x + side, y + side))


def not_drawings(each: int, seed: int) -> Iterator[Image.Image]:
    """Yield ``each`` pictures of every kind, and more of those on which little is left to see."""
    rng = np.random.default_rng(seed)
    for _ in range(each):
        for name, make in NOT_DRAWINGS.items():
            for _ in range(OFTENER.get(name, 1)):
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
