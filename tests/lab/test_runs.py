"""Runs as things one keeps: which of them can go on, files, deletion, what is read of many at once."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lab import blind_test, class_desk, lab_file, models, run_comparison, run_export, states
from lab.jobs import RESUMABLE, JobError, Jobs, JobSpec, ModelOnlyError
from lab.labelling import LabellingDesk
from lab.store import DELETED, Lab, Store
from rlhf_core.language_model import MiniLM
from rlhf_core.ppo import PPOConfig
from tests.lab.runs import add_ppo_run, noisy
from tests.lab.walker import Walker, prepare, walk

Until = Callable[[Callable[[], object]], None]


class Learner(Walker):
    """A walker with a model."""

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "policy": {"place": self.place}}


def build(spec: JobSpec, store: Store) -> Learner:
    return Learner(spec)


@pytest.fixture
def jobs(store: Store) -> Iterator[Jobs]:
    jobs = Jobs(store, build, prepare, workers=2)
    yield jobs
    jobs.close()


def kept(store: Store, run_id: int) -> set[str]:
    """What a run's checkpoint holds."""
    saved = store.checkpoint(run_id)
    return set(states.load(saved.data)) if saved else set()


def test_of_older_runs_that_rest_only_the_model_is_kept(store: Store, lab: Lab, jobs: Jobs, until: Until) -> None:
    resting = jobs.start(lab.id, walk(iterations=None), pace=20)
    going = jobs.start(lab.id, walk(iterations=None), pace=20)
    until(lambda: kept(store, resting) and kept(store, going))
    jobs.stop(resting)
    newer = []
    for _ in range(RESUMABLE):
        newer.append(jobs.start(lab.id, walk(iterations=2)))
        until(lambda: store.run(newer[-1]).status == "finished" and newer[-1] not in jobs._active)
    until(lambda: kept(store, resting) == {"policy"})
    assert all("rng" in kept(store, run) for run in (going, *newer)), "a run that goes on, or is new, keeps everything"
    step = store.run(resting).step
    for ask in (jobs.resume, jobs.step_once):
        with pytest.raises(ModelOnlyError, match="Only the model of run 1 is kept"):
            ask(resting)
    assert (store.run(resting).status, store.run(resting).step) == ("stopped", step)
    jobs.pause(going)
    until(lambda: kept(store, going) == {"policy"})
    assert jobs.reset(resting) not in (resting, going), "its settings and seed may begin anew"


def test_another_stages_runs_count_for_themselves(store: Store, lab: Lab, jobs: Jobs, until: Until) -> None:
    first = jobs.start(lab.id, walk(iterations=1))
    until(lambda: store.run(first).status == "finished")
    for _ in range(RESUMABLE):
        other = JobSpec(**{**vars(walk(iterations=1)), "stage": "other"})
        last = jobs.start(lab.id, other)
        until(lambda: store.run(last).status == "finished" and not jobs._threads)  # noqa: B023
    assert "rng" in kept(store, first)


def test_a_deleted_run_leaves_its_name_and_nothing_else(store: Store, lab: Lab, jobs: Jobs) -> None:
    run = add_ppo_run(store, lab)
    twin = add_ppo_run(store, lab, inputs={"reward_model": run.inputs["reward_model"]})
    store.add_config_change(run.id, 2, {"kl_coef": 0.3})
    desk = LabellingDesk(store, lab, policy_id=f"run-{run.id}", rng=torch.Generator().manual_seed(1))
    desk.simulate(3, "default", 0.0, seed=1)
    assert run_comparison.uses(store, lab, run).labels == 3
    jobs.delete(run.id)
    assert [one.id for one in store.runs(lab.id)] == [twin.id]
    assert (store.metrics(run.id), store.samples(run.id), store.checkpoint(run.id)) == ([], {}, None)
    assert store.artifact(run.inputs["reward_model"]).kind == "reward_model", "its twin needs it"
    gone = store.run(run.id)
    assert (gone.status, gone.number, gone.step) == (DELETED, 1, 5) and "reward_model" not in gone.inputs
    assert len(store.labels(lab.id)) == 3
    with pytest.raises(ValueError, match="Run 1 was deleted"):
        models.policy(store, "en", f"run-{run.id}")
    for ask in (jobs.resume, jobs.reset, jobs.delete):
        with pytest.raises(JobError, match="Run 1 was deleted"):
            ask(run.id)
    jobs.delete(twin.id)
    with pytest.raises(KeyError):
        store.artifact(run.inputs["reward_model"])
    later = add_ppo_run(store, lab)
    assert later.number == 3 and later.id not in (run.id, twin.id), "what names them must not mean another run"
    copy = lab_file.unpack(store, "another browser", lab_file.pack(store, lab.id))
    assert [one.number for one in store.runs(copy.id)] == [3] and len(store.labels(copy.id)) == 3
    assert store.sizes("another browser")[copy.id] == (3, 1)


