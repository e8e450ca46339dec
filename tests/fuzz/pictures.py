"""Pictures: any bytes are read, encoded again and made small, or refused."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest import mock

from PIL import Image

from app.imaging import intake
from tests.fuzz.refusals import answered
from tests.support.data.hostile import FORMATS, damaged, hostile_pictures, undamaged

__all__ = ("LONGEST", "WORDS", "damaged", "opened", "seeds")

# The file's size in pixels is checked as always, but against less, so that none takes a second.
MOST_PIXELS: Final = 1_000_000
LONGEST: Final = 16_384
WORDS: Final = (
    b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"eXIf", b"acTL", b"fcTL", b"fdAT",
    b"\xff\xd8", b"\xff\xda", b"\xff\xd9", b"\xff\xc0", b"\xff\xc2", b"\xff\xe1", b"Exif\0\0",
    b"RIFF", b"WEBP", b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"GIF87a", b"GIF89a",
    b"BM", b"ftyp", b"heic", b"mif1", b"avif", b"meta", b"iloc", b"iprp", b"ispe", b"hvcC", b"irot",
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    """Every format, whole and damaged in every way."""
    for kind in FORMATS:
        yield from undamaged(kind)
        yield from (file.content for file in hostile_pictures(kind, rounds=1))


@contextmanager
def opened(folder: Path) -> Iterator[Callable[[bytes], None]]:
    """Takes any bytes; raises if they escape."""
    del folder
    less = mock.patch.multiple(intake, MAX_PIXELS=MOST_PIXELS, MAX_HEAVY_PIXELS=MOST_PIXELS)
    with less:
        yield _take


def _take(content: bytes) -> None:
    small = intake.thumbnail(content)
    assert small is None or small.startswith(b"\xff\xd8")
    picture = answered(lambda: intake.read(content))
    if picture is None:
        return
    assert picture.mode == "RGB"
    assert min(picture.size) >= intake.MIN_SIDE
    encoded, _ = intake.encode(picture, content)
    with Image.open(io.BytesIO(encoded)) as again:
        assert again.size == picture.size
        assert not again.getexif()
