"""What is told about a person's file: whole in both languages, and never half in the other."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from string import Formatter

import pytest

from hub.registry.columns import Kind
from hub.registry.faults import RegistryError
from hub.registry.files import read_listing
from hub.words import CATALOGUE, Words

HUB = Path(__file__).parents[3] / "hub"
KEY = re.compile(r'Words\(\s*"([a-z0-9_.]+)"')
VIETNAMESE = re.compile(
    "[àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ]", re.IGNORECASE
)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_is_told_somewhere_and_every_told_text_is_there() -> None:
    written = {
        key for path in HUB.rglob("*.py") for key in KEY.findall(path.read_text(encoding="utf-8"))
    }
    assert written == set(CATALOGUE)


def test_both_languages_have_the_same_places_to_fill() -> None:
    assert [key for key, (vi, en) in CATALOGUE.items() if places(vi) != places(en)] == []


def test_each_text_is_in_its_language() -> None:
    assert [key for key, (vi, _) in CATALOGUE.items() if not VIETNAMESE.search(vi)] == []
    assert [key for key, (_, en) in CATALOGUE.items() if VIETNAMESE.search(en)] == []


def test_a_text_that_is_not_there_is_found_where_it_is_written() -> None:
    with pytest.raises(KeyError):
        Words("what.nothing")


def test_braces_in_a_cell_are_no_places() -> None:
    assert Words("what.no_phone", value="{value.__class__}").told("vi").startswith("'{value.")


def packed(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(name, "x")
    return out.getvalue()


SITES = "mã khu,mã điểm,tên điểm,vĩ độ,ở lâu nhất\n"
ROSTER = "mã khu,mã số,họ tên,sđt,cccd,token\n"
BAD: list[tuple[Kind, str, str | None, str | None, str]] = [
    (Kind.SITES, SITES + "k,a,,,\nk,,B,,\n", "mã điểm", None, "ô bị bỏ trống"),
    (Kind.SITES, SITES + "k,a,,,\nk,a/b,,,\n", "mã điểm", "a/b", "dấu +, # hoặc /"),
    (Kind.SITES, SITES + "k,a,,,\nk,a,,,\n", "mã điểm", "k/a", "đã có ở dòng 2"),
    (Kind.SITES, SITES + "k,a,,,\nk,b,,91,\n", "vĩ độ", "91", "số độ"),
    (Kind.SITES, SITES + "k,a,,,\nk,b,,,x\n", "ở lâu nhất", "x", "số phút"),
    (Kind.SITES, SITES + "k,a,,,\nk,b,,,,lạc\n", None, "lạc", "không có tên"),
    (Kind.SITES, SITES + f"k,a,,,\nk,b,{'ă' * 501},,\n", "tên điểm", "ăăă", "501 ký tự"),
    (Kind.SITES, SITES + "k,a,,,\nk,b,B\x07C,,\n", "tên điểm", "B", "không đọc được"),
    (Kind.SITES, SITES + "k,a,,,\nk,b,#REF!,,\n", "tên điểm", "#REF!", "lỗi của bảng tính"),
    (Kind.ROSTER, ROSTER + "k,1,,,,\nk,2,,12,,\n", "sđt", "12", "2 chữ số"),
    (Kind.ROSTER, ROSTER + "k,1,,,,\nk,2,,9.12E+08,,\n", "sđt", "9.12E+08", "cắt mất"),
    (Kind.ROSTER, ROSTER + "k,1,,,,\nk,2,,01201234567,,\n", "sđt", "01201234567", "2018"),
    (Kind.ROSTER, ROSTER + "k,1,,,,\nk,2,,,pass,a:b:c\n", "cccd", None, "mã người"),
    (Kind.ROSTER, ROSTER + "k,1,,,,\nk,2,,,,abc\n", "token", "abc", "mã người"),
    (Kind.ROSTER, ROSTER + "k,1,,,,\nk,2,,,99999012345,\n", "cccd", None, "số định danh"),
    (Kind.ROSTER, ROSTER + "k,1,,,,\nk,2,,,passport:?,\n", "cccd", None, "passport"),
]


@pytest.mark.parametrize(("kind", "text", "column", "value", "said"), BAD)
def test_a_bad_line_is_named_in_vietnamese_with_its_column_and_value(
    kind: Kind, text: str, column: str | None, value: str | None, said: str
) -> None:
    with pytest.raises(RegistryError) as caught:
        read_listing(text.encode(), "ds.csv", kind)
    (fault,) = caught.value.faults
    told = fault.told("vi")
    assert (told.line, told.column) == (3, column)
    assert said in told.what
    assert value is None or value in told.what
    assert VIETNAMESE.search(told.what)
    assert VIETNAMESE.search(told.mend)
    assert not VIETNAMESE.search(fault.mend.told("en"))


@pytest.mark.parametrize(
    ("raw", "name", "line", "said"),
    [
        (b"", "a.csv", 0, "tệp trống"),
        (b"park,site\nk,\xff\n", "a.csv", 2, "không phải là văn bản UTF-8"),
        (b'park,site\nk,"a\n', "a.csv", 2, "không đọc được dòng này"),
        (b"park,site\nk,\0\n", "a.csv", 2, "NUL"),
        (b"x", "a.ods", 0, "chỉ đọc được CSV và XLSX"),
        (packed("x"), "a.xlsx", 0, "không phải tệp XLSX"),
        (b"mot,hai\n", "a.csv", 1, "không rõ tệp liệt kê gì"),
    ],
)
def test_a_file_that_is_no_list_is_told_in_vietnamese(
    raw: bytes, name: str, line: int, said: str
) -> None:
    with pytest.raises(RegistryError) as caught:
        read_listing(raw, name)
    (fault,) = caught.value.faults
    assert fault.line == line
    assert said in fault.told("vi").what
    assert VIETNAMESE.search(fault.told("vi").mend)
