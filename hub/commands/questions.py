"""Times as people write them and read them, for the commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hub.clock import YEARS
from hub.commands.common import Refusal


def moment(text: str, what: str, zone: ZoneInfo) -> datetime:
    """A time as people write it: `2021-08-23`, `2021-08-23 09:00`, or with a zone of its own.

    Raises Refusal, in which `what` says what the time is of.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refusal(
            f"{what} {text}: is no time; write 2021-08-23, 2021-08-23T09:00 or 2021-08-23T02:00Z"
        ) from error
    if found.year not in YEARS:
        raise Refusal(f"{what} {text}: give a year from {YEARS[0]} to {YEARS[-1]}")
    return found.replace(tzinfo=zone) if found.tzinfo is None else found


def end_of(text: str, what: str, zone: ZoneInfo) -> datetime:
    """As `moment`; a date alone means the end of that day. Raises Refusal."""
    found = moment(text, what, zone)
    return found + timedelta(days=1) if _is_date(text.strip()) else found


def clock(zone: ZoneInfo) -> Callable[[int], str]:
    """Writes times (ms since 1970) for people: to the minute, as the zone's clocks show them."""
    return lambda at_ms: datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
