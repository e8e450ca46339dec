"""Mending moves bytes and understands none of them: it takes any at all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.imaging import mending
from tests.support.data.hostile import FORMATS, hostile_pictures, png_chunk
from tests.support.data.pictures import a_picture, as_bytes

MAGIC = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8",
    "WebP": b"RIFF\0\0\0\0WEBP",
    "BMP": b"BM",
    "none": b"",
}


@pytest.mark.parametrize("magic", MAGIC.values(), ids=MAGIC)
@given(rest=st.binary(max_size=300))
def test_any_bytes_have_few_other_spellings(magic: bytes, rest: bytes) -> None:
    content = magic + rest
    assert len(list(mending.spellings(content))) <= 1
    assert mending.lacks_its_end(content) in (True, False)
    assert mending.with_end(content).endswith(b"\xff\xd9")


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_pictures_have_few_other_spellings(kind: str) -> None:
    for file in hostile_pictures(kind, rounds=3, seed=100):
        assert len(list(mending.spellings(file.content))) <= 1, file


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_its_own_other_spelling_as_far_as_pixels_go(kind: str) -> None:
    content = as_bytes(a_picture(), kind)
    (bare,) = mending.spellings(content)
    assert 0 <= len(content) - len(bare) <= 20  # the version of JFIF


@pytest.mark.parametrize(
    "content",
    [
        MAGIC["PNG"] + (b"\0\0\0\0note\0\0\0\0" + png_chunk(b"IDAT", b"")) * 150_000,
        MAGIC["PNG"] + b"\0\0\0\0note" * 500_000,
        MAGIC["JPEG"] + b"\xff\xe1\0\0" * 1_000_000,
        MAGIC["JPEG"] + b"\xff" * 4_000_000,
        MAGIC["WebP"] + b"EXIF\0\0\0\0" * 500_000,
    ],
    ids=["wrong checksums", "no chunk", "empty segments", "markers alone", "empty chunks"],
)
def test_the_largest_upload_is_mended_at_once(content: bytes) -> None:
    started = time.process_time()
    list(mending.spellings(content))
    assert time.process_time() - started < 10  # in one pass; a pass for each chunk takes minutes
