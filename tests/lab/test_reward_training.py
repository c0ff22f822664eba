"""Neural reward models as jobs, and all kinds compared on a lab's labels."""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from lab import lab_file, reward_training, stages
from lab.errands import Errands
from lab.jobs import Jobs, JobSpec
from lab.labelling import LabellingDesk
from lab.overview import read
from lab.store import Lab, NewPair, Store, now
from rlhf_core.metrics import METRICS
from rlhf_core.neural_reward import RewardConfig

Until = Callable[[Callable[[], object]], None]
PAIR = NewPair(language="en", prompt="hello .", response_a="yes .", response_b="no .", policy_id="start")


def order(lab: Lab, network: str = "lstm", iterations: int = 6, **config: Any) -> JobSpec:
    values = {**asdict(RewardConfig(batch_size=4)), "iterations": iterations, **config}
    inputs = {"lab": lab.id, "source": "both", "network": network, "sees_prompt": True}
    return JobSpec(stage="reward", config=values, inputs=inputs, seed=3)


@pytest.fixture
def labelled(store: Store, lab: Lab) -> Lab:
    LabellingDesk(store, lab).simulate(12, "default", 0.0, seed=1)
    return lab


def curve(store: Store, run_id: int) -> list[dict[str, Any]]:
    """The metrics without the one that tells how long it took."""
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in store.metrics(run_id)]


def test_what_cannot_be_trained_is_refused_in_a_sentence(store: Store, lab: Lab) -> None:
    store.add_simulated(lab.id, [(PAIR, "tie"), (PAIR, "skip")], labeler="test", at=now())
    with pytest.raises(ValueError, match="No label of this source favours an answer"):
        stages.prepare(order(lab), store)
    store.add_simulated(lab.id, [(PAIR, "a")], labeler="test", at=now())
    inputs = stages.prepare(order(lab), store).inputs
    assert (inputs["labels_used"], inputs["simulated_used"], inputs["language"]) == (2, 2, "en")
    with pytest.raises(ValueError, match="There is no network 'mlp'"):
        stages.prepare(order(lab, "mlp"), store)
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        stages.prepare(order(lab, batch_size=0), store)


@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_an_interrupted_run_has_the_curve_of_one_that_was_not(
    store: Store, labelled: Lab, until: Until, network: str
) -> None:
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.reset(jobs.start(labelled.id, order(labelled, network)))
    jobs.step_once(run_id, wait=60)
    jobs.configure(run_id, learning_rate=0.01)
    jobs.step_once(run_id, wait=60)
    jobs.close()
    LabellingDesk(store, labelled).simulate(5, "default", 0.0, seed=2)  # later labels change nothing

    jobs = Jobs(store, stages.build, stages.prepare)
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    assert store.run(run_id).error is None
    again = jobs.reset(run_id)
    store.add_config_change(again, *store.config_changes(run_id)[0])
    jobs.resume(again)
    until(lambda: store.run(again).status in ("finished", "failed"))
    jobs.close()

    rows = curve(store, run_id)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6] and curve(store, again) == rows
    assert rows[0]["preference_loss"] == pytest.approx(math.log(2))
    for name in ("reference_accuracy", "train_accuracy"):
        assert [row["step"] for row in rows if name in row] == [1, 5]
        assert rows[4][f"{name}_low"] <= rows[4][name] <= rows[4][f"{name}_high"]
    assert rows[4]["train_accuracy_n"] == 12 and rows[4]["reference_accuracy_n"] > 200
    assert {"preference_loss", "reference_accuracy", "train_accuracy"} <= METRICS.keys()


def test_a_run_travels_in_its_lab_and_stands_on_the_map(store: Store, labelled: Lab, until: Until) -> None:
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.reset(jobs.start(labelled.id, order(labelled)))
    jobs.step_once(run_id, wait=60)
    assert (going := read(store, labelled).going("reward")) is not None and going.id == run_id
    there = lab_file.unpack(store, "another browser", lab_file.pack(store, labelled.id))
    copied = store.runs(there.id, "reward")[0]
    assert copied.inputs["preferences"] != store.run(run_id).inputs["preferences"]
    jobs.resume(copied.id)
    until(lambda: store.run(copied.id).status in ("finished", "failed"))
    jobs.close()
    assert store.run(copied.id).error is None and curve(store, copied.id)[0] == curve(store, run_id)[0]


def test_a_comparison_is_kept_with_n_and_intervals(
    store: Store, labelled: Lab, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reward_training, "COMPARED_STEPS", 1)
    assert reward_training.compared(store, labelled) is None
    told: list[float] = []
    found = reward_training.compare(store, labelled, "simulated", lambda share, place: told.append(share))
    errands = Errands()
    reward_training.send(errands, store, labelled, "simulated")
    until(lambda: errands.of(labelled.id, reward_training.comparison_name(labelled)) is None)
    assert found == reward_training.compared(store, labelled)
    assert (found["labels"], found["simulated"], found["steps"]) == (12, 12, 1)
    kinds = ["attributes", "words", "lstm", "lstm", "transformer", "transformer"]
    assert [row["name"] for row in found["rows"]] == kinds and told == sorted(told)
    assert all(row["low"] <= row["rate"] <= row["high"] and row["n"] > 200 for row in found["rows"])
    assert found["rows"][0]["rate"] > 0.65
    store.set_language(labelled.id, "ko")
    assert reward_training.compared(store, store.lab(labelled.id)) is None
