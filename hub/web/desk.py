"""What all pages share while the hub serves: the store, sessions, templates and the watcher."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Engine

from hub.asking import Ask as AskGates
from hub.asking import ask_gates
from hub.clock import now_ms
from hub.config import Config
from hub.logins import LoginLimits
from hub.web import charts
from hub.web.accounts import Passwords
from hub.web.format import Forms, detail_of, logged
from hub.web.live import BEAT_S, INTERVAL_S, Audience, Live, Piece
from hub.web.look import Limits, Looker
from hub.web.parts import pieces
from hub.web.session import Sessions
from hub.web.texts import name_of, say
from hub.words import Language
from identity.token import Tokeniser

HERE = Path(__file__).parent
STATIC_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served; its digest stands in the address, so that it may be kept."""

    content: bytes
    kind: str
    digest: str


class Desk:
    """One for an application. `tokeniser` takes the tokens of credentials that tracers type."""

    def __init__(
        self,
        engine: Engine,
        config: Config,
        *,
        tokeniser: Tokeniser | None = None,
        now_ms: Callable[[], int] = now_ms,
        live_interval_s: float = INTERVAL_S,
        live_beat_s: float = BEAT_S,
    ) -> None:
        self.engine = engine
        self.config = config
        self.tokeniser = tokeniser
        self.now_ms = now_ms
        self.zone = ZoneInfo(config.park.time_zone)
        self.limits = Limits(
            zone=self.zone,
            silent_s=config.monitor.silent_s,
        )
        self.sessions = Sessions(
            engine,
            lifetime_s=config.api.login_h * 3600,
            idle_s=config.api.idle_h * 3600,
            now_ms=now_ms,
        )
        self.ask_gates: AskGates = partial(ask_gates, config.mqtt)
        self.passwords = Passwords()
        self.login_limits = LoginLimits(engine, now_ms=now_ms)
        self.static = _static()
        self.environment = _environment(self.static)
        self._modules: dict[Language, Any] = {}
        self.live = Live(
            engine,
            Looker(self.limits),
            pieces,
            self._part,
            self.sessions.lasting,
            now_ms=now_ms,
            interval_s=live_interval_s,
            beat_s=live_beat_s,
        )

    def render(self, template: str, language: Language, values: Mapping[str, Any]) -> str:
        """A page."""
        return self.environment.get_template(template).render(self._words(language) | dict(values))

    def one_time_link(self, base: str, *, role: str = "administrator", name: str = "demo") -> str:
        """An address that logs in once, within a quarter of an hour, without a password."""
        secret = self.sessions.once(name, role)
        return f"{base.rstrip('/')}/login/once/{secret}"

    def _parts(self, language: Language) -> Any:
        """The macros of parts.html; made once, they are called for every change."""
        if language not in self._modules:
            template = self.environment.get_template("parts.html")
            self._modules[language] = template.make_module(self._words(language))
        return self._modules[language]

    def _part(self, audience: Audience, piece: Piece) -> str:
        return str(getattr(self._parts(audience.language), piece.macro)(piece.given)).strip()

    def _words(self, language: Language) -> dict[str, Any]:
        forms = Forms(language, self.zone)

        def spoken(key: str, **values: object) -> str:
            return say(language, key, **values)

        def named(table: str, name: str | None) -> str:
            return "" if name is None else name_of(language, table, name)

        return {
            "t": spoken,
            "named": named,
            "language": language,
            "form": forms,
            "detail_of": lambda alarm: detail_of(forms, alarm.name, alarm.detail),
            "charts": charts.Charts(language),
        }


def _environment(static: Mapping[str, StaticFile]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

    def address(name: str) -> str:
        return f"/static/{name}?v={static[name].digest}"

    environment.globals["static"] = address
    environment.filters["short_day"] = lambda day, form: form.short_day(day)
    environment.filters["logged"] = logged
    # a static drawing of this package, nothing that anybody typed
    icons = (HERE / "templates" / "icons.svg").read_text(encoding="utf-8")
    environment.globals["icons"] = Markup(icons)  # noqa: S704
    return environment


def _static() -> dict[str, StaticFile]:
    found = {}
    for path in sorted((HERE / "static").iterdir()):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        found[path.name] = StaticFile(content, STATIC_KINDS[path.suffix], digest)
    return found
