"""Slips of hand and finger: they may cost a moment, never a label."""

from contextlib import closing

from playwright.sync_api import expect

from lab.store import Store
from tests.e2e import steps
from tests.e2e.person import Person
from tests.e2e.server import wait_until
from ui.browser import COOKIE


def test_a_double_click_labels_one_pair(person: Person) -> None:
    person.go("/label", lang="en")
    for done in range(1, 4):
        current = steps.look(person)
        steps.choice(person, "left").dblclick()
        wait_until(lambda current=current: steps.showing(person) != current, "the next pair")
        steps.look(person)
        assert steps.labels(person) == (done, 0)


def test_an_answer_that_does_not_arrive_is_sent_again(person: Person) -> None:
    person.go("/label", lang="en")
    current = steps.look(person)
    lost = iter([True, True])
    person.page.route(
        "**/ballot/*", lambda route: route.abort() if next(lost, False) else route.continue_(), times=3
    )
    steps.choice(person, "left").click()
    wait_until(lambda: steps.showing(person) != current, "the next pair")
    steps.look(person)
    assert steps.labels(person) == (1, 0)

    for address, body in (("nobodys", "{}"), ("nobodys", "x" * 9999), ("nobodys", "[")):
        answer = person.page.request.post(f"{person.server.url}/ballot/{address}", data=body)
        assert (answer.status, answer.json()) == (200, None)


def test_a_held_key_labels_one_pair(person: Person) -> None:
    person.go("/label", lang="en")
    current = steps.look(person)
    steps.hold(person, "ArrowLeft", seconds=2.0)
    wait_until(lambda: steps.showing(person) != current, "the next pair")
    steps.look(person)
    assert steps.labels(person) == (1, 0)

    steps.answer(person, "right", by="key")
    assert steps.labels(person) == (2, 0)


def test_undo_takes_back_the_last_answer_only(person: Person) -> None:
    person.go("/label", lang="en")
    for choice in ("left", "tie", "both_bad", "skip"):
        steps.answer(person, choice)
    steps.undo(person, by="click")
    steps.undo(person, by="key")
    assert steps.labels(person) == (2, 0)


def test_digits_say_how_much_better_and_write_where_one_types(person: Person) -> None:
    person.go("/label", lang="en")
    current = steps.look(person)
    person.page.keyboard.press("1")
    wait_until(lambda: steps.showing(person) != current, "the next pair")
    current = steps.look(person)
    assert steps.labels(person) == (1, 0)

    person.page.locator('.lab-ballot [data-reason="other"]').click()
    words = person.page.locator(".lab-ballot .reasons input")
    words.wait_for()
    words.press_sequentially("2 of 4")
    expect(words).to_have_value("2 of 4")
    assert steps.showing(person) == current
    steps.choice(person, "right", 2).click()
    wait_until(lambda: steps.showing(person) != current, "the next pair")
    steps.look(person)
    assert steps.labels(person) == (2, 0)
    expect(words).to_be_hidden()
    [browser] = [cookie["value"] for cookie in person.context.cookies() if cookie["name"] == COOKIE]
    with closing(Store(person.server.database)) as store:
        first, second = store.labels(store.open_lab(browser, "en").id)
    assert (first.choice == first.shown_left, first.strength, first.rationale) == (True, 2, "")
    assert (second.choice == second.shown_left, second.strength, second.rationale) == (False, 2, "other, 2 of 4")
