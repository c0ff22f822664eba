"""Labels taken away, brought in and looked through at the end of the labelling page, in both languages."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab import exchange
from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from lab.store import Lab, Label
from rlhf_core.formats import FORMATS
from tests.ui.conftest import Visit, answer, markup, press, said
from ui import exchange_view, session
from ui.i18n import translate

ODD = "What is the volcano of <b>Naples</b>?"


@pytest.fixture(params=["en", "ko"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's language, outside of a script run too: AppTest names options again when it sends them."""
    monkeypatch.setattr(session, "language", lambda: request.param)
    return request.param


def lab_of(app: AppTest) -> Lab:
    return app.session_state["lab_session"].lab


def labels(app: AppTest) -> list[Label]:
    return get_laboratory().store.labels(lab_of(app).id)


def opened(visit: Visit, part: str, language: str = "en", *, simulated: int = 0) -> AppTest:
    """The labelling page with a part of it open."""
    app = visit("label", language)
    if simulated:
        LabellingDesk(get_laboratory().store, lab_of(app)).simulate(simulated, "default", 0.0, 1)
    app.session_state[part] = True
    return app.run()


def row(**of: Any) -> dict[str, Any]:
    return {"prompt": "How do I make tea?", "response_a": "I am happy to help.", "response_b": "It is.", **of}


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def upload(app: AppTest, data: bytes, name: str = "class.jsonl") -> AppTest:
    return app.file_uploader[0].set_value((name, data, "application/octet-stream")).run()


def test_it_is_told_what_a_format_leaves_out(visit: Visit, language: str) -> None:
    app = opened(visit, "exchange", language)
    store, lab = get_laboratory().store, lab_of(app)
    upload_all = lines(row(choice="a", labeler="ann"), row(choice="tie", strength=2), row(choice="skip"))
    exchange.take_in(store, lab, exchange.look(store, lab, upload_all, "f"))
    app = app.run()
    for format in FORMATS:
        app = app.selectbox(key="exchange_format").set_value(format).run()
        assert not app.exception and "lab-callout error" not in markup(app)
    app = app.selectbox(key="exchange_format").set_value("hh-rlhf").run()
    assert translate(language, "exchange.labels", n=1, left_out=2) in said(app)
    for choice in ("tie", "skip"):
        assert translate(language, "format.no_choice", value=choice, format="hh-rlhf") in said(app)


def test_a_file_is_looked_at_first_and_then_taken_in(visit: Visit, language: str) -> None:
    app = opened(visit, "exchange", language)
    bad = row(choice="best"), {"prompt": "x", "response_a": 3, "response_b": "y"}
    data = lines(row(choice="a", labeler="ann"), row(prompt=ODD), *bad)
    app = upload(app, data)
    assert labels(app) == [] and not app.exception
    text = said(app)
    assert translate(language, "format.no_text", value="3") in text and "response_a" in text
    found = exchange.look(get_laboratory().store, lab_of(app), data, "f")
    words = exchange_view.listed(found.unknown, exchange_view.SHOWN_WORDS)
    assert translate(language, "exchange.unreadable", n=found.unreadable, words=words) in text
    app = press(app, "intake_go")
    assert [(label.labeler, label.choice) for label in labels(app)] == [("ann", "a")]
    assert app.session_state["lab_session"].intakes == 1
    # The pair that nobody judged comes after the one that was in sight, its unknown words marked, and as text.
    app = answer(app, "skip")
    assert translate(language, "label.unreadable") in said(app)
    assert "<mark" in markup(app) and "<b>Naples" not in markup(app) and "Naples" in markup(app)
    app = answer(app, "left")
    assert labels(app)[-1].prompt == ODD


@pytest.mark.parametrize(
    ("data", "reason", "slots"),
    [
        (gzip.compress(bytes(50 * 2**20)), "too_large_unpacked", {"limit": 20 * 2**20}),
        (b"\xff", "no_utf8", {"offset": 0}),
        (b"", "no_rows", {}),
        (b"a,b\n1,2", "file_header", {"line": 1, "needed": "prompt, response_a, response_b", "value": "'a', 'b'"}),
    ],
    ids=["bomb", "bytes", "empty", "csv"],
)
def test_a_broken_file_gets_a_sentence_and_changes_nothing(
    visit: Visit, language: str, data: bytes, reason: str, slots: dict[str, Any]
) -> None:
    app = upload(opened(visit, "exchange", language), data, "class.json")
    assert translate(language, f"format.{reason}", **slots) in said(app)
    assert translate(language, "exchange.unchanged") in said(app)
    assert labels(app) == [] and not [b for b in app.button if b.key == "intake_go"]


def test_the_history_shows_filters_and_takes_back(visit: Visit, language: str) -> None:
    app = opened(visit, "history", language)
    assert translate(language, "history.empty") in said(app)
    app = opened(visit, "history", language, simulated=8)
    assert len(app.dataframe[0].value) == 8 and translate(language, "history.shown", n=8) in said(app)
    label = labels(app)[-1]
    app = app.selectbox(key="history_choice").set_value(label.choice).run()
    assert set(app.dataframe[0].value[translate(language, "history.choice")]) == {
        translate(language, f"history.choice_{label.choice}")
    }
    app = app.text_input(key="history_text").set_value("no such text").run()
    assert translate(language, "history.shown", n=0) in said(app) and not app.exception
    app = app.text_input(key="history_text").set_value("").run()
    app = app.selectbox(key="history_chosen").set_value(label.event_id).run()
    assert translate(language, "history.without") in said(app)
    assert translate(language, "history.flipped_sentence", n=300) in said(app)
    app = press(app, "history_take_back")
    assert len(labels(app)) == 7 and not app.exception


def test_a_choice_is_changed(visit: Visit) -> None:
    app = opened(visit, "history", simulated=3)
    label = labels(app)[0]
    app = app.selectbox(key="history_chosen").set_value(label.event_id).run()
    app = app.selectbox(key=f"history_change_{label.event_id}").set_value("both_bad").run()
    app = press(app, "history_change_go")
    assert labels(app)[-1].choice == "both_bad" and labels(app)[-1].labeler == "you" and len(labels(app)) == 3


def test_a_labellers_data_are_deleted_and_agreement_is_told(visit: Visit) -> None:
    app = opened(visit, "history")
    store, lab = get_laboratory().store, lab_of(app)
    judged = [row(response_b=f"{word} .", choice=choice, labeler=who) for word, choice in (("no", "a"), ("it", "b"))
              for who in ("ann", "bob")]  # fmt: skip
    exchange.take_in(store, lab, exchange.look(store, lab, lines(*judged), "f"))
    app = app.run()
    assert translate("en", "history.share_sentence", n=2, labelers=2) in said(app)
    app = app.selectbox(key="history_delete_who").set_value(("bob", "human")).run()
    assert translate("en", "history.delete_why", name="bob", n=2) in said(app)
    app = press(app, "history_delete_go")
    assert {label.labeler for label in labels(app)} == {"ann"}
    assert translate("en", "history.agreement") not in said(app)


def test_labels_that_the_model_cannot_read_are_counted_where_they_would_teach(visit: Visit) -> None:
    app = visit("label")
    store, lab = get_laboratory().store, lab_of(app)
    data = lines(row(choice="a"), row(prompt=ODD, choice="b"))
    exchange.take_in(store, lab, exchange.look(store, lab, data, "f"))
    assert translate("en", "reward_model.unreadable", n=1) in said(visit("reward_model"))
