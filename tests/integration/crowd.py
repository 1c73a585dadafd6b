"""Many gates in one process: what they write, and how they send again what is not confirmed.

They keep the gates' side of the feed: a window of records without a receipt, sent again from the
receipt on when none comes in time, and what the hub asks for sent again by itself. Without that
mosquitto 2.0.11 can keep a record from the hub for ever: it hands every other message to a member
of the shared subscription that is dead. One connection serves all of them.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from feed.codec import encode, record_hash
from feed.record import Clock, Decision, Kind, Person, Reading, Record, Token
from feed.topics import Channel, GateTopics, topic_filter
from tests.mqtt.support import START

WINDOW = 20  # records of a gate without a receipt
PATIENCE_S = 3.0  # without a receipt for so long, a gate sends again
IN_FLIGHT = 100  # without a PUBACK, of all gates


@dataclass(slots=True)
class _Gate:
    stream: str
    place: GateTopics
    raws: list[bytes]
    confirmed: int = 0
    sent: int = 0
    heard_s: float = 0.0
    asked: deque[int] = field(default_factory=deque)


class Crowd:
    """`gates` gates with `each` records each, sent from `start` on."""

    def __init__(self, port: int, *, gates: int, each: int) -> None:
        self._gates = {one.stream: one for one in (_gate(n, each) for n in range(gates))}
        self._total = gates * each
        self._stop = threading.Event()
        self._room = threading.Semaphore(IN_FLIGHT)
        self._changed = threading.Condition()
        self.repeated = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"crowd-{secrets.token_hex(4)}",
            protocol=paho.MQTTv5,
        )
        self._client.max_inflight_messages_set(0)
        self._client.on_publish = lambda *_: self._room.release()
        self._client.on_message = self._heard
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = 1_000
        self._client.connect("127.0.0.1", port, properties=properties)
        channels = (Channel.RECEIPT, Channel.COMMAND)
        self._client.subscribe([(topic_filter(channel), 1) for channel in channels])
        self._client.loop_start()
        self._thread = threading.Thread(target=self._send, daemon=True)

    @property
    def confirmed(self) -> int:
        return sum(gate.confirmed for gate in self._gates.values())

    @property
    def done(self) -> bool:
        return self.confirmed == self._total

    def raw(self, stream: str, seq: int) -> bytes:
        return self._gates[stream].raws[seq - 1]

    def start(self) -> Crowd:
        self._thread.start()
        return self

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, timeout_s)

    def stop(self) -> None:
        self._stop.set()
        self._room.release()
        if self._thread.is_alive():
            self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self) -> None:
        while not self._stop.is_set():
            busy = False
            for gate in self._gates.values():
                busy = self._turn(gate) or busy
            if self.done:
                return
            if not busy:
                self._stop.wait(0.01)

    def _turn(self, gate: _Gate) -> bool:
        if gate.asked:
            seq = gate.asked.popleft()
            self._room.acquire()
            self._client.publish(gate.place.record, gate.raws[seq - 1], qos=1)
            return True
        now_s = time.monotonic()
        if gate.confirmed < gate.sent and now_s - gate.heard_s > PATIENCE_S:
            self.repeated += gate.sent - gate.confirmed
            gate.sent, gate.heard_s = gate.confirmed, now_s
        if gate.sent >= min(gate.confirmed + WINDOW, len(gate.raws)):
            return False
        if gate.sent == gate.confirmed:
            gate.heard_s = now_s
        self._room.acquire()
        with self._changed:  # a receipt may have come meanwhile
            if gate.sent == len(gate.raws):
                self._room.release()
                return False
            raw = gate.raws[gate.sent]
            gate.sent += 1
        self._client.publish(gate.place.record, raw, qos=1)
        return True

    def _heard(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        said = json.loads(message.payload)
        gate = self._gates[said["stream"]]
        if said.get("command") == "resend":
            gate.asked.extend(range(said["from"], said["to"] + 1))
            return
        with self._changed:
            if said["upto"] > gate.confirmed:
                gate.confirmed, gate.heard_s = said["upto"], time.monotonic()
                gate.sent = max(gate.sent, gate.confirmed)
                self._changed.notify_all()


def _gate(number: int, each: int) -> _Gate:
    place = GateTopics(f"park-{number % 7}", f"site-{number // 4}", f"gate-{number}")
    stream = f"{number:016x}"
    return _Gate(stream, place, chain(stream, place, each))


def chain(stream: str, place: GateTopics, count: int) -> list[bytes]:
    """Passages as gates write them."""
    raws: list[bytes] = []
    prev = None
    for seq in range(1, count + 1):
        token = Token(kid="k1", scope="province", v=f"{hash((stream, seq)) & 0xFFFFFFFF:043x}")
        raw = encode(
            Record(
                kind=Kind.PASSAGE,
                stream=stream,
                seq=seq,
                prev=prev,
                park=place.park,
                site=place.site,
                gate=place.gate,
                at=START,
                clock=Clock(state="synced", boot="b", uptime_s=float(seq)),
                reader="in",
                direction="in",
                person=Person(scheme="cccd", token=token, category="staff"),
                reading=Reading(
                    verdict="normal", estimate_c=36.61, object_c=35.02, ambient_c=26.4, samples=9
                ),
                decision=Decision(
                    result="granted", reasons=("code_accepted", "temperature_normal")
                ),
            )
        )
        prev = record_hash(raw)
        raws.append(raw)
    return raws
