"""Logging in: who gets in, who doesn't, and what a session is worth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from hub.roles import Role
from hub.store.schema import users
from hub.users import add, set_password
from hub.web.session import masked, matches
from tests.browser.hubpages import NOW_MS, PASSWORD, Served
from tests.web.visitor import Visitor

LogIn = Callable[[str], Visitor]


def test_nobody_sees_a_page_without_logging_in(anyone: Visitor, served: Served) -> None:
    for path in served.pages().values():
        answer = anyone.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login")


def test_a_json_twin_says_401_and_does_not_lead_elsewhere(anyone: Visitor) -> None:
    answer = anyone.get("/overview.json")
    assert answer.status_code == 401
    assert answer.json()["error"] == "error.log_in"


def test_after_logging_in_one_is_where_one_wanted_to_be(anyone: Visitor) -> None:
    answer = anyone.log_in("manager", back="/coverage?first=2026-11-01&last=2026-11-25")
    assert answer.headers["location"] == "/coverage?first=2026-11-01&last=2026-11-25"


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/x\ny"],
)
def test_logging_in_never_leads_to_another_host(anyone: Visitor, back: str) -> None:
    assert anyone.log_in("manager", back=back).headers["location"] == "/overview"


@pytest.mark.parametrize(
    ("name", "password"), [("manager", "sai mật khẩu rồi"), ("nobody", PASSWORD)]
)
def test_a_wrong_log_in_does_not_say_what_was_wrong(
    anyone: Visitor, name: str, password: str
) -> None:
    answer = anyone.log_in(name, password)
    assert answer.status_code == 401
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in answer.text
    assert password not in answer.text
    assert "edge_hub" not in {cookie.name for cookie in anyone.client.cookies.jar}


def test_who_tries_again_and_again_must_wait_and_nobody_else(served: Served) -> None:
    with served.engine.begin() as connection:
        add(connection, "guessed", Role.VIEWER, password=PASSWORD, at_ms=NOW_MS)
    visitor = Visitor(served)
    answers = [visitor.log_in("guessed", f"đoán lần thứ {n}").status_code for n in range(9)]
    assert answers == [401] * 8 + [429]
    waiting = visitor.log_in("guessed")  # the right one is not taken now
    assert waiting.status_code == 429
    assert int(waiting.headers["retry-after"]) > 0
    # at another address, which the server in front of the hub saw, the same name may try
    visitor.client.headers["x-forwarded-for"] = "203.0.113.9, 198.51.100.7"
    assert visitor.log_in("guessed").status_code == 303
    visitor.close()
    other = Visitor(served)
    assert other.log_in("viewer").status_code == 303
    other.close()


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(anyone: Visitor) -> None:
    set_cookie = anyone.log_in("viewer").headers["set-cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=strict" in set_cookie


def test_over_https_the_cookie_is_for_https_alone(anyone: Visitor) -> None:
    anyone.client.headers["x-forwarded-proto"] = "https"
    made = anyone.get("/login").headers["set-cookie"]
    assert made.startswith("__Host-edge_hub")
    assert "Secure" in made


def test_a_form_without_its_token_does_nothing(log_in: LogIn) -> None:
    manager = log_in("manager")
    answer = manager.client.post("/alarms/1/acknowledge", data={})
    assert answer.status_code == 403
    assert manager.get("/alarms.json").json()["open_count"] == 3


def test_a_form_with_another_sessions_token_does_nothing(log_in: LogIn) -> None:
    manager, other = log_in("manager"), log_in("manager")
    answer = manager.client.post(
        "/alarms/1/acknowledge", data={"csrf": other.form_token("/alarms")}
    )
    assert answer.status_code == 403


def test_a_form_sent_from_another_site_does_nothing(log_in: LogIn) -> None:
    manager = log_in("manager")
    answer = manager.post(
        "/alarms/1/acknowledge", page="/alarms", headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403


def test_a_log_in_form_is_bound_to_its_browser(served: Served) -> None:
    victim, attacker = Visitor(served), Visitor(served)
    fields = {"csrf": attacker.form_token(), "name": "viewer", "password": PASSWORD}
    victim.get("/login")
    assert victim.client.post("/login", data=fields).status_code == 403
    victim.close()
    attacker.close()


def test_after_the_log_out_the_old_cookie_opens_nothing(log_in: LogIn) -> None:
    viewer = log_in("viewer")
    secret = viewer.client.cookies["edge_hub"]
    assert viewer.post("/logout", page="/overview").status_code == 303
    answer = viewer.get("/overview.json", headers={"cookie": f"edge_hub={secret}"})
    assert answer.status_code == 401


def test_another_password_or_role_ends_what_was_open(served: Served) -> None:
    with served.engine.begin() as connection:
        add(connection, "moved", Role.MANAGER, password=PASSWORD, at_ms=NOW_MS)
    for change in ("password", "role"):
        visitor = Visitor(served)
        assert visitor.log_in("moved").status_code == 303
        assert visitor.get("/overview.json").status_code == 200
        with served.engine.begin() as connection:
            if change == "password":
                set_password(connection, "moved", PASSWORD)
            else:
                connection.execute(
                    update(users).where(users.c.name == "moved").values(role="viewer")
                )
        assert visitor.get("/overview.json").status_code == 401, change
        visitor.close()


def test_a_one_time_link_works_once_and_not_by_being_looked_at(served: Served) -> None:
    link = served.desk.one_time_link(served.url, role="manager")
    path = link.removeprefix(served.url)
    first, second = Visitor(served), Visitor(served)
    for _ in range(3):
        assert first.get(path).status_code == 200
    assert first.post(path, page=path).headers["location"] == "/overview"
    assert first.get("/overview.json").status_code == 200
    assert second.post(path, page=path).status_code == 403
    first.close()
    second.close()


def test_a_forms_token_is_another_text_each_time_and_still_fits() -> None:
    key = bytes(range(32))
    one, other = masked(key), masked(key)
    assert one != other
    assert matches(key, one)
    assert matches(key, other)
    assert not matches(bytes(32), one)
    for text in ("", "?", "á", one[:-4], one + "AAAA"):
        assert not matches(key, text)


def test_language_and_theme_are_kept_without_logging_in(anyone: Visitor) -> None:
    assert 'lang="vi"' in anyone.get("/login").text
    answer = anyone.post("/preferences", {"language": "en", "theme": "dark", "back": "/login"})
    assert answer.headers["location"] == "/login"
    page = anyone.get("/login").text
    assert 'lang="en" data-theme="dark"' in page
    assert "Log in" in page
