"""What docs/how-to/integrations.md offers speaks of the topics that there are."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import yaml

from feed.topics import Channel, topic_filter

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGE = (HOW_TO / "integrations.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_flow_listens_to_records() -> None:
    flow = json.loads((HOW_TO / "node-red-flow.json").read_text(encoding="utf-8"))
    (listening,) = (node for node in flow if node["type"] == "mqtt in")
    assert listening["topic"] == topic_filter(Channel.RECORD)
    ids = {node["id"] for node in flow}
    for node in flow:
        assert all(target in ids for wires in node.get("wires", ()) for target in wires)
        # Node-RED takes a node without a place for a setting of others
        assert "z" not in node or {"x", "y"} <= node.keys()


def test_the_recipes_are_what_their_programs_read() -> None:
    (consumer,) = tomllib.loads(block("toml"))["inputs"]["mqtt_consumer"]
    assert consumer["topics"] == [topic_filter(Channel.STATE)]
    assert yaml.safe_load(block("yaml"))["scrape_configs"][0]["job_name"] == "edge-hub"


def test_a_viewer_may_read_what_the_recipes_read_and_write_nothing() -> None:
    rules = re.findall(r"^topic (\S+) (\S+)$", PAGE, re.MULTILINE)
    assert sorted(rules) == sorted(
        ("read", topic_filter(channel))
        for channel in (Channel.RECORD, Channel.ALARM, Channel.STATE)
    )
