"""What each page shows, to whom, and its JSON twin."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, insert, select, update

from hub.store.schema import alarms, audit, gate_states, sites
from hub.web.app import FORMS, PAGES
from hub.web.sample import Sample
from tests.browser.hubpages import NOW_MS, Served
from tests.web.visitor import Visitor

LogIn = Callable[[str], Visitor]
ADDRESS = re.compile(r"""(?:href|src|action)="([^"]+)\"""")
EVERYONE = {"/overview", "/sites", "/sites/1", "/gates/11", "/alarms", "/charts", "/coverage"}
LISTS = {"/registry/sites", "/registry/gates", "/registry/roster", "/sites/1/plan"}
ALLOWED = {
    "viewer": EVERYONE,
    "manager": EVERYONE | LISTS | {"/muster"},
    "tracer": EVERYONE | {"/muster", "/trace"},
    "administrator": EVERYONE | LISTS | {"/muster", "/audit"},
}  # fmt: skip


@pytest.mark.parametrize("role", ALLOWED)
def test_each_role_sees_its_pages_and_no_others(log_in: LogIn, role: str) -> None:
    visitor = log_in(role)
    every = set.union(*ALLOWED.values())
    for path in sorted(every):
        for address in (path, f"{path}.json"):
            wanted = 200 if path in ALLOWED[role] else 403
            assert visitor.get(address).status_code == wanted, address


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_is_safe_and_asks_nobody_else(
    log_in: LogIn, served: Served, language: str
) -> None:
    visitor = log_in("administrator")
    visitor.client.cookies.set("edge_hub_language", language)
    for path in served.pages().values():
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        text = answer.text
        assert f'<html lang="{language}"' in text
        for address in ADDRESS.findall(text):
            assert address.startswith(("/", "#")), (path, address)
        # the policy would block both, and the page would be broken
        assert not re.search(r"<script(?! src)|<style|\sstyle=|\son[a-z]+=", text), path


def test_a_json_twin_holds_what_the_page_shows(log_in: LogIn) -> None:
    found = log_in("manager").get("/overview.json").json()
    assert found["gates"] == {
        "fire": 0, "offline": 1, "fault": 1, "behind": 1, "unheard": 0, "well": 9,
    }  # fmt: skip
    assert found["open_alarms"] == len(found["alarms"]) == 3
    assert found["inside"] == sum(site["inside"] for site in found["sites"])
    assert len(found["entries"]) == 12
    assert len(found["entries"][0]["token"]) == 8


def test_a_viewer_sees_counts_and_no_tokens(log_in: LogIn) -> None:
    viewer = log_in("viewer")
    assert viewer.get("/overview.json").json()["entries"] == []
    assert "Mã người" not in viewer.get("/overview").text
    assert viewer.get("/gates/11.json").json()["entries"] == []


def test_a_gate_that_is_not_there_is_not_found(log_in: LogIn) -> None:
    viewer = log_in("viewer")
    assert viewer.get("/gates/4711").status_code == 404
    assert viewer.get("/gates/4711.json").json()["error"] == "error.not_found"
    assert viewer.get("/registry/secrets").status_code == 403
    assert log_in("manager").get("/registry/secrets").status_code == 404


def test_a_gates_page_has_its_gaps_and_its_silences(log_in: LogIn) -> None:
    found = log_in("viewer").get("/gates/11.json").json()
    assert found["streams"][0]["gaps"] == [[4_012, 4_049]]
    assert [one["to_ms"] - one["from_ms"] for one in found["silences"]] == [420_000, 420_000]
    assert found["gate"]["readers"][0]["median_c"] == pytest.approx(36.6, abs=0.3)
    assert sum(day["entries"] for day in found["days"]) > 50
    offline = log_in("viewer").get("/gates/31.json").json()
    assert offline["gate"]["status"] == "offline"
    assert offline["silences"][0]["to_ms"] is None


def test_coverage_counts_active_of_registered_and_names_the_silent(log_in: LogIn) -> None:
    found = log_in("viewer").get("/coverage.json?first=2026-11-20&last=2026-11-25").json()
    assert found["total"] == {"active": 7, "registered": 9}
    assert {one["site"] for one in found["silent"]} == {"cho-dau-moi", "ben-xe"}
    assert [one["rank"] for one in found["provinces"]] == [1, 2]


@pytest.mark.parametrize(
    "query", ["first=2026-11-25&last=2026-11-01", "first=heute", "first=0001-01-01&last=9999-12-31"]
)
def test_a_period_that_is_none_is_told(log_in: LogIn, query: str) -> None:
    answer = log_in("viewer").get(f"/charts?{query}")
    assert answer.status_code == 400
    assert "Khoảng thời gian không hợp lệ" in answer.text


def test_an_alarm_is_acknowledged_once_by_one_who_may(log_in: LogIn, served: Served) -> None:
    number = log_in("viewer").get("/alarms.json").json()["open"][0]["id"]
    path = f"/alarms/{number}/acknowledge"
    assert log_in("viewer").post(path, page="/alarms").status_code == 403
    manager = log_in("manager")
    for _ in range(2):
        assert manager.post(path, page="/alarms").headers["location"] == "/alarms"
    found = manager.get("/alarms.json").json()
    assert found["open_count"] == 2
    (seen,) = [one for one in found["history"] if one["id"] == number]
    assert seen["acknowledged_by"] == "manager"
    with served.engine.connect() as connection:
        lines = connection.execute(select(audit).where(audit.c.action == "acknowledge")).all()
    assert [line.who for line in lines] == ["manager"]
    assert manager.post("/alarms/4711/acknowledge", page="/alarms").status_code == 404


@pytest.fixture
def many_alarms(served: Served) -> Iterator[None]:
    """At one gate, in one moment; half of them are open."""
    with served.engine.begin() as connection:
        for seq in range(5_000, 5_230):
            connection.execute(
                insert(alarms).values(
                    at_ms=NOW_MS - 1, name="records_dropped", stream=12, seq=seq, detail="{}",
                    acknowledged_ms=NOW_MS if seq % 2 else None, acknowledged_by="lan",
                )
            )  # fmt: skip
    yield
    with served.engine.begin() as connection:
        connection.execute(delete(alarms).where(alarms.c.name == "records_dropped"))


NEXT = re.compile(r'rel="next" href="([^"]+)"')


@pytest.mark.parametrize(("state", "part", "pages", "total"), [
    ("open", "open", [50, 50, 15], 115), ("all", "history", [100, 100, 30], 230),
])  # fmt: skip
def test_the_history_of_alarms_is_walked_a_page_at_a_time(
    log_in: LogIn, many_alarms: None, state: str, part: str, pages: list[int], total: int
) -> None:
    del many_alarms
    viewer, seen, sizes = log_in("viewer"), set(), []
    path = f"/alarms?site=song-than/cong-chinh&gate=g2&name=records_dropped&state={state}"
    while path:
        page = viewer.get(path)
        assert page.status_code == 200
        assert ('data-live="' in page.text) == ("before" not in path)  # an old page stays as it is
        found = viewer.get(path.replace("/alarms?", "/alarms.json?")).json()
        sizes.append(len(found[part]))
        seen |= {one["id"] for one in found[part]}
        assert found["open_count"] == 115
        link = NEXT.search(page.text)
        path = "" if link is None else html.unescape(link[1])
    assert sizes == pages
    assert len(seen) == total


def test_alarms_of_another_place_or_name_are_not_among_those_asked_for(
    log_in: LogIn, many_alarms: None
) -> None:
    del many_alarms
    viewer = log_in("viewer")
    nothing = viewer.get("/alarms.json?site=song-than/cong-chinh&gate=g1&name=records_dropped")
    assert nothing.json()["history"] == []
    page = viewer.get("/alarms?site=song-than/cong-chinh&gate=g1&name=records_dropped").text
    assert page.count("Không có cảnh báo nào như vậy") == 2
    for path in ("/alarms?before=x", "/alarms.json?before=1-2-3"):
        assert viewer.get(path).status_code == 404


def test_who_acknowledges_comes_back_to_the_same_list(log_in: LogIn, many_alarms: None) -> None:
    del many_alarms
    manager = log_in("manager")
    page = "/alarms?name=records_dropped&state=open"
    number = manager.get(page.replace("?", ".json?")).json()["open"][0]["id"]
    assert f'value="{html.escape(page)}"' in manager.get(page).text
    path = f"/alarms/{number}/acknowledge"
    assert manager.post(path, {"back": page}, page=page).headers["location"] == page
    elsewhere = manager.post(path, {"back": "//evil.example/"}, page=page)
    assert elsewhere.headers["location"] == "/overview"


def test_script_in_a_name_stays_text(log_in: LogIn, served: Served) -> None:
    nasty = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    with served.engine.begin() as connection:
        before = connection.execute(select(sites.c.name).where(sites.c.id == 1)).scalar_one()
        connection.execute(update(sites).where(sites.c.id == 1).values(name=nasty))
    try:
        visitor = log_in("manager")
        for path in ("/overview", "/gates/11", "/charts", "/muster", "/registry/sites", "/alarms"):
            text = visitor.get(path).text
            assert "<img src=x" not in text, path
            assert 'alert("x")' not in text, path
        assert "&lt;script&gt;" in visitor.get("/overview").text
    finally:
        with served.engine.begin() as connection:
            connection.execute(update(sites).where(sites.c.id == 1).values(name=before))


def test_the_muster_list_names_who_is_inside_and_how_far_it_can_be_wrong(
    log_in: LogIn, served: Served
) -> None:
    manager = log_in("manager")
    page = manager.get("/muster?site=song-than/cong-chinh").text
    assert "3 lần bấm nút ra" in page
    found = manager.get("/muster.json?site=song-than/cong-chinh").json()["muster"]
    assert len(found["inside"]) == len(re.findall(r'<td class="tick">', page)) > 10
    assert any(one["who"]["name"] for one in found["inside"])
    with served.engine.connect() as connection:
        lines = connection.execute(select(audit).where(audit.c.action == "muster")).all()
    lines = [line for line in lines if "cong-chinh" in line.asked and line.who == "manager"]
    assert len(lines) == 2
    assert manager.get("/muster?site=song-than/nowhere").status_code == 404


def test_the_first_load_is_small(log_in: LogIn) -> None:
    visitor = log_in("administrator")
    names = set()
    for path in ("/overview", "/charts", "/coverage", "/registry/roster"):
        answer = visitor.get(path)
        names |= set(re.findall(r"/static/[^\"]+", answer.text))
        assert len(answer.content) < 150_000, path
    assets = sum(len(visitor.get(name).content) for name in names)
    page = len(visitor.get("/overview").content)
    assert assets + page < 200_000  # before packing


def test_a_packed_page_is_the_same_page(log_in: LogIn) -> None:
    visitor = log_in("viewer")
    packed = visitor.get("/coverage.json", headers={"accept-encoding": "gzip"})
    plain = visitor.get("/coverage.json", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_static_files_may_be_kept_and_nothing_else_is_served(anyone: Visitor) -> None:
    text = anyone.get("/login").text
    (style,) = re.findall(r"/static/style\.css\?v=\w+", text)
    answer = anyone.get(style)
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    for path in ("/static/../app.py", "/static/%2e%2e%2fapp.py", "/static/nothing.css"):
        assert anyone.get(path).status_code == 404


def test_a_store_that_goes_away_is_told_and_comes_back(log_in: LogIn, served: Served) -> None:
    manager = log_in("manager")
    with served.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sites RENAME TO sites_away")
    try:
        answer = manager.get("/charts")
        assert answer.status_code == 503
        assert "Hiện không đọc được kho dữ liệu" in answer.text
        assert "sites" not in answer.text.split("<main")[1]
    finally:
        with served.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE sites_away RENAME TO sites")
    assert manager.get("/charts").status_code == 200


def test_a_gate_whose_state_is_of_another_form_is_shown_all_the_same(
    log_in: LogIn, served: Served
) -> None:
    with served.engine.begin() as connection:
        before = connection.execute(
            select(gate_states.c.state).where(gate_states.c.gate == 12)
        ).scalar_one()
        connection.execute(
            update(gate_states).where(gate_states.c.gate == 12).values(state='{"gate": []}')
        )
    try:
        assert log_in("viewer").get("/gates/12").status_code == 200
    finally:
        with served.engine.begin() as connection:
            connection.execute(
                update(gate_states).where(gate_states.c.gate == 12).values(state=before)
            )


def test_every_form_checks_rights_before_it_reads_anything(anyone: Visitor) -> None:
    for form in FORMS:
        if form.right is None:
            continue
        path = re.sub(r"{\w+(:int)?}", "1", form.path)
        answer: httpx.Response = anyone.client.post(path, data={"csrf": anyone.form_token()})
        assert answer.status_code == 401, path


def test_every_page_has_a_right_but_the_doors() -> None:
    assert {page.path.split("/")[1] for page in PAGES if page.right is None} == {"login"}


def test_a_park_too_large_for_a_tile_each_shows_what_needs_a_look(tmp_path: Path) -> None:
    with Served(tmp_path, Sample(people=7, days=0, gates=700)) as served:
        visitor = Visitor(served)
        visitor.log_in("viewer")
        answer = visitor.get("/overview")
        assert "3 trong 700 cổng cần xem" in answer.text
        assert answer.text.count('class="tile ') == 3
        assert "Ở đây chỉ có những cổng cần xem trong 700 cổng" in answer.text
        assert 'class="map"' not in answer.text
        assert len(answer.content) < 30_000
        visitor.close()


@pytest.mark.parametrize(
    ("language", "words"), [("vi", "Ngoài giờ mở cửa"), ("en", "Out of hours")]
)
def test_a_gate_out_of_its_hours_is_said_to_be_closed(
    log_in: LogIn, served: Served, language: str, words: str
) -> None:
    """Well, and not ready: who is refused there will call the manager."""
    viewer = log_in("viewer")
    viewer.client.cookies.set("edge_hub_language", language)
    where = gate_states.c.gate == 11
    with served.engine.begin() as connection:
        before = connection.execute(select(gate_states.c.state).where(where)).scalar_one()
        said = json.loads(before)
        said["gate"]["closed"] = True
        connection.execute(update(gate_states).where(where).values(state=json.dumps(said)))
    try:
        assert words in viewer.get("/overview").text
        assert viewer.get("/gates/11.json").json()["gate"]["closed"] is True
    finally:
        with served.engine.begin() as connection:
            connection.execute(update(gate_states).where(where).values(state=before))
    assert words not in viewer.get("/overview").text
