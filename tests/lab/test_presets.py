"""Presets, the limits of labels, and slow motion of a lab's own PPO."""

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
import torch

from lab import labelling, ppo, presets, reward, slow_motion
from lab.jobs import Jobs, spec_of
from lab.labelling import LabellingDesk
from lab.store import Lab, Store
from rlhf_core.ppo import PPOConfig
from tests.lab.test_ppo_job import Until, order


def label(store: Store, lab: Lab, simulated: int) -> None:
    LabellingDesk(store, lab).simulate(simulated, "default", 0.0, seed=1)


def test_every_preset_is_a_config_of_the_trainer() -> None:
    for preset in presets.PRESETS.values():
        assert ppo.ppo_config(preset.config) == PPOConfig(**preset.changes)
        assert preset.labels in presets.LABEL_LIMITS


def test_labels_are_topped_up_for_the_run_alone(store: Store, lab: Lab) -> None:
    label(store, lab, 20)
    fit, made = presets.limited_fit(store, lab, "both", "words", "fifty", seed=3)
    assert (fit.labels_used, fit.simulated_used, made) == (50, 50, 30)
    again, _ = presets.limited_fit(store, lab, "both", "words", "fifty", seed=3)
    other, _ = presets.limited_fit(store, lab, "both", "words", "fifty", seed=4)
    weights = fit.model.weights
    assert torch.equal(weights, again.model.weights) and not torch.equal(weights, other.model.weights)
    assert reward.counts(store, lab)["both"] == 20, "the lab has no more labels than before"
    with pytest.raises(ValueError, match="no limit 'few'"):
        presets.limited_fit(store, lab, "both", "words", "few", seed=3)


def test_people_come_first_where_fewer_are_wanted(
    store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(store, lab, 12)
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    desk = LabellingDesk(store, lab, rng=torch.Generator().manual_seed(0))
    desk.answer(desk.current().id, "left")
    fit, made = presets.limited_fit(store, lab, "both", "words", "ten", seed=3)
    assert (fit.labels_used, fit.simulated_used, made) == (10, 9, 0)
    fit, made = presets.limited_fit(store, lab, "human", "words", "ten", seed=3)
    assert (fit.labels_used, fit.simulated_used, made) == (10, 9, 9)


def test_a_prepared_run_says_how_many_were_made_for_it(store: Store, lab: Lab) -> None:
    label(store, lab, 4)
    spec = order(lab)
    topped = ppo.prepare(replace(spec, inputs={**spec.inputs, "label_limit": "ten"}), store)
    assert (topped.inputs["labels_used"], topped.inputs["made_for_run"]) == (10, 6)
    assert ppo.prepare(spec, store).inputs["made_for_run"] == 0


def test_slow_motion_is_the_runs_next_iteration(store: Store, lab: Lab, until: Until) -> None:
    label(store, lab, 10)
    jobs = Jobs(store, ppo.build, ppo.prepare)
    run_id = jobs.start(lab.id, order(lab, iterations=1))
    until(lambda: store.run(run_id).status == "finished")
    jobs.close()
    run = store.run(run_id)
    slow = slow_motion.shown(store, lab, run, "both", "attributes")
    assert slow.run == run.number and slow is slow_motion.shown(store, lab, run, "both", "attributes")
    job = ppo.build(spec_of(run), store)
    job.step(run.config)
    wanted = asdict(job.step(run.config))
    found = asdict(slow.motion.metrics)
    assert {k: v for k, v in found.items() if k != "cpu_seconds"}.items() <= wanted.items()


def test_an_episode_is_an_answer_of_the_latest_step_else_of_the_start(store: Store, lab: Lab) -> None:
    label(store, lab, 10)
    start = slow_motion.episode(store, lab, None, "both", "attributes")
    model = reward.fit(store, lab).model
    text = " ".join(word for word in start.actions if word != "<eos>")
    assert start.reward == pytest.approx(float(model.reward([start.prompt], [text])[0]), abs=1e-5)
    spec = ppo.prepare(order(lab), store)
    run_id = store.add_run(lab.id, **vars(spec), status="paused", pace=None)
    assert slow_motion.episode(store, lab, store.run(run_id), "both", "attributes").run is None, "it said nothing yet"
    store.add_step(run_id, 1, {}, {"prompts": [start.prompt], "before": [text], "now": ["it is athens ."]})
    later = slow_motion.episode(store, lab, store.run(run_id), "both", "attributes")
    assert (later.actions, later.step) == (("it", "is", "athens", ".", "<eos>"), 1)
