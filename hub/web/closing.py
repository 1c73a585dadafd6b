"""Close a gate or a site for entry, and open it again: what it means, then what each gate said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal

from feed.messages import CloseReason
from hub.asking import AskError
from hub.closing import ClosingError, Orderer, Outcome, Wish, order
from hub.config import ConfigError
from hub.monitor.gates import GateNow
from hub.web.kit import Ask, RefusedError, View
from hub.web.look import SiteNow

Command = Literal["close", "reopen"]
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class _Where:
    """What is meant: a gate, or all gates of a site."""

    site: SiteNow
    gates: tuple[GateNow, ...]
    whole: bool

    @property
    def path(self) -> str:
        return f"/sites/{self.site.id}" if self.whole else f"/gates/{self.gates[0].id}"

    @property
    def place(self) -> str:
        text = f"{self.site.park}/{self.site.site}"
        return text if self.whole else f"{text}/{self.gates[0].gate}"


class _FieldError(Exception):
    """A field is wrong: the key of the text that says how."""


def form(command: Command, ask: Ask) -> View:
    """What will happen, before it does."""
    return _view(ask, command, _where(ask))


def send(command: Command, ask: Ask) -> View:
    """Ask it of the gates, and tell what each answered."""
    where, desk = _where(ask), ask.desk
    try:
        wish = _wish(ask, command)
    except _FieldError as error:
        return _view(ask, command, where, error=ask.say(str(error)))
    by = Orderer(ask.who.name, ask.who.role, ask.who.name, ask.text("note", longest=_LONGEST_NOTE))
    try:
        outcomes = order(desk.engine, desk.ask_gates, where.gates, wish, by, at_ms=desk.now_ms())
    except ClosingError as error:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found") from error
    except (AskError, ConfigError) as error:
        said = ask.say("closing.not_asked", why=str(error))
        return _view(ask, command, where, error=said, status=HTTPStatus.BAD_GATEWAY)
    desk.live.changed_now()
    return _view(ask, command, where, outcomes=outcomes)


def _where(ask: Ask) -> _Where:
    found, _ = ask.desk.live.current()
    whole = "site" in ask.request.path_params
    number = ask.number("site" if whole else "gate")
    for site in found.sites:
        if whole and site.id == number:
            return _Where(site, site.gates, whole=True)
        for gate in site.gates:
            if not whole and gate.id == number:
                return _Where(site, (gate,), whole=False)
    raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")


def _wish(ask: Ask, command: Command) -> Wish:
    """Raises _FieldError."""
    if command == "reopen":
        return Wish(command=command)
    reason, until = ask.text("reason"), ask.text("until", longest=40)
    if reason not in set(CloseReason):
        raise _FieldError("closing.no_reason")
    return Wish(
        command=command,
        reason=CloseReason(reason),
        until=_until(ask, until) if until else None,
    )


def _until(ask: Ask, text: str) -> datetime:
    """By the park's clock, as the browser's field gives it. Raises _FieldError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _FieldError("closing.bad_until") from error
    at = at if at.tzinfo is not None else at.replace(tzinfo=ask.desk.zone)
    if at <= datetime.fromtimestamp(ask.desk.now_ms() / 1000, UTC):
        raise _FieldError("closing.until_over")
    return at


def _view(
    ask: Ask,
    command: Command,
    where: _Where,
    *,
    error: str = "",
    outcomes: list[Outcome] | None = None,
    status: HTTPStatus | None = None,
) -> View:
    names = {gate.gate: gate.name for gate in where.gates}
    data: dict[str, Any] = {
        "command": command, "place": where.place, "site": where.site.name,
        "gates": where.gates, "error": error, "outcomes": outcomes,
    }  # fmt: skip
    shown = {
        "back_to": where.path,
        "name": where.site.name if where.whole else where.gates[0].name,
        "names": names,
        "whole": where.whole,
        "reasons": list(CloseReason),
        "sent": {name: str(ask.form.get(name, "")) for name in ("reason", "until", "note")},
        "all_done": outcomes is not None and all(one.done for one in outcomes),
        "earliest": ask.forms.written(ask.desk.now_ms()),
    }
    if status is None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return View("closing.html", data, shown, status=status)
