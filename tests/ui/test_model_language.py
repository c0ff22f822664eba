"""The model's language apart from the page's: what follows it, what keeps to its own, what waits."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab import models
from lab.app import get_laboratory
from lab.store import Lab
from tests.ui.conftest import Visit, answer, markup, once, press, said, showing, undo
from ui.i18n import translate

PAGES = ("home", "language_model", "label", "reward_model", "ppo", "constitution", "navigation", "team", "outlook")


def lab_of(app: AppTest) -> Lab:
    return get_laboratory().store.lab(app.session_state["lab_session"].lab.id)


def speak(app: AppTest, language: str) -> AppTest:
    """Choose the model's language at the top of the page."""
    return app.segmented_control(key="model_language").set_value(language).run()


def speak_in_another_tab(app: AppTest, language: str) -> None:
    get_laboratory().store.set_language(lab_of(app).id, language)


def simulate(app: AppTest, n: int) -> AppTest:
    app.number_input(key="simulate_n").set_value(n).run()
    return press(app, "simulate_go")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_new_labs_model_speaks_the_pages_language_and_keeps_it(visit: Visit, language: str) -> None:
    other = {"en": "ko", "ko": "en"}[language]
    assert lab_of(visit("home", language)).language == language
    app = visit("language_model", other)
    assert lab_of(app).language == language and app.segmented_control(key="model_language").value == language
    assert translate(other, "language_model.title") in said(app)
    assert translate(other, f"language.{language}") in app.caption[0].value
    question = app.text_input(key="lm_prompt").value
    assert models.assets(language).grammar.find(question) is not None


@pytest.mark.parametrize("page", PAGES)
def test_the_switch_changes_the_model_and_not_the_page(visit: Visit, page: str) -> None:
    app = speak(visit(page, "en"), "ko")
    assert not app.exception and "lab-callout error" not in markup(app)
    assert lab_of(app).language == "ko" and app.session_state["language"] == "en"
    assert translate("en", f"{page}.title") in said(app)
    assert [toast.value for toast in app.toast] == ["The model speaks Korean now, with labels of its own (0 so far)."]
    assert not app.run().toast, "it is said once"


def test_the_sentence_tells_which_labels_wait(visit: Visit) -> None:
    app = simulate(visit("label", "en"), 3)
    app = answer(app, "left")
    app = speak(app, "ko")
    assert app.toast[0].value.endswith("(0 so far); your labels in English (4) wait until you change back.")
    assert "0 labelled by you" in " ".join(said(app).split())
    app = speak(app, "en")
    assert app.toast[0].value == "The model speaks English now, with labels of its own (4 so far)."
    assert "1 labelled by you" in " ".join(said(app).split()) and "3 simulated" in " ".join(said(app).split())


def test_each_language_keeps_its_question_and_answers(visit: Visit) -> None:
    app = visit("language_model", "en")
    app.text_input(key="lm_prompt").set_value("Should I eat raw chicken?").run()
    app = press(app, "lm_sample")
    answers = app.session_state["lab_session"].conversations["en"].lm_answers
    assert len(answers) == 3

    app = speak(app, "ko")
    korean = app.text_input(key="lm_prompt").value
    assert models.assets("ko").grammar.find(korean) is not None
    assert app.text_input(key="lm_prompt").placeholder == korean
    assert translate("en", "language_model.answers_none") in said(app)
    app = press(app, "lm_suggestion_3")
    korean = app.text_input(key="lm_prompt").value

    app = speak(app, "en")
    assert app.text_input(key="lm_prompt").value == "Should I eat raw chicken?"
    assert all(models.assets("en").grammar.display(answer.text) in said(app) for answer in answers)
    app = speak(app, "ko")
    assert app.text_input(key="lm_prompt").value == korean


def test_a_question_waits_while_its_page_is_left(visit: Visit) -> None:
    app = visit("language_model", "en")
    app.text_input(key="lm_prompt").set_value("Should I eat raw chicken?").run()
    app = app.switch_page("../pages/home.py").run()
    app = speak(app, "ko")
    app = app.switch_page("../pages/language_model.py").run()
    assert app.text_input(key="lm_prompt").value != "Should I eat raw chicken?"
    app = speak(app.switch_page("../pages/home.py").run(), "en")
    app = app.switch_page("../pages/language_model.py").run()
    assert app.text_input(key="lm_prompt").value == "Should I eat raw chicken?"


