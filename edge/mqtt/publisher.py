"""The worker that brings the journal to the broker, and the gate's state with it.

It alone publishes. Paho's thread only enqueues; records are read from the outbox in order, a
bounded number in flight; what confirms them is edge.mqtt.drain's business.
"""

from __future__ import annotations

import logging
import queue
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edge.config.model import Config, MqttTable
from edge.mqtt.client import (
    Acked,
    ClientEvent,
    Connected,
    Disconnected,
    MqttClient,
    Received,
    Subscription,
    SubscriptionRefused,
    Will,
)
from edge.mqtt.commands import Commands, Handler
from edge.mqtt.discovery import discovery_message
from edge.mqtt.drain import BrokerDrain, Drain, HubDrain, Resends
from edge.records.outbox import Outbox, Outboxes, Stored
from edge.worker import Worker
from feed.backoff import Backoff
from feed.codec import CodecError, decode
from feed.messages import (
    GateState,
    MessageError,
    RecordsSummary,
    Reply,
    Summary,
    decode_receipt,
    encode_message,
    summary_from,
)
from feed.record import Kind
from feed.topics import Channel, GateTopics, topic_filter

log = logging.getLogger(__name__)

_TICK_S = 0.5
# A broker that owes a PUBACK for so long is given up
_ACK_TIMEOUT_S = 30.0
_GOODBYE_S = 1.0
# Events taken before sending goes on; PUBACKs come in bursts
_MOST_EVENTS = 1_000
# Messages from the broker that may wait: more is a flood, and is dropped
_MOST_WAITING = 500
_MOST_EXTRAS = 200
_ALARM_MARK = b'"kind":"alarm"'
# Refused so often, while the broker takes others, a record is nobody's to have
_GIVE_UP_AFTER = 5
# A record topic, message id and properties beside the payload: MQTT 5.0, 3.3
_FRAME_BYTES = 16


# (stream, seq, why) of a record that no broker will take: put it with the dead letters, so that it
# holds nothing up. False when that can't be done now.
Refuse = Callable[[str, int, str], bool]


class _Wake:
    """Something is to be done: look."""


@dataclass(frozen=True, slots=True)
class _Extra:
    """A message that is no record. `lasting` ones survive a lost connection."""

    topic: str
    payload: bytes
    retain: bool
    lasting: bool


_Event = Connected | Disconnected | Received | SubscriptionRefused | _Extra | _Wake


@dataclass(slots=True)  # not frozen: it is made for each record, and frozen ones take twice as long
class _Flight:
    """A message that waits for its PUBACK. `source` and `seq` for a record of a drain."""

    sent_s: float
    source: _Source | None = None
    seq: int = 0
    extra: _Extra | None = None


@dataclass(slots=True, eq=False)
class _Source:
    """A stream that is published: the journal's own, or one that a copied card left behind."""

    outbox: Outbox
    drain: Drain
    hub: HubDrain | None
    receipt_topic: str | None
    resends: Resends
    alarmed_upto: int


