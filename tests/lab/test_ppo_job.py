"""The PPO job on the shipped model, with small batches."""

import io
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch

from lab import models, ppo, stages
from lab.jobs import Jobs, JobSpec
from lab.labelling import LabellingDesk
from lab.store import Lab, NewPair, Store, now
from rlhf_core.ppo import PPOConfig

Until = Callable[[Callable[[], object]], None]
PAIR = NewPair(language="en", prompt="hello .", response_a="yes .", response_b="no .", policy_id="start")


def order(lab: Lab, iterations: int | None = 6, seed: int = 3, **config: Any) -> JobSpec:
    values = {**asdict(PPOConfig(batch_size=8)), "iterations": iterations, **config}
    inputs = {"lab": lab.id, "source": "both", "features": "attributes"}
    return JobSpec(stage="ppo", config=values, inputs=inputs, seed=seed)


@pytest.fixture
def labelled(store: Store, lab: Lab) -> Lab:
    LabellingDesk(store, lab).simulate(30, "default", 0.0, seed=1)
    return lab


def curve(store: Store, run_id: int) -> list[dict[str, Any]]:
    """The metrics without the one that tells how long it took."""
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in store.metrics(run_id)]


def test_what_cannot_be_trained_is_refused_in_a_sentence(store: Store, lab: Lab) -> None:
    with pytest.raises(ValueError, match="No label of this source favours an answer"):
        ppo.prepare(order(lab), store)
    store.add_simulated(lab.id, [(PAIR, "tie"), (PAIR, "skip")], labeler="test", at=now())
    with pytest.raises(ValueError, match="No label of this source favours an answer"):
        ppo.prepare(order(lab), store)
    store.add_simulated(lab.id, [(PAIR, "a")], labeler="test", at=now())
    inputs = ppo.prepare(order(lab), store).inputs
    assert (inputs["labels_used"], inputs["simulated_used"], inputs["ties"]) == (2, 2, 1)
    for config, said in (
        ({"kl_coef": -1.0}, "kl_coef must be 0 or more, not -1"),
        ({"iterations": 0}, "iterations must lie between 1 and 10000, not 0"),
        ({"warp": 9}, "PPO has no setting 'warp'"),
    ):
        with pytest.raises(ValueError, match=said):
            ppo.prepare(order(lab, **config), store)
    with pytest.raises(ValueError, match="no stage 'sft'"):
        stages.prepare(JobSpec(stage="sft", config={}, inputs={}, seed=0), store)


def test_labels_given_after_the_start_change_nothing(store: Store, labelled: Lab) -> None:
    spec = ppo.prepare(order(labelled), store)
    before = store.artifact(spec.inputs["reward_model"])
    assert before.meta["labels_used"] == spec.inputs["labels_used"] == 30
    LabellingDesk(store, labelled).simulate(10, "pirate-fan", 0.0, seed=2)
    assert ppo.prepare(spec, store) == spec
    job = ppo.build(spec, store)
    kept = torch.load(io.BytesIO(before.data), weights_only=True)
    prompt = models.assets("en").grammar.split("train")[0].text
    features = models.features("en", "attributes", [prompt], ["yes ."])
    want = (features @ kept["weights"] - kept["reward_mean"]) / kept["reward_sd"]
    assert torch.allclose(job.trainer.reward([prompt], ["yes ."]), want, atol=1e-5)
    asked = [models.assets("en").grammar.find(text) for text in job.trainer.prompts]
    assert {found and found.split for found in asked} == {"train"}


def test_an_interrupted_run_has_the_curve_of_one_that_was_not(store: Store, labelled: Lab, until: Until) -> None:
    jobs = Jobs(store, ppo.build, ppo.prepare)
    run_id = jobs.start(labelled.id, order(labelled))
    jobs.pause(run_id)
    until(lambda: not jobs._active)
    while store.run(run_id).step < 3:
        jobs.step_once(run_id)
        until(lambda: not jobs._active)
    jobs.configure(run_id, kl_coef=0.4, temperature=0.8)
    with pytest.raises(ValueError, match="clip_range must be above 0"):
        jobs.configure(run_id, clip_range=0.0)
    jobs.step_once(run_id)
    jobs.close()

    jobs = Jobs(store, ppo.build, ppo.prepare)
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    assert store.run(run_id).error is None
    again = jobs.reset(run_id)
    store.add_config_change(again, *store.config_changes(run_id)[0])
    jobs.resume(again)
    until(lambda: store.run(again).status in ("finished", "failed"))
    jobs.close()

    rows = curve(store, run_id)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert curve(store, again) == rows
    assert store.run_samples(again) == store.run_samples(run_id)
    assert [row["step"] for row in rows if "win_rate" in row] == [1, 5]
    assert all(0 <= row["valid_share"] <= 1 and "gold" in row for row in rows)
    measured = rows[4]
    assert measured["win_rate_low"] <= measured["win_rate"] <= measured["win_rate_high"]
    assert measured["win_rate_n"] == 64
    for name in ("help", "harm"):
        assert [row["step"] for row in rows if name in row] == [1, 5]
        assert 0 <= measured[f"{name}_low"] <= measured[name] <= measured[f"{name}_high"] <= 1
    assert 0 <= measured["refusal"] <= 1


def test_before_and_now_are_the_same_draws_of_two_models(store: Store, labelled: Lab) -> None:
    job = ppo.build(ppo.prepare(order(labelled), store), store)
    at_start = job.samples()
    assert len(set(at_start["prompts"])) == 6 and at_start["before"] == at_start["now"]
    find = models.assets("en").grammar.find
    assert {find(prompt).split for prompt in at_start["prompts"]} == {"validation"}
    config = asdict(PPOConfig(batch_size=8, learning_rate=5e-3, kl_coef=0.0)) | {"iterations": 6}
    for _ in range(4):
        job.step(config)
    later = job.samples()
    assert later["before"] == at_start["before"] and later["now"] != later["before"]


def test_a_runs_policy_can_be_labelled(store: Store, labelled: Lab, until: Until) -> None:
    jobs = Jobs(store, ppo.build, ppo.prepare)
    run_id = jobs.start(labelled.id, order(labelled, iterations=1))
    until(lambda: store.run(run_id).status == "finished")
    jobs.close()
    name, start = f"run-{run_id}", models.assets("en").model
    trained = models.policy(store, "en", name)
    assert models.policy(store, "en", "start") is start
    assert not torch.equal(trained.embedding.weight, start.embedding.weight)
    waiting = jobs.reset(run_id)
    assert models.policy(store, "en", f"run-{waiting}") is start, "it has not begun"
    desk = LabellingDesk(store, labelled, policy_id=name)
    assert desk.current().pair_id == store.next_pair(labelled.id, "en")[0]
    assert store.next_pair(labelled.id, "en")[1].policy_id == name
