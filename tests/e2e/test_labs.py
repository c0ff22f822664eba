"""Two browsers have two labs; the bare address reopens the browser's own."""

import pytest

from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.server import Server


def test_two_browsers_have_two_labs(server: Server, person_at: NewPerson) -> None:
    ann, bob = person_at(server), person_at(server)
    ann.go("/label", lang="en")
    bob.go("/label", lang="en")
    for choice in ("left", "right", "tie"):
        steps.answer(ann, choice)
    steps.answer(bob, "left")
    assert steps.labels(ann) == (3, 0)
    assert steps.labels(bob) == (1, 0)

    steps.undo(bob)
    for person in (ann, bob):
        person.reload()
    assert steps.labels(ann) == (3, 0)
    assert steps.labels(bob) == (0, 0)


@pytest.mark.long  # as above of labels; that runs are a lab's own is tested without a browser too
def test_a_run_of_one_browser_is_none_of_the_others(server: Server, person_at: NewPerson) -> None:
    ann, bob = person_at(server), person_at(server)
    for person in (ann, bob):
        person.go("/label", lang="en")
        steps.simulate_labels(person, 20)
        person.follow("/ppo")
    ann.press("ppo_start")
    steps.wait_for_iteration(ann, 2)
    bob.reload()
    assert steps.iteration(bob) == 0
    assert not steps.RUN.search(bob.at("ppo_status").first.inner_text()), "bob sees ann's run"
    ann.press("ppo_stop")


def test_the_bare_address_reopens_the_own_lab(person_at: NewPerson, server: Server) -> None:
    person = person_at(server)
    person.go("/label", lang="en")
    for choice in ("left", "right"):
        steps.answer(person, choice)
    steps.look(person)
    pair = steps.pair(person)
    person.page.close()

    person.page = person.open_page()
    person.go("/")
    person.follow("/label")
    assert steps.labels(person) == (2, 0)
    assert steps.pair(person) == pair, "the unanswered pair is still the one to answer"


def test_the_cookie_is_out_of_reach_of_scripts(person_at: NewPerson, server: Server) -> None:
    person = person_at(server)
    person.go("/")
    own = [cookie for cookie in person.context.cookies() if cookie["httpOnly"]]
    assert own, "no HttpOnly cookie names this browser"
    assert all(cookie["value"] not in person.page.evaluate("document.cookie") for cookie in own)
