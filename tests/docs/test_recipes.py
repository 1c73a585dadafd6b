"""What the recipes name is there: a dashboard of names that don't exist stays empty for ever."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from feed.messages import GateState, RecordsSummary, Summary, encode_message
from feed.topics import Channel, GateTopics, topic_filter
from hub.monitor import metrics

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
PAGE = (HOW_TO / "integrations.md").read_text(encoding="utf-8")
RULES = (HOW_TO / "prometheus-rules.yml").read_text(encoding="utf-8")


def telegraf() -> dict[str, Any]:
    (table,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    consumer: dict[str, Any] = tomllib.loads(table)["inputs"]["mqtt_consumer"][0]
    return consumer


def state(**parts: Any) -> dict[str, Any]:
    at = datetime(2021, 9, 1, tzinfo=UTC)
    made: dict[str, Any] = json.loads(encode_message(GateState(since=at, at=at, **parts)))
    return made


def test_telegraf_looks_for_what_a_state_holds() -> None:
    online = state(
        status="online",
        gate=Summary(phase="secured"),
        records=RecordsSummary(stream="s", seq=2, confirmed=1),
    )
    will = state(status="offline")
    for one in telegraf()["json_v2"][0]["field"]:
        assert _at(online, one["path"]) is not None
        assert one.get("optional", False) == (_at(will, one["path"]) is None)


def test_telegrafs_tags_stand_where_the_topic_has_the_names() -> None:
    topic = GateTopics("p", "s", "g").state.split("/")
    (parsing,) = telegraf()["topic_parsing"]
    tags = parsing["tags"].split("/")
    assert len(tags) == len(topic)
    named = dict(zip(tags, topic, strict=True))
    assert (named["park"], named["site"], named["gate"]) == ("p", "s", "g")


def test_every_metric_of_the_rules_is_one_that_the_hub_has() -> None:
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    named = set(re.findall(r"edge_(?:hub|gate)_\w+", RULES))
    assert named
    for name in named:
        # the gates' are put together: family("online") is edge_gate_online
        assert f'"{name}"' in source or f'family("{name.removeprefix("edge_gate_")}"' in source


def test_the_page_tells_of_every_rule() -> None:
    for rule in re.findall(r"expr: (.+)", RULES):
        assert f"`{rule}`" in PAGE


def test_prometheus_own_tool_takes_the_rules() -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed: apt install prometheus")
    done = subprocess.run(
        [tool, "check", "rules", HOW_TO / "prometheus-rules.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _at(message: dict[str, Any], path: str) -> object:
    found: Any = message
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


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
    assert telegraf()["topics"] == [topic_filter(Channel.STATE)]
    (first, *_) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert yaml.safe_load(first)["scrape_configs"][0]["job_name"] == "edge-hub"


def test_a_viewer_may_read_what_the_recipes_read_and_write_nothing() -> None:
    rules = re.findall(r"^topic (\S+) (\S+)$", PAGE, re.MULTILINE)
    channels = (Channel.RECORD, Channel.ALARM, Channel.STATE)
    topics = [*map(topic_filter, channels), "homeassistant/#"]
    assert sorted(rules) == sorted(("read", topic) for topic in topics)
