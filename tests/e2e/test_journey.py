"""The whole product on a server that nobody used before, by clicking; nothing of it leaves this machine."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.person import Person
from tests.e2e.server import Server, SocketWatch, wait_until

CHOICES = ("left", "right", "tie", "both_bad")


def look_into_the_language_model(person: Person) -> None:
    person.follow("/language_model")
    person.fill("lm_prompt", "how do i make zzyzx ?")
    expect(person.complaints()).to_contain_text("zzyzx")
    person.fill("lm_prompt", "How do I make tea?")
    expect(person.at("lm_tokens")).to_contain_text("tea")
    expect(person.at("lm_next")).to_contain_text("%")
    person.press("lm_sample")
    expect(person.at("lm_samples").locator("blockquote").first).to_be_visible()


def label_twenty_pairs(person: Person) -> None:
    for number in range(19):
        steps.answer(person, CHOICES[number % 3 if number % 7 else 3], by="key" if number % 2 else "click")
    steps.end_round(person, "left")
    assert steps.labels(person) == (18, 0), "two of them were repeats, which teach nothing"
    person.press("round_next")

    steps.look(person)
    pair = steps.pair(person)
    steps.answer(person, "left", by="key")
    steps.undo(person)
    assert steps.labels(person) == (18, 0)
    again = steps.pair(person)
    assert sorted(pair.split()) == sorted(again.split()), "undo shows another pair"


def read_the_reward_model(person: Person) -> None:
    person.follow("/reward_model")
    expect(person.at("reward_curve").locator(".js-plotly-plot .scatterlayer .trace").first).to_be_attached()
    expect(person.at("reward_likes")).to_be_visible()
    person.fill("reward_prompt", "how do i make tea")
    person.fill("reward_response", "i do not know .")
    expect(person.at("reward_score")).to_contain_text(re.compile(r"\d"))


def run_ppo(person: Person) -> None:
    person.follow("/ppo")
    person.press("ppo_start")
    steps.wait_for_iteration(person, 3)
    watch_it_on_home(person)

    person.follow("/ppo")
    person.press("ppo_pause")
    paused_at = steps.resting_iteration(person)
    person.press("ppo_step")
    wait_until(lambda: steps.iteration(person) > paused_at, "one more iteration")
    assert steps.resting_iteration(person) == paused_at + 1

    chart = person.at("ppo_chart_reward")
    for part in (person.at("ppo_sliders"), chart):  # whoever moves a slider sees what it does
        expect(part).to_be_in_viewport(ratio=0.95)
    marks = chart.locator(".shapelayer path").count()
    person.slide("ppo_kl_coef", 3)
    person.press("ppo_resume")
    steps.wait_for_iteration(person, paused_at + 4)
    wait_until(lambda: chart.locator(".shapelayer path").count() > marks, "the slider leaves a mark")

    person.press("ppo_stop")
    stopped_at = steps.resting_iteration(person)
    person.reload()
    assert steps.iteration(person) == stopped_at, "a stopped run goes on, or forgets where it was"

    rows = person.at("ppo_samples").locator("tbody tr")
    expect(rows).to_have_count(6)
    for row in rows.all():
        before, now = row.locator("td").all_inner_texts()
        assert before.strip() and now.strip(), f"an answer is missing beside {row.inner_text()!r}"

    person.press("ppo_reset")
    wait_until(lambda: steps.iteration(person) == 0, "reset begins anew at 0")


def watch_it_on_home(person: Person) -> None:
    """The map goes on with the run, of itself."""
    person.go("/", lang="en")
    card = person.at("stage_ppo")
    expect(card).to_contain_text("under way")
    before = card.inner_text()
    wait_until(lambda: card.inner_text() != before, "the map shows a later iteration")


def see_it_all_on_home(person: Person) -> None:
    """What was done is ticked, and the trained model answers beside the start."""
    person.go("/", lang="en")
    for name, done in (("asked", True), ("labelled", True), ("walked", False), ("by_constitution", False)):
        expect(person.at(f"check_{name}").locator(".lab-check.done")).to_have_count(int(done))
    expect(person.at("home_problem").locator("blockquote")).to_have_count(6)
    person.at("check_walked").get_by_role("link").click()
    person.page.wait_for_url(re.compile("/navigation"))


@pytest.mark.timeout(420)
def test_the_whole_journey_by_clicking(server: Server, person_at: NewPerson) -> None:
    person = person_at(server)
    with SocketWatch(server.pid) as sockets:
        person.go("/", lang="en")
        look_into_the_language_model(person)
        person.go("/", lang="en")
        person.press("home_next")
        label_twenty_pairs(person)
        read_the_reward_model(person)
        run_ppo(person)
        see_it_all_on_home(person)
    assert "127.0.0.1" in sockets.seen, "the watch saw nothing at all"
    assert sockets.strangers == set()
    assert server.asked_for() == set()
