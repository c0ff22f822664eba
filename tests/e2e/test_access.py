"""Every page by axe-core, in both languages and themes; in a narrow window and at 200 %; by the keys alone."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import access, steps
from tests.e2e.person import PATHS, Person
from tests.e2e.server import wait_until

ZOOMED, PHONE = (640, 450), (390, 844)
"""A window of 1280x900 at 200 %, and a phone held upright, in CSS pixels."""
NAMES = {"en": "English", "ko": "한국어"}


def speak(person: Person, language: str) -> None:
    """Changes the page's language by its switch."""
    person.at("language").get_by_text(NAMES[language]).click()
    expect(person.page.locator("html")).to_have_attribute("lang", language)
    person.settle()


@pytest.fixture
def visitor(person: Person) -> Person:
    """Somebody whose lab has labels and a run that has ended."""
    person.go("/", lang="en")
    steps.give_a_trained_run(person)
    return person


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_open_to_everybody(visitor: Person, path: str) -> None:
    """Of the four pages that language and theme make, two are looked at whole and two for what a theme can break."""
    visitor.go(path, lang="en")
    expect(visitor.page).to_have_title(re.compile("^RLHF Lab$" if path == "/" else ". · RLHF Lab$"))
    found = {("en", "light"): access.violations(visitor)}
    access.turn(visitor, "dark")
    found["en", "dark"] = access.violations(visitor, access.CONTRAST)
    speak(visitor, "ko")
    found["ko", "dark"] = access.violations(visitor)
    access.turn(visitor, "light")
    found["ko", "light"] = access.violations(visitor, access.CONTRAST)
    assert {state: said for state, said in found.items() if said} == {}

    narrow = {("ko", size): access.cut_off(visitor, *size) for size in (ZOOMED, PHONE)}
    speak(visitor, "en")
    narrow |= {("en", size): access.cut_off(visitor, *size) for size in (PHONE, ZOOMED)}
    assert {state: said for state, said in narrow.items() if said} == {}


@pytest.mark.parametrize("path", ["/reward_model", "/ppo"])
def test_an_empty_page_is_open_to_everybody(person: Person, path: str) -> None:
    person.go(path, lang="en")
    assert access.violations(person) == []


@pytest.mark.parametrize(("path", "presses"), [("/label", 40), ("/language_model", 40), ("/navigation", 40)])
def test_who_goes_by_keys_sees_where_they_are(person: Person, path: str, presses: int) -> None:
    person.go(path, lang="en")
    assert access.unseen_focus(person, presses) == []


def test_a_pair_is_labelled_by_tab_and_enter_alone(person: Person) -> None:
    """Escape leaves the field for one's own words, so that the keys choose again."""
    person.go("/label", lang="en")
    steps.look(person)
    other = person.page.locator('[data-reason="other"]')
    other.focus()
    other.press("Enter")
    words = person.page.locator(".lab-ballot input")
    expect(words).to_be_focused()
    words.press("Escape")
    expect(words).not_to_be_focused()
    shown = steps.showing(person)
    steps.choice(person, "left").focus()
    person.page.keyboard.press("Tab")
    expect(steps.choice(person, "right")).to_be_focused()
    person.page.keyboard.press("Enter")
    wait_until(lambda: steps.showing(person) != shown, "the next pair")
