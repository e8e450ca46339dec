"""Files that a decoder refused, spelled so that it reads them: metadata never refuses a picture.

Only bytes are moved here and no pixel is decoded; every function takes any bytes at all.
"""

import random
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_NAME: Final = re.compile(b"|".join(_PNG_PIXELS))
_JPEG: Final = b"\xff\xd8"
_JPEG_END: Final = b"\xff\xd9"
JPEG_SEGMENT: Final = re.compile(rb"\xff[\xc0-\xcf\xda-\xfe]")  # the markers that a length follows
JPEG_SCAN: Final = 0xDA
_ADOBE: Final = 0xEE  # says how colours are coded, unlike the other application segments
_WEBP_PIXELS: Final = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")
_WEBP_METADATA: Final = 0x20 | 0x08 | 0x04  # the flags of VP8X for ICC, EXIF and XMP
_BMP_BITFIELDS: Final = (3, 6)


def _noise() -> bytes:
    source = random.Random(1)  # noqa: S311 (nothing secret: any bytes do)
    restarts = [bytes((0xFF, marker)) for marker in range(0xD0, 0xD8)]
    return b"".join(
        restart + bytes(source.randrange(255) for _ in range(64)) for restart in (b"", *restarts)
    )


# Coded data of a JPEG that has every restart marker in it.
NOISE: Final = _noise()


def spellings(content: bytes) -> Iterator[bytes]:
    """Yield the file without its metadata, or a bitmap in a layout that all programs know."""
    if content.startswith(PNG_SIGNATURE):
        yield _bare_png(content)
    elif content.startswith(_JPEG):
        yield _bare_jpeg(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        yield _bare_webp(content)
    elif content.startswith(b"BM"):
        yield from _plain_bmp(content)


def lacks_its_end(content: bytes) -> bool:
    """A JPEG in which no end marker follows the last scan."""
    return content.startswith(_JPEG) and content.rfind(_JPEG_END) < content.rfind(
        bytes((0xFF, JPEG_SCAN))
    )


def with_end(content: bytes, filling: bytes = b"") -> bytes:
    """A JPEG with ``filling`` and an end marker behind it."""
    return content.rstrip(b"\xff") + filling + _JPEG_END


def _bare_png(content: bytes) -> bytes:
    kept, place = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while place >= 0 and place + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if name in _PNG_PIXELS:
            kept.append(content[place:end])
        elif not _is_whole_chunk(content[place + 4 : end]):
            place = _next_chunk_of_pixels(content, place + 4)
            continue
        elif name == b"eXIf":
            kept.append(content[place:end])
        place = end
    return b"".join(kept)


def _is_whole_chunk(chunk: bytes) -> bool:
    return zlib.crc32(chunk[:-4]).to_bytes(4) == chunk[-4:]


def _next_chunk_of_pixels(content: bytes, start: int) -> int:
    """Where one begins, its length before its name; -1 if none does."""
    found = _PNG_NAME.search(content, start + 4)
    return found.start() - 4 if found else -1


def _bare_jpeg(content: bytes) -> bytes:
    kept, found = [_JPEG], JPEG_SEGMENT.search(content, 2)
    while found:
        place, marker = found.start(), content[found.start() + 1]
        length = int.from_bytes(content[place + 2 : place + 4])
        end = place + 2 + length
        if marker == JPEG_SCAN:
            kept.append(content[place:])
            break
        if marker < 0xE0 or (marker == _ADOBE and length >= 14):
            kept.append(content[place:end])
        found = JPEG_SEGMENT.search(content, end)
    return b"".join(kept)


def _bare_webp(content: bytes) -> bytes:
    kept, place = [b"WEBP"], 12
    while place + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, place)
        end = place + 8 + length + length % 2
        if name in _WEBP_PIXELS:
            chunk = bytearray(content[place:end])
            if name == b"VP8X" and len(chunk) > 8:
                chunk[8] &= ~_WEBP_METADATA
            kept.append(bytes(chunk))
        place = end
    body = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _plain_bmp(content: bytes) -> Iterator[bytes]:
    """Yield a bitmap of 24 bits, if this one says by masks where its colours are."""
    if len(content) < 70:
        return
    offset, _, width, height, _, bits, coding = struct.unpack_from("<IIiiHHI", content, 10)
    masks = struct.unpack_from("<3I", content, 54)
    row = width * bits // 32 * 4 + (width * bits % 32 > 0) * 4
    size = row * abs(height)
    if coding not in _BMP_BITFIELDS or bits not in (16, 32) or not all(masks) or width < 1:
        return
    if not 0 < size <= len(content) - offset:
        return
    rows = np.frombuffer(content, f"<u{bits // 8}", size // (bits // 8), offset)
    samples = rows.reshape(abs(height), -1)[:, :width].astype(np.uint32)
    yield _as_bmp(np.stack([_channel(samples, mask) for mask in reversed(masks)], 2), height > 0)


def _channel(samples: np.ndarray, mask: int) -> np.ndarray:
    """The samples under ``mask``, from 0 to 255."""
    lowest = mask & -mask
    largest = mask // lowest
    return ((samples & np.uint32(mask)) // np.uint32(lowest) * (255 / largest)).astype(np.uint8)


def _as_bmp(pixels: np.ndarray, upward: bool) -> bytes:
    """Blue, green and red bytes of each pixel as a file."""
    height, width, _ = pixels.shape
    padded = np.zeros((height, (3 * width + 3) // 4 * 4), np.uint8)
    padded[:, : 3 * width] = pixels.reshape(height, -1)
    info = struct.pack("<IiiHHIIiiII", 40, width, height if upward else -height, 1, 24, *[0] * 6)
    head = struct.pack("<2sIHHI", b"BM", 54 + padded.size, 0, 0, 54)
    return head + info + padded.tobytes()
