"""What happened at the gate, in the log, for the person on call. Never who it was."""

from __future__ import annotations

import logging

from edge.gate.events import Effect, Write
from feed.record import Draft, Kind

log = logging.getLogger(__name__)


def log_step(effects: tuple[Effect, ...]) -> None:
    """A line for each decision, outcome, alarm and event among the records asked for."""
    for effect in effects:
        if isinstance(effect, Write):
            level = logging.WARNING if effect.draft.kind == Kind.ALARM else logging.INFO
            log.log(level, "%s", _line(effect.draft))


def _line(draft: Draft) -> str:
    parts = [f"action={draft.kind}"]
    if draft.reader is not None:
        parts.append(f"reader={draft.reader}")
    if draft.decision is not None:
        parts.append(f"result={draft.decision.result} reasons={','.join(draft.decision.reasons)}")
    if draft.outcome is not None:
        parts.append(f"result={draft.outcome.result}")
        if draft.outcome.reasons:
            parts.append(f"reasons={','.join(draft.outcome.reasons)}")
    if draft.event is not None:
        parts.append(f"name={draft.event.name}")
        parts += [f"{key}={value}" for key, value in (draft.event.detail or {}).items()]
    return " ".join(parts)
