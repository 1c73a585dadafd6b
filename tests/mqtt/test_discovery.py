"""What Home Assistant is told: only keys it documents, and nothing about any person."""

from __future__ import annotations

import json

from edge.gate.state import DoorState
from edge.mqtt.discovery import discovery_message
from feed.topics import Channel, GateTopics, parse
from tests.mqtt.support import GATE, PARK, SITE, config

# https://www.home-assistant.io/integrations/mqtt/ (device discovery payload) and the pages of the
# binary_sensor, sensor and event integrations
DEVICE_KEYS = {
    "configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model",
    "model_id", "name", "serial_number", "suggested_area", "sw_version", "via_device",
}  # fmt: skip
ORIGIN_KEYS = {"name", "sw_version", "support_url"}
ROOT_KEYS = {
    "availability", "availability_mode", "availability_template", "availability_topic",
    "command_topic", "components", "device", "encoding", "origin", "payload_available",
    "payload_not_available", "qos", "state_topic",
}  # fmt: skip
SHARED_KEYS = {
    "availability", "device_class", "enabled_by_default", "encoding", "entity_category", "icon",
    "json_attributes_template", "json_attributes_topic", "name", "platform", "qos", "state_topic",
    "unique_id", "value_template",
}  # fmt: skip
KEYS = {
    "binary_sensor": SHARED_KEYS | {"expire_after", "force_update", "off_delay", "payload_on",
                                    "payload_off"},
    "sensor": SHARED_KEYS | {"expire_after", "force_update", "last_reset_value_template",
                             "options", "state_class", "suggested_display_precision",
                             "unit_of_measurement"},
    "event": SHARED_KEYS | {"event_types"},
}  # fmt: skip
DEVICE_CLASSES = {
    "binary_sensor": {"door", "lock", "safety", "problem"},
    "sensor": {"enum", "temperature"},
    "event": set[str](),
}


def test_only_documented_keys_are_used() -> None:
    topic, raw = discovery_message(config(1883), version="1.2.3")
    parts = json.loads(raw)
    assert parse(topic).channel is Channel.DISCOVERY
    assert set(parts) <= ROOT_KEYS
    assert set(parts["device"]) <= DEVICE_KEYS
    assert set(parts["origin"]) <= ORIGIN_KEYS
    assert parts["origin"]["name"]
    assert parts["device"]["identifiers"]
    for component in parts["components"].values():
        platform = component["platform"]
        assert set(component) <= KEYS[platform]
        assert component.get("device_class") in DEVICE_CLASSES[platform] | {None}
        assert component.get("entity_category") in {None, "diagnostic"}


def test_every_entity_is_unique_also_beside_a_gate_of_a_like_name() -> None:
    _, raw = discovery_message(config(1883), version="1")
    parts = json.loads(raw)
    ids = [component["unique_id"] for component in parts["components"].values()]
    assert len(set(ids)) == len(ids)
    like = {GateTopics("a.b", "c", "d").object_id, GateTopics("a_b", "c", "d").object_id}
    assert len(like) == 2


def test_states_come_from_the_gates_own_topics_only() -> None:
    topics = GateTopics(PARK, SITE, GATE)
    _, raw = discovery_message(config(1883), version="1")
    parts = json.loads(raw)
    assert parts["state_topic"] == topics.state
    assert [one["topic"] for one in parts["availability"]] == [topics.state]
    others = {c["state_topic"] for c in parts["components"].values() if "state_topic" in c}
    assert others == {topics.alarm}


def test_every_phase_is_one_that_home_assistant_was_told_of() -> None:
    """A state beyond the options of an enum is an error in its log, and shows nothing."""
    _, raw = discovery_message(config(1883), version="1")
    phase = json.loads(raw)["components"]["phase"]
    assert phase["options"] == [str(state) for state in DoorState]
    # Home Assistant 2025.4: options go with this class alone, and with no unit nor state class
    assert phase["device_class"] == "enum"
    assert not phase.keys() & {"unit_of_measurement", "state_class"}


def test_gates_of_one_name_at_two_sites_are_told_apart() -> None:
    names = set()
    for site in ("site-a", "site-b"):
        made = config(1883)
        gate = made.gate.model_copy(update={"site": site})
        _, raw = discovery_message(made.model_copy(update={"gate": gate}), version="1")
        names.add(json.loads(raw)["device"]["name"])
    assert names == {f"site-a {GATE}", f"site-b {GATE}"}


def test_no_person_is_shown() -> None:
    _, raw = discovery_message(config(1883), version="1")
    for word in ("person", "token", "estimate_c", "object_c", "reading", topics_record()):
        assert word not in raw.decode()


def topics_record() -> str:
    return GateTopics(PARK, SITE, GATE).record
