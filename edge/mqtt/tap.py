"""An independent witness: counts the records that a broker hands to a plain subscriber.

Shares nothing with the publisher but paho and the topics; used by `edge-gate demo` and by tests.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from feed.topics import ANY, Channel, topic_filter

log = logging.getLogger(__name__)

# Long enough for a broker to be restarted
_SESSION_S = 600


class RecordTap:
    """Subscribes to the records of a park and keeps the key of each.

    `seen` maps a stream to the seqs received, `deliveries` counts messages (the same record twice
    is two), `malformed` those that were no records. All may be read while it runs.
    """

    def __init__(self, host: str, port: int, park: str = ANY) -> None:
        self.seen: dict[str, set[int]] = {}
        self.deliveries = 0
        self.malformed = 0
        self._filter = topic_filter(Channel.RECORD, park=park)
        self._ready = threading.Event()
        self._arrived = threading.Condition()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"record-tap-{secrets.token_hex(4)}",
            protocol=paho.MQTTv5,
        )
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 2)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        self._client.connect_async(
            host, port, clean_start=paho.MQTT_CLEAN_START_FIRST_ONLY, properties=properties
        )

    def start(self, timeout_s: float = 10.0) -> None:
        """Connect and subscribe. Raises TimeoutError when the broker does not let it in."""
        self._client.loop_start()
        if not self._ready.wait(timeout_s):
            self.stop()
            raise TimeoutError(f"no subscription to {self._filter} within {timeout_s:g} s")

    def stop(self) -> None:
        """Leave. What was seen stays."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def received(self) -> int:
        """Distinct records received."""
        with self._arrived:
            return sum(len(seqs) for seqs in self.seen.values())

    def missing(self, stream: str, last: int, first: int = 1) -> list[int]:
        """Which of `first`..`last` of a stream were not received."""
        with self._arrived:
            return sorted(set(range(first, last + 1)) - self.seen.get(stream, set()))

    def wait_for(self, stream: str, last: int, timeout_s: float = 10.0, first: int = 1) -> bool:
        """Wait until `first`..`last` of a stream are all received. False when time is up."""
        wanted = set(range(first, last + 1))
        with self._arrived:
            return self._arrived.wait_for(lambda: wanted <= self.seen.get(stream, set()), timeout_s)

    def _connected(
        self,
        client: paho.Client,
        _userdata: Any,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.warning("record tap: the broker refuses it: %s", reason)
        else:
            client.subscribe(self._filter, qos=1)

    def _subscribed(
        self,
        _client: paho.Client,
        _userdata: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("record tap: the broker refuses %s: %s", self._filter, reasons[0])
        else:
            self._ready.set()

    def _message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        key = _key(bytes(message.payload))
        with self._arrived:
            self.deliveries += 1
            if key is None:
                self.malformed += 1
                return
            stream, seq = key
            self.seen.setdefault(stream, set()).add(seq)
            self._arrived.notify_all()


def _key(payload: bytes) -> tuple[str, int] | None:
    """Stream and seq, read with nothing but a JSON parser."""
    try:
        record = json.loads(payload)
        stream, seq = record["stream"], record["seq"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (stream, seq) if isinstance(stream, str) and isinstance(seq, int) else None
