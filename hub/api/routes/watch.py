"""Sites, gates, alarms, occupancy: what the monitor sees."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from hub.api.deps import Acknowledger, TheHub, Viewer, note
from hub.clock import now_ms
from hub.monitor.alarms import Alarm, AlarmError, Key, Wanted, acknowledge, list_alarms
from hub.monitor.gates import Gates, Status, fault_line
from hub.monitor.occupancy import Inside, occupancy
from hub.monitor.orders import Ordered
from hub.registry import book
from hub.registry.columns import Kind
from hub.store.engine import writing
from hub.trace import completeness, lookup
from hub.trace.answers import Period
from hub.trace.output import completeness_json

router = APIRouter(tags=["monitoring"])
Park = Annotated[str | None, Query(description="Of this park alone.")]


class Site(BaseModel):
    """A registered site."""

    park: str
    site: str
    name: str | None
    type: str | None
    address: str | None
    district: str | None
    province: str | None
    latitude: float | None
    longitude: float | None
    longest_stay_min: int | None
    contact: str | None


class Gate(BaseModel):
    """A gate as the hub knows it; times in milliseconds since 1970 in UTC."""

    park: str
    site: str
    site_name: str | None
    gate: str
    registered: bool
    online: bool
    status: Status
    heard_ms: int | None
    offline_since_ms: int | None
    version: str | None
    phase: str | None
    door: str | None
    lock: str | None
    fire: bool
    closed: bool
    order: Ordered | None
    faults: list[str]
    unconfirmed: int | None
    oldest_unconfirmed_ms: int | None


class Acknowledge(BaseModel):
    """The alarms that were looked at."""

    ids: Annotated[list[int], Field(min_length=1, max_length=1_000)]
    purpose: Annotated[str, Field(max_length=500)] = ""


class Acknowledged(BaseModel):
    """How many of them were open."""

    acknowledged: int


class Occupancy(BaseModel):
    """People inside at a moment. `assumed` of a site's have not been seen to leave."""

    at_ms: int
    sites: list[Inside]
    completeness: dict[str, Any]


_OCCUPANCY = {
    "at_ms": 1_629_680_400_000,
    "sites": [
        {"park": "kcn-tan-thuan", "site": "nha-may-a", "site_name": "Nhà máy A", "inside": 412,
         "assumed": 3}
    ],
    "completeness": {
        "complete": False, "offline": [], "unheard": [], "gaps": [], "unsynced": 0,
        "assumed_ends": 3, "unidentified": 0, "unknown_outcomes": 0, "unmatched_exits": 0,
        "truncated": False,
    },
}  # fmt: skip


@router.get("/sites")
def get_sites(hub: TheHub, user: Viewer, park: Park = None) -> list[Site]:
    """The registered sites."""
    del user
    with hub.engine.connect() as connection:
        return [Site(**row) for row in book.read(connection, Kind.SITES, park=park)]


@router.get("/gates")
def get_gates(hub: TheHub, user: Viewer, park: Park = None) -> list[Gate]:
    """Every gate that is registered or was heard: whether it is there, and what it is doing."""
    del user
    with hub.engine.connect() as connection:
        found = Gates(hub.config.monitor.silent_s).now(connection, now_ms(), park=park)
    plain = Gate.model_fields.keys() - {"faults"}
    return [
        Gate(
            **{name: getattr(one, name) for name in plain},
            faults=[fault_line(fault) for fault in one.faults],
        )
        for one in found
    ]


@router.get("/alarms")
def get_alarms(
    hub: TheHub,
    user: Viewer,
    request: Request,
    response: Response,
    park: Park = None,
    site: Annotated[str | None, Query(description="Of this site of the park alone.")] = None,
    gate: Annotated[str | None, Query(description="Of this gate of the site alone.")] = None,
    name: Annotated[str | None, Query(description="Of this name alone.")] = None,
    *,
    every: Annotated[bool, Query(alias="all", description="Those acknowledged too.")] = False,
    before: Annotated[
        str | None, Query(description="A page further: the key in the Link before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> list[Alarm]:
    """Alarms that nobody has acknowledged, the newest first.

    Where there are more, the header `Link` names the next page (RFC 8288, rel="next").
    """
    del user
    if (site and not park) or (gate and not site):
        raise HTTPException(422, "name a site with its park, and a gate with its site")
    try:
        key = None if before is None else Key.of(before)
    except ValueError as error:
        raise HTTPException(422, f"before: {error}") from error
    wanted = Wanted(park=park, site=site, gate=gate, name=name, only_open=not every)
    with hub.engine.connect() as connection:
        found = list_alarms(connection, wanted, before=key, limit=limit)
    if found.next is not None:
        there = request.url.include_query_params(before=str(found.next))
        response.headers["Link"] = f'<{there.path}?{there.query}>; rel="next"'
    return list(found.alarms)


@router.post("/alarms/acknowledge")
def post_acknowledge(hub: TheHub, user: Acknowledger, sent: Acknowledge) -> Acknowledged:
    """Say that these alarms were looked at."""
    try:
        with writing(hub.engine) as connection:
            done = acknowledge(connection, sent.ids, who=user.name, at_ms=now_ms())
            asked = {"ids": sent.ids}
            note(
                connection, user, "alarms acknowledge", sent.purpose, asked, {"acknowledged": done}
            )
    except AlarmError as error:
        raise HTTPException(404, str(error)) from error
    return Acknowledged(acknowledged=done)


@router.get(
    "/occupancy", responses={200: {"content": {"application/json": {"example": _OCCUPANCY}}}}
)
def get_occupancy(
    hub: TheHub,
    user: Viewer,
    park: Park = None,
    at_ms: Annotated[
        int | None, Query(ge=0, le=4_102_444_800_000, description="At this moment; now without it.")
    ] = None,
) -> Occupancy:
    """How many are inside, by site, and what may be lacking: since the longest stay before."""
    del user
    moment_ms = now_ms() if at_ms is None else at_ms
    with hub.engine.connect() as connection:
        sites = occupancy(connection, moment_ms, park=park)
        places = {
            key: one for key, one in lookup.places(connection).items() if park in {None, one.park}
        }
        longest_ms = max((one.longest_ms for one in places.values()), default=0)
        found = completeness.of(
            connection,
            places,
            Period(moment_ms - longest_ms, moment_ms + 1),
            assumed_ends=sum(one.assumed for one in sites),
        )
    return Occupancy(at_ms=moment_ms, sites=sites, completeness=completeness_json(found))
