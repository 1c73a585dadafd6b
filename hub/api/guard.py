"""What stands before every answer: headers, and the limit on bodies."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # answers hold who was where: no cache between keeps them
    "Cache-Control": "no-store",
}
# A body that is too large is read on and dropped before the answer: a server that closes with bytes
# unread resets the connection, and the sender never learns why
_DROPPED_TIMES = 4  # the largest body
_DROPPING_S = 30.0


class Guard:
    """Adds the headers to every answer, and refuses bodies that are too large with 413."""

    def __init__(self, app: ASGIApp, *, largest_body_bytes: int) -> None:
        self._app = app
        self._largest = largest_body_bytes
        self._told = f"the body is larger than {largest_body_bytes} bytes; part it"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        closing = False

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if closing:
                    headers["Connection"] = "close"
            await send(message)

        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced) > self._largest:
            await self._drop(receive)
            closing = True
        read = 0

        async def receive_within() -> Message:
            nonlocal read
            if closing:
                raise HTTPException(413, self._told)
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._largest:
                await self._drop(receive)
                # raised in whoever reads the body, within the application: it answers
                raise HTTPException(413, self._told)
            return message

        await self._app(scope, receive_within, send_with_headers)

    async def _drop(self, receive: Receive) -> None:
        left = _DROPPED_TIMES * self._largest
        with suppress(TimeoutError):
            async with asyncio.timeout(_DROPPING_S):
                while left > 0:
                    message = await receive()
                    if not message.get("more_body", False):
                        return
                    left -= len(message["body"])