def test_a_run_that_goes_on_is_not_deleted(store: Store, lab: Lab, jobs: Jobs) -> None:
    run = jobs.start(lab.id, walk(iterations=None), pace=20)
    with pytest.raises(JobError, match="Run 1 goes on; stop it first"):
        jobs.delete(run)
    jobs.stop(run)
    jobs.delete(run)
    assert store.runs(lab.id) == []


def test_who_writes_for_a_class_is_there_and_speaks_its_language(store: Store, lab: Lab) -> None:
    run = add_ppo_run(store, lab)
    name = f"run-{run.id}"
    assert class_desk._writer(store, lab, name) == name
    store.set_language(lab.id, "ko")
    assert class_desk._writer(store, store.lab(lab.id), name) == models.START
    store.delete_run(run.id)
    assert class_desk._writer(store, lab, name) == models.START


def test_a_model_is_taken_away_as_a_file_that_minilm_reads(store: Store, lab: Lab, jobs: Jobs, tmp_path: Path) -> None:
    run = add_ppo_run(store, lab, noise=0.02)
    jobs._keep_model(run.id)  # no more is needed for this, nor for a blind test
    assert kept(store, run.id) == {"policy"}
    assert blind_test.begin(store, lab, run, 10).at == 0
    path = tmp_path / "taken.safetensors"
    path.write_bytes(run_export.model_file(store, run))
    read, start = MiniLM.load(path), models.assets("en").model
    want = noisy(start, 0.02).state_dict()
    assert read.config == start.config
    assert all(torch.equal(value, want[name]) for name, value in read.state_dict().items())


def test_metrics_as_csv_name_what_changed_before_which_step(store: Store, lab: Lab) -> None:
    run = add_ppo_run(store, lab)
    for step, change in ((2, {"kl_coef": 0.2}), (2, {"kl_coef": 0.3, "temperature": 0.8}), (4, {"clip_range": 0.1})):
        store.add_config_change(run.id, step, change)
    rows = list(csv.DictReader(io.StringIO(run_export.metrics_csv(store, run))))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [row["gold"] for row in rows] == ["1.0", "2.0", "3.0", "4.0", "5.0"]
    assert [row["win_rate"] for row in rows] == ["", "", "", "", "0.6"]
    assert [row["changes"] for row in rows] == ["", "", "kl_coef=0.3; temperature=0.8", "", "clip_range=0.1"]


def test_settings_side_by_side_say_what_differs_and_what_changed(store: Store, lab: Lab) -> None:
    one, other = add_ppo_run(store, lab), add_ppo_run(store, lab, config={"learning_rate": 1e-4})
    store.add_config_change(other.id, 3, {"kl_coef": 0.4})
    found = {setting.name: setting for setting in run_comparison.side_by_side(store, [one, other])}
    assert {name for name, setting in found.items() if setting.differs} == {"learning_rate", "kl_coef"}
    assert found["learning_rate"].values == (PPOConfig.learning_rate, 1e-4)
    assert found["kl_coef"].values == (PPOConfig.kl_coef,) * 2 and found["kl_coef"].changes == ((), ((3, 0.4),))
    assert run_comparison.unusual(store.run(other.id), one.initial_config) == ["learning_rate", "kl_coef"]


def test_the_last_figures_and_the_pages_of_runs_are_read_at_once(store: Store, lab: Lab) -> None:
    short, long = add_ppo_run(store, lab, step=3), add_ppo_run(store, lab, step=12)
    last = store.last_metrics(lab.id, "ppo", window=5)
    assert (last[short.id]["gold"], last[short.id]["step"]) == (3.0, 3) and "win_rate" not in last[short.id]
    assert (last[long.id]["gold"], last[long.id]["win_rate"]) == (12.0, 0.6)
    assert list(store.samples(long.id, every=5)) == [1, 5, 10, 12]
    assert list(store.samples(short.id)) == [1, 2, 3]
    assert store.samples(short.id)[3] == store.run_samples(short.id)
