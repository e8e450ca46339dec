"""Large pictures, decoded reduced: their pixels are never all in memory.

A JPEG is decoded at half or a quarter of its size by the library. The rows of a PNG are cut into
bands, each of which is decoded as a small PNG of its own. A GIF or BMP of one byte a pixel is
decoded as a whole and converted in bands.

Of some the libraries hold everything, and so they are not read here: WebP and HEIC, JPEGs in
several scans (all coefficients), and interlaced PNGs. Nor are PNGs of 16 bits a colour, whose
filters Pillow does not undo without losing eight of them.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from PIL import Image, ImageFile

from app.errors import UnreadableDrawing
from app.imaging.intake import (
    DAMAGED,
    as_8_bits,
    open_as,
    refusing,
    scale_transparent_colour,
    turn_of,
)
from app.imaging.mending import JPEG_SCAN, JPEG_SEGMENT, PNG_SIGNATURE

MOST_READ: Final = 10_000_000  # px of a picture once it is reduced
LONGEST_SIDE: Final = 65_535  # px, as of a JPEG; bands of longer rows would be large themselves
BAND: Final = 1 << 20  # bytes of rows, if more than a few fit
PIECE: Final = 1 << 16  # bytes that are inflated at a time

_NO_FRAMES: Final = (0xC4, 0xC8, 0xCC)  # tables among the markers of frames
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's type of colour
# The type of colour that has so many bytes a pixel, if each channel is one of them.
_OF_BYTES: Final = {1: 0, 2: 4, 3: 2, 4: 6}
_METADATA: Final = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_ONE_BYTE: Final = ("1", "L", "P")

Chunk = tuple[bytes, bytes]  # name and body


def factor_of(size: tuple[int, int]) -> int:
    """How many times smaller each way a large picture is read."""
    factor = 2
    while size[0] * size[1] > MOST_READ * factor**2:
        factor *= 2
    return factor


def can_be_reduced(picture: ImageFile.ImageFile, content: bytes) -> bool:
    """Whether an opened picture can be read without all its pixels in memory."""
    if max(picture.size) > LONGEST_SIDE:
        return False
    if picture.format == "JPEG":
        return not picture.info.get("progressive") and _has_one_scan(content)
    if picture.format == "PNG":
        return not _is_interlaced(content) and _Rows.of(content).pixel_bytes in _OF_BYTES
    # What is compressed in a BMP is decoded in Python, slowly.
    is_raw = picture.format == "BMP" and picture.tile[0].codec_name == "raw"
    return (is_raw or picture.format == "GIF") and picture.mode in _ONE_BYTE


def read_reduced(
    picture: Image.Image, content: bytes, factor: int
) -> tuple[Image.Image, Image.Transpose | None]:
    """Decode an opened picture ``factor`` times smaller each way; and how it has to be turned."""
    if picture.format == "PNG":
        rows = _Rows.of(content)
        bands = _png_bands(content, rows, _band_height(rows.length, factor))
        return _joined(bands, picture.size, factor), _turn_of_png(content)
    with refusing(DAMAGED):
        if picture.format == "JPEG":
            picture.draft(None, (picture.width // factor, picture.height // factor))
        picture.load()
    turn = turn_of(picture)
    if picture.format != "JPEG":
        bands = _bands(picture, _band_height(picture.width, factor))
        picture = _joined(bands, picture.size, factor)
    return picture, turn


def _has_one_scan(content: bytes) -> bool:
    """Whether the first scan of a JPEG has all its colours; if not, they lie in several."""
    colours, found = 0, JPEG_SEGMENT.search(content, 2)
    while found and found.start() + 10 <= len(content):
        place, marker = found.start(), content[found.start() + 1]
        if marker == JPEG_SCAN:
            return content[place + 4] == colours
        if marker < 0xD0 and marker not in _NO_FRAMES:
            colours = content[place + 9]
        length = int.from_bytes(content[place + 2 : place + 4])
        found = JPEG_SEGMENT.search(content, place + 2 + length)
    return False


def _band_height(row: int, factor: int) -> int:
    """How many rows of so many bytes fill a band; they are reduced to whole rows."""
    return max(1, BAND // (row * factor)) * factor


def _bands(picture: Image.Image, height: int) -> Iterator[Image.Image]:
    for top in range(0, picture.height, height):
        yield picture.crop((0, top, picture.width, min(top + height, picture.height)))


def _joined(bands: Iterable[Image.Image], size: tuple[int, int], factor: int) -> Image.Image:
    """The bands of a picture of that size, reduced, one below the other."""
    parts = (band.reduce(factor) for band in map(_converted, bands))
    first = next(parts)
    whole, top = Image.new(first.mode, (first.width, -(-size[1] // factor))), 0
    for part in chain((first,), parts):
        whole.paste(part, (0, top))
        top += part.height
    return whole


def _converted(band: Image.Image) -> Image.Image:
    """In a mode that can be reduced: a mean of numbers of a palette would mean nothing."""
    if band.mode.startswith("I"):
        return as_8_bits(band)
    with refusing(DAMAGED):  # the palette and what is transparent come from the file
        if band.has_transparency_data:
            return band.convert("RGBA")
        return band.convert("L" if band.mode in ("1", "L") else "RGB")


@dataclass(frozen=True)
class _Rows:
    """A PNG's rows: of ``length`` bytes, with ``pixel_bytes`` from one pixel to the next."""

    width: int
    height: int
    depth: int
    colour: int

    @classmethod
    def of(cls, content: bytes) -> "_Rows":
        """As the header says, which Pillow has checked."""
        return cls(*struct.unpack_from(">IIBB", content, 16))

    @property
    def pixel_bytes(self) -> int:
        return max(1, self._pixel_bits // 8)

    @property
    def length(self) -> int:
        return (self.width * self._pixel_bits + 7) // 8

    @property
    def _pixel_bits(self) -> int:
        return self.depth * _CHANNELS[self.colour]

    def png_of(self, plain: bytes, colours: Iterable[Chunk]) -> bytes:
        """Some of the rows, whose filters are undone, as a picture of their own."""
        lines = np.frombuffer(plain, np.uint8).reshape(-1, self.length)
        lines = np.pad(lines, ((0, 0), (1, 0)))  # before each row its filter, 0: none
        header = struct.pack(">IIBB", self.width, len(lines), self.depth, self.colour)
        return _png(header, lines.tobytes(), colours)

    def png_of_bytes(self, above: bytes, filtered: bytes) -> bytes:
        """Filtered rows, and the one above them, as a picture whose pixels are their bytes.

        Filters work on bytes, whatever these mean.
        """
        width, height = self.length // self.pixel_bytes, len(filtered) // (self.length + 1) + 1
        header = struct.pack(">IIBB", width, height, 8, _OF_BYTES[self.pixel_bytes])
        return _png(header, b"\0" + above + filtered)


def _png_bands(content: bytes, rows: _Rows, height: int) -> Iterator[Image.Image]:
    """As Pillow reads each with the palette and the transparent colour of the whole."""
    colours = [chunk for chunk in _chunks(content) if chunk[0] in (b"PLTE", b"tRNS")]
    above = bytes(rows.length)
    for filtered in _inflated(content, rows, height):
        with refusing(DAMAGED):
            plain = _opened(rows.png_of_bytes(above, filtered)).tobytes()[rows.length :]
        above = plain[-rows.length :]
        with refusing(DAMAGED):
            band = _opened(rows.png_of(plain, colours))
            band.load()
        scale_transparent_colour(band, rows.depth)
        yield band


def _inflated(content: bytes, rows: _Rows, height: int) -> Iterator[bytes]:
    """So many rows at a time, each behind its filter; raise ``UnreadableDrawing`` if some lack."""
    inflate, block, left = zlib.decompressobj(), bytearray(), rows.height
    for piece in chain(_compressed(content), (b"",)):
        rest, found = piece, b"some"
        while found and left:
            wanted = (rows.length + 1) * min(height, left)
            with refusing(DAMAGED):
                found = inflate.decompress(rest, wanted - len(block))
            rest = inflate.unconsumed_tail
            block += found
            if len(block) == wanted:
                yield bytes(block)
                left -= min(height, left)
                block.clear()
        if inflate.eof or not left:
            break
    if left:
        raise UnreadableDrawing(DAMAGED)


def _compressed(content: bytes) -> Iterator[bytes]:
    for name, body in _chunks(content):
        if name == b"IDAT":
            yield from (body[start : start + PIECE] for start in range(0, len(body), PIECE))


def _turn_of_png(content: bytes) -> Image.Transpose | None:
    """As its metadata say it, wherever in the file they are, without decoding the pixels."""
    told = [chunk for chunk in _chunks(content) if chunk[0] in _METADATA]
    for chunks in (told, [chunk for chunk in told if chunk[0] == b"eXIf"]):
        try:
            with refusing(DAMAGED):
                dot = _opened(_png(struct.pack(">IIBB", 1, 1, 8, 0), b"\0\0", chunks))
        except UnreadableDrawing:
            continue
        return turn_of(dot)
    return None


def _opened(png: bytes) -> Image.Image:
    return open_as(png, ("PNG",))


def _is_interlaced(content: bytes) -> bool:
    return content[28] != 0


def _chunks(content: bytes) -> Iterator[Chunk]:
    place = len(PNG_SIGNATURE)
    while place + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        yield name, content[place + 8 : place + 8 + length]
        place += 12 + length


def _png(header: bytes, lines: bytes, chunks: Iterable[Chunk] = ()) -> bytes:
    """A file whose pixels are not compressed: it is read at once."""
    pixels = zlib.compress(lines, 0)
    every = ((b"IHDR", header + bytes(3)), *chunks, (b"IDAT", pixels), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in every
    )
