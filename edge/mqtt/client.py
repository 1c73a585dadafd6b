"""A connection to the broker that nothing can end for good: a thin wrapper over paho-mqtt.

What paho leaves to its user and what broke others is settled here: MQTT 5 with the session's life
stated, TCP_NODELAY, jitter on reconnects, callbacks that can't kill paho's thread, a thread that
died all the same, the broker's receive maximum, and an error that says what to mend.
"""

from __future__ import annotations

import logging
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.config.model import MqttTable
from edge.mqtt.security import read_password
from feed.backoff import Backoff
from feed.connection import (
    ErrorMemory,
    explain,
    guarded,
    hint,
    no_delay,
    tls_context,
    wait_longer,
)

log = logging.getLogger(__name__)

# A connection that held this long was a good one: the next reconnect starts with a short wait
_GOOD_CONNECTION_S = 5.0
# After so many bad ones in a row something is wrong that the broker doesn't name
_SUSPICIOUS = 3
_FIRST_RECONNECT_S = 1.0
# What the broker may send at once; protects the memory of a gate from a stray huge message
_LARGEST_INBOUND_BYTES = 1_048_576
# MQTT 5.0, 3.2.2.3.3: the receive maximum where the broker names none
_NO_RECEIVE_MAXIMUM = 65_535
_SAME_NAME = "; does a second gate have the same park, site and gate in its configuration?"
# MQTT 5.0, 3.8.3.1: retained messages are not sent on subscribing
_NO_RETAINED = 2


