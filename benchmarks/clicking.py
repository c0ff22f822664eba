"""Remake the figures of clicking: `python -m benchmarks.clicking [--language en|ko] [--quick]`.

How long a label takes in Chromium, from the event of the click or key to the next pair in the page, beside the same of
an app of one button and one number (`benchmarks/empty_app.py`) under the same settings. Both are measured in the page:
the event's own time stamp against the clock at the change of the document. Blocks of both take turns, so that whatever
else the machine does slows both. The tables are `benchmarks/clicking.md`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from playwright.sync_api import Browser, Page

from benchmarks.chromium import EMPTY_READY, chromium, labelled_lab, opened, servers
from benchmarks.tables import Headlines, report, table
from rlhf_core.corpus import LANGUAGES
from tests.e2e.server import Server

PAUSE = 0.4
"""Seconds between a change and the next click. An answer within .25 is refused."""
BLOCK = 10
LEFT = '.lab-ballot [data-choice="left"][data-strength="0"]'
ASKED = "click to the next pair over an empty rerun, {labels} labels, {language}"
STATE = """() => {
    const pair = document.querySelector('.lab-ballot');
    if (pair) return pair.dataset.showing ?? '';
    if (document.querySelector('.st-key-round_next')) return 'end of the round';
    return document.querySelector('.st-key-clicks_so_far')?.innerText ?? '';
  }"""
"""What a change is told by: the showing that a pair is marked with, once its texts are there; the number."""
PROBE = """
() => {
  const state = STATE;
  let began = 0, first = '', done = () => {};
  const note = (event) => { if (!began && !event.repeat) began = event.timeStamp; };
  for (const kind of ['click', 'keydown']) window.addEventListener(kind, note, true);
  const changed = () => {
    if (!began || !state() || state() === first) return;
    done({ milliseconds: performance.now() - began, state: state() });
    began = 0;
  };
  new MutationObserver(changed).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true,
  });
  window.labArm = () => {
    began = 0; first = state();
    window.labChange = new Promise((resolve, reject) => {
      done = resolve; setTimeout(() => reject('nothing changed in 30 s'), 30000);
    });
  };
}
"""
"""Notes the event and looks at every change of the document, in the page itself. In place of STATE stands a function
that tells what the page shows, and "" where it shows nothing yet."""


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    blocks: int = 6
    labels: tuple[int, ...] = (0, 20, 200)


QUICK = Effort(blocks=1, labels=(20,))


def watch(page: Page, state: str = STATE) -> None:
    """Put the probe into a page."""
    page.evaluate(PROBE.replace("STATE", state))


def timed(page: Page, act: Callable[[], None]) -> float | None:
    """Milliseconds from the event of an act to the change it makes; None where it ended a round."""
    time.sleep(PAUSE)
    page.evaluate("window.labArm()")
    act()
    change = page.evaluate("window.labChange")
    return None if change["state"] == "end of the round" else change["milliseconds"]


def click_empty(page: Page, _: int) -> float | None:
    """One click in the empty app."""
    return timed(page, page.locator(".st-key-click button").click)


def label(page: Page, turn: int) -> float | None:
    """One label, by mouse and by key in turn; the end of a round is passed over."""
    if page.locator(".st-key-round_next").count():
        page.locator(".st-key-round_next button").click()
        page.locator(LEFT).wait_for()
    if turn % 2:
        return timed(page, lambda: page.keyboard.press("ArrowRight"))
    return timed(page, page.locator(LEFT).click)


def block(page: Page, act: Callable[[Page, int], float | None]) -> list[float]:
    """So many clicks that led to a change of the kind that is measured."""
    found: list[float] = []
    turn = 0
    while len(found) < BLOCK:
        took = act(page, turn)
        turn += 1
        if took is not None:
            found.append(took)
    return found


def clicking(browser: Browser, app: Server, empty: Server, language: str, effort: Effort) -> Headlines:
    """Labels and empty clicks by turns, for labs with more and more labels."""
    rows: list[list[object]] = []
    headlines: Headlines = {}
    for labels in effort.labels:
        name = f"clicking-{language}-{labels}".ljust(24, "-")
        labelled_lab(app.database, name, language, labels)
        ready = f"{LEFT}, .st-key-round_next"
        with (
            opened(browser, f"{app.url}/label?lang={language}", name, ready) as page,
            opened(browser, empty.url, name, EMPTY_READY) as other,
        ):
            for each in (page, other):
                watch(each)
            block(other, click_empty)  # the first clicks of either warm it up
            label(page, 0)
            nexts: list[float] = []
            reruns: list[float] = []
            for _ in range(effort.blocks):
                reruns += block(other, click_empty)
                nexts += block(page, label)
        ratio = statistics.median(nexts) / statistics.median(reruns)
        rows += [[labels, what, *quartiles(found)] for what, found in (("next pair", nexts), ("empty", reruns))]
        headlines[ASKED.format(labels=labels, language=language)] = ratio
    print(f"### From the event to the change, {language}, milliseconds\n")
    print(f"{len(nexts)} of each, in blocks of {BLOCK} by turns, {PAUSE} s apart; labels: those in the lab before. The")
    print("pages of a round's end are passed over.\n")
    table(["labels", "what", "lower quartile", "median", "upper quartile", "longest"], rows)
    return headlines


def quartiles(found: list[float]) -> list[float]:
    """The quartiles of times, and the longest."""
    return [*statistics.quantiles(found, n=4), max(found)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clicking", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few clicks, figures of no worth")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else Effort()
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    asked = {ASKED.format(labels=n, language=language): "at most 3" for n in effort.labels for language in languages}
    with servers() as (app, empty), chromium() as browser:
        app.start()
        empty.start()
        parts = [(language, partial(clicking, browser, app, empty, language, effort)) for language in languages]
        report("Figures of clicking", "python -m benchmarks.clicking", asked, parts)


if __name__ == "__main__":
    main()
