"""``sketchnorm cost``, as an operator types it."""

import json
import re
import sys
from pathlib import Path

import pytest

from app.cli import main
from app.costs.month import Prices, total
from app.costs.usage import DEMO
from app.costs.ways import Templates, bill, ways
from app.telemetry import Metric
from tests.support import ROOT

DOCS = (ROOT / "docs" / "aws.md").read_text


def says(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["cost", "--folder", str(ROOT), *words])
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def test_the_month_of_demo_use_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    status, out, _ = says(capsys)
    assert status == 0
    figures = re.search(r"total\W+(\d+\.\d\d)\W+(\d+\.\d\d)\W+(\d+\.\d\d)", out)
    assert figures
    assert float(figures[1]) <= 20 < float(figures[2]) < float(figures[3])
    assert "2026-11-01" in out


def test_a_measured_run_is_priced(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = tmp_path / "run.json"
    run.write_text(json.dumps({"requests": 1_000_000, "stored_gb": 2, "log_gb": 7}))
    _, out, _ = says(capsys, "--measured", str(run))
    assert "1,000,000 requests and 2 GB" in out


@pytest.mark.parametrize("text", ["no JSON", "[1]", '{"cpu": 1}'])
def test_a_run_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    run = tmp_path / "run.json"
    run.write_text(text)
    status, _, err = says(capsys, "--measured", str(run))
    assert status == 1
    assert err.startswith("sketchnorm: ")


def test_a_folder_without_templates_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        main(["cost", "--folder", str(tmp_path)])
    assert "a checkout of Sketchnorm" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    status, _, err = says(capsys)
    assert status == 1
    assert "pip install 'sketchnorm[cost]'" in err


def test_the_documentation_has_the_figures_that_are_computed() -> None:
    prices = Prices.read()
    rows = dict(re.findall(r"^\| ([A-Z][^|]+?) \| ([\d.]+ \| [\d.]+ \| [\d.]+) \|", DOCS(), re.M))
    for name, made in ways(Templates.read(ROOT), len(Metric)):
        computed = (total(bill(name, made, DEMO.times(one), prices)) for one in (1, 10, 100))
        assert rows[name] == " | ".join(f"{one:.2f}" for one in computed), name
