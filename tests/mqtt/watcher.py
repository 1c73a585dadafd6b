"""A plain MQTT client for tests: sees every topic, publishes what it is told."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.mqtt.support import WAIT_S


class Watcher:
    """`messages` holds (topic, payload, retained) in order of arrival.

    `on_record` is called with each payload on a record topic, for little hubs.
    """

    def __init__(self, port: int, on_record: Callable[[bytes], None] | None = None) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._on_record = on_record
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"watcher-{secrets.token_hex(4)}",
            protocol=paho.MQTTv5,
        )
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(WAIT_S), "the watcher can't subscribe"

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_S)

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish from a callback, where waiting would never end."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    def payloads(self, topic: str) -> list[bytes]:
        with self._changed:
            return [payload for at, payload, _ in self.messages if at == topic]

    def wait(self, condition: Callable[[], bool], timeout_s: float = WAIT_S) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, timeout_s)

    def wait_json(self, topic: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message on the topic, of those so far and to come, that is wanted."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            said = (json.loads(payload) for at, payload, _ in self.messages if at == topic)
            found[:] = [message for message in said if wanted(message)]
            return bool(found)

        assert self.wait(look), f"nothing wanted on {topic}: {self.messages[-5:]}"
        return found[0]

    def forget(self) -> None:
        with self._changed:
            self.messages.clear()

    def _message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        with self._changed:
            self.messages.append((message.topic, payload, message.retain))
            self._changed.notify_all()
        if self._on_record is not None and message.topic.endswith("/record"):
            self._on_record(payload)
