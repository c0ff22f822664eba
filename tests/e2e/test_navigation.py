"""A language model in a maze, by clicking: step, play, other walls, another thought, a run that learns."""

import re

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import NewPerson
from tests.e2e.locales import phrases
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until

SAY = phrases("en")


def steps_made(person: Person, card: int = 0) -> int:
    """How many moves the policy of a card has made."""
    line = person.at(f"maze_card_{card}").locator(".lab-walk-state").inner_text()
    found = re.match(r"Step (\d+);", line)
    assert found, line
    return int(found[1])


def cell(person: Person, kind: str, card: int = 0) -> str:
    """The first cell of a kind that is neither start nor goal, as "row,column"."""
    cells = person.at(f"maze_board_{card}").locator(f"[data-cell]:has(rect.{kind})")
    names = cells.evaluate_all("found => found.map(e => [e.dataset.cell, e.getAttribute('aria-label')])")
    return next(name for name, label in names if label.endswith(("free", "wall")))


def board_cell(person: Person, name: str, card: int = 0) -> Locator:
    return person.at(f"maze_board_{card}").locator(f'[data-cell="{name}"]')


def walk_and_change_the_maze(person: Person) -> None:
    person.go("/navigation", lang="en")
    assert steps_made(person) == 0
    person.press("maze_step")
    expect(person.at("maze_card_0").locator(".lab-walk-state")).to_contain_text("Step 1;")
    expect(person.at("maze_card_1").locator(".lab-walk-state")).to_contain_text("Step 1;")

    wall = cell(person, "wall")
    board_cell(person, wall).click()
    for card in (0, 1):  # both walk in the same maze
        expect(board_cell(person, wall, card)).to_have_attribute("aria-label", re.compile("free$"))
    expect(person.at("maze_card_0").locator(".lab-walk-state")).to_contain_text("Step 0;")
    board_cell(person, wall).focus()
    person.page.keyboard.press("Enter")
    expect(board_cell(person, wall)).to_have_attribute("aria-label", re.compile("wall$"))

    goal = person.at("maze_board_0").locator('[data-cell][aria-label$="goal"]').get_attribute("data-cell")
    assert goal
    board_cell(person, goal).click()  # a wall there would leave no maze
    expect(person.complaints()).to_have_text(SAY["maze.error_in_wall"])
    expect(board_cell(person, goal)).to_have_attribute("aria-label", re.compile("goal$"))
    person.at("maze_tool").get_by_text(SAY["walk.tool_goal"]).click()
    person.settle()
    other = cell(person, "free")
    board_cell(person, other).click()
    expect(board_cell(person, other)).to_have_attribute("aria-label", re.compile("goal$"))
    expect(person.complaints()).to_have_count(0)


def play_and_come_back(person: Person) -> None:
    person.fill("maze_seed", "5")
    expect(person.at("maze_card_0").locator(".lab-walk-state")).to_contain_text("Step 0;")
    person.settle()
    person.press("maze_play")
    wait_until(lambda: steps_made(person) >= 2, "it walks by itself")
    person.press("maze_play")
    expect(person.at("maze_play")).to_contain_text(SAY["walk.play"])
    person.settle()
    made = steps_made(person)
    person.reload()
    assert steps_made(person) == made
    person.follow("/language_model")
    person.follow("/navigation")
    assert steps_made(person) == made


def edit_a_thought(person: Person) -> None:
    person.press("maze_reset")
    expect(person.at("maze_card_0").locator(".lab-walk-state")).to_contain_text("Step 0;")
    card = person.at("maze_card_0")
    card.get_by_text(SAY["walk.edit"], exact=True).click()
    field = person.starting("maze_typed_0").locator("textarea")
    field.fill("(1,1) kimchi")
    field.blur()
    person.press("maze_act_0")
    expect(person.complaints()).to_contain_text("kimchi")
    assert field.input_value() == "(1,1) kimchi"
    person.press("maze_silence_0")
    expect(card.locator(".lab-thought .words span")).to_have_count(0)
    expect(card.locator(".lab-thought")).to_contain_text(SAY["walk.edited"].partition("{")[0].strip())
    person.press("maze_undo_0")
    expect(card.locator(".lab-thought .words span").first).to_be_visible()


def learn(person: Person) -> None:
    person.at("maze_page").get_by_text(SAY["navigation.view_train"]).click()
    person.settle()
    person.press("cloning_start")
    status = person.at("cloning_status")
    wait_until(lambda: re.search(r"iteration [1-9]", status.inner_text()), "cloning comes to its first iteration", 120)
    person.press("cloning_pause")
    expect(status.locator(".lab-status.paused")).to_be_visible()
    expect(person.at("maze_sample_0").locator("svg")).to_be_visible()
    person.reload()
    expect(person.at("maze_page")).to_be_visible()


def test_a_language_model_walks_through_a_maze(server: Server, person_at: NewPerson) -> None:
    person = person_at(server)
    walk_and_change_the_maze(person)
    play_and_come_back(person)
    edit_a_thought(person)
    learn(person)
    assert person.trouble() == []
