"""An order to close outlives whatever happens to the gate, and ends when it should."""

from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge import closing
from edge.clock import ManualClock
from edge.closing import FILE, Closing
from edge.commands.closing import REASONS
from edge.config.model import WEEKDAYS, HoursTable
from edge.gate.events import Ordered
from edge.gate.hours import Closure, Order
from edge.hourswatch import HoursWatch
from edge.wholefile import write_whole
from feed.messages import CloseReason, Command, Reply

NOON = datetime(2026, 11, 29, 5, tzinfo=UTC)  # in Saigon
EVENING = "2026-11-29T19:00:00+07:00"
HOURS = HoursTable(zone="Asia/Ho_Chi_Minh", **dict.fromkeys(WEEKDAYS, ("06:00-18:00",)))


class Gate:
    """What outlives a power cut is the folder alone."""

    def __init__(
        self, folder: Path, *, hours: HoursTable | None = None, state: Any = "synced"
    ) -> None:
        self.told: list[Ordered] = []
        self.clock = ManualClock(NOON, state=state)
        self.watch = HoursWatch(hours, self.clock)
        self.closing = Closing(folder, self.clock, self.watch, self.told.append)
        self.closing.begin()

    @property
    def order(self) -> Order | None:
        return self.told[-1].order if self.told else None

    def close(self, name: str = "a1", **args: Any) -> Reply:
        return self.closing.close(Command(id=name, command="close", args=args))

    def reopen(self, name: str = "b1", **args: Any) -> Reply:
        return self.closing.reopen(Command(id=name, command="reopen", args=args))

    def after(self, time: timedelta) -> None:
        self.clock.advance(time.total_seconds())
        self.closing.look()


def test_the_command_line_knows_every_reason() -> None:
    assert tuple(CloseReason) == REASONS


