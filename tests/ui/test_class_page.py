"""Labelling together on the page: the owner's board, and what a phone gets."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab import members
from lab.app import get_laboratory
from lab.store import Lab, NewPair
from tests.ui.conftest import ROOT, Visit, answer, ballot, press, said, undo
from ui import session
from ui.browser import COOKIE
from ui.i18n import translate


def begun(visit: Visit) -> tuple[AppTest, Lab, str]:
    """The owner's board of a class with pairs, and its key."""
    app = visit("label")
    lab = app.session_state["lab_session"].lab
    for number in range(6):
        texts = {"prompt": "hello .", "response_a": f"yes {number} .", "response_b": "<b>no</b> ."}
        get_laboratory().store.add_pair(lab.id, NewPair(language="en", policy_id="start", **texts))
    app.session_state["label_view"] = "class"
    app = press(app.run(), "class_start")
    found = members.found(get_laboratory().store, lab)
    assert found is not None
    return app, lab, found.key


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Opens the class's address as another browser does."""

    def visit(key: str, language: str = "en") -> AppTest:
        monkeypatch.setattr(session, "cookie", {COOKIE: "a-phone-in-the-class"}.get)
        app = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
        app.query_params["lang"], app.query_params["join"] = language, key
        app.switch_page("../pages/label.py")
        return app.run()

    return visit


def keys(app: AppTest) -> set[str]:
    return {one.key for kind in ("button", "toggle", "selectbox", "radio", "button_group") for one in app.get(kind)}


def test_a_phone_labels_and_gets_nothing_else(visit: Visit, phone: Visit) -> None:
    _, lab, key = begun(visit)
    store = get_laboratory().store
    app = phone(key)
    [member] = store.members(lab.id)
    assert f"{member.name} · 0 labelled" in said(app)
    assert not app.exception and not app.error
    assert [key for key in keys(app) if not (key or "").startswith(("join_", "language"))] == []
    assert app.session_state["lab_session"].lab is None, "no lab is opened by joining"
    assert store.labs("a-phone-in-the-class") == []
    app = answer(answer(app, "left"), "tie")
    assert "· 2 labelled" in said(app) and len(store.labels(lab.id)) == 2
    app = undo(app)
    assert translate("en", "label.undone") in said(app) and len(store.labels(lab.id)) == 1


def test_the_states_of_a_class_are_said_on_the_phone(visit: Visit, phone: Visit) -> None:
    _, lab, key = begun(visit)
    store = get_laboratory().store
    app = answer(phone(key, "ko"), "left")
    who = store.members(lab.id)[0]
    members.set_open(store, lab, False)
    app = answer(app, "left")
    assert translate("ko", "join.closed", n=1) in said(app), "an answer after the end is refused with a sentence"
    members.set_open(store, lab, True)
    members.mute(store, lab, who.participant, True)
    assert translate("ko", "join.muted", n=1) in said(app.run())
    members.mute(store, lab, who.participant, False)
    members.change_address(store, lab)
    assert translate("ko", "join.error_unknown", value=f"{key[:12]}…") in said(app.run())
    assert ballot(app) is None


def test_names_can_be_changed_and_are_escaped(visit: Visit, phone: Visit) -> None:
    _, lab, key = begun(visit)
    app = phone(key)
    app.text_input[0].set_value("<i>me</i>")
    app = press(app, "join_rename")
    assert [one.name for one in get_laboratory().store.members(lab.id)] == ["<i>me</i>"]
    assert "<i>me" not in "".join(one.body for one in app.get("html")) and "<i>me</i> · 0" in said(app)
    app.text_input[0].set_value("you")
    app = press(app, "join_rename")
    assert translate("en", "join.error_taken", value="you") in said(app)


def test_the_board_shows_who_labels_and_hides_what_is_blind(
    visit: Visit, phone: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, lab, key = begun(visit)
    assert "/label?join=" + key in app.code[0].value and translate("en", "class.nobody") in said(app)
    answer(answer(phone(key), "left"), "tie")
    name = get_laboratory().store.members(lab.id)[0].name
    monkeypatch.setattr(session, "cookie", {COOKIE: "a-browser-of-these-tests"}.get)
    text = said(app.run())
    assert name in text and translate("en", "class.is_seen") in text and translate("en", "history.alpha") in text
    text = said(press(app, "class_blind"))
    assert name in text and translate("en", "class.is_blind") in text and translate("en", "history.alpha") not in text
    assert get_laboratory().store.labels(lab.id) == []
    text = said(press(app, "class_reveal"))
    assert translate("en", "history.alpha") in text and len(get_laboratory().store.labels(lab.id)) == 2
    assert translate("en", "class.is_closed") in said(press(app, "class_close"))
