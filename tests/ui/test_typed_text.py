"""HTML, Markdown and icons that somebody types are text on every page that shows them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from lab import constitution, exchange, forecasts, members, panel
from lab.app import get_laboratory
from lab.store import Lab, NewPair
from rlhf_core.constitution import Example, default_constitution
from rlhf_core.outlook import OPINION
from tests.lab.runs import add_ppo_run
from tests.ui.conftest import ROOT, Visit, said
from tests.ui.typed import LONG, SHORT, leaks
from ui import session
from ui.browser import COOKIE
from ui.layout import PAGES
from ui.plain_text import as_text

OPENED = ("history", "exchange", "class_mute", "class_models", "ppo_more", "ppo_link", "inside_token_list")
"""Parts of pages that draw nothing before they are opened."""


def typed_everywhere(app: AppTest) -> tuple[Lab, str]:
    """A lab whose owner, class and files say nothing but what they should not. Returns it and the key of its class."""
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    other = store.new_lab("a-browser-of-these-tests", "en", SHORT)
    store.switch_lab("a-browser-of-these-tests", lab.id)
    for one in (lab, other):
        store.rename_lab(one.id, SHORT)
    store.add_guideline(lab.id, LONG[:120], LONG)
    said_in_file = {
        "kind": "label", "prompt": LONG, "response_a": f"a {LONG}", "response_b": f"b {LONG}", "choice": "a",
        "rationale": LONG, "labeler": SHORT, "policy_id": SHORT, "event_id": "1", "language": "en",
    }  # fmt: skip
    waiting = {**said_in_file, "prompt": f"waits {LONG}", "choice": None, "event_id": "2"}
    simulated = {**said_in_file, "labeler_kind": "simulated", "response_b": f"c {LONG}", "event_id": "3"}
    lines = "\n".join(json.dumps(row) for row in (said_in_file, waiting, simulated))
    exchange.take_in(store, lab, exchange.look(store, lab, lines.encode(), f"{SHORT}.jsonl"))
    first = default_constitution("en").principles[0]
    mine = replace(
        first, name=SHORT, text=LONG, critique_request=LONG, revision_request=LONG, breaks=(Example(LONG, LONG),)
    )
    constitution.save(store, lab, replace(default_constitution("en"), principles=(mine, first)))
    panel.keep(store, lab, panel.Panel(members=(panel.Member(name=SHORT), panel.Member(name=f"{SHORT}2"))))
    add_ppo_run(store, lab, inputs={"constitution": LONG, "policy": SHORT})
    run = add_ppo_run(store, lab)
    store.update_run(run.id, status="failed", error=LONG)
    forecasts.save_own(store, lab, OPINION)
    forecasts.start(store, lab)
    members.start(store, lab)
    collection, class_ = forecasts.collection(store, lab), members.found(store, lab)
    assert collection is not None and class_ is not None
    forecasts.give(store, collection.key, "somebody", SHORT, OPINION)
    members.join(store, class_.key, "somebody", SHORT)
    texts = {"prompt": f"last {LONG}", "response_a": LONG, "response_b": f"{LONG} b"}
    pair = store.add_pair(lab.id, NewPair(language="en", policy_id="start", **texts))
    at = datetime(2026, 3, 1, tzinfo=UTC)
    shown = store.show(lab.id, pair, shown_left="a", guess=None, at=at, labeler=SHORT, shared=True)
    assert shown is not None
    store.answer(shown.id, choice="a", strength=0, rationale=LONG, labeler=SHORT, answered_at=at)
    return lab, class_.key


def everything_of(app: AppTest, **state: object) -> AppTest:
    """The page with every fold open, and a notice and a problem that quote what was typed."""
    for key in OPENED:
        app.session_state[key] = True
    for key, value in state.items():
        app.session_state[key] = value
    own = app.session_state["lab_session"]
    own.notice = own.problem = LONG
    own.join_said = LONG
    return app.run()


def test_what_is_typed_is_text_on_every_page(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    language = "en"
    _, key = typed_everywhere(visit("home", language))
    seen = 0
    for page in PAGES:
        views = [{"label_view": view} for view in ("label", "class")] if page == "label" else [{}]
        for view in views:
            app = everything_of(visit(page, language), **view)
            assert not app.exception and leaks(app) == [], page
            seen += said(app).count("<img src=x>")
    assert seen > 12, "and it is shown"
    monkeypatch.setattr(session, "cookie", {COOKIE: "a-phone-in-the-class"}.get)
    phone = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
    phone.query_params["lang"], phone.query_params["join"] = language, key
    phone.switch_page("../pages/label.py")
    app = phone.run()
    app.text_input[0].set_value(f"{SHORT[:38]}2").run()
    next(button for button in app.button if button.key == "join_rename").click()
    app = everything_of(app)
    assert not app.exception and leaks(app) == [] and "<img src=x>" in said(app)


@pytest.mark.parametrize("page", ["language_model", "ppo"])
def test_what_is_typed_into_a_field_or_the_address_is_text(visit: Visit, page: str) -> None:
    app = visit(page)
    app.query_params[SHORT] = LONG
    app.run()
    for field in [*app.text_input, *app.text_area]:
        if field.proto.max_chars in (0, *range(len(LONG), 10**6)) and not field.disabled:
            field.set_value(LONG)
    app.run()
    assert not app.exception and leaks(app) == []


@pytest.mark.parametrize("make", ["button", "expander", "toast", "html", "radio", "help"])
def test_the_watch_sees_what_is_no_text(make: str) -> None:
    """Guards the tests above: where typed text is put unguarded, it is found."""
    lines = {
        "button": "st.button(TEXT)", "expander": "st.expander(TEXT)", "toast": "st.toast(TEXT)",
        "html": "st.html(TEXT)", "radio": "st.radio('which', [TEXT])", "help": "st.text_input('x', help=TEXT)",
    }  # fmt: skip
    script = f"import streamlit as st\nTEXT = {SHORT!r}\n{lines[make]}\n"
    assert leaks(AppTest.from_string(script).run()) != []
    guard = "import html\nTEXT = html.escape(TEXT)\n" if make == "html" else (
        "from ui.plain_text import as_text\nTEXT = as_text(TEXT)\n"
    )  # fmt: skip
    script = f"import streamlit as st\nTEXT = {SHORT!r}\n{guard}{lines[make]}\n"
    assert leaks(AppTest.from_string(script).run()) == []


@pytest.mark.parametrize(
    ("typed", "markdown"),
    [
        ("![x](http://a)", r"\!\[x\](http\://a)"), (":material/x: :smile:", r"\:material/x\: \:smile\:"),
        ("$x$ `y` **z** _a_ ~b~", r"\$x\$ \`y\` \*\*z\*\* \_a\_ \~b\~"), ("# a\n\n- b", r"\# a \- b"),
        ("1. a", r"1\. a"), ("a < b & c", r"a \< b \& c"), ("plain words, 3 of them.", "plain words, 3 of them."),
    ],
)  # fmt: skip
def test_markdown_loses_its_meaning(typed: str, markdown: str) -> None:
    assert as_text(typed) == markdown
