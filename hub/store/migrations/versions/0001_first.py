"""The first schema: what came, what it means, what people enter (hub.store.schema)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite numbers rows by itself only in an INTEGER PRIMARY KEY
_ID: sa.types.TypeEngine[int] = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for make in TABLES:
        make()


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stream", _ID, server_default="0", nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("acknowledged_ms", sa.BigInteger()),
        sa.Column("acknowledged_by", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "stream", "seq", "detail"),
    )
    op.create_index("alarms_record", "alarms", ["stream", "seq"], unique=False)
    op.create_index("alarms_time", "alarms", ["at_ms", "id"], unique=False)
    op.create_index("alarms_stream", "alarms", ["stream", "at_ms", "id"], unique=False)
    op.create_index("alarms_name", "alarms", ["name", "at_ms", "id"], unique=False)
    waiting = sa.text("acknowledged_ms IS NULL")
    op.create_index(
        "alarms_open", "alarms", ["at_ms", "id", "name"],
        sqlite_where=waiting, postgresql_where=waiting,
    )  # fmt: skip


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _hub() -> None:
    op.create_table(
        "hub",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("same_as", _ID, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kid", "scope", "token"),
    )
    linked = sa.text("same_as != 0")
    op.create_index(
        "people_same", "people", ["same_as"], sqlite_where=linked, postgresql_where=linked
    )
    op.create_index("people_token", "people", ["token"], unique=False)


def _sites() -> None:
    op.create_table(
        "sites",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("park", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("registered", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("type", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("district", sa.Text()),
        sa.Column("province", sa.Text()),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("longest_stay_min", sa.Integer()),
        sa.Column("derived_stay_min", sa.Integer()),
        sa.Column("contact", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("park", "site"),
    )
    op.create_index("sites_derived_stay", "sites", ["derived_stay_min"], unique=False)


def _streams() -> None:
    op.create_table(
        "streams",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("park", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("upto", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("head", sa.Text()),
        sa.Column("duplicates", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("purged_upto", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("stream"),
    )
    op.create_index("streams_place", "streams", ["park", "site"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        # each batch updates many rows: with room in their pages no index has to follow
        op.execute("ALTER TABLE streams SET (fillfactor = 50)")


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.PrimaryKeyConstraint("name"),
    )


def _api_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger()),
        sa.ForeignKeyConstraint(["name"], ["users.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_digest", sa.Text()),
        sa.Column("begun_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("sessions_name", "sessions", ["name", "begun_ms"], unique=False)


def _questions() -> None:
    op.create_table(
        "questions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["sessions.digest"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("questions_session", "questions", ["session", "asked_ms"], unique=False)


def _login_tries() -> None:
    op.create_table(
        "login_tries",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("login_tries_digest", "login_tries", ["digest", "at_ms"], unique=False)
    op.create_index("login_tries_at", "login_tries", ["at_ms"], unique=False)


def _boots() -> None:
    op.create_table(
        "boots",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("synced_seq", sa.BigInteger()),
        sa.Column("synced_uptime_s", sa.Float()),
        sa.ForeignKeyConstraint(["stream"], ["streams.id"]),
        sa.PrimaryKeyConstraint("stream", "boot"),
    )
    op.create_index("boots_boot", "boots", ["boot"], unique=False)


def _early_outcomes() -> None:
    op.create_table(
        "early_outcomes",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("ref", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["stream"], ["streams.id"]),
        sa.PrimaryKeyConstraint("stream", "ref"),
    )


def _clock_records() -> None:
    op.create_table(
        "clock_records",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["streams.id"],
        ),
        sa.PrimaryKeyConstraint("stream", "seq"),
    )
    op.create_index("clock_records_boot", "clock_records", ["boot"], unique=False)


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("stream", _ID),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("raw", sa.LargeBinary()),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["streams.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("topic", "digest"),
    )


def _derived() -> None:
    op.create_table(
        "derived",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("islands", sa.Text(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["streams.id"],
        ),
        sa.PrimaryKeyConstraint("stream"),
    )


def _gates() -> None:
    op.create_table(
        "gates",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("site", _ID, nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("registered", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("name", sa.Text()),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site", "gate"),
    )


def _islands() -> None:
    op.create_table(
        "islands",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["streams.id"],
        ),
        sa.PrimaryKeyConstraint("stream", "first"),
    )


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("person", _ID, nullable=False),
        sa.Column("other", _ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["other"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("person", "other"),
    )
    op.create_index("links_source", "links", ["source", "at_ms"], unique=False)


def _lost() -> None:
    op.create_table(
        "lost",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["streams.id"],
        ),
        sa.PrimaryKeyConstraint("stream", "seq", "first"),
    )


def _records() -> None:
    # PostgreSQL wants the column that says the partition in the key; (stream, seq) is once
    # because the stream's row is locked by whoever writes
    partitioned = op.get_bind().dialect.name == "postgresql"
    key = ["stream", "seq", "arrived_ms"] if partitioned else ["stream", "seq"]
    op.create_table(
        "records",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("arrived_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream"], ["streams.id"]),
        sa.PrimaryKeyConstraint(*key),
        postgresql_partition_by="RANGE (arrived_ms)",
    )


def _roster() -> None:
    op.create_table(
        "roster",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("park", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("person", _ID),
        sa.ForeignKeyConstraint(
            ["person"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("park", "holder"),
    )
    op.create_index("roster_phone", "roster", ["phone"], unique=False)
    op.create_index("roster_person", "roster", ["person"], unique=False)


def _visits() -> None:
    op.create_table(
        "visits",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person", _ID, nullable=False),
        sa.Column("site", _ID, nullable=False),
        sa.Column("in_ms", sa.BigInteger(), nullable=False),
        sa.Column("out_ms", sa.BigInteger(), nullable=False),
        sa.Column("in_gate", _ID, nullable=False),
        sa.Column("out_gate", _ID),
        sa.Column("assumed", sa.Boolean(), nullable=False),
        sa.Column("at_known", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.id"],
        ),
        sa.PrimaryKeyConstraint("stream", "seq"),
    )
    op.create_index("visits_person", "visits", ["person", "in_ms"], unique=False)
    op.create_index(
        "visits_site",
        "visits",
        ["site", "in_ms", "out_ms", "person", "in_gate", "out_gate"],
        unique=False,
    )


def _anonymous() -> None:
    op.create_table(
        "anonymous",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("site", _ID, nullable=False),
        sa.Column("gate", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("outcome_seq", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["gate"],
            ["gates.id"],
        ),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.id"],
        ),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["streams.id"],
        ),
        sa.PrimaryKeyConstraint("stream", "seq"),
    )
    op.create_index("anonymous_site", "anonymous", ["site", "at_ms"], unique=False)


def _gate_states() -> None:
    op.create_table(
        "gate_states",
        sa.Column("gate", _ID, nullable=False),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gate"],
            ["gates.id"],
        ),
        sa.PrimaryKeyConstraint("gate"),
    )


def _offline() -> None:
    op.create_table(
        "offline",
        sa.Column("gate", _ID, nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["gate"],
            ["gates.id"],
        ),
        sa.PrimaryKeyConstraint("gate", "from_ms"),
    )
    lasting = sa.text("to_ms IS NULL")
    op.create_index(
        "offline_lasting", "offline", ["gate"], sqlite_where=lasting, postgresql_where=lasting
    )


def _passages() -> None:
    op.create_table(
        "passages",
        sa.Column("stream", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("at_known", sa.Boolean(), nullable=False),
        sa.Column("boot", sa.Text()),
        sa.Column("gate", _ID, nullable=False),
        sa.Column("site", _ID, nullable=False),
        sa.Column("reader", sa.Text()),
        sa.Column("direction", sa.Text()),
        sa.Column("person", _ID),
        sa.Column("scheme", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("outcome_seq", sa.BigInteger()),
        sa.Column("verdict", sa.Text()),
        sa.Column("estimate_c100", sa.SmallInteger()),
        sa.Column("object_c100", sa.SmallInteger()),
        sa.Column("ambient_c100", sa.SmallInteger()),
        sa.Column("declaration", sa.Text()),
        sa.ForeignKeyConstraint(
            ["gate"],
            ["gates.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.id"],
        ),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["streams.id"],
        ),
        sa.PrimaryKeyConstraint("stream", "seq"),
    )
    op.create_index("passages_boot", "passages", ["boot"], unique=False)
    op.create_index("passages_time", "passages", ["at_ms"], unique=False)
    op.create_index("passages_person", "passages", ["person", "at_ms"], unique=False)
    op.create_index("passages_site", "passages", ["site", "at_ms"], unique=False)
    # rare, and asked for in every trace
    doubtful = sa.text("granted AND (person IS NULL OR outcome IS NULL)")
    untimed = sa.text("NOT at_known")
    op.create_index(
        "passages_doubtful",
        "passages",
        ["site", "at_ms"],
        sqlite_where=doubtful,
        postgresql_where=doubtful,
    )
    op.create_index(
        "passages_untimed", "passages", ["site"], sqlite_where=untimed, postgresql_where=untimed
    )


def _site_plans() -> None:
    op.create_table(
        "site_plans",
        sa.Column("site", _ID, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.id"]),
        sa.PrimaryKeyConstraint("site"),
    )


def _gate_pins() -> None:
    op.create_table(
        "gate_pins",
        sa.Column("gate", _ID, nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["gate"], ["gates.id"]),
        sa.PrimaryKeyConstraint("gate"),
    )


TABLES = (
    _alarms,
    _audit,
    _hub,
    _people,
    _sites,
    _streams,
    _users,
    _api_tokens,
    _sessions,
    _questions,
    _login_tries,
    _boots,
    _early_outcomes,
    _clock_records,
    _dead_letters,
    _derived,
    _gates,
    _islands,
    _links,
    _lost,
    _records,
    _roster,
    _visits,
    _anonymous,
    _gate_states,
    _offline,
    _site_plans,
    _gate_pins,
    _passages,
)
