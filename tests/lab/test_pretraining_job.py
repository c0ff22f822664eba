"""The pretraining job: resumed to the digit, measured by draws of its own, and there to be looked at alone."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch

from lab import models, pretraining, stages, training
from lab.jobs import Jobs, JobSpec
from lab.store import Lab, Store
from rlhf_core.lstm import LSTMLanguageModel
from rlhf_core.metrics import METRICS
from rlhf_core.pretraining import PretrainConfig

Until = Callable[[Callable[[], object]], None]


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two gradient steps an iteration, few prompts, measured at every second."""
    monkeypatch.setattr(pretraining, "STEPS_PER_ITERATION", 2)
    monkeypatch.setattr(pretraining, "measured_prompts", lambda language: training.shuffled(
        models.assets(language).grammar.split("validation"))[:4])  # fmt: skip
    monkeypatch.setattr(training, "MEASURED_EVERY", 2)


def order(lab: Lab, architecture: str = "gpt", iterations: int | None = 4, **config: Any) -> JobSpec:
    values = {**asdict(PretrainConfig(batch_size=4)), "iterations": iterations, **config}
    inputs = {"lab": lab.id, "architecture": architecture, "size": "small"}
    return JobSpec(stage="pretrain", config=values, inputs=inputs, seed=3)


def curve(store: Store, run_id: int) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in store.metrics(run_id)]


@pytest.mark.parametrize("architecture", ["gpt", "lstm"])
def test_a_run_that_was_cut_off_gives_the_curve_of_one_that_was_not(
    store: Store, lab: Lab, until: Until, architecture: str
) -> None:
    whole = Jobs(store, stages.build, stages.prepare)
    steady = whole.start(lab.id, order(lab, architecture))
    until(lambda: store.run(steady).status == "finished")
    cut = whole.start(lab.id, order(lab, architecture))
    whole.pause(cut)
    until(lambda: not whole._active)
    while store.run(cut).step < 2:
        whole.step_once(cut)
        until(lambda: not whole._active)
    whole.close()
    again = Jobs(store, stages.build, stages.prepare)
    again.resume(cut)
    until(lambda: store.run(cut).status == "finished")
    again.close()
    assert curve(store, cut) == curve(store, steady)
    assert store.run_samples(cut) == store.run_samples(steady)
    rows = store.metrics(steady)
    assert [row["step"] for row in rows if "valid_share" in row] == [1, 2, 4]
    assert all(name in METRICS for name in rows[0] if not name.startswith("valid_share_") and name != "step")
    assert rows[-1]["dialogues"] == 4 * 2 * 4
    assert [step for step, _ in store.run_samples(steady)["history"]] == [1, 2, 4]


def test_what_can_not_be_trained_is_refused(store: Store, lab: Lab) -> None:
    with pytest.raises(ValueError, match="no size 'huge'"):
        pretraining.prepare(JobSpec(**{**vars(order(lab)), "inputs": {**order(lab).inputs, "size": "huge"}}), store)
    with pytest.raises(ValueError, match="no optimizer 'sgd'"):
        pretraining.prepare(order(lab, optimizer="sgd"), store)
    begun = pretraining.prepare(order(lab), store)
    changed = {**begun.config, "optimizer": "adamw"}
    with pytest.raises(ValueError, match="holds for a whole run"):
        pretraining.prepare(JobSpec(**{**vars(begun), "config": changed}), store)


def test_what_a_run_made_is_there_to_be_looked_at(store: Store, lab: Lab, until: Until) -> None:
    assert pretraining.model(store, lab, "run-1") is models.assets("en").model
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.start(lab.id, order(lab, "lstm", iterations=1))
    until(lambda: store.run(run_id).status == "finished")
    jobs.close()
    assert list(pretraining.trained_runs(store, lab)) == [f"run-{run_id}"]
    made = pretraining.model(store, lab, f"run-{run_id}")
    assert isinstance(made, LSTMLanguageModel) and made is pretraining.model(store, lab, f"run-{run_id}")
    begun = pretraining.untrained(store.run(run_id).inputs, 3)
    assert not torch.equal(made.embedding.weight, begun.embedding.weight)


def test_the_learning_rate_follows_the_schedule_to_the_last_iteration(store: Store, lab: Lab) -> None:
    def rates(iterations: int | None) -> list[float]:
        job = pretraining.build(pretraining.prepare(order(lab, iterations=iterations), store), store)
        return [job.step({**order(lab).config, "iterations": iterations}).learning_rate for _ in range(3)]

    falling, level = rates(3), rates(None)
    assert level == sorted(level) and falling[-1] < falling[1] < level[-1]
