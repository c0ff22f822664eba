"""HTML, script and Markdown that people typed, in a real browser: they are read and nothing else happens."""

import json
from contextlib import closing
from dataclasses import replace

from playwright.sync_api import expect

from lab import constitution, exchange, members, panel
from lab.store import Lab, Store
from rlhf_core.constitution import default_constitution
from tests.e2e.conftest import NewPerson
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until
from ui.browser import COOKIE
from ui.i18n import translate

TYPED = (
    "<img src=x onerror=alert(1)>", "![x](http://x.invalid/x.png)", "[a](javascript:alert(1))",
    "<script>alert(1)</script>", ":material/bolt: $x^2$ `y`",
)  # fmt: skip
MADE = "img[src='x'], img[src*='x.invalid'], a[href^='javascript'], .katex"
"""What a page would hold if it made anything of them. An address may be a link to itself: it is read as it was typed,
and nothing is asked for before somebody follows it."""


def say(store: Store, browser: str) -> tuple[Lab, str]:
    """Fill a browser's lab with them. Returns the lab and the key of its class."""
    lab = store.open_lab(browser, "en")
    store.rename_lab(store.new_lab(browser, "en").id, TYPED[1])
    store.rename_lab(store.switch_lab(browser, lab.id).id, TYPED[0])
    store.add_guideline(lab.id, TYPED[0], "\n".join(TYPED))
    rows = [
        {"prompt": f"{typed} {choice}", "response_a": f"{typed} a", "response_b": f"{typed} b", "choice": choice,
         "rationale": typed, "labeler": typed, "policy_id": typed, "language": "en", "event_id": f"{i}{choice}"}
        for i, typed in enumerate(TYPED) for choice in ("a", None)
    ]  # fmt: skip
    file = "\n".join(map(json.dumps, rows)).encode()
    exchange.take_in(store, lab, exchange.look(store, lab, file, "labels.jsonl"))
    principles = [
        replace(default_constitution("en").principles[0], name=typed, text=typed, critique_request=typed)
        for typed in TYPED
    ]
    constitution.save(store, lab, replace(default_constitution("en"), principles=tuple(principles)))
    panel.keep(store, lab, panel.Panel(members=tuple(panel.Member(name=typed) for typed in TYPED)))
    members.start(store, lab)
    found = members.found(store, lab)
    assert found is not None
    for typed in TYPED:
        members.join(store, found.key, typed, typed)
    return lab, found.key


def read(person: Person, *where: str) -> None:
    """Nothing was made of what was typed, and it stands where it should."""
    person.settle()
    expect(person.page.locator(MADE)).to_have_count(0)
    for key in where:
        place = person.at(key).first
        wait_until(lambda place=place: any(typed in place.inner_text() for typed in TYPED), f"what was typed in {key}")


def test_what_is_typed_is_read_and_does_nothing(person_at: NewPerson, server: Server) -> None:
    owner = person_at(server)
    dialogs: list[str] = []
    owner.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    owner.go("/", lang="en")
    [browser] = [cookie["value"] for cookie in owner.context.cookies() if cookie["name"] == COOKIE]
    with closing(Store(server.database)) as store:
        lab, key = say(store, browser)
    owner.reload()
    owner.unfold("labs_others")
    read(owner, "labs_others")
    owner.starting("labs_switch").get_by_role("button").first.click()
    toast = owner.page.get_by_test_id("stToast")
    expect(toast).to_contain_text(TYPED[1])
    read(owner)
    with closing(Store(server.database)) as store:
        store.switch_lab(browser, lab.id)

    owner.go("/label", lang="en")
    read(owner, "label_ballot")
    for fold in ("simulate", "history", "exchange"):
        owner.unfold(fold)
        read(owner)
    expect(owner.at("panel_who").get_by_text(TYPED[1], exact=True)).to_be_visible()
    owner.at("label_view").get_by_text(translate("en", "label.view_class")).click()
    read(owner, "class_members")
    owner.go("/constitution", lang="en")
    read(owner, "cai_principles")
    owner.go("/ppo", lang="en", **{TYPED[0]: TYPED[1]})
    expect(owner.complaints()).to_contain_text(TYPED[0])
    read(owner)
    owner.go("/ppo", lang="en")

    phone = person_at(server, locale="en-US")
    phone.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    phone.go("/label", join=key)
    phone.unfold("join_about")
    field = phone.at("join_about").locator("input").first
    field.fill("![z](http://x.invalid/z.png)")
    field.press("Enter")
    expect(phone.at("join_about").locator("summary")).to_contain_text("![z](http://x.invalid/z.png)")
    read(phone, "join_ballot")
    assert dialogs == []
