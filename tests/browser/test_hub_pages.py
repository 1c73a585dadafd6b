"""The manager's and the tracer's way through the pages, in a real browser; axe finds nothing."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, insert, select, update

from feed.messages import Command, Reply
from feed.topics import GateTopics
from hub.store.schema import alarms, audit, gate_states, gates, metadata, sessions, sites
from hub.web.sample import Sample, state_of
from tests.browser.axe import findings
from tests.browser.chromium import WAIT_MS, Chromium
from tests.browser.hubpages import NOW_MS, PASSWORD, Served, ask, log_in


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("hub"), Sample(people=200, days=4)) as made:
        yield made


def text(browser: Chromium, selector: str = "main") -> str:
    found: str = browser.run(f"document.querySelector({json.dumps(selector)}).innerText")
    return found


def test_a_manager_sees_an_alarm_come_and_acknowledges_it(
    browser: Chromium, served: Served
) -> None:
    browser.size(1280, 900)
    log_in(browser, served, role="manager")
    browser.wait("document.querySelector('#live.on') !== null")
    with served.engine.begin() as connection:
        connection.execute(
            insert(alarms).values(
                at_ms=NOW_MS, name="door_forced", stream=21, seq=77_777,
                detail=json.dumps({"gate": "g1"}), acknowledged_ms=None, acknowledged_by=None,
            )
        )  # fmt: skip
    browser.wait("document.querySelector('#alarms').innerText.includes('Cửa bị phá mở')")
    assert browser.run("document.querySelector('#figure-alarms dd').innerText") == "4"
    assert browser.complaints() == []
    browser.press("#alarms a.button")
    assert "Cửa bị phá mở" in text(browser, ".cards")
    browser.press(".cards .alarm button")
    assert "Cửa bị phá mở" not in text(browser, ".cards")
    assert "manager" in text(browser, "table")
    # another comes while the list is open: nothing moves, the page says so
    browser.wait("document.querySelector('#live.on') !== null")
    with served.engine.begin() as connection:
        connection.execute(
            insert(alarms).values(at_ms=NOW_MS, name="fire", stream=21, seq=77_778, detail="{}")
        )
    browser.wait("!document.querySelector('#newer').hidden")
    assert "Mở thoát hiểm" not in text(browser, ".cards")
    browser.press("#newer a")
    assert "Mở thoát hiểm" in text(browser, ".cards")
    assert browser.complaints() == []


def test_a_gate_that_fails_shows_at_once_on_the_open_page(
    browser: Chromium, served: Served
) -> None:
    log_in(browser, served, role="viewer")
    browser.wait("document.querySelector('#live.on') !== null")
    assert browser.run("document.querySelector('#gate-11').classList.contains('well')")
    broken = state_of(
        NOW_MS, 11, random.Random(3), gate={"faults": [{"device": "camera", "cause": "unplugged"}]}
    )
    with served.engine.begin() as connection:
        connection.execute(update(gate_states).where(gate_states.c.gate == 11).values(state=broken))
    browser.wait("document.querySelector('#gate-11').classList.contains('fault')")
    assert "máy ảnh: bị rút ra" in text(browser, "#gate-11")
    # the pin on the map changed with it, as a drawing and not as a word
    browser.wait("document.querySelector('#pin-1 .icon.fault') !== null")
    assert browser.run("document.querySelector('#pin-1') instanceof SVGElement")
    assert browser.complaints() == []


def test_a_manager_closes_a_gate_and_an_open_page_tells_it_and_opens_it_again(
    browser: Chromium, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Command] = []

    def gates(
        commands: Mapping[GateTopics, Command], away: Collection[GateTopics]
    ) -> dict[GateTopics, Reply]:
        heard.extend(commands.values())
        closed = heard[-1].command == "close"
        return {
            place: Reply(id=one.id, ok=True, result={"closed": closed})
            for place, one in commands.items()
        }

    monkeypatch.setattr(served.desk, "ask_gates", gates)
    log_in(browser, served, role="manager")
    browser.open(f"{served.url}/gates/12")
    browser.press('a[href="/gates/12/close"]')
    assert "Không ai vào được nữa" in text(browser)
    browser.page.click("form.stack button.main")
    assert browser.run("document.querySelector('#reason').matches(':invalid')")
    assert heard == [], "the browser itself asks for a reason"
    browser.page.select_option("#reason", "outbreak")
    browser.press("form.stack button.main")
    browser.wait("document.querySelector('.done') !== null")
    assert "đã đóng lối vào" in text(browser, ".done")
    browser.press("p.buttons a.button")
    browser.wait("document.querySelector('#live.on') !== null")
    # the gate's own word comes over the feed
    order = {"since": "2026-11-25T00:19:00.000Z", "reason": "outbreak", "by": "manager"}
    said = state_of(NOW_MS, 12, random.Random(3), gate={"closed": True, "order": order})
    with served.engine.begin() as connection:
        connection.execute(update(gate_states).where(gate_states.c.gate == 12).values(state=said))
    browser.wait("document.querySelector('a[href=\"/gates/12/reopen\"]') !== null")
    assert "Đóng theo lệnh (phòng dịch) từ 25/11 07:19 bởi manager" in text(browser, "#gate-12")
    browser.press('a[href="/gates/12/reopen"]')
    browser.press("form.stack button.main")
    browser.wait("document.querySelector('.done') !== null")
    assert [one.command for one in heard] == ["close", "reopen"]
    assert browser.complaints() == []


def test_a_page_that_hears_nothing_more_says_so(browser: Chromium, served: Served) -> None:
    log_in(browser, served, role="viewer")
    browser.wait("document.querySelector('#live.on') !== null")
    with served.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gates RENAME TO gates_away")
    try:
        # the page looks at its own clock, which runs ahead here
        browser.wait(
            "(window.ahead = (window.ahead || 0) + 5000, Date.now = () => performance.timeOrigin"
            " + performance.now() + ahead, document.querySelector('#live.stale') !== null)"
        )
        assert "Mất kết nối" in text(browser, "#live")
    finally:
        with served.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gates_away RENAME TO gates")
    browser.page.reload()
    browser.wait("document.querySelector('#live.on') !== null")


def test_a_tracer_goes_from_a_question_to_an_export(browser: Chromium, served: Served) -> None:
    log_in(browser, served, role="tracer")
    path = ask(browser, served)
    assert "tiếp xúc với" in text(browser, "h1")
    assert browser.run("document.querySelectorAll('table.contacts tbody tr').length") > 5
    assert browser.run("document.querySelectorAll('svg.graph circle').length") > 5
    assert "Kết quả" in text(browser)
    # narrowed: the same gate within two minutes leaves fewer
    before = browser.run("document.querySelectorAll('table.contacts tbody tr').length")
    browser.page.fill("#same_gate_minutes", "2")
    browser.press("form.stack button")
    assert browser.run("location.pathname") != path
    assert browser.run("document.querySelectorAll('table.contacts tbody tr').length") < before
    rows = browser.page.locator("table.contacts tbody tr").count()
    with browser.page.expect_download() as saved:
        browser.page.click('a[href$="/csv"]')
    assert saved.value.suggested_filename.endswith(".csv")
    raw = saved.value.path().read_bytes()
    assert raw.startswith(
        "\ufeffVòng,Mã người,".encode()
    )  # a mark, so that a table program reads UTF-8
    assert len(raw.decode("utf-8-sig").strip().split("\r\n")) >= rows + 1
    with served.engine.connect() as connection:
        lines = connection.execute(select(audit.c.action).where(audit.c.who == "tracer")).scalars()
        assert list(lines) == ["trace", "trace answer"] * 2 + ["trace export"]
    assert browser.complaints() == []


def test_a_manager_pins_a_gate_on_the_plan_by_a_click(browser: Chromium, served: Served) -> None:
    browser.size(1280, 1000)
    log_in(browser, served, role="manager")
    browser.open(f"{served.url}/sites/1/plan")
    page = browser.page
    expect(page.locator("#x-13")).to_have_value("")
    page.locator("svg.placing").click(position={"x": 120, "y": 90})
    expect(page.locator("#x-13")).not_to_have_value("")  # the one without a place is meant
    expect(page.locator("#y-13")).not_to_have_value("")
    browser.press("form.pins button.main")
    browser.open(f"{served.url}/sites/1")
    expect(page.locator("#plan-pin-13")).to_have_count(1)
    assert browser.complaints() == []


def test_a_wrong_password_and_an_ended_session_are_told_at_the_door(
    browser: Chromium, served: Served
) -> None:
    page = browser.page
    browser.open(f"{served.url}/login")
    page.fill("#name", "viewer")
    page.fill("#password", "not this one")
    page.locator("button.main").click()
    expect(page.locator("[role=alert]")).to_contain_text("không đúng")
    assert page.input_value("#password") == ""
    log_in(browser, served, role="viewer")
    with served.engine.begin() as connection:
        connection.execute(delete(sessions))
    browser.open(f"{served.url}/alarms")
    expect(page).to_have_url(re.compile("/login"))
    expect(page.locator("#password")).to_be_visible()


def test_a_file_of_ten_megabytes_with_one_bad_line_names_it_and_takes_nothing(
    browser: Chromium, served: Served, tmp_path: Path
) -> None:
    long = "Nguyễn Thị Thu Hương " * 9
    lines = [f"song-than,HS{n:06},{long},pupil" for n in range(40_000)]
    lines[20_000] = "song-than,,Không có mã số,pupil"
    file = tmp_path / "lop.csv"
    file.write_text("park,holder,name,category\n" + "\n".join(lines), encoding="utf-8")
    assert file.stat().st_size > 10_000_000
    log_in(browser, served, role="manager")
    browser.open(f"{served.url}/registry/roster")
    page = browser.page
    before = page.locator("#h-rows .count").inner_text()
    page.set_input_files("#file", file)
    page.locator("form[enctype] button.main").click()
    expect(page.locator("[role=alert] h2")).to_contain_text("1 chỗ sai", timeout=WAIT_MS)
    expect(page.locator("[role=alert] td").first).to_have_text("20002")
    browser.open(f"{served.url}/registry/roster")
    assert page.locator("#h-rows .count").inner_text() == before


def test_script_in_a_name_is_text_on_the_page_and_in_what_comes_live(
    browser: Chromium, served: Served
) -> None:
    nasty = "<img src=x onerror=\"document.title='hacked'\"><b>Tên</b>"
    log_in(browser, served, role="manager")
    browser.wait("document.querySelector('#live.on') !== null")
    with served.engine.begin() as connection:
        before = connection.execute(select(sites.c.name).where(sites.c.id == 2)).scalar_one()
        connection.execute(update(sites).where(sites.c.id == 2).values(name=nasty))
    try:
        # another name is another layout: the page loads itself anew
        expect(browser.page.locator("#site-2 h3")).to_contain_text("<img src=x", timeout=WAIT_MS)
        expect(browser.page.locator("#site-2 b")).to_have_count(0)
        assert "hacked" not in browser.page.title()
    finally:
        with served.engine.begin() as connection:
            connection.execute(update(sites).where(sites.c.id == 2).values(name=before))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_axe_finds_nothing_on_any_page(
    browser: Chromium, served: Served, language: str, theme: str
) -> None:
    found = {}
    browser.size(1280, 900, dark=theme == "dark")
    browser.context.clear_cookies()
    browser.open(f"{served.url}/login")
    found["login"] = findings(browser)
    for role in ("administrator", "tracer"):
        log_in(browser, served, role=role, language=language)
        pages = served.pages() if role == "administrator" else {"trace": "/trace"}
        for name, path in pages.items():
            browser.open(served.url + path)
            assert browser.run("document.documentElement.lang") == language
            found[name] = findings(browser)
            browser.keep(f"hub-{name}-{language}-{theme}", whole=True)
            assert browser.complaints() == [], name
            # a field for a day draws its own picture
            own = (served.url, "data:")
            assert [url for url in browser.requested() if not url.startswith(own)] == []
    ask(browser, served)
    found["answer"] = findings(browser)
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Chromium, served: Served) -> None:
    browser.size(360, 740)
    log_in(browser, served)
    wide = {}
    for name, path in served.pages().items():
        browser.open(served.url + path)
        width = browser.run("document.documentElement.scrollWidth")
        if width > 360:
            wide[name] = width
    assert wide == {}
    browser.open(f"{served.url}/overview")
    assert findings(browser) == []
    small = browser.run(
        "[...document.querySelectorAll('main a, button')].map(e => e.getBoundingClientRect())"
        ".filter(r => r.width && (r.width < 24 || r.height < 18)).length"
    )
    assert small == 0


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1024, 768), (1920, 1080)])
def test_names_of_any_length_stay_within_the_page(
    browser: Chromium, served: Served, width: int, height: int
) -> None:
    long = (
        "Công ty Trách nhiệm hữu hạn Một thành viên Sản xuất, Thương mại, Dịch vụ và Xuất nhập khẩu"
    )
    names = {sites: {1: long, 3: "X" * 90}, gates: {11: "Cổng phụ phía Đông Nam cạnh nhà để xe"}}
    with served.engine.begin() as connection:
        before = {
            table: dict(connection.execute(select(table.c.id, table.c.name)).tuples().all())
            for table in names
        }
        for table, some in names.items():
            for number, name in some.items():
                connection.execute(update(table).where(table.c.id == number).values(name=name))
    try:
        browser.size(width, height)
        log_in(browser, served, role="manager")
        wide = {}
        for name, path in served.pages().items():
            if name != "audit":
                browser.open(served.url + path)
                wide[name] = browser.run("document.documentElement.scrollWidth")
        assert {name: one for name, one in wide.items() if one > width} == {}
    finally:
        with served.engine.begin() as connection:
            for table, some in names.items():
                for number in some:
                    was = before[table][number]
                    connection.execute(update(table).where(table.c.id == number).values(name=was))


def test_on_a_phone_tables_that_people_need_there_are_not_cut(
    browser: Chromium, served: Served
) -> None:
    cut = (
        "[...document.querySelectorAll('main .scroll')].filter(e => e.scrollWidth > e.clientWidth"
        " + 1).map(e => e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))"
    )
    found = {}
    browser.size(360, 740)
    for role in ("administrator", "tracer"):
        for language in ("vi", "en"):
            log_in(browser, served, role=role, language=language)
            names = ("sites", "site", "gate", "alarms", "charts", "coverage", "muster", "audit")
            pages = {name: served.pages()[name] for name in names}
            if role == "tracer":
                pages = {"answer": ask(browser, served)}
            for name, path in pages.items():
                browser.open(served.url + path)
                found[name, language] = browser.run(cut)
    assert {name: tables for name, tables in found.items() if tables} == {}


def test_on_a_phone_the_way_to_every_page_is_in_sight(browser: Chromium, served: Served) -> None:
    browser.size(360, 740)
    for language in ("vi", "en"):
        log_in(browser, served, language=language)
        browser.open(f"{served.url}/muster")
        outside = browser.run(
            "[...document.querySelectorAll('header a, header button')].filter(e => {"
            " const r = e.getBoundingClientRect(); return r.left < 0 || r.right > 360; }).length"
        )
        assert outside == 0
        assert browser.run("document.querySelector('header').offsetHeight") < 740 / 4


@pytest.mark.parametrize("role", ["manager", "viewer"])
def test_on_a_wall_every_gate_is_in_sight(browser: Chromium, served: Served, role: str) -> None:
    browser.size(1920, 1080)
    for language in ("vi", "en"):
        log_in(browser, served, role=role, language=language)
        below = browser.run(
            "[...document.querySelectorAll('.tile')].filter(e => e.getBoundingClientRect().bottom"
            " > innerHeight).map(e => e.innerText)"
        )
        assert below == []
    # and no part of the wall is left empty for what this role may not see
    right = browser.run(
        "Math.max(...[...document.querySelectorAll('.board > *')].map(e =>"
        " e.getBoundingClientRect().right))"
    )
    assert right > 1850


def test_an_alarm_is_acknowledged_with_the_keyboard_alone(
    browser: Chromium, served: Served
) -> None:
    with served.engine.begin() as connection:
        connection.execute(
            insert(alarms).values(at_ms=NOW_MS + 1, name="fire", stream=31, seq=9, detail="{}")
        )
    browser.size(1280, 900)
    browser.context.clear_cookies()
    browser.open(f"{served.url}/login")
    keyboard = browser.page.keyboard
    keyboard.type("manager")  # the field has the focus
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    browser.page.wait_for_url("**/overview")
    browser.open(f"{served.url}/alarms?name=fire&state=open")
    keyboard.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    keyboard.press("Enter")
    on_button = "document.activeElement.closest('.card') !== null"
    on_link = "document.activeElement.closest('a') !== null"
    for _ in range(12):
        keyboard.press("Tab")
        ring = browser.run("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none"  # where one is shows
        if browser.run(f"{on_button} && !({on_link})"):
            break
    before = browser.page.locator(".cards .alarm").count()
    with browser.page.expect_event("load", timeout=WAIT_MS):
        keyboard.press("Enter")
    assert browser.page.url.endswith("/alarms?name=fire&state=open")
    assert browser.page.locator(".cards .alarm").count() == before - 1


def test_pages_of_a_hub_without_gates_say_what_to_do(browser: Chromium, tmp_path: Path) -> None:
    with Served(tmp_path, Sample(people=0)) as served:
        with served.engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name not in {"users", "sessions"}:
                    connection.execute(delete(table))
        browser.size(360, 740)
        told = {
            "vi": {"overview": "khi nó kết nối", "muster": "khi nó kết nối", "sites": "kết nối",
                   "coverage": "Chưa có điểm nào được đăng ký", "charts": "Không có lượt nào",
                   "alarms": "Chưa có cảnh báo nào", "registry/sites": "Hãy nhập một tệp",
                   "audit": "Nhật ký trống"},
            "en": {"overview": "appears by itself", "muster": "appears by itself",
                   "sites": "appears by itself", "coverage": "No site is registered",
                   "charts": "No entries", "alarms": "There was no alarm yet",
                   "registry/sites": "Import a file", "audit": "The log is empty"},
        }  # fmt: skip
        for language, pages in told.items():
            log_in(browser, served, language=language)
            for path, words in pages.items():
                browser.open(f"{served.url}/{path}")
                assert words in text(browser), (language, path)
                assert browser.run("document.querySelectorAll('main thead').length") == 0, path
                assert findings(browser) == [], path


def test_the_printed_muster_list_is_the_list_and_not_the_buttons(
    browser: Chromium, served: Served
) -> None:
    browser.size(1280, 900)
    log_in(browser, served, role="manager")
    browser.open(f"{served.url}/muster?site=song-than/ky-tuc-xa")
    browser.page.emulate_media(media="print")
    shown = "getComputedStyle(document.querySelector('{}')).display"
    assert browser.run(shown.format("header.top")) == "none"
    assert browser.run(shown.format("form.filter")) == "none"
    assert browser.run(shown.format("footer")) == "none"
    assert browser.run(shown.format(".note")) != "none"
    assert browser.run(shown.format("table.list-of-people")) == "table"
