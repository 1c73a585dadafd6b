"""The gate in Home Assistant: one retained message, nothing about any person.

Device-based discovery, https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload,
with the full key names. What is shown comes from the `state` and `alarm` topics.
"""

from __future__ import annotations

import json
from typing import Any

from edge.config.model import Config
from edge.gate.reasons import Alarm
from edge.gate.state import DoorState
from feed.topics import GateTopics

# the offline state has no `gate` part; an empty result leaves the entity as it was
_GATE = "{{% if value_json.gate is defined %}}{{{{ {0} }}}}{{% endif %}}"
_RECORDS = "{{% if value_json.records is defined %}}{{{{ {0} }}}}{{% endif %}}"


def discovery_message(config: Config, *, version: str) -> tuple[str, bytes]:
    """Topic and payload, to be published retained."""
    gate = config.gate
    topics = GateTopics(gate.park, gate.site, gate.gate)
    payload = {
        "device": {
            "identifiers": [topics.object_id],
            # names of entities begin with it, and many sites have a gate of the same name
            "name": f"{gate.site} {gate.gate}",
            "model": "edge-gate",
            "sw_version": version,
            "suggested_area": gate.site,
        },
        "origin": {"name": "edge-gate", "sw_version": version},
        "components": _components(config, topics),
        "state_topic": topics.state,
        "availability": [
            {"topic": topics.state, "value_template": "{{ value_json.status }}"},
        ],
        "qos": 1,
    }
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return topics.discovery(config.mqtt.discovery_prefix), text.encode()


def _components(config: Config, topics: GateTopics) -> dict[str, dict[str, Any]]:
    parts = {
        "door": _binary("Door", "door", _on_off("door", on="open", off="closed")),
        "lock": _binary("Lock", "lock", _on_off("lock", on="released", off="secured")),
        "fire": _binary("Fire release", "safety", "'ON' if value_json.gate.fire else 'OFF'"),
        "problem": _binary("Fault", "problem", "'ON' if value_json.gate.faults else 'OFF'")
        | {"entity_category": "diagnostic"},
        "closed": _binary("Closed for entry", None, "'ON' if value_json.gate.closed else 'OFF'"),
        "phase": _sensor("Phase", _GATE, "value_json.gate.phase")
        | {"device_class": "enum", "options": [str(state) for state in DoorState]},
        "granted": _count("Granted", "value_json.gate.granted"),
        "denied": _count("Denied", "value_json.gate.denied"),
        "alarm": {
            "platform": "event",
            "name": "Alarm",
            "state_topic": topics.alarm,
            "event_types": [str(alarm) for alarm in Alarm],
            "value_template": "{{ {'event_type': value_json.event.name} | tojson }}",
        },
        "unconfirmed": _sensor(
            "Unconfirmed records",
            _RECORDS,
            "value_json.records.seq - value_json.records.confirmed",
        )
        | {"state_class": "measurement", "entity_category": "diagnostic"},
    }
    for number, reader in enumerate(config.reader, start=1):
        if reader.thermometer is not None:
            parts[f"ambient_{number}"] = _ambient(reader.name)
    return {key: part | {"unique_id": f"{topics.object_id}_{key}"} for key, part in parts.items()}


def _binary(name: str, device_class: str | None, template: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": name,
        "value_template": _GATE.format(template),
    } | ({} if device_class is None else {"device_class": device_class})


def _sensor(name: str, frame: str, template: str) -> dict[str, Any]:
    return {"platform": "sensor", "name": name, "value_template": frame.format(template)}


def _count(name: str, template: str) -> dict[str, Any]:
    # counts begin again at 0 with each start of the daemon
    return _sensor(name, _GATE, template) | {"state_class": "total_increasing"}


def _on_off(key: str, *, on: str, off: str) -> str:
    # "None" is Home Assistant's word for unknown
    return f"{{'{on}': 'ON', '{off}': 'OFF'}}.get(value_json.gate.{key}, 'None')"


def _ambient(reader: str) -> dict[str, Any]:
    """The air at a reader's thermometer: an oven in the sun explains bad readings."""
    mine = f"value_json.gate.readers | selectattr('name', 'eq', '{reader}') | first"
    template = f"({mine} | default({{}})).ambient_c | default('')"
    return _sensor(f"Ambient {reader}", _GATE, template) | {
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_class": "measurement",
        "suggested_display_precision": 1,
        "entity_category": "diagnostic",
    }
