"""A lesson in the browser: its steps tick themselves, by keyboard too, and a teacher's link hides what it names."""

from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.person import Person


def test_the_first_steps_of_the_lesson_on_labels(person: Person) -> None:
    person.go("/label", lang="en", hide="exchange")
    expect(person.at("exchange")).to_be_hidden()
    expect(person.at("history")).to_be_visible()
    expect(person.at("lesson_line")).to_contain_text("step 1 of 5")
    toggle = person.at("lesson_toggle").get_by_role("button")
    toggle.focus()
    toggle.press("Enter")
    lesson = person.at("lesson")
    expect(lesson).to_contain_text("not done yet")
    steps.answer(person, "tie")  # favours no side, which is another step
    expect(person.at("lesson_line")).to_contain_text("1 of 5 steps done")
    for choice in ("left", "right", "left"):
        steps.answer(person, choice)
    expect(lesson).to_contain_text("not done yet")
    steps.answer(person, "right", by="key")
    expect(person.at("lesson_line")).to_contain_text("2 of 5 steps done")
    expect(lesson.locator(".lab-lesson.done")).to_have_count(1)
    expect(lesson.locator("details")).to_have_attribute("open", "")

    person.press("lesson_next")
    expect(lesson).to_contain_text("Go on until the reward model has guessed 5")
    steps.answer(person, "left", by="key")
    person.press("lesson_unhide")
    expect(person.at("exchange").first).to_be_visible()  # what stood elsewhere is in the page until it is whole
    expect(person.at("exchange")).to_have_count(1)
    expect(lesson).to_contain_text("Go on until")  # the lesson stays where it was
