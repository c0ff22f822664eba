"""A person at a browser: one cookie jar, one page, and the ways to look at the app and to touch it."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, TimeoutError, ViewportSize, expect

from tests.e2e.server import HOST, Server

USUAL_SIZE: ViewportSize = {"width": 1280, "height": 900}
DEADLINE = 60_000  # milliseconds; a quiet machine needs a tenth of it
PATHS = ("/", "/language_model", "/label", "/reward_model", "/ppo", "/constitution", "/navigation", "/team", "/outlook")
SCROLLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
FOLDS_REST = """() => [...document.querySelectorAll('[data-testid=stExpander] > details[open]')].every(fold => {
  const [summary, content] = fold.children;
  return !fold.getAnimations().length && Math.abs(fold.clientHeight - summary.offsetHeight - content.offsetHeight) < 5;
})"""
expect.set_options(timeout=DEADLINE)


class Person:
    """Opens the app in a browser context of their own, so that two persons share nothing."""

    def __init__(self, browser: Browser, server: Server, idle: Page | None = None, **options: Any) -> None:
        """idle: a page that somebody else has left, see `leave`; it has the usual options."""
        self.server = server
        self.context: BrowserContext = (
            idle.context
            if idle
            else browser.new_context(**({"viewport": USUAL_SIZE, "locale": "en-US"} | options))
        )
        self.context.set_default_timeout(DEADLINE)
        self.strangers: set[str] = set()  # addresses other than the server's that the browser asked for
        self.errors: list[str] = []  # uncaught exceptions of the page's scripts
        self._listeners: dict[str, Callable[[Any], None]] = {
            "request": lambda request: self._note(request.url),
            "websocket": lambda socket: self._note(socket.url),
            "pageerror": lambda error: self.errors.append(str(error)),
        }
        self.page: Page = self.open_page(idle)

    def open_page(self, idle: Page | None = None) -> Page:
        page = idle or self.context.new_page()
        for event, listener in self._listeners.items():
            page.on(event, listener)
        return page

    def leave(self) -> Page:
        """Goes, and leaves no trace in the browser: returns the page for somebody else. Its process has read the app's
        scripts already, which takes a new one three seconds."""
        page = self.page
        page.unroute_all()
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.goto("about:blank")
        for event, listener in self._listeners.items():
            page.remove_listener(event, listener)
        self.context.clear_cookies()
        page.set_viewport_size(USUAL_SIZE)
        page.emulate_media(color_scheme="light")
        return page

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != f"{HOST}:{self.server.port}":
            self.strangers.add(url)

    def go(self, path: str = "/", **query: str) -> None:
        """Opens an address as if it were typed, and waits until the page is whole."""
        self.page.goto(self.server.url + path + (f"?{urlencode(query)}" if query else ""))
        self.settle()

    def reload(self) -> None:
        self.page.reload()
        self.settle()

    def follow(self, path: str) -> None:
        """Changes the page by its link in the navigation."""
        self.page.locator(f'header a[href$="{path}"]').first.click()
        self.page.wait_for_url(re.compile(rf"{re.escape(path)}(\?|$)"))
        self.settle()

    def settle(self) -> None:
        """Waits until the app is connected, its script has run, nothing on the page is stale, and no fold grows."""
        app = self.page.locator('[data-testid="stApp"][data-test-connection-state="CONNECTED"]')
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator("h1").first).to_be_visible()
        self.page.wait_for_function(FOLDS_REST)

    def at(self, key: str) -> Locator:
        """The element or container with this key."""
        return self.page.locator(f".st-key-{key}")

    def starting(self, prefix: str) -> Locator:
        """The elements whose key starts with this."""
        return self.page.locator(f'[class*="st-key-{prefix}"]')

    def press(self, key: str) -> None:
        """Clicks the button with this key, once no fold grows: in one that does, Playwright scrolls what it presses
        into view, and it is elsewhere before it is let go."""
        self.page.wait_for_function(FOLDS_REST)
        self.at(key).get_by_role("button").first.click()

    def unfold(self, key: str) -> None:
        """Opens the fold with this key, and waits until all that is in it is drawn."""
        self.settle()
        self.at(key).locator("summary").first.click()
        expect(self.at(key).get_by_test_id("stExpanderDetails").first).not_to_be_empty()
        self.settle()

    def slide(self, key: str, presses: int) -> None:
        """Moves a slider's first thumb by arrow keys; right if the number is positive."""
        thumb = self.at(key).get_by_role("slider").first
        before = thumb.get_attribute("aria-valuenow")
        thumb.focus()
        for _ in range(abs(presses)):
            thumb.press("ArrowRight" if presses > 0 else "ArrowLeft")
        expect(thumb).not_to_have_attribute("aria-valuenow", before or "")

    def choose(self, key: str, words: str) -> None:
        """Chooses the option with these words from the selection box with this key."""
        self.settle()
        self.at(key).scroll_into_view_if_needed()
        self.page.evaluate(SCROLLED)  # a list that opens while the page still scrolls is closed by it
        option = self.page.get_by_role("option").filter(has_text=words).first
        for _ in range(3):  # or by what is drawn above it meanwhile; then one opens it again
            self.at(key).get_by_role("combobox").click()
            try:
                option.click(timeout=DEADLINE / 4)
                return
            except TimeoutError:
                self.settle()
        raise AssertionError(f"{key} offers no {words!r}, or closes before it can be chosen")

    def fill(self, key: str, text: str) -> None:
        """Types into the text field with this key and presses Enter."""
        field = self.at(key).locator("input, textarea").first
        field.fill(text)
        field.press("Enter")

    def text(self) -> str:
        return self.page.locator("body").inner_text()

    def trouble(self) -> list[str]:
        """What must not be there in the end: error boxes, errors of the page's scripts, addresses elsewhere."""
        boxes = self.page.get_by_test_id("stException").or_(self.complaints()).all_inner_texts()
        return boxes + self.errors + sorted(self.strangers)

    def complaints(self) -> Locator:
        """The sentences in which the app says what was wrong."""
        return self.page.locator(".lab-callout.error")
