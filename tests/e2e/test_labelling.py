"""Slips of hand and finger: they may cost a moment, never a label."""

from tests.e2e import steps
from tests.e2e.person import Person
from tests.e2e.server import wait_until


def test_a_double_click_labels_one_pair(person: Person) -> None:
    person.go("/label", lang="en")
    for done in range(1, 4):
        current = steps.look(person)
        person.starting("label_left_").get_by_role("button").first.dblclick()
        wait_until(lambda current=current: steps.showing(person) != current, "the next pair")
        steps.look(person)
        assert steps.labels(person) == (done, 0)


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
