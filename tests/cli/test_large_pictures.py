"""A4 at 600 dpi from the command line: in little memory, and with the answer of the small scan."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.training.sheets import a4
from tests.support import ROOT
from tests.support.data.pictures import as_bytes
from tests.support.data.strokes import a_stroke_drawing

MOST = 250_000_000  # bytes
A4_AT_600 = (4962, 7014)
# Begins small: a process that pytest forks would have pytest's own memory for its peak.
MEASURE = """
import json, resource, subprocess, sys
said = subprocess.run(sys.argv[1:], capture_output=True, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps([said.returncode, said.stdout, said.stderr, peak]))
"""


@dataclass(frozen=True)
class Measured:
    """What the command said, and the most memory that its process had."""

    answer: dict[str, Any]
    peak: int


def analyze(picture: Path, saliency_map: Path) -> Measured:
    command = [
        sys.executable, "-m", "app.cli", "analyze", str(picture), "--age", "5.4",
        "--category", "house", "--json", "--map", str(saliency_map),
    ]  # fmt: skip
    run = [sys.executable, "-c", MEASURE, *command]
    said = subprocess.run(
        run, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    ).stdout
    status, out, err, peak = json.loads(said)
    assert status == 0, err
    return Measured(json.loads(out), peak)


@pytest.fixture(scope="module")
def sheet() -> Image.Image:
    return a4(a_stroke_drawing("house", 5.4), 600)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Measured, Image.Image]:
    """The answer and the map for the same sheet at 150 dpi."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "a4.png").write_bytes(as_bytes(a4(a_stroke_drawing("house", 5.4), 150)))
    measured = analyze(folder / "a4.png", folder / "map.png")
    return measured, Image.open(folder / "map.png")


def scanned(sheet: Image.Image) -> Image.Image:
    """In colour, with a scanner's grain: a file of 24 MB."""
    grain = np.random.default_rng(7).integers(0, 4, (sheet.height, sheet.width), np.uint8)
    lit = Image.fromarray(np.asarray(sheet) - np.minimum(np.asarray(sheet), grain))
    return Image.merge("RGB", (lit, lit, sheet))


def as_png(picture: Image.Image) -> bytes:
    return as_bytes(picture, compress_level=1)


SCANS: dict[str, Callable[[Image.Image], bytes]] = {
    "grey PNG": as_png,
    "RGB PNG": lambda sheet: as_png(sheet.convert("RGB")),
    "RGB PNG with grain": lambda sheet: as_png(scanned(sheet)),
    "RGBA PNG": lambda sheet: as_png(sheet.convert("RGBA")),
    "PNG of 1 bit": lambda sheet: as_png(sheet.convert("1", dither=Image.Dither.NONE)),
    "baseline JPEG": lambda sheet: as_bytes(sheet.convert("RGB"), "JPEG", quality=90),
    "JPEG with grain": lambda sheet: as_bytes(scanned(sheet), "JPEG", quality=95),
    "grey JPEG": lambda sheet: as_bytes(sheet, "JPEG", quality=90),
}


def middle(saliency_map: Image.Image) -> Iterator[float]:
    """Where the middle of the light is, across and down, as a share of the sheet."""
    light = np.asarray(saliency_map, np.float64)
    for axis in (0, 1):
        sums = light.sum(axis)
        yield float(sums @ np.arange(len(sums)) / sums.sum() / len(sums))


@pytest.mark.parametrize("kind", SCANS)
def test_a_scan_at_600_dpi_takes_little_memory_and_is_answered_as_at_150_dpi(
    sheet: Image.Image, small: tuple[Measured, Image.Image], tmp_path: Path, kind: str
) -> None:
    assert sheet.size == A4_AT_600
    (tmp_path / "scan").write_bytes(SCANS[kind](sheet))
    measured = analyze(tmp_path / "scan", tmp_path / "map.png")
    assert measured.peak < MOST
    assert measured.answer["sheet"]["reduced"] == 2
    assert abs(measured.answer["p_value"] - small[0].answer["p_value"]) < 0.05
    with Image.open(tmp_path / "map.png") as saliency_map:
        assert saliency_map.size == (A4_AT_600[0] // 2, A4_AT_600[1] // 2)
        assert tuple(middle(saliency_map)) == pytest.approx(tuple(middle(small[1])), abs=0.005)
