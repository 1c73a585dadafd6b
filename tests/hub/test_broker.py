"""The shipped configuration of mosquitto, with TLS and certificates made as the how-to says."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from feed.messages import Receipt, encode_message
from feed.topics import GateTopics
from hub.broker.acl import HUB, VIEWER, acl
from tests.mqtt.support import Broker, free_port, wait_until

ROOT = Path(__file__).parents[2]
GATE = GateTopics("khu-a", "truong-1", "cong-1")
NEXT_DOOR = GateTopics("khu-a", "truong-1", "cong-2")
OTHER_PARK = GateTopics("khu-b", "truong-9", "cong-1")
RECEIPT = encode_message(Receipt(stream="s", upto=1, epoch="e"))
NOT_AUTHORISED = 0x87  # MQTT 5.0, 3.4.2.1


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By the commands of docs/how-to/broker.md, for the names of this test."""
    folder = tmp_path_factory.mktemp("certificates")
    page = (ROOT / "docs" / "how-to" / "broker.md").read_text()
    (script,) = re.findall(r"```sh\n(make_ca\(\).*?)```", page, re.DOTALL)
    gates = [f"{one.park}/{one.site}/{one.gate}" for one in (GATE, NEXT_DOOR, OTHER_PARK)]
    calls = ["make_ca", 'make_broker "DNS:localhost,IP:127.0.0.1"']
    calls += [f"make_client {name} c{n}" for n, name in enumerate([*gates, HUB, VIEWER])]
    done = subprocess.run(
        ["sh", "-eu", "-c", script + "\n".join(calls)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


USERS = {GATE: "c0", NEXT_DOOR: "c1", OTHER_PARK: "c2", HUB: "c3", VIEWER: "c4"}


class Secured(Broker):
    """The configuration as it is shipped, but for its paths and ports."""

    def __init__(self, folder: Path, certificates: Path) -> None:
        super().__init__(folder, "")
        self.gates, self.others = self.port, free_port()
        (folder / "acl").write_text(acl([GATE, NEXT_DOOR, OTHER_PARK]))
        text = (ROOT / "deploy" / "mosquitto" / "edge-gate.conf").read_text()
        for old, new in (
            ("listener 8883", f"listener {self.gates} 127.0.0.1"),
            ("listener 8884", f"listener {self.others} 127.0.0.1"),
            ("/etc/mosquitto/edge-gate/acl", str(folder / "acl")),
            ("/etc/mosquitto/edge-gate/", f"{certificates}/"),
            ("/var/lib/mosquitto/", f"{folder}/"),
        ):
            assert old in text
            text = text.replace(old, new)
        self._config.write_text(f"{text}\nuser root\n")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.others), 1):
            return super()._listens()
        return False


@pytest.fixture
def broker(tmp_path: Path, certificates: Path) -> Iterator[Secured]:
    made = Secured(tmp_path, certificates)
    made.start()
    yield made
    made.stop()


