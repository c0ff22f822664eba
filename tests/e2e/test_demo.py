"""The guided demo from one click to its end, with nobody touching anything: minutes.

Not part of `make test`: `python -m pytest -s -m long tests/e2e/test_demo.py` runs it and tells when each stage begins.
"""

import time

import pytest
from playwright.sync_api import expect

from lab.demo import STAGES
from tests.e2e.conftest import NewPerson
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until
from ui.demo_view import WHERE
from ui.i18n import translate

STUCK = 900.0
"""Seconds after which no stage is thought to end any more, on however busy a machine."""



def place(person: Person) -> str:
    """The title of the strip, or "" between two pages."""
    title = person.page.locator(".lab-demo h2")
    return title.first.inner_text() if title.count() else ""


@pytest.mark.long
@pytest.mark.timeout(4 * STUCK)
def test_one_click_shows_the_whole_pipeline(fresh_server: Server, person_at: NewPerson) -> None:
    person = person_at(fresh_server)
    person.go("/", lang="en")
    began = time.monotonic()
    person.press("demo_begin")
    for stage in STAGES:
        title = translate("en", f"demo.{stage.name}_title")
        wait_until(lambda title=title: place(person) == title, f"the stage {stage.name}", STUCK)
        page = WHERE[stage.name][0]
        assert person.page.url.partition("?")[0].endswith("/" if page == "home" else f"/{page}")
        print(f"{stage.name}: {time.monotonic() - began:.0f} s")
    expect(person.at("stage_labels")).to_contain_text("50")
    expect(person.at("stage_ppo")).to_contain_text("wins against the start")
    person.press("demo_take_over")
    expect(person.page.locator(".lab-demo")).to_have_count(0)