@dataclass(slots=True)
class _Rejection:
    """A record that the broker refused: how often, and whether it took another one since."""

    times: int = 0
    others_taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How publishing is. `oldest_unconfirmed_age_s` is what counts: None when all arrived."""

    connected: bool
    oldest_unconfirmed_age_s: float | None
    last_error: str | None
    in_flight: int
    counters: Mapping[str, int]


@dataclass(slots=True)
class _Troubles:
    """What is wrong now, by area; each is logged when it begins or changes, not each time."""

    texts: dict[str, str] = field(default_factory=dict)

    def set(self, area: str, text: str) -> None:
        if self.texts.get(area) != text:
            log.warning("mqtt: %s", text)
        self.texts.pop(area, None)
        self.texts[area] = text

    def clear(self, area: str) -> None:
        self.texts.pop(area, None)

    @property
    def last(self) -> str | None:
        # read by other threads: a copy, taken at once
        texts = list(self.texts.values())
        return texts[-1] if texts else None


class Publisher(Worker):
    """Publishes records, alarms, state, replies and discovery of one gate.

    `handler` does the commands that are the daemon's (edge.mqtt.commands); `version` is the
    software's; `on_list` is given topic and payload of the park's lists, in this thread; without
    it none are asked for; `refuse` is told of records that no broker will take; `now` gives UTC.
    Raises SetupError when made.
    """

    def __init__(
        self,
        config: Config,
        outbox: Outboxes,
        *,
        handler: Handler,
        version: str,
        on_list: Callable[[str, bytes], None] | None = None,
        state_every_s: float = 60.0,
        ack_timeout_s: float | None = None,
        refuse: Refuse = lambda stream, seq, why: False,  # noqa: ARG005 - by name
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        super().__init__("publisher", hang_s=30.0, monotonic=monotonic)
        table = config.mqtt
        gate = config.gate
        self._table = table
        self._outbox = outbox
        self._version = version
        self._on_list = on_list
        self._list_filter = topic_filter(Channel.LIST, park=gate.park)
        self._state_every_s = state_every_s
        self._ack_timeout_s = ack_timeout_s or min(_ACK_TIMEOUT_S, table.receipt_timeout_s)
        self._now = now
        self._clock_s = monotonic
        self._topics = GateTopics(gate.park, gate.site, gate.gate)
        self._record_topic = self._topics.record  # built once: it is needed for each record
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._woken = False
        # PUBACKs apart from the queue: a thread that is woken for each costs more than sending
        self._acks: deque[Acked] = deque()
        self._wake_at = 1
        self._sources = [self._source(one) for one in (outbox, *outbox.earlier)]
        self._refused: tuple[_Source, int] | None = None
        self._refuse = refuse
        self._rejections: dict[tuple[str, int], _Rejection] = {}
        self._commands = Commands(
            outbox, handler=handler, resend=self._resend, refresh=self._want_state
        )
        self._discovery = discovery_message(config, version=version) if table.discovery else None

        self._flights: dict[int, _Flight] = {}
        self._extras: deque[_Extra] = deque()
        self._room = table.window
        self._largest_bytes: int | None = None
        self._connection: int | None = None
        self._connected_s = 0.0
        self._since: datetime | None = None
        self._summary: Summary | None = None
        self._state_due = True
        self._state_sent_s = 0.0
        self._paused_until_s = 0.0
        self._refusals = Backoff(first_s=1.0, longest_s=table.reconnect_longest_s, rng=rng)
        self._troubles = _Troubles()
        self._counters: dict[str, int] = dict.fromkeys(
            (
                "published",
                "acked",
                "refused",
                "dead_letters",
                "resent",
                "alarms",
                "receipts",
                "commands",
                "connects",
                "disconnects",
                "asked_again",
                "dropped_messages",
            ),
            0,
        )
        self._client = MqttClient(
            table,
            client_id=f"edge-gate:{gate.park}:{gate.site}:{gate.gate}",
            will=Will(self._topics.state, self._offline(None)),
            on_event=self._enqueue,
            rng=rng,
            monotonic=monotonic,
        )

    def _source(self, outbox: Outbox) -> _Source:
        """Begin at the first unconfirmed record of this stream."""
        hub, drain = _make_drain(self._table, outbox)
        stream = drain.stream  # empty while the journal can't be opened
        return _Source(
            outbox,
            drain,
            hub,
            receipt_topic=self._topics.receipt(stream) if stream and hub is not None else None,
            resends=Resends(outbox, size=self._table.window),
            alarmed_upto=outbox.confirmed_upto,
        )

    # --- from any thread ----------------------------------------------------------------------

    def wake(self) -> None:
        """A record was written (or the worker is to stop): look. Never blocks."""
        if not self._woken:
            self._woken = True
            self._events.put(_Wake())

    def publish_state(self, summary: Summary | Mapping[str, Any]) -> None:
        """What the gate is doing now, published when it changed. Never blocks.

        Raises feed.messages.MessageError for a mapping that is no Summary.
        """
        wanted = summary_from(summary)
        if wanted != self._summary:
            self._summary = wanted
            self._want_state()

    def health(self) -> Health:
        """How publishing is now."""
        return Health(
            connected=self._client.connected,
            oldest_unconfirmed_age_s=self._oldest_age_s(),
            last_error=self._troubles.last,
            in_flight=len(self._flights),
            counters={
                **self._counters,
                "confirmed": self._outbox.confirmed_upto,
                "callback_errors": self._client.callback_errors,
                "threads_replaced": self._client.replacements,
            },
        )

    def _enqueue(self, event: ClientEvent) -> None:
        if isinstance(event, Acked):
            self._acks.append(event)
            if len(self._acks) >= self._wake_at:
                self.wake()
            return
        if isinstance(event, Received) and self._events.qsize() > _MOST_WAITING:
            self._counters["dropped_messages"] += 1
            return
        self._events.put(event)

    def _want_state(self) -> None:
        self._state_due = True
        self.wake()

    def _oldest_age_s(self) -> float | None:
        ages = [one.oldest_unconfirmed_at() for one in (self._outbox, *self._outbox.earlier)]
        oldest = min((at for at in ages if at is not None), default=None)
        if oldest is None:
            return None
        # a clock set back makes no negative age
        return max(0.0, (self._now() - oldest).total_seconds())

    # --- the loop -----------------------------------------------------------------------------

    def run(self) -> None:
        goodbye = False
        self._client.start()
        try:
            while not self.stopping.is_set():
                self.beat()
                self._take_events(self._wait_s())
                self._watch()
                self._send()
            goodbye = self._say_goodbye()
        finally:
            self._client.stop(silent=goodbye)

    def _wait_s(self) -> float:
        pause_s = self._paused_until_s - self._clock_s()
        return min(_TICK_S, pause_s) if pause_s > 0 else _TICK_S

    def _take_events(self, wait_s: float) -> None:
        # half of the window on its way keeps the broker busy while the other half is refilled
        self._wake_at = max(1, len(self._flights) // 2)
        if len(self._acks) >= self._wake_at:
            wait_s = 0.0
        try:
            event = self._events.get(timeout=wait_s)
            for _ in range(_MOST_EVENTS):
                self._take_acks()  # what came before a connection was lost counts
                self._handle(event)
                event = self._events.get_nowait()
            self._handle(event)
        except queue.Empty:
            pass
        self._take_acks()
        for source in self._sources:
            source.drain.settle()

    def _take_acks(self) -> None:
        while self._acks:
            self._on_acked(self._acks.popleft())

    def _handle(self, event: _Event) -> None:
        match event:
            case _Wake():
                self._woken = False
            case Received():
                self._on_received(event)
            case Connected():
                self._on_connected(event)
            case Disconnected():
                self._on_disconnected(event)
            case SubscriptionRefused():
                self._troubles.set("subscription", event.reason)
            case _Extra():
                self._add_extra(event)

    def _follow_streams(self) -> None:
        """The journal was opened late, went on in a new stream, or finished with an old one."""
        wanted: list[Outbox] = [self._outbox, *self._outbox.earlier]
        if [one.stream for one in wanted] == [one.drain.stream for one in self._sources]:
            return
        known = {(one.drain.stream, id(one.outbox)): one for one in self._sources}
        self._sources = [known.get((one.stream, id(one))) or self._source(one) for one in wanted]
        self._troubles.clear("record")
        self._troubles.clear("receipt")
        self._state_due = True
        if self._connection is not None:
            self._subscribe()

    def _watch(self) -> None:
        self._client.watch()
        self._follow_streams()
        if self._connection is None:
            return
        now_s = self._clock_s()
        if now_s - self._connected_s >= self._client.good_connection_s:
            # not sooner: a broker that accepts and closes again and again is still a trouble
            self._troubles.clear("connection")
        silent = [one for one in self._sources if one.hub is not None and one.hub.check(now_s)]
        if silent:
            self._counters["asked_again"] += 1
            self._troubles.set(
                "receipt", "the hub sends no receipt: records are kept and sent again"
            )
        if now_s - self._state_sent_s >= self._state_every_s:
            self._state_due = True
        oldest = next(iter(self._flights.values()), None)
        if oldest is not None and now_s - oldest.sent_s >= self._ack_timeout_s:
            self._troubles.set("acks", f"the broker sent no PUBACK for {self._ack_timeout_s:g} s")
            self._client.drop()

    # --- what happened ------------------------------------------------------------------------

    def _on_connected(self, event: Connected) -> None:
        log.info("mqtt: connected to %s:%d", self._table.host, self._table.port)
        self._counters["connects"] += 1
        self._troubles.clear("subscription")
        self._connected_s = self._clock_s()
        self._forget_flights()
        for source in self._sources:
            source.drain.reconnected(session_present=event.session_present)
        self._room = min(self._table.window, event.receive_maximum)
        self._largest_bytes = event.maximum_packet_bytes
        self._connection = event.connection
        self._since = self._now()
        self._subscribe()
        # a broker that restarted with nothing must show the gate at once
        self._state_due = True
        if self._discovery is not None:
            topic, payload = self._discovery
            self._extras.append(_Extra(topic, payload, retain=True, lasting=False))

    def _on_disconnected(self, event: Disconnected) -> None:
        if self._connection is not None:
            self._counters["disconnects"] += 1
        self._connection = None
        self._troubles.set("connection", event.reason)

    def _subscribe(self) -> None:
        wanted = [Subscription(self._topics.command, live_only=True)]
        topics = [one.receipt_topic for one in self._sources]
        wanted += [Subscription(topic) for topic in topics if topic is not None]
        if self._on_list is not None:
            wanted.append(Subscription(self._list_filter))
        self._client.subscribe(wanted)

    def _forget_flights(self) -> None:
        lost = [flight.extra for flight in self._flights.values() if flight.extra is not None]
        waiting = [*lost, *self._extras]
        # the state and discovery are made anew with each connection
        self._extras = deque(extra for extra in waiting if extra.lasting)
        self._flights.clear()

    def _on_acked(self, event: Acked) -> None:
        if event.connection != self._connection:
            return
        flight = self._flights.pop(event.mid, None)
        if flight is None:
            return
        self._troubles.clear("acks")
        if flight.source is None:
            self._on_extra_acked(flight, event.failure)
        elif event.failure is None:
            self._on_record_acked(flight.source, flight.seq)
        else:
            why = f"the broker refuses a record: {event.failure}"
            self._on_record_refused(flight.source, flight.seq, why)

    def _on_extra_acked(self, flight: _Flight, failure: str | None) -> None:
        if flight.extra is not None and failure is not None:
            # records alone must not be lost; another state follows, an alarm is also a record
            self._troubles.set(
                flight.extra.topic, f"the broker refuses {flight.extra.topic}: {failure}"
            )
        elif flight.extra is not None:
            self._troubles.clear(flight.extra.topic)

    def _on_record_acked(self, source: _Source, seq: int) -> None:
        self._counters["acked"] += 1
        source.drain.acked(seq)
        if self._rejections:
            self._rejections.pop((source.drain.stream, seq), None)
            for rejection in self._rejections.values():
                rejection.others_taken = True
        if self._refused is not None and (source, seq) == self._refused:
            self._refused = None
            self._refusals.reset()
            self._troubles.clear("record")

    def _on_record_refused(
        self, source: _Source, seq: int, why: str, *, certain: bool = False
    ) -> None:
        """`certain` says that it is this record that can't be taken, whatever becomes of others."""
        self._counters["refused"] += 1
        if self._give_up(source, seq, why, certain=certain):
            return
        source.drain.refused(seq)
        self._troubles.set("record", f"{why}; it is kept and tried again")
        now_s = self._clock_s()
        # a whole window may be refused at once: that is one refusal
        if now_s >= self._paused_until_s:
            self._refused = (source, seq)
            self._paused_until_s = now_s + self._refusals.next_s()

    def _give_up(self, source: _Source, seq: int, why: str, *, certain: bool) -> bool:
        """Whether this record is put with the dead letters. Never when the broker takes none at
        all: then not the record is wrong, but the broker or its access list.
        """
        rejection = self._rejections.setdefault((source.drain.stream, seq), _Rejection())
        rejection.times += 1
        if rejection.times < _GIVE_UP_AFTER or not (certain or rejection.others_taken):
            return False
        if not self._refuse(source.drain.stream, seq, why):
            return False
        del self._rejections[source.drain.stream, seq]
        log.error("record %d is put with the dead letters: %s", seq, why)
        self._counters["dead_letters"] += 1
        source.drain.refused(seq)
        self._refused = None
        self._refusals.reset()
        self._paused_until_s = 0.0
        self._troubles.clear("record")
        return True

    def _on_received(self, event: Received) -> None:
        if event.topic == self._topics.command:
            self._counters["commands"] += 1
            reply = self._commands.answer(event.payload, retained=event.retained)
            self._reply(reply)
            return
        for source in self._sources:
            if event.topic == source.receipt_topic and source.hub is not None:
                self._on_receipt(source, source.hub, event.payload)
                return
        if self._on_list is not None:
            self._on_list(event.topic, event.payload)

    def _on_receipt(self, source: _Source, hub: HubDrain, payload: bytes) -> None:
        self._counters["receipts"] += 1
        try:
            receipt = decode_receipt(payload)
            problem = hub.receipt(receipt)
        except MessageError as error:
            problem = f"a receipt that can't be read came: {error}"
        else:
            if problem is not None and receipt.stream == source.drain.stream:
                # the journal knows what to do when it was set back
                self._outbox.receipt(receipt.upto, receipt.head, stream=receipt.stream)
        if problem is None:
            self._troubles.clear("receipt")
        else:
            self._troubles.set("receipt", problem)

    def _reply(self, reply: Reply) -> None:
        payload = encode_message(reply)
        self._add_extra(_Extra(self._topics.reply, payload, retain=False, lasting=True))

    def _resend(self, stream: str, first: int, last: int) -> bool:
        wanted = (one.resends for one in self._sources if one.drain.stream == stream)
        return any(resends.add(first, last) for resends in wanted)

    def _add_extra(self, extra: _Extra) -> None:
        if len(self._extras) >= _MOST_EXTRAS:
            self._counters["dropped_messages"] += 1
            return
        self._extras.append(extra)

    # --- sending ------------------------------------------------------------------------------

    def _send(self) -> None:
        while self._connection is not None and len(self._flights) < self._room:
            if not self._send_one(self._connection):
                return

    def _send_one(self, connection: int) -> bool:
        """Send what comes first. False when there is nothing to send, or no connection."""
        if self._state_due:
            return self._send_state(connection)
        if self._extras:
            return self._send_extra(connection)
        if self._clock_s() < self._paused_until_s:
            return False
        for source in self._sources:
            if (again := source.resends.next()) is not None:
                self._counters["resent"] += 1
                extra = _Extra(self._record_topic, again.raw, retain=False, lasting=True)
                return self._fly(connection, extra)
            if (stored := source.drain.next()) is not None:
                return self._send_record(connection, source, stored)
        return False

    def _send_record(self, connection: int, source: _Source, stored: Stored) -> bool:
        if self._too_large(self._record_topic, stored.raw):
            self._on_record_refused(
                source,
                stored.seq,
                f"record {stored.seq} of {len(stored.raw)} bytes is larger than the broker's "
                f"largest packet of {self._largest_bytes} bytes",
                certain=True,
            )
            return True
        mid = self._client.publish(connection, self._record_topic, stored.raw)
        if mid is None:
            self._connection = None  # the drain sends it again with the next connection
            return False
        self._flights[mid] = _Flight(self._clock_s(), source, stored.seq)
        self._counters["published"] += 1
        if stored.seq > source.alarmed_upto and _is_alarm(stored.raw):
            source.alarmed_upto = stored.seq
            self._counters["alarms"] += 1
            self._add_extra(_Extra(self._topics.alarm, stored.raw, retain=False, lasting=True))
        return True

    def _send_state(self, connection: int) -> bool:
        self._state_due = False
        self._state_sent_s = self._clock_s()
        extra = _Extra(self._topics.state, self._online(), retain=True, lasting=False)
        return self._fly(connection, extra)

    def _send_extra(self, connection: int) -> bool:
        return self._fly(connection, self._extras.popleft())

    def _fly(self, connection: int, extra: _Extra) -> bool:
        if self._too_large(extra.topic, extra.payload):
            self._troubles.set(
                extra.topic, f"a message for {extra.topic} is larger than the broker's largest"
            )
            return True
        mid = self._client.publish(connection, extra.topic, extra.payload, retain=extra.retain)
        if mid is None:
            self._connection = None
            self._extras.appendleft(extra)
            return False
        self._flights[mid] = _Flight(self._clock_s(), extra=extra)
        return True

    def _too_large(self, topic: str, payload: bytes) -> bool:
        if self._largest_bytes is None:
            return False
        return len(payload) + len(topic) + _FRAME_BYTES > self._largest_bytes

    # --- the state ----------------------------------------------------------------------------

    def _online(self) -> bytes:
        return encode_message(
            GateState(
                status="online",
                version=self._version,
                since=self._since,
                at=self._now(),
                gate=self._summary,
                records=self._records() if self._outbox.stream else None,
            )
        )

    def _records(self) -> RecordsSummary:
        return RecordsSummary(
            stream=self._outbox.stream,
            seq=self._outbox.last_seq,
            confirmed=self._outbox.confirmed_upto,
            oldest_unconfirmed_at=self._outbox.oldest_unconfirmed_at(),
        )

    def _offline(self, since: datetime | None) -> bytes:
        return encode_message(GateState(status="offline", version=self._version, since=since))

    def _say_goodbye(self) -> bool:
        """Publish "offline" and wait a moment for its PUBACK. False when it did not come."""
        if self._connection is None:
            return False
        payload = self._offline(self._now())
        mid = self._client.publish(self._connection, self._topics.state, payload, retain=True)
        deadline_s = self._clock_s() + _GOODBYE_S
        self._wake_at = 1
        while mid is not None:
            while self._acks:
                ack = self._acks.popleft()
                self._on_acked(ack)
                if ack.mid == mid:
                    for source in self._sources:
                        source.drain.settle()
                    return ack.failure is None
            left_s = deadline_s - self._clock_s()
            if left_s <= 0:
                return False
            try:
                self._handle(self._events.get(timeout=left_s))
            except queue.Empty:
                return False
        return False


def _make_drain(table: MqttTable, outbox: Outbox) -> tuple[HubDrain | None, Drain]:
    if table.confirm == "broker":
        return None, BrokerDrain(outbox, size=table.window)
    hub = HubDrain(outbox, size=table.window, receipt_timeout_s=table.receipt_timeout_s)
    return hub, hub


def _is_alarm(raw: bytes) -> bool:
    if _ALARM_MARK not in raw:
        return False
    try:
        return decode(raw).kind == Kind.ALARM
    except CodecError:
        # the journal's checksum held, so this is a record of a newer version: no alarm of ours
        return False
