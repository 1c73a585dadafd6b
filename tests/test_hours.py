"""Timetables: the clock on the wall is the law, over midnight and on nights the clocks are set."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hours import Span, Timetable

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")  # forward on 2027-03-28, back on 2027-10-31
ZONES = [SAIGON, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), UTC]
MINUTE = timedelta(minutes=1)


def week(
    *spans: str, but: dict[int, tuple[str, ...]] | None = None
) -> tuple[tuple[Span, ...], ...]:
    """The same hours on each day, but for some."""
    return tuple(
        tuple(Span.parse(span) for span in (but or {}).get(day, spans)) for day in range(7)
    )


def on_the_wall(table: Timetable, at: datetime) -> bool:
    """What a person says who reads timetable, calendar and clock."""
    local = at.astimezone(table.zone)
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if day in table.closed_on:
            continue
        read = local.replace(tzinfo=None, fold=0) - datetime.combine(day, datetime.min.time())
        for span in table.week[day.weekday()]:
            begins, ends = (timedelta(minutes=m) for m in (span.begins_min, span.ends_min))
            if begins <= read < ends:
                return True
    return False


SPANS = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(
    lambda pair: Span(pair[0], pair[0] + pair[1])
)
DAYS = st.one_of(
    *(
        st.integers(0, days * 86_400).map(lambda s, on=on: on + timedelta(seconds=s))  # type: ignore[misc]
        for on, days in (
            (datetime(2026, 1, 1, tzinfo=UTC), 730),
            # around the nights on which clocks are set
            (datetime(2027, 3, 27, tzinfo=UTC), 2),
            (datetime(2027, 10, 30, tzinfo=UTC), 9),
            (datetime(2027, 4, 3, tzinfo=UTC), 2),
        )
    )
)


@st.composite
def timetables(draw: st.DrawFn, at: datetime) -> Timetable:
    near = st.integers(-2, 8).map(lambda days: at.date() + timedelta(days=days))
    return Timetable(
        zone=draw(st.sampled_from(ZONES)),
        week=tuple(tuple(draw(st.lists(SPANS, max_size=2))) for _ in range(7)),
        closed_on=draw(st.frozensets(near, max_size=3)),
    )


@given(st.data(), DAYS)
@settings(max_examples=150, deadline=None)
def test_open_is_what_the_wall_says_and_the_gate_opens_at_the_minute_it_told(
    data: st.DataObject, at: datetime
) -> None:
    table = data.draw(timetables(at))
    assert table.is_open(at) == on_the_wall(table, at)
    told = table.opens_at(at)
    if told is None:
        assert not any(table.week) or table.is_open(at)
        return
    opens_at = told.astimezone(UTC)
    assert opens_at > at
    assert on_the_wall(table, opens_at)
    assert opens_at.second == 0
    assert not on_the_wall(table, opens_at - timedelta(seconds=1)), "it was open before that"
    # until then it opens at no other minute
    begins = at.replace(second=0)
    minutes = int((opens_at - begins) / MINUTE)
    states = [on_the_wall(table, begins + MINUTE * n) for n in range(minutes)]
    assert [now for was, now in pairwise(states) if not was and now] == []


@given(st.data(), DAYS)
@settings(max_examples=60, deadline=None)
def test_a_closure_tells_the_day_as_people_count_days(data: st.DataObject, at: datetime) -> None:
    table = data.draw(timetables(at))
    closure = table.closure(at)
    assert (closure is None) == table.is_open(at)
    if closure is not None and closure.opens_at is not None:
        opens_at = datetime.fromisoformat(closure.opens_at)
        assert opens_at == table.opens_at(at)
        local = at.astimezone(table.zone).date()
        assert local + timedelta(days=closure.days) == opens_at.date()


def opening(table: Timetable, *at: int) -> str:
    found = table.opens_at(datetime(*at, tzinfo=table.zone))  # type: ignore[arg-type,misc]
    return "never" if found is None else f"{found:%Y-%m-%d %H:%M}"


def test_a_factory_over_noon_the_weekend_and_tet() -> None:
    table = Timetable(
        zone=SAIGON,
        week=week("06:00-11:30", "13:00-18:00", but={6: ()}),
        closed_on=frozenset(date(2027, 2, 5) + timedelta(days=n) for n in range(6)),
    )
    assert table.is_open(datetime(2027, 1, 4, 6, 0, tzinfo=SAIGON))
    assert not table.is_open(datetime(2027, 1, 4, 5, 59, 59, tzinfo=SAIGON))
    assert not table.is_open(datetime(2027, 1, 4, 18, 0, tzinfo=SAIGON))
    assert opening(table, 2027, 1, 4, 12) == "2027-01-04 13:00"
    assert opening(table, 2027, 1, 9, 19) == "2027-01-11 06:00"  # a Saturday evening
    assert opening(table, 2027, 2, 4, 18) == "2027-02-11 06:00"


def test_a_night_shift_runs_over_midnight_into_a_closed_day_and_no_new_one_begins() -> None:
    table = Timetable(
        zone=SAIGON, week=week("22:00-06:00"), closed_on=frozenset({date(2027, 1, 2)})
    )
    assert table.is_open(datetime(2027, 1, 2, 5, 59, tzinfo=SAIGON))
    assert not table.is_open(datetime(2027, 1, 2, 23, 0, tzinfo=SAIGON))
    assert opening(table, 2027, 1, 2, 6) == "2027-01-03 22:00"


def test_on_nights_the_clocks_are_set_the_wall_decides() -> None:
    table = Timetable(zone=BERLIN, week=week("02:30-05:00"))
    # 02:00 to 03:00 is not there on this night
    assert opening(table, 2027, 3, 28, 1) == "2027-03-28 03:00"
    # and twice on that one
    table = Timetable(zone=BERLIN, week=week("02:00-02:30"))
    first = table.opens_at(datetime(2027, 10, 31, 1, tzinfo=BERLIN))
    assert first is not None
    again = table.opens_at(first)
    assert again is not None
    assert again.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)


def test_always_open_never_opens_and_never_open_says_so() -> None:
    always = Timetable(zone=SAIGON, week=week("00:00-24:00"))
    assert always.is_open(datetime(2027, 1, 1, tzinfo=UTC))
    assert always.opens_at(datetime(2027, 1, 1, tzinfo=UTC)) is None
    never = Timetable(zone=SAIGON, week=week())
    closure = never.closure(datetime(2027, 1, 1, tzinfo=UTC))
    assert closure is not None
    assert closure.opens_at is None


@pytest.mark.parametrize(
    "text", ["", "6-18", "06:00", "06:00-06:00", "24:00-06:00", "06:00-24:01", "06:60-07:00", "a-b"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no span"):
        Span.parse(text)
