"""The blind test in a browser: keys, a double click, a reload."""

from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.person import Person
from tests.e2e.server import wait_until


def comes_to(person: Person, place: int) -> None:
    """Waits until the question at a place, from 0, is in sight, and looks at it for as long as reading takes."""
    wait_until(lambda: steps.showing(person).endswith(f"-{place}"), f"question {place + 1}")
    assert steps.look(person).endswith(f"-{place}")


def test_a_double_click_answers_one_question_and_a_reload_loses_none(person: Person) -> None:
    person.go("/", lang="en")
    steps.give_a_trained_run(person)
    person.go("/ppo", lang="en", view="blind")
    person.press("blind_go")
    comes_to(person, 0)
    steps.choice(person, "left").dblclick()
    comes_to(person, 1)
    person.page.keyboard.press("ArrowRight")
    comes_to(person, 2)
    person.reload()
    comes_to(person, 2)
    person.page.keyboard.press("ArrowDown")
    comes_to(person, 3)
    person.starting("blind_tell_").get_by_role("button").click()
    rows = person.at("blind_result").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(person.at("blind_result")).to_contain_text("n = 3")
