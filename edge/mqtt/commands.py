"""Commands to the gate: what the hub or an operator may ask, and the answer to each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeGuard

from edge.records.outbox import Outboxes
from feed.messages import Command, MessageError, Reply, decode_command
from feed.record import Detail

log = logging.getLogger(__name__)

# Done by the daemon, through the handler it hands in
FOR_THE_DAEMON = ("fire_reset", "secondary", "close", "reopen")
KNOWN = ("resend", "state", *FOR_THE_DAEMON)

Handler = Callable[[Command], Reply]


class Commands:
    """Answers command messages, in the publisher's thread.

    `resend` queues a range of a stream's records (False when too many wait), `refresh` has the
    state sent again; `handler` does the rest and is soon back: it puts an event into the gate's
    inbox, and at most writes a small file.
    """

    def __init__(
        self,
        outbox: Outboxes,
        *,
        handler: Handler,
        resend: Callable[[str, int, int], bool],
        refresh: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._handler = handler
        self._resend = resend
        self._refresh = refresh

    def answer(self, payload: bytes, *, retained: bool = False) -> Reply:
        """Do what the message asks. Never raises: whatever is wrong stands in the reply."""
        try:
            command = decode_command(payload)
        except MessageError as error:
            return Reply(id=None, ok=False, error=str(error))
        if retained:
            # it would be done again at each reconnect, for ever
            return _refuse(command, "a retained command is never done: publish it without retain")
        return self._do(command)

    def _do(self, command: Command) -> Reply:
        if command.command == "resend":
            return self._do_resend(command)
        if command.command == "state":
            self._refresh()
            return Reply(id=command.id, ok=True)
        if command.command in FOR_THE_DAEMON:
            return self._hand_over(command)
        known = ", ".join(KNOWN)
        return _refuse(command, f"unknown command {command.command!r}: there are {known}")

    def _do_resend(self, command: Command) -> Reply:
        first, last = command.args.get("from"), command.args.get("to")
        if not _is_seq(first) or not _is_seq(last):
            return _refuse(command, "resend needs 'from' and 'to', whole numbers from 1")
        here = {one.stream: one for one in (self._outbox, *self._outbox.earlier)}
        stream = command.args.get("stream", self._outbox.stream)
        outbox = here.get(stream) if isinstance(stream, str) else None
        if outbox is None:
            return _refuse(command, f"no stream {stream!r}: here is {', '.join(here)}")
        upto = min(last, outbox.last_seq)
        if first > upto:
            return _refuse(
                command, f"no record {first} to {last}: the journal ends at {outbox.last_seq}"
            )
        if not self._resend(outbox.stream, first, upto):
            return _refuse(command, "busy: too many ranges wait to be sent again, ask later")
        return Reply(id=command.id, ok=True, result={"from": first, "to": upto})

    def _hand_over(self, command: Command) -> Reply:
        try:
            return self._handler(command)
        except Exception:
            log.exception("command %s (%s) failed", command.id, command.command)
            return _refuse(command, "the gate failed to do it: its log says why")


def _is_seq(value: Detail) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _refuse(command: Command, error: str) -> Reply:
    return Reply(id=command.id, ok=False, error=error)
