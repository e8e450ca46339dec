"""Manifests as spreadsheets save them are read as meant, or refused in a sentence."""

import codecs
import csv
import io
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import DrawingTooLarge, InvalidRequest, MissingDrawing, Refusal
from app.imaging import intake
from app.inference import spreadsheet
from app.inference.manifest import Row, read_manifest
from app.inference.spreadsheet import decode
from tests.support.data.workbooks import LAST, Day, a_workbook

RESEARCH: Final = Path(__file__).parents[2] / "docs" / "research.md"
CASES: Final = Path(__file__).parents[1] / "cases"
GERMAN = "file;age_years;category\r\nHaus_ä.png;5,4;Haus\r\n"
HOUSE = ("Haus_ä.png", 5.4, "Haus")


def read(folder: Path, content: str | bytes, *also: str) -> list[Row]:
    path = folder / "manifest.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_manifest(path, *also)


def meant(row: Row) -> tuple[str, float, str | None]:
    return row.file, row.age(), row.category


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("manifest_utf16.csv", [("h.png", 5.4, "house")] * 2),
        ("manifest_cp1252.csv", [("Haus_ä.png", 5.4, "house")]),
        ("manifest_semicolon.csv", [("h.png", 5.4, "house")]),
        ("manifest_nul.csv", [("h\0.png", 5.4, "house")]),
    ],
)
def test_what_people_sent_is_read_as_meant(
    name: str, rows: list[tuple[str, float, str | None]]
) -> None:
    assert [meant(row) for row in read_manifest(CASES / name)] == rows


@pytest.mark.parametrize(
    "content",
    [
        GERMAN.encode("utf-8"),
        GERMAN.encode("utf-8-sig"),
        codecs.BOM_UTF8 * 2 + GERMAN.encode(),
        GERMAN.encode("cp1252"),
        GERMAN.encode("utf-16"),
        codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"),
        GERMAN.encode("utf-16-le"),
        GERMAN.encode("utf-16-be"),
        GERMAN.encode("utf-32"),
    ],
    ids=["UTF-8", "with a mark", "with two marks", "Windows-1252", "UTF-16", "big-endian",
         "without a mark", "big-endian without a mark", "UTF-32"],
)  # fmt: skip
def test_every_encoding_that_spreadsheets_write_is_read(tmp_path: Path, content: bytes) -> None:
    assert [meant(row) for row in read(tmp_path, content)] == [HOUSE]


@pytest.mark.parametrize(
    "content",
    [
        'file,age_years,category\nHaus_ä.png,"5,4",Haus\n',
        'file, age_years, category\nHaus_ä.png, "5,4", Haus\n',
        "file\tage_years\tcategory\nHaus_ä.png\t5,4\tHaus\n",
        "file|age_years|category\nHaus_ä.png|5,4|Haus\n",
        "sep=;\r\n" + GERMAN,
        '"sep=;"\r\n' + GERMAN,
        "SEP=;;;\r\n" + GERMAN,
        "sep=^\nfile^age_years^category\nHaus_ä.png^5,4^Haus\n",
        "\n;;\n" + GERMAN + ";;\r\n;;\r\n",
        GERMAN.replace("\r\n", "\r"),
        GERMAN.replace("\r\n", ";;\r\n"),
        " File ; Age Years;CATEGORY \n Haus_ä.png ;5,4 ; Haus\n",
        '"FILE";"Age_Years";"Category"\n"Haus_ä.png";"5,4";"Haus"\n',
        "No.;category;age_years;file\n1;Haus;5,4;Haus_ä.png\n",
    ],
    ids=["commas", "spaces after commas", "tabs", "bars", "sep", "sep in quotes",
         "sep with empty cells", "a rare sep", "blank rows", "old Mac", "empty columns",
         "case and spaces", "quotes", "other columns"],
)  # fmt: skip
def test_separators_headers_and_blank_rows_are_read_as_meant(tmp_path: Path, content: str) -> None:
    assert [meant(row) for row in read(tmp_path, content)] == [HOUSE]


