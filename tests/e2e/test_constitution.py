"""From an edited constitution to a changed model, by clicking."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import NewPerson
from tests.e2e.locales import phrases
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until

FLATTERY = "no flattery"


def turn_to(person: Person, view: str) -> None:
    """Changes the part of the page by its name."""
    person.at("cai_view").get_by_text(phrases("en")[f"constitution.view_{view}"]).click()
    person.settle()


def place_of(person: Person, principle: str) -> int:
    """Which principle of the list is called so."""
    names = person.at("cai_principles").locator(".lab-principle b")
    expect(names.filter(has_text=principle).first).to_be_visible()
    return names.all_inner_texts().index(principle)


def turn_flattery_round(person: Person) -> None:
    """A weight of -1 acts at once, and takes nothing away that is typed in the editor and not saved."""
    typed = person.starting("cai_text_").locator("textarea")
    typed.fill("Help in whatever way you can.")
    person.fill(f"cai_weight_{place_of(person, FLATTERY)}", "-1")
    expect(person.page.get_by_text("Version 1 is in force")).to_be_visible()
    expect(person.page.get_by_text(f"Turned round: {FLATTERY}.")).to_be_visible()
    person.settle()
    expect(typed).to_have_value("Help in whatever way you can.")


def revise_a_red_team_answer(person: Person) -> None:
    turn_to(person, "revise")
    question = person.at("cai_prompt").locator("input")
    first = question.input_value()
    person.press("cai_red_team")
    expect(question).not_to_have_value(first)
    person.settle()
    person.press("cai_run")
    expect(person.at("cai_run").get_by_role("button")).to_be_disabled()
    expect(person.at("cai_chain").locator(".lab-note")).to_be_visible()
    verdicts = person.at("cai_verdicts").locator("tbody tr")
    expect(verdicts.filter(has_text="helpful").first).to_be_visible()
    expect(verdicts.filter(has_text=FLATTERY)).to_have_count(0)  # turned round, it criticises nothing


def train_a_model_by_it(person: Person) -> None:
    person.press("cai_train")
    wait_until(lambda: iteration(person) > 0, "the run comes to its first iteration", 120)
    person.press("rlaif_pause")
    expect(person.at("rlaif_status").locator(".lab-status.paused")).to_be_visible()
    expect(person.at("rlaif_status")).to_contain_text("Version 1")


def iteration(person: Person) -> int:
    found = re.search(r"iteration (\d+)", person.at("rlaif_status").first.inner_text())
    return int(found.group(1)) if found else 0


def compare_the_models(person: Person) -> None:
    turn_to(person, "compare")
    expect(person.at("cai_scatter").locator(".js-plotly-plot .scatterlayer .trace").first).to_be_attached()
    rows = person.at("cai_conduct").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text(f"{FLATTERY} turned round")
    expect(person.at("cai_answers").locator("thead th")).to_have_count(3)


def reload_and_go_on(person: Person) -> None:
    """A reload begins a new visit to the same lab: what was edited is in force, and answers are revised by it."""
    person.reload()
    expect(person.page.get_by_text("Version 1 is in force")).to_be_visible()
    turn_to(person, "revise")
    person.press("cai_step")
    expect(person.at("cai_chain").locator(".lab-round, .lab-note").first).to_be_visible()
    expect(person.at("cai_verdicts").locator("tbody tr").first).to_be_visible()


def test_from_an_edited_constitution_to_a_changed_model(server: Server, person_at: NewPerson) -> None:
    person = person_at(server)
    person.go("/constitution", lang="en")
    turn_flattery_round(person)
    revise_a_red_team_answer(person)
    train_a_model_by_it(person)
    compare_the_models(person)
    reload_and_go_on(person)
    assert person.trouble() == []
