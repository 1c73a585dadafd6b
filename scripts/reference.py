#!/usr/bin/env python3
"""Write what is made from the code: config.toml, docs/reference/{configuration,commands}.md.

`scripts/reference.py` writes them; with `--check` it writes nothing and exits with 1 where one is
not what it should be. Started from the repository's root.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from edge.config.model import Config, KeyPath, Table
from edge.config.schema import TAG, Key, describe, keys_of, texts_of
from edge.config.toml import toml_value

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 96

# The gate of config.toml: one reader with real devices.
DRIVERS = {"door": "gpio", "camera": "picamera2", "thermometer": "mlx90614", "signals": "gpio"}
GIVEN: dict[str, Any] = {
    "gate.park": "kcn-tan-thuan",
    "gate.site": "nha-may-a",
    "gate.gate": "cong-1",
    "door.lock": "fail_secure",
    "reader.name": "in",
    "reader.direction": "in",
    "reader.signals.green_pin": 5,
    "reader.signals.red_pin": 6,
    "reader.signals.buzzer_pin": 13,
    "identity.key_file": "/etc/edge-gate/token.key",
}
# What keys without a default look like.
SAMPLES: dict[str, Any] = {
    "hours.zone": "Asia/Ho_Chi_Minh",
    "sim.script": "visits.json",
    "exposure_us": 4_000,
    "gain": 4.0,
    "focus_m": 0.25,
    "reader.camera.path": "pictures",
    "identity.seal_key_file": "/etc/edge-gate/authority.pub.pem",
    "identity.previous_key_id": "k0",
    "identity.previous_key_file": "/etc/edge-gate/token-k0.key",
    "trust.dcc_trust_list": "/etc/edge-gate/trust/dcc.json",
    "trust.dcc_revocations": "/etc/edge-gate/trust/dcc-revoked.txt",
    "trust.shc_keys": "/etc/edge-gate/trust/shc.json",
    "trust.shc_revocations": "/etc/edge-gate/trust/shc-revoked",
    "ambient_file": "/sys/bus/w1/devices/28-0316a2796fff/temperature",
    "reference_c": 35.0,
    "screening.state_path": "/var/lib/edge-gate/screening",
    "trust.park_keys": "/etc/edge-gate/trust/park.pub.pem",
    "mqtt.username": "cong-1",
    "mqtt.password_file": "/etc/edge-gate/mqtt-password",
    "mqtt.password": "...",
    "mqtt.tls.ca_file": "/etc/edge-gate/ca.pem",
    "mqtt.tls.cert_file": "/etc/edge-gate/gate.pem",
    "mqtt.tls.key_file": "/etc/edge-gate/gate.key",
}
HEAD = """\
The configuration of one gate, key by key.

A commented key shows its default; "not set" marks keys that have none and only show what
one looks like. Units stand in the names: _s seconds, _ms milliseconds, _us microseconds,
_c degrees Celsius, _hz per second.

