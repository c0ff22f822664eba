"""From a click to what it brings about: another view, an answer, a step, beside a click in the empty app."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from benchmarks import clicking
from benchmarks.chromium import EMPTY_READY, labelled_lab, opened, ratio, said
from benchmarks.clicking import block, click_empty, quartiles, timed, watch
from benchmarks.tables import Headlines, table
from tests.e2e.server import Server

LABELS = 30
ASKED = "{what} over an empty rerun, {language}"


@dataclass(frozen=True)
class Act:
    """Something to click, again and again."""

    page: str
    ready: str
    """What the page has to show before the first click."""
    state: str
    """A function, in the page's language, that tells what the page shows; "" while it shows nothing whole."""
    click: Callable[[Page, int], None]
    """The n-th click."""


def _view(page: Page, turn: int) -> None:
    """Slow motion and training by turns: the second and the first of the views."""
    page.locator(".st-key-ppo_view button").nth(0 if turn % 2 else 1).click()


def _button(key: str) -> Callable[[Page, int], None]:
    return lambda page, _: page.locator(f".st-key-{key} button").first.click()


ACTS = {
    "another view of PPO": Act(
        page="ppo",
        ready=".st-key-ppo_controls button",
        # One of both views alone: the one before is taken away at the end.
        state="""() => {
          const [train, slow] = ['ppo_controls', 'slow_choices'].map((key) => document.querySelector('.st-key-' + key));
          return train && !slow ? 'train' : slow && !train ? 'slow' : '';
        }""",
        click=_view,
    ),
    "three sampled answers": Act(
        page="language_model",
        ready=".st-key-lm_sample button",
        state="() => document.querySelector('.st-key-lm_samples')?.innerText ?? ''",
        click=_button("lm_sample"),
    ),
    "a step of two policies through a maze": Act(
        page="navigation",
        ready=".st-key-maze_step button",
        state="() => [...document.querySelectorAll('.lab-walk-state')].map((one) => one.innerText).join()",
        click=_button("maze_step"),
    ),
}


def clicks(browser: Browser, app: Server, empty: Server, languages: list[str], blocks: int) -> Headlines:
    """Every act by turns with the empty app's click."""
    headlines: Headlines = {}
    rows: list[list[object]] = []
    for language in languages:
        name = f"felt-click-{language}".ljust(24, "-")
        labelled_lab(app.database, name, language, LABELS)
        for what, act in ACTS.items():
            found, reruns = _act(browser, app, empty, name, language, act, blocks)
            rows.append([what, language, said(found, reruns), *quartiles(found), statistics.median(reruns)])
            headlines[ASKED.format(what=what, language=language)] = ratio(found, reruns)[0]
    print("### From a click to what it brings about, milliseconds\n")
    print(f"{blocks * clicking.BLOCK} of each, in blocks by turns with clicks in the empty app; {LABELS} labels.\n")
    head = ["what", "language", "ratio of medians (95 % interval)", "lower quartile", "median", "upper quartile"]
    table([*head, "longest", "empty, median"], rows)
    for language in languages:
        headlines |= clicking.clicking(browser, app, empty, language, clicking.Effort(blocks, (LABELS,)))
    return headlines


def _act(
    browser: Browser, app: Server, empty: Server, cookie: str, language: str, act: Act, blocks: int
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Milliseconds of the act, and of the empty app's click."""

    def once(page: Page, turn: int) -> float | None:
        if act.page == "navigation" and page.locator(f"{act.ready}:enabled").count() == 0:
            page.locator(".st-key-maze_reset button").click()  # both policies have ended
            page.locator(f"{act.ready}:enabled").wait_for()
        return timed(page, lambda: act.click(page, turn))

    found: list[float] = []
    reruns: list[float] = []
    with (
        opened(browser, f"{app.url}/{act.page}?lang={language}", cookie, act.ready) as page,
        opened(browser, empty.url, cookie, EMPTY_READY) as other,
    ):
        watch(page, act.state)
        watch(other)
        for turn in range(2):  # the first clicks of either warm it up
            once(page, turn)
            click_empty(other, turn)
        for _ in range(blocks):
            reruns += block(other, click_empty)
            found += block(page, once)
    return found, reruns
