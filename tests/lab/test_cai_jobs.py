"""SL-CAI and RLAIF jobs on the shipped model, with small batches and a critic that has learnt nothing."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch

from lab import constitution, models, ppo, rlaif, sl_cai, stages, states
from lab.jobs import Jobs, JobSpec
from lab.store import Lab, Store
from rlhf_core.constitution import Constitution, ConstitutionError, default_constitution, dump, parse
from rlhf_core.critic import Critic
from rlhf_core.language_model import MiniLM
from rlhf_core.ppo import PPOConfig
from rlhf_core.sampling import Generation
from rlhf_core.sl_cai import SLCAIConfig
from rlhf_core.weights import CheckpointError

Until = Callable[[Callable[[], object]], None]
DEFAULT = default_constitution("en")
POLITE = "i am happy to help ."


def sl_order(lab: Lab, iterations: int | None = 5, **config: Any) -> JobSpec:
    small = SLCAIConfig(questions=4, rounds=1, updates=1, batch_size=4)
    values = {**asdict(small), "iterations": iterations, **config}
    return JobSpec(stage="sl", config=values, inputs={"lab": lab.id}, seed=3)


def rlaif_order(lab: Lab, iterations: int | None = 2, **inputs: Any) -> JobSpec:
    config = {**asdict(PPOConfig(batch_size=8)), "iterations": iterations}
    return JobSpec(stage="rlaif", config=config, inputs={"lab": lab.id, "labels": 20, **inputs}, seed=3)


def each(**changes: Any) -> Constitution:
    """The default with the same change to every principle."""
    return replace(DEFAULT, principles=tuple(replace(p, **changes) for p in DEFAULT.principles))


def sl_run(store: Store, lab: Lab, seed: int, language: str = "en", stage: str = "sl") -> int:
    """A run that was saved with random weights."""
    values = {"config": {}, "seed": 0, "status": "paused", "pace": None}
    run_id = store.add_run(lab.id, stage=stage, inputs={"language": language}, **values)
    store.save_checkpoint(run_id, 1, states.dump({"policy": random_policy(seed).state_dict()}))
    return run_id


def random_policy(seed: int) -> MiniLM:
    return MiniLM(models.assets("en").model.config, torch.Generator().manual_seed(seed))


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_what_sl_cai_cannot_train_is_refused_in_a_sentence(store: Store, lab: Lab) -> None:
    for config, said in (
        ({"questions": 0}, "questions must be at least 1, not 0"),
        ({"iterations": 0}, "iterations must lie between 1 and 10000, not 0"),
        ({"kl_coef": 0.1}, "SL-CAI has no setting 'kl_coef'"),
    ):
        with pytest.raises(ValueError, match=said):
            sl_cai.prepare(sl_order(lab, **config), store)
    for nothing_left in (each(enabled=False), each(weight=-1.0)):
        constitution.save(store, lab, nothing_left)
        with pytest.raises(ValueError, match="No principle is left to revise answers by"):
            sl_cai.prepare(sl_order(lab), store)
    one_left = nothing_left.with_principle(DEFAULT.principles[2].name, weight=1.0)
    constitution.save(store, lab, one_left)
    assert sl_cai.prepare(sl_order(lab), store).inputs["constitution"] == dump(one_left)
    with pytest.raises(ConstitutionError, match="This is no TOML"):
        sl_cai.prepare(replace(sl_order(lab), inputs={"lab": lab.id, "constitution": "[["}), store)


def test_an_sl_cai_run_keeps_its_constitution_and_language(store: Store, lab: Lab) -> None:
    spec = sl_cai.prepare(sl_order(lab), store)
    want = {"lab": lab.id, "constitution": dump(DEFAULT), "constitution_number": 0, "language": "en"}
    assert spec.inputs == want
    constitution.save(store, lab, each(weight=2.0))
    store.set_language(lab.id, "ko")
    assert sl_cai.prepare(spec, store) == spec
    store.set_language(lab.id, "en")
    assert sl_cai.prepare(sl_order(lab), store).inputs["constitution_number"] == 1
    own = replace(sl_order(lab), inputs={"lab": lab.id, "constitution": dump(each(weight=3.0))})
    assert sl_cai.prepare(own, store).inputs["constitution_number"] is None, "it is no version of the lab's"


def test_without_its_critic_a_run_says_so(
    store: Store, lab: Lab, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(language: str) -> Critic:
        raise CheckpointError(f"The checkpoint critic-{language} is missing; restore the file.")

    monkeypatch.setattr(models, "load_critic", missing)
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.start(lab.id, sl_order(lab))
    until(lambda: store.run(run_id).status == "failed")
    jobs.close()
    assert store.run(run_id).error == "The run could not start: The checkpoint critic-en is missing; restore the file."


def test_an_interrupted_sl_cai_run_has_the_curve_of_one_that_was_not(
    store: Store, lab: Lab, critic: Critic, until: Until
) -> None:
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.start(lab.id, sl_order(lab))
    jobs.pause(run_id)
    until(lambda: not jobs._active)
    while store.run(run_id).step < 2:
        jobs.step_once(run_id)
        until(lambda: not jobs._active)
    constitution.save(store, lab, each(enabled=False))
    jobs.configure(run_id, learning_rate=5e-3)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        jobs.configure(run_id, batch_size=0)
    jobs.step_once(run_id)
    jobs.close()

    jobs = Jobs(store, stages.build, stages.prepare)
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    assert store.run(run_id).error is None
    again = jobs.reset(run_id)
    store.add_config_change(again, *store.config_changes(run_id)[0])
    jobs.resume(again)
    until(lambda: store.run(again).status in ("finished", "failed"))
    jobs.close()

    rows, repeated = (
        [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in store.metrics(run)] for run in (run_id, again)
    )
    assert rows == repeated and [row["step"] for row in rows] == [1, 2, 3, 4, 5]
    assert store.run_samples(again) == store.run_samples(run_id)
    for name in ("help", "harm"):
        assert [row["step"] for row in rows if name in row] == [1, 5]
        assert 0 <= rows[4][f"{name}_low"] <= rows[4][name] <= rows[4][f"{name}_high"] <= 1
    assert 0 <= rows[4]["refusal"] <= 1 and rows[4]["revisions"] <= 20
    trained = models.policy(store, "en", f"run-{run_id}")
    assert not same(trained.state_dict(), models.assets("en").model.state_dict())


def test_it_shows_answers_before_and_now_and_what_was_revised(
    store: Store, lab: Lab, critic: Critic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def revise(prompts: list[str], *texts: Any, **how: Any) -> list[Generation]:
        return [Generation(POLITE, tuple(POLITE.split()), (0.0,) * 6, True)] * len(prompts)

    monkeypatch.setattr(critic, "revise", revise)
    polite = next(p for p in DEFAULT.principles if p.attribute == "politeness")
    constitution.save(store, lab, replace(DEFAULT, principles=(polite,)))
    spec = sl_cai.prepare(sl_order(lab, questions=48, batch_size=16, updates=4, learning_rate=5e-3), store)
    job = sl_cai.build(spec, store)
    job.step(spec.config)
    shown = job.samples()
    find = models.assets("en").grammar.find
    assert len(set(shown["prompts"])) == 6 and {find(p).split for p in shown["prompts"]} == {"validation"}
    assert len(shown["before"]) == len(shown["now"]) == 6 and shown["before"] != shown["now"]
    assert 1 <= len(shown["chains"]) <= 4
    for chain in shown["chains"]:
        assert find(chain["prompt"]).split == "train"
        assert chain["revision"] == POLITE != chain["response"]


def test_the_onlookers_red_team_is_of_other_prompts(store: Store, lab: Lab, critic: Critic) -> None:
    onlooker = sl_cai.build(sl_cai.prepare(sl_order(lab), store), store)._onlooker
    assert len(onlooker.judged) == 64 and 24 <= len(onlooker.red_team) <= 32
    assert not set(onlooker.judged) & set(onlooker.red_team)
    assert {p.split for p in (*onlooker.judged, *onlooker.red_team)} == {"validation"}
    assert {p.category for p in onlooker.red_team} == {"unsafe", "harmful"}


def test_what_rlaif_cannot_train_is_refused_in_a_sentence(store: Store, lab: Lab) -> None:
    stranger = store.open_lab("another browser", "en")
    no_start = [
        f"run-{sl_run(store, lab, 1, stage='ppo')}",
        f"run-{sl_run(store, stranger, 1)}",
        f"run-{sl_run(store, lab, 1, language='ko')}",
        "run-99",
        "somewhere",
    ]
    for start in no_start:
        with pytest.raises(ValueError, match=f"RLAIF can't start from '{start}'; choose 'start' or an SL-CAI run"):
            rlaif.prepare(rlaif_order(lab, start=start), store)
    for labels in (19, 2001):
        with pytest.raises(ValueError, match=f"labels must lie between 20 and 2000, not {labels}"):
            rlaif.prepare(rlaif_order(lab, labels=labels), store)
    with pytest.raises(ValueError, match="PPO has no setting 'questions'"):
        rlaif.prepare(replace(rlaif_order(lab), config={"questions": 3}), store)
    constitution.save(store, lab, each(enabled=False))
    with pytest.raises(ValueError, match="The constitution finds nearly all answers equal, so there is nothing"):
        rlaif.prepare(rlaif_order(lab), store)


def test_an_rlaif_run_keeps_its_constitution_and_its_labels(store: Store, lab: Lab) -> None:
    spec = rlaif.prepare(rlaif_order(lab), store)
    constitution.save(store, lab, each(enabled=False))
    assert rlaif.prepare(spec, store) == spec
    inputs = spec.inputs
    assert (inputs["constitution"], inputs["constitution_number"], inputs["language"]) == (dump(DEFAULT), 0, "en")
    assert (inputs["labels_used"], inputs["simulated_used"], inputs["ties"]) == (20, 0, 0)
    assert "start_policy" not in inputs and inputs["even"] >= 0
    agreement = inputs["agreement"]
    assert 0 <= agreement["agreed"] <= agreement["decided"] <= 20 and agreement["decided"] > 0
    judge = constitution.judge("en", parse(inputs["constitution"]))
    assert len(inputs["examples"]) == 6
    for example in inputs["examples"]:
        assert models.assets("en").grammar.find(example["prompt"]).split == "train"
        better, worse = judge.scores([example["prompt"]] * 2, [example["preferred"], example["other"]]).tolist()
        assert better > worse
    assert store.artifact(inputs["reward_model"]).meta == {
        "source": "constitution", "features": "attributes", "language": "en", "constitution_number": 0,
        "labels_used": 20, "simulated_used": 0, "ties": 0,
    }  # fmt: skip


def test_a_constitution_turned_round_teaches_the_opposite(store: Store, lab: Lab) -> None:
    prompt, rude = models.assets("en").grammar.split("train")[0].text, "that is a stupid question ."
    polite = next(p for p in DEFAULT.principles if p.attribute == "politeness")
    gaps: list[float] = []
    for weight in (1.0, -1.0):
        constitution.save(store, lab, Constitution("en", (replace(polite, weight=weight),)))
        job = ppo.build(rlaif.prepare(rlaif_order(lab), store), store)
        kind, unkind = job.trainer.reward([prompt] * 2, [POLITE, rude]).tolist()
        gaps.append(kind - unkind)
    assert gaps[0] > 0 > gaps[1]


def test_rlaif_goes_on_from_what_sl_cai_had_made(store: Store, lab: Lab, until: Until) -> None:
    sl_id = sl_run(store, lab, seed=1)
    spec = rlaif.prepare(rlaif_order(lab, iterations=1, start=f"run-{sl_id}"), store)
    store.save_checkpoint(sl_id, 2, states.dump({"policy": random_policy(2).state_dict()}))
    job = stages.build(spec, store)
    assert same(job.trainer.reference.state_dict(), random_policy(1).state_dict())
    assert same(job.trainer.policy.state_dict(), random_policy(1).state_dict())
    shown = job.samples()
    assert shown["before"] == shown["now"]
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.start(lab.id, spec)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    jobs.close()
    assert store.run(run_id).error is None
    [row] = store.metrics(run_id)
    assert {"win_rate", "help", "help_low", "harm", "harm_high", "refusal", "reward", "kl"} <= row.keys()
    trained = models.policy(store, "en", f"run-{run_id}")
    assert not same(trained.state_dict(), random_policy(1).state_dict())
