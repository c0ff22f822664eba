"""A class forecasts: the owner collects, others give, nobody sees anybody's, and the reveal shows the median to all."""

import re

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import NewPerson
from tests.e2e.locales import phrases
from tests.e2e.person import Person
from tests.e2e.server import Server

EN, KO = phrases("en"), phrases("ko")
SECRETS = ("2037", "2053")
"""Midpoints that only their givers may see before the reveal. Their middle is 2045."""


def thumb(person: Person, quantity: str, capability: str) -> Locator:
    return person.starting(f"outlook_{quantity}_{capability}_").get_by_role("slider").first


def expect_autonomy(person: Person, midpoint: int) -> None:
    """Moves the midpoint of autonomy by the keyboard, from the opinion's 2033."""
    slider = thumb(person, "midpoint", "autonomy")
    expect(slider).to_have_value("2033")
    slider.focus()
    for _ in range(midpoint - 2033):
        slider.press("ArrowRight")
    expect(slider).to_have_value(str(midpoint))
    expect(person.at("outlook_milestones")).to_contain_text(str(midpoint))
    person.settle()


def view(person: Person, name: str) -> None:
    person.at("outlook_view").get_by_text(EN[f"outlook.view_{name}"], exact=True).click()
    person.settle()


def collect(owner: Person) -> str:
    """Starts a collection. Returns the key in its address."""
    owner.go("/outlook", lang="en")
    view(owner, "class")
    owner.press("outlook_start")
    address = owner.at("outlook_address").locator("code")
    expect(address).to_contain_text(f"{owner.server.url}/outlook?join=")
    return address.inner_text().strip().partition("?join=")[2]


def press_and_confirm(person: Person, name: str) -> None:
    """What can't be taken back asks first."""
    person.press(f"outlook_{name}_ask")
    person.page.locator(f".st-key-outlook_{name}").get_by_role("button").click()


def sees_none_of(person: Person, *values: str) -> None:
    """Neither in the page's text nor in what its markup holds."""
    person.settle()
    drawn = r'<style.*?</style>|src="data:.*?"'  # numbers enough, which say nothing
    page = re.sub(drawn, "", person.page.content(), flags=re.DOTALL)
    assert [value for value in values if value in page] == []


def give(person: Person, key: str, midpoint: int, name: str) -> None:
    person.go("/outlook", join=key)
    expect_autonomy(person, midpoint)
    field = person.starting("outlook_name_").locator("input")
    expect(field, "a name is proposed").not_to_have_value("")
    field.fill(name)
    person.press("outlook_give")
    expect(person.page.locator(".lab-note.good")).to_contain_text(name)


def test_a_class_forecasts_blind_and_then_sees_its_median(server: Server, person_at: NewPerson) -> None:
    owner, ann, bob = person_at(server), person_at(server), person_at(server, locale="ko-KR")
    key = collect(owner)
    give(ann, key, int(SECRETS[0]), "Zorro")
    give(bob, key, int(SECRETS[1]), "보라색 고래")
    for person in (ann, bob):
        person.reload()
        expect(thumb(person, "midpoint", "autonomy")).not_to_have_value("2033")

    arrived = owner.at("outlook_arrivals")
    expect(arrived.locator(".fact b")).to_have_text("2")  # by itself
    expect(arrived).to_contain_text("보라색 고래")
    sees_none_of(owner, *SECRETS)
    sees_none_of(ann, SECRETS[1], "보라색 고래")
    sees_none_of(bob, SECRETS[0], "Zorro")

    owner.press("outlook_close")
    expect(bob.at("outlook_joined")).to_contain_text(KO["outlook.join_closed"].partition("(")[0])
    expect(bob.at("outlook_give").get_by_role("button")).to_be_disabled()
    press_and_confirm(owner, "reveal")
    for person in (owner, ann, bob):  # theirs by themselves
        expect(person.at("outlook_result_autonomy").locator("figcaption")).to_contain_text("2045")
        expect(person.at("outlook_results_table")).to_contain_text("2041")
        expect(person.at("outlook_result_autonomy").locator(".main-svg").first).to_be_visible()
    expect(ann.at("outlook_results_table")).to_contain_text("2037")

    ann.press("outlook_leave")
    expect(ann.at("outlook_save")).to_be_visible()
    assert "join" not in ann.page.url
    press_and_confirm(owner, "anew")
    expect(owner.at("outlook_arrivals")).to_contain_text(EN["outlook.names_none"])
    bob.reload()
    expect(bob.complaints()).to_contain_text(key[:12])
    bob.press("outlook_leave")
    expect(bob.complaints()).to_have_count(0)


def test_ones_own_forecast_outlives_the_page(person: Person) -> None:
    person.go("/outlook", lang="en")
    expect_autonomy(person, 2040)
    person.press("outlook_save")
    expect(person.page.locator(".lab-note.good")).to_be_visible()
    for view_name, page in (("directions", "navigation"), ("topics", "ppo")):
        view(person, view_name)
        button = person.starting(f"outlook_open_{view_name.rstrip('s')}_").get_by_role("button")
        button.filter(has_text=EN[f"{page}.nav"]).first.click()
        person.page.wait_for_url(re.compile(f"/{page}"))
        person.settle()
        person.follow("/outlook")
    person.page.close()
    person.page = person.open_page()
    person.go("/outlook")
    expect(thumb(person, "midpoint", "autonomy")).to_have_value("2040")
