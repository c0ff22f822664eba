"""The cookie that names a browser."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

from ui.browser import COOKIE, BrowserCookie, browser_name


def headers_of(content_type: str, cookie: str | None = None) -> dict[str, str]:
    """The headers of an answer of this type to a browser that sends this cookie."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", content_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    request = [(b"cookie", f"{COOKIE}={cookie}".encode())] if cookie else []
    scope: Scope = {"type": "http", "path": "/ppo", "method": "GET", "headers": request}
    asyncio.run(BrowserCookie(page)(scope, receive, send))
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_a_page_names_its_browser() -> None:
    cookie = headers_of("text/html; charset=utf-8")["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert cookie != headers_of("text/html")["set-cookie"]


def test_a_known_browser_keeps_its_name() -> None:
    name = "x" * 32
    assert headers_of("text/html", name)["set-cookie"].startswith(f"{COOKIE}={name};")


def test_what_is_no_page_carries_no_cookie() -> None:
    assert "set-cookie" not in headers_of("text/javascript")


def test_a_name_that_we_never_gave_is_none() -> None:
    assert browser_name("x" * 32) == "x" * 32
    for strange in (None, "", "short", "x" * 65, "x" * 31 + ";", "../../etc/passwd/../../etc/passwd"):
        assert browser_name(strange) is None
