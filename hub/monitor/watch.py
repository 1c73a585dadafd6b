"""Listening to the gates' states: a client of its own beside ingest's, and the thread that keeps
what it hears.

The client's callbacks only put into a dictionary: of each gate the newest message counts. The
thread writes them down once a second, looks for gates that fell silent, and compares
thermometers. A store that can't be used is tried again; nothing is lost but old news.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from feed.connection import explain, guarded
from feed.topics import Channel, GateTopics, TopicError, parse, topic_filter
from hub.clock import now_ms
from hub.config import MonitorTable, MqttTable
from hub.link import authenticate
from hub.monitor import drift, states
from hub.monitor.alarms import raise_drift
from hub.monitor.gates import gates_now
from hub.store.engine import writing

log = logging.getLogger(__name__)

TICK_S = 1.0
_COMPARE_EVERY_S = 60.0
_LARGEST_STATE_BYTES = 65_536
_MOST_WAITING = 100_000  # gates; a flood of invented topics must not fill the memory


class Watch:
    """Watches until `stop`. Raises ConfigError when made (password, certificates)."""

    def __init__(
        self,
        mqtt: MqttTable,
        table: MonitorTable,
        engine: Engine,
        *,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._mqtt = mqtt
        self._table = table
        self._engine = engine
        self._now_ms = now_ms
        self._waiting: dict[GateTopics, states.Heard] = {}
        self._ids: dict[GateTopics, int] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._up = False
        self._trouble: str | None = "not connected yet"
        self._store_trouble: str | None = None
        self._connected_s: float | None = None
        self.unreadable = 0
        self._paho = self._make()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    @property
    def trouble(self) -> str | None:
        """Why the broker can't be heard now; None while it can."""
        with self._lock:
            return None if self._up else self._trouble

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Connect and watch, in threads; a broker that is away is no error."""
        self._paho.loop_start()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Write down what is in hand, and leave."""
        self._stopping.set()
        self._paho.disconnect()
        stopper = threading.Thread(target=self._paho.loop_stop, name="monitor-stop", daemon=True)
        stopper.start()
        stopper.join(timeout_s)
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    # --- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        compared_s = -_COMPARE_EVERY_S
        while True:
            ending = self._stopping.wait(TICK_S)
            due = time.monotonic() - compared_s >= _COMPARE_EVERY_S
            if self.turn(compare=due) and due:
                compared_s = time.monotonic()
            if ending:
                return

    def turn(self, *, compare: bool = False) -> bool:
        """Write down what was heard, and look; whether the store could be used."""
        with self._lock:
            heard, self._waiting = self._waiting, {}
            listening_s = (
                None if self._connected_s is None else time.monotonic() - self._connected_s
            )
        try:
            self._keep(heard, listening_s=listening_s, compare=compare)
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).partition("\n")[0]
            if self._store_trouble != said:
                log.warning("states of gates can't be kept: %s", said)
            self._store_trouble = said
            self._ids = {}  # perhaps another store stands there when it comes back
            with self._lock:
                self._waiting = heard | self._waiting  # what came since is newer
            return False
        if self._store_trouble is not None:
            log.warning("states of gates are kept again")
            self._store_trouble = None
        return True

    def _keep(
        self,
        heard: dict[GateTopics, states.Heard],
        *,
        listening_s: float | None,
        compare: bool,
    ) -> None:
        if heard:
            with writing(self._engine) as connection:
                ids = self._ids
                if not heard.keys() <= ids.keys():
                    ids = states.gate_ids(connection, heard)
                unreadable = states.note(connection, heard, ids)
            self._ids = ids
            self.unreadable += unreadable
        # a hub that does not hear anyone can't tell who is silent
        if not compare or listening_s is None or listening_s < self._table.silent_s:
            return
        with writing(self._engine) as connection:
            silent = states.sweep(
                connection, now_ms=self._now_ms(), silent_ms=int(self._table.silent_s * 1000)
            )
            if silent:
                log.warning("%d gates fell silent", silent)
            for raised in self.compare(connection):
                log.error("alarm %s", raised)

    def compare(self, connection: Any) -> list[str]:
        """Compare the thermometers; the alarms that were raised."""
        table = self._table
        bounds = drift.Bounds(
            table.drift_bound_c, table.drift_ambient_c, table.drift_peers, table.drift_people
        )
        now_ms = self._now_ms()
        figures = drift.figures(gates_now(connection, now_ms), people=bounds.people)
        return raise_drift(connection, drift.compare(figures, bounds), at_ms=now_ms)

    # --- callbacks, in paho's thread ----------------------------------------------------------

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take note of a message; the thread writes it down."""
        try:
            names = parse(topic).names
            place = GateTopics(names["park"], names["site"], names["gate"])
        except (TopicError, KeyError):
            self.unreadable += 1
            return
        with self._lock:
            full = len(self._waiting) >= _MOST_WAITING and place not in self._waiting
            if len(payload) > _LARGEST_STATE_BYTES or full or not payload:
                self.unreadable += bool(payload)  # an empty one takes a retained state away
                return
            self._waiting[place] = states.Heard(place, payload, self._now_ms(), retained)

    def _make(self) -> paho.Client:
        table = self._mqtt
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{table.client_id}-monitor",
            protocol=paho.MQTTv5,
        )
        authenticate(client, table)
        client.on_connect = guarded(self._accepted, log)
        client.on_connect_fail = guarded(self._failed, log)
        client.on_disconnect = guarded(self._lost, log)
        client.on_subscribe = guarded(self._subscribed, log)
        client.on_message = guarded(self._message, log)
        client.reconnect_delay_set(1, max(1, int(table.reconnect_longest_s)))
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = 2 * _LARGEST_STATE_BYTES
        client.connect_async(
            table.host, table.port, keepalive=table.keepalive_s, properties=properties
        )
        return client

    def _accepted(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        if reason.is_failure:
            self._away(f"the broker refuses the monitor: {reason}")
            return
        client.subscribe(topic_filter(Channel.STATE), qos=1)

    def _subscribed(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _props: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._away("the broker does not let the hub read the gates' states")
            return
        with self._lock:
            self._up, self._trouble = True, None
            self._connected_s = time.monotonic()

    def _failed(self, _client: paho.Client, _data: Any) -> None:
        self._away(f"{self._mqtt.host}:{self._mqtt.port}: {explain(sys.exception())}")

    def _lost(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        self._away(f"the connection was lost: {reason}")

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self.hear(message.topic, bytes(message.payload), retained=message.retain)

    def _away(self, trouble: str) -> None:
        with self._lock:
            told = self._trouble == trouble
            self._up, self._trouble, self._connected_s = False, trouble, None
        if not told and not self._stopping.is_set():
            log.warning("monitor: %s", trouble)
