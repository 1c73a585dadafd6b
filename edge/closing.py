"""Closed by order: the commands `close` and `reopen` of somebody in charge.

The order is on disk before the command is answered, in a file of its own beside the journal, so
that a restart or a power cut opens nothing. The gate itself is told first: a card that stalls or
fails closes nobody's gate late.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge.clock import Clock
from edge.gate.events import Ordered
from edge.gate.hours import Closure, Order
from edge.hourswatch import HoursWatch
from edge.wholefile import remove, write_whole
from feed.codec import format_time
from feed.messages import CloseReason, Command, Reply
from feed.record import Detail

log = logging.getLogger(__name__)

CLOSE, REOPEN = "close", "reopen"
FILE = "closed.json"
_LONGEST_NAME = 100
_TRY_AGAIN_S = 5.0
# the command of an order that can't be read: somebody closed the gate, and somebody opens it
_DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The file's form: what was ordered, not when people come in again."""

    command: str
    since: str
    reason: CloseReason | None = None
    until: str | None = None
    by: str | None = None


_KEPT = TypeAdapter(_Kept)


class Closing:
    """Keeps the order of `folder` and tells the gate of it through `emit`. Safe from any thread."""

    def __init__(
        self, folder: Path, clock: Clock, hours: HoursWatch, emit: Callable[[Ordered], None]
    ) -> None:
        self._path = folder / FILE
        self._clock = clock
        self._hours = hours
        self._emit = emit
        self._order: Order | None = None
        self._saved: Order | None = None
        self._promised = False  # by a clock that is believed: when it opens
        self._try_at_s = 0.0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Go on with the order that was there before this start. Call it before commands come."""
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            order = self._unreadable(str(error))
        else:
            order = self._read(raw)
        with self._lock:
            self._order = replace(order, closure=self._closure(order))
            self._saved = None if order.command == _DAMAGED else self._order
            self._emit(Ordered(order=self._order, detail={"kept": True}))

    def close(self, command: Command) -> Reply:
        """Nobody comes in from now on. Asked again for the same, nothing changes."""
        try:
            order = self._order_of(command)
        except ValueError as error:
            return Reply(id=command.id, ok=False, error=str(error))
        with self._lock:
            before = self._order
            if before is None or not _same(before, order):
                self._order = replace(order, closure=self._closure(order))
                self._emit(Ordered(order=self._order))
            trouble = self._save()
        if trouble is not None:
            why = f"closed, but a restart would open it: the order can't be kept: {trouble}"
            return Reply(id=command.id, ok=False, error=why)
        return Reply(id=command.id, ok=True, result={"closed": True})

    def reopen(self, command: Command) -> Reply:
        """Order no longer closes the gate; its hours may. Not closed, nothing changes."""
        by = command.args.get("by")
        try:
            _check_name(by)
        except ValueError as error:
            return Reply(id=command.id, ok=False, error=str(error))
        detail: dict[str, Detail] = {"command": command.id}
        if by is not None:
            detail["by"] = by
        with self._lock:
            self._open(detail)
            trouble = self._save()
        if trouble is not None:
            why = f"open, but a restart would close it: the order's file stays: {trouble}"
            return Reply(id=command.id, ok=False, error=why)
        closed = self._hours.closure is not None
        return Reply(id=command.id, ok=True, result={"closed": closed})

    def look(self) -> None:
        """End an order whose time is over, and mend what could not be saved. Called often."""
        # while a command waits for the card, whoever looks after the gate goes on
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._look()
        finally:
            self._lock.release()

    def _look(self) -> None:
        order = self._order
        if order is not None and self._is_over(order):
            self._open({"why": "its time is over"})
            self._save()
        elif order is not None and self._hours.believes_clock() and not self._promised:
            self._order = replace(order, closure=self._closure(order))
            self._emit(Ordered(order=self._order))
        if self._unsaved() and self._clock.monotonic() >= self._try_at_s:
            self._save()

    def _open(self, detail: dict[str, Detail]) -> None:
        if self._order is not None:
            self._order = None
            self._emit(Ordered(order=None, detail=detail))

    # --- what is ordered ----------------------------------------------------------------------

    def _order_of(self, command: Command) -> Order:
        """Raises ValueError on one line."""
        reason, until, by = (command.args.get(key) for key in ("reason", "until", "by"))
        if reason is not None and reason not in set(CloseReason):
            raise ValueError(f"reason: one of {', '.join(CloseReason)}, or none")
        _check_name(by)
        order = Order(
            command=command.id,
            since=format_time(self._clock.now()),
            reason=None if reason is None else CloseReason(str(reason)),
            until=None if until is None else format_time(_time(until)),
            by=None if by is None else str(by),
        )
        if self._is_over(order):
            raise ValueError(f"until: {until} is over")
        return order

    def _is_over(self, order: Order) -> bool:
        """A clock that was never set opens nothing: it may be ahead, and a person closed it."""
        if order.until is None or not self._hours.believes_clock():
            return False
        return datetime.fromisoformat(order.until) <= self._clock.now()

    def _closure(self, order: Order) -> Closure:
        """When people come in again: by an unset clock that is not promised."""
        self._promised = self._hours.believes_clock()
        if order.until is None or not self._promised:
            return Closure()
        return self._hours.opening_from(datetime.fromisoformat(order.until))

    # --- the file -----------------------------------------------------------------------------

    def _read(self, raw: bytes) -> Order:
        try:
            kept = _KEPT.validate_json(raw)
            if kept.until is not None:
                _time(kept.until)
            _time(kept.since)
        except (ValidationError, ValueError) as error:
            return self._unreadable(str(error).partition("\n")[0])
        return Order(**asdict(kept))

    def _unreadable(self, why: str) -> Order:
        log.warning(
            "action=order_damaged file=%s: %s; the gate stays closed until it is reopened by "
            "command",
            self._path,
            why,
        )
        return Order(command=_DAMAGED, since=format_time(self._clock.now()))

    def _unsaved(self) -> bool:
        if self._order is None or self._saved is None:
            return self._order is not self._saved
        return self._order.command != self._saved.command

    def _save(self) -> str | None:
        """What kept it from being saved, None when the disk says what the gate does."""
        if not self._unsaved():
            return None
        self._try_at_s = self._clock.monotonic() + _TRY_AGAIN_S
        try:
            self._write()
        except OSError as error:
            why = error.strerror or str(error)
            log.warning("action=order_unsaved file=%s: %s; tried again", self._path, why)
            return why
        self._saved = self._order
        return None

    def _write(self) -> None:
        if self._order is None:
            remove(self._path)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        said = asdict(self._order)
        del said["closure"]
        write_whole(self._path, json.dumps(said, ensure_ascii=False))


def _same(one: Order, other: Order) -> bool:
    return (one.reason, one.until) == (other.reason, other.until)


def _check_name(by: Detail) -> None:
    if by is not None and not (isinstance(by, str) and 0 < len(by) <= _LONGEST_NAME):
        raise ValueError(f"by: a name of 1 to {_LONGEST_NAME} characters, or none")


def _time(value: Detail) -> datetime:
    wrong = f"{value!r} is no time with its zone, as 2026-11-29T18:00:00+07:00"
    if not isinstance(value, str):
        raise ValueError(f"until: {wrong}")  # noqa: TRY004 - told as any other wrong value
    try:
        at = datetime.fromisoformat(value)
        known = None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"until: {wrong}") from error
    if known is None:
        raise ValueError(f"until: {wrong}")
    return known