def test_the_reward_models_page_keeps_sentences_apart(visit: Visit) -> None:
    simulate(visit("label", "en"), 12)
    app = visit("reward_model", "en")
    app.text_input(key="reward_response").set_value("I do not know.").run()
    app = simulate(speak(app, "ko"), 12)
    question, answer = app.text_input(key="reward_prompt"), app.text_input(key="reward_response")
    grammar = models.assets("ko").grammar
    assert grammar.find(question.value) is not None and answer.value == ""
    assert not models.assets("ko").tokenizer.unknown(grammar.normalise(answer.placeholder))
    app = speak(app, "en")
    assert app.text_input(key="reward_response").value == "I do not know."
    assert translate("en", "reward_model.score_sentence") in said(app)


def test_annotators_have_tastes_of_the_models_language(visit: Visit) -> None:
    app = visit("label", "en")
    app.selectbox(key="panel_preset_0").set_value("pirate-fan").run()
    assert translate("en", "annotator.formality-fan") not in app.selectbox(key="panel_preset_0").options
    app = speak(app, "ko")
    who = app.selectbox(key="panel_preset_0")
    assert who.value == "default" and translate("en", "annotator.pirate-fan") not in who.options
    app = who.set_value("formality-fan").run()
    assert "formal speech (합니다체) +4" in said(app) and "pirate" not in said(app)
    app = speak(app, "en")
    assert app.selectbox(key="panel_preset_0").value == "pirate-fan"


def test_runs_stay_with_their_language(visit: Visit) -> None:
    simulate(visit("label", "en"), 12)
    app = visit("ppo", "en")
    app = press(app, "ppo_start")
    store, lab = get_laboratory().store, lab_of(app)
    [run] = store.runs(lab.id, "ppo")
    once(app, lambda: store.run(run.id).step >= 1)
    label = visit("label", "en")
    label.radio(key="label_writer").set_value(f"run-{run.id}").run()

    label = speak(label, "ko")
    assert label.radio(key="label_writer").options == [translate("en", "label.writer_start")]
    label = answer(label, "left")
    assert {x.policy_id for x in store.labels(lab.id)} == {"start"}
    sentence = translate("en", "ppo.elsewhere", run=run.number, language="English")
    app = visit("ppo", "en")
    assert sentence in said(app) and f"Run {run.number} \N{MIDDLE DOT}" not in said(app)
    home = visit("home", "en")
    assert sentence in said(home) and translate("en", "map.ppo_none") in said(home)

    home = press(home, "elsewhere_change")
    assert lab_of(home).language == "en" and sentence not in said(home)
    assert f"run {run.number}" in said(home).lower()
    assert speak(label, "en").radio(key="label_writer").value == f"run-{run.id}"
    press(visit("ppo", "en"), "ppo_stop")
    assert sentence not in said(speak(visit("home", "en"), "ko")), "it rests"


def test_the_page_follows_a_change_in_another_tab(visit: Visit) -> None:
    app = visit("label", "en")
    before = showing(app)
    speak_in_another_tab(app, "ko")
    app = answer(app, "left")
    assert translate("en", "label.elsewhere") in said(app)
    assert app.segmented_control(key="model_language").value == "ko"
    assert showing(app) != before
    store, lab = get_laboratory().store, lab_of(app)
    assert store.labels(lab.id) == store.labels(lab.id, language="en") == []

    app = answer(app, "left")
    speak_in_another_tab(app, "en")
    app = undo(app)
    assert translate("en", "label.elsewhere") in said(app)
    assert len(store.labels(lab.id, language="ko")) == 1


def test_nothing_is_trained_in_a_language_that_the_page_did_not_show(visit: Visit) -> None:
    simulate(visit("label", "en"), 12)
    app = visit("ppo", "en")
    speak_in_another_tab(app, "ko")
    app = press(app, "ppo_start")
    assert get_laboratory().store.runs(lab_of(app).id) == []
    assert translate("en", "ppo.empty") in said(app)


def test_the_apps_own_font_has_every_syllable_that_the_korean_model_writes() -> None:
    """It holds those of KS X 1001 (`ui/assets/README.md`), which are the ones that EUC-KR can say."""
    assert "".join(models.assets("ko").grammar.words).encode("euc_kr")


def test_a_switch_that_reports_no_choice_changes_nothing_and_shows_the_language_again(visit: Visit) -> None:
    """As a slow browser does that is sent the switch twice before it has drawn it."""
    app = visit("language_model", "ko")
    app = app.segmented_control(key="model_language").set_value(None).run()
    assert not app.exception and "lab-callout error" not in markup(app)
    assert lab_of(app).language == "ko" and app.segmented_control(key="model_language").value == "ko"