def test_the_order_is_there_after_a_power_cut_and_gone_after_it_was_ended(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    done = gate.close(reason="outbreak", until=EVENING, by="an")
    assert done == Reply(id="a1", ok=True, result={"closed": True})
    again = Gate(tmp_path)
    assert again.order is not None
    assert again.order == gate.order
    assert again.order.reason is CloseReason.OUTBREAK
    assert (again.order.until, again.order.by) == ("2026-11-29T12:00:00.000Z", "an")
    assert again.told[0].detail == {"kept": True}
    assert again.reopen(by="binh").result == {"closed": False}
    assert again.order is None
    assert again.told[-1].detail == {"command": "b1", "by": "binh"}
    assert Gate(tmp_path).told == []


def test_the_order_is_on_disk_before_the_answer_and_the_gate_is_told_before_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(tmp_path)
    told_by_then = []
    write = write_whole

    def slow(path: Path, text: str) -> None:
        told_by_then.append(len(gate.told))
        write(path, text)

    monkeypatch.setattr(closing, "write_whole", slow)
    gate.close()
    assert told_by_then == [1]
    assert (tmp_path / FILE).exists()


def test_a_command_that_comes_twice_does_the_same_once(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    assert gate.reopen().ok, "not closed: that is what was asked for"
    for name in ("a1", "a1", "a2"):
        assert gate.close(name, reason="incident", by="an").ok
    assert len(gate.told) == 1
    gate.close("a3", reason="incident", until=EVENING)
    assert [one.order and one.order.command for one in gate.told] == ["a1", "a3"]
    gate.reopen()
    gate.reopen()
    assert len(gate.told) == 3


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"reason": "weather"}, "outbreak, incident, maintenance, other"),
        ({"reason": 5}, "reason"),
        ({"until": "18:00"}, "with its zone"),
        ({"until": "2026-11-29T18:00:00"}, "with its zone"),
        ({"until": 5}, "until"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"until": "2026-11-29T04:59:00Z"}, "is over"),
        ({"by": "x" * 101}, "by"),
        ({"by": ""}, "by"),
        ({"by": 7}, "by"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_closes(
    tmp_path: Path, args: dict[str, Any], error: str
) -> None:
    gate = Gate(tmp_path)
    reply = gate.close(**args)
    assert not reply.ok
    assert error in str(reply.error)
    assert gate.told == []
    assert not (tmp_path / FILE).exists()


def test_it_opens_by_itself_when_its_time_is_over_also_across_a_restart(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.close(until=EVENING)
    gate.after(timedelta(hours=6, minutes=59))
    assert len(gate.told) == 1
    gate = Gate(tmp_path)
    gate.after(timedelta(hours=7))
    assert gate.order is None
    assert gate.told[-1].detail == {"why": "its time is over"}
    assert Gate(tmp_path).told == []


def test_a_clock_that_was_never_set_opens_nothing_and_promises_nothing(tmp_path: Path) -> None:
    """It may be ahead by hours, and a person closed the gate."""
    gate = Gate(tmp_path, state="unsynced")
    assert gate.close(until=EVENING).ok
    assert gate.order is not None
    assert gate.order.closure == Closure()
    gate.after(timedelta(hours=30))
    assert gate.order is not None, "it opened by a time that it made up"
    gate.clock.set(NOON)
    gate.clock.state = "synced"
    gate.after(timedelta())
    assert gate.order is not None
    assert gate.order.closure.opens_at is not None
    gate.after(timedelta(hours=7))
    assert gate.order is None


def test_a_time_that_an_unset_clock_takes_for_over_is_taken(tmp_path: Path) -> None:
    gate = Gate(tmp_path, state="unsynced")
    gate.clock.set(NOON + timedelta(days=400))
    assert gate.close(until=EVENING).ok


def test_a_gate_that_follows_its_battery_clock_opens_by_it(tmp_path: Path) -> None:
    follows = HOURS.model_copy(update={"clock_unsure": "follow"})
    gate = Gate(tmp_path, hours=follows, state="unsynced")
    gate.close(until=EVENING)
    gate.after(timedelta(hours=7))
    assert gate.order is None


def test_the_screen_is_told_when_people_come_in_again_and_not_when_the_order_ends(
    tmp_path: Path,
) -> None:
    gate = Gate(tmp_path, hours=HOURS)
    gate.close(until=EVENING)  # 19:00: an hour after its hours
    assert gate.order is not None
    assert gate.order.closure == Closure(opens_at="2026-11-30T06:00+07:00", days=1)
    gate.close("a2", until="2026-11-29T15:00:00+07:00")
    assert gate.order.closure == Closure(opens_at="2026-11-29T15:00+07:00", days=0)
    gate.close("a3")
    assert gate.order.closure == Closure()


def test_who_reopens_at_night_is_told_that_the_hours_keep_it_closed(tmp_path: Path) -> None:
    gate = Gate(tmp_path, hours=HOURS)
    gate.clock.advance(8 * 3600)
    assert list(gate.watch.look())
    gate.close()
    assert gate.reopen().result == {"closed": True}


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 60, b"{}", b'{"command":"a","since":"never"}', b'{"command":"a"']
)
def test_a_damaged_order_keeps_the_gate_closed_until_somebody_opens_it(
    tmp_path: Path, damage: bytes
) -> None:
    Gate(tmp_path).close(until=EVENING)
    (tmp_path / FILE).write_bytes(damage)
    gate = Gate(tmp_path)
    assert gate.order is not None
    assert gate.order.until is None
    gate.after(timedelta(days=1))
    assert gate.order is not None
    assert gate.reopen().ok
    assert Gate(tmp_path).told == []


def test_a_card_that_takes_nothing_closes_the_gate_says_so_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(tmp_path)

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(closing, "write_whole", full)
        reply = gate.close()
        assert not reply.ok
        assert "a restart would open it" in str(reply.error)
        assert "No space left" in str(reply.error)
        assert gate.order is not None
        gate.after(timedelta(seconds=10))
        assert Gate(tmp_path).told == []
    gate.after(timedelta(seconds=10))
    assert Gate(tmp_path).order == gate.order


def test_an_order_that_can_t_be_taken_off_the_card_opens_the_gate_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(tmp_path)
    gate.close()

    def read_only(path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(closing, "remove", read_only)
        reply = gate.reopen()
        assert not reply.ok
        assert "a restart would close it" in str(reply.error)
        assert gate.order is None
    gate.after(timedelta(seconds=10))
    assert Gate(tmp_path).told == []
