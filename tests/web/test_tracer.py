"""The tracer's pages: a purpose each time, an answer for its asker alone, nothing left behind."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from sqlalchemy import insert, select

from hub.registry.credentials import canonicals
from hub.store.schema import audit, metadata, people, visits
from hub.web.sample import token_of
from tests.browser.hubpages import NOW_MS, Served
from tests.web.test_texts import VIETNAMESE
from tests.web.visitor import Visitor

LogIn = Callable[[str], Visitor]
PURPOSE = "ca bệnh 2026-1125, tiếp xúc trong hai tuần"
CITIZEN = "079203001234"
QUESTION = {
    "kind": "token", "value": token_of(17), "from": "2026-11-11T00:00", "to": "2026-11-25T07:20",
    "site": "", "hops": "1", "min_minutes": "", "same_gate_minutes": "", "purpose": PURPOSE,
}  # fmt: skip


def ask(visitor: Visitor, **fields: str) -> Any:
    return visitor.post("/trace", QUESTION | fields, page="/trace")


def answer(visitor: Visitor, **fields: str) -> dict[str, Any]:
    went = ask(visitor, **fields)
    assert went.status_code == 303, went.text
    found: dict[str, Any] = visitor.get(f"{went.headers['location']}.json").json()["answer"]
    return found


def lines(served: Served) -> list[Any]:
    with served.engine.connect() as connection:
        return list(connection.execute(select(audit).order_by(audit.c.id)))


def test_a_question_finds_contacts_and_is_logged_with_its_purpose(
    log_in: LogIn, served: Served
) -> None:
    tracer = log_in("tracer")
    found = answer(tracer)
    contacts = found["contacts"]["contacts"]
    assert len(contacts) > 20
    assert all(one["hop"] == 1 for one in contacts)
    assert contacts[0]["ms"] == max(one["ms"] for one in contacts)
    line = lines(served)[-1]
    assert (line.who, line.role, line.action, line.purpose) == (
        "tracer",
        "tracer",
        "trace answer",
        PURPOSE,
    )
    assert json.loads(line.asked)["value"] == token_of(17)
    assert json.loads(line.seen)["contacts"] == len(contacts)


def test_narrowing_leaves_fewer(log_in: LogIn) -> None:
    tracer = log_in("tracer")
    every = len(answer(tracer)["contacts"]["contacts"])
    long = len(answer(tracer, min_minutes="1500")["contacts"]["contacts"])
    near = len(answer(tracer, same_gate_minutes="2,5")["contacts"]["contacts"])
    assert 0 < long < every
    assert 0 < near < every


@pytest.mark.parametrize("purpose", ["", "test", "         x         "])
def test_without_a_purpose_nothing_is_asked(log_in: LogIn, served: Served, purpose: str) -> None:
    before = len(lines(served))
    refused = ask(log_in("tracer"), purpose=purpose)
    assert refused.status_code == 422
    assert "Hãy ghi mục đích" in refused.text
    assert len(lines(served)) == before


@pytest.mark.parametrize("fields", [
    {"to": "2026-11-01T00:00"}, {"from": "1999-01-01T00:00"}, {"from": "gestern"}, {"hops": "9"},
    {"min_minutes": "-1"}, {"min_minutes": "nan"}, {"same_gate_minutes": "1e99"}, {"kind": "name"},
])  # fmt: skip
def test_a_form_that_makes_no_sense_is_told(log_in: LogIn, fields: dict[str, str]) -> None:
    refused = ask(log_in("tracer"), **fields)
    assert refused.status_code == 422
    assert "Hãy kiểm tra lại" in refused.text


def test_a_credential_is_hashed_and_left_nowhere(
    log_in: LogIn, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (identity,) = canonicals(CITIZEN, park="", holder="")
    assert served.desk.tokeniser is not None
    token = served.desk.tokeniser.token(identity)
    with served.engine.begin() as connection:
        connection.execute(
            insert(people).values(id=9_001, kid="k1", scope="park", token=token.v, same_as=9_001)
        )
        connection.execute(
            insert(visits).values(
                stream=11, seq=99_001, person=9_001, site=1, in_ms=NOW_MS - 3_600_000,
                out_ms=NOW_MS, in_gate=11, out_gate=11, assumed=False, at_known=True,
            )
        )  # fmt: skip
    tracer = log_in("tracer")
    went = ask(tracer, kind="credential", value=CITIZEN)
    assert went.status_code == 303
    page = tracer.get(went.headers["location"])
    assert token.v[:8] in page.text
    texts = [page.text, tracer.get(f"{went.headers['location']}.json").text, caplog.text]
    with served.engine.connect() as connection:
        texts += [
            repr(row)
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
        ]
    assert [text for text in texts if CITIZEN in text] == []


def test_a_credential_that_was_not_seen_is_not_shown_again(log_in: LogIn, served: Served) -> None:
    refused = ask(log_in("tracer"), kind="credential", value="001099000011")
    assert refused.status_code == 422
    assert "chưa từng qua cổng nào" in refused.text
    assert "001099000011" not in refused.text
    line = lines(served)[-1]
    assert json.loads(line.seen) == {"found": False}
    assert "001099000011" not in line.asked


def test_by_holder_and_by_place(log_in: LogIn) -> None:
    tracer = log_in("tracer")
    by_holder = answer(tracer, kind="holder", value="NV00017")
    assert by_holder["question"]["value"] == token_of(17)
    there = answer(
        tracer, kind="place", value="", site="song-than/cong-chinh",
        **{"from": "2026-11-24T09:00", "to": "2026-11-24T11:00"},
    )["presence"]["people"]  # fmt: skip
    assert len(there) > 20
    assert ask(tracer, kind="holder", value="NV99999").status_code == 422
    assert ask(tracer, kind="place", value="").status_code == 422


def test_an_answer_is_for_its_asker_alone(log_in: LogIn) -> None:
    tracer, other, manager = log_in("tracer"), log_in("tracer"), log_in("manager")
    path = ask(tracer).headers["location"]
    assert tracer.get(path).status_code == 200
    for stranger, status in ((other, 404), (manager, 403)):
        for address in (path, f"{path}.json", f"{path}/export/csv"):
            assert stranger.get(address).status_code == status, address
    assert tracer.get("/trace/answers/geraten").status_code == 404


def test_an_export_has_every_contact_and_is_logged(log_in: LogIn, served: Served) -> None:
    tracer = log_in("tracer")
    path = ask(tracer, hops="2").headers["location"]
    contacts = tracer.get(f"{path}.json").json()["answer"]["contacts"]["contacts"]
    csv = tracer.get(f"{path}/export/csv").content.decode("utf-8-sig").strip().split("\r\n")
    rows = [line for line in csv[1:] if not line.lstrip('"').startswith("#")]
    assert len(rows) == len(contacts)
    book = load_workbook(io.BytesIO(tracer.get(f"{path}/export/xlsx").content))
    assert book.worksheets[0].max_row == len(contacts) + 1
    assert tracer.get(f"{path}/export/json").json()["question"]["purpose"] == PURPOSE
    assert [line.action for line in lines(served)[-3:]] == ["trace export"] * 3
    assert tracer.get(f"{path}/export/png").status_code == 404


@pytest.mark.parametrize(("language", "sheets", "heads", "lacks"), [
    ("vi", ["Người tiếp xúc", "Những nơi đã đến", "Kết quả có thể thiếu gì"],
     ["Vòng", "Mã người", "Họ tên", "Mã số", "Số phút", "Từ lúc"], "giờ ra là ước đoán"),
    ("en", ["Contacts", "Visits", "What the answer may lack"],
     ["Hop", "Token", "Name", "Id", "Minutes", "From"], "their ends are assumed"),
])  # fmt: skip
def test_a_file_is_in_the_language_and_the_time_of_who_takes_it_along(
    log_in: LogIn, language: str, sheets: list[str], heads: list[str], lacks: str
) -> None:
    tracer = log_in("tracer")
    path = ask(tracer, hops="2").headers["location"]
    tracer.client.cookies.set("edge_hub_language", language)
    book = load_workbook(io.BytesIO(tracer.get(f"{path}/export/xlsx").content))
    assert book.sheetnames == sheets
    head, first = list(book.worksheets[0].iter_rows(values_only=True))[:2]
    assert list(head[:6]) == heads
    found = tracer.get(f"{path}.json").json()["answer"]["contacts"]["contacts"][0]
    at = datetime.fromtimestamp(found["from_ms"] / 1000, ZoneInfo("Asia/Ho_Chi_Minh"))
    assert first[5] == f"{at:%Y-%m-%d %H:%M:%S}"
    csv = tracer.get(f"{path}/export/csv").text
    assert csv.rstrip().rpartition("\r\n")[2].lstrip('"').startswith("# ")
    assert lacks in csv


@pytest.mark.parametrize(("fields", "vi", "en"), [
    ({"value": "khongcomanay"}, "chưa ai có mã này", "nobody with it was seen here"),
    ({"value": "abc"}, "hãy ghi ít nhất 6 ký tự", "write 6 characters"),
    ({"site": "khong-co"}, "không có điểm này", "no such site"),
    ({"kind": "place", "value": ""}, "hãy chọn một điểm", "choose a site"),
    ({"value": ""}, "hãy nhập mã người", "give a token"),
    ({"kind": "holder", "value": "NV99999"}, "không có mã số NV99999", "has no id NV99999"),
    ({"kind": "credential", "value": "001099000011"}, "chưa từng qua cổng", "nobody with this"),
    ({"kind": "credential", "value": "12345"}, "không phải số định danh", "no citizen number"),
])  # fmt: skip
def test_a_question_that_can_not_be_answered_says_why_in_the_readers_language(
    log_in: LogIn, fields: dict[str, str], vi: str, en: str
) -> None:
    tracer = log_in("tracer")
    for language, told in (("vi", vi), ("en", en)):
        tracer.client.cookies.set("edge_hub_language", language)
        refused = ask(tracer, **fields)
        assert refused.status_code == 422
        error = refused.text.partition('role="alert">')[2].partition("</p>")[0]
        assert told in error
        assert bool(VIETNAMESE.search(error)) == (language == "vi")


def test_who_the_log_is_about_is_shown_to_administrators(log_in: LogIn) -> None:
    answer(log_in("tracer"))
    administrator = log_in("administrator")
    found = administrator.get("/audit.json?who=tracer").json()
    assert found["lines"][0]["purpose"] == PURPOSE
    assert PURPOSE in administrator.get("/audit").text
    assert administrator.get("/audit.json?who=nobody").json()["lines"] == []
    assert administrator.get("/audit.json?before=0").json()["lines"] == []
