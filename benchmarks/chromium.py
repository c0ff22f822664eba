"""What the benchmarks in a browser share: Chromium, the app beside an empty one, and a page with a probe in it.

The empty app (`benchmarks/empty_app.py`) has one button and one number, and the same Streamlit under the same settings.
What is measured of ours is a ratio to the same of the empty one, taken by turns in one run: whatever else the machine
does slows both.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.tables import with_interval
from lab.labelling import LabellingDesk
from lab.store import Lab, Store, now
from tests.e2e.server import Server
from ui.browser import COOKIE

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
EMPTY_READY = ".st-key-click button"
"""What there is to see on the empty app."""
RESAMPLES = 2000


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with closing(browser):
            yield browser


@contextmanager
def servers() -> Iterator[tuple[Server, Server]]:
    """Our app and the empty one, in folders of their own; whoever uses them starts them, and may have them started
    again."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        for name in ("app", "empty"):
            Path(folder, name).mkdir()
        app, empty = Server(Path(folder, "app")), Server(Path(folder, "empty"), "benchmarks/empty_app.py")
        for server in (app, empty):
            ends.callback(server.stop)
        yield app, empty


@contextmanager
def opened(browser: Browser, url: str, cookie: str, ready: str) -> Iterator[Page]:
    """A page in a browser context of its own, once what it waits for is there."""
    with closing(context_of(browser, url, cookie)) as context:
        page = context.new_page()
        page.goto(url)
        page.locator(ready).first.wait_for()
        yield page


def context_of(browser: Browser, url: str, cookie: str) -> BrowserContext:
    """A browser that nobody used before, whose lab is that of a cookie."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(60_000)
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": url}])
    return context


def labelled_lab(database: str, name: str, language: str, labels: int, simulated: int = 0) -> Lab:
    """A browser's lab with so many labels of a person, and of somebody simulated."""
    with closing(Store(database)) as store:
        at = now() - timedelta(days=1)
        lab = store.open_lab(name, language)
        desk = LabellingDesk(store, lab, clock=lambda: at)
        if simulated:
            desk.simulate(simulated, "default", 0.0, seed=1)
        for i in range(labels):
            at += timedelta(seconds=2)
            showing = desk.current()
            at += timedelta(seconds=2)
            desk.answer(showing.id, ("left", "right")[i % 2])
        return lab


def ratio(ours: Sequence[float], empty: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The ratio of the medians, and its 95 % interval: both resampled, percentile bootstrap."""
    rng = np.random.default_rng(0)
    medians = [
        np.median(rng.choice(np.asarray(found), (RESAMPLES, len(found))), axis=1) for found in (ours, empty)
    ]
    low, high = np.quantile(medians[0] / medians[1], (0.025, 0.975)).tolist()
    return statistics.median(ours) / statistics.median(empty), (low, high)


def said(ours: Sequence[float], empty: Sequence[float]) -> str:
    """A ratio and its interval as a table's cell."""
    return with_interval(*ratio(ours, empty))
