"""The model's language is chosen apart from the page's; what was labelled in one is not seen in the other."""

import re

from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until

HANGUL = re.compile("[가-힣]")
CHOSEN = '[role="radio"][aria-checked="true"]'


def model_speaks_korean(person: Person) -> bool:
    return bool(HANGUL.search(steps.pair(person)))


def wait_for_pair(person: Person, *, korean: bool) -> None:
    """Waits for a pair in this language, or the other, and until the page around it has come to it."""
    wait_until(lambda: model_speaks_korean(person) == korean, "a pair in the model's language")
    steps.follow(person)


def let_it_speak(person: Person, language: str) -> None:
    """Chooses the model's language by the keyboard."""
    option = person.at("model_language").get_by_role("radio", name=language)
    option.focus()
    option.press("Space")
    expect(person.at("model_language").locator(CHOSEN)).to_have_text(language)
    person.settle()


def test_labels_of_two_languages_are_kept_apart(person_at: NewPerson, server: Server) -> None:
    person = person_at(server)
    person.go("/label", lang="ko")
    expect(person.at("model_language").locator(CHOSEN)).to_have_text("한국어")
    steps.look(person)
    assert model_speaks_korean(person), "a new lab's model speaks the page's language"
    for choice in ("left", "right"):
        steps.answer(person, choice)
    waiting = steps.pair(person)

    let_it_speak(person, "English")
    wait_for_pair(person, korean=False)
    heading = person.page.locator("header.lab-heading")
    expect(heading).to_contain_text(HANGUL)
    expect(person.page.get_by_test_id("stToast").first).to_contain_text("2")
    assert steps.labels(person) == (0, 0)
    steps.answer(person, "tie")
    assert steps.labels(person) == (1, 0)
    person.follow("/language_model")
    expect(person.at("lm_suggestions")).to_contain_text("How do I")
    expect(heading).to_contain_text(HANGUL)

    person.go("/label", lang="en")  # now it is the page that changes
    assert not HANGUL.search(heading.inner_text()) and not model_speaks_korean(person)
    assert steps.labels(person) == (1, 0)

    let_it_speak(person, "한국어")
    wait_for_pair(person, korean=True)
    assert not HANGUL.search(heading.inner_text())
    assert steps.labels(person) == (2, 0)
    assert sorted(waiting.split()) == sorted(steps.pair(person).split()), "the pair that waited"
    steps.undo(person)
    assert steps.labels(person) == (1, 0)
    let_it_speak(person, "English")
    wait_for_pair(person, korean=False)
    assert steps.labels(person) == (1, 0), "undo has taken back a label of the other language"


def test_a_typed_question_stays_with_its_language(person: Person) -> None:
    person.go("/language_model", lang="en")
    question = person.at("lm_prompt").locator("input")
    person.fill("lm_prompt", "Should I eat raw chicken?")
    expect(person.at("lm_tokens")).to_contain_text("chicken")
    let_it_speak(person, "한국어")
    expect(question).to_have_value(HANGUL)
    expect(person.at("lm_tokens")).to_contain_text(HANGUL)
    person.press("lm_suggestion_3")
    expect(question).to_have_value(person.at("lm_suggestion_3").inner_text())
    korean = question.input_value()
    let_it_speak(person, "English")
    expect(question).to_have_value("Should I eat raw chicken?")
    expect(person.at("lm_tokens")).to_contain_text("chicken")
    let_it_speak(person, "한국어")
    expect(question).to_have_value(korean)
