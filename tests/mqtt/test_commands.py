"""Commands: what the hub may ask is done and answered, anything else is refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge.mqtt.commands import Commands
from edge.mqtt.publisher import Publisher
from feed.messages import Command, Reply
from feed.topics import GateTopics
from tests.mqtt.support import GATE, PARK, SITE, Broker, MemoryOutbox, passage, wait_until
from tests.mqtt.watcher import Watcher

Gate = Callable[..., Publisher]
TOPICS = GateTopics(PARK, SITE, GATE)


def ask(watcher: Watcher, **parts: Any) -> dict[str, Any]:
    watcher.publish(TOPICS.command, json.dumps(parts).encode())
    return watcher.wait_json(TOPICS.reply, lambda reply: reply["id"] == parts["id"])


def ready(
    broker: Broker, watcher: Watcher, gate: Gate, outbox: MemoryOutbox, **options: Any
) -> Publisher:
    worker = gate(broker.port, outbox, **options)
    assert wait_until(lambda: outbox.confirmed_upto == outbox.last_seq)
    watcher.wait_json(TOPICS.state, lambda state: state["status"] == "online")
    return worker


def test_a_gap_is_sent_again_from_disk(broker: Broker, watcher: Watcher, gate: Gate) -> None:
    outbox = MemoryOutbox([passage()] * 300)
    worker = ready(broker, watcher, gate, outbox)
    watcher.wait(lambda: sum(at == TOPICS.record for at, *_ in watcher.messages) == 300)
    watcher.forget()
    reply = ask(watcher, id="a1", command="resend", **{"from": 101, "to": 220})
    assert reply == {"id": "a1", "ok": True, "result": {"from": 101, "to": 220}}
    watcher.wait(lambda: sum(at == TOPICS.record for at, *_ in watcher.messages) == 120)
    seqs = [json.loads(raw)["seq"] for raw in watcher.payloads(TOPICS.record)]
    assert seqs == list(range(101, 221))
    assert worker.health().counters["resent"] == 120


def test_the_state_is_sent_again(broker: Broker, watcher: Watcher, gate: Gate) -> None:
    ready(broker, watcher, gate, MemoryOutbox())
    watcher.forget()
    assert ask(watcher, id="s", command="state")["ok"]
    watcher.wait_json(TOPICS.state, lambda state: state["status"] == "online")


def test_the_daemon_does_what_is_its_own(broker: Broker, watcher: Watcher, gate: Gate) -> None:
    done: list[Command] = []

    def handler(command: Command) -> Reply:
        done.append(command)
        return Reply(id=command.id, ok=True, result={"was": "active"})

    ready(broker, watcher, gate, MemoryOutbox(), handler=handler)
    reply = ask(watcher, id="f", command="fire_reset")
    assert reply == {"id": "f", "ok": True, "result": {"was": "active"}}
    assert [command.command for command in done] == ["fire_reset"]


def test_a_handler_that_fails_answers_so_and_publishing_goes_on(
    broker: Broker, watcher: Watcher, gate: Gate
) -> None:
    def handler(command: Command) -> Reply:
        raise RuntimeError("broken")

    outbox = MemoryOutbox()
    worker = ready(broker, watcher, gate, outbox, handler=handler)
    reply = ask(watcher, id="f", command="fire_reset")
    assert not reply["ok"]
    assert "its log says why" in reply["error"]
    outbox.add(passage())
    worker.wake()
    assert wait_until(lambda: outbox.confirmed_upto == 1)


def test_a_command_kept_by_the_broker_is_not_done(
    broker: Broker, watcher: Watcher, gate: Gate
) -> None:
    done: list[Command] = []

    def handler(command: Command) -> Reply:
        done.append(command)
        return Reply(id=command.id, ok=True)

    kept = json.dumps({"id": "old", "command": "fire_reset"}).encode()
    watcher.publish(TOPICS.command, kept, retain=True)
    ready(broker, watcher, gate, MemoryOutbox(), handler=handler)
    assert ask(watcher, id="new", command="state")["ok"]
    assert done == []


def commands(outbox: MemoryOutbox, *, takes: bool = True) -> Commands:
    return Commands(
        outbox,
        handler=lambda command: Reply(id=command.id, ok=True),
        resend=lambda stream, first, last: takes,
        refresh=lambda: None,
    )


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[1,2]", "no JSON object"),
        (b"{}", "id"),
        (b'{"id":"1"}', "command"),
        (b'{"id":5,"command":"state"}', "id"),
        (b'{"id":"","command":"state"}', "1 to 128"),
        (b'{"id":"' + b"x" * 129 + b'","command":"state"}', "1 to 128"),
        (b'{"id":"1","command":"open_door"}', "unknown command 'open_door'"),
        (b'{"id":"1","command":"resend"}', "whole numbers"),
        (b'{"id":"1","command":"resend","from":"1","to":2}', "whole numbers"),
        (b'{"id":"1","command":"resend","from":true,"to":2}', "whole numbers"),
        (b'{"id":"1","command":"resend","from":0,"to":2}', "whole numbers"),
        (b'{"id":"1","command":"resend","from":1,"to":2,"stream":"x"}', "no stream 'x'"),
        (b'{"id":"1","command":"resend","from":1,"to":2,"stream":7}', "no stream 7"),
        (b'{"id":"1","command":"resend","from":3,"to":2}', "no record"),
        (b'{"id":"1","command":"resend","from":4,"to":9}', "ends at 3"),
        (b'{"id":"1","command":"state","x":{"y":1}}', "args.x"),
        (b'{"id":"1"' + b" " * 20_000 + b"}", "at most 16384"),
        (b"[" * 10_000, "no JSON"),
    ],
)
def test_a_wrong_command_is_answered_with_what_is_wrong(payload: bytes, error: str) -> None:
    reply = commands(MemoryOutbox([passage()] * 3)).answer(payload)
    assert not reply.ok
    assert error in str(reply.error)


@pytest.mark.parametrize("name", ["state", "close", "reopen"])
def test_a_retained_command_is_refused(name: str) -> None:
    """Or a gate that was opened again would be closed with each reconnect."""
    wish = json.dumps({"id": "1", "command": name}).encode()
    reply = commands(MemoryOutbox()).answer(wish, retained=True)
    assert not reply.ok
    assert "without retain" in str(reply.error)


def test_too_many_ranges_are_refused_instead_of_kept() -> None:
    outbox = MemoryOutbox([passage()] * 3)
    wish = b'{"id":"1","command":"resend","from":1,"to":99}'
    assert commands(outbox).answer(wish).result == {"from": 1, "to": 3}
    assert "busy" in str(commands(outbox, takes=False).answer(wish).error)
