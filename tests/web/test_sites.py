"""Sites: found again however many there are, and their plans with gates on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.store.schema import audit, gate_states
from hub.web.sample import Sample
from tests.browser.hubpages import Served
from tests.web.drawing import drawn
from tests.web.visitor import Visitor

LogIn = Callable[[str], Visitor]
PLAN = "/sites/2/plan"


def send(visitor: Visitor, raw: bytes, name: str = "plan.png") -> Any:
    return visitor.post(PLAN, page=PLAN, files={"picture": (name, raw)})


def pin(visitor: Visitor, **fields: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in fields.items()}
    return visitor.post(f"{PLAN}/pins", sent, page=PLAN)


@pytest.fixture
def planned(log_in: LogIn) -> Iterator[Visitor]:
    """A manager, and a plan of site 2; nobody finds it afterwards."""
    manager = log_in("manager")
    assert send(manager, drawn()).headers["location"] == PLAN
    yield manager
    manager.post(f"{PLAN}/remove", page=PLAN)


def gates(visitor: Visitor) -> dict[int, list[float] | None]:
    found = visitor.get("/sites/2.json").json()["site"]["gates"]
    return {one["id"]: one["pin"] for one in found}


# --- the plan -------------------------------------------------------------------------------


def test_without_a_plan_the_page_says_what_one_is_good_for(log_in: LogIn) -> None:
    viewer, manager = log_in("viewer"), log_in("manager")
    assert "Chưa có sơ đồ mặt bằng" in viewer.get("/sites/2").text
    assert "Người quản lý có thể thêm" in viewer.get("/sites/2").text
    assert f'href="{PLAN}"' not in viewer.get("/sites/2").text
    assert f'href="{PLAN}"' in manager.get("/sites/2").text
    assert viewer.get("/sites/2/picture").status_code == 404
    assert viewer.get("/sites/2.json").json()["site"]["plan"] is None


def test_a_plan_is_shown_to_everyone_with_its_gates_in_shape_and_word(planned: Visitor) -> None:
    assert pin(planned, x_21="25", y_21="75,5").headers["location"] == PLAN
    assert gates(planned) == {21: [0.25, 0.755], 22: None}
    text = planned.get("/sites/2").text
    # 400 by 300 pixels: 1000 wide, 750 high
    assert '<g transform="translate(250.0 566.2)"><g id="plan-pin-21"' in re.sub(r"\n", "", text)
    mark = text[text.index('id="plan-pin-21"') :].partition("</a>")[0]
    assert 'href="#i-fault"' in mark
    assert "có lỗi" in mark
    assert "Chưa có trên sơ đồ: Cổng 2" in text


def test_the_picture_is_kept_by_the_browser_and_asked_for_again(planned: Visitor) -> None:
    answer = planned.get("/sites/2/picture")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.content[:4] == b"RIFF"
    tag = {"if-none-match": answer.headers["etag"]}
    again = planned.get("/sites/2/picture", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    send(planned, drawn("JPEG"))
    assert planned.get("/sites/2/picture", headers=tag).status_code == 200


def test_who_is_logged_out_sees_no_plan_even_with_its_tag(
    planned: Visitor, anyone: Visitor
) -> None:
    tag = planned.get("/sites/2/picture").headers["etag"]
    answer = anyone.get("/sites/2/picture", headers={"if-none-match": tag})
    assert answer.status_code == 303


@pytest.mark.parametrize("role", ["viewer", "tracer"])
def test_who_only_looks_changes_no_plan(log_in: LogIn, planned: Visitor, role: str) -> None:
    del planned
    visitor = log_in(role)
    assert visitor.get("/sites/2/picture").status_code == 200
    for path in (PLAN, f"{PLAN}/pins", f"{PLAN}/remove"):
        assert visitor.post(path, page="/sites/2").status_code == 403, path
    assert visitor.get("/sites/2.json").json()["site"]["plan"] is not None


@pytest.mark.parametrize(
    ("raw", "name", "said"),
    [
        (b"<svg/>", "plan.svg", "plan.svg: không phải ảnh PNG, JPEG hay WebP"),
        (drawn(size=(90, 90)), "nhỏ.png", "nhỏ.png: ảnh chỉ có 90 "),
        (b"\x89PNG\r\n\x1a\n" + bytes(9_000_000), "to.png", "to.png: tệp lớn hơn 8 MB"),
        (b"", "<b>.png", "&lt;b&gt;.png: không phải ảnh"),
    ],
)
def test_a_bad_picture_is_told_in_one_line_and_the_plan_stays(
    planned: Visitor, raw: bytes, name: str, said: str
) -> None:
    before = planned.get("/sites/2/picture").content
    answer = send(planned, raw, name)
    assert answer.status_code == 422
    (line,) = re.findall(r'<p class="error" role="alert">(.*)</p>', answer.text)
    assert line.startswith(said)
    assert planned.get("/sites/2/picture").content == before


def test_without_a_file_it_is_said(planned: Visitor) -> None:
    answer = planned.post(PLAN, page=PLAN)
    assert answer.status_code == 422
    assert "Chưa chọn tệp." in answer.text


@pytest.mark.parametrize(
    ("x", "y"), [("101", "5"), ("-1", "5"), ("nan", "5"), ("5", ""), ("", "5"), ("trái", "5")]
)
def test_a_place_that_is_none_is_told_and_nothing_is_moved(
    planned: Visitor, x: str, y: str
) -> None:
    pin(planned, x_21="10", y_21="20")
    answer = pin(planned, x_21="30", y_21="30", x_22=x, y_22=y)
    assert answer.status_code == 422
    assert "Cổng 2: hãy ghi cả hai số" in answer.text
    assert 'id="x-21" name="x-21" data-gate="21"' in answer.text
    assert 'value="30"' in answer.text  # what was typed is still there
    assert gates(planned) == {21: [0.1, 0.2], 22: None}


def test_gates_of_other_sites_are_not_pinned_here(planned: Visitor) -> None:
    before = planned.get("/sites/1.json").json()["site"]["gates"]
    pin(planned, x_11="50", y_11="50", x_21="50", y_21="50")
    assert planned.get("/sites/1.json").json()["site"]["gates"] == before
    assert gates(planned)[21] == [0.5, 0.5]


def test_another_picture_leaves_the_pins_and_removing_takes_all(planned: Visitor) -> None:
    pin(planned, x_21="50", y_21="50")
    send(planned, drawn("JPEG"))
    assert gates(planned)[21] == [0.5, 0.5]
    planned.post(f"{PLAN}/remove", page=PLAN)
    assert gates(planned) == {21: None, 22: None}
    assert planned.get("/sites/2/picture").status_code == 404


def test_a_change_of_a_plan_stands_in_the_audit_log(planned: Visitor, served: Served) -> None:
    pin(planned, x_21="50", y_21="50")
    with served.engine.connect() as connection:
        lines = connection.execute(
            select(audit).where(audit.c.action == "site plan").order_by(audit.c.id.desc()).limit(2)
        ).all()
    assert [line.who for line in lines] == ["manager"] * 2
    assert '"change": "pins"' in lines[0].asked
    assert '"site": "song-than/xuong-may"' in lines[1].asked


def test_a_site_that_is_not_there_is_not_found(log_in: LogIn) -> None:
    manager = log_in("manager")
    for path in ("/sites/4711", "/sites/4711.json", "/sites/4711/plan", "/sites/4711/picture"):
        assert manager.get(path).status_code == 404, path


def test_a_pin_follows_its_gate_live(planned: Visitor, served: Served) -> None:
    pin(planned, x_22="50", y_22="50")
    with served.engine.connect() as connection:
        state = connection.scalar(select(gate_states.c.state).where(gate_states.c.gate == 22))
    with planned.client.stream("GET", "/events?site=2") as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("data: {"))
        assert "gate-21" in first
        assert "gate-11" not in first  # of another site
        try:
            with served.engine.begin() as connection:
                connection.execute(
                    update(gate_states)
                    .where(gate_states.c.gate == 22)
                    .values(state=str(state).replace('"fire": false', '"fire": true'))
                )
            told = next(line for line in lines if "plan-pin-22" in line)
            assert "i-fire" in told
            assert "mở thoát hiểm" in told
        finally:
            with served.engine.begin() as connection:
                connection.execute(
                    update(gate_states).where(gate_states.c.gate == 22).values(state=state)
                )


def test_a_plan_that_changed_makes_open_pages_load_anew(planned: Visitor) -> None:
    seen = re.compile(r'id="layout-site-2" hidden data-layout="(\w+)"')
    (before,) = seen.findall(planned.get("/sites/2").text)
    pin(planned, x_22="10", y_22="10")
    (after,) = seen.findall(planned.get("/sites/2").text)
    assert before != after


# --- finding --------------------------------------------------------------------------------


def names(visitor: Visitor, query: str) -> set[str]:
    return {one["site"] for one in visitor.get(f"/sites.json?{query}").json()["sites"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=kho", {"kho-lanh"}),
        ("q=KHO+lanh", {"kho-lanh"}),  # without diacritics, as people type
        ("q=kho+l%E1%BA%A1nh", {"kho-lanh"}),
        ("q=thu+duc+truong", {"truong-thcs"}),  # district and name
        ("q=ben-xe", {"ben-xe"}),
        ("q=nowhere", set()),
        ("district=Thu%E1%BA%ADn+An,+B%C3%ACnh+D%C6%B0%C6%A1ng", {"ky-tuc-xa", "tram-y-te"}),
        ("look=yes&q=xuong", {"xuong-may"}),
        ("look=yes&q=nha+an", set()),
    ],
)
def test_sites_are_found_by_what_people_type(log_in: LogIn, query: str, found: set[str]) -> None:
    assert names(log_in("viewer"), query) == found


def test_what_is_typed_stays_text(log_in: LogIn) -> None:
    text = log_in("viewer").get('/sites?q="><script>alert(1)</script>').text
    assert "<script>alert" not in text
    assert "Không có điểm nào như vậy" in text


def test_the_overview_leads_to_each_site_and_to_the_search(log_in: LogIn) -> None:
    text = log_in("viewer").get("/overview").text
    for number in range(1, 8):
        assert f'href="/sites/{number}"' in text
    assert '<form class="filter" method="get" action="/sites"' in text


def test_in_a_large_park_every_site_is_reached_and_is_live(tmp_path: Path) -> None:
    with Served(tmp_path, Sample(people=7, days=0, gates=700)) as served:
        visitor = Visitor(served)
        visitor.log_in("viewer")
        overview = visitor.get("/overview").text
        assert "Xem tất cả 140 điểm" in overview
        found: set[str] = set()
        path: str | None = "/sites"
        while path:
            text = visitor.get(path).text
            found |= set(re.findall(r'href="(/sites/\d+)"', text))
            further = re.findall(r'href="(/sites\?[^"]+)">Trang sau', text)
            path = further[0].replace("&amp;", "&") if further else None
        assert len(found) == 140
        assert names(visitor, "q=so+137") == {"diem-137"}
        with visitor.client.stream("GET", "/events?site=137") as answer:
            first = next(line for line in answer.iter_lines() if line.startswith("data: {"))
        assert '"gate-1371"' in first
        visitor.close()


def test_where_there_is_one_site_its_plan_is_on_the_overview(tmp_path: Path) -> None:
    with Served(tmp_path, Sample(people=7, days=0, gates=5)) as served:
        manager = Visitor(served)
        manager.log_in("manager")
        assert 'class="map"' in manager.get("/overview").text
        manager.post("/sites/1/plan", page="/sites/1/plan", files={"picture": ("a.png", drawn())})
        manager.post("/sites/1/plan/pins", {"x-11": "5", "y-11": "5"}, page="/sites/1/plan")
        text = manager.get("/overview").text
        assert 'class="map"' not in text
        assert 'id="plan-pin-11"' in text
        with manager.client.stream("GET", "/events") as answer:
            first = next(line for line in answer.iter_lines() if line.startswith("data: {"))
        assert '"plan-pin-11"' in first
        manager.close()
