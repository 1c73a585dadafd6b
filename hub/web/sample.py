"""A made-up park in a store: for the pictures in the documentation, tests and benchmarks.

Everything follows from the seed and from `now_ms`. Names are invented.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import Connection, func, insert, select

from hub.badges.drawing import FONT_FILES
from hub.pictures import Picture
from hub.plans import set_picture, set_pins
from hub.store.schema import (
    alarms,
    anonymous,
    derived,
    gate_states,
    gates,
    islands,
    offline,
    passages,
    people,
    roster,
    sites,
    streams,
    visits,
)

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_ROWS_AT_ONCE = 2_000
_PLACES = (
    ("cong-chinh", "Cổng chính Khu A", "nhà máy", 10.9602, 106.7581, "Dĩ An", "Bình Dương", 3),
    ("xuong-may", "Xưởng may Hòa Bình", "nhà máy", 10.9655, 106.7660, "Dĩ An", "Bình Dương", 2),
    ("kho-lanh", "Kho lạnh số 2", "kho", 10.9561, 106.7702, "Dĩ An", "Bình Dương", 1),
    ("ky-tuc-xa", "Ký túc xá Nguyễn Thị Định", "ký túc xá", 10.9518, 106.7604, "Thuận An",
     "Bình Dương", 2),
    ("truong-thcs", "Trường THCS Lý Thường Kiệt", "trường học", 10.9480, 106.7690, "Thủ Đức",
     "Thành phố Hồ Chí Minh", 2),
    ("tram-y-te", "Trạm y tế khu công nghiệp", "trạm y tế", 10.9630, 106.7520, "Thuận An",
     "Bình Dương", 1),
    ("nha-an", "Nhà ăn tập thể", "nhà ăn", 10.9583, 106.7640, "Dĩ An", "Bình Dương", 1),
)  # fmt: skip
_SILENT = (
    ("cho-dau-moi", "Chợ đầu mối Thủ Đức", "chợ", "Thủ Đức",
     "Thành phố Hồ Chí Minh", "Bà Trần Thị Mỹ, 028 3725 0000"),
    ("ben-xe", "Bến xe Miền Đông mới", "bến xe", "Thủ Đức",
     "Thành phố Hồ Chí Minh", "Ông Lê Văn Phúc, 028 3898 0000"),
)  # fmt: skip
_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ")
_GIVEN = ("Thị Thùy Dương", "Văn Hữu Đức", "Ngọc Quỳnh Như", "Quốc Khánh", "Thị Mỹ Hạnh",
          "Hoàng Phước", "Thị Tuyết Nhung", "Đình Trường", "Kiều Oanh", "Minh Tường")  # fmt: skip
_REFUSALS = (
    "temperature_high", "code_expired", "code_unreadable", "code_not_accepted", "code_timeout",
    "temperature_unsteady",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """How large: people, days back, and how many gates (0: the park's own twelve)."""

    people: int = 400
    days: int = 10
    gates: int = 0
    seed: int = 7


def fill(connection: Connection, sample: Sample, *, now_ms: int) -> None:
    """Fill an empty store."""
    rng = random.Random(sample.seed)
    places = _sites(connection, sample)
    if not sample.gates:
        _plan(connection, now_ms)
    _states(connection, rng, places, now_ms)
    _people(connection, rng, sample.people)
    _passages(connection, rng, sample, places, now_ms)
    _happenings(connection, places, now_ms)
    if connection.dialect.name == "postgresql":
        # rows with numbers of their own leave the sequences where they were
        for table in (sites, gates, streams, people):
            last = select(func.max(table.c.id)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(table.name, "id")
            connection.execute(select(func.setval(sequence, last)))


Place = tuple[int, list[tuple[int, str, int]]]  # site, its gates: id, name, stream


def _sites(connection: Connection, sample: Sample) -> list[Place]:
    chosen: list[tuple[Any, ...]] = [*_PLACES]
    if sample.gates:
        chosen = [
            (f"diem-{n + 1:03}", f"Điểm kiểm dịch số {n + 1}", "nhà máy",
             10.9 + (n // 10) * 0.006, 106.7 + (n % 10) * 0.009, "Dĩ An", "Bình Dương", 5)
            for n in range((sample.gates + 4) // 5)
        ]  # fmt: skip
    found = []
    for number, (site, name, kind, latitude, longitude, district, province, count) in enumerate(
        chosen, 1
    ):
        connection.execute(
            insert(sites).values(
                id=number, park="song-than", site=site, registered=True, name=name, type=kind,
                address="Đại lộ Độc Lập", district=district, province=province,
                latitude=latitude, longitude=longitude, derived_stay_min=960,
                contact="Anh Võ Quốc Khánh, 0274 379 0000",
            )
        )  # fmt: skip
        own = []
        for gate in range(1, count + 1):
            key = number * 10 + gate
            connection.execute(
                insert(gates).values(
                    id=key, site=number, gate=f"g{gate}", registered=True,
                    name=f"Cổng {gate}" if count > 1 else "Cổng chính",
                )
            )  # fmt: skip
            connection.execute(
                insert(streams).values(
                    id=key, stream=stream_name(key),
                    park="song-than", site=site, gate=f"g{gate}", upto=4_000 + key,
                )
            )  # fmt: skip
            connection.execute(insert(derived).values(stream=key, upto=4_000 + key))
            own.append((key, f"g{gate}", key))
        found.append((number, own))
    silent = () if sample.gates else _SILENT
    for number, (site, name, kind, district, province, contact) in enumerate(silent, 1_000):
        connection.execute(
            insert(sites).values(
                id=number, park="thu-duc", site=site, registered=True, name=name, type=kind,
                district=district, province=province, contact=contact,
            )
        )  # fmt: skip
    return found


_BUILDINGS = (
    (90, 120, 420, 330, "Xưởng 1"), (90, 380, 420, 590, "Xưởng 2"), (520, 120, 760, 330, "Kho"),
    (520, 380, 760, 590, "Văn phòng"), (860, 120, 1130, 590, "Bãi xe"),
)  # fmt: skip


def _plan(connection: Connection, now_ms: int) -> None:
    """A drawing of the first site, with two of its three gates pinned."""
    image = Image.new("RGB", (1200, 760), "#f7f5ef")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(FONT_FILES[False]), 30)
    draw.rectangle((40, 60, 1160, 660), outline="#6b6b6b", width=6)
    for left, top, right, bottom, name in _BUILDINGS:
        draw.rectangle((left, top, right, bottom), fill="#e3ded1", outline="#8a8577", width=3)
        draw.text(((left + right) / 2, (top + bottom) / 2), name, "#55524a", font, anchor="mm")
    draw.text((600, 710), "Đại lộ Độc Lập", "#55524a", font, anchor="mm")
    out = io.BytesIO()
    image.save(out, "WEBP", lossless=True)
    drawn = Picture(out.getvalue(), *image.size)
    set_picture(connection, 1, drawn, who="sample", at_ms=now_ms)
    set_pins(connection, 1, {11: (0.4, 0.868), 12: (0.965, 0.47)})


def stream_name(key: int) -> str:
    """The stream of a made-up gate."""
    return hashlib.sha256(str(key).encode()).hexdigest()[:16]


def state_of(now_ms: int, stream: int, rng: random.Random, **changes: Any) -> str:
    """A gate's retained state, as it comes over the feed."""
    gate = {
        "phase": "secured", "door": "closed", "lock": "secured", "fire": False,
        "granted": rng.randrange(100, 900), "denied": rng.randrange(2, 30),
        "readers": [
            {"name": way, "direction": way, "phase": "idle",
             "ambient_c": round(30 + rng.gauss(0, 0.6), 1),
             "median_c": round(36.6 + rng.gauss(0, 0.05), 2), "median_of": 100,
             "drift_c": round(rng.gauss(0, 0.04), 2)}
            for way in ("in", "out")
        ],
    } | changes.pop("gate", {})  # fmt: skip
    records = {"stream": stream_name(stream), "seq": 4_000 + stream, "confirmed": 4_000 + stream}
    said = {
        "status": "online", "v": 1, "version": "0.1.0", "since": _iso(now_ms - 9 * _HOUR_MS),
        "at": _iso(now_ms - 20_000), "gate": gate,
        "records": records | changes.pop("records", {}), **changes,
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False)


def _states(
    connection: Connection, rng: random.Random, places: Sequence[Place], now_ms: int
) -> None:
    for number, (gate, _, stream) in enumerate(gate for _, own in places for gate in own):
        changes: dict[str, Any] = {}
        online, heard_ms = True, now_ms - rng.randrange(2_000, 40_000)
        if number == 3:
            changes["gate"] = {
                "faults": [{"device": "thermometer", "cause": "bus_error", "reader": "in"}]
            }
        if number == 5:
            online, heard_ms = False, now_ms - 47 * _MINUTE_MS
            connection.execute(insert(offline).values(gate=gate, from_ms=heard_ms, to_ms=None))
        if number == 8:
            oldest = {"oldest_unconfirmed_at": _iso(now_ms - 26 * _MINUTE_MS)}
            changes["records"] = oldest
        text = state_of(now_ms, stream, rng, **changes)
        connection.execute(
            insert(gate_states).values(gate=gate, heard_ms=heard_ms, online=online, state=text)
        )
    first = places[0][1][0][0]
    for back in (3, 6):
        start = now_ms - back * _DAY_MS
        connection.execute(
            insert(offline).values(gate=first, from_ms=start, to_ms=start + 7 * _MINUTE_MS)
        )
    connection.execute(insert(islands).values(stream=first, first=4_050, last=4_060))


def token_of(number: int) -> str:
    """The token of a made-up person."""
    digest = hashlib.sha256(f"person {number}".encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _people(connection: Connection, rng: random.Random, count: int) -> None:
    _insert(
        connection,
        people,
        (
            {"id": n, "kid": "k1", "scope": "park", "token": token_of(n), "same_as": n}
            for n in range(1, count + 1)
        ),
    )
    _insert(
        connection,
        roster,
        (
            {
                "park": "song-than", "holder": f"NV{n:05}",
                "name": f"{rng.choice(_FAMILY)} {rng.choice(_GIVEN)}",
                "category": "staff", "phone": f"8491{n:07}", "person": n,
            }
            for n in range(1, min(count, 260) + 1)
        ),
    )  # fmt: skip


def _passages(
    connection: Connection, rng: random.Random, sample: Sample, places: Sequence[Place], now_ms: int
) -> None:
    seqs = {stream: 1 for _, own in places for _, _, stream in own}
    rows: list[dict[str, Any]] = []
    stays: list[dict[str, Any]] = []
    midnight = now_ms - (now_ms + 7 * _HOUR_MS) % _DAY_MS  # of Vietnam's day
    for back in range(sample.days, -1, -1):
        day_ms = midnight - back * _DAY_MS
        air_c = 27.5 + rng.gauss(0, 0.7)
        for person in range(1, sample.people + 1):
            if rng.random() < 0.22:
                continue
            place = places[person % len(places)]
            begin = day_ms + int(rng.gauss(6.9 + person % 3 * 0.35, 0.45) * _HOUR_MS)
            end = begin + int(rng.gauss(8.6, 0.8) * _HOUR_MS)
            warm_c = air_c + 4.5 * max(0.0, min(1.0, (begin - day_ms) / _HOUR_MS - 5.5) / 4)
            went = _one(rng, seqs, place, person, "in", begin, warm_c, now_ms, rows)
            if went is None:
                continue
            left = None
            if rng.random() > 0.06:
                left = _one(rng, seqs, place, person, "out", end, warm_c + 3, now_ms, rows)
            stays.append(_stay(went, left, place[0], begin, end, person))
    _insert(connection, passages, iter(rows))
    _insert(connection, visits, iter(stays))


_Went = tuple[int, int, int]  # stream, seq, gate


def _one(
    rng: random.Random,
    seqs: dict[int, int],
    place: Place,
    person: int,
    way: str,
    at_ms: int,
    air_c: float,
    now_ms: int,
    rows: list[dict[str, Any]],
) -> _Went | None:
    """A decision and what became of it; None where nobody went through, or not yet."""
    if at_ms > now_ms:
        return None
    gate, _, stream = rng.choice(place[1])
    refused = way == "in" and rng.random() < 0.03
    reason = rng.choice(_REFUSALS) if refused else "code_accepted temperature_normal"
    estimate_c = 36.62 + rng.gauss(0, 0.22) + (1.6 if reason == "temperature_high" else 0)
    seqs[stream] += 2
    seq = seqs[stream]
    rows.append(
        {
            "stream": stream, "seq": seq, "at_ms": at_ms, "at_known": True, "boot": None,
            "gate": gate, "site": place[0], "reader": way, "direction": way, "person": person,
            "scheme": "pass", "category": "staff" if person <= 260 else "visitor",
            "granted": not refused, "reasons": reason,
            "outcome": "withheld" if refused else "passed",
            "verdict": "high" if reason == "temperature_high" else "normal",
            "estimate_c100": round(estimate_c * 100), "object_c100": round(estimate_c * 100) - 160,
            "ambient_c100": round((air_c + rng.gauss(0, 0.3)) * 100), "declaration": None,
        }
    )  # fmt: skip
    return None if refused else (stream, seq, gate)


def _stay(
    went: _Went, left: _Went | None, site: int, begin: int, end: int, person: int
) -> dict[str, Any]:
    stream, seq, gate = went
    return {
        "stream": stream, "seq": seq, "person": person, "site": site, "in_ms": begin,
        "out_ms": end if left else begin + 16 * _HOUR_MS, "in_gate": gate,
        "out_gate": left[2] if left else None, "assumed": left is None, "at_known": True,
    }  # fmt: skip


def _happenings(connection: Connection, places: Sequence[Place], now_ms: int) -> None:
    own = [gate for _, some in places for gate in some]
    told: tuple[tuple[int, str, int, dict[str, Any]], ...] = (
        (3, "device_fault", 12, {"device": "thermometer", "cause": "bus_error", "reader": "in"}),
        (0, "door_held_open", 34, {}),
        (1, "second_opening", 71, {}),
        (4, "calibration_due", 26 * 60, {"reader": "out"}),
        (2, "door_forced", 50 * 60, {}),
    )
    for number, (at, name, minutes, detail) in enumerate(told):
        _, name_of_gate, stream = own[at % len(own)]
        seen = number >= 3
        connection.execute(
            insert(alarms).values(
                at_ms=now_ms - minutes * _MINUTE_MS, name=name, stream=stream, seq=9_000 + number,
                detail=json.dumps(detail | {"gate": name_of_gate}, ensure_ascii=False),
                acknowledged_ms=now_ms - (minutes - 9) * _MINUTE_MS if seen else None,
                acknowledged_by="thuy.duong" if seen else None,
            )
        )  # fmt: skip
    for back in (18, 55, 130):
        gate, _, stream = own[0]
        connection.execute(
            insert(anonymous).values(
                stream=stream, seq=8_000 + back, at_ms=now_ms - back * _MINUTE_MS,
                site=places[0][0], gate=gate, name="exit_pressed",
            )
        )  # fmt: skip


def _insert(connection: Connection, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _ROWS_AT_ONCE:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)


def is_empty(connection: Connection) -> bool:
    """Whether nothing was filled in yet."""
    return connection.execute(select(sites.c.id).limit(1)).first() is None


def _iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
