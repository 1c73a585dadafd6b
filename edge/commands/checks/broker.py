"""The way to the broker, step by step: name, TCP, TLS, MQTT."""

from __future__ import annotations

import os
import queue
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.commands.checks.finding import Check, Finding, Status
from edge.config.model import Config, MqttTable
from edge.mqtt.security import read_password
from feed.connection import SetupError, tls_context

TIMEOUT_S = 5.0
AWAY = "the gate works on and sends later; look at mqtt.host, mqtt.port and the network"


def checks(config: Config) -> Iterator[Check]:
    """One check; it ends at the first step that fails."""
    yield Check("broker", lambda: _look(config.mqtt))


def _look(table: MqttTable) -> Iterator[Finding]:
    where = f"{table.host}:{table.port}"
    try:
        address = socket.getaddrinfo(table.host, table.port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        yield Finding("broker name", Status.FAIL, f"{table.host}: {error.strerror}", AWAY)
        return
    try:
        connection = socket.create_connection((table.host, table.port), TIMEOUT_S)
    except OSError as error:
        reason = error.strerror or str(error)
        yield Finding("broker TCP", Status.FAIL, f"{where} ({address}): {reason}", AWAY)
        return
    with closing(connection):
        yield Finding("broker TCP", Status.OK, f"{where} ({address})")
        context = None
        if table.tls is not None:
            try:
                context = tls_context(table.tls)
                with context.wrap_socket(connection, server_hostname=table.host) as secured:
                    yield Finding("broker TLS", Status.OK, str(secured.version()))
            except SetupError:
                return  # told with the keys
            except (ssl.SSLError, OSError) as error:
                hint = "look at mqtt.tls.ca_file, the broker's certificate and the clock"
                yield Finding("broker TLS", Status.FAIL, str(error), hint)
                return
    yield _connect(table, context)


def _connect(table: MqttTable, context: ssl.SSLContext | None) -> Finding:
    """CONNECT under a name of its own, so that a running daemon keeps its session."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client = paho.Client(
        CallbackAPIVersion.VERSION2, f"edge-gate-doctor-{os.getpid()}", protocol=paho.MQTTv5
    )
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.put(reason)
    try:
        password = read_password(table)
    except SetupError:
        return Finding("broker MQTT", Status.SKIP, "no password to connect with")
    if table.username is not None:
        client.username_pw_set(table.username, password)
    if context is not None:
        client.tls_set_context(context)
    try:
        client.connect(table.host, table.port, keepalive=table.keepalive_s)
        client.loop_start()
        reason = answers.get(timeout=TIMEOUT_S)
    except OSError as error:
        return Finding("broker MQTT", Status.FAIL, error.strerror or str(error), AWAY)
    except queue.Empty:
        hint = "is that port an MQTT broker's, and is TLS on at both ends or at none?"
        return Finding("broker MQTT", Status.FAIL, "no answer to CONNECT", hint)
    finally:
        client.disconnect()
        client.loop_stop()
    if reason.is_failure:
        hint = "look at mqtt.username, its password and the broker's access list"
        return Finding("broker MQTT", Status.FAIL, f"CONNECT refused: {reason}", hint)
    return Finding("broker MQTT", Status.OK, "connected with MQTT 5")
