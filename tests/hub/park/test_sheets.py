"""Tables of people: nothing is lost between writing and reading, nothing is calculated."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from hub.sheets import SheetError, read_rows, write_csv, write_xlsx

# what a cell can hold and keep: a line of printable text, trimmed as reading trims
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Co", "Cn"]), max_size=20
).map(str.strip)
dangerous = st.sampled_from(["=1+1", "+84", "-3", "@x", "'=1", "''=1", "'", "''", "'a", '="a"'])


def back(raw: bytes, name: str) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in read_rows(raw, name)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows=st.lists(st.tuples(st.just("x"), texts | dangerous), max_size=5))
@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_what_is_written_is_read_back(name: str, rows: list[tuple[str, str]]) -> None:
    heading = ["id", "text"]
    raw = write_csv(heading, rows) if name == "t.csv" else write_xlsx([("sheet", heading, rows)])
    errors = {"#N/A", "#REF!"}
    expected = [heading, *([one, text] for one, text in rows if text not in errors)]
    assert back(raw, name) == expected


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_a_space_that_does_not_break_stays_a_space(name: str) -> None:
    rows = [["x", "Nguyễn\xa0An"]]
    raw = (
        write_csv(["id", "text"], rows)
        if name == "t.csv"
        else write_xlsx([("s", ["id", "text"], rows)])
    )
    assert back(raw, name)[1] == rows[0]


def test_a_formula_is_text_for_the_spreadsheet_that_opens_it() -> None:
    rows = [['=HYPERLINK("http://x")', "+1", "-1", "@a", "ok"]]
    text = write_csv(list("abcde"), rows).decode("utf-8-sig")
    cells = list(csv.reader(io.StringIO(text)))[1]
    assert [cell[0] for cell in cells] == ["'", "'", "'", "'", "o"]
    book = load_workbook(io.BytesIO(write_xlsx([("s", list("abcde"), rows)])))
    assert {cell.data_type for cell in book.worksheets[0][2]} == {"s"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_way_a_spreadsheet_writes_text_is_read(delimiter: str, encoding: str) -> None:
    raw = f"điểm{delimiter}tên\r\na{delimiter}Cổng chính\r\n".encode(encoding)
    assert back(raw, "t.csv") == [["điểm", "tên"], ["a", "Cổng chính"]]


def test_a_file_in_another_encoding_is_named_with_its_line() -> None:
    with pytest.raises(SheetError, match=r"t\.csv: line 2: is not UTF-8; save the file as"):
        back(b"a\nC\xf4ng\n", "t.csv")


def test_a_quotation_mark_that_swallows_the_rest_is_named_where_it_opens() -> None:
    with pytest.raises(SheetError, match=r"t\.csv: line 2: .*quotation mark"):
        back(b'a,b\n1,"x\n2,y\n3,z\n', "t.csv")


def test_a_date_that_a_spreadsheet_made_is_told() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id"])
    sheet.append([datetime(2021, 5, 3)])  # noqa: DTZ001 - as workbooks hold them
    sheet.append([912345678])
    sheet.append([912345678.0])
    out = io.BytesIO()
    book.save(out)
    _, date, whole, real = read_rows(out.getvalue(), "t.xlsx")
    assert date.cells[0].spoiled is not None
    assert whole.cells[0].text == real.cells[0].text == "912345678"


@pytest.mark.parametrize(
    "raw", [b"", b"PK\x03\x04 and then nothing", b"PK\x03\x04" + bytes(100), b"\x00" * 50]
)
def test_what_is_no_workbook_is_one_line(raw: bytes) -> None:
    with pytest.raises(SheetError, match=r"^t\.xlsx: is no XLSX workbook"):
        back(raw, "t.xlsx")


def test_an_old_workbook_is_refused_by_its_name() -> None:
    with pytest.raises(SheetError, match="only CSV and XLSX"):
        back(b"\xd0\xcf\x11\xe0", "t.xls")
