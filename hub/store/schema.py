"""The hub's tables, once, for SQLite and PostgreSQL.

Three layers:
- what came: streams, islands, records, lost, dead_letters. Written by ingest, before receipts.
- what it means: people, places, passages, visits and what stands beside them. Derived from the
  records after their commit, and can be made anew from them at any time.
- what people of the hub enter: the registry, the roster, acknowledgements, users, the audit log.

Times are whole milliseconds since 1970 in UTC, temperatures hundredths of a degree Celsius.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData()

# SQLite numbers rows by itself only in an INTEGER PRIMARY KEY
Id: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")
Milliseconds = BigInteger


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


# --- what came ------------------------------------------------------------------------------

hub = Table(
    "hub", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False)
)

# a gate's journal; seqs 1 to upto are stored or lost, head is the hash of record upto. Of seqs up
# to purged_upto some or all were dropped since, when they were older than records are kept
streams = Table(
    "streams",
    metadata,
    _id(),
    Column("stream", Text, nullable=False, unique=True),
    Column("park", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("upto", BigInteger, nullable=False, server_default="0"),
    Column("head", Text),
    Column("duplicates", BigInteger, nullable=False, server_default="0"),
    Column("purged_upto", BigInteger, nullable=False, server_default="0"),
    Index("streams_place", "park", "site"),
)

# what is stored or lost beyond upto: the holes lie between
islands = Table(
    "islands",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# the very bytes that the gate wrote; kind is NULL where only the key was understood. PostgreSQL
# keeps a partition for each day of arrival; (stream, seq) is once by the lock on the stream's row
records = Table(
    "records",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("arrived_ms", Milliseconds, nullable=False),
    Column("kind", Text),
    Column("raw", LargeBinary, nullable=False),
)

# what records of loss (seq) account for
lost = Table(
    "lost",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

# raw is NULL where the bytes stand in records
dead_letters = Table(
    "dead_letters",
    metadata,
    _id(),
    Column("first_ms", Milliseconds, nullable=False),
    Column("topic", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("stream", Id, ForeignKey(streams.c.id)),
    Column("seq", BigInteger),
    Column("reason", Text, nullable=False),
    Column("deliveries", BigInteger, nullable=False, server_default="1"),
    Column("raw", LargeBinary),
    UniqueConstraint("topic", "digest"),
)

# what a person must look at: found by the hub (chain_broken ...), or told by a gate (its alarm
# records). stream and seq are 0 where it is about none
alarms = Table(
    "alarms",
    metadata,
    _id(),
    Column("at_ms", Milliseconds, nullable=False),
    Column("name", Text, nullable=False),
    Column("stream", Id, nullable=False, server_default="0"),
    Column("seq", BigInteger, nullable=False, server_default="0"),
    Column("detail", Text, nullable=False),
    Column("acknowledged_ms", Milliseconds),
    Column("acknowledged_by", Text),
    UniqueConstraint("name", "stream", "seq", "detail"),
    Index("alarms_record", "stream", "seq"),
    # the newest first, a page at a time: of all, of a gate, of a name
    Index("alarms_time", "at_ms", "id"),
    Index("alarms_stream", "stream", "at_ms", "id"),
    Index("alarms_name", "name", "at_ms", "id"),
)
# the few that a page shows and a scrape counts, among years of those that are done with
OPEN = alarms.c.acknowledged_ms.is_(None)
Index(
    "alarms_open", alarms.c.at_ms, alarms.c.id, alarms.c.name,
    sqlite_where=OPEN, postgresql_where=OPEN,
)  # fmt: skip

# --- the registry: sites and gates as people entered them, or as the feed first named them --------

sites = Table(
    "sites",
    metadata,
    _id(),
    Column("park", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("registered", Boolean, nullable=False, server_default="0"),
    Column("name", Text),
    Column("type", Text),  # factory, school, hospital, market ...
    Column("address", Text),
    Column("district", Text),
    Column("province", Text),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("longest_stay_min", Integer),  # NULL: the hub's default
    Column("derived_stay_min", Integer),  # what the visits were cut at; NULL: there are none yet
    Column("contact", Text),
    UniqueConstraint("park", "site"),
    Index("sites_derived_stay", "derived_stay_min"),
)

gates = Table(
    "gates",
    metadata,
    _id(),
    Column("site", Id, ForeignKey(sites.c.id), nullable=False),
    Column("gate", Text, nullable=False),
    Column("registered", Boolean, nullable=False, server_default="0"),
    Column("name", Text),
    UniqueConstraint("site", "gate"),
)

# a picture of the site; `picture` is last: what is read without it does not pass through it
site_plans = Table(
    "site_plans",
    metadata,
    Column("site", Id, ForeignKey(sites.c.id), primary_key=True),
    Column("digest", Text, nullable=False),  # SHA-256 of the picture, hexadecimal
    Column("width", Integer, nullable=False),  # pixels
    Column("height", Integer, nullable=False),
    Column("who", Text, nullable=False),
    Column("at_ms", Milliseconds, nullable=False),
    Column("picture", LargeBinary, nullable=False),  # WebP
)

# where a gate is on its site's plan: fractions of its width and height, from the upper left corner
gate_pins = Table(
    "gate_pins",
    metadata,
    Column("gate", Id, ForeignKey(gates.c.id), primary_key=True),
    Column("x", Float, nullable=False),
    Column("y", Float, nullable=False),
)

# the newest state that a gate published, and since when it is as it is
gate_states = Table(
    "gate_states",
    metadata,
    Column("gate", Id, ForeignKey(gates.c.id), primary_key=True),
    Column("heard_ms", Milliseconds, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("state", Text, nullable=False),  # the message as it came, JSON
)

# when a gate could not be heard; to_ms is NULL while it lasts
offline = Table(
    "offline",
    metadata,
    Column("gate", Id, ForeignKey(gates.c.id), primary_key=True),
    Column("from_ms", Milliseconds, primary_key=True),
    Column("to_ms", Milliseconds),
)
# the few that pages ask for each half second, among all that ever were
LASTING = offline.c.to_ms.is_(None)
Index("offline_lasting", offline.c.gate, sqlite_where=LASTING, postgresql_where=LASTING)

# --- what it means --------------------------------------------------------------------------

# one row a token; `same_as` is the smallest id of the tokens known to be one person, else its own
people = Table(
    "people",
    metadata,
    _id(),
    Column("kid", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("same_as", Id, nullable=False, server_default="0"),  # 0: no other
    UniqueConstraint("kid", "scope", "token"),
    Index("people_token", "token"),
)

# few are: without this condition SQLite takes the many that are not for the rule
LINKED = people.c.same_as != literal_column("0")
Index("people_same", people.c.same_as, sqlite_where=LINKED, postgresql_where=LINKED)

# why two tokens are one person; source: token_before, roster, authority
links = Table(
    "links",
    metadata,
    Column("person", Id, ForeignKey(people.c.id), primary_key=True),
    Column("other", Id, ForeignKey(people.c.id), primary_key=True),
    Column("source", Text, nullable=False),
    Column("at_ms", Milliseconds, nullable=False),
    Index("links_source", "source", "at_ms"),
)

# how far a stream's records are derived, in the form of streams and islands
derived = Table(
    "derived",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("upto", BigInteger, nullable=False),
    Column("islands", Text, nullable=False, server_default="[]"),  # JSON [[first, last], ...]
)

# where a boot begins in a stream, and the record with the greatest uptime among those whose clock
# was synchronised: it tells the time of earlier ones where no step of the clock was noted
boots = Table(
    "boots",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("first_seq", BigInteger, nullable=False),
    Column("synced_seq", BigInteger),
    Column("synced_uptime_s", Float),
    Index("boots_boot", "boot"),
)

# outcomes that came before the record that they are about; gone when that one is here
early_outcomes = Table(
    "early_outcomes",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("ref", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
)

# clocks of boots, to put times right (feed.times)
clock_records = Table(
    "clock_records",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("boot", Text, nullable=False),
    Index("clock_records_boot", "boot"),
)

# each decision about a person, with what the door then did
passages = Table(
    "passages",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at_ms", Milliseconds, nullable=False),  # put right
    Column("at_known", Boolean, nullable=False),  # False: the gate had no time then or since
    Column("boot", Text),  # only while the time may still be put right
    Column("gate", Id, ForeignKey(gates.c.id), nullable=False),
    Column("site", Id, ForeignKey(sites.c.id), nullable=False),
    Column("reader", Text),
    Column("direction", Text),  # in, out
    Column("person", Id, ForeignKey(people.c.id)),
    Column("scheme", Text),
    Column("category", Text),
    Column("granted", Boolean, nullable=False),
    Column("reasons", Text, nullable=False),  # joined by spaces, the first is what decided
    Column("outcome", Text),  # of the newest outcome record: passed, not_passed ...
    Column("outcome_seq", BigInteger),  # that record's
    Column("verdict", Text),  # of the reading
    Column("estimate_c100", SmallInteger),
    Column("object_c100", SmallInteger),
    Column("ambient_c100", SmallInteger),
    Column("declaration", Text),  # JSON
    Index("passages_person", "person", "at_ms"),
    Index("passages_site", "site", "at_ms"),
    Index("passages_boot", "boot"),
    Index("passages_time", "at_ms"),  # the last entries, wherever they were
)
# what makes an answer doubtful is rare, and found without reading all of a site's passages
DOUBTFUL = passages.c.granted & (passages.c.person.is_(None) | passages.c.outcome.is_(None))
UNTIMED = ~passages.c.at_known
Index(
    "passages_doubtful",
    passages.c.site,
    passages.c.at_ms,
    sqlite_where=DOUBTFUL,
    postgresql_where=DOUBTFUL,
)
Index("passages_untimed", passages.c.site, sqlite_where=UNTIMED, postgresql_where=UNTIMED)

# a stay: an entry and the exit that ends it. The key is the entry's
visits = Table(
    "visits",
    metadata,
    Column("stream", Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("person", Id, ForeignKey(people.c.id), nullable=False),
    Column("site", Id, ForeignKey(sites.c.id), nullable=False),
    Column("in_ms", Milliseconds, nullable=False),
    Column("out_ms", Milliseconds, nullable=False),
    Column("in_gate", Id, nullable=False),
    Column("out_gate", Id),  # NULL: the end is assumed
    Column("assumed", Boolean, nullable=False),
    Column("at_known", Boolean, nullable=False),  # of both ends
    Index("visits_person", "person", "in_ms"),
    # with all that contacts are made of: the rows of a site's days lie far apart in the table
    Index("visits_site", "site", "in_ms", "out_ms", "person", "in_gate", "out_gate"),
)

# exits and openings without a code (a button, a fire release, a forced door), by door records
anonymous = Table(
    "anonymous",
    metadata,
    Column("stream", Id, ForeignKey(streams.c.id), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at_ms", Milliseconds, nullable=False),
    Column("site", Id, ForeignKey(sites.c.id), nullable=False),
    Column("gate", Id, ForeignKey(gates.c.id), nullable=False),
    Column("name", Text, nullable=False),  # the event's
    Column("outcome", Text),  # of a press of the button: passed, not_passed ...
    Column("outcome_seq", BigInteger),
    Index("anonymous_site", "site", "at_ms"),
)

# --- what people of the hub enter -----------------------------------------------------------

# staff and pupils with the park's own ids; person is NULL where no token follows from the entry
roster = Table(
    "roster",
    metadata,
    _id(),
    Column("park", Text, nullable=False),
    Column("holder", Text, nullable=False),  # staff or pupil id
    Column("name", Text),
    Column("category", Text),
    Column("phone", Text),  # digits, with the country's code: 84912345678
    Column("person", Id, ForeignKey(people.c.id)),
    Index("roster_person", "person"),
    UniqueConstraint("park", "holder"),
    Index("roster_phone", "phone"),
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),  # viewer, manager, tracer, administrator
    Column("password", Text, nullable=False),  # Argon2id, in its own encoded form
    Column("made_ms", Milliseconds, nullable=False),
    Column("language", Text),
)

# what programs show instead of a password; the secret itself is not kept
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the secret, hexadecimal
    Column("name", Text, ForeignKey(users.c.name, ondelete="CASCADE"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("made_ms", Milliseconds, nullable=False),
    Column("until_ms", Milliseconds),  # NULL: until it is taken back
)

# who is logged in to the pages. `until_ms` is the end whatever happens, `seen_ms` some
# moment of use not long before the last. The name is no user's where a one-time log-in made it
sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the cookie, hexadecimal
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    # SHA-256 of users.password at the log-in, hexadecimal; NULL: a one-time log-in
    Column("password_digest", Text),
    Column("begun_ms", Milliseconds, nullable=False),
    Column("seen_ms", Milliseconds, nullable=False),
    Column("until_ms", Milliseconds, nullable=False),
    Index("sessions_name", "name", "begun_ms"),
)

# what tracers asked, to be answered anew at each look: gone with the session that asked
questions = Table(
    "questions",
    metadata,
    Column("name", Text, primary_key=True),  # in the answer's address, not to be guessed
    Column("session", Text, ForeignKey(sessions.c.digest, ondelete="CASCADE"), nullable=False),
    Column("asked_ms", Milliseconds, nullable=False),
    Column("question", Text, nullable=False),  # JSON, of people their tokens
    Index("questions_session", "session", "asked_ms"),
)

# log-ins of the last minutes that were no success, by what is limited: a name, an address, both
login_tries = Table(
    "login_tries",
    metadata,
    _id(),
    Column("digest", Text, nullable=False),  # SHA-256 of what is limited, hexadecimal
    Column("at_ms", Milliseconds, nullable=False),
    Index("login_tries_digest", "digest", "at_ms"),
    Index("login_tries_at", "at_ms"),
)

# never changed, only added to
audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at_ms", Milliseconds, nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),  # trace, unseal, report, import ...
    Column("purpose", Text, nullable=False),
    Column("asked", Text, nullable=False),  # JSON
    Column("seen", Text, nullable=False),  # JSON: what the answer held, as counts and keys
)
