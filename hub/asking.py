"""Commands to gates, and their replies. Under a name of its own: the running hub is left alone."""

from __future__ import annotations

import math
import secrets
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from feed.connection import explain
from feed.messages import Command, MessageError, Reply, decode_reply, encode_message
from feed.topics import GateTopics
from hub.config import MqttTable
from hub.link import authenticate

WAIT_S = 5.0
# a gate that is away may be back and not be known to be: so long it gets too
AWAY_WAIT_S = 1.0


class AskError(Exception):
    """The broker can't be reached, or does not let the hub ask. One line."""


Ask = Callable[[Mapping[GateTopics, Command], Collection[GateTopics]], dict[GateTopics, Reply]]
"""From the command of each gate, and which of them seem to be away, to the replies that came."""


def ask_gates(
    table: MqttTable,
    commands: Mapping[GateTopics, Command],
    away: Collection[GateTopics] = (),
    *,
    wait_s: float = WAIT_S,
) -> dict[GateTopics, Reply]:
    """Send each gate its command, and wait for the replies; those that did not come in time are
    missing. Raises ConfigError, AskError.
    """
    asking = _Asking(table, commands, away, wait_s)
    asking.start()
    try:
        return asking.replies()
    finally:
        asking.stop()


class _Asking:
    def __init__(
        self,
        table: MqttTable,
        commands: Mapping[GateTopics, Command],
        away: Collection[GateTopics],
        wait_s: float,
    ) -> None:
        self._wait_s = wait_s
        self._where = f"{table.host}:{table.port}"
        self._table = table
        self._commands = commands
        self._away = frozenset(away)
        self._places = {place.reply: place for place in commands}
        self._found: dict[GateTopics, Reply] = {}
        self._sent_s: float | None = None
        self._trouble: str | None = None
        self._changed = threading.Condition()
        self._paho = self._make()

    def start(self) -> None:
        self._paho.connect_async(
            self._table.host, self._table.port, keepalive=self._table.keepalive_s
        )
        self._paho.loop_start()

    def stop(self) -> None:
        self._paho.disconnect()
        # loop_stop waits without a limit, and a name lookup may hang
        stopper = threading.Thread(target=self._paho.loop_stop, daemon=True)
        stopper.start()
        stopper.join(2.0)

    def replies(self) -> dict[GateTopics, Reply]:
        """What came in time. Raises AskError."""
        deadline_s = time.monotonic() + self._wait_s
        with self._changed:
            while self._trouble is None and (left_s := self._left_s(deadline_s)) > 0:
                self._changed.wait(left_s)
            if self._trouble is not None:
                raise AskError(f"{self._where}: {self._trouble}")
            if self._sent_s is None:
                raise AskError(f"{self._where}: no answer within {self._wait_s:g} s")
            return dict(self._found)

    def _left_s(self, deadline_s: float) -> float:
        now_s = time.monotonic()
        if self._sent_s is None:
            return deadline_s - now_s
        missing = self._commands.keys() - self._found.keys()
        if not missing:
            return 0.0
        patience_s = self._wait_s if missing - self._away else min(self._wait_s, AWAY_WAIT_S)
        return self._sent_s + patience_s - now_s

    # --- callbacks, in paho's thread ----------------------------------------------------------

    def _make(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"edge-hub-ask-{secrets.token_hex(4)}",
            protocol=paho.MQTTv5,
        )
        authenticate(client, self._table)
        client.on_connect = self._accepted
        client.on_connect_fail = lambda *_: self._fail(explain(sys.exception()))
        client.on_subscribe = self._subscribed
        client.on_publish = self._published
        client.on_message = self._heard
        return client

    def _accepted(
        self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _props: Any
    ) -> None:
        if reason.is_failure:
            self._fail(f"the broker refuses: {reason}")
        else:
            client.subscribe([(topic, 1) for topic in self._places])

    def _subscribed(
        self, client: paho.Client, _data: Any, _mid: int, reasons: list[Any], _props: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._fail("the broker does not let the hub read the gates' replies")
            return
        with self._changed:
            if self._sent_s is not None:  # connected anew: nothing is asked twice
                return
            self._sent_s = time.monotonic()
            self._changed.notify_all()
        # who comes back later must not do it then: nobody waits for the reply any more
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = math.ceil(self._wait_s)
        for place, command in self._commands.items():
            client.publish(place.command, encode_message(command), qos=1, properties=properties)

    def _published(
        self, _client: paho.Client, _data: Any, _mid: int, reason: Any, _props: Any
    ) -> None:
        if reason.is_failure:  # "no matching subscribers" is none: the gate is away
            self._fail(f"the broker does not let the hub command the gates: {reason}")

    def _heard(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        place = self._places.get(message.topic)
        try:
            reply = decode_reply(bytes(message.payload))
        except MessageError:
            return  # not to this command
        if place is None or reply.id != self._commands[place].id:
            return
        with self._changed:
            self._found[place] = reply
            self._changed.notify_all()

    def _fail(self, trouble: str) -> None:
        with self._changed:
            self._trouble = trouble
            self._changed.notify_all()
