"""Names a browser by a cookie, so that the bare address reopens its own lab."""

from __future__ import annotations

import re
import secrets
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "rlhf_lab_browser"
YEAR = 365 * 24 * 3600
_NAME = re.compile(r"[A-Za-z0-9_-]{20,64}")


def browser_name(cookie: str | None) -> str | None:
    """The browser's name if the cookie's value is one that we could have given, else None."""
    return cookie if cookie and _NAME.fullmatch(cookie) else None


class BrowserCookie:
    """Puts the cookie on every HTML answer; the websocket, which the page opens afterwards, then carries it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        name = browser_name(_cookie(Headers(scope=scope))) or secrets.token_urlsafe(24)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    # Another answer of the same address must never hand one browser's name to another.
                    headers["Cache-Control"] = "no-store"
                    headers.append("Set-Cookie", f"{COOKIE}={name}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax")
            await send(message)

        await self.app(scope, receive, send_named)


def _cookie(headers: Headers) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None