# --- events: all that callbacks do is to make one of these and hand it over ------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted, with the limits it names: messages without PUBACK, bytes of a packet."""

    connection: int
    session_present: bool
    receive_maximum: int
    maximum_packet_bytes: int | None


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection ended, or an attempt failed; `reason` is one line for a person."""

    reason: str


class Acked(NamedTuple):  # made for each record: a frozen dataclass takes three times as long
    """PUBACK for message `mid` of that connection. `failure` names a refusal."""

    connection: int
    mid: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """A message came. `retained` when the broker had kept it."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """The broker refused a subscription."""

    reason: str


ClientEvent = Connected | Disconnected | Acked | Received | SubscriptionRefused


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the gate is gone without a word."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Subscription:
    """`live_only` leaves out what was retained or sent while the gate was away."""

    topic: str
    live_only: bool = False


class MqttClient:
    """The connection. `on_event` is called in paho's thread and must only enqueue.

    The owner calls `watch` about once a second. Raises SetupError when made.
    """

    def __init__(
        self,
        table: MqttTable,
        *,
        client_id: str,
        will: Will,
        on_event: Callable[[ClientEvent], None],
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._client_id = client_id
        self._will = will
        self._on_event = on_event
        self._monotonic = monotonic
        self._backoff = Backoff(
            first_s=min(_FIRST_RECONNECT_S, table.reconnect_longest_s),
            longest_s=table.reconnect_longest_s,
            rng=rng,
        )
        self._tls = tls_context(table.tls) if table.tls is not None else None
        self._password = read_password(table)
        self.good_connection_s = min(_GOOD_CONNECTION_S, table.reconnect_longest_s)
        self._short_connections = 0
        self._connection = 0
        self._connected_s: float | None = None
        self._refused: str | None = None
        self._thread: threading.Thread | None = None
        self._replace_at_s: float | None = None
        self._last_error = ErrorMemory()
        self.callback_errors = 0
        self.replacements = 0
        self._paho = self._make()

    # --- the owner's side ---------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connected_s is not None

    def start(self) -> None:
        """Begin to connect, in paho's thread: neither a black hole nor a refusal blocks."""
        self._paho.loop_start()

    def publish(
        self, connection: int, topic: str, payload: bytes, *, retain: bool = False
    ) -> int | None:
        """Send at QoS 1; the message id that `Acked` will name.

        None when that connection is gone: nothing is kept, the owner sends again.
        """
        if not self.connected or connection != self._connection:
            return None
        info = self._paho.publish(topic, payload, qos=1, retain=retain)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Subscribe; refusals come as SubscriptionRefused."""
        # QoS 0 for live ones: a broker must not keep a command for a gate that comes back tomorrow
        topics = [
            (
                one.topic,
                SubscribeOptions(qos=0, retainHandling=_NO_RETAINED)
                if one.live_only
                else SubscribeOptions(qos=1),
            )
            for one in subscriptions
        ]
        self._paho.subscribe(topics)

    def watch(self) -> None:
        """Notice that paho's thread died, and put a new client in its place, with back-off."""
        if self._thread is None or self._thread.is_alive():
            return
        if self._replace_at_s is None:
            self._replace_at_s = self._monotonic() + self._backoff.next_s()
            self._connected_s = None
            self._tell(Disconnected("the network thread died; it is replaced"))
        elif self._monotonic() >= self._replace_at_s:
            self._replace()

    def drop(self) -> None:
        """Cut the connection so that paho makes a new one: for a broker that stopped answering."""
        sock = self._paho.socket()
        if sock is not None:
            _shut(sock)

    def stop(self, *, silent: bool, timeout_s: float = 2.0) -> None:
        """Leave the broker and end the thread, or abandon it after `timeout_s`.

        Not `silent`: the broker publishes the will, because the owner could not say goodbye.
        """
        name = "Normal disconnection" if silent else "Disconnect with will message"
        self._paho.disconnect(ReasonCode(PacketTypes.DISCONNECT, name))
        # loop_stop waits without a limit, and a name lookup may hang
        stopper = threading.Thread(target=self._paho.loop_stop, name="mqtt-stop", daemon=True)
        stopper.start()
        stopper.join(timeout_s)
        self._connected_s = None

    # --- making paho's client -----------------------------------------------------------------

    def _make(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._client_id, protocol=paho.MQTTv5
        )
        # the owner bounds what is in flight; paho's own window rescans itself with each PUBACK
        client.max_inflight_messages_set(0)
        client.enable_logger(self._last_error)
        client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        if self._table.username is not None:
            client.username_pw_set(self._table.username, self._password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.on_pre_connect = self._guard(self._pre_connect)
        client.on_socket_open = self._guard(no_delay)
        client.on_connect = self._guard(self._accepted)
        client.on_connect_fail = self._guard(self._failed)
        client.on_disconnect = self._guard(self._lost)
        client.on_publish = self._guard(self._published)
        client.on_subscribe = self._guard(self._subscribed)
        client.on_message = self._guard(self._message)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._table.session_expiry_s
        properties.MaximumPacketSize = _LARGEST_INBOUND_BYTES
        client.connect_async(
            self._table.host,
            self._table.port,
            keepalive=self._table.keepalive_s,
            clean_start=False,
            properties=properties,
        )
        return client

    def _replace(self) -> None:
        old = self._paho.socket()
        if old is not None:
            _shut(old)
            old.close()
        self._thread = None
        self._replace_at_s = None
        self.replacements += 1
        self._paho = self._make()
        self._paho.loop_start()

    # --- callbacks, in paho's thread ----------------------------------------------------------

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        return guarded(callback, log, self._count_error)

    def _count_error(self) -> None:
        self.callback_errors += 1

    def _pre_connect(self, client: paho.Client, _userdata: Any) -> None:
        self._thread = threading.current_thread()
        self._last_error.text = ""
        self._refused = None
        # what was under way belongs to the owner, who sends it again in order
        client.drop_out_messages()

    def _accepted(
        self,
        _client: paho.Client,
        _userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties,
    ) -> None:
        if reason.is_failure:
            self._refused = (
                f"the broker refuses the gate: {reason}{hint(reason, same_name=_SAME_NAME)}"
            )
            return
        self._connection += 1
        self._connected_s = self._monotonic()
        maximum = getattr(properties, "ReceiveMaximum", _NO_RECEIVE_MAXIMUM)
        largest = getattr(properties, "MaximumPacketSize", None)
        self._tell(Connected(self._connection, flags.session_present, maximum, largest))

    def _failed(self, client: paho.Client, _userdata: Any) -> None:
        # paho calls this while it handles the error
        error = sys.exception()
        wait_longer(client, self._backoff)
        where = f"{self._table.host}:{self._table.port}"
        self._tell(Disconnected(f"{where}: {explain(error)}"))

    def _lost(
        self,
        client: paho.Client,
        _userdata: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        connected_s, self._connected_s = self._connected_s, None
        if connected_s is not None:
            self._judge(self._monotonic() - connected_s)
        wait_longer(client, self._backoff)
        if self._refused is not None:
            text = self._refused
        elif flags.is_disconnect_packet_from_server:
            text = f"the broker ended the connection: {reason}{hint(reason, same_name=_SAME_NAME)}"
        else:
            text = f"the connection was lost: {self._last_error.text or reason}"
            if self._short_connections >= _SUSPICIOUS:
                # mosquitto says nothing when another client takes the session over
                text += f", each time soon after it began{_SAME_NAME}"
        self._tell(Disconnected(text))

    def _judge(self, held_s: float) -> None:
        if held_s >= self.good_connection_s:
            self._short_connections = 0
            self._backoff.reset()
        else:
            self._short_connections += 1

    def _published(
        self,
        _client: paho.Client,
        _userdata: Any,
        mid: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        failure = str(reason) if reason.is_failure else None
        self._tell(Acked(self._connection, mid, failure))

    def _subscribed(
        self,
        _client: paho.Client,
        _userdata: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties,
    ) -> None:
        bad = [str(reason) for reason in reasons if reason.is_failure]
        if bad:
            text = f"the broker refuses a subscription: {', '.join(bad)}; does its access list "
            self._tell(SubscriptionRefused(text + "let this gate read its own topics?"))

    def _message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._tell(Received(message.topic, bytes(message.payload), message.retain))

    def _tell(self, event: ClientEvent) -> None:
        self._on_event(event)


def _shut(sock: Any) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("the socket was shut already")
