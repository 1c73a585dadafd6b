"""Values as TOML writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any


def toml_value(value: Any) -> str:
    """One value on one line. Raises TypeError for what TOML has no word for (None)."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | Path():
            # JSON's escapes are TOML's; DEL is the one character that only TOML forbids
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case date():
            return value.isoformat()
        case Mapping():
            return (
                "{"
                + ", ".join(f"{name} = {toml_value(item)}" for name, item in value.items())
                + "}"
            )
        case Sequence():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")
