"""The labelling page: strength, reasons, the guideline, the deck's settings and the end of a round."""

from __future__ import annotations

import re
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import RerunData, RerunException
from streamlit.testing.v1 import AppTest

from lab import deck, rounds
from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from lab.store import Lab, Label
from tests.ui.conftest import Visit, answer, ballot, deliver, key_of, markup, press, said, showing
from ui.i18n import translate
from ui.label_view import GRADES


def lab_of(app: AppTest) -> Lab:
    return app.session_state["lab_session"].lab


def labels(app: AppTest) -> list[Label]:
    return get_laboratory().store.labels(lab_of(app).id)


def label_many(app: AppTest, n: int) -> None:
    """Labels given elsewhere, by the same person."""
    desk = LabellingDesk(get_laboratory().store, lab_of(app))
    for _ in range(n):
        desk.answer(desk.current().id, "left")


def test_four_buttons_say_how_much_better(visit: Visit) -> None:
    app = visit("label")
    for side, strength in GRADES:
        app = answer(app, side, strength)
        last = labels(app)[-1]
        assert last.strength == strength
        assert (last.choice == last.shown_left) == (side == "left")
    app = answer(app, "left")
    assert labels(app)[-1].strength == 0, "the plain choice does not ask for it"


def test_an_answer_belongs_to_the_pair_that_was_in_sight(visit: Visit) -> None:
    app = visit("label")
    first = showing(app)
    app = answer(answer(app, "left"), "right", late=first)
    assert len(labels(app)) == 1 and labels(app)[0].choice == labels(app)[0].shown_left


@pytest.mark.parametrize("payload", [None, [], "left", {"choice": "left"}, {"choice": "undo", "strength": 0}])
def test_what_no_button_says_answers_nothing(visit: Visit, payload: object) -> None:
    app = visit("label")
    before = showing(app)
    if isinstance(payload, dict):
        payload |= {"showing": before, "reasons": [], "words": ""}
        payload = payload if "strength" in payload else payload | {"strength": [7]}
    app = deliver(app, payload)
    assert not app.exception and labels(app) == [] and showing(app) == before


def test_reasons_are_kept_in_english(visit: Visit) -> None:
    app = visit("label")
    app = answer(app, "left", reasons=["other", "kinder", "invented"], words="  왜냐하면, <b>좋아서</b> ")
    assert labels(app)[-1].rationale == "kinder, other, 왜냐하면, <b>좋아서</b>"
    app = answer(app, "left")
    assert labels(app)[-1].rationale == ""


def test_the_digits_can_be_switched_off(visit: Visit) -> None:
    app = visit("label")
    assert translate("en", "label.keys_digits") in said(app)

    def keys() -> set[str]:
        return set(re.findall(r'data-key="(\w+)"', ballot(app)["choices"]))

    assert keys() >= {"1", "2", "3", "4", "arrowleft"}
    app.toggle(key="label_digits").set_value(False).run()
    assert keys() & {"1", "2", "3", "4"} == set() and "arrowleft" in keys()
    assert translate("en", "label.keys_digits") not in said(app)


def test_the_question_and_the_guideline_can_be_ones_own(visit: Visit) -> None:
    app = visit("label")
    assert translate("en", "label.question") in said(app) and translate("en", "guideline.text") in said(app)
    assert markup(app).count('class="lab-worked"') == 3
    app.text_input(key="guideline_question_0").set_value("Which is <i>kinder</i>?")
    app.text_area(key="guideline_text_0").set_value("Be kind.")
    app = press(app, "guideline_save")
    assert "Which is <i>kinder</i>?" in said(app) and "<i>kinder" not in markup(app)
    assert "Be kind." in said(app) and translate("en", "guideline.text") not in said(app)
    app = answer(app, "left")
    assert labels(app)[-1].guideline == 1
    app.text_input(key="guideline_question_1").set_value("")
    app = press(app, "guideline_save")
    assert translate("en", "label.question") in said(app)
    assert get_laboratory().store.guideline(lab_of(app).id).version == 2


def test_why_a_pair_was_shown_is_told_after_the_answer(visit: Visit) -> None:
    app, language = visit("label"), "en"
    store = get_laboratory().store
    for _ in range(12):
        shown = store.open_showing(lab_of(app).id)
        kind, _, detail = shown.why.partition(":")
        app = answer(app, "left")
        key = {
            "contrast": "label.why_contrast", "dilemma": f"label.why_dilemma_{detail}",
            "uncertain": "label.why_uncertain",  # where no contrast or dilemma was drawn, about one lab in twelve
        }.get(kind)  # fmt: skip
        if key:
            slots = {"attribute": translate(language, f"attribute.{detail}")} if kind == "contrast" else {}
            assert translate(language, key, **slots) in said(app)
        else:
            side = "A" if deck.better(labels(app)[-1]) == shown.shown_left else "B"
            told = [
                translate(language, f"label.why_{kind}_{outcome}", side=side)
                for outcome in (("right", "other") if kind == "check" else ("same", "other"))
            ]
            assert any(sentence in said(app) for sentence in told)


