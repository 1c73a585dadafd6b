"""The connection to the broker: a thin wrapper over paho-mqtt whose callbacks only enqueue.

MQTT 5 with a session that is kept, so that the broker holds what comes while the hub is away, and
acknowledgement by hand: the broker lets go of a record only when the hub says so.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from feed.backoff import Backoff
from feed.connection import (
    ErrorMemory,
    SetupError,
    explain,
    guarded,
    hint,
    no_delay,
    password_in,
    tls_context,
    wait_longer,
)
from feed.topics import Channel, topic_filter
from hub.config import ConfigError, MqttTable
from hub.wire import WiredClient

log = logging.getLogger(__name__)

# A record is some hundred bytes; a stray huge message must not fill the hub's memory
LARGEST_MESSAGE_BYTES = 1_048_576
# Windows that may wait here before no more is read. mosquitto 2.0.11 (Debian 12) holds to the
# window only while nothing is acknowledged; while messages come in it sends two for each PUBACK,
# and a hub slower than its gates had gigabytes waiting. And nothing bounds what comes at QoS 0
_WINDOWS_WAITING = 4
_FIRST_RECONNECT_S = 0.5
_RECORDS = f"/{Channel.RECORD}"
# MQTT 5.0, 3.8.3.1: retained messages are sent at each subscribing
_ALWAYS_RETAINED = 0
_SAME_NAME = "; does a second hub run with the same mqtt.client_id?"


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted. Without `session_present` it remembers nothing."""

    session_present: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection ended, or an attempt failed; `reason` is one line for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker answered to the subscriptions; `refusal` says what it refused."""

    refusal: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on a record topic. To be acknowledged, on the connection it came by."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


@dataclass(frozen=True, slots=True)
class HeardReceipt:
    """A receipt that the broker had retained."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """PUBACK for a message of the hub's own."""

    mid: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class Wake:
    """The owner is to look up."""


Event = Connected | Disconnected | Subscribed | Delivery | HeardReceipt | Published | Wake


class LinkError(Exception):
    """The network thread died. One line."""


