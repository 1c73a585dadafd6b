#!/usr/bin/env python3
"""Write docs/reference/feed-messages.md from feed/asyncapi.yaml: every topic, message and part.

`scripts/feed_reference.py` writes it; with `--check` it writes nothing and exits with 1 where the
page is not what it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "feed" / "asyncapi.yaml"
PAGE = ROOT / "docs" / "reference" / "feed-messages.md"
HEAD = """\
# The feed's messages

Made by `scripts/feed_reference.py` from [`feed/asyncapi.yaml`](../../feed/asyncapi.yaml); don't
edit it by hand. [The feed](feed.md) tells how it is meant and used."""


def page() -> str:
    """The page as it should be."""
    document = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    parts = [HEAD, document["info"]["description"].strip()]
    parts += _server(document)
    operations = {
        one["channel"]["$ref"].rpartition("/")[2]: one for one in document["operations"].values()
    }
    for name, channel in document["channels"].items():
        parts += _channel(document, name, channel, operations[name])
    parts.append("## Schemas")
    for name, schema in document["components"]["schemas"].items():
        parts += _schema(name, schema)
    return "\n\n".join(parts) + "\n"


def _server(document: dict[str, Any]) -> Iterator[str]:
    server = document["servers"]["broker"]
    mqtt = server["bindings"]["mqtt"]
    yield "## The broker"
    yield f"MQTT {server['protocolVersion']}. {server['description'].strip()}"
    rows = [
        f"| {key} | `{_json(value)}` |" for key, value in mqtt.items() if key != "bindingVersion"
    ]
    yield "\n".join(["| of a gate's connection | |", "| --- | --- |", *rows])
    schemes = document["components"]["securitySchemes"]
    yield "\n".join(f"- {_line(one['description'])}" for one in schemes.values())


def _channel(
    document: dict[str, Any], name: str, channel: dict[str, Any], operation: dict[str, Any]
) -> Iterator[str]:
    message = document["components"]["messages"][name]
    mqtt = operation["bindings"]["mqtt"]
    who = "sent by the gate" if operation["action"] == "send" else "received by the gate"
    kept = ", retained" if mqtt.get("retain") else ""
    yield f"## {name}"
    yield f"`{channel['address']}`: {who}, QoS {mqtt['qos']}{kept}. {operation['summary']}"
    yield channel["description"].strip()
    parameters = document["components"]["parameters"]
    rows = [
        f"| `{{{one}}}` | {_line(parameters[one]['description'])} |"
        for one in channel["parameters"]
    ]
    yield "\n".join(["| in the topic | |", "| --- | --- |", *rows])
    schema = message["payload"]["$ref"].rpartition("/")[2]
    yield f"Payload: [{schema}](#{_anchor(schema)}). {_line(message['summary'])}"
    for example in message.get("examples", ()):
        text = json.dumps(example["payload"], ensure_ascii=False)
        yield f"Example `{example['name']}`:\n\n```json\n{text}\n```"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### Schema {name}"
    if "description" in schema:
        yield schema["description"].strip()
    if "properties" not in schema:
        yield f"{_kind(schema)}."
        return
    required = set(schema.get("required", ()))
    rows = ["| part | takes | | |", "| --- | --- | --- | --- |"]
    for key, part in schema["properties"].items():
        need = "required" if key in required else ""
        rows.append(f"| `{key}` | {_kind(part)} | {need} | {_cell(part.get('description', ''))} |")
    yield "\n".join(rows)
    rules = [*schema.get("allOf", ()), schema]
    told = [_rule(rule) for rule in rules if "if" in rule]
    if told:
        yield "\n".join(f"- {one}" for one in told)


def _rule(rule: dict[str, Any]) -> str:
    ((key, value),) = rule["if"]["properties"].items()
    wanted = " and ".join(f"`{one}`" for one in rule["then"].get("required", ()))
    then = f"{wanted} must be there" if wanted else "see the document for its details"
    return f"where `{key}` is `{_json(value['const'])}`, {then}"


def _kind(part: dict[str, Any]) -> str:
    """What a part takes, in a table's cell."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    values = [part["const"]] if "const" in part else part.get("enum")
    if values is not None:
        return ", ".join(f"`{_json(one)}`" for one in values)
    for several in ("oneOf", "allOf"):
        if several in part:
            joint = " or " if several == "oneOf" else " and "
            return joint.join(_kind(one) for one in part[several] if one != part)
    if part.get("type") == "array":
        return _array(part["items"])
    if "properties" in part and "type" not in part:
        return ", ".join(f"{key} {_kind(one)}" for key, one in part["properties"].items())
    kind = part.get("type", "anything")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    limits = [f"{word} {part[key]}" for key, word in _LIMITS.items() if key in part]
    if "pattern" in part:
        limits.append(f"like `{_cell(part['pattern'])}`")
    return ", ".join([text, *limits])


_LIMITS = {"minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most"}


def _array(items: Any) -> str:
    if isinstance(items, list):
        return f"list of {', '.join(_kind(one) for one in items)}"
    if "properties" in items:
        names = ", ".join(f"`{key}`" for key in items["properties"])
        return f"list of objects of {names}"
    return f"list of {_kind(items)}"


def _anchor(name: str) -> str:
    return f"schema-{name.lower()}"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())


def main() -> int:
    """Write or check it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 on a difference"
    )
    check = parser.parse_args().check
    made = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    if check:
        print(f"{PAGE.name} is not up to date; run scripts/feed_reference.py", file=sys.stderr)
        return 1
    PAGE.write_text(made, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