def test_the_deck_is_set_for_the_lab(visit: Visit) -> None:
    app = visit("label")
    app.radio(key="deck_way").set_value("different").run()
    app.toggle(key="deck_checks").set_value(False).run()
    kept = deck.settings(get_laboratory().store, lab_of(app))
    assert (kept.way, kept.checks, kept.repeats) == ("different", False, True)
    app = visit("label")
    assert app.radio(key="deck_way").value == "different" and not app.toggle(key="deck_checks").value


def says_what_the_round_came_to(app: AppTest, language: str) -> bool:
    found = rounds.summary(labels(app))
    sentences = (
        translate(language, "round.ended", number=1),
        translate(language, "round.favourite", n=16),
        translate(language, "round.of", k=found.repeats.k, n=2),
        translate(language, "round.leaning_left", share=found.left.k / found.left.n),
    )
    return all(sentence in said(app) for sentence in sentences)


def test_a_round_ends_with_what_it_came_to(visit: Visit) -> None:
    app = visit("label")
    label_many(app, 19)
    app = visit("label")
    assert translate("en", "round.progress", at=20, n=20, round=1) in said(app)
    app = answer(app, "left")
    assert says_what_the_round_came_to(app, "en")
    assert says_what_the_round_came_to(visit("label", "ko"), "ko"), "after a reload, in either language of the page"
    assert ballot(app) is None, "no pair is in sight"
    assert get_laboratory().store.open_showing(lab_of(app).id) is None, "no time runs"

    app = press(app, "label_undo")
    assert len(labels(app)) == 19
    app = answer(app, "left")
    app = press(app, "round_next")
    assert translate("en", "round.progress", at=1, n=20, round=2) in said(app)
    app = visit("label")
    assert ballot(app), "an end that was seen does not come again"


def test_a_panel_says_what_will_happen_and_then_how_far_it_agrees(visit: Visit) -> None:
    app = visit("label")
    app.number_input(key="simulate_n").set_value(4).run()
    app.number_input(key="panel_size").set_value(3).run()
    assert translate("en", "panel.will_all", members=3, pairs=4, labels=12) in said(app)
    app.number_input(key="panel_overlap").set_value(2).run()
    assert translate("en", "panel.will_some", members=3, pairs=4, overlap=2, labels=8) in said(app)
    app.segmented_control(key="panel_who").set_value(1).run()
    app.text_input(key="panel_name_1").set_value(" <b>Zoe</b> ").run()
    app.toggle(key="panel_edit").set_value(True).run()
    app.slider(key="panel_weight_1_help").set_value(-5.0).run()
    assert app.selectbox(key="panel_preset_1").value == "own" and "helpfulness \N{MINUS SIGN}5" in said(app)
    app = press(app, "simulate_go")
    assert {label.labeler for label in labels(app)} == {"Ada", "<b>Zoe</b>", "Chloe"} and len(labels(app)) == 8
    assert "<b>Zoe" not in markup(app) and translate("en", "history.alpha_sentence") in said(app)
    app.text_input(key="panel_name_1").set_value("Ada").run()
    app = press(app, "simulate_go")
    assert translate("en", "panel.error_twice", name="Ada") in said(app) and len(labels(app)) == 8
    assert key_of(app, "notebook_load"), "the rest of the page stays"


def test_the_notebooks_pairs_come_and_go_by_one_click(visit: Visit) -> None:
    app = press(visit("label"), "notebook_load")
    assert {label.labeler for label in labels(app)} == {"notebook"} and len(labels(app)) == 200
    assert "200 simulated" in " ".join(said(app).split()) and not [b for b in app.button if b.key == "notebook_load"]
    app = press(app, "notebook_unload")
    assert labels(app) == [] and key_of(app, "notebook_load")


def test_labelling_that_another_run_of_the_page_interrupts_is_done_by_that_one(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when what was typed before the click is told after it. Nothing was kept yet, and nothing is made twice."""
    app = visit("label")
    app.number_input(key="simulate_n").set_value(4).run()
    interruptions, draw = [RerunException(RerunData())], st.progress

    def progress(*arguments: Any) -> Any:
        if interruptions:
            raise interruptions.pop()
        return draw(*arguments)

    monkeypatch.setattr(st, "progress", progress)
    app = press(app, "simulate_go").run()
    assert not interruptions and len(labels(app)) == 4
