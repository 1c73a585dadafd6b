"""The pages say the same over PostgreSQL as over SQLite."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.web.sample import Sample, token_of
from tests.browser.hubpages import Served
from tests.web.drawing import plan_png
from tests.web.visitor import Visitor

pgcluster = pytest.importorskip("tests.pgcluster")
SAMPLE = Sample(people=120, days=3)
TWINS = (
    "/overview.json", "/gates/11.json", "/gates/31.json", "/alarms.json",
    "/charts.json?site=song-than/cong-chinh", "/coverage.json?first=2026-11-20&last=2026-11-25",
    "/muster.json?site=song-than/ky-tuc-xa", "/registry/sites.json", "/registry/gates.json",
    "/registry/roster.json", "/sites.json", "/sites/1.json",
)  # fmt: skip
QUESTION = {
    "kind": "token", "value": token_of(17), "from": "2026-11-21T00:00", "to": "2026-11-25T07:20",
    "hops": "2", "same_gate_minutes": "15", "purpose": "so sánh hai kho dữ liệu",
}  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    if pgcluster.programs() is None:
        pytest.skip("no PostgreSQL server on this machine: apt install postgresql")
    cluster = pgcluster.Cluster()
    folder: Path = tmp_path_factory.mktemp("hubs")
    try:
        with (
            Served(folder, SAMPLE) as lite,
            Served(folder, SAMPLE, store=cluster.empty()) as postgres,
        ):
            yield lite, postgres
    finally:
        cluster.stop()
        cluster.remove()


def visitor(served: Served, role: str) -> Visitor:
    made = Visitor(served)
    assert made.log_in(role).status_code == 303
    return made


def seen(served: Served) -> dict[str, Any]:
    """Everything that a manager, a tracer and an administrator get."""
    manager, tracer = visitor(served, "manager"), visitor(served, "tracer")
    found = {path: manager.get(path).json() for path in TWINS}
    went = tracer.post("/trace", QUESTION, page="/trace")
    found["answer"] = tracer.get(f"{went.headers['location']}.json").json()
    number = found["/alarms.json"]["open"][0]["id"]
    manager.post(f"/alarms/{number}/acknowledge", page="/alarms")
    found["acknowledged"] = manager.get("/alarms.json").json()
    raw = "park,holder,name\nsong-than,GV9,Đỗ Thị Hồng Ngọc\nsong-than,NV00001,Lê Ánh\n".encode()
    page = "/registry/roster"
    manager.post(f"{page}/import", page=page, files={"file": ("a.csv", io.BytesIO(raw))})
    found["imported"] = manager.get(f"{page}.json").json()
    picture = {"picture": ("plan.png", plan_png())}
    manager.post("/sites/2/plan", page="/sites/2/plan", files=picture)
    manager.post("/sites/2/plan/pins", {"x-21": "25", "y-21": "75.5"}, page="/sites/2/plan")
    found["site"] = manager.get("/sites/2.json").json()
    found["picture"] = manager.get("/sites/2/picture").content
    administrator = visitor(served, "administrator")
    found["audit"] = administrator.get("/audit.json").json()
    for one in (manager, tracer, administrator):
        one.close()
    return found


def test_every_page_says_the_same_over_postgresql(both: tuple[Served, Served]) -> None:
    lite, postgres = (seen(served) for served in both)
    for name, value in lite.items():
        assert postgres[name] == value, name
    assert lite["site"]["site"]["gates"][0]["pin"] == [0.25, 0.755]
    assert len(lite["answer"]["answer"]["contacts"]["contacts"]) > 3
    assert lite["audit"]["total"] >= 4
