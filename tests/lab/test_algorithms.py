"""The jobs behind "same labels, which algorithm?" and over-optimisation, on the shipped model."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lab import algorithms, best_of_n, lab_file, over_optimisation, ppo, training
from lab.jobs import Jobs, JobSpec
from lab.labelling import LabellingDesk
from lab.stages import build, prepare
from lab.store import Lab, Store
from rlhf_core.algorithms import ALGORITHMS, TRAINED
from rlhf_core.best_of_n import kl_bound

Until = Callable[[Callable[[], object]], None]
SMALL: dict[str, dict[str, Any]] = {
    "ppo": {"batch_size": 8}, "rloo": {"batch_size": 8}, "grpo": {"batch_size": 8}, "dpo": {},
}  # fmt: skip


@pytest.fixture
def labelled(store: Store, lab: Lab) -> Lab:
    LabellingDesk(store, lab).simulate(20, "default", 0.0, seed=1)
    return lab


def order(lab: Lab, algorithm: str, iterations: int = 6, **config: Any) -> JobSpec:
    inputs = {"lab": lab.id, "source": "both", "features": "attributes", "algorithm": algorithm}
    values = {**SMALL.get(algorithm, {}), "iterations": iterations, **config}
    return JobSpec(stage="algorithm", config=values, inputs=inputs, seed=3)


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in rows]


def test_what_cannot_be_compared_is_refused_in_a_sentence(store: Store, lab: Lab) -> None:
    for spec, said in (
        (order(lab, "ppg"), "no algorithm 'ppg'; choose one of ppo, rloo, grpo, dpo"),
        (order(lab, "dpo", beta=-1.0), "beta must be above 0, not -1"),
        (order(lab, "rloo", clip_range=0.1), "RLOO has no setting 'clip_range'"),
        (order(lab, "ppo"), "No label of this source favours an answer"),
    ):
        with pytest.raises(ValueError, match=said):
            prepare(spec, store)
    with pytest.raises(ValueError, match="between 1 and 16 iterations"):
        prepare(JobSpec(stage="best_of_n", config={"iterations": 17}, inputs={"lab": lab.id}, seed=0), store)


@pytest.mark.parametrize("algorithm", ["grpo", "dpo"])
def test_an_interrupted_run_has_the_curve_of_one_that_was_not(
    store: Store, labelled: Lab, until: Until, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "JUDGED_PROMPTS", 8)
    spec = prepare(order(labelled, algorithm, 5), store)
    LabellingDesk(store, labelled).simulate(5, "pirate-fan", 0.0, seed=2)  # later labels change nothing
    jobs = Jobs(store, build, prepare)
    run_id = jobs.start(labelled.id, spec)
    jobs.pause(run_id)
    until(lambda: not jobs._active)
    while store.run(run_id).step < 2:
        jobs.step_once(run_id)
        until(lambda: not jobs._active)
    jobs.close()
    jobs = Jobs(store, build, prepare)
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    assert store.run(run_id).error is None
    again = jobs.reset(run_id)
    jobs.resume(again)
    until(lambda: store.run(again).status in ("finished", "failed"))
    jobs.close()
    rows = store.metrics(run_id)
    assert without_time(store.metrics(again)) == without_time(rows)
    assert [row["step"] for row in rows if "win_rate" in row] == [1, 5]
    last = rows[-1]
    assert last["win_rate_low"] <= last["win_rate"] <= last["win_rate_high"] and last["win_rate_n"] == 8
    assert {"gold", "reward", "kl_exact", "valid_share", "distinct_share"} <= last.keys()
    assert ("implicit_accuracy" in last) == (algorithm == "dpo")
    assert store.run_samples(run_id)["now"]


def test_the_best_of_n_grows_by_prompts_and_resumes(
    store: Store, labelled: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_from = prepare(order(labelled, "ppo"), store).inputs
    monkeypatch.setattr(best_of_n, "PROMPTS_A_STEP", 2)
    spec = prepare(best_of_n.spec(made_from, 3), store)
    whole, first, second = (build(spec, store) for _ in range(3))
    rows = [vars(whole.step(spec.config)) for _ in range(2)]
    beginning = vars(first.step(spec.config))
    second.load_state_dict(first.state_dict())
    assert without_time([beginning, vars(second.step(spec.config))]) == without_time(rows)
    last = rows[-1]
    assert whole.drawn["reward"].shape == (4, 64) and last["win_rate_n"] == 4
    rewards = [last[f"reward_{n}"] for n in best_of_n.NS]
    assert rewards == sorted(rewards) and rewards[-1] == pytest.approx(float(whole.drawn["reward"].amax(1).mean()))
    assert last["reward_1"] == pytest.approx(float(whole.drawn["reward"].mean()), abs=1e-5)
    assert (last["reward"], last["gold"]) == (last["reward_16"], last["gold_16"])
    assert last["kl_exact"] == kl_bound(16) and last["win_rate"] > 0.5


def test_a_comparison_is_one_run_of_each_on_the_same_labels(
    store: Store, labelled: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(store, build, prepare)
    monkeypatch.setattr(jobs, "_go", lambda run_id, steps: None)  # they wait: what is looked at is what they are
    assert algorithms.latest(store, labelled) == {}
    old = algorithms.compare(jobs, labelled.id, "both", "words", 1, 0.25)
    ids = algorithms.compare(jobs, labelled.id, "both", "attributes", 5, 0.25)
    found = algorithms.latest(store, labelled)
    assert tuple(found) == ALGORITHMS and [run.id for run in found.values()] == ids and not set(ids) & set(old)
    assert {run.seed for run in found.values()} == {5}
    assert len({run.inputs["reward_model"] for run in found.values()}) == 1
    assert len({run.inputs["preferences"] for name, run in found.items() if name in TRAINED}) == 1
    assert all(run.config["iterations"] % 5 == 0 for name, run in found.items() if name in TRAINED)
    again = jobs.reset(found["dpo"].id)
    assert algorithms.latest(store, labelled)["dpo"].id == again
    # a lab that is taken away and opened anew still knows which belong together
    copy = lab_file.duplicate(store, "another browser", labelled.id, "copy")
    assert tuple(algorithms.latest(store, copy)) == ALGORITHMS
    jobs.close()


def test_reward_and_gold_over_the_root_of_kl(store: Store, labelled: Lab) -> None:
    run_id = store.add_run(
        labelled.id, stage=ppo.STAGE, config={}, seed=0, status="paused", pace=None, inputs={"language": "en"}
    )
    start = over_optimisation.start_gold("en")
    for step in range(1, 13):
        d = step / 4
        row = {"step": step, "kl_exact": d * d, "reward": d * 0.9, "gold": start + d * (1 - d / 4)}
        store.add_step(run_id, step, row, None)
    assert [run.id for run in over_optimisation.runs(store, labelled)] == [run_id]
    found = over_optimisation.of_run(store, store.run(run_id))
    assert found.distances == pytest.approx([step / 4 for step in range(1, 13)])
    assert found.gold[3] == pytest.approx(1 - 1 / 4)
    proxy, gold = found.proxy_fit, found.gold_fit
    assert proxy is not None and gold is not None and (proxy.form, gold.form) == ("rl", "rl")
    assert (proxy.alpha, proxy.beta) == (pytest.approx(0.9), pytest.approx(0, abs=1e-6))
    assert gold.beta > 0.1

    assert over_optimisation.of_best_of_n([]) is None
    row = {f"{name}_{n}": (2.0 if name == "gold" else 0.0) + n for name in ("reward", "gold") for n in best_of_n.NS}
    sampled = over_optimisation.of_best_of_n([row])
    assert sampled is not None and sampled.gold[:3] == (0, 1, 3) == sampled.proxy[:3]
    assert sampled.distances[1] ** 2 == pytest.approx(float(torch.tensor(2.0).log()) - 0.5)
