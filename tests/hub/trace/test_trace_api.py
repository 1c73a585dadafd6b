"""Traces over HTTP, asked over a real socket."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine, insert, select

from feed.topics import GateTopics
from hub import users
from hub.api.app import create
from hub.api.server import Server
from hub.config import Config, IdentityTable
from hub.roles import GIVEN, Role
from hub.store.engine import connect, writing
from hub.store.schema import audit, metadata, people, roster
from identity import canonical
from identity.keys import make_token_key
from identity.token import Tokeniser
from tests.hub.derive.parks import MINUTE, START, Gate, derive, put, rows, token

NUMBER = "001087012345"
NAME = "Nguyễn Thị Ánh Tuyết"
PURPOSE = "case 2021-0815, contacts of August"
PERIOD = {"from": "2021-08-22T00:00:00+07:00", "to": "2021-08-25T00:00:00+07:00"}
SITE = "kcn/nha-may-a"
COMPLETENESS = {
    "complete", "offline", "unheard", "gaps", "unsynced", "assumed_ends", "unidentified",
    "unknown_outcomes", "unmatched_exits", "truncated",
}  # fmt: skip


class Api:
    """A morning at one gate, served; a user of each role."""

    def __init__(self, folder: Path) -> None:
        key = make_token_key(folder / "token.key")
        case = token(Tokeniser(key, key_id="k1", scope="park").token(canonical.citizen(NUMBER)).v)
        gate = Gate("9f2c61d0a35be874", GateTopics("kcn", "nha-may-a", "g1"))
        gate.passes(case, "in", START, "opened", "passed")
        gate.passes("tuyet-token", "in", START + 10 * MINUTE, "opened", "passed")
        gate.passes(case, "out", START + 60 * MINUTE, "opened", "passed")
        gate.passes("tuyet-token", "out", START + 90 * MINUTE, "opened", "passed")
        gate.passes("last-token", "in", START + 95 * MINUTE, "opened", "passed")
        self.engine: Engine = connect(folder / "hub.db")
        metadata.create_all(self.engine)
        put(self.engine, gate.records)
        derive(self.engine)
        self._tokens = {}
        with writing(self.engine) as tx:
            who = tx.scalar(select(people.c.id).where(people.c.token == "tuyet-token"))
            tx.execute(insert(roster).values(park="kcn", holder="NV-1", name=NAME, person=who))
            for role in GIVEN:
                users.add(tx, f"a-{role}", role, password=None, at_ms=0)
                self._tokens[role] = users.make_token(
                    tx, f"a-{role}", purpose="test", at_ms=0, until_ms=None
                )
        identity = IdentityTable(key_file=folder / "token.key")
        self.app = create(self.engine, Config(identity=identity))
        self._server = Server(self.app, "127.0.0.1:0")
        self._server.start()
        self._client = httpx.Client(timeout=30, trust_env=False, verify=False)

    def ask(self, what: str, role: Role = Role.TRACER, form: str = "json", **sent: Any) -> Any:
        """POST /trace/`what`, with the period and the purpose unless `sent` has others."""
        return self._client.post(
            f"{self._server.url}/api/v1/trace/{what}", params={"format": form},
            headers=self._who(role), json={**PERIOD, "purpose": PURPOSE, **sent},
        )  # fmt: skip

    def get(self, path: str, role: Role, **params: str | int) -> Any:
        return self._client.get(
            f"{self._server.url}/api/v1{path}", params=params, headers=self._who(role)
        )

    def _who(self, role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[role]}"}

    def close(self) -> None:
        self._client.close()
        self._server.stop()
        self.engine.dispose()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = Api(tmp_path_factory.mktemp("trace"))
    yield made
    made.close()


def last_line(api: Api) -> Any:
    return rows(api.engine, audit)[-1]


def test_a_citizen_number_gives_contacts_and_stands_nowhere(api: Api) -> None:
    answer = api.ask("contacts", credentials=[NUMBER])
    assert answer.status_code == 200, answer.text
    (contact,) = answer.json()["contacts"]
    assert (contact["who"]["name"], contact["minutes"]) == (NAME, 50.0)
    assert answer.json()["completeness"].keys() == COMPLETENESS
    line = last_line(api)
    assert (line.who, line.role, line.action) == ("a-tracer", "tracer", "trace")
    assert line.purpose == PURPOSE
    assert NUMBER not in line.asked + line.seen + answer.text
    assert json.loads(line.seen)["people"] == 1


def test_visits_and_a_place_say_how_complete_they_are(api: Api) -> None:
    visits = api.ask("visits", holders=["NV-1"], park="kcn").json()
    assert [(one["in_gate"], one["assumed"]) for one in visits["visits"]] == [("g1", False)]
    assert visits["completeness"]["complete"]
    place = api.ask("place", site=SITE).json()
    assert len(place["people"]) == 3
    assert place["completeness"]["assumed_ends"] == 1


@pytest.mark.parametrize("what", ["visits", "contacts", "place"])
def test_tables_hold_the_rows_and_what_may_be_lacking(api: Api, what: str) -> None:
    sent = {"site": SITE} if what == "place" else {"tokens": ["tuyet-token"]}
    csv = api.ask(what, form="csv", **sent)
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.headers["content-disposition"] == f'attachment; filename="{what}.csv"'
    text = csv.content.decode("utf-8-sig")
    assert "2021-08-23 07:" in text  # of the park's zone
    assert text.splitlines()[-1].strip('"').startswith("# ")
    book = load_workbook(io.BytesIO(api.ask(what, form="xlsx", **sent).content))
    assert book.sheetnames[-1] == "completeness"
    assert book.worksheets[0].max_row > 1


def test_the_muster_list_names_who_is_inside_at_a_moment(api: Api) -> None:
    at = (START + 70 * MINUTE).isoformat()
    answer = api.get("/muster", Role.MANAGER, site=SITE, at=at).json()
    assert [one["who"]["name"] for one in answer["inside"]] == [NAME]
    assert answer["uncertainty"]["anonymous_exits"] == 0
    assert answer["completeness"].keys() == COMPLETENESS
    assert (last_line(api).action, last_line(api).who) == ("muster", "a-manager")
    csv = api.get("/muster", Role.MANAGER, site=SITE, at=at, format="csv").text
    assert NAME in csv


def test_occupancy_of_a_moment_says_how_complete_it_is(api: Api) -> None:
    at_ms = int((START + 70 * MINUTE).timestamp() * 1000)
    answer = api.get("/occupancy", Role.VIEWER, at_ms=at_ms).json()
    assert [one["inside"] for one in answer["sites"]] == [1]
    assert answer["completeness"].keys() == COMPLETENESS


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MANAGER, Role.ADMINISTRATOR])
def test_nobody_but_a_tracer_traces_and_nothing_is_told(api: Api, role: Role) -> None:
    before = len(rows(api.engine, audit))
    answer = api.ask("contacts", role, tokens=["tuyet-token"])
    assert answer.status_code == 403
    told = f"the role {role} lacks the right 'trace', which these have: tracer"
    assert answer.json() == {"error": told}
    assert len(rows(api.engine, audit)) == before


@pytest.mark.parametrize(
    ("what", "sent", "status", "told"),
    [
        ("visits", {"tokens": ["tuyet-token"], "purpose": "x"}, 422, "purpose"),
        ("visits", {}, 422, "name a person"),
        ("place", {}, 422, "site"),
        ("place", {"site": "nowhere"}, 404, "no such site"),
        ("visits", {"tokens": ["nobody-here"]}, 404, "nobody-here"),
        ("visits", {"tokens": ["tuyet-token"], "gate": "g1"}, 422, "gate needs its site"),
        ("visits", {"tokens": ["tuyet-token"], "from": "2021-08-22T00:00:00"}, 422, "from"),
        ("visits", {"tokens": ["tuyet-token"], "to": PERIOD["from"]}, 422, "to is not after from"),
        ("contacts", {"tokens": ["tuyet-token"], "hops": 7}, 422, "hops"),
        ("contacts", {"tokens": ["tuyet-token"], "to": "9999-12-31T23:59:59-12:00"}, 422, "a year"),
    ],
)
def test_a_mistake_is_one_line(
    api: Api, what: str, sent: dict[str, Any], status: int, told: str
) -> None:
    answer = api.ask(what, **sent)
    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_a_question_whether_somebody_is_known_leaves_a_line(api: Api) -> None:
    assert api.ask("visits", credentials=["001087099999"]).status_code == 404
    line = last_line(api)
    assert json.loads(line.seen) == {"found": False}
    assert "001087099999" not in line.asked


def test_the_interface_page_shows_questions_and_answers(api: Api) -> None:
    schema = api.app.openapi()
    for what in ("visits", "contacts", "place"):
        answer = schema["paths"][f"/api/v1/trace/{what}"]["post"]["responses"]["200"]["content"]
        assert answer["application/json"]["example"]["completeness"].keys() == COMPLETENESS
        assert "text/csv" in answer
    for name in ("VisitsQuestion", "ContactsQuestion", "PlaceQuestion"):
        (example,) = schema["components"]["schemas"][name]["examples"]
        assert "purpose" in example
