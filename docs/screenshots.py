"""Remake the pictures in `docs/images`: `python -m docs.screenshots`. Needs what the browser tests need.

A lab for each language, its model speaking it: fifty simulated labels and six of a person, PPO with the KL coefficient
taken away at iteration forty, then every page, two of them dark as well, and the constitution at work.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from rlhf_core.headless import DEFAULT_ITERATIONS
from tests.e2e import access, steps
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.person import PATHS, Person
from tests.e2e.server import Server

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1440, "height": 960}
TICKS = 21
LOUD = 12
"""Presses of a key that take a slider to its end."""
DARK = ("/", "/ppo")
AT_REST = """() => document.getAnimations().every(
  (one) => one.playState === 'finished' || !isFinite(one.effect.getTiming().iterations),
)"""
"""A thought appears word by word."""


def train(person: Person, language: str) -> None:
    """Give a new lab, whose model speaks a language, something to show."""
    person.go("/", lang=language)
    person.go("/label", lang="en")  # the steps read English pages; the model speaks on as it did
    steps.simulate_labels(person, 50)
    for choice in ("left", "right", "left", "right", "left", "right"):
        steps.answer(person, choice)
    person.follow("/ppo")
    person.press("ppo_start")
    steps.wait_for_iteration(person, 40)
    person.slide("ppo_kl_coef", -LOUD)
    steps.wait_for_iteration(person, DEFAULT_ITERATIONS - 1)


def revise(person: Person, language: str) -> None:
    """The picture of critique and revision."""
    person.go("/constitution", lang=language)
    person.at("cai_view").locator("button").nth(1).click()
    person.press("cai_run")
    person.at("cai_chain").locator(".lab-round").first.wait_for()
    person.settle()
    person.page.screenshot(path=IMAGES / f"constitution-revise-{language}.png")


def walk_together(person: Person) -> None:
    """Let some ticks of the team pass."""
    for n in range(1, TICKS + 1):
        person.press("team_step")
        expect(person.page.locator(".lab-walk-state")).to_contain_text(str(n))
        person.settle()
    person.page.mouse.move(700, 40)  # off the button, whose help lies over the page
    expect(person.page.get_by_role("tooltip")).to_have_count(0)


def take(person: Person, path: str, kind: str) -> None:
    """A picture of the page in sight, once everything on it is drawn."""
    access.see_it_whole(person)
    person.page.wait_for_load_state("networkidle")
    person.page.wait_for_function(AT_REST)
    person.page.get_by_test_id("stMain").evaluate("e => e.scrollTo(0, 0)")
    person.page.screenshot(path=IMAGES / f"{path.strip('/') or 'home'}-{kind}.png")


def main() -> None:
    """Take every picture."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        server.start()
        try:
            for language in ("en", "ko"):
                person = Person(browser, server, viewport=SIZE)
                train(person, language)
                for path in PATHS:
                    person.go(path, lang=language)
                    if path == "/language_model":
                        person.press("lm_sample")
                        person.at("lm_samples").locator("blockquote").first.wait_for()
                    if path == "/team":
                        walk_together(person)
                    take(person, path, language)
                    if language == "en" and path in DARK:
                        access.turn(person, "dark")
                        take(person, path, "dark")
                        access.turn(person, "light")
                revise(person, language)
                person.context.close()
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
