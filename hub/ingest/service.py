"""The hub's loop: gather, store, commit, acknowledge, send receipts, ask for what is missing.

One thread does all of it and alone touches the store. Nothing is acknowledged to the broker and
no receipt goes out before the commit is durable. While the store can't be used a batch waits in
memory, unacknowledged; the broker's flow control holds the rest back.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice

from feed.backoff import Backoff
from feed.messages import Command, MessageError, Receipt, decode_receipt, encode_message
from feed.record import Detail
from feed.topics import TopicError, parse
from hub.arrival import examine
from hub.config import IngestTable
from hub.ingest.gaps import Gaps
from hub.ingest.intake import Bounds, Taken, take
from hub.ingest.receipts import Receipts
from hub.link import (
    Connected,
    Delivery,
    Disconnected,
    Event,
    HeardReceipt,
    Link,
    Published,
    Subscribed,
    Wake,
)
from hub.standing import Standing
from hub.store.base import Store, StoreError

log = logging.getLogger(__name__)

_TICK_S = 0.5
# Retained receipts come right after the subscription: what is there is heard within this time
LISTEN_S = 1.0
_GOODBYE_S = 1.0
_NAP_S = 0.01
_MOST_ASKS = 100  # in one turn
_PURGE_EVERY_S = 3_600.0


class Service:
    """Takes the feed into the store until `stop`. Records older than `keep_days` are dropped."""

    def __init__(
        self, store: Store, link: Link, table: IngestTable, *, keep_days: int | None = None
    ) -> None:
        self._store = store
        self._link = link
        self._table = table
        self._bounds = Bounds(
            streams=table.most_streams,
            islands=table.most_islands,
            letters=table.most_dead_letters,
            letter_bytes=table.dead_letter_bytes,
        )
        self._stopping = threading.Event()
        self._gaps = Gaps(patience_s=table.gap_patience_s)
        self._receipts = Receipts(link.publish_retained, every_s=table.receipt_ms / 1000)
        self._held: deque[Event] = deque()  # events taken out of the queue and not dealt with
        self._retry = Backoff(first_s=0.2, longest_s=5.0)
        self._store_trouble: str | None = None
        self._link_trouble: str | None = None
        self._said: dict[str, Receipt] = {}  # receipts that the broker retained
        self._listening_until_s: float | None = None
        self._may_say = False  # the receipts of an earlier life were heard
        self._keep_days = keep_days
        self._purge_at_s = time.monotonic()

    def stop(self) -> None:
        """End `run` after the batch in hand; from any thread or signal handler."""
        self._stopping.set()
        self._link.wake()

    def run(self) -> None:
        """Raises LinkError when the network thread died."""
        self._link.start()
        try:
            while not self._stopping.is_set():
                self._turn(_TICK_S)
            self._leave()
        finally:
            self._link.stop()

    def _turn(self, wait_s: float) -> None:
        self._link.check()
        batch = self._gather(wait_s)
        if batch:
            self._take(batch)
        now_s = time.monotonic()
        if self._listening_until_s is not None and now_s >= self._listening_until_s:
            self._announce()
        if self._may_say:
            self._receipts.send(now_s)
        self._ask(now_s)
        self._purge(now_s)

    def _leave(self) -> None:
        """Receipts for what was stored last."""
        deadline_s = time.monotonic() + _GOODBYE_S
        while self._may_say and self._receipts.waiting and time.monotonic() < deadline_s:
            self._receipts.send(time.monotonic(), at_once=True)
            self._gather(0.05)

    # --- deliveries -------------------------------------------------------------------------

    def _gather(self, wait_s: float) -> list[Delivery]:
        """A batch; other events are dealt with on the way."""
        batch: list[Delivery] = []
        deadline_s = time.monotonic() + self._wait_s(wait_s)
        while len(batch) < self._table.batch_records:
            event = self._next_event(deadline_s, begun=bool(batch))
            if event is None or isinstance(event, Wake):
                break
            if isinstance(event, Delivery):
                if not batch:
                    deadline_s = time.monotonic() + self._table.batch_ms / 1000
                batch.append(event)
            else:
                self._handle(event)
        return batch

    def _next_event(self, deadline_s: float, *, begun: bool) -> Event | None:
        if self._held:
            event = self._held.popleft()
            self._link.put_aside = len(self._held)
            return event
        left_s = deadline_s - time.monotonic()
        while begun and left_s > 0:
            with suppress(queue.Empty):
                return self._link.events.get_nowait()
            # woken by each message, this thread and the network's would only take turns
            time.sleep(min(left_s, _NAP_S))
            left_s = deadline_s - time.monotonic()
        with suppress(queue.Empty):
            # what is there already is taken without looking at the time
            return self._link.events.get(block=left_s > 0, timeout=max(left_s, 0))
        return None

    def _wait_s(self, wait_s: float) -> float:
        if self._receipts.waiting and self._may_say:
            wait_s = min(wait_s, max(self._table.receipt_ms / 1000, 0.01))
        if self._listening_until_s is not None:
            wait_s = min(wait_s, max(self._listening_until_s - time.monotonic(), 0.0))
        return wait_s

    def _take(self, batch: Sequence[Delivery]) -> None:
        arrivals = [examine(one.topic, one.payload) for one in batch]
        while not self._stopping.is_set():
            try:
                with self._store.transaction() as tx:
                    epoch = tx.epoch()
                    taken = take(tx, arrivals, datetime.now(UTC), self._bounds)
            except StoreError as error:
                self._store_failed(error)
                self._mend()
            else:
                self._store_works()
                self._committed(batch, taken, epoch)
                return

    def _committed(self, batch: Sequence[Delivery], taken: Taken, epoch: str) -> None:
        self._link.acknowledge(one for one in batch if one.qos > 0)
        now_s = time.monotonic()
        for standing in taken.standings:
            # also for duplicates alone: a gate that sends again waits for an answer
            topic = standing.place.receipt(standing.stream)
            self._receipts.add(topic, standing.receipt(epoch))
            self._gaps.note(standing, now_s)
        for alarm in taken.alarms:
            log.error("alarm %s", alarm)
        if taken.dead_letters:
            log.warning("dead letters: %d more", taken.dead_letters)
        if taken.refused:
            log.warning("records refused: %d; see the alarms", taken.refused)

    # --- a store that fails -----------------------------------------------------------------

    def _store_failed(self, error: StoreError) -> None:
        if self._store_trouble != str(error):
            log.error("nothing is acknowledged until the store works: %s", error)
        self._store_trouble = str(error)

    def _mend(self) -> None:
        self._stopping.wait(self._retry.next_s())
        self._link.check()
        self._shed()
        try:
            self._store.reopen()
        except StoreError as error:
            self._store_failed(error)

    def _shed(self) -> None:
        """Forget what came by connections that are gone: the broker sends it again, each time."""
        with suppress(queue.Empty):
            while True:
                self._held.append(self._link.events.get_nowait())
        self._held = deque(one for one in self._held if not self._link.is_stale(one))
        self._link.put_aside = len(self._held)

    def _store_works(self) -> None:
        if self._store_trouble is not None:
            log.warning("the store works again")
            self._store_trouble = None
            self._retry.reset()

    # --- the link ---------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        match event:
            case Published():
                self._receipts.acked(event.mid)
                if self._may_say:
                    self._receipts.send(time.monotonic())
                if event.failure is not None:
                    self._link_failed(f"the broker refuses a receipt: {event.failure}")
            case HeardReceipt():
                self._hear(event)
            case Connected():
                log.info("connected")
                self._link_trouble = None
                self._said.clear()
                self._receipts.link_lost()
            case Disconnected():
                self._listening_until_s = None
                self._receipts.link_lost()
                self._link_failed(event.reason)
            case Subscribed():
                if event.refusal is not None:
                    self._link_failed(
                        f"the broker refuses a subscription: {event.refusal}; does its access "
                        "list let the hub read records and receipts?"
                    )
                self._listening_until_s = time.monotonic() + LISTEN_S

    def _link_failed(self, text: str) -> None:
        if self._link_trouble != text:
            log.warning("%s", text)
        self._link_trouble = text

    def _hear(self, event: HeardReceipt) -> None:
        try:
            names = parse(event.topic).names
            receipt = decode_receipt(event.payload)
        except (TopicError, MessageError) as error:
            log.warning("a retained receipt on %s can't be read: %s", event.topic, error)
            return
        if names["stream"] == receipt.stream:
            self._said[event.topic] = receipt

    # --- what an earlier life said ----------------------------------------------------------

    def _announce(self) -> None:
        """Compare what the broker retained with the store, and make it say what is true now.

        A receipt of this epoch for more than the store holds means that the store was set back
        (restored from a backup): a new epoch makes the gates offer again what they still have.
        """
        self._listening_until_s = None
        try:
            epoch = self._store.epoch()
            known = {one.stream: one for one in self._store.all_standings()}
            if self._was_set_back(known, epoch):
                epoch = self._store.renew_epoch()
        except StoreError as error:
            self._store_failed(error)
            self._mend()
            self._listening_until_s = time.monotonic()  # once more
            return
        now_s = time.monotonic()
        for standing in known.values():
            self._gaps.note(standing, now_s)
        true = {one.place.receipt(one.stream): one.receipt(epoch) for one in known.values()}
        for topic, said in self._said.items():
            if said.stream not in known:  # forgotten whole
                true[topic] = Receipt(stream=said.stream, upto=0, epoch=epoch)
        for topic, receipt in true.items():
            if self._said.get(topic) != receipt:
                self._receipts.add(topic, receipt)
        self._said.clear()
        self._may_say = True

    def _was_set_back(self, known: Mapping[str, Standing], epoch: str) -> bool:
        for said in self._said.values():
            upto = known[said.stream].upto if said.stream in known else 0
            if said.epoch == epoch and said.upto > upto:
                log.error(
                    "the store holds %s up to %d, of %d it once confirmed: it was set back. "
                    "A new epoch begins, in which gates offer again what they still have",
                    said.stream, upto, said.upto,
                )  # fmt: skip
                return True
        return False

    # --- gaps -------------------------------------------------------------------------------

    def _ask(self, now_s: float) -> None:
        due = [*islice(self._gaps.due(now_s), _MOST_ASKS)]
        if not due:
            return
        try:
            # another hub on this store may have filled it
            now = {one.key: one for one in self._store.standings_of([a.standing.key for a in due])}
        except StoreError as error:
            self._store_failed(error)
            self._mend()
            return
        for ask in due:
            standing = now.get(ask.standing.key, ask.standing)
            if standing.has(ask.first):
                self._gaps.note(standing, now_s)
                continue
            wanted: dict[str, Detail] = {
                "stream": standing.stream,
                "from": ask.first,
                "to": ask.last,
            }
            command = Command(id=f"hub-{secrets.token_hex(4)}", command="resend", args=wanted)
            if not self._link.publish_once(standing.place.command, encode_message(command)):
                return
            log.warning("asked for %s %d to %d again", standing.stream, ask.first, ask.last)

    # --- what is old ------------------------------------------------------------------------

    def _purge(self, now_s: float) -> None:
        """A step between two batches; when nothing is left, again in an hour."""
        if self._keep_days is None or now_s < self._purge_at_s:
            return
        try:
            gone = self._store.purge(datetime.now(UTC) - timedelta(days=self._keep_days))
        except StoreError as error:
            log.warning("old records stay for now: %s", error)
            gone = 0
        if gone:
            log.info("records dropped: %d, older than %d days", gone, self._keep_days)
        else:
            self._purge_at_s = now_s + _PURGE_EVERY_S
