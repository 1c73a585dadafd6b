"""docs/reference/feed.md names every topic and command, and its examples are real."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from edge.mqtt.commands import KNOWN
from feed.record import Kind
from feed.topics import ADDRESSES, GateTopics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "feed.md").read_text(encoding="utf-8")
COMPONENTS = yaml.safe_load((ROOT / "feed" / "asyncapi.yaml").read_text(encoding="utf-8"))[
    "components"
]


@pytest.mark.parametrize("address", ADDRESSES.values())
def test_every_topic_is_in_the_table(address: str) -> None:
    assert f"| `{address}` |" in PAGE


@pytest.mark.parametrize("name", [*KNOWN, *Kind])
def test_every_command_and_kind_is_explained(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", ["record", "state", "receipt"])
def test_the_examples_keep_to_the_schemas(name: str) -> None:
    section = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]
    example = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert example is not None
    part = {"$ref": f"#/components/schemas/{name}", "components": COMPONENTS}
    Draft7Validator(part).validate(json.loads(example[1]))


def test_the_access_list_allows_the_gates_topics_and_no_more() -> None:
    gate = GateTopics("song-than", "cong-chinh", "g1")
    rules = re.findall(r"^topic (write|read) +(\S+)$", PAGE, re.MULTILINE)
    assert sorted(rules) == sorted(
        [
            ("write", gate.record),
            ("write", gate.alarm),
            ("write", gate.state),
            ("write", gate.reply),
            ("write", gate.discovery()),
            ("read", gate.command),
            ("read", gate.receipt("x").removesuffix("x") + "+"),
            ("read", "gate/v1/song-than/list/+"),
        ]
    )
