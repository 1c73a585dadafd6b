"""Mosquitto's access list: who may read and write which topics. Pure.

A gate's user name is its place, PARK/SITE/GATE (the common name of its certificate). What is not
granted is refused: mosquitto acknowledges a refused message of MQTT 5 with 'not authorised'.
"""

from __future__ import annotations

from collections.abc import Iterable

from feed.topics import ANY, Channel, GateTopics, TopicError, topic_filter

HUB, VIEWER = "hub", "viewer"
_WRITTEN_BY_GATES = (Channel.RECORD, Channel.ALARM, Channel.STATE, Channel.REPLY)


def acl(gates: Iterable[GateTopics], *, discovery_prefix: str = "homeassistant") -> str:
    """The whole file, for these gates, the hubs and the viewers."""
    blocks = [_hub(), _viewer(discovery_prefix)]
    blocks += [_gate(one, discovery_prefix) for one in gates]
    return "\n".join(blocks)


def place(text: str) -> GateTopics:
    """From PARK/SITE/GATE. Raises TopicError."""
    parts = text.split("/")
    if len(parts) != 3:
        raise TopicError(f"'{text}' is not PARK/SITE/GATE")
    return GateTopics(*parts)


def _hub() -> str:
    read = (*_WRITTEN_BY_GATES, Channel.RECEIPT)
    write = [topic_filter(channel) for channel in (Channel.RECEIPT, Channel.COMMAND)]
    # readwrite: a hub that starts reads the lists that it published before
    return _block(HUB, read=map(topic_filter, read), write=write, both=[topic_filter(Channel.LIST)])


def _viewer(prefix: str) -> str:
    read = [topic_filter(channel) for channel in (*_WRITTEN_BY_GATES, Channel.LIST)]
    return _block(VIEWER, read=[*read, f"{prefix}/device/{ANY}/config"])


def _gate(gate: GateTopics, prefix: str) -> str:
    return _block(
        f"{gate.park}/{gate.site}/{gate.gate}",
        read=[
            gate.command,
            topic_filter(Channel.RECEIPT, park=gate.park, site=gate.site, gate=gate.gate),
            topic_filter(Channel.LIST, park=gate.park),
        ],
        write=[gate.record, gate.alarm, gate.state, gate.reply, gate.discovery(prefix)],
    )


def _block(
    user: str, *, read: Iterable[str] = (), write: Iterable[str] = (), both: Iterable[str] = ()
) -> str:
    lines = [f"user {user}"]
    for access, topics in (("read", read), ("write", write), ("readwrite", both)):
        lines += [f"topic {access} {topic}" for topic in topics]
    return "\n".join(lines) + "\n"
