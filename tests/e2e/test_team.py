"""The agent team, by clicking: step, play, lose a member, change a message and see whose decision changes."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import NewPerson
from tests.e2e.locales import phrases
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until

SAY = phrases("en")


LATE = """button => {
  const now = window.setTimeout;
  window.setTimeout = (work, after, ...more) => now(work, after || 700, ...more);
  button.click();
  window.setTimeout = now;
}"""
"""A click in a browser that is busy: before it is told, the clock of two ticks a second falls due."""


def tick(person: Person) -> int:
    """At which tick the page says that the team is."""
    found = re.match(r"Tick (\d+);", person.page.locator(".lab-walk-state").inner_text())
    assert found
    return int(found[1])


def at_tick(person: Person, n: int) -> None:
    expect(person.page.locator(".lab-walk-state")).to_contain_text(f"Tick {n};")
    person.settle()


def step(person: Person, times: int) -> None:
    for _ in range(times):
        before = tick(person)
        person.press("team_step")
        at_tick(person, before + 1)


def change_a_message(person: Person) -> None:
    """The first way that the Planner tells becomes one that the Executor is not on: it goes another way."""
    step(person, 4)
    person.choose("team_verb", "path")
    row = person.at("team_log").locator("tbody tr").last
    row.click()
    expect(person.at("team_log").locator("tr.chosen")).to_have_count(1)
    person.settle()
    field = person.starting("team_edit_").locator("textarea")
    field.fill("path kimchi")
    field.blur()
    person.press("team_send")
    expect(person.complaints()).to_contain_text("kimchi")
    assert field.input_value() == "path kimchi"
    field.fill("path (1,1)")
    field.blur()
    person.press("team_send")
    changes = person.at("team_comparison")
    expect(changes.locator("tbody tr").first).to_be_visible()
    expect(changes).to_contain_text("X1")
    expect(person.complaints()).to_have_count(0)
    assert tick(person) == 4


def play_lose_and_come_back(person: Person) -> None:
    person.press("team_play")
    wait_until(lambda: tick(person) >= 6, "it goes on by itself")
    person.at("team_play").get_by_role("button").evaluate(LATE)
    expect(person.at("team_play")).to_contain_text(SAY["walk.play"])
    person.settle()
    person.press("team_lose_E1")
    expect(person.at("team_lose_E1").get_by_role("button")).to_be_disabled()
    expect(person.at("team_board").locator('[data-member="E1"] .lost')).to_have_count(1)
    person.reload()  # a tick that was on its way when it was paused has come by then
    now = tick(person)
    person.reload()
    assert tick(person) == now
    person.follow("/navigation")
    person.follow("/team")
    assert tick(person) == now
    expect(person.at("team_board").locator('[data-member="E1"] .lost')).to_have_count(1)
    person.press("team_undo_all")
    expect(person.at("team_board").locator(".lost[class*=shape]")).to_have_count(0)
    at_tick(person, now)


def go_to_the_end(person: Person) -> None:
    person.press("team_finish")
    expect(person.page.locator(".lab-walk-state")).to_contain_text(SAY["team.escaped"])
    expect(person.at("team_step").get_by_role("button")).to_be_disabled()
    person.press("team_reset")
    at_tick(person, 0)


def test_a_team_escapes_and_a_changed_message_changes_what_it_does(server: Server, person_at: NewPerson) -> None:
    person = person_at(server)
    person.go("/team", lang="en")
    assert tick(person) == 0
    change_a_message(person)
    play_lose_and_come_back(person)
    go_to_the_end(person)
    assert person.trouble() == []
