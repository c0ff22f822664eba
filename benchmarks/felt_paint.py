"""What one waits for when a page is opened, and when the server is started, beside the empty app."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError

from benchmarks.chromium import EMPTY_READY, context_of, labelled_lab, ratio, said
from benchmarks.tables import Headlines, table
from rlhf_core.corpus import LANGUAGES
from tests.e2e.server import Server

OWN = {
    "home": ".lab-fault",
    "language_model": ".st-key-lm_tokens",
    "label": ".lab-ballot .pair blockquote",
    "reward_model": ".st-key-reward_curve .lab-figure",
    "ppo": ".st-key-ppo_controls button",
    "constitution": ".st-key-cai_row_0",
    "navigation": ".st-key-maze_card_0 svg",
    "team": ".st-key-team_board svg",
    "outlook": ".st-key-outlook_sliders .lab-curve",
}
"""Each page and the first thing on it that is its own: its title alone says nothing."""
MOMENTS = ("paint", "own", "whole")
"""The first contentful paint; the page's title and its own first thing in sight; the script at its end and every figure
within the window drawn."""
LABELS = 30
"""Of the lab that is opened: one and a half rounds."""
ASKED = "{page}, {language}: first contentful paint over the empty app's, {cache}"
STRICTER = "{page}, {language}: title and own first thing over the empty app's, {cache}"
"""Nobody asked for it, but it is what somebody who opens the page waits for."""
PROBE = """
(() => {
  const wanted = WANTED, marks = window.labMarks = {};
  const seen = (selector) => [...document.querySelectorAll(selector)].some((one) => one.getBoundingClientRect().height);
  const drawn = (plot) => plot.getBoundingClientRect().top > innerHeight || plot.querySelector('.main-svg');
  const ended = () => document.querySelector(
    '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]');
  const look = () => {
    if (!marks.own && wanted.every(seen)) marks.own = performance.now();
    if (marks.own && ended() && [...document.querySelectorAll('.lab-figure .plot')].every(drawn)) {
      marks.paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
      if (marks.paint) marks.whole = performance.now();
    }
    if (!marks.whole) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
"""Looks at the page before each frame, from its very beginning; times are milliseconds since the navigation."""


@dataclass(frozen=True)
class Times:
    """Milliseconds of each moment, of all loads of one address."""

    of: dict[str, list[float]]

    @classmethod
    def none(cls) -> Times:
        """Before the first load."""
        return cls({name: [] for name in MOMENTS})

    def add(self, marks: dict[str, float]) -> None:
        """One more load."""
        for name in MOMENTS:
            self.of[name].append(marks[name])


def probe(selectors: Iterable[str]) -> str:
    """The probe for a page on which these have to be in sight."""
    return PROBE.replace("WANTED", json.dumps(list(selectors)))


def load(page: Page, url: str) -> dict[str, float]:
    """Open an address in a page that has the probe; its moments, in milliseconds."""
    page.goto(url, wait_until="commit")
    try:
        page.wait_for_function("window.labMarks?.whole")
    except TimeoutError as error:
        shown = page.evaluate("document.body.innerText")
        raise RuntimeError(f"{url} did not come to its end. It shows: {shown!r}") from error
    marks = page.evaluate("window.labMarks")
    page.goto("about:blank")  # what is open would go on working beside the next
    return marks


def paint(
    browser: Browser, app: Server, empty: Server, languages: Sequence[str], warm: int, cold: int
) -> Headlines:
    """Every page in each language. warm: loads by a browser that was there before. cold: by one that was not."""
    headlines: Headlines = {}
    rows: dict[str, list[list[object]]] = {"warm": [], "cold": []}
    for language in languages:
        name = f"felt-{language}".ljust(24, "-")
        labelled_lab(app.database, name, language, LABELS)
        for page, own in OWN.items():
            url = f"{app.url}/{page if page != 'home' else ''}?lang={language}"
            asked = ((url, ("h1", own)), (empty.url, (EMPTY_READY,)))
            for cache, n in (("warm", warm), ("cold", cold)):
                times = _by_turns(browser, name, asked, n, cold=cache == "cold")
                rows[cache].append([page, language, *_cells(*times)])
                print(cache, *rows[cache][-1], file=sys.stderr, flush=True)
                for figure, moment in ((ASKED, "paint"), (STRICTER, "own")):
                    headlines[figure.format(page=page, language=language, cache=cache)] = ratio(
                        *(each.of[moment] for each in times)
                    )[0]
    _print(rows, warm, cold)
    return headlines


def _by_turns(
    browser: Browser, cookie: str, asked: Sequence[tuple[str, Sequence[str]]], n: int, cold: bool
) -> list[Times]:
    """n loads of each address by turns, which of them first by turns too."""
    found = [Times.none() for _ in asked]
    kept = [] if cold else [context_of(browser, url, cookie) for url, _ in asked]
    pages = [context.new_page() for context in kept]
    for page, (url, selectors) in zip(pages, asked, strict=False):
        page.add_init_script(probe(selectors))
        load(page, url)
    for turn in range(n):
        for i in ((0, 1), (1, 0))[turn % 2]:
            url, selectors = asked[i]
            if not cold:
                found[i].add(load(pages[i], url))
                continue
            with closing(context_of(browser, url, cookie)) as context:
                page = context.new_page()
                page.add_init_script(probe(selectors))
                found[i].add(load(page, url))
    for context in kept:
        context.close()
    return found


def _cells(ours: Times, empty: Times) -> list[object]:
    ratios = [said(ours.of[name], empty.of[name]) for name in MOMENTS]
    return [*ratios, *(f"{statistics.median(each.of['own']):.0f}" for each in (ours, empty))]


def _print(rows: dict[str, list[list[object]]], warm: int, cold: int) -> None:
    head = ["page", "language", "first contentful paint", "title and own first thing", "whole"]
    for cache, n in (("warm", warm), ("cold", cold)):
        who = {"warm": "a browser that was there before", "cold": "a browser that never was"}[cache]
        print(f"### Opening a page, {cache} cache, over the empty app\n")
        print(f"{n} loads of each by {who}, by turns with the empty app; a lab with {LABELS} labels. Ratios of medians")
        print("with their 95 % interval (bootstrap). The empty app's own first thing is its button.\n")
        table([*head, "ms, ours", "ms, empty"], rows[cache])


def start(browser: Browser, app: Server, empty: Server, n: int) -> Headlines:
    """From the start of the process to the first usable page, and each page's first visit after a start."""
    name = "felt-start".ljust(24, "-")
    labelled_lab(app.database, name, LANGUAGES[0], LABELS)
    asked = {app: ("h1", OWN["home"]), empty: (EMPTY_READY,)}
    totals: dict[Server, list[float]] = {app: [], empty: []}
    firsts: dict[str, Times] = {page: Times.none() for page in OWN if page != "home"}
    usual = Times.none()
    with closing(context_of(browser, app.url, name)) as context:
        pages = {server: context.new_page() for server in asked}
        for server, selectors in asked.items():
            pages[server].add_init_script(probe(selectors))
            _start(server, pages[server])  # the browser's cache is warm from here on
        for turn in range(n):
            for server in (app, empty) if turn % 2 else (empty, app):
                server.stop()
                totals[server].append(_start(server, pages[server]))
                if server is app:
                    _visit_each(context, app, firsts)
            usual.add(load(pages[empty], empty.url))
    _print_start(totals[app], totals[empty], firsts, usual, n)
    return {"start of the server to the first usable page, over the empty app's": ratio(totals[app], totals[empty])[0]}


def _start(server: Server, page: Page) -> float:
    """Start a server, open its first page. Seconds until that can be used."""
    began = time.monotonic()
    server.start()
    page.goto(server.url, wait_until="commit")
    page.wait_for_function("window.labMarks?.own")
    took = time.monotonic() - began
    page.goto("about:blank")
    return took


def _visit_each(context: BrowserContext, app: Server, firsts: dict[str, Times]) -> None:
    """Whatever a page's first visitor after a start waits for."""
    for name, times in firsts.items():
        page = context.new_page()
        page.add_init_script(probe(("h1", OWN[name])))
        times.add(load(page, f"{app.url}/{name}?lang={LANGUAGES[0]}"))
        page.close()


def _print_start(
    ours: Sequence[float], empty: Sequence[float], firsts: dict[str, Times], usual: Times, n: int
) -> None:  # fmt: skip
    print("### From the start of the process to the first usable page\n")
    print(f"{n} starts of each by turns, warm cache. Usable: the first page's title and own first thing are in sight.")
    print()
    rows = [["ours (Home)", statistics.median(ours), said(ours, empty)], ["empty", statistics.median(empty), ""]]
    table(["app", "seconds, median", "ratio"], [list(row) for row in rows])
    print("Each page's first visit after a start, in this order, over the empty app's usual load:\n")
    rows = [[page, *(said(times.of[name], usual.of[name]) for name in MOMENTS)] for page, times in firsts.items()]
    table(["page", "first contentful paint", "title and own first thing", "whole"], [list(row) for row in rows])
