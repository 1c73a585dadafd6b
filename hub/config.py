"""The hub's configuration: hub.toml, checked as a whole. Units stand in the names of the keys."""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

Text = Annotated[str, Field(min_length=1)]


class ConfigError(Exception):
    """What can't be used, a line for each fault: where it is, what is wrong."""


class Table(BaseModel):
    """A table of hub.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreTable(Table):
    """Where records are kept: in the SQLite file `path`, or in the PostgreSQL database `url`.

    After `keep_days` they are dropped, counted from their arrival; without it never.
    """

    path: Path = Path("hub.db")
    url: str | None = None
    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = None

    @property
    def where(self) -> str | Path:
        """The URL, or the path where there is none: what hub.store takes."""
        return self.path if self.url is None else self.url

    @property
    def owned(self) -> Path | None:
        """The file whose owner may administer; a database has users of its own."""
        return self.path if self.url is None else None

    @model_validator(mode="after")
    def _postgresql(self) -> Self:
        if self.url is None:
            return self
        parts = urlsplit(self.url)
        if parts.scheme not in {"postgresql", "postgres"}:
            raise ValueError(
                "url names no PostgreSQL database; write postgresql://USER@HOST/DATABASE"
            )
        # a configuration is copied, a command line is seen by everyone on the machine
        if parts.password is not None or "password" in parse_qs(parts.query):
            raise ValueError(
                "url holds a password; put it into ~/.pgpass or the file that PGPASSFILE names"
            )
        return self


class TlsTable(Table):
    """Without `ca_file` the system's CAs are trusted."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: give both or neither")
        return self


class MqttTable(Table):
    """The broker. `share` names a group of hubs that divide the records among them; each of them
    has a client_id of its own.
    """

    host: Text = "localhost"
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    username: Text | None = None
    password_file: Path | None = None
    tls: TlsTable | None = None
    client_id: Text = "edge-hub"
    share: Annotated[str, Field(pattern=r"^[^+#/\x00]+$")] | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3_600)] = 20
    session_expiry_s: Annotated[int, Field(ge=60, le=4_294_967_295)] = 604_800
    reconnect_longest_s: Annotated[float, Field(ge=0.1, le=3_600)] = 30.0

    @model_validator(mode="after")
    def _whose_password(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError("username is missing: a password needs one")
        return self


class IngestTable(Table):
    """A batch is committed when it holds `batch_records` or is `batch_ms` old. A hole that lasts
    for `gap_patience_s` is asked for again. A stream gets a receipt each `receipt_ms` at most.

    Against a sender gone wild: a gate begins `most_streams` at most (a new one comes with a new or
    damaged card), and a stream lies in `most_islands` pieces at most beyond its first gap; what is
    more is refused and counted. Of messages that were not understood the
    newest `most_dead_letters` are kept, and the bytes of the newest up to `dead_letter_bytes`.
    """

    batch_records: Annotated[int, Field(ge=1, le=10_000)] = 500
    batch_ms: Annotated[int, Field(ge=0, le=10_000)] = 10
    gap_patience_s: Annotated[float, Field(ge=0.1, le=3_600)] = 10.0
    receipt_ms: Annotated[int, Field(ge=0, le=60_000)] = 200
    most_streams: Annotated[int, Field(ge=10, le=1_000_000)] = 200
    most_islands: Annotated[int, Field(ge=100, le=1_000_000)] = 2_000
    most_dead_letters: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    dead_letter_bytes: Annotated[int, Field(ge=1_024, le=1_099_511_627_776)] = 67_108_864


class ParkTable(Table):
    """How days are counted, and the language of what is printed."""

    time_zone: Text = "Asia/Ho_Chi_Minh"
    language: Literal["vi", "en"] = "vi"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("no such time zone; give one such as Asia/Ho_Chi_Minh") from None
        return name


class IdentityTable(Table):
    """The park's token key, as on its gates: with it credentials of a roster become tokens."""

    key_file: Path | None = None
    key_id: Text = "k1"
    scope: Text = "park"


class MonitorTable(Table):
    """A gate tells its state once a minute: one that is silent for `silent_s` counts as offline.
    A thermometer is compared with `drift_peers` others or more whose air is within
    `drift_ambient_c` of its own, and stands out beyond `drift_bound_c`.
    """

    silent_s: Annotated[float, Field(ge=1, le=86_400)] = 150.0
    drift_bound_c: Annotated[float, Field(ge=0.05, le=5)] = 0.3
    drift_ambient_c: Annotated[float, Field(ge=0.1, le=50)] = 3.0
    drift_peers: Annotated[int, Field(ge=3, le=1_000)] = 3
    drift_people: Annotated[int, Field(ge=5, le=10_000)] = 20


class ApiTable(Table):
    """The HTTP interface, where `listen` (127.0.0.1:8080) is given. Beyond this machine it belongs
    behind a server that speaks TLS. A log-in lasts for `login_h`; one to the pages ends before,
    where no page was open for `idle_h`.
    """

    listen: Annotated[str, Field(pattern=r"^[^\s]+:[0-9]{1,5}$")] | None = None
    largest_body_bytes: Annotated[int, Field(ge=1_024, le=1_073_741_824)] = 33_554_432
    login_h: Annotated[float, Field(ge=0.1, le=168)] = 12.0
    idle_h: Annotated[float, Field(ge=0.1, le=168)] = 2.0


class VisitsTable(Table):
    """A visit without an exit ends after the site's longest stay; `longest_stay_h` is for sites
    that say none of their own.
    """

    longest_stay_h: Annotated[float, Field(ge=0.1, le=2_400)] = 16.0


class Config(Table):
    """All of it. `roles` gives users of this machine their role on the command line
    (hub.roles; an operator's is not given).
    """

    store: StoreTable = StoreTable()
    mqtt: MqttTable = MqttTable()
    ingest: IngestTable = IngestTable()
    park: ParkTable = ParkTable()
    identity: IdentityTable = IdentityTable()
    monitor: MonitorTable = MonitorTable()
    api: ApiTable = ApiTable()
    visits: VisitsTable = VisitsTable()
    roles: dict[Text, Literal["viewer", "manager", "tracer", "administrator"]] = {}


def load(
    path: Path | None, *, broker: str | None = None, store: str | Path | None = None
) -> Config:
    """The configuration of the file, with the options of the command line over it.

    Relative paths start at the file that names them. Raises ConfigError.
    """
    values = _read(path) if path is not None else {}
    where = str(path) if path is not None else "options"
    if broker is not None:
        host, port = _broker(broker)
        values["mqtt"] = _table(values, "mqtt") | {"host": host, "port": port}
    if isinstance(store, Path):
        kept = {key: value for key, value in _table(values, "store").items() if key != "url"}
        values["store"] = kept | {"path": str(store.absolute())}
    elif store is not None:
        values["store"] = _table(values, "store") | {"url": store}
    try:
        # as JSON, and strictly: "10" is no number and 1 is not true, as TOML has it
        config = Config.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        lines = [
            _line(_source(where, one, store=store), one) for one in error.errors(include_url=False)
        ]
        raise ConfigError("\n".join(lines)) from error
    return _anchored(config, path.absolute().parent if path is not None else Path.cwd())


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}") from error


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    table = values.get(name, {})
    return table if isinstance(table, dict) else {}


