"""The PPO page for a class: presets, the diagnosis line, switches, the strip and the slow motion."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab import diagnosis
from lab.app import get_laboratory
from lab.diagnosis import Finding
from lab.labelling import LabellingDesk
from lab.presets import PRESETS
from lab.store import Run, Store
from rlhf_core.ppo import PPOConfig
from tests.lab.runs import add_ppo_run
from tests.ui.conftest import Visit, markup, once, press, said
from ui.i18n import translate
from ui.slow_motion_view import STEPS


def labelled(visit: Visit) -> AppTest:
    """The PPO page of a lab with a few labels."""
    lab = visit("home").session_state["lab_session"].lab
    LabellingDesk(get_laboratory().store, lab).simulate(12, "default", 0.0, seed=1)
    return visit("ppo")


def runs(app: AppTest) -> tuple[Store, list[Run]]:
    store = get_laboratory().store
    return store, store.runs(app.session_state["lab_session"].lab.id, "ppo")


def test_a_preset_sets_the_next_run_which_says_what_it_was_made_from(visit: Visit) -> None:
    app = labelled(visit)
    assert translate("en", "preset.none") in said(app)
    falls = translate("en", "run.learning_rate_falls", n=PPOConfig.anneal_over)
    assert falls in app.select_slider(key="ppo_learning_rate").help
    app.segmented_control(key="ppo_preset").set_value("no_kl").run()
    assert falls not in app.select_slider(key="ppo_learning_rate").help, "its step size is held"
    assert translate("en", "preset.no_kl_watch", rate=1e-3) in said(app)
    assert app.select_slider(key="ppo_kl_coef").value == 0.0
    assert app.segmented_control(key="ppo_features").value == "bag_of_words"
    app.number_input(key="ppo_iterations").set_value(1).run()
    app = press(app, "ppo_start")
    store, (run,) = runs(app)
    once(app, lambda: store.run(run.id).status == "finished")
    assert (run.config["kl_coef"], run.inputs["features"], run.inputs["labels_used"]) == (0.0, "bag_of_words", 100)
    assert (run.inputs["simulated_used"], run.inputs["made_for_run"]) == (100, 88)
    text = said(app.run())
    assert translate("en", "preset.made", n=88) in text
    assert translate("en", "diagnosis.early", n=1, of=10) in text
    assert app.segmented_control(key="ppo_preset").value == "no_kl", "the next run would be the same"
    app.select_slider(key="ppo_kl_coef").set_value(0.1).run()
    assert app.segmented_control(key="ppo_preset").value is None


def test_two_findings_of_the_diagnosis_are_two_sentences(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Finding("collapse", {"distinct": 0.1, "valid": 0.2, "entropy": 0.05}),
        Finding("hacking", {"rise": 3.0, "best": 1.0, "now": -2.0}),
    ]
    monkeypatch.setattr(diagnosis, "diagnose", lambda rows: found)
    app = labelled(visit)
    add_ppo_run(get_laboratory().store, app.session_state["lab_session"].lab)
    assert "Diagnosis: the policy has collapsed" in " ".join(said(app.run()).split())
    assert "nats a token. Reward hacking: the reward rose by +3.00 sd" in said(app)


def test_a_preset_chosen_beside_a_resting_run_is_for_the_next_one(visit: Visit) -> None:
    app = labelled(visit)
    press(app, "ppo_start")
    store, (run,) = runs(app)
    app = press(app.run(), "ppo_pause")
    app.segmented_control(key="ppo_preset").set_value("strong_kl").run()
    assert translate("en", "preset.next_run") in said(app)
    assert app.select_slider(key="ppo_kl_coef").value == PPOConfig.kl_coef, "the resting run keeps its own"
    app.number_input(key="ppo_iterations").set_value(1).run()
    app = press(app, "ppo_start")
    newest = runs(app)[1][0]
    assert newest.config["kl_coef"] == PRESETS["strong_kl"].config["kl_coef"]
    assert store.run(run.id).config["kl_coef"] == PPOConfig.kl_coef
    once(app, lambda: store.run(newest.id).status == "finished")


def test_switches_act_on_the_next_run(visit: Visit) -> None:
    app = labelled(visit)
    app.session_state["ppo_advanced"] = True
    app.run()
    app.toggle(key="ppo_adaptive_kl").set_value(True).run()
    app.toggle(key="ppo_scaled_log_probs").set_value(False).run()
    app.select_slider(key="ppo_gamma").set_value(0.9).run()
    app.select_slider(key="ppo_target_kl").set_value(0.001).run()
    assert app.toggle(key="ppo_adaptive_kl").value, "the switch springs back"
    app.number_input(key="ppo_iterations").set_value(2).run()
    app = press(app, "ppo_start")
    store, (run,) = runs(app)
    wished = {"adaptive_kl": True, "scaled_log_probs": False, "gamma": 0.9, "target_kl": 0.001}
    assert run.config.items() >= wished.items()
    once(app, lambda: store.run(run.id).status == "finished")
    first, second = store.metrics(run.id)
    assert first["kl_coef"] == PPOConfig.kl_coef != second["kl_coef"]


def test_slow_motion_goes_through_an_iteration_and_makes_no_run(visit: Visit) -> None:
    app = labelled(visit)
    assert translate("en", "mdp.of_start") in said(app)
    app.segmented_control(key="ppo_view").set_value("slow").run()
    assert translate("en", "slow.of_start", step=1, n=64) in said(app)
    for number, step in enumerate(STEPS):
        assert app.segmented_control(key="slow_step").value == step
        assert 'class="worth' in markup(app)
        assert app.button(key="slow_on").disabled == (number == len(STEPS) - 1)
        if number < len(STEPS) - 1:
            press(app, "slow_on")
    assert translate("en", "slow.policy_loss") in said(app)
    app.selectbox(key="slow_answer").set_value(5).run()
    assert not app.exception and runs(app)[1] == []


def test_slow_motion_of_a_run_is_its_next_iteration(visit: Visit) -> None:
    app = labelled(visit)
    app.number_input(key="ppo_iterations").set_value(2).run()
    app = press(app, "ppo_start")
    store, (run,) = runs(app)
    once(app, lambda: store.run(run.id).status == "finished")
    before = store.metrics(run.id), store.checkpoint(run.id)
    app.segmented_control(key="ppo_view").set_value("slow").run()
    assert translate("en", "slow.of_run", run=1, step=3, n=64) in said(app)
    assert translate("en", "mdp.of_run", run=1, step=2) in said(app)
    press(app, "slow_anew")
    assert (store.metrics(run.id), store.checkpoint(run.id)) == before
