"""What every page is made with: one request, one answer, in HTML or as its JSON twin."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hub.roles import Right, may
from hub.web.format import Forms
from hub.web.session import Session
from hub.web.texts import say
from hub.words import Language

if TYPE_CHECKING:
    from hub.web.desk import Desk

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_FORM_BYTES = 65_536
_WORTH_PACKING_BYTES = 1_000


class RefusedError(Exception):
    """A request that gets no page: the status, and the key of the text that says why."""

    def __init__(self, status: HTTPStatus, key: str, **values: object) -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.values = values


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: who asks, in which language, and what came with it."""

    desk: Desk
    request: Request = field(repr=False)
    language: Language
    session: Session | None
    as_json: bool = False
    form: FormData = field(default_factory=FormData, repr=False)
    trouble: RefusedError | None = None  # why it is not known who asks

    @property
    def who(self) -> Session:
        """Who is logged in. Raises RefusedError."""
        if self.trouble is not None:
            raise self.trouble
        if self.session is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "error.log_in")
        return self.session

    def may(self, right: Right) -> bool:
        return self.session is not None and may(self.session.role, right)

    def query(self, name: str) -> str:
        """A trimmed value of the address, or empty."""
        return self.request.query_params.get(name, "").strip()

    def text(self, name: str, *, longest: int = 4_000) -> str:
        """A trimmed field of the form, or empty. Raises RefusedError where it is too long."""
        value = self.form.get(name, "")
        if isinstance(value, UploadFile) or len(value) > longest:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "error.form")
        return value.strip()

    def number(self, name: str) -> int:
        """A number of the path."""
        return int(self.request.path_params[name])

    @property
    def forms(self) -> Forms:
        """How this language writes numbers and times."""
        return Forms(self.language, self.desk.zone)

    def say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)


@dataclass(frozen=True, slots=True)
class View:
    """What a page tells. `data` is its JSON twin too; `shown` is for the page alone."""

    template: str
    data: Mapping[str, Any]
    shown: Mapping[str, Any] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.OK


@dataclass(frozen=True, slots=True)
class Go:
    """Elsewhere: after a form was taken."""

    to: str
    cookies: Mapping[str, str | None] = field(default_factory=dict)  # None takes one away


@dataclass(frozen=True, slots=True)
class Download:
    """A file."""

    name: str
    content: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a page; it stays the same while its digest does."""

    content: bytes
    kind: str
    digest: str


Answer = View | Go | Download | Picture
Handler = Callable[[Ask], Answer]


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses by their fields, days and moments in ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {part.name: plain(getattr(value, part.name)) for part in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(_scalar(key)): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence | frozenset | set) and not isinstance(value, str):
        return [plain(one) for one in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value.key if isinstance(value, ZoneInfo) else value


def as_json(value: Any) -> bytes:
    """A value as a JSON body."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()


def respond(
    request: Request,
    body: bytes,
    kind: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with every header that keeps it safe, packed where the client takes that."""
    given = {"Cache-Control": "no-store", **HEADERS, **(headers or {}), "Content-Type": kind}
    if len(body) > _WORTH_PACKING_BYTES and kind.partition(";")[0] not in _PACKED:
        given["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 6, mtime=0)
            given["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, headers=given)


_PACKED = frozenset(
    {"image/png", "image/webp", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
)


async def read_form(request: Request, largest_bytes: int = _FORM_BYTES) -> FormData:
    """The form of a request, never more than `largest_bytes` of it. Raises RefusedError."""
    chunks, size = [], 0
    too_large = RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "error.too_large")
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > largest_bytes:
                raise too_large
            chunks.append(chunk)
    except HTTPException as error:  # the application's own limit (hub.api.guard)
        if error.status_code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        raise too_large from error
    body = b"".join(chunks)
    del chunks

    async def once() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    again = Request(request.scope, once)
    return await again.form(max_files=1, max_fields=50, max_part_size=largest_bytes)
