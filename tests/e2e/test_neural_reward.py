"""A neural reward model, by clicking: train it, move its learning rate, come back to it, and compare all kinds."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.locales import phrases
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until

SAY = phrases("en")


def look_at(person: Person, view: str) -> None:
    person.at("reward_view").get_by_text(SAY[f"neural.view_{view}"]).click()
    person.settle()


def train(person: Person) -> None:
    look_at(person, "train")
    person.at("neural_network").get_by_text(SAY["neural.network_lstm"]).click()
    person.settle()
    person.press("neural_start")
    status = person.at("neural_status")
    wait_until(lambda: re.search(r"iteration [1-9]", status.inner_text()), "training comes to its first iteration", 120)
    expect(person.at("neural_learning_rate")).to_contain_text("0.003")  # the network's own, not that of the one before
    person.slide("neural_learning_rate", -1)
    expect(status.locator(".lab-status.finished")).to_be_visible(timeout=120_000)
    accuracy = person.at("neural_chart_reference_accuracy")
    expect(accuracy).to_contain_text(SAY["chart.unseen"])
    expect(accuracy.locator(".annotation-text")).to_have_text("LR 0.002")
    expect(accuracy).to_contain_text(re.compile(r"n\s=\s\d+, 95\s%\sinterval"))


@pytest.mark.long  # the page's own tests have all of it but the browser
def test_a_network_learns_from_the_labels(server: Server, person_at: NewPerson) -> None:
    person = person_at(server)
    person.go("/label", lang="en")
    steps.simulate_labels(person, 20)
    person.follow("/reward_model")
    train(person)
    person.follow("/label")
    person.follow("/reward_model")
    expect(person.at("neural_status").locator(".lab-status.finished")).to_be_visible()
    look_at(person, "compare")
    person.press("neural_compare")
    figure = person.at("neural_comparison")
    expect(figure.locator(".js-plotly-plot .bars .point")).to_have_count(6, timeout=200_000)
    expect(figure).to_contain_text("0 labels of mine and 20 simulated")
    assert person.trouble() == []