class Link:
    """The connection. Events come through `events`, in order. Raises ConfigError when made.

    The broker is asked to have at most `window` deliveries under way without an acknowledgement.
    """

    def __init__(self, table: MqttTable, *, window: int) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.callback_errors = 0
        self._table = table
        self._window = window
        self._backoff = Backoff(first_s=_FIRST_RECONNECT_S, longest_s=table.reconnect_longest_s)
        self._connection = 0
        self._up = False
        self.put_aside = 0  # events that the owner took out and has not dealt with
        self._changing = threading.Lock()  # of _up and _connection, against acknowledging
        self._thread: threading.Thread | None = None
        self._refused: str | None = None
        self._last_error = ErrorMemory()
        self._paho = self._make()

    def start(self) -> None:
        """Begin to connect, in paho's thread; a broker that is away is no error."""
        self._paho.loop_start()

    def wake(self) -> None:
        """End a wait for events; from any thread or signal handler."""
        self.events.put(Wake())

    def check(self) -> None:
        """Raises LinkError when the network thread died."""
        if self._thread is not None and not self._thread.is_alive():
            raise LinkError("the network thread died")

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """The broker may forget these, all of QoS 1. Those of an earlier connection come again
        instead: there the same number may mean another message by now.
        """
        with self._changing:
            if not self._up:
                return
            here = self._connection
            self._paho.ack_all(one.mid for one in deliveries if one.connection == here)

    def is_stale(self, event: Event) -> bool:
        """Whether this came by a connection that is gone, and will come again."""
        return (
            isinstance(event, Delivery) and event.qos > 0 and event.connection != self._connection
        )

    def publish_retained(self, topic: str, payload: bytes) -> int | None:
        """At QoS 1: the id that `Published` will name. None when there is no connection."""
        return self._publish(topic, payload, qos=1, retain=True)

    def publish_once(self, topic: str, payload: bytes) -> bool:
        """At QoS 0. False when there is no connection."""
        return self._publish(topic, payload, qos=0, retain=False) is not None

    def stop(self, timeout_s: float = 2.0) -> None:
        """Leave the broker, which keeps the session."""
        self._paho.disconnect()
        # loop_stop waits without a limit, and a name lookup may hang
        stopper = threading.Thread(target=self._paho.loop_stop, name="mqtt-stop", daemon=True)
        stopper.start()
        stopper.join(timeout_s)

    def _publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int | None:
        with self._changing:
            if not self._up:
                return None
            info = self._paho.publish(topic, payload, qos=qos, retain=retain)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def _is_full(self) -> bool:
        # a broker that has not accepted yet is heard in any case: what came before is stale then
        waiting = self.events.qsize() + self.put_aside
        return self._up and waiting > _WINDOWS_WAITING * self._window

    def _make(self) -> WiredClient:
        table = self._table
        client = WiredClient(
            CallbackAPIVersion.VERSION2,
            client_id=table.client_id,
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        # receipts are bounded by their owner; paho's window rescans itself with each PUBACK
        client.max_inflight_messages_set(0)
        client.enable_logger(self._last_error)
        authenticate(client, table)
        client.on_pre_connect = self._guard(self._pre_connect)
        client.on_socket_open = self._guard(no_delay)
        client.on_connect = self._guard(self._accepted)
        client.on_connect_fail = self._guard(self._failed)
        client.on_disconnect = self._guard(self._lost)
        client.on_publish = self._guard(self._published)
        client.on_subscribe = self._guard(self._subscribed)
        client.on_message = self._guard(self._message)
        client.is_full = self._is_full
        client.on_plain = self._guard(self._heard)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = table.session_expiry_s
        properties.ReceiveMaximum = self._window
        properties.MaximumPacketSize = LARGEST_MESSAGE_BYTES
        client.connect_async(
            table.host,
            table.port,
            keepalive=table.keepalive_s,
            clean_start=False,
            properties=properties,
        )
        return client

    # --- callbacks, in paho's thread ----------------------------------------------------------

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        return guarded(callback, log, self._count_error)

    def _count_error(self) -> None:
        self.callback_errors += 1

    def _pre_connect(self, client: paho.Client, _userdata: Any) -> None:
        self._thread = threading.current_thread()
        self._last_error.text = ""
        self._refused = None
        client.drop_out_messages()  # receipts under way are due again, the newest of each

    def _accepted(
        self,
        client: paho.Client,
        _userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Any,
    ) -> None:
        if reason.is_failure:
            self._refused = (
                f"the broker refuses the hub: {reason}{hint(reason, same_name=_SAME_NAME)}"
            )
            return
        with self._changing:
            self._connection += 1
            self._up = True
        self._backoff.reset()
        self.events.put(Connected(flags.session_present))
        records = topic_filter(Channel.RECORD)
        if self._table.share is not None:
            records = f"$share/{self._table.share}/{records}"
        own = SubscribeOptions(qos=0, noLocal=True, retainHandling=_ALWAYS_RETAINED)
        # receipts first: what was said before is heard before anything new is said
        client.subscribe([(topic_filter(Channel.RECEIPT), own), (records, SubscribeOptions(qos=1))])

    def _failed(self, client: paho.Client, _userdata: Any) -> None:
        error = sys.exception()  # paho calls this while it handles the error
        wait_longer(client, self._backoff)
        where = f"{self._table.host}:{self._table.port}"
        self.events.put(Disconnected(f"{where}: {explain(error)}"))

    def _lost(
        self,
        client: paho.Client,
        _userdata: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Any,
    ) -> None:
        with self._changing:
            self._up = False
        wait_longer(client, self._backoff)
        if self._refused is not None:
            text = self._refused
        elif flags.is_disconnect_packet_from_server:
            text = f"the broker ended the connection: {reason}{hint(reason, same_name=_SAME_NAME)}"
        else:
            text = f"the connection was lost: {self._last_error.text or reason}"
        self.events.put(Disconnected(text))

    def _subscribed(
        self, _client: paho.Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _p: Any
    ) -> None:
        bad = [str(reason) for reason in reasons if reason.is_failure]
        self.events.put(Subscribed(", ".join(bad) or None))

    def _published(
        self, _client: paho.Client, _userdata: Any, mid: int, reason: ReasonCode, _properties: Any
    ) -> None:
        self.events.put(Published(mid, str(reason) if reason.is_failure else None))

    def _message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self._heard(message.topic, payload, message.mid, message.qos, message.retain)

    def _heard(self, topic: str, payload: bytes, mid: int, qos: int, retain: bool) -> None:  # noqa: FBT001 - paho's order
        if not topic.endswith(_RECORDS):
            if retain:  # one that goes by is a twin hub's, and no news
                self.events.put(HeardReceipt(topic, payload))
            return
        self.events.put(Delivery(topic, payload, mid, qos, self._connection))


def authenticate(client: paho.Client, table: MqttTable) -> None:
    """Password and TLS of a client, before it connects. Raises ConfigError."""
    try:
        if table.username is not None:
            password = None if table.password_file is None else password_in(table.password_file)
            client.username_pw_set(table.username, password)
        if table.tls is not None:
            client.tls_set_context(tls_context(table.tls))
    except SetupError as error:
        raise ConfigError(str(error)) from error