Files in config.toml.d/*.toml, in the order of their names, override this one key by key, and
environment variables override both: EDGE_GATE__MQTT__HOST=broker.lan, for a reader by its name
EDGE_GATE__READER__IN__MODE=code_only. Relative paths start at the file that names them.

`edge-gate check` finds every mistake in one go; `edge-gate show-config` shows what is in force
and where each value comes from."""
OUT_READER = """\
A second reader, for the way out, is one more such block with its own name and devices:
[[reader]]
name = "out"
direction = "out"
mode = "code_only"
[reader.camera]
driver = "webcam"
device = "/dev/video0\""""

CONFIGURATION_HEAD = """\
From weakest to strongest: the defaults below, `config.toml`, `config.toml.d/*.toml` in the order
of their names, environment variables `EDGE_GATE__TABLE__KEY` (a reader by its name:
`EDGE_GATE__READER__IN__MODE`; `-` is written `_`). Tables merge key by key, readers by their name.
A table that names another `driver` keeps the keys that the new driver knows too. Values in the
environment are TOML where the key takes no text. Relative paths start at the file that names
them, in the environment at the working directory."""
COMMANDS_HEAD = """\
Exit codes: 0 done; 1 the work failed (a device is not well, a demo lost a record); 2 bad input
(configuration, arguments, files), told in one line for each fault."""


# --- config.toml ----------------------------------------------------------------------------


def config_toml() -> str:
    """The annotated example."""
    lines = _comment(HEAD)
    for key in keys_of(Config).values():
        lines += ["", "", *_table(key, (key.name,))]
        if key.many:
            lines += ["", *_comment(OUT_READER)]
    return "\n".join(lines) + "\n"


def _table(key: Key, path: KeyPath) -> Iterator[str]:
    name = ".".join(str(part) for part in path)
    several = len(key.tables) > 1
    table = key.drivers[DRIVERS[key.name]] if several else key.tables[0]
    yield from _comment(_doc(table))
    optional = not key.required and key.default is None and not several
    mark = "# " if optional else ""
    yield f"{mark}[[{name}]]" if key.many else f"{mark}[{name}]"
    inner = []
    for below in _driver_first(table):
        if below.tables:
            inner.append(below)
        else:
            yield from _value(table, below, path, active=not optional)
    for below in inner:
        yield ""
        yield from _table(below, (*path, below.name))
    for driver, other in (key.drivers if several else {}).items():
        if other is not table:
            yield ""
            yield from _comment(f"Instead: {_doc(other)}")
            yield f"# [{name}]"
            own = keys_of(other).keys() - keys_of(table).keys()
            for below in _driver_first(other):
                if below.name == TAG or below.name in own:
                    yield from _value(other, below, path, active=False, driver=driver)


def _driver_first(table: type[Table]) -> list[Key]:
    return sorted(keys_of(table).values(), key=lambda key: key.name != TAG)


def _value(
    table: type[Table], key: Key, path: KeyPath, *, active: bool, driver: str | None = None
) -> Iterator[str]:
    dotted = ".".join((*map(str, path), key.name))
    if key.name == TAG:
        yield f"{'' if active else '# '}{TAG} = {toml_value(driver or key.choices[0])}"
        return
    yield from _comment(texts_of(table)[key.name])
    notes = [describe(key)] if key.choices or not key.is_text else []
    mark = "# "
    if dotted in GIVEN and active:
        value, mark = GIVEN[dotted], ""
    elif key.default is None:
        value = SAMPLES.get(dotted, SAMPLES.get(key.name, GIVEN.get(dotted)))
        notes.insert(0, "required" if key.required else "not set")
    else:
        value = key.default
    line = f"{mark}{key.name} = {toml_value(value)}"
    yield f"{line}  # {'; '.join(notes)}" if notes else line


def _comment(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, WIDTH) or [""]
    return [f"# {line}".rstrip() for line in lines]


def _doc(table: type[Table]) -> str:
    return inspect.cleandoc(table.__doc__ or "")


# --- docs/reference/configuration.md --------------------------------------------------------


def configuration_md() -> str:
    """Every key: what it takes, its default, what it means."""
    parts = [
        "# Configuration reference",
        "Made by `scripts/reference.py` from `edge/config/model.py`; don't edit it by hand.",
        CONFIGURATION_HEAD,
    ]
    for key in keys_of(Config).values():
        parts += _sections(key, (key.name,))
    return "\n\n".join(parts) + "\n"


def _sections(key: Key, path: KeyPath) -> Iterator[str]:
    name = ".".join(str(part) for part in path)
    for table in key.tables:
        driver = f' with driver = "{keys_of(table)[TAG].choices[0]}"' if len(key.tables) > 1 else ""
        title = f"`[[{name}]]`" if key.many else f"`[{name}]`"
        need = " (required)" if key.required else ""
        yield f"## {title}{driver}{need}"
        yield _doc(table)
        rows = ["| key | takes | default | meaning |", "| --- | --- | --- | --- |"]
        texts = texts_of(table)
        inner = []
        for below in _driver_first(table):
            if below.tables:
                inner.append(below)
                continue
            default = "required" if below.required else "not set"
            if below.default is not None:
                default = f"`{toml_value(below.default)}`"
            rows.append(f"| `{below.name}` | {describe(below)} | {default} | {texts[below.name]} |")
        yield "\n".join(rows)
        for below in inner:
            yield from _sections(below, (*path, below.name))


# --- docs/reference/commands.md -------------------------------------------------------------


def commands_md() -> str:
    """The help of every command, of the gate and of the hub."""
    from edge.cli import cli as gate
    from hub.cli import cli as hub

    parts = [
        "# Command reference",
        "Made by `scripts/reference.py` from the commands' own help; don't edit it by hand.",
        COMMANDS_HEAD,
        *_help("edge-gate", gate, None),
        *_help("edge-hub", hub, None),
    ]
    return "\n\n".join(parts) + "\n"


def _help(name: str, command: click.Command, above: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name.rsplit(maxsplit=1)[-1], parent=above)
    yield f"## {name}"
    context.terminal_width = 90
    yield f"```text\n{command.get_help(context).rstrip()}\n```"
    if isinstance(command, click.Group):
        for inner in sorted(command.list_commands(context)):
            below = command.get_command(context, inner)
            if below is not None and not below.hidden:
                yield from _help(f"{name} {inner}", below, context)


# --------------------------------------------------------------------------------------------


def main() -> int:
    """Write or check all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 on a difference"
    )
    check = parser.parse_args().check
    made = {
        "config.toml": config_toml,
        "docs/reference/configuration.md": configuration_md,
        "docs/reference/commands.md": commands_md,
    }
    stale = []
    for name, make in made.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
                print(f"wrote {name}")
    if check and stale:
        print(f"not up to date: {', '.join(stale)}; run scripts/reference.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