class Client:
    """Connected as one of USERS."""

    def __init__(self, broker: Secured, certificates: Path, user: Any, **options: Any) -> None:
        self.heard: list[str] = []
        self._ready, self._answered = threading.Event(), threading.Event()
        self._reason: Any = None
        context = ssl.create_default_context(cafile=certificates / "ca.crt")
        name = certificates / USERS[user]
        context.load_cert_chain(f"{name}.crt", f"{name}.key")
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, **options)
        self.client.tls_set_context(context)
        self.client.on_connect = lambda *_: self._ready.set()
        self.client.on_publish = self._published
        self.client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        port = broker.gates if isinstance(user, GateTopics) else broker.others
        self.client.connect("localhost", port)
        self.client.loop_start()
        assert self._ready.wait(20)

    def _published(self, _c: Any, _d: Any, _mid: int, reason: Any, _p: Any) -> None:
        self._reason = reason
        self._answered.set()

    def may_write(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> bool:
        self._answered.clear()
        self.client.publish(topic, payload, qos=1, retain=retain)
        assert self._answered.wait(20)
        return int(self._reason.value) != NOT_AUTHORISED

    def listen(self, *topics: str) -> None:
        done = threading.Event()
        self.client.on_subscribe = lambda *_: done.set()
        self.client.subscribe([(topic, 1) for topic in topics])
        assert done.wait(20)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


Connect = Callable[..., Client]


@pytest.fixture
def connect(broker: Secured, certificates: Path) -> Iterator[Connect]:
    made: list[Client] = []

    def make(user: Any, **options: Any) -> Client:
        made.append(Client(broker, certificates, user, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def topics_of(gate: GateTopics) -> list[str]:
    written = [gate.record, gate.alarm, gate.state, gate.reply, gate.discovery()]
    return [*written, gate.command, gate.receipt("s")]


def test_a_gate_writes_its_own_topics_and_no_other(connect: Connect) -> None:
    gate = connect(GATE)
    wrote = [topic for topic in topics_of(GATE) if gate.may_write(topic)]
    assert wrote == topics_of(GATE)[:5]
    for other in (NEXT_DOOR, OTHER_PARK):
        assert not any(gate.may_write(topic) for topic in topics_of(other))
    for topic in ("gate/v1/khu-a/list/revoked", "x", "$SYS/x", "gate/v1/khu-a/truong-1/record"):
        assert not gate.may_write(topic)


def test_a_gate_reads_what_is_said_to_it_and_its_parks_lists(connect: Connect) -> None:
    hub, gate = connect(HUB), connect(GATE)
    gate.listen("#")
    own = [GATE.command, GATE.receipt("s"), "gate/v1/khu-a/list/revoked"]
    for topic in (NEXT_DOOR.command, NEXT_DOOR.receipt("s"), "gate/v1/khu-b/list/revoked", *own):
        assert hub.may_write(topic, RECEIPT)
    assert connect(NEXT_DOOR).may_write(NEXT_DOOR.record)
    assert hub.may_write(GATE.command)
    assert wait_until(lambda: gate.heard.count(GATE.command) == 2)
    assert set(gate.heard) == set(own)


def test_a_viewer_reads_all_but_receipts_and_commands_and_writes_nothing(connect: Connect) -> None:
    viewer, hub, gate = connect(VIEWER), connect(HUB), connect(GATE)
    viewer.listen("#")
    for topic in (GATE.command, GATE.receipt("s"), "gate/v1/khu-a/list/revoked"):
        assert hub.may_write(topic, RECEIPT)
    for topic in topics_of(GATE)[:5]:
        assert gate.may_write(topic)
    assert wait_until(lambda: GATE.discovery() in viewer.heard)
    assert set(viewer.heard) == {*topics_of(GATE)[:5], "gate/v1/khu-a/list/revoked"}
    for topic in (*topics_of(GATE), "gate/v1/khu-a/list/revoked", "x"):
        assert not viewer.may_write(topic)


def test_a_hub_reads_every_gate_and_writes_no_record(connect: Connect) -> None:
    hub = connect(HUB)
    hub.listen("$share/hubs/gate/v1/+/+/+/record", "gate/v1/+/+/+/receipt/+")
    for place in (GATE, OTHER_PARK):
        assert connect(place).may_write(place.record)
        assert hub.may_write(place.receipt("s"), RECEIPT)
        assert not hub.may_write(place.record)
    wanted = {one for place in (GATE, OTHER_PARK) for one in (place.record, place.receipt("s"))}
    assert wait_until(lambda: set(hub.heard) == wanted)


def test_the_hub_alone_commands_a_gate_and_hears_its_reply(connect: Connect) -> None:
    """Or a viewer, or the gate next door, could close a gate."""
    hub, gate = connect(HUB), connect(GATE)
    gate.listen(GATE.command)
    hub.listen(GATE.reply)
    for other in (VIEWER, NEXT_DOOR, OTHER_PARK):
        assert not connect(other).may_write(GATE.command)
        assert not connect(other).may_write(GATE.reply)
    assert not gate.may_write(GATE.command)
    assert hub.may_write(GATE.command)
    assert wait_until(lambda: gate.heard == [GATE.command])
    assert gate.may_write(GATE.reply)
    assert wait_until(lambda: hub.heard == [GATE.reply])


def test_a_gate_can_not_take_over_anothers_session(connect: Connect, broker: Secured) -> None:
    victim = connect(GATE, client_id="edge-gate:khu-a:truong-1:cong-1")
    thief = connect(NEXT_DOOR, client_id="edge-gate:khu-a:truong-1:cong-1")
    assert thief.may_write(NEXT_DOOR.record)
    assert victim.may_write(GATE.record)
    log = broker._log.read_text()
    assert "already connected" not in log


def test_without_a_certificate_of_the_park_nobody_connects(
    broker: Secured, certificates: Path, tmp_path: Path
) -> None:
    openssl(tmp_path, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", "own.key", "-out", "own.crt", "-subj", "/CN=hub")  # fmt: skip
    for port in (broker.gates, broker.others):
        for words in ([], ["--cert", "own.crt", "--key", "own.key"]):
            done = subprocess.run(
                ["mosquitto_pub", "-h", "localhost", "-p", str(port), "--cafile",
                 str(certificates / "ca.crt"), *words, "-t", "x", "-m", "x"],
                cwd=tmp_path, capture_output=True, check=False, timeout=20,
            )  # fmt: skip
            assert done.returncode != 0


def test_the_hub_itself_works_behind_it(
    broker: Secured, certificates: Path, connect: Connect, tmp_path: Path
) -> None:
    from tests.hub.support import Chain
    from tests.integration.support import HubProcess

    hub = HubProcess(tmp_path, broker.others)
    hub._config.write_text(
        f'[store]\npath = "{hub.store}"\n[mqtt]\nhost = "localhost"\nport = {broker.others}\n'
        f'[mqtt.tls]\nca_file = "{certificates}/ca.crt"\ncert_file = "{certificates}/c3.crt"\n'
        f'key_file = "{certificates}/c3.key"\n'
    )
    chain = Chain(place=GATE).grow(3)
    gate = connect(GATE)
    gate.client.on_message = lambda _c, _d, message: gate.heard.append(
        str(json.loads(message.payload)["upto"])
    )
    gate.listen(GATE.receipt(chain.stream))
    hub.start().connected()
    try:

        def is_received() -> bool:
            # as a gate does: what has no receipt yet, because the hub was still subscribing, again
            assert all(gate.may_write(GATE.record, raw) for raw in chain.raws.values())
            return gate.heard[-1:] == ["3"]

        assert wait_until(is_received), hub.log
    finally:
        hub.stop()
