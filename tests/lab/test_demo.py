"""The guided demo as a state machine: its trainer is a stub, its labels and reward model are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import torch

from lab import demo as demos
from lab import lab_file, panel, ppo, reward
from lab.demo import STAGES, Demo, Plan
from lab.jobs import Jobs, JobSpec
from lab.store import Lab, NewPair, Run, Store, now
from rlhf_core.ppo import PPOConfig

Until = Callable[[Callable[[], object]], None]
PAIR = NewPair(language="en", prompt="hello .", response_a="yes .", response_b="no .", policy_id="start")
PEOPLE = ("Ada", "Ben", "Chloe")
SHORT = Plan(pairs=6, batch=2, iterations=2, read=0.0, linger=0.0, pace=0.0)


@dataclass
class Measured:
    reward: float
    kl: float


class Stub:
    """A trainer whose steps cost nothing; it goes on for as long as its run asks for."""

    def __init__(self, spec: JobSpec, store: Store) -> None:
        self.steps = 0

    def step(self, config: Mapping[str, Any]) -> Measured:
        self.steps += 1
        return Measured(reward=self.steps / 10, kl=float(config["kl_coef"]))

    def samples(self) -> None:
        return None

    def state_dict(self) -> dict[str, Any]:
        return {"steps": torch.tensor(self.steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = int(state["steps"])


@pytest.fixture
def jobs(store: Store) -> Iterator[Jobs]:
    jobs = Jobs(store, Stub, ppo.prepare)
    yield jobs
    jobs.close()


def begun(store: Store, lab: Lab, **plan: Any) -> Demo:
    return demos.begin(store, lab, PEOPLE, Plan(**{**vars(SHORT), **plan}))


def come_to(store: Store, jobs: Jobs, lab: Lab, name: str) -> Demo:
    """The demo once its visitor has asked for the next stage as often as it takes."""
    while (demo := demos.read(store, lab)) and demo.name != name:
        demos.go_on(store, jobs, lab)
    assert demo
    return demo


def training(store: Store, jobs: Jobs, lab: Lab) -> Run:
    """The run of the demo that comes to PPO, and has just begun it."""
    come_to(store, jobs, lab, "ppo")
    demo = demos.look(store, jobs, lab)
    assert demo
    run = demos.run_of(store, demo)
    assert run
    return run


def after(demo: Demo, seconds: float) -> datetime:
    return demo.entered_at + timedelta(seconds=seconds)


def test_it_goes_through_every_stage_by_itself(store: Store, jobs: Jobs, lab: Lab, until: Until) -> None:
    begun(store, lab)
    seen: list[str] = []

    def at_the_end() -> bool:
        demo = demos.look(store, jobs, lab)
        assert demo
        seen.append(demo.name)
        return demo.name == "end"

    until(at_the_end)
    assert list(dict.fromkeys(["start", *seen])) == [stage.name for stage in STAGES]
    labels = store.labels(lab.id)
    assert {label.labeler for label in labels} == set(PEOPLE) and len(labels) == 6
    assert {label.labeler_kind for label in labels} == {"simulated"}
    found = panel.labelled(store, lab)
    assert found and sum(found.counts.values()) == 6, "all batches count as one labelling"
    hacked, sound = store.runs(lab.id)
    assert (sound.status, sound.step, hacked.status, hacked.step) == ("finished", 2, "finished", 2)
    assert (sound.config["kl_coef"], hacked.config["kl_coef"]) == (PPOConfig().kl_coef, 0.0)
    assert (sound.inputs["features"], hacked.inputs["features"]) == ("attributes", "bag_of_words")
    assert sound.inputs["simulated_used"] == sound.inputs["labels_used"] == 50
    assert sound.inputs["made_for_run"] == 44, "the preset adds what it lacks, and says so"
    demo = demos.look(store, jobs, lab)
    assert demo and demo.name == "end", "the end is left by the visitor alone"


def test_a_stage_lasts_until_its_work_is_done_and_there_was_time_to_read(store: Store, jobs: Jobs, lab: Lab) -> None:
    demo = begun(store, lab, read=10.0, linger=4.0)
    for seconds, name in ((1, "start"), (9.9, "start"), (10.1, "labels")):
        demo = demos.look(store, jobs, lab, demo.began_at + timedelta(seconds=seconds))
        assert demo and demo.name == name
    start = demo.entered_at
    for i in range(3):
        demo = demos.look(store, jobs, lab, start + timedelta(seconds=20 + i))
    assert demo and demo.labelled == 6 and demo.finished_at == start + timedelta(seconds=22)
    demo = demos.look(store, jobs, lab, start + timedelta(seconds=25))
    assert demo and demo.name == "labels", "what came of it is still to be looked at"
    demo = demos.look(store, jobs, lab, start + timedelta(seconds=26))
    assert demo and demo.name == "reward"


def test_two_who_look_at_once_make_it_no_faster(store: Store, jobs: Jobs, lab: Lab) -> None:
    begun(store, lab, pace=1.0, read=60.0)
    demo = come_to(store, jobs, lab, "labels")
    for seconds, labelled in ((0.5, 0), (1.1, 2), (1.1, 2), (1.9, 2), (2.2, 4)):
        found = demos.look(store, jobs, lab, after(demo, seconds))
        assert found and found.labelled == labelled == len(store.labels(lab.id))


def test_a_pause_rests_the_demo_and_its_run(store: Store, jobs: Jobs, lab: Lab, until: Until) -> None:
    begun(store, lab, iterations=10_000)
    run = training(store, jobs, lab)
    demos.pause(store, jobs, lab)
    paused = demos.read(store, lab)
    assert paused and paused.paused and store.run(run.id).status == "paused"
    assert demos.look(store, jobs, lab, now() + timedelta(hours=1)) == paused
    at = now() + timedelta(hours=2)
    demos.resume(store, jobs, lab, at)
    demo = demos.read(store, lab)
    assert demo and not demo.paused and demo.entered_at == at, "there is time to read again"
    assert store.run(run.id).status in ("running", "queued")
    jobs.stop(run.id)


@pytest.mark.parametrize("ends", ["stop", "delete"])
def test_it_waits_for_a_run_that_rests_and_goes_on_without_one_that_is_over(
    store: Store, jobs: Jobs, lab: Lab, until: Until, ends: str
) -> None:
    begun(store, lab, iterations=10_000)
    run = training(store, jobs, lab)
    jobs.pause(run.id)
    later = now() + timedelta(hours=1)
    demo = demos.look(store, jobs, lab, later)
    assert demo and demo.name == "ppo" and demo.finished_at is None
    jobs.stop(run.id)
    if ends == "delete":
        until(lambda: not jobs.at_work(run.id))
        jobs.delete(run.id)
    demo = demos.look(store, jobs, lab, later)
    assert demo and demo.name == "compare"


def test_the_next_stage_has_what_it_needs(store: Store, jobs: Jobs, lab: Lab) -> None:
    begun(store, lab, iterations=10_000)
    assert come_to(store, jobs, lab, "reward").labelled == len(store.labels(lab.id)) == 6
    run = training(store, jobs, lab)
    assert come_to(store, jobs, lab, "compare").runs == {"ppo": f"run-{run.id}"}
    assert store.run(run.id).status == "stopped", "a run that is passed over would take the next one's core"
    come_to(store, jobs, lab, "end")
    demo = demos.go_on(store, jobs, lab)
    assert demo and demo.name == "end"


def test_who_takes_over_has_everything_as_it_is(store: Store, jobs: Jobs, lab: Lab) -> None:
    begun(store, lab, iterations=10_000)
    run = training(store, jobs, lab)
    demos.take_over(store, lab)
    assert demos.read(store, lab) is None and demos.look(store, jobs, lab) is None
    assert store.run(run.id).status in ("running", "queued") and len(store.labels(lab.id)) == 6
    jobs.stop(run.id)


def test_nobodys_labels_are_mixed_with_simulated_ones(store: Store) -> None:
    empty, other, korean, member, ran = (store.new_lab("a browser", "en") for _ in range(5))
    assert demos.suits(store, empty)
    for lab, pair in ((other, PAIR), (korean, replace(PAIR, language="ko"))):
        store.add_simulated(lab.id, [(pair, "a")], labeler="somebody", at=now())
        assert not demos.suits(store, lab)
    assert store.labels(korean.id) == [], "what was labelled in another language counts as well"
    store.add_member(member.id, "somebody", "Somebody", 0)
    assert not demos.suits(store, member)
    store.add_run(ran.id, stage="maze", config={}, inputs={"language": "en"}, seed=0, status="stopped", pace=None)
    assert not demos.suits(store, ran)


def test_it_is_found_again_and_waits_while_the_model_speaks_another_language(url: str, store: Store, lab: Lab) -> None:
    demo = begun(store, lab)
    again = Store(url)
    assert demos.read(again, again.lab(lab.id)) == demo
    again.close()
    store.set_language(lab.id, "ko")
    assert demos.read(store, store.lab(lab.id)) is None
    store.set_language(lab.id, "en")
    assert demos.read(store, store.lab(lab.id)) == demo


def test_a_copy_of_the_lab_has_the_demo_with_runs_of_its_own(store: Store, jobs: Jobs, lab: Lab) -> None:
    begun(store, lab)
    training(store, jobs, lab)
    demos.go_on(store, jobs, lab)
    copy = lab_file.duplicate(store, "a browser", lab.id, "copy")
    demo = demos.read(store, copy)
    assert demo
    run = demos.run_of(store, demo, "ppo")
    assert run and run.lab_id == copy.id != lab.id


def test_what_the_reward_model_learns_is_measured_after_each_batch(store: Store, jobs: Jobs, lab: Lab) -> None:
    begun(store, lab, pairs=12, batch=4)
    come_to(store, jobs, lab, "reward")
    counts = []
    for _ in range(3):
        demo = demos.look(store, jobs, lab)
        assert demo
        counts.append([n for n, _ in demos.learning(store, lab, demo)])
    assert counts == [[4], [4, 8], [4, 8, 12]]
    n, last = demos.learning(store, lab, demo)[-1]
    [*_, point] = reward.curve(store, lab)
    assert (n, last.rate, last.n) == (point.labels, pytest.approx(point.reference_accuracy), point.reference_n)
    assert last.low < last.rate < last.high
