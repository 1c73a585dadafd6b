"""Registry files through the page: whole or not at all, and every bad line named."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from hub.registry.columns import COLUMNS, Kind, matched
from hub.store.schema import audit, roster
from hub.web.texts import name_of
from hub.words import Language
from tests.browser.hubpages import Served
from tests.web.visitor import Visitor

LogIn = Callable[[str], Visitor]


def send(
    visitor: Visitor,
    raw: bytes,
    *,
    kind: str = "roster",
    name: str = "danh-sach.csv",
    **fields: str,
) -> tuple[int, str]:
    path = f"/registry/{kind}"
    answer = visitor.post(
        f"{path}/import", fields, page=path, files={"file": (name, io.BytesIO(raw), "text/csv")}
    )
    return answer.status_code, answer.text


def count(served: Served) -> int:
    with served.engine.connect() as connection:
        query = select(func.count()).select_from(roster)
        return int(connection.execute(query).scalar_one())


def test_a_large_file_with_one_bad_line_in_the_middle_is_not_taken(
    log_in: LogIn, served: Served
) -> None:
    long = "Nguyễn Thị Thu Hương " * 9
    lines = [f"song-than,HS{n:06},{long},pupil" for n in range(40_000)]
    bad = 20_000
    lines[bad] = "song-than,,Không có mã số,pupil"
    raw = ("park,holder,name,category\n" + "\n".join(lines)).encode()
    assert len(raw) > 10_000_000
    before = count(served)
    status, text = send(log_in("manager"), raw)
    assert status == 422
    assert "Tệp không được nhập: 1 chỗ sai" in text
    assert f'<td class="n">{bad + 2}</td><td>holder</td>' in text
    assert count(served) == before


def test_a_good_file_is_taken_and_written_down(log_in: LogIn, served: Served) -> None:
    before = count(served)
    raw = "Đơn vị;Mã số;Họ và tên\nsong-than;GV001;Đặng Thị Ngọc Ánh\n".encode()
    status, text = send(log_in("manager"), raw, purpose="giáo viên mới")
    assert status == 200
    assert "Đã nhập: 1 mới" in text
    assert count(served) == before + 1
    with served.engine.connect() as connection:
        line = connection.execute(
            select(audit).where(audit.c.action == "registry import").order_by(audit.c.id.desc())
        ).first()
    assert line is not None
    assert (line.who, line.purpose) == ("manager", "giáo viên mới")
    assert "Ngọc Ánh" not in line.asked + line.seen


@pytest.mark.parametrize(
    ("language", "what", "mend"),
    [
        ("vi", "&#39;12&#39; có 2 chữ số", "hãy ghi 0912345678"),
        ("en", "&#39;12&#39; has 2 digits", "write it as 0912345678"),
    ],
)
def test_a_bad_line_is_told_in_the_pages_language(
    log_in: LogIn, language: str, what: str, mend: str
) -> None:
    manager = log_in("manager")
    manager.client.cookies.set("edge_hub_language", language)
    raw = "Đơn vị;Mã số;Số điện thoại\nsong-than;GV1;\nsong-than;GV2;12\n".encode()
    status, text = send(manager, raw)
    assert status == 422
    row = text[text.index('<td class="n">3</td>') :].partition("</tr>")[0]
    assert "<td>Số điện thoại</td>" in row
    assert what in row
    assert mend in row


def test_script_in_a_bad_line_is_named_as_text(log_in: LogIn) -> None:
    status, text = send(log_in("manager"), b"park,holder,<script>alert(1)</script>\na,b,c\n")
    assert status == 422
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    ("raw", "name"), [(b"", "leer.csv"), (b"\x00\x01\xff", "x.csv"), (b"PK\x03\x04zz", "x.xlsx")]
)
def test_what_is_no_table_is_told(log_in: LogIn, raw: bytes, name: str) -> None:
    status, text = send(log_in("manager"), raw, name=name)
    assert status == 422
    assert "Không có dòng nào được ghi" in text


def test_without_a_file_nothing_happens(log_in: LogIn) -> None:
    answer = log_in("manager").post("/registry/roster/import", page="/registry/roster")
    assert answer.status_code == 400
    assert "Chưa chọn tệp." in answer.text


def test_a_body_beyond_the_limit_is_not_read(log_in: LogIn, served: Served) -> None:
    manager = log_in("manager")
    largest = served.desk.config.api.largest_body_bytes
    status, _ = send(manager, b"x" * (largest + 10))
    assert status == 413
    too_long = {"name": "manager", "password": "x" * 100_000}
    assert manager.post("/login", too_long).status_code == 413


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("kind", list(Kind))
def test_the_headings_of_a_page_and_its_files_are_those_that_an_import_takes(
    kind: Kind, language: Language
) -> None:
    headings = [name_of(language, "column", one.name) for one in COLUMNS[kind]]
    columns, faults = matched(kind, headings, "a.csv", 1)
    assert faults == []
    assert tuple(columns) == COLUMNS[kind]


@pytest.mark.parametrize(("language", "park"), [("vi", "Đơn vị"), ("en", "Park")])
@pytest.mark.parametrize("kind", ["sites", "gates", "roster"])
def test_what_is_exported_comes_back_unchanged(
    log_in: LogIn, kind: str, language: str, park: str
) -> None:
    manager = log_in("manager")
    manager.client.cookies.set("edge_hub_language", language)
    answer = manager.get(f"/registry/{kind}/export/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="{kind}.csv"'
    assert answer.content.decode("utf-8-sig").startswith(f"{park},")
    manager.client.cookies.set("edge_hub_language", "vi")
    status, text = send(manager, answer.content, kind=kind)
    assert status == 200
    assert "Đã nhập: 0 mới, 0 thay đổi" in text
    book = load_workbook(io.BytesIO(manager.get(f"/registry/{kind}/export/xlsx").content))
    rows = manager.get(f"/registry/{kind}/export/json").json()
    assert book.worksheets[0].max_row == len(rows) + 1
    assert manager.get(f"/registry/{kind}/export/exe").status_code == 404
