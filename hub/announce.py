"""One retained message to the broker, and its word that it has it. For commands alone."""

from __future__ import annotations

import secrets
import sys
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from feed.connection import explain
from hub.config import MqttTable
from hub.link import authenticate

WAIT_S = 20.0


class AnnounceError(Exception):
    """The broker does not have the message. One line."""


def announce(table: MqttTable, topic: str, payload: bytes, *, wait_s: float = WAIT_S) -> None:
    """Publish `payload` retained at QoS 1 and wait for the broker's PUBACK.

    Under a name of its own: the running hub's session is left alone. Raises ConfigError,
    AnnounceError.
    """
    where = f"{table.host}:{table.port}"
    found: dict[str, Any] = {}
    done = threading.Event()

    def accepted(client: paho.Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if reason.is_failure:
            found["error"] = f"{where}: the broker refuses: {reason}"
            done.set()
        else:
            client.publish(topic, payload, qos=1, retain=True)

    def published(_client: paho.Client, _data: Any, _mid: int, reason: Any, _props: Any) -> None:
        if reason.is_failure:
            found["error"] = f"{where}: the broker refuses {topic}: {reason}"
        else:
            found["done"] = True
        done.set()

    def failed(_client: paho.Client, _data: Any) -> None:
        found["error"] = f"{where}: {explain(sys.exception())}"
        done.set()

    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"edge-hub-{secrets.token_hex(4)}",
        protocol=paho.MQTTv5,
    )
    authenticate(client, table)
    client.on_connect = accepted
    client.on_publish = published
    client.on_connect_fail = failed
    client.connect_async(table.host, table.port, keepalive=table.keepalive_s)
    client.loop_start()
    try:
        done.wait(wait_s)
    finally:
        client.disconnect()
        client.loop_stop()
    if "done" not in found:
        raise AnnounceError(found.get("error", f"{where}: no answer within {wait_s:g} s"))
