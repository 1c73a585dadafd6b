"""The machine's tables as a page of the docs: `python -m edge.gate.diagram`.

A test compares docs/reference/machine.md with what this prints, so the picture is never old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from edge.gate.door import DOOR_TABLE
from edge.gate.lane import LANE_TABLE
from edge.gate.reasons import Alarm, Cause, Reason
from edge.gate.table import Row, Table

_HEAD = """\
# The gate's state machine

Made from the transition tables in `edge/gate/` by `python -m edge.gate.diagram`; a test keeps it
true. The machine is pure: `step(rules, state, event, now)` gives the next state and the effects.
What is not in a table changes nothing.

A *lane* is what the machine makes of a reader: the people before it, one at a time. Two lanes
share one door; a grant waits until the door is free, so that a person of the one is never taken
for a person of the other.
"""


def page() -> str:
    """The whole page, Markdown with two Mermaid diagrams."""
    parts = [
        _HEAD,
        _section("A lane: one person at one reader", LANE_TABLE),
        _section("The door", DOOR_TABLE),
        "## Stable names\n",
        _names("Reasons of decisions and outcomes", Reason),
        _names("Alarms", Alarm),
        _names("Causes of faults", Cause),
    ]
    return "\n".join(parts)


def _section(title: str, table: Table[Any, Any, Any]) -> str:
    rows = list(table.moves())
    return f"## {title}\n\n{_diagram(rows)}\n{_listing(rows)}"


def _diagram(rows: Iterable[Row[Any, Any, Any]]) -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.target is not None:
            label = str(row.trigger) if row.guard is None else f"{row.trigger} [{_word(row.guard)}]"
            arrows.setdefault((row.state, row.target), []).append(label)
    lines = [
        f"    {state} --> {target}: {', '.join(dict.fromkeys(labels))}"
        for (state, target), labels in arrows.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _listing(rows: Iterable[Row[Any, Any, Any]]) -> str:
    lines = ["| state | on | if | then | goes to |", "|---|---|---|---|---|"]
    for row in rows:
        guard = "" if row.guard is None else _word(row.guard)
        actions = ", ".join(_word(action) for action in row.actions)
        target = "(stays)" if row.target is None else str(row.target)
        lines.append(f"| {row.state} | {row.trigger} | {guard} | {actions} | {target} |")
    return "\n".join([*lines, ""])


def _names(title: str, names: Iterable[str]) -> str:
    return f"{title}: " + ", ".join(f"`{name}`" for name in names) + ".\n"


def _word(function: Callable[..., Any]) -> str:
    return function.__name__.replace("_", " ")


if __name__ == "__main__":
    print(page(), end="")
