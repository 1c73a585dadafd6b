"""show-config: where each value comes from, and TOML that loads again."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.load import load, load_sourced
from edge.config.show import MASK, to_json, to_toml

TEXT = """\
[gate]
park = "khu-do"
site = "site"
gate = "gate"
[door]
driver = "sim"
lock = "fail_safe"
fire_pin = "none"
[[reader]]
name = "in"
direction = "in"
[reader.camera]
driver = "sim"
[reader.thermometer]
driver = "sim"
[identity]
key_file = "token.key"
[mqtt]
username = "g"
"""
ENVIRON = {"EDGE_GATE__MQTT__PASSWORD": "hunter2", "EDGE_GATE__SCHEMES__PC_COVID": "deny"}


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    return path


def test_what_is_shown_loads_again_to_the_same_but_for_secrets(
    config_file: Path, tmp_path: Path
) -> None:
    loaded = load_sourced(config_file, environ=ENVIRON)
    again = tmp_path / "elsewhere" / "config.toml"
    again.parent.mkdir()
    again.write_text(to_toml(loaded))
    without_secret = dict(ENVIRON)
    del without_secret["EDGE_GATE__MQTT__PASSWORD"]
    assert load(again, environ={}) == load(config_file, environ=without_secret)


def test_secrets_are_masked(config_file: Path) -> None:
    loaded = load_sourced(config_file, environ=ENVIRON)
    assert "hunter2" not in to_toml(loaded)
    assert "hunter2" not in repr(loaded.config)
    assert to_json(loaded)["mqtt.password"]["value"] == MASK


def test_each_value_says_where_it_comes_from(config_file: Path) -> None:
    drop_in = config_file.with_name("config.toml.d") / "a.toml"
    drop_in.parent.mkdir()
    drop_in.write_text('[[reader]]\nname = "in"\nmode = "code_only"\n')
    shown = to_json(load_sourced(config_file, environ=ENVIRON))
    assert {
        key: shown[key]["from"] for key in ("gate.park", "reader.in.name", "door.fire_pin")
    } == {
        "gate.park": f"{config_file}:2",
        "reader.in.name": f"{config_file}:10",
        "door.fire_pin": f"{config_file}:8",
    }
    assert shown["reader.in.mode"] == {"value": "code_only", "from": f"{drop_in}:3"}
    assert shown["schemes.pc-covid"] == {
        "value": "deny",
        "from": "environment EDGE_GATE__SCHEMES__PC_COVID",
    }
    assert shown["scan.gap_s"] == {"value": 1.5, "from": "default"}