@pytest.mark.parametrize(
    "content",
    [
        "file,age_years,category\nh.png,5,4,house\n",
        "file,age_years,category\nh.png,5,4\n",
        "file,age_years\nh.png,5,4\n",
        "file;age_years;category\nh.png;5;6;house\n",
        "file;age_years;category\nh.png;5;6\n",
    ],
)
def test_an_age_that_fills_two_cells_is_the_error_of_its_row(tmp_path: Path, content: str) -> None:
    (row,) = read(tmp_path, content)
    with pytest.raises(InvalidRequest, match="into quotation marks"):
        row.age()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_what_the_documentation_shows_means_the_same_everywhere(
    tmp_path: Path, encoding: str
) -> None:
    shown = re.findall(r"```csv\n(.*?)```", RESEARCH.read_text(encoding="utf-8"), re.DOTALL)
    read_as = [
        [meant(row) for row in read(tmp_path, text.replace("\n", "\r\n").encode(encoding))]
        for text in shown
    ]
    anna = [(f"Bögen/anna {number}.png", 5.5, "house") for number in (1, 2)]
    assert read_as == [[*anna, ("Bögen/bert 1.png", 6.0, None)]] * 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("name,age\nx,5\n", "lacks the column file and age_years"),
        ("", "lacks the column file"),
        (b"\xff\xfe\x41", "no text in UTF-8, UTF-16"),
        (b"file,age_years\n\x81.png,5\n", "save it in the spreadsheet as “CSV UTF-8”"),
        ("file,age_years\n", "no rows below"),
        ("file,age_years\n,\n", "no rows below"),
        ("file,File ,age_years\na,b,5\n", "column file more than once"),
        ('file,age_years\nb.png,5\n"a.png,5\nc.png,5\n', "from line 3 on: a quotation mark"),
        ('sep=,\nfile,age_years\n"a"b.png,5\n', "from line 3 on: a quotation mark"),
        (f"file,age_years\n{'x' * 131_073},5\n", "from line 2 on: .* longer than 131,072"),
        (a_workbook(("file",))[:90], "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "workbook"),
    ],
    ids=["other columns", "nothing", "half a character", "no character", "no rows", "a blank row",
         "a column twice", "an open quotation mark", "a quotation mark inside", "a long cell",
         "half a workbook", "an old workbook"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, content: str | bytes, why: str
) -> None:
    with pytest.raises(InvalidRequest, match=why):
        read(tmp_path, content)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="Is a directory"):
        read_manifest(tmp_path)
    with pytest.raises(InvalidRequest, match="There is no manifest"):
        read_manifest(tmp_path / "none.csv")


@pytest.mark.parametrize("name", ["", "h\0.png", "x" * 300, ".", "none.png"])
def test_a_name_that_no_picture_has_is_the_error_of_its_row(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingDrawing, match=r"\.$"):
        Row(0, name, "5", None).content(tmp_path)


def test_what_a_terminal_would_obey_is_spelled_out(tmp_path: Path) -> None:
    with pytest.raises(MissingDrawing) as refused:
        Row(0, "\x1b[2Jh.png", "5", None).content(tmp_path)
    assert str(refused.value) == r"'\x1b[2Jh.png' cannot be read: No such file or directory."


def test_a_file_far_too_large_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    for name in ("m.csv", "film.mp4"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**40)
    with pytest.raises(InvalidRequest, match="larger than 64 MB"):
        read_manifest(tmp_path / "m.csv")
    with pytest.raises(DrawingTooLarge):
        intake.read(Row(0, "film.mp4", "5", None).content(tmp_path))


def test_a_workbook_is_read_like_a_csv(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="workbooks need the extra xlsx")
    book = a_workbook(
        ("File", "Age years", "category"), ("a.png", 5.4, "house"), ("", "", ""), ("7", "5;6", ""),
        (12, 6, ""),
    )  # fmt: skip
    rows = read(tmp_path, book)
    assert [meant(row) for row in rows] == [
        ("a.png", 5.4, "house"), ("7", 5.5, None), ("12", 6, None),
    ]  # fmt: skip


def test_an_age_that_a_workbook_holds_as_a_date_is_named_as_such(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="workbooks need the extra xlsx")
    (row,) = read(tmp_path, a_workbook(("file", "age_years"), ("a.png", Day(46178))))
    with pytest.raises(Refusal, match="looks like a date"):
        row.age()


def test_a_workbook_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="workbooks need the extra xlsx")
    with pytest.raises(InvalidRequest, match="sheet is too large; save it"):
        read(tmp_path, a_workbook(("file", "age_years"), ("a.png", 5), more=LAST))


def test_a_workbook_that_takes_for_ever_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("python_calamine", reason="workbooks need the extra xlsx")
    monkeypatch.setattr(spreadsheet, "MOST_SECONDS", 0)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read(tmp_path, a_workbook(("file", "age_years"), ("a.png", 5)))


def test_without_the_extra_a_workbook_is_to_be_saved_as_a_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(InvalidRequest, match=r"“CSV UTF-8”.*extra xlsx"):
        read(tmp_path, a_workbook(("file", "age_years"), ("a.png", 5)))


@given(
    names=st.lists(st.text(min_size=1).filter(str.strip).map(str.strip), min_size=1, max_size=5),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
)
def test_whatever_files_are_called_they_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], separator: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    written = csv.writer(text, delimiter=separator)
    written.writerows([("file", "age_years"), *((name, "5,5") for name in names)])
    rows = read(tmp_path_factory.getbasetemp(), text.getvalue().encode(encoding))
    assert [row.file for row in rows] == names
    assert {row.age() for row in rows} == {5.5}


@given(st.binary(max_size=200))
@example(b"sep=\r\nfile")
def test_any_bytes_are_text_or_refused(content: bytes) -> None:
    with suppress(InvalidRequest):
        decode(content)


@given(st.text(max_size=80), st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
def test_whatever_stands_below_a_header_is_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    with suppress(Refusal):
        for row in read(folder, f"file,age_years\n{text}".encode(encoding, "replace")):
            row.age()
