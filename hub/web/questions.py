"""Tracers' questions, kept in the store while the session of who asked lasts.

Only what was asked is kept, which the audit log holds too: never an answer. Every hub over the
store finds the answer anew when it is looked at or exported (docs/adr/0020).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from hub.store.schema import questions

_MOST = 200  # of one session


def keep(connection: Connection, session: str, question: Mapping[str, Any], *, at_ms: int) -> str:
    """Its name, which can't be guessed. `session` is the key of hub.web.session."""
    name = secrets.token_urlsafe(16)
    connection.execute(
        insert(questions).values(
            name=name, session=session, asked_ms=at_ms,
            question=json.dumps(question, ensure_ascii=False),
        )
    )  # fmt: skip
    own = select(questions.c.name).where(questions.c.session == session)
    newest = own.order_by(questions.c.asked_ms.desc(), questions.c.name).limit(_MOST).subquery()
    connection.execute(
        delete(questions).where(
            questions.c.session == session, questions.c.name.not_in(select(newest.c.name))
        )
    )
    return name


def find(connection: Connection, name: str, session: str) -> dict[str, Any] | None:
    """The question, for the session that asked it alone: to everyone else it isn't there."""
    found = connection.execute(
        select(questions.c.question).where(questions.c.name == name, questions.c.session == session)
    ).scalar()
    return None if found is None else json.loads(found)