def _broker(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, 1883
    if not host or not port.isascii() or not port.isdigit():
        raise ConfigError(f"--broker {text}: give HOST or HOST:PORT, such as broker.lan:1883")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _source(where: str, error: Any, *, store: str | Path | None) -> str:
    """Where a person wrote what is wrong: the file, or --store in its place."""
    return "--store" if store is not None and error["loc"][:1] == ("store",) else where


def _line(where: str, error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _keys(error["loc"][:-1]), n=1)
        text = "unknown key" + (f"; did you mean {near[0]}?" if near else "")
    else:
        text = error["msg"].removeprefix("Value error, ")
        if not isinstance(error["input"], dict):
            text += f" (it is {json.dumps(error['input'], default=str)[:60]})"
    return f"{where}: {path}: {text}" if path else f"{where}: {text}"


def _keys(path: tuple[str | int, ...]) -> list[str]:
    table: Any = Config
    for name in path:
        kind: Any = table.model_fields[name].annotation
        table = TlsTable if name == "tls" else kind
    return list(getattr(table, "model_fields", ()))


def _anchored(config: Config, base: Path) -> Config:
    mqtt, tls = config.mqtt, config.mqtt.tls
    if tls is not None:
        paths = {name: base / path for name, path in tls if path is not None}
        mqtt = mqtt.model_copy(update={"tls": tls.model_copy(update=paths)})
    if mqtt.password_file is not None:
        mqtt = mqtt.model_copy(update={"password_file": base / mqtt.password_file})
    store = config.store.model_copy(update={"path": base / config.store.path})
    identity = config.identity
    if identity.key_file is not None:
        identity = identity.model_copy(update={"key_file": base / identity.key_file})
    return config.model_copy(update={"mqtt": mqtt, "store": store, "identity": identity})
