"""Every page by axe-core, in both languages and themes; in a narrow window and at 200 %; by the keys alone; and
whether a page speaks its own language throughout."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import access, steps
from tests.e2e.locales import mixed
from tests.e2e.person import PATHS, Person
from tests.e2e.server import wait_until

WHOLE = {"width": 1280, "height": 900}
ZOOMED, PHONE = (640, 450), (390, 844)
"""The same window at 200 %, and a phone held upright, in CSS pixels."""
NAMES = {"en": "English", "ko": "한국어"}


def speak(person: Person, language: str) -> None:
    """Changes the page's language by its switch."""
    person.at("language").get_by_text(NAMES[language]).click()
    expect(person.page.locator("html")).to_have_attribute("lang", language)
    person.settle()


def troubles(person: Person) -> dict[tuple[str, str], list[str]]:
    """What bars anybody from the page in sight, by language and theme or size, and prose of the other language. Of the
    four pages that language and theme make, two are looked at whole and two for what a theme can break. Ends in English
    and light as it begins."""
    found = {("en", "light"): access.violations(person)}
    found["en", "prose"] = mixed(person.text(), "en", "ko")
    access.turn(person, "dark")
    found["en", "dark"] = access.violations(person, access.CONTRAST)
    speak(person, "ko")
    found["ko", "dark"] = access.violations(person)
    found["ko", "prose"] = mixed(person.text(), "ko", "en")
    access.turn(person, "light")
    found["ko", "light"] = access.violations(person, access.CONTRAST)
    speak(person, "en")
    found["en", "phone"] = access.cut_off(person, *PHONE)
    found["en", "zoomed"] = access.cut_off(person, *ZOOMED)
    person.page.set_viewport_size(WHOLE)
    return {state: said for state, said in found.items() if said}


@pytest.mark.timeout(480)
def test_every_page_is_open_to_everybody(person: Person) -> None:
    """In a lab that has labels and a run that has ended."""
    person.go("/", lang="en")
    steps.give_a_trained_run(person)
    person.reload()
    found = {"/": troubles(person)}
    for path in PATHS[1:]:
        person.follow(path)
        expect(person.page).to_have_title(re.compile(". · RLHF Lab$"))
        found[path] = troubles(person)
    assert {path: said for path, said in found.items() if said} == {}


def test_what_nobody_can_read_or_reach_is_found(person: Person) -> None:
    """The checks themselves: faint text, a button without a name, and a word beyond the edge."""
    person.go("/outlook", lang="en")
    person.page.locator(".stMainBlockContainer").evaluate(
        "e => e.insertAdjacentHTML('afterbegin', '<p style=\"color: #ccc\">faint</p><button></button>')"
    )
    assert [said.partition(" ")[0] for said in access.violations(person)] == ["button-name", "color-contrast"]
    person.page.locator(".lab-heading").evaluate("e => { e.style.width = '2000px'; }")
    assert access.cut_off(person, *PHONE)


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
