"""The HTTP interface, asked over a real socket."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, insert, select

from hub import users
from hub.api.app import create
from hub.api.server import Server
from hub.config import ApiTable, Config, ConfigError, IdentityTable
from hub.roles import GIVEN, Right, Role, may
from hub.store.engine import connect, writing
from hub.store.schema import alarms, audit, metadata, sites, streams
from hub.users import UserError
from tests.hub.park.support import Park
from tests.pgcluster import Cluster

PASSWORD = "mật khẩu đủ dài"


class Api:
    """A served store, and clients of each role."""

    def __init__(self, engine: Engine, tmp_path: Path) -> None:
        key = tmp_path / "token.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        self.engine = engine
        self.folder = tmp_path
        self.config = Config(
            api=ApiTable(largest_body_bytes=100_000), identity=IdentityTable(key_file=key)
        )
        self.broker: str | None = None
        self.app = create(engine, self.config, broker=lambda: self.broker)
        self.server = Server(self.app, "127.0.0.1:0")
        self.tokens: dict[str, str] = {}
        with writing(engine) as connection:
            for role in GIVEN:
                password = PASSWORD if role is Role.MANAGER else None
                users.add(connection, f"a-{role}", role, password=password, at_ms=0)
                self.tokens[role] = users.make_token(
                    connection, f"a-{role}", purpose="test", at_ms=0, until_ms=None
                )
        self.server.start()
        # without TLS there is nothing to verify, and reading the system's CAs takes a while
        self._client = httpx.Client(timeout=30, trust_env=False, verify=False)

    def ask(self, method: str, path: str, role: Role | None = Role.VIEWER, **more: Any) -> Any:
        headers = more.pop("headers", {})
        if role is not None:
            headers = headers | {"Authorization": f"Bearer {self.tokens[role]}"}
        return self._client.request(method, self.server.url + path, headers=headers, **more)

    def close(self) -> None:
        self._client.close()
        self.server.stop()

    def get(self, path: str, role: Role | None = Role.VIEWER, **more: Any) -> Any:
        return self.ask("GET", path, role, **more)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    engine = connect(folder / "hub.db")
    metadata.create_all(engine)
    made = Api(engine, folder)
    yield made
    made.close()
    engine.dispose()


@pytest.fixture
def api(served: Api) -> Api:
    """The same server for each test, over tables that are empty but for the users."""
    served.broker = None
    with served.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name not in {"users", "api_tokens"}:
                connection.execute(table.delete())
    return served


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = connect(tmp_path / "hub.db")
    metadata.create_all(made)
    yield made
    made.dispose()


def lines(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(audit.c.who, audit.c.action, audit.c.purpose))
        return [tuple(row) for row in rows]


# --- who may what ---------------------------------------------------------------------------


def test_nobody_sees_anything_without_a_token(api: Api) -> None:
    for path in api.app.openapi()["paths"]:
        if not path.startswith("/api/v1") or path.endswith("login"):
            continue
        method = "GET" if "get" in api.app.openapi()["paths"][path] else "POST"
        there = path.replace("{kind}", "sites")
        answer = api.ask(method, there, None)
        assert answer.status_code == 401, path
        assert list(answer.json()) == ["error"]
        assert (
            api.ask(method, there, None, headers={"Authorization": "Bearer x"}).status_code == 401
        )


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "/api/v1/sites", Right.SEE),
        ("GET", "/api/v1/gates", Right.SEE),
        ("GET", "/api/v1/occupancy", Right.SEE),
        ("GET", "/api/v1/alarms", Right.SEE),
        ("POST", "/api/v1/alarms/acknowledge", Right.ACKNOWLEDGE),
        ("GET", "/api/v1/reports/entries", Right.REPORT),
        ("GET", "/api/v1/reports/coverage", Right.REPORT),
        ("POST", "/api/v1/reports/compliance", Right.REPORT),
        ("GET", "/api/v1/muster?site=kcn/a", Right.MUSTER),
        ("POST", "/api/v1/trace/visits", Right.TRACE),
        ("POST", "/api/v1/trace/contacts", Right.TRACE),
        ("POST", "/api/v1/trace/place", Right.TRACE),
        ("GET", "/api/v1/registry/roster", Right.REGISTRY),
        ("POST", "/api/v1/registry/roster", Right.REGISTRY),
    ],
)
def test_each_role_may_what_it_is_here_for(api: Api, method: str, path: str, right: Right) -> None:
    for role in GIVEN:
        refused = api.ask(method, path, role).status_code == 403
        assert refused is (not may(role, right))


def test_only_tracers_may_trace() -> None:
    assert [role for role in GIVEN if may(role, Right.TRACE)] == [Role.TRACER]


def test_a_token_that_ended_or_was_taken_back_opens_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        users.add(connection, "lan", Role.VIEWER, password=None, at_ms=0)
        secret = users.make_token(connection, "lan", purpose="", at_ms=0, until_ms=1_000)
        assert users.by_token(connection, secret, at_ms=999) == users.User("lan", Role.VIEWER)
        assert users.by_token(connection, secret, at_ms=1_000) is None
        users.revoke(connection, secret)
        assert users.by_token(connection, secret, at_ms=1) is None
        other = users.make_token(connection, "lan", purpose="", at_ms=0, until_ms=None)
        users.set_password(connection, "lan", PASSWORD)
        assert users.by_token(connection, other, at_ms=1) is None


def test_the_store_holds_neither_tokens_nor_passwords(api: Api) -> None:
    with api.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in api.folder.glob("hub.db*"):
        raw = path.read_bytes()
        assert PASSWORD.encode() not in raw
        assert all(token.encode() not in raw for token in api.tokens.values())


@pytest.mark.parametrize("name", ["", "Lan", "a b", "-x", "x" * 65])
def test_names_that_are_none_are_refused(engine: Engine, name: str) -> None:
    with writing(engine) as connection, pytest.raises(UserError, match="is no user name"):
        users.add(connection, name, Role.VIEWER, password=None, at_ms=0)


def test_a_short_password_is_refused() -> None:
    with pytest.raises(UserError, match="12 to 200 characters"):
        users.hashed("short")


# --- logging in -----------------------------------------------------------------------------


def login(api: Api, name: str, password: str) -> Any:
    sent = {"name": name, "password": password}
    return api.ask("POST", "/api/v1/login", None, json=sent)


def test_a_log_in_gives_a_token_and_a_log_out_takes_it_back(api: Api) -> None:
    answer = login(api, "a-manager", PASSWORD)
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert api.get("/api/v1/me", None, headers=headers).json()["role"] == "manager"
    assert api.ask("POST", "/api/v1/logout", None, headers=headers).status_code == 204
    assert api.get("/api/v1/me", None, headers=headers).status_code == 401


def test_a_user_without_a_password_can_not_log_in(api: Api) -> None:
    assert login(api, "a-viewer", "").status_code == 401
    assert login(api, "nobody", PASSWORD).json() == {"error": "name or password is wrong"}


def test_guessing_ends_after_five_tries_even_with_the_right_password(api: Api) -> None:
    assert [login(api, "a-manager", f"wrong {n}").status_code for n in range(5)] == [401] * 5
    answer = login(api, "a-manager", PASSWORD)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 301


# --- what is told ---------------------------------------------------------------------------


def test_health_is_503_when_the_broker_is_away(api: Api) -> None:
    assert api.get("/health", None).status_code == 200
    api.broker = "broker.lan:1883: connection refused"
    answer = api.get("/health", None)
    assert answer.status_code == 503
    assert answer.json() == {
        "ok": False,
        "store": "reachable",
        "broker": "broker.lan:1883: connection refused",
        "derivation_lag_records": 0,
    }


def test_metrics_are_for_prometheus(api: Api) -> None:
    answer = api.get("/metrics", None)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "edge_hub_store_up 1.0" in answer.text


def test_sites_gates_and_occupancy(api: Api) -> None:
    park = Park(api.engine)
    site = park.site("a", name="Cổng A")
    park.visit(site, park.person("1"), "2021-08-23 07:00", "2021-08-23 16:00")
    assert api.get("/api/v1/sites").json()[0]["name"] == "Cổng A"
    (gate,) = api.get("/api/v1/gates").json()
    assert (gate["online"], gate["heard_ms"], gate["registered"]) == (False, None, True)
    at = {"at_ms": 1629680400000}  # 2021-08-23 08:00
    told = api.get("/api/v1/occupancy", params=at).json()
    assert [one["inside"] for one in told["sites"]] == [1]
    assert told["at_ms"] == at["at_ms"]
    assert told["completeness"]["unheard"] == [{"site": "kcn/a", "gate": "g1"}]
    assert api.get("/api/v1/sites", params={"park": "other"}).json() == []


def test_an_alarm_is_acknowledged_with_the_user_s_name(api: Api) -> None:
    with api.engine.begin() as connection:
        connection.execute(insert(alarms).values(at_ms=1, name="fire", detail="", stream=0, seq=0))
    (alarm,) = api.get("/api/v1/alarms").json()
    sent = {"ids": [alarm["id"]], "purpose": "went there"}
    path = "/api/v1/alarms/acknowledge"
    assert api.ask("POST", path, Role.MANAGER, json=sent).json() == {"acknowledged": 1}
    assert api.get("/api/v1/alarms").json() == []
    assert api.get("/api/v1/alarms?all=true").json()[0]["acknowledged_by"] == "a-manager"
    assert lines(api.engine) == [("a-manager", "alarms acknowledge", "went there")]
    unknown = api.ask("POST", path, Role.MANAGER, json={"ids": [77]})
    assert (unknown.status_code, unknown.json()) == (404, {"error": "there is no alarm 77"})


def test_alarms_come_a_page_at_a_time_and_of_one_gate(api: Api) -> None:
    with writing(api.engine) as connection:
        for number, gate in ((1, "g1"), (2, "g2")):
            connection.execute(
                insert(streams).values(id=number, stream=gate, park="p", site="s", gate=gate)
            )
        for seq in range(1, 8):
            connection.execute(
                insert(alarms).values(at_ms=5, name="fire", detail="", stream=seq % 2 + 1, seq=seq)
            )
    path, seen = "/api/v1/alarms?park=p&site=s&limit=3", []
    while path:
        answer = api.get(path)
        assert len(answer.json()) <= 3
        seen += [one["seq"] for one in answer.json()]
        assert answer.links.get("next", {}).get("rel", "next") == "next"
        path = answer.links.get("next", {}).get("url", "")
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    of_gate = api.get("/api/v1/alarms?park=p&site=s&gate=g2&name=fire").json()
    assert [one["seq"] for one in of_gate] == [7, 5, 3, 1]
    assert api.get("/api/v1/alarms?name=door_forced").json() == []
    for query in ("before=gestern", "site=s", "park=p&gate=g1"):
        assert api.get(f"/api/v1/alarms?{query}").status_code == 422, query


@pytest.mark.parametrize("form", ["json", "csv", "xlsx", "html", "pdf"])
def test_reports_come_in_every_format_and_leave_an_audit_line(api: Api, form: str) -> None:
    Park(api.engine).site("a", province="BD")
    days = {"from": "2021-08-16", "to": "2021-08-22", "format": form, "purpose": "weekly"}
    answer = api.get("/api/v1/reports/coverage", Role.MANAGER, params=days)
    assert answer.status_code == 200
    if form == "json":
        assert answer.json()["figures"]["active"] == {"count": 0, "of": 1}
    if form in {"pdf", "xlsx", "csv"}:
        name = f"coverage-2021-08-16-2021-08-22.{form}"
        assert name in answer.headers["content-disposition"]
    assert lines(api.engine) == [("a-manager", "report coverage", "weekly")]


def test_a_list_of_people_is_answered(api: Api) -> None:
    Park(api.engine).on_roster("42", name="An", phone="84912345678")
    answer = api.ask(
        "POST", "/api/v1/reports/compliance", Role.TRACER,
        files={"file": ("list.txt", b"0912345678\n99\n")},
    )  # fmt: skip
    figures = answer.json()["figures"]
    assert figures["unknown"] == {"count": 1, "of": 2}
    assert figures["untraceable"] == {"count": 1, "of": 1}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("from=2021-08-22&to=2021-08-16", "before it begins"),
        ("from=yesterday", "from: Input should be a valid date"),
        ("format=doc", "format: Input should be"),
        ("format=csv&table=x", "table: there is no 'x'; give one of by_day"),
    ],
)
def test_a_report_that_can_not_be_made_is_one_line(api: Api, query: str, says: str) -> None:
    answer = api.get(f"/api/v1/reports/entries?{query}", Role.MANAGER)
    assert answer.status_code == 422
    assert says in answer.json()["error"]


# --- the registry ---------------------------------------------------------------------------


def send(api: Api, text: str, query: str = "", kind: str = "sites") -> Any:
    path = f"/api/v1/registry/{kind}{query}"
    return api.ask("POST", path, Role.MANAGER, files={"file": ("f.csv", text.encode())})


def test_a_registry_goes_in_and_comes_out(api: Api) -> None:
    assert send(api, "park,site,name\nkcn,a,Cổng A\n").json()["added"] == 1
    exported = api.get("/api/v1/registry/sites?format=csv", Role.MANAGER)
    again = send(api, exported.content.decode("utf-8-sig")).json()
    assert (again["added"], again["unchanged"]) == (0, 1)
    assert api.get("/api/v1/registry").json()[0]["sites"] == 1


def test_every_fault_of_a_file_is_told_and_nothing_is_taken(api: Api) -> None:
    answer = send(api, "park,site,distrct\nkcn,a,x\n")
    assert answer.status_code == 422
    assert (
        answer.json()["error"] == "f.csv: line 1: distrct: unknown column; did you mean district?"
    )
    answer = send(api, "park,site\nkcn,a\nkcn,\nkcn,b/c\n")
    assert [fault["line"] for fault in answer.json()["faults"]] == [3, 4]
    with api.engine.connect() as connection:
        assert connection.execute(select(sites)).all() == []


def test_a_check_changes_nothing(api: Api) -> None:
    assert send(api, "park,site\nkcn,a\n", "?check=true").json()["added"] == 1
    assert api.get("/api/v1/sites").json() == []


def test_a_roster_s_credentials_become_tokens(api: Api) -> None:
    answer = send(api, "park,holder,cccd\nkcn,1,079084012345\n", kind="roster")
    assert answer.json()["added"] == 1
    (row,) = api.get("/api/v1/registry/roster", Role.MANAGER).json()
    assert row["token"].startswith("k1:park:")
    assert "079084012345" not in json.dumps(row)


# --- what holds for all ---------------------------------------------------------------------


def test_every_answer_has_the_headers(api: Api) -> None:
    for path in ("/health", "/docs", "/api/v1/sites", "/nowhere"):
        headers = api.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "server" not in headers


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    answer = send(api, "x" * 200_000)
    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is larger than 100000 bytes; part it"}


def test_who_sends_too_much_still_hears_why(api: Api) -> None:
    host, _, port = api.server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as slow:
        slow.sendall(
            b"POST /api/v1/login HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
            b"Content-Length: 300000\r\n\r\n"
        )
        for _ in range(300):
            slow.sendall(b"x" * 1_000)
        answer = slow.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"larger than 100000 bytes" in answer


def test_a_body_that_hides_its_length_is_refused_too(api: Api) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield b"x" * 1_000

    answer = api.ask(
        "POST", "/api/v1/login", None, content=endless(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/v1/sites", 405),
        ("GET", "/api/v1/registry/x", 422),
    ],
)
def test_mistakes_are_one_line_of_json(api: Api, method: str, path: str, status: int) -> None:
    answer = api.ask(method, path, Role.MANAGER)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert "\n" not in answer.json()["error"]


def test_a_store_that_goes_away_is_503(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with api.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gate_states RENAME TO gone")
    with caplog.at_level(logging.CRITICAL, logger="hub"):
        answer = api.get("/api/v1/gates")
    with api.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO gate_states")
    assert answer.status_code == 503
    assert answer.json() == {"error": "the store can't be used now; try again"}


def test_the_page_of_the_interface_asks_nobody_else(api: Api) -> None:
    page = api.get("/docs", None).text
    assert "<script" not in page
    assert "://" not in page
    for path in api.app.openapi()["paths"]:
        assert path in page
    assert api.get("/redoc", None).status_code == 404


def test_an_address_that_is_taken_is_one_line(api: Api) -> None:
    address = api.server.url.removeprefix("http://")
    with pytest.raises(
        ConfigError, match=f"^api.listen: {address}: Address already in use; give another port"
    ):
        Server(api.app, address)


def test_a_nul_in_a_name_is_no_fault_of_the_store(cluster: Cluster, tmp_path: Path) -> None:
    """PostgreSQL takes none; `try again` would be wrong."""
    store = connect(cluster.database())
    made = Api(store, tmp_path)
    try:
        answer = made.get("/api/v1/sites", params={"park": "a\0b"})
    finally:
        made.close()
        store.dispose()
    assert (answer.status_code, "NUL" in answer.json()["error"]) == (422, True)
