"""A configuration as it is in force: every value with where it comes from, secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config.load import Loaded
from edge.config.model import KeyPath, Table
from edge.config.schema import Key, keys_of
from edge.config.toml import toml_value

MASK = "********"


@dataclass(frozen=True)
class Setting:
    """One value in force. `value` is None where nothing is set, MASK for a secret; `dotted` is
    the key as problems name it (`reader.in.mode`), `origin` a file and line, a variable or
    "default".
    """

    path: KeyPath
    dotted: str
    key: Key
    value: Any
    origin: str


def settings(loaded: Loaded) -> list[Setting]:
    """Every value of a configuration, in the model's order, a table's values before its tables."""
    values = loaded.config.model_dump(by_alias=True)
    return list(_settings(loaded, values, loaded.config, ()))


def _settings(
    loaded: Loaded, values: Mapping[str, Any], table: Table, path: KeyPath
) -> Iterator[Setting]:
    inner: list[tuple[Table, Mapping[str, Any], KeyPath]] = []
    for key in keys_of(type(table)).values():
        value, place = values[key.name], (*path, key.name)
        attribute = getattr(table, key.attribute)
        if isinstance(attribute, Table):
            inner.append((attribute, value, place))
        elif key.many:
            inner += [
                (item, value[number], (*place, number)) for number, item in enumerate(attribute)
            ]
        else:
            yield Setting(
                place, loaded.sources.dotted(place), key, _plain(key, value), _origin(loaded, place)
            )
    for below, its_values, place in inner:
        yield from _settings(loaded, its_values, below, place)


def _plain(key: Key, value: Any) -> Any:
    if value is None:
        return key.none_text
    if key.is_secret:
        return MASK
    return str(value) if isinstance(value, Path) else value


def _origin(loaded: Loaded, path: KeyPath) -> str:
    origin = loaded.sources.origins.get(path)
    return "default" if origin is None else str(origin)


def to_toml(loaded: Loaded) -> str:
    """TOML that loads again to the same configuration, without its secrets."""
    lines: list[str] = []
    table: KeyPath = ()
    for setting in settings(loaded):
        *above, name = setting.path
        if tuple(above) != table:
            table = tuple(above)
            lines += ["", _header(table)]
        if setting.value is None:
            lines.append(f"# {name} is not set")
        else:
            mark = "# " if setting.key.is_secret else ""
            lines.append(f"{mark}{name} = {toml_value(setting.value)}  # {setting.origin}")
    return "\n".join(lines).lstrip() + "\n"


def _header(path: KeyPath) -> str:
    name = ".".join(part for part in path if isinstance(part, str))
    return f"[[{name}]]" if isinstance(path[-1], int) else f"[{name}]"


def to_json(loaded: Loaded) -> dict[str, dict[str, Any]]:
    """The same for programs: `{"mqtt.host": {"value": "localhost", "from": "default"}}`."""
    return {
        setting.dotted: {"value": setting.value, "from": setting.origin}
        for setting in settings(loaded)
    }
