"""What a class sees on a small projector, 1280 by 720, without scrolling."""

import pytest
from playwright.sync_api import expect

from tests.e2e.access import see_it_whole
from tests.e2e.conftest import NewPerson
from tests.e2e.server import Server

SMALL = {"width": 1280, "height": 720}


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/label", ".lab-ballot .choices"),
        ("/language_model", ".st-key-lm_sample"),
        ("/navigation", "svg.maze"),
        ("/team", "svg.labyrinth"),
    ],
)
def test_all_choices_and_whole_boards_are_in_sight(
    server: Server, person_at: NewPerson, path: str, wanted: str, language: str
) -> None:
    """In the language whose sentences are longer too."""
    person = person_at(server, viewport=SMALL)
    person.go(path, lang=language)
    see_it_whole(person)
    box = person.page.locator(wanted).first.bounding_box()
    assert box is not None and box["y"] + box["height"] <= SMALL["height"], box


def test_every_page_is_named_in_the_header(server: Server, person_at: NewPerson) -> None:
    """The names of all pages, and of one more to come, stand beside the language switches and not behind them."""
    person = person_at(server, viewport=SMALL)
    person.go("/", lang="en")
    for language in ("en", "ko"):
        if language == "ko":
            person.at("language").get_by_text("한국어").click()
            expect(person.page.locator("html")).to_have_attribute("lang", "ko")
            person.settle()
        bar = person.at("language_bar").bounding_box()
        links = person.page.locator("header a[data-testid='stTopNavLink']")
        boxes = [link.bounding_box() for link in links.all()]
        assert bar is not None and len(boxes) == 9, boxes
        ends = [box["x"] + box["width"] for box in boxes if box is not None]
        assert len(ends) == 9 and max(ends) + 110 < bar["x"], (ends, bar)
