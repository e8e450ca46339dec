"""A table of reference drawings is read as its spreadsheet saves it, or refused with what to do."""

from pathlib import Path

import pytest

from app.errors import ConfigurationError, InvalidRequest
from app.training.references import ReferenceDrawing, read_collection, read_collections
from tests.support.data.workbooks import a_workbook

GERMAN = (
    "File;Age Years;Category;Session_ID;Human_Recognition\r\n"
    "Bögen/anna 1.png;5,5;House ;anna;0,82\r\n"
    'Bögen/bert 1.png;"5;6";;;\r\n'
    ";;;;\r\n"
    "Bögen/cleo 1.png;;house;cleo;1\r\n"
)
HEADER = "file,age_years,category,session_id\n"


def read(folder: Path, content: str | bytes) -> list[ReferenceDrawing]:
    (folder / "metadata.csv").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    return read_collection(folder)


@pytest.mark.parametrize(
    "content",
    [
        GERMAN.encode("utf-8-sig"),
        GERMAN.encode("cp1252"),
        GERMAN.encode("utf-16"),
        b"sep=;\r\n" + GERMAN.encode(),
        GERMAN.replace('"5;6"', "5 ans 6 mois").encode("cp1252"),
        GERMAN.replace('"5;6"', "5y6m").replace(";", "\t").encode("utf-16"),
    ],
    ids=["CSV UTF-8", "CSV", "Unicode text", "sep", "France", "tabs"],
)
def test_a_table_as_excel_saves_it_in_germany_or_france_is_read_as_meant(
    tmp_path: Path, content: bytes
) -> None:
    made = tmp_path.name
    assert read(tmp_path, content) == [
        ReferenceDrawing(tmp_path / "Bögen/anna 1.png", made, f"{made}/anna", 5.5, "house", 0.82),
        ReferenceDrawing(
            tmp_path / "Bögen/bert 1.png", made, f"{made}/Bögen/bert 1.png", 5.5, None, None
        ),
        ReferenceDrawing(tmp_path / "Bögen/cleo 1.png", made, f"{made}/cleo", None, "house", 1),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a.png,five,cat,c1", "“five” is no age; give it in years"),
        ("a.png,5.10,cat,c1", "may mean 5 years 1 month or 5 years 10 months; write 5;1 or 5;10"),
        ("a.png,66,cat,c1", "write 66 months"),
        ("a.png,5,4,cat,c1", "into quotation marks"),
        ("a.png,05.06.2021,cat,c1", "looks like a date"),
        (",5,cat,c1", "names no file; give one"),
    ],
    ids=["no age", "two meanings", "months", "two cells", "a date", "no file"],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_place_and_what_to_do(
    tmp_path: Path, row: str, why: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(tmp_path, f"{HEADER}b.png,6,cat,c2\n{row}\n")
    said = str(refused.value)
    assert said.startswith(f"Row 2 below the header of {tmp_path / 'metadata.csv'} (")
    assert why in said


def test_a_share_of_raters_that_is_none_is_refused(tmp_path: Path) -> None:
    for share in ("82", "82 %", "-0.1", "nan", "most"):
        with pytest.raises(InvalidRequest, match="no share between 0 and 1; give one"):
            read(tmp_path, f"{HEADER.rstrip()},human_recognition\na.png,5,cat,c1,{share}\n")


def test_how_many_more_rows_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"Row 1 .* 2 more of its rows cannot be read\.$"):
        read(tmp_path, HEADER + "a.png,?,cat,c1\n" * 3)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("file,age_years\na.png,5\n", "lacks the column category and session_id; it needs file"),
        (HEADER, "has no rows below its header"),
        (f'{HEADER}"a.png,5,cat,c1\n', "cannot be read from line 2 on: a quotation mark"),
        (b"\xff\xfe\x41", "no text in UTF-8"),
    ],
    ids=["a column away", "no rows", "an open quotation mark", "no text"],
)
def test_a_file_that_is_no_such_table_is_refused_by_its_name(
    tmp_path: Path, content: str | bytes, why: str
) -> None:
    with pytest.raises(InvalidRequest, match=why) as refused:
        read(tmp_path, content)
    assert str(refused.value).startswith(f"The table {tmp_path / 'metadata.csv'} ")


def test_a_workbook_under_that_name_is_read_too(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="workbooks need the extra xlsx")
    header = ("file", "age_years", "category", "session_id")
    (drawing,) = read(tmp_path, a_workbook(header, ("a.png", 5.4, "Cat", 12)))
    assert (drawing.age_years, drawing.category, drawing.child) == (
        5.4, "cat", f"{tmp_path.name}/12",
    )  # fmt: skip


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"metadata\.csv"):
        read_collections(tmp_path)
