"""The topics of the feed, built and taken apart. No other module writes a topic by hand.

gate/v1/{park}/{site}/{gate}/record            QoS 1          every record, encoded once
gate/v1/{park}/{site}/{gate}/alarm             QoS 1          alarm records, repeated
gate/v1/{park}/{site}/{gate}/state             QoS 1 retained the gate's state and last will
gate/v1/{park}/{site}/{gate}/receipt/{stream}  QoS 1 retained the hub's word: stored up to here
gate/v1/{park}/{site}/{gate}/command           QoS 0          to the gate
gate/v1/{park}/{site}/{gate}/reply             QoS 1          from the gate
gate/v1/{park}/list/{name}                     QoS 1 retained lists: revoked passes, roster
{prefix}/device/{object_id}/config             QoS 1 retained Home Assistant discovery
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

ROOT = "gate/v1"
ANY = "+"  # for filters: every park, site or gate

# MQTT 5.0, 1.5.4: a string is at most 65,535 bytes of UTF-8
_LONGEST_BYTES = 65_535
# MQTT 5.0, 4.7: wildcards and the level separator; 1.5.4: NUL never, other controls better not
_FORBIDDEN = re.compile(r"[+#/\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Home Assistant, MQTT discovery: object ids are made of these
_NOT_OBJECT_ID = re.compile(r"[^A-Za-z0-9_-]")


class TopicError(ValueError):
    """A name that can't be a topic level, or a topic that is not of this feed."""


class Channel(StrEnum):
    """What a topic of the feed carries; the values are the channel ids of asyncapi.yaml."""

    RECORD = "record"
    ALARM = "alarm"
    STATE = "state"
    RECEIPT = "receipt"
    COMMAND = "command"
    REPLY = "reply"
    LIST = "list"
    DISCOVERY = "discovery"


_GATE = ROOT + "/{park}/{site}/{gate}"
ADDRESSES: dict[Channel, str] = {
    Channel.RECORD: f"{_GATE}/record",
    Channel.ALARM: f"{_GATE}/alarm",
    Channel.STATE: f"{_GATE}/state",
    Channel.RECEIPT: f"{_GATE}/receipt/{{stream}}",
    Channel.COMMAND: f"{_GATE}/command",
    Channel.REPLY: f"{_GATE}/reply",
    Channel.LIST: ROOT + "/{park}/list/{name}",
    Channel.DISCOVERY: "{prefix}/device/{object_id}/config",
}
_PATTERNS = {
    channel: re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", address))
    for channel, address in ADDRESSES.items()
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart: its channel and the names in it, by the placeholders of ADDRESSES."""

    channel: Channel
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class GateTopics:
    """The topics of one gate. Raises TopicError for a name that can't be a topic level."""

    park: str
    site: str
    gate: str

    def __post_init__(self) -> None:
        build(Channel.RECORD, park=self.park, site=self.site, gate=self.gate)

    @property
    def record(self) -> str:
        return self._build(Channel.RECORD)

    @property
    def alarm(self) -> str:
        return self._build(Channel.ALARM)

    @property
    def state(self) -> str:
        return self._build(Channel.STATE)

    @property
    def command(self) -> str:
        return self._build(Channel.COMMAND)

    @property
    def reply(self) -> str:
        return self._build(Channel.REPLY)

    def receipt(self, stream: str) -> str:
        return self._build(Channel.RECEIPT, stream=stream)

    @property
    def object_id(self) -> str:
        """The gate's id in Home Assistant: readable, of allowed characters only, and unique."""
        name = f"{self.park}/{self.site}/{self.gate}"
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{_NOT_OBJECT_ID.sub('_', name)}_{digest}"

    def discovery(self, prefix: str = "homeassistant") -> str:
        return build(Channel.DISCOVERY, prefix=prefix, object_id=self.object_id)

    def _build(self, channel: Channel, **names: str) -> str:
        return build(channel, park=self.park, site=self.site, gate=self.gate, **names)


def build(channel: Channel, **names: str) -> str:
    """The topic of a channel. Raises TopicError for a name that can't be a topic level."""
    for key, name in names.items():
        check_name(name, key)
    return _fill(channel, names)


def topic_filter(channel: Channel, **names: str) -> str:
    """A subscription to a channel: every name not given is any name ("+")."""
    wanted = dict.fromkeys(_PATTERNS[channel].groupindex, ANY)
    for key, name in names.items():
        if name != ANY:
            check_name(name, key)
        wanted[key] = name
    return _fill(channel, wanted)


def parse(topic: str) -> Topic:
    """The topic taken apart. Raises TopicError where it is none of this feed."""
    for channel, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(topic):
            names = match.groupdict()
            for key, name in names.items():
                check_name(name, key)
            return Topic(channel, names)
    raise TopicError(f"{topic!r} is no topic of this feed")


def check_name(name: str, what: str = "name") -> None:
    """Raises TopicError for a name that can't be one level of a topic."""
    if not name:
        raise TopicError(f"{what} is empty")
    if bad := _FORBIDDEN.search(name):
        raise TopicError(f"{what} {name!r} holds {bad[0]!r}, which no topic level may")


def _fill(channel: Channel, names: dict[str, str]) -> str:
    try:
        topic = ADDRESSES[channel].format_map(names)
    except KeyError as error:
        raise TopicError(f"a {channel} topic needs {error}") from None
    if len(topic.encode()) > _LONGEST_BYTES:
        raise TopicError(f"a {channel} topic of {len(topic.encode())} bytes is too long")
    return topic
