"""Cloning and navigation jobs with small models, small batches and few mazes."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch

from lab import cloning, mazes, models, navigation_ppo, stages, states
from lab.jobs import Jobs, JobSpec
from lab.store import Lab, Store
from rlhf_core.cloning import CloningConfig, maze_model, schedule
from rlhf_core.gridworld import MOVES, parse_mazes
from rlhf_core.language_model import MiniLM, PromptError
from rlhf_core.maze_language import Reading
from rlhf_core.metrics import METRICS
from rlhf_core.navigation import WORDS_EN, ModelBackend
from rlhf_core.navigation_ppo import NavigationPPOConfig
from rlhf_core.sampling import Responses

Until = Callable[[Callable[[], object]], None]
MEASURED = ("hard_success", "easy_success", "hard_spl", "bumps")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> MiniLM:
    """A small policy in the place of every shipped one, small models to train, few mazes."""
    shipped = maze_model(torch.Generator().manual_seed(1), width=16, layers=1).requires_grad_(False)
    monkeypatch.setattr(models, "load_maze_policy", lambda thought: shipped)
    monkeypatch.setattr(mazes, "maze_model", lambda rng: maze_model(rng, width=16, layers=2))
    monkeypatch.setattr(mazes, "MEASURED_MAZES", 2)
    monkeypatch.setattr(cloning, "STEPS_PER_ITERATION", 2)
    return shipped


def cloning_order(lab: Lab, iterations: int | None = 5, **config: Any) -> JobSpec:
    values = {**asdict(CloningConfig(batch_size=4, smallest=5, largest=5)), "iterations": iterations, **config}
    return JobSpec(stage="cloning", config=values, inputs={"lab": lab.id}, seed=3)


def navigation_order(lab: Lab, iterations: int | None = 2, start: str = "path", **config: Any) -> JobSpec:
    small = NavigationPPOConfig(episodes=4, max_steps=2, size=5, epochs=1)
    values = {**asdict(small), "iterations": iterations, **config}
    return JobSpec(stage="navigation", config=values, inputs={"lab": lab.id, "start": start}, seed=3)


def cloned(store: Store, lab: Lab, seed: int = 1, status: str = "paused", saved: bool = True, **config: Any) -> int:
    """A cloning run that was saved with random weights, or was not."""
    spec = cloning.prepare(cloning_order(lab, **config), store)
    run_id = store.add_run(lab.id, **vars(spec), status=status, pace=None)
    if saved:
        store.save_checkpoint(run_id, 1, states.dump({"policy": mazes.untrained(seed).state_dict()}))
    return run_id


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def curve(store: Store, run_id: int) -> list[dict[str, Any]]:
    """The metrics without the one that tells how long it took."""
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in store.metrics(run_id)]


def interrupted(store: Store, lab: Lab, until: Until, spec: JobSpec, **change: Any) -> int:
    """A run of a spec that was changed after its first step and cut off after its second, and then went to its end.

    Its curve and samples are found to be those of one that nothing interrupted."""
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.start(lab.id, spec)
    jobs.pause(run_id)
    until(lambda: not jobs._active)
    while store.run(run_id).step < 1:
        jobs.step_once(run_id)
        until(lambda: not jobs._active)
    jobs.configure(run_id, **change)
    jobs.step_once(run_id)
    jobs.close()

    jobs = Jobs(store, stages.build, stages.prepare)
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    assert store.run(run_id).error is None
    again = jobs.reset(run_id)
    for made in store.config_changes(run_id):
        store.add_config_change(again, *made)
    jobs.resume(again)
    until(lambda: store.run(again).status in ("finished", "failed"))
    jobs.close()
    assert len(curve(store, run_id)) == spec.config["iterations"]
    assert curve(store, again) == curve(store, run_id)
    assert store.run_samples(again) == store.run_samples(run_id)
    return run_id


def test_what_cloning_cannot_train_is_refused_in_a_sentence(store: Store, lab: Lab) -> None:
    for config, said in (
        ({"thought": "dream"}, "There is no thought 'dream'"),
        ({"largest": 11}, "Mazes have 5 to 10 cells a side, not 5 to 11"),
        ({"iterations": 0}, "iterations must lie between 1 and 10000, not 0"),
        ({"kl_coef": 0.1}, "Cloning has no setting 'kl_coef'"),
    ):
        with pytest.raises(ValueError, match=said):
            cloning.prepare(cloning_order(lab, **config), store)
    spec = cloning.prepare(cloning_order(lab), store)
    assert spec.inputs == {"lab": lab.id, "language": "en", "thought": "path", "smallest": 5, "largest": 5}
    store.set_language(lab.id, "ko")
    assert cloning.prepare(spec, store) == spec
    for name, value in (("thought", "wave"), ("largest", 7)):
        with pytest.raises(ValueError, match=f"{name} holds for a whole run"):
            cloning.prepare(replace(spec, config=spec.config | {name: value}), store)


def test_what_navigation_cannot_train_is_refused_in_a_sentence(store: Store, lab: Lab) -> None:
    stranger = store.open_lab("another browser", "en")
    walked = store.add_run(
        lab.id, stage="navigation", config={}, inputs={"thought": "path"}, seed=0, status="paused", pace=None
    )
    for start in ("facts", "run-99", f"run-{walked}", f"run-{cloned(store, stranger)}"):
        with pytest.raises(ValueError, match=f"Navigation can't start from '{start}'; choose one of none, path, wave"):
            navigation_ppo.prepare(navigation_order(lab, start=start), store)
    for run_id, said in (
        (cloned(store, lab, saved=False), "has saved nothing yet; let it do its first step"),
        (cloned(store, lab, status="running"), "is running; pause it or wait for its end"),
    ):
        with pytest.raises(ValueError, match=f"Run {store.run(run_id).number} {said}"):
            navigation_ppo.prepare(navigation_order(lab, start=f"run-{run_id}"), store)
    for config, said in (
        ({"size": 11}, "size must lie between 5 and 10, not 11"),
        ({"gamma": 1.5}, "gamma must lie between 0 and 1, not 1.5"),
        ({"iterations": 0}, "iterations must lie between 1 and 10000, not 0"),
        ({"batch_size": 8}, "Navigation has no setting 'batch_size'"),
    ):
        with pytest.raises(ValueError, match=said):
            navigation_ppo.prepare(navigation_order(lab, **config), store)


def test_an_interrupted_cloning_run_has_the_curve_of_one_that_was_not(store: Store, lab: Lab, until: Until) -> None:
    run_id = interrupted(store, lab, until, cloning_order(lab), learning_rate=0.01, hard_share=0.2)
    rows = curve(store, run_id)
    assert [row["lessons"] for row in rows] == [8 * step for step in range(1, 6)]
    for name in MEASURED:
        assert [row["step"] for row in rows if name in row] == [1, 5]
    assert rows[4]["hard_success_low"] <= rows[4]["hard_success"] <= rows[4]["hard_success_high"]
    assert rows[4]["hard_success_n"] == rows[4]["easy_success_n"] == 2
    whole = {name for row in rows for name in row if not name.endswith(("_low", "_high", "_n", "step"))}
    assert whole <= METRICS.keys()
    trained, thought = mazes.policy(store, f"run-{run_id}")
    assert thought == "path" and not same(trained.state_dict(), mazes.untrained(3).state_dict())


def test_an_interrupted_navigation_run_has_the_curve_of_one_that_was_not(
    store: Store, lab: Lab, until: Until, small: MiniLM
) -> None:
    before = {name: weight.clone() for name, weight in small.state_dict().items()}
    run_id = interrupted(store, lab, until, navigation_order(lab, iterations=3), learning_rate=1e-3, kl_coef=0.0)
    rows = curve(store, run_id)
    for name in MEASURED:
        assert [row["step"] for row in rows if name in row] == [1]
    whole = {name for row in rows for name in row if not name.endswith(("_low", "_high", "_n", "step"))}
    assert {"walk_reward", "success", "kl_decision", "policy_loss", "entropy"} <= whole <= METRICS.keys()
    trained, thought = mazes.policy(store, f"run-{run_id}")
    assert thought == "path" and not same(trained.state_dict(), before)
    assert same(small.state_dict(), before), "the shipped policy is nobody's to train"


def test_the_learning_rate_follows_the_schedule_to_the_last_iteration(
    store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mazes, "MEASURED_MAZES", 1)
    for iterations, progress in ((2, (0.5, 0.75)), (None, (0.0, 0.0))):
        spec = cloning.prepare(cloning_order(lab, iterations), store)
        job = stages.build(spec, store)
        job.step(spec.config)
        want = sum(0.02 * schedule(done, step) for done, step in zip(progress, (2, 3), strict=True)) / 2
        assert job.step(spec.config).learning_rate == pytest.approx(want)


def test_ppos_learning_rate_falls_to_nothing_at_the_last_iteration(
    store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mazes, "MEASURED_MAZES", 1)
    for iterations, factors in ((4, (1.0, 0.75, 0.5)), (None, (1.0, 1.0, 1.0))):
        spec = navigation_ppo.prepare(navigation_order(lab, iterations, start="none", learning_rate=2e-4), store)
        job = navigation_ppo.build(spec, store)
        for factor in factors:
            job.step(spec.config)
            assert job.trainer.config.learning_rate == pytest.approx(2e-4 * factor)


def test_looking_changes_no_training(store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in (cloning_order(lab), navigation_order(lab)):
        spec = stages.prepare(spec, store)
        looked, blind = stages.build(spec, store), stages.build(spec, store)
        looked.step(spec.config)
        looked.samples()
        with monkeypatch.context() as patch:
            patch.setattr(mazes, "measured", lambda *asked: mazes.WalkMetrics())
            blind.step(spec.config)
        assert same(looked.state_dict()["policy"], blind.state_dict()["policy"])
        again, wanted = ({**asdict(job.step(spec.config)), "cpu_seconds": 0} for job in (looked, blind))
        assert again == wanted


@pytest.mark.parametrize("thought", ["none", "path", "wave"])
def test_it_shows_what_was_decided_before_and_is_now(store: Store, lab: Lab, thought: str) -> None:
    spec = cloning.prepare(cloning_order(lab, thought=thought), store)
    job = stages.build(spec, store)
    shown = job.samples()
    assert len(shown["mazes"]) == 3 and shown["before"] == shown["now"]
    for entry in shown["mazes"]:
        (maze,) = parse_mazes(str([entry]).replace("'", '"'))
        assert (maze.size, maze.hard, maze.split) == (5, True, "validation")
    for look in shown["now"]:
        assert look.keys() == {"thought", "move", "plan", "valid"}
        assert (look["valid"] is None) == (thought in ("none", "facts"))
        assert all(len(cell) == 2 for cell in look["plan"])
    assert thought != "none" or all((look["thought"], look["plan"]) == ([], []) for look in shown["now"])
    for _ in range(2):
        metrics = job.step({**spec.config, "learning_rate": 0.1})
    later = job.samples()
    assert later["before"] == shown["before"]
    assert thought == "none" or later["now"] != later["before"], "a move alone may be the same by chance"
    assert metrics.hard_success is None, "the second step measures nothing"


def test_a_thought_without_an_end_is_cut_and_acted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    model, room = mazes.untrained(0), 2 * 10**2
    endless = torch.full((1, model.config.response_length), WORDS_EN.id("wall"))

    def sample(prompts: torch.Tensor, *, longest: int, **how: Any) -> Responses:
        drawn = endless[:, :longest].repeat(len(prompts), 1)
        return Responses(drawn, torch.zeros(drawn.shape), drawn > 0)

    monkeypatch.setattr(model, "sample", sample)
    onlooker = mazes.Onlooker(model, "wave", size=10)
    for look in onlooker.samples(model)["now"]:
        assert look["thought"] == ["wall"] * room and look["move"] in MOVES
    with pytest.raises(PromptError, match="The thought has 204 words; the model reads at most 203"):
        reading = Reading(5, (0, 0), (1, 1), frozenset())
        ModelBackend(model, "wave").act_on(reading, ["wall"] * 204)


def test_navigation_goes_on_from_what_cloning_had_made(store: Store, lab: Lab, until: Until) -> None:
    cloning_id = cloned(store, lab, seed=1, thought="wave")
    store.set_language(lab.id, "ko")
    spec = navigation_ppo.prepare(navigation_order(lab, iterations=1, start=f"run-{cloning_id}"), store)
    assert (spec.inputs["thought"], spec.inputs["language"]) == ("wave", "ko")
    store.save_checkpoint(cloning_id, 2, states.dump({"policy": mazes.untrained(2).state_dict()}))
    assert navigation_ppo.prepare(spec, store) == spec
    job = stages.build(spec, store)
    for model in (job.trainer.reference, job.trainer.policy):
        assert same(model.state_dict(), mazes.untrained(1).state_dict())
    jobs = Jobs(store, stages.build, stages.prepare)
    run_id = jobs.start(lab.id, spec)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    jobs.close()
    assert store.run(run_id).error is None
    trained, thought = mazes.policy(store, f"run-{run_id}")
    assert thought == "wave" and not same(trained.state_dict(), mazes.untrained(1).state_dict())


def test_policies_have_names(store: Store, lab: Lab, small: MiniLM) -> None:
    stranger = store.open_lab("another browser", "en")
    first, _, unsaved = cloned(store, lab, seed=1), cloned(store, stranger), cloned(store, lab, saved=False)
    values = {"config": {}, "inputs": {"language": "en"}, "seed": 0, "status": "paused", "pace": None}
    other = store.add_run(lab.id, stage="sl", **values)
    store.save_checkpoint(other, 1, states.dump({"policy": {}}))
    last = cloned(store, lab, seed=2, thought="facts")
    assert mazes.choices(store, lab.id) == ["none", "path", "wave", f"run-{last}", f"run-{first}"]
    assert mazes.policy(store, "wave") == (small, "wave")
    model, thought = mazes.policy(store, f"run-{last}")
    assert thought == "facts" and same(model.state_dict(), mazes.untrained(2).state_dict())
    assert not any(weight.requires_grad for weight in model.parameters())
    for name, said in (
        ("facts", "There is no policy 'facts'; choose one of none, path, wave or a run's"),
        ("run-x", "There is no policy 'run-x'"),
        (f"run-{other}", "Run 3 is of the stage 'sl', whose models walk through no maze"),
        (f"run-{unsaved}", "Run 2 has saved nothing yet"),
    ):
        with pytest.raises(ValueError, match=said):
            mazes.policy(store, name)
