"""Workbooks as Excel saves them, as small as they can be."""

import io
import zipfile
from html import escape
from typing import Final

PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
DOCUMENT: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEETS: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS: Final = {
    "[Content_Types].xml": f"""<Types xmlns="{PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/>
<Override PartName="/xl/styles.xml" ContentType="{KIND}.styles+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KIND}.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
<Relationship Id="r1" Type="{DOCUMENT}/officeDocument" Target="xl/workbook.xml"/>
</Relationships>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
<Relationship Id="r1" Type="{DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="r2" Type="{DOCUMENT}/styles" Target="styles.xml"/>
</Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{SHEETS}" xmlns:r="{DOCUMENT}"><sheets>
<sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>""",
    "xl/styles.xml": f"""<styleSheet xmlns="{SHEETS}"><cellXfs count="2"><xf numFmtId="0"/>
<xf numFmtId="14"/></cellXfs></styleSheet>""",
}


LAST: Final = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


class Day(int):
    """The number of a day, shown as a date: what becomes of 5.6 where days end in full stops."""


def a_workbook(*rows: tuple[str | float | Day, ...], more: str = "") -> bytes:
    """One sheet with these cells; ``more`` are rows as XML, such as ``LAST``: Excel's last cell."""
    lines = "".join(
        f'<row r="{y}">{"".join(_cell(x, y, cell) for x, cell in enumerate(row))}</row>'
        for y, row in enumerate(rows, 1)
    )
    sheet = f'<worksheet xmlns="{SHEETS}"><sheetData>{lines}{more}</sheetData></worksheet>'
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, part in (PARTS | {"xl/worksheets/sheet1.xml": sheet}).items():
            packed.writestr(zipfile.ZipInfo(name), part)  # which has no date of today
    return content.getvalue()


def _cell(x: int, y: int, cell: str | float) -> str:
    place = f"{chr(ord('A') + x)}{y}"
    if isinstance(cell, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    style = ' s="1"' if isinstance(cell, Day) else ""
    return f'<c r="{place}"{style}><v>{cell}</v></c>'
