"""check and show-config, and what every other command says of a bad configuration."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_check_tells_every_fault_at_once(run: Run, config_file: Path) -> None:
    text = config_file.read_text().replace("fail_secure", "fail_secur").replace("size", "sise")
    config_file.write_text(text)
    done = run("--config", config_file, "check", environ={"EDGE_GATE__MQTT__PORT": "0"})
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.replace(f"{config_file.parent}/", "") for line in done.stderr.splitlines()] == [
        "config.toml:7: door.lock: \"fail_secur\" is unknown; did you mean 'fail_secure'?",
        "config.toml:13: reader.in.camera.sise: unknown key; did you mean 'size'?",
        "environment EDGE_GATE__MQTT__PORT: mqtt.port: 0 is not a whole number from 1 to 65535",
    ]


def test_check_answers_programs(run: Run, config_file: Path) -> None:
    good = json.loads(run("--config", config_file, "check", "--json").stdout)
    assert good == {"file": str(config_file), "ok": True, "problems": [], "notes": []}
    config_file.with_name("token.key").unlink()
    config_file.write_text(config_file.read_text().replace("[gate]", "[gate]\ngaet = 1"))
    done = run("--config", config_file, "check", "--json")
    bad = json.loads(done.stdout)
    assert done.returncode == 2
    assert bad["problems"] == [
        {
            "where": f"{config_file}:2",
            "key": "gate.gaet",
            "text": "unknown key; did you mean 'gate'?",
        }
    ]


def test_check_notes_files_that_are_not_here(run: Run, config_file: Path) -> None:
    config_file.with_name("token.key").unlink()
    done = run("--config", config_file, "check")
    assert done.returncode == 0
    (note,) = done.stderr.splitlines()
    assert note.startswith(f"note: {config_file}:18: identity.key_file: "), note
    assert note.endswith("token.key is not there")


@pytest.mark.parametrize("command", ["run", "doctor", "records", "show-config", "door-safe"])
def test_every_command_tells_a_bad_configuration_alike(
    run: Run, config_file: Path, command: str
) -> None:
    config_file.write_text(config_file.read_text().replace("[identity]", "[identiti]"))
    done = run("--config", config_file, command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.partition(": ")[2] for line in done.stderr.splitlines()] == [
        "identity: is missing; add [identity]",
        "identiti: unknown key; did you mean 'identity'?",
    ]


def test_show_config_prints_toml_with_origins(run: Run, config_file: Path) -> None:
    environ = {"EDGE_GATE__MQTT__USERNAME": "g", "EDGE_GATE__MQTT__PASSWORD": "hunter2"}
    done = run("--config", config_file, "show-config", environ=environ)
    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["mqtt"]["username"] == "g"
    assert "hunter2" not in done.stdout
    assert 'username = "g"  # environment EDGE_GATE__MQTT__USERNAME\n' in done.stdout
    assert "limit_c = 37.5  # default\n" in done.stdout


def test_show_config_answers_programs(run: Run, config_file: Path) -> None:
    shown = json.loads(run("--config", config_file, "show-config", "--json").stdout)
    assert shown["door.lock"] == {"value": "fail_secure", "from": f"{config_file}:7"}


def test_the_door_of_a_simulated_gate_needs_no_saving(run: Run, config_file: Path) -> None:
    assert run("--config", config_file, "door-safe").returncode == 0


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="a real door may hang on these pins")
def test_a_door_that_cant_be_made_safe_is_told(run: Run, config_file: Path) -> None:
    done = run("--config", config_file, "door-safe", environ={"EDGE_GATE__DOOR__DRIVER": "gpio"})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge-gate door-safe: door: ")
