"""Every page, in both languages: what it shows, what its controls do, and what it says to bad input."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lab import models, problem
from lab.app import get_laboratory
from rlhf_core.weights import CheckpointError
from tests.ui.conftest import Visit, answer, markup, once, press, said, showing, undo, until
from ui.i18n import translate

PAGES = ("home", "language_model", "label", "reward_model", "ppo", "constitution", "navigation", "team", "outlook")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_page_opens_cold(visit: Visit, page: str, language: str) -> None:
    app = visit(page, language)
    assert not app.exception
    assert "lab-callout error" not in markup(app)
    assert translate(language, f"{page}.title") in said(app)
    assert app.session_state["language"] == language


def test_the_switch_changes_the_language(visit: Visit) -> None:
    app = visit("home", None)
    app.segmented_control(key="language").set_value("ko").run()
    assert translate("ko", "map.title") in said(app)
    app.segmented_control(key="language").set_value("en").run()
    assert translate("en", "map.title") in said(app)


def test_the_own_choice_replaces_the_address(visit: Visit) -> None:
    app = visit("home", "ko")
    app.segmented_control(key="language").set_value("en").run()
    assert app.query_params["lang"] in ("en", ["en"])
    assert translate("en", "map.title") in said(app)


# Home.


def test_home_leads_to_the_next_step(visit: Visit) -> None:
    app = visit()
    assert app.button(key="home_next").label == translate("en", "home.next_label_first")
    simulate(visit, 20)
    app = visit()
    assert app.button(key="home_next").label == translate("en", "home.next_ppo")
    assert translate("en", "map.labels_split", human=0, simulated=20) in said(app)


def states_of(app: AppTest) -> list[str]:
    """The class of each card of the map, from left to right."""
    return re.findall('class="lab-stage ([a-z ]+)"', markup(app))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_home_shows_the_problem_the_map_and_what_is_open(visit: Visit, language: str) -> None:
    app = visit("home", language)
    display, cases = models.assets(language).grammar.display, problem.of_start(language)
    for case in cases:
        assert display(case.question) in said(app) and display(case.answer) in said(app)
        assert translate(language, f"problem.{case.fault}_of", n=case.share.n) in said(app)
    assert states_of(app)[:4] == ["done", "none now", "none", "none"]
    assert translate(language, "checklist.title", done=0, n=13) in said(app)
    assert translate(language, "journey.here") in said(app)
    assert {link.proto.page for link in app.get("page_link")} >= {"language_model", "label", "ppo", "team"}
    simulate(visit, 20)
    assert states_of(visit("home", language))[:4] == ["done", "done", "done", "none now"]


def test_home_shows_what_a_trained_model_answers_now(visit: Visit) -> None:
    simulate(visit, 12)
    app = visit("ppo")
    app.number_input(key="ppo_iterations").set_value(10).run()
    app = press(app, "ppo_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    (run,) = store.runs(lab.id, "ppo")
    once(app, lambda: store.run(run.id).status == "finished" and store.saved_runs(lab.id) == {run.id: 10})
    app = until(visit(), lambda app: f"Now: PPO, run {run.number}, 10 iterations" in said(app))
    found = problem.of_run(store, lab, store.run(run.id))
    assert f"{found.valid_share:.0%} of its answers are whole sentences" in said(app)
    for case in found.cases:
        assert models.assets("en").grammar.display(case.answer) in said(app)
        assert markup(app).count(translate("en", "problem.interval", **vars(case.share)))
    assert states_of(app)[3] == "done" and "wins against the start" in said(app)
    assert translate("en", "journey.specification_open") not in said(app), "the run is evidence now"


def test_a_checkpoint_ticks_with_its_date(visit: Visit) -> None:
    app = visit("language_model")
    press(app, "lm_sample")
    app = visit()
    assert translate("en", "checklist.title", done=0, n=13) in said(app), "a suggestion is not one's own question"
    app = visit("language_model")
    app.text_input(key="lm_prompt").set_value("How do I make tea, please?").run()
    press(app, "lm_sample")
    app = visit()
    assert translate("en", "checklist.title", done=1, n=13) in said(app)
    done_at = get_laboratory().store.deeds(app.session_state["lab_session"].lab.id)["asked"]
    assert f"<time>{done_at.astimezone():%Y-%m-%d}</time>" in markup(app)


# Language model.


def test_a_prompt_becomes_tokens_and_answers(visit: Visit) -> None:
    app = visit("language_model")
    app.text_input(key="lm_prompt").set_value("How do I make tea?").run()
    assert markup(app).count('class="chip ') == len("how do i make tea ?".split())
    app = press(app, "lm_sample")
    assert markup(app).count('class="lab-quote') == 3
    assert f"{models.assets('en').model.parameter_count:,}" in said(app)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "There is no prompt yet"),
        ("   ", "There is no prompt yet"),
        ("How do I make <b>kimchi</b> ?", "The model does not know:"),
        ("tea " * 60, "This question is too long: use at most"),
    ],
)
def test_an_unreadable_prompt_gets_a_sentence(visit: Visit, typed: str, sentence: str) -> None:
    app = visit("language_model")
    app.text_input(key="lm_prompt").set_value(typed).run()
    assert not app.exception
    assert sentence in said(app)
    assert "<b>kimchi" not in markup(app)


def test_a_suggestion_is_a_prompt(visit: Visit) -> None:
    app = visit("language_model")
    app = press(app, "lm_suggestion_2")
    assert app.text_input(key="lm_prompt").value == app.button(key="lm_suggestion_2").label


def test_unknown_words_are_named_and_the_nearest_questions_offered(visit: Visit) -> None:
    app = visit("language_model")
    app.text_input(key="lm_prompt").set_value("How do I make kimchi?").run()
    assert "The model does not know: kimchi." in said(app)
    offered = app.button(key="lm_prompt_nearest_0").label
    app = press(app, "lm_prompt_nearest_0")
    assert app.text_input(key="lm_prompt").value == offered
    assert "The model does not know" not in said(app)
    assert markup(app).count('class="chip ') == len(models.assets("en").grammar.normalise(offered).split())
    assert "lm_prompt_nearest_0" not in {button.key for button in app.button}


def test_a_question_is_met_half_way_and_says_so(visit: Visit) -> None:
    app = visit("language_model")
    app.text_input(key="lm_prompt").set_value("whats the captial of Frence").run()
    assert translate("en", "reading.read_as", text="What is the capital of France?") in said(app)
    app.text_input(key="lm_prompt").set_value("WHAT'S   THE CAPITAL OF FRANCE???").run()
    assert "Read as" not in said(app), "case, spacing and marks are not worth a word"
    app.text_input(key="lm_prompt").set_value("Make tea").run()
    assert translate("en", "error.unknown_prompt") in said(app)
    assert app.button(key="lm_prompt_nearest_0").label == "How can I make tea?"


def test_korean_is_met_half_way_too(visit: Visit) -> None:
    app = visit("language_model", "ko")
    app.text_input(key="lm_prompt").set_value("차 끓이는법 좀 알려줘!!").run()
    assert translate("ko", "reading.read_as", text="차를 끓이는 방법을 알려 주세요.") in said(app)
    app.text_input(key="lm_prompt").set_value("피자를 굽고 싶어요").run()
    assert translate("ko", "error.unknown_words", words="피자를") in said(app)
    app = press(app, "lm_prompt_nearest_0")
    assert app.text_input(key="lm_prompt").value == "빵을 굽고 싶어요."
    assert markup(app).count('class="chip ') == 4


# Labelling.


def test_answers_are_counted_once_and_can_be_undone(visit: Visit) -> None:
    app = visit("label")
    before = showing(app)
    app = answer(app, "left")
    assert showing(app) != before
    for choice in ("right", "tie", "both_bad", "skip"):
        app = answer(app, choice)
    lab = app.session_state["lab_session"].lab
    assert [label.labeler_kind for label in get_laboratory().store.labels(lab.id)] == ["human"] * 5
    app = undo(app)
    assert translate("en", "label.undone") in said(app)
    assert len(get_laboratory().store.labels(lab.id)) == 4


def test_the_guess_is_told_after_the_choice(visit: Visit) -> None:
    app = visit("label")
    assert translate("en", "label.guess_none_yet") in said(app)
    for _ in range(4):
        app = answer(app, "left")
    assert translate("en", "label.guess_waiting") in said(app)
    assert "had guessed" not in said(app)
    app = answer(app, "left")
    assert "had guessed" in said(app)
    assert "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}1" in said(app)


def test_an_answer_faster_than_reading_is_passed_over(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from lab import labelling

    app = visit("label")
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(hours=1))
    app = answer(app, "left")
    assert not app.exception
    assert get_laboratory().store.labels(app.session_state["lab_session"].lab.id) == []


def simulate(visit: Visit, n: int) -> None:
    app = visit("label")
    app.number_input(key="simulate_n").set_value(n).run()
    press(app, "simulate_go")


def test_simulated_labels_say_so(visit: Visit) -> None:
    app = visit("label")
    app.selectbox(key="panel_preset_0").set_value("pirate-fan").run()
    assert "pirate's words +4" in said(app)
    app.number_input(key="simulate_n").set_value(3).run()
    app = press(app, "simulate_go")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    assert [label.labeler_kind for label in store.labels(lab.id)] == ["simulated"] * 3
    assert "3 simulated" in " ".join(said(app).split())


def test_a_runs_answers_can_be_labelled(visit: Visit) -> None:
    simulate(visit, 12)
    app = press(visit("ppo"), "ppo_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    run = store.runs(lab.id, "ppo")[0]
    once(app, lambda: store.run(run.id).step >= 2)
    press(app, "ppo_stop")
    app = visit("label")
    app.radio(key="label_writer").set_value(f"run-{run.id}").run()
    app = answer(app, "left")
    shown = store.open_showing(lab.id)
    assert shown is not None and shown.policy_id == f"run-{run.id}"
    assert f"PPO run {run.id}" in said(app)


# Reward model.


def test_an_empty_reward_model_offers_labels(visit: Visit) -> None:
    app = visit("reward_model")
    assert translate("en", "reward_model.empty") in said(app)
    app.number_input(key="simulate_n").set_value(12).run()
    app = press(app, "simulate_go")
    assert app.segmented_control(key="reward_source").value == "both"
    assert "are used" in said(app)


def test_a_sentence_of_ones_own_is_scored(visit: Visit) -> None:
    simulate(visit, 12)
    app = visit("reward_model")
    assert translate("en", "error.empty_response") in said(app)
    app.text_input(key="reward_response").set_value("Boil the water and fly to Mars.").run()
    assert translate("en", "reward_model.spread_sentence", n=10) in said(app)
    assert translate("en", "reward_model.score_sentence") in said(app)
    app.text_input(key="reward_prompt").set_value("How do I make kimchi?").run()
    assert "The model does not know: kimchi" in said(app)
    app = press(app, "reward_prompt_nearest_0")
    assert "The model does not know" not in said(app)
    app.text_input(key="reward_response").set_value("Boiling water and <b>qwzx</b>").run()
    assert translate("en", "reading.read_as", text="Boil water and b qwzx b") in said(app)
    assert translate("en", "reward_model.unknown_left", words="b, qwzx") in said(app)
    app.segmented_control(key="reward_source").set_value("human").run()
    assert translate("en", "reward_model.empty_source") in said(app)


def test_labels_that_train_nothing_are_said_to(visit: Visit) -> None:
    answer(visit("label"), "skip")
    app = visit("reward_model")
    assert translate("en", "reward_model.empty_useless") in said(app)
    app = press(visit("ppo"), "ppo_start")
    assert translate("en", "ppo.nothing_to_learn") in said(app)


# PPO.


def test_a_run_starts_pauses_steps_and_resets(visit: Visit) -> None:
    simulate(visit, 12)
    app = visit("ppo")
    app.number_input(key="ppo_seed").set_value(7).run()
    app = press(app, "ppo_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    run = store.runs(lab.id, "ppo")[0]
    assert (run.seed, run.inputs["source"]) == (7, "simulated")

    once(app, lambda: store.run(run.id).step >= 2)
    app = press(app, "ppo_pause")
    app.select_slider(key="ppo_kl_coef").set_value(0.0).run()
    assert store.run(run.id).config["kl_coef"] == 0.0
    assert store.config_changes(run.id)[-1][1] == {"kl_coef": 0.0}

    rested = once(app, lambda: len(store.metrics(run.id)) == store.run(run.id).step >= 2)
    step = store.run(run.id).step
    app = press(rested, "ppo_step")
    once(app, lambda: store.run(run.id).step > step)
    app = press(app.run(), "ppo_reset")
    again = store.runs(lab.id, "ppo")[0]
    assert (again.status, again.step, again.seed) == ("paused", 0, 7)


def test_pace_and_sliders_wait_for_the_next_run(visit: Visit) -> None:
    simulate(visit, 12)
    app = visit("ppo")
    app.selectbox(key="ppo_pace").set_value(5.0).run()
    app.select_slider(key="ppo_learning_rate").set_value(1e-3).run()
    app = press(app, "ppo_start")
    run = get_laboratory().store.runs(app.session_state["lab_session"].lab.id, "ppo")[0]
    assert (run.pace, run.config["learning_rate"]) == (5.0, 1e-3)
    press(app, "ppo_stop")


def test_after_a_run_the_sliders_show_what_the_next_one_will_use(visit: Visit) -> None:
    simulate(visit, 12)
    app = visit("ppo")
    app.number_input(key="ppo_iterations").set_value(2).run()
    app = press(app, "ppo_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    first = store.runs(lab.id, "ppo")[0]
    app = once(app, lambda: store.run(first.id).status == "finished")

    app.run().select_slider(key="ppo_kl_coef").set_value(0.0).run()
    assert app.run().select_slider(key="ppo_kl_coef").value == 0.0, "the slider springs back"
    app.selectbox(key="ppo_pace").set_value(1.0).run()
    app = press(app, "ppo_start")
    second = store.runs(lab.id, "ppo")[0]
    assert (second.config["kl_coef"], second.pace) == (0.0, 1.0)
    assert store.run(first.id).config["kl_coef"] != 0.0
    press(app, "ppo_stop")


# What cannot be used.


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_damaged_database_is_a_sentence(
    visit: Visit, page: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.sqlite3"
    broken.write_text("this is no database\n" * 100)
    monkeypatch.setenv("RLHF_LAB_DATABASE", f"sqlite:///{broken}")
    app = visit(page, language)
    assert not app.exception
    assert translate(language, "error.store", detail="")[:12] in said(app)
    assert "broken.sqlite3" in said(app)


@pytest.mark.parametrize("page", ["home", "language_model", "label"])
def test_a_missing_checkpoint_is_a_sentence(visit: Visit, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(language: str) -> None:
        raise CheckpointError("The checkpoint minilm-en.safetensors is missing; restore the file.")

    monkeypatch.setattr(models, "assets", missing)
    app = visit(page)
    assert not app.exception
    assert "A model file cannot be used. The checkpoint minilm-en.safetensors is missing" in said(app)
