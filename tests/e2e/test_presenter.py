"""Presenter mode in a browser: a run steered by keys, on a sheet that fits the window."""

from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.person import Person
from tests.e2e.server import wait_until

FITS = "(page => page.scrollHeight <= innerHeight && page.scrollWidth <= innerWidth)(document.querySelector('.stMain'))"


def numeral(person: Person) -> int:
    return int(person.page.locator(".lab-numeral b").inner_text())


def test_space_pauses_an_arrow_steps_and_escape_leaves(person: Person) -> None:
    person.go("/label", lang="en")
    steps.simulate_labels(person, 20)
    person.go("/ppo", lang="en", present="1")
    keyboard = person.page.keyboard
    expect(person.page.get_by_role("button", name="Start")).to_be_visible()
    keyboard.press("Space")
    wait_until(lambda: numeral(person) >= 2, "a run goes on")
    expect(person.page.locator("header a")).to_have_count(0)
    keyboard.press("Space")
    expect(person.page.locator("h1")).to_contain_text("paused")
    expect(person.page.get_by_role("button", name="Resume")).to_be_visible()
    wait_until(lambda: person.page.evaluate(FITS), "the sheet fits the window")
    before = numeral(person)
    keyboard.press("ArrowRight")
    wait_until(lambda: numeral(person) == before + 1, "one iteration more")
    keyboard.press("Space")
    wait_until(lambda: numeral(person) > before + 2, "it goes on")
    keyboard.press("Space")
    expect(person.page.locator("h1")).to_contain_text("paused")
    keyboard.press("Escape")
    expect(person.page.locator("header.lab-heading")).to_be_visible()
    person.settle()
    assert steps.iteration(person) >= before + 3
    assert "present" not in person.page.url

    person.press("ppo_resume")
    steps.wait_for_iteration(person, before + 4)
    person.press("present_begin")  # while the page looks at the run every second
    person.page.wait_for_url("**present=1**")
    expect(person.at("presenter").get_by_role("button", name="Pause")).to_be_visible()  # the page has one too
    keyboard.press("Space")
    expect(person.page.locator("h1")).to_contain_text("paused")
    person.reload()
    expect(person.page.get_by_role("button", name="Resume")).to_be_visible()
    keyboard.press("Escape")
    person.settle()
    person.press("ppo_stop")
