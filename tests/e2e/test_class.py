"""A class: the owner at a desk, somebody with a phone."""

from contextlib import closing
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from lab.store import Store
from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.server import Server, wait_until
from ui.browser import COOKIE
from ui.i18n import translate

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_a_phone_labels_for_the_owner_and_no_slip_costs_a_label(person_at: NewPerson, server: Server) -> None:
    owner = person_at(server)
    owner.go("/label", lang="en")
    owner.at("label_view").get_by_text(translate("en", "label.view_class")).click()
    owner.press("class_start")
    address = owner.page.locator("code").filter(has_text="join=").first.inner_text()
    parts = urlsplit(address)

    phone = person_at(server, locale="ko-KR", **PHONE)
    phone.go(parts.path, join=parse_qs(parts.query)["join"][0])
    current = steps.look(phone)
    expect(phone.page.locator('header a[href$="/ppo"]')).to_have_count(0)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    for side in ("left", "right"):  # one for each thumb, both on the screen without scrolling
        box = steps.choice(phone, side).bounding_box()
        assert box is not None and box["y"] + box["height"] <= 844 and box["height"] >= 44 and box["width"] >= 150
        assert (box["x"] + box["width"] / 2 < 195) == (side == "left")

    phone.reload()
    assert steps.look(phone) == current, "a reload shows the same pair"
    steps.choice(phone, "left").tap()
    wait_until(lambda: steps.showing(phone) != current, "the next pair")
    current = steps.look(phone)
    steps.choice(phone, "right").dblclick()
    wait_until(lambda: steps.showing(phone) != current, "the next pair")
    current = steps.look(phone)
    phone.page.goto("about:blank")  # the connection is gone
    phone.go(parts.path, join=parse_qs(parts.query)["join"][0])
    assert steps.look(phone) == current

    expect(owner.at("class_arrivals").locator(".fact b").first).to_have_text("2")
    [browser] = [cookie["value"] for cookie in owner.context.cookies() if cookie["name"] == COOKIE]
    with closing(Store(server.database)) as store:
        lab = store.open_lab(browser, "en")
        [member] = store.members(lab.id)
        first, second = store.labels(lab.id)
        assert {first.labeler, second.labeler} == {member.name} and first.pair_id != second.pair_id
        assert first.choice == first.shown_left and second.choice != second.shown_left
        [stranger] = [cookie["value"] for cookie in phone.context.cookies() if cookie["name"] == COOKIE]
        assert store.labs(stranger) == [], "who joins opens no lab"
    assert member.name in owner.at("class_members").inner_text()

    owner.press("class_close")
    expect(owner.at("class_reopen")).to_be_visible()
    steps.choice(phone, "left").click()
    closed = phone.page.get_by_text(translate("ko", "join.closed", n=2))
    expect(closed).to_be_visible()
    owner.press("class_reopen")
    expect(steps.choice(phone, "left")).to_be_visible()
    assert steps.look(phone) == current, "the pair waited"
