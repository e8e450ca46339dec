"""Hostile pictures: files of every accepted format, damaged in ways that each have a name.

The same seed makes the same files. They may be read or refused; what is asked is only that nothing
breaks.
"""

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from PIL import Image

from tests.support.data.pictures import a_picture, as_bytes, as_heic

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "HEIC")
Mutation = Callable[[bytes, random.Random], bytes]
LENGTHS = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEADER = 64  # bytes in which a file says what it is


@dataclass(frozen=True)
class HostilePicture:
    """A damaged file; ``kind`` is the name of the damage."""

    kind: str
    seed: int
    content: bytes = field(repr=False)


def hostile_pictures(kind: str, rounds: int, seed: int = 1) -> Iterator[HostilePicture]:
    """Yield ``rounds`` files of format ``kind`` for every damage that it can suffer."""
    whole = undamaged(kind)
    damages = EVERY | OF_ONE_FORMAT.get(kind, {})
    for number in range(seed, seed + rounds):
        for name, mutate in damages.items():
            source = random.Random(f"{kind} {name} {number}")  # noqa: S311
            yield HostilePicture(f"{kind}: {name}", number, mutate(source.choice(whole), source))


@cache
def undamaged(kind: str) -> list[bytes]:
    """Undamaged files of the variants that a format has."""
    grey = a_picture()
    colour = Image.merge("RGB", (grey, grey.point(lambda level: level // 2), grey))
    clear = colour.convert("RGBA")
    clear.putalpha(grey.point(lambda level: 255 - level))
    exif = Image.Exif()
    exif[0x0112] = 6
    noted = {"exif": exif, "icc_profile": bytes(range(256)), "xmp": b"<x:xmpmeta/>"}
    match kind:
        case "PNG":
            paper = as_bytes(grey.convert("P"), kind, transparency=255)
            return [as_bytes(p, kind, **noted) for p in (grey, colour, clear)] + [paper]
        case "JPEG":
            return [
                as_bytes(grey, kind, **noted),
                as_bytes(colour, kind, progressive=True),
                as_bytes(colour.convert("CMYK"), kind),
            ]
        case "WEBP":
            return [as_bytes(colour, kind, **noted), as_bytes(clear, kind, lossless=True)]
        case "GIF":
            frames = [grey.point(lambda level: 255 - level)]
            return [
                as_bytes(grey, kind, comment=b"a note", transparency=0),
                as_bytes(grey, kind, save_all=True, append_images=frames),
            ]
        case "BMP":
            return [as_bytes(p, kind) for p in (grey, colour, clear, grey.convert("1"))]
        case "HEIC":
            return [as_heic(colour), as_heic(a_picture("fish"))]
    raise ValueError(kind)


def _place(content: bytes, source: random.Random) -> int:
    """Anywhere, and half the time in the header, where most is decided."""
    return source.randrange(min(HEADER, len(content)) if source.random() < 0.5 else len(content))


def _cut_short(content: bytes, source: random.Random) -> bytes:
    return content[: source.randrange(1, len(content))]


def _cut_at_the_end(content: bytes, source: random.Random) -> bytes:
    return content[: -source.randrange(1, 64)]


def _bytes_changed(content: bytes, source: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(source.choice((1, 2, 8, 64))):
        changed[_place(content, source)] = source.randrange(256)
    return bytes(changed)


def _bits_flipped(content: bytes, source: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(source.choice((1, 2, 8, 64))):
        changed[_place(content, source)] ^= 1 << source.randrange(8)
    return bytes(changed)


def _run_overwritten(content: bytes, source: random.Random) -> bytes:
    place, length = _place(content, source), source.choice((4, 32, 512))
    filling = bytes((source.choice((0, 0x41, 0xFF)),)) * length
    return content[:place] + filling + content[place + length :]


def _bytes_inserted(content: bytes, source: random.Random) -> bytes:
    place = _place(content, source)
    return content[:place] + source.randbytes(source.choice((1, 3, 700))) + content[place:]


def _bytes_removed(content: bytes, source: random.Random) -> bytes:
    place = _place(content, source)
    return content[:place] + content[place + source.choice((1, 3, 700)) :]


def _length_lied_about(content: bytes, source: random.Random) -> bytes:
    place, form = _place(content, source), source.choice(("<I", ">I", "<H", ">H"))
    lie = struct.pack(form, source.choice(LENGTHS) & (0xFFFFFFFF if form[1] == "I" else 0xFFFF))
    return content[:place] + lie + content[place + len(lie) :]


def _parts_repeated(content: bytes, source: random.Random) -> bytes:
    start, end = sorted((_place(content, source), _place(content, source)))
    return content[:end] + content[start:end] * source.choice((1, 2, 9)) + content[end:]


def _noise_behind_the_header(content: bytes, source: random.Random) -> bytes:
    return content[: _place(content, source)] + source.randbytes(2000)


def _ends_as_another_format(content: bytes, source: random.Random) -> bytes:
    other = undamaged(source.choice([kind for kind in FORMATS if kind != "HEIC"]))[0]
    place = _place(content, source)
    return content[:place] + other[place:]


def _text_behind_it(content: bytes, source: random.Random) -> bytes:
    return content + b"\n".join([b"a note of nobody"] * source.randrange(1, 1000))


EVERY: dict[str, Mutation] = {
    "cut short": _cut_short,
    "cut at the end": _cut_at_the_end,
    "bytes changed": _bytes_changed,
    "bits flipped": _bits_flipped,
    "a run overwritten": _run_overwritten,
    "bytes inserted": _bytes_inserted,
    "bytes removed": _bytes_removed,
    "a length lied about": _length_lied_about,
    "parts repeated": _parts_repeated,
    "noise behind the header": _noise_behind_the_header,
    "ends as another format": _ends_as_another_format,
    "text behind it": _text_behind_it,
}


def _png_chunk_changed(content: bytes, source: random.Random) -> bytes:
    """With the right checksum, so that the change reaches what reads the chunk."""
    chunks = list(_png_chunks(content))
    number = source.randrange(len(chunks))
    name, body = chunks[number]
    chunks[number] = (name, source.choice((_bytes_changed, _length_lied_about, _cut_short))(
        body or b"\0\0", source
    ))  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, body) for name, body in chunks)


def _png_chunk_of_noise(content: bytes, source: random.Random) -> bytes:
    chunks = list(_png_chunks(content))
    names = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"pHYs", b"gAMA", b"cHRM", b"tRNS")
    extra = (*names, b"PLTE", b"acTL", b"fcTL", b"fdAT", b"sRGB", b"sBIT", b"IHDR")
    noise = (source.choice(extra), source.randbytes(source.choice((0, 1, 7, 300, 1000))))
    chunks.insert(source.randrange(1, len(chunks)), noise)
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, body) for name, body in chunks)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk with its length and checksum."""
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place < len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        yield name, content[place + 8 : place + 8 + length]
        place += 12 + length


def _jpeg_segment_of_noise(content: bytes, source: random.Random) -> bytes:
    marker = source.choice((0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE, 0xC0, 0xC4, 0xDB, 0xDD))
    heads = (b"", b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"MPF\0", b"Adobe", b"Photoshop 3.0\0")
    body = source.choice(heads) + source.randbytes(source.choice((0, 1, 3, 200)))
    return content[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + content[2:]


OF_ONE_FORMAT: dict[str, dict[str, Mutation]] = {
    "PNG": {
        "a chunk changed": _png_chunk_changed,
        "a chunk of noise": _png_chunk_of_noise,
    },
    "JPEG": {"a segment of noise": _jpeg_segment_of_noise},
}


def damaged(content: bytes, source: random.Random) -> bytes:
    """Any bytes, damaged in some way; as they are if that way does not fit them."""
    of_all = [*EVERY.values(), *(way for own in OF_ONE_FORMAT.values() for way in own.values())]
    with suppress(ValueError, IndexError, struct.error):
        return source.choice(of_all)(content, source)
    return content
