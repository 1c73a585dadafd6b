"""Times as people write them and read them, for the commands."""

from __future__ import annotations

from datetime import datetime, timedelta

from feed.codec import format_time
from hub.commands.common import Refusal


def moment(text: str, what: str) -> datetime:
    """A time as people write it: `2021-08-23`, `2021-08-23 09:00`, or with a zone.

    Without a zone it is this machine's local time. Raises Refusal.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refusal(
            f"{what} {text}: is no time; write 2021-08-23, 2021-08-23T09:00 or 2021-08-23T02:00Z"
        ) from error
    return found.astimezone() if found.tzinfo is None else found


def end_of(text: str, what: str) -> datetime:
    """As `moment`; a date alone means the end of that day. Raises Refusal."""
    found = moment(text, what)
    alone = len(text.strip()) == len("2021-08-23")
    return found + timedelta(days=1) if alone else found


def shown(at_ms: int) -> str:
    """Local time to the minute, for people."""
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def stated(at_ms: int) -> str:
    """UTC with milliseconds, for programs."""
    return format_time(datetime.fromtimestamp(at_ms / 1000).astimezone())
