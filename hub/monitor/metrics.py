"""The hub and its gates for Prometheus, made anew at each scrape."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hub.clock import now_ms
from hub.monitor.alarms import open_by_name
from hub.monitor.gates import GateNow, gates_now
from hub.monitor.health import Broker, totals
from hub.monitor.occupancy import occupancy

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_GATE = ["park", "site", "gate"]


def metrics(engine: Engine, broker: Broker | None) -> bytes:
    """The text format 0.0.4. A store that is away shows as `edge_hub_store_up 0`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now(engine, broker))
    return generate_latest(registry)


class _Now(Collector):
    def __init__(self, engine: Engine, broker: Broker | None) -> None:
        self._engine = engine
        self._broker = broker

    def collect(self) -> Iterator[Metric]:
        if self._broker is not None:
            yield _one("edge_hub_broker_up", "The broker is heard.", self._broker() is None)
        try:
            found = self._all()
        except SQLAlchemyError:
            yield _one("edge_hub_store_up", "The store answers.", value=False)
            return
        yield _one("edge_hub_store_up", "The store answers.", value=True)
        yield from found

    def _all(self) -> list[Metric]:
        at_ms = now_ms()
        with self._engine.connect() as connection:
            total = totals(connection)
            gates = gates_now(connection, at_ms)
            alarms = open_by_name(connection)
            inside = occupancy(connection, at_ms)
        made: list[Metric] = [
            _one("edge_hub_streams", "Journals of gates that were ever heard.", total.streams),
            _one("edge_hub_records", "Records stored or accounted for without a gap.", total.upto),
            _one("edge_hub_holes", "Gaps in the streams, still to be filled.", total.holes),
            _one("edge_hub_duplicates", "Deliveries beyond the first.", total.duplicates),
            _one("edge_hub_dead_letters", "Messages not understood.", total.dead_letters),
            _one("edge_hub_derivation_lag_records", "Stored, not yet derived.", total.behind),
        ]
        named = GaugeMetricFamily(
            "edge_hub_alarms_open", "Alarms nobody has acknowledged.", labels=["name"]
        )
        for name, count in sorted(alarms.items()):
            named.add_metric([name], count)
        people = GaugeMetricFamily(
            "edge_site_inside", "People inside, by visits.", labels=["park", "site"]
        )
        for site in inside:
            people.add_metric([site.park, site.site], site.inside)
        return [*made, named, people, *_gates(gates, at_ms)]


def _gates(gates: list[GateNow], now_ms: int) -> list[Metric]:
    def family(name: str, text: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"edge_gate_{name}", text, labels=_GATE)

    online = family("online", "The gate is heard.")
    registered = family("registered", "The gate stands in the registry.")
    heard = family("last_heard_timestamp_seconds", "When the gate was heard last.")
    oldest = family("oldest_unconfirmed_seconds", "Age of the oldest record without a receipt.")
    waiting = family("unconfirmed_records", "Records without a receipt.")
    faults = family("faults", "Devices that do not work.")
    closed = family("closed", "Nobody is let in, out of hours or by order.")
    ordered = family("closed_by_order", "Somebody in charge has closed the gate for entry.")
    granted = family("granted", "Decisions since the gate's daemon started.")
    denied = family("denied", "Decisions since the gate's daemon started.")
    median = GaugeMetricFamily(
        "edge_reader_median_celsius",
        "Rolling median of accepted estimates.",
        labels=[*_GATE, "reader"],
    )
    ambient = GaugeMetricFamily(
        "edge_reader_ambient_celsius", "The air at the thermometer.", labels=[*_GATE, "reader"]
    )
    for gate in gates:
        labels = [gate.park, gate.site, gate.gate]
        online.add_metric(labels, gate.online)
        registered.add_metric(labels, gate.registered)
        faults.add_metric(labels, len(gate.faults))
        if gate.heard_ms is not None:
            heard.add_metric(labels, gate.heard_ms / 1000)
        if gate.unconfirmed is not None:
            since_ms = gate.oldest_unconfirmed_ms
            age_s = 0.0 if since_ms is None else max(now_ms - since_ms, 0) / 1000
            oldest.add_metric(labels, age_s)
            waiting.add_metric(labels, gate.unconfirmed)
        if gate.granted is not None and gate.denied is not None:  # it told what it does
            closed.add_metric(labels, gate.closed)
            ordered.add_metric(labels, gate.order is not None)
            granted.add_metric(labels, gate.granted)
            denied.add_metric(labels, gate.denied)
        for reader in gate.readers:
            if reader.median_c is not None:
                median.add_metric([*labels, reader.name], reader.median_c)
            if reader.ambient_c is not None:
                ambient.add_metric([*labels, reader.name], reader.ambient_c)
    known = [online, registered, heard, oldest, waiting, faults, closed, ordered, granted, denied]
    return [*known, median, ambient]


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))
