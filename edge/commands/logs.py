"""How the daemon's log looks: lines for a person, for systemd's journal, or JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Literal

# sd-daemon(3): a line that begins with <N> has that syslog priority
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))


def set_up(level: Literal["debug", "info", "warning", "error"], *, as_json: bool) -> None:
    """Send the log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        handler.setFormatter(JsonLines())
    elif "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(JournalLines("%(name)s: %(message)s"))
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class JournalLines(logging.Formatter):
    """Lines with the priority that systemd's journal reads; the journal adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, or several for a traceback, each with its priority."""
        number = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{number}>{line}" for line in super().format(record).splitlines())


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, thread, message, and a traceback where one is."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        parts = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            parts["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(parts, ensure_ascii=False)
