"""Runs: what a person asks of them, what they write, and that no interruption changes a curve."""

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from lab import jobs as jobs_module
from lab.jobs import JobError, Jobs, JobSpec, config_at
from lab.store import Lab, Store
from tests.lab.walker import Walker, build, prepare, walk

Until = Callable[[Callable[[], object]], None]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def jobs(store: Store) -> Iterator[Jobs]:
    jobs = Jobs(store, build, prepare, workers=2)
    yield jobs
    jobs.close()


class Gate(threading.Semaphore):
    """Lets as many steps through as were released, over all runs."""

    def __init__(self) -> None:
        super().__init__(0)
        self.waiting: set[int] = set()
        """The threads that stand before it."""

    def acquire(self) -> None:
        self.waiting.add(threading.get_ident())
        super().acquire()
        self.waiting.discard(threading.get_ident())


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(Walker, "gate", gate)
    yield gate
    gate.release(10**6)  # closing jobs waits for their steps, after a test that failed too


def uninterrupted(spec: JobSpec, changes: list[tuple[int, dict[str, Any]]] = []) -> list[dict[str, Any]]:  # noqa: B006
    """The rows that a run must come to, computed without any job."""
    walker = Walker(spec)
    walker.gate = None
    rows = []
    for done in range(spec.config["iterations"]):
        m = walker.step(config_at(spec.config, changes, done))
        row = {"place": m.place, "stride": m.stride, "rare": m.rare, "step": done + 1}
        rows.append({name: value for name, value in row.items() if value is not None})
    return rows


def test_a_run_writes_a_row_per_step_and_its_state_at_the_end(store: Store, lab: Lab, jobs: Jobs, until: Until) -> None:
    spec = walk(iterations=12)
    run_id = jobs.start(lab.id, spec)
    until(lambda: store.run(run_id).status == "finished")
    assert store.metrics(run_id) == uninterrupted(spec)
    assert [sorted(row) for row in store.metrics(run_id)[1:3]] == [
        ["place", "step", "stride"],
        ["place", "rare", "step", "stride"],
    ]
    assert store.run_samples(run_id) == {"at": 12}
    checkpoint = store.checkpoint(run_id)
    assert checkpoint is not None and checkpoint.step == 12 == store.run(run_id).step
    assert jobs.place(run_id) == 0


def test_pause_resume_and_single_steps_leave_the_curve_as_it_is(
    store: Store, lab: Lab, jobs: Jobs, until: Until, gate: Gate
) -> None:
    spec = walk(iterations=12)
    run_id = jobs.start(lab.id, spec)
    gate.release(3)
    until(lambda: store.run(run_id).step == 3 and jobs._active[run_id].begun == 4)
    jobs.pause(run_id, wait=0)
    assert store.run(run_id).status == "paused"
    gate.release()  # the step in progress ends
    until(lambda: not jobs._active)
    assert store.run(run_id).step == 4
    for _ in range(3):  # clicked faster than it steps
        jobs.step_once(run_id, wait=0)
    gate.release(100)
    until(lambda: not jobs._active)
    assert (store.run(run_id).step, store.run(run_id).status) == (7, "paused")
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status == "finished")
    assert store.metrics(run_id) == uninterrupted(spec)


def test_a_pause_taken_back_at_once_is_no_pause(
    store: Store, lab: Lab, jobs: Jobs, until: Until, gate: Gate
) -> None:
    run_id = jobs.start(lab.id, walk(iterations=5))
    for _ in range(20):
        jobs.pause(run_id, wait=0)
        jobs.resume(run_id)
    gate.release(100)
    until(lambda: store.run(run_id).status == "finished")
    assert store.metrics(run_id) == uninterrupted(walk(iterations=5))


def test_whoever_asks_for_a_step_or_a_pause_sees_its_result(store: Store, lab: Lab, jobs: Jobs) -> None:
    run_id = jobs.start(lab.id, walk(iterations=None), pace=100)
    jobs.pause(run_id)
    steps = len(store.metrics(run_id))
    for more in range(1, 4):
        jobs.step_once(run_id)
        assert len(store.metrics(run_id)) == steps + more
        assert store.checkpoint(run_id).step == steps + more
    jobs.resume(run_id)
    jobs.stop(run_id)
    rows = store.metrics(run_id)
    assert not jobs._active and store.checkpoint(run_id).step == len(rows)


def test_what_is_asked_while_the_state_is_being_saved_is_not_lost(
    store: Store, lab: Lab, jobs: Jobs, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, asks = store.save_checkpoint, [partial(jobs.step_once, wait=0), jobs.resume]

    def ask_while_saving(run_id: int, step: int, data: bytes) -> None:
        save(run_id, step, data)
        if asks and step > 1:
            asks.pop(0)(run_id)

    monkeypatch.setattr(store, "save_checkpoint", ask_while_saving)
    run_id = store.add_run(lab.id, **vars(walk()), status="paused", pace=None)
    jobs.step_once(run_id, wait=0)
    jobs.step_once(run_id, wait=0)
    until(lambda: store.run(run_id).status == "finished")
    assert asks == [] and store.metrics(run_id) == uninterrupted(walk())


def test_one_step_of_a_running_run_is_its_last_for_now(
    store: Store, lab: Lab, jobs: Jobs, until: Until, gate: Gate
) -> None:
    run_id = jobs.start(lab.id, walk())
    until(lambda: jobs._active[run_id].begun == 1)
    jobs.step_once(run_id, wait=0)
    gate.release(100)
    until(lambda: not jobs._active)
    assert (store.run(run_id).step, store.run(run_id).status) == (2, "paused")


def test_reset_begins_anew_with_the_same_seed(store: Store, lab: Lab, jobs: Jobs, until: Until) -> None:
    spec = walk(iterations=None)
    run_id = jobs.start(lab.id, spec, pace=200)
    until(lambda: store.run(run_id).step >= 3)
    jobs.stop(run_id)
    until(lambda: not jobs._active)
    rows = store.metrics(run_id)
    assert store.checkpoint(run_id).step == len(rows)
    again = jobs.reset(run_id)
    run = store.run(again)
    assert (run.status, run.step, run.initial_config, run.seed, run.pace) == ("paused", 0, spec.config, spec.seed, 200)
    assert store.metrics(again) == [] and store.metrics(run_id) == rows
    jobs.step_once(again)
    until(lambda: store.run(again).step == 1)
    assert store.metrics(again) == rows[:1]


def test_a_stopped_run_may_yet_go_on_and_a_finished_one_not(
    store: Store, lab: Lab, jobs: Jobs, until: Until, gate: Gate
) -> None:
    run_id = jobs.start(lab.id, walk())
    jobs.stop(run_id, wait=0)
    gate.release(100)
    until(lambda: not jobs._active)
    assert store.run(run_id).status == "stopped"
    jobs.resume_unfinished()
    assert not jobs._active, "a stopped run does not go on by itself"
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status == "finished")
    assert store.metrics(run_id) == uninterrupted(walk())
    for ask in (jobs.resume, jobs.pause, jobs.step_once, jobs.stop, jobs.configure):
        with pytest.raises(JobError, match=f"Run {run_id} is finished; reset it"):
            ask(run_id)


def test_reset_ends_a_run_that_is_going_on(store: Store, lab: Lab, jobs: Jobs, until: Until) -> None:
    run_id = jobs.start(lab.id, walk(iterations=None))
    again = jobs.reset(run_id)
    until(lambda: not jobs._active)
    assert (store.run(run_id).status, store.run(again).status) == ("stopped", "paused")


def test_a_change_of_config_acts_from_the_next_step_on_and_is_kept_with_its_step(
    store: Store, lab: Lab, jobs: Jobs, until: Until, gate: Gate
) -> None:
    spec = walk(iterations=8)
    run_id = jobs.start(lab.id, spec)
    gate.release(3)
    until(lambda: store.run(run_id).step == 3 and jobs._active[run_id].begun == 4)
    jobs.configure(run_id, scale=10.0)  # step 4 is in progress with the old one
    jobs.configure(run_id, scale=10.0)  # no change
    with pytest.raises(ValueError, match=r"scale must be above 0, not -1\.0"):
        jobs.configure(run_id, scale=-1.0)
    gate.release(100)
    until(lambda: store.run(run_id).status == "finished")
    assert store.config_changes(run_id) == [(4, {"scale": 10.0})]
    run = store.run(run_id)
    assert (run.initial_config, run.config) == (spec.config, {"scale": 10.0, "iterations": 8})
    plain = uninterrupted(spec)
    strides = [row["stride"] / before["stride"] for row, before in zip(store.metrics(run_id), plain, strict=True)]
    assert strides == pytest.approx([1, 1, 1, 1, 10, 10, 10, 10])
    assert store.metrics(run_id) == uninterrupted(spec, [(4, {"scale": 10.0})])


def test_a_bad_config_starts_nothing(store: Store, lab: Lab, jobs: Jobs) -> None:
    with pytest.raises(ValueError, match="scale must be above 0, not 0"):
        jobs.start(lab.id, walk(scale=0))
    assert store.runs(lab.id) == []


def test_a_run_cut_off_with_unsaved_steps_comes_to_the_same_curve(store: Store, lab: Lab, until: Until) -> None:
    """The changes lie before the checkpoint, after it, and during the repetition of what was lost."""
    spec = walk(iterations=20)
    first = Jobs(store, build, prepare)
    run_id = store.add_run(lab.id, **vars(spec), status="paused", pace=None)
    done = 2
    for _ in range(done):
        first.step_once(run_id)
    until(lambda: not first._active)
    # As a killed process leaves it: rows and changes beyond the checkpoint, still "running".
    first.configure(run_id, scale=2.0)
    for _ in range(3):
        first.step_once(run_id)
    until(lambda: not first._active)
    saved = store.checkpoint(run_id)
    first.configure(run_id, scale=3.0)
    for _ in range(4):
        first.step_once(run_id)
    until(lambda: not first._active)
    first.configure(run_id, scale=4.0)
    first.close()
    store.save_checkpoint(run_id, saved.step, saved.data)
    store.update_run(run_id, status="running")

    second = Jobs(store, build, prepare)
    second.resume_unfinished()
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    second.close()
    assert store.config_changes(run_id) == [
        (done, {"scale": 2.0}),
        (done + 3, {"scale": 3.0}),
        (done + 7, {"scale": 4.0}),
    ]
    assert store.metrics(run_id) == uninterrupted(spec, store.config_changes(run_id))


def test_a_change_made_while_lost_steps_are_repeated_acts_after_the_earlier_ones(
    store: Store, lab: Lab, until: Until, gate: Gate
) -> None:
    spec = walk(iterations=10)
    run_id = store.add_run(lab.id, **vars(spec), status="running", pace=None)
    store.add_config_change(run_id, 5, {"scale": 2.0})
    jobs = Jobs(store, build, prepare)
    jobs.resume_unfinished()
    gate.release()
    until(lambda: store.run(run_id).step == 1)
    jobs.configure(run_id, scale=3.0)
    gate.release(100)
    until(lambda: store.run(run_id).status == "finished")
    jobs.close()
    assert store.config_changes(run_id) == [(5, {"scale": 2.0}), (5, {"scale": 3.0})]
    assert store.metrics(run_id) == uninterrupted(spec, [(5, {"scale": 3.0})])


def test_a_closed_server_goes_on_and_paused_runs_stay_paused(
    store: Store, lab: Lab, until: Until, gate: Gate
) -> None:
    first = Jobs(store, build, prepare, workers=1)
    going, waiting, resting = (first.start(lab.id, walk(seed=seed)) for seed in (1, 2, 3))
    first.pause(resting)
    gate.release(2)
    until(lambda: store.run(going).step == 2)
    gate.release(1)
    first.close()
    assert [store.run(r).status for r in (going, waiting, resting)] == ["running", "queued", "paused"]
    with pytest.raises(JobError, match="shutting down"):
        first.resume(resting)

    second = Jobs(store, build, prepare, workers=1)
    second.resume_unfinished()
    second.resume_unfinished()  # harmless
    assert (second.place(going), second.place(waiting), second.place(resting)) == (0, 1, 0)
    gate.release(100)
    until(lambda: store.run(waiting).status == "finished")
    assert store.run(resting).status == "paused" and store.metrics(resting) == []
    second.resume(resting)
    until(lambda: store.run(resting).status == "finished")
    second.close()
    for run_id, seed in ((going, 1), (waiting, 2), (resting, 3)):
        assert store.metrics(run_id) == uninterrupted(walk(seed=seed))


def test_more_runs_than_cores_queue_in_their_order(
    store: Store, lab: Lab, jobs: Jobs, until: Until, gate: Gate
) -> None:
    runs = [jobs.start(lab.id, walk(seed=seed, iterations=2)) for seed in range(5)]
    assert [jobs.place(run) for run in runs] == [0, 0, 1, 2, 3]
    assert [store.run(run).status for run in runs] == ["running"] * 2 + ["queued"] * 3
    jobs.pause(runs[2])
    assert [jobs.place(run) for run in runs] == [0, 0, 0, 1, 2]
    jobs.stop(runs[3])
    assert [jobs.place(run) for run in runs] == [0, 0, 0, 0, 1]
    jobs.resume(runs[2])
    assert [jobs.place(run) for run in runs] == [0, 0, 2, 0, 1]
    gate.release(100)
    until(lambda: [store.run(run).status for run in runs] == ["finished"] * 3 + ["stopped"] + ["finished"])
    assert store.metrics(runs[3]) == []


def test_a_failing_step_is_one_sentence_and_costs_no_row(store: Store, lab: Lab, jobs: Jobs, until: Until) -> None:
    run_id = jobs.start(lab.id, walk(raise_at=6))
    until(lambda: store.run(run_id).status == "failed")
    assert store.run(run_id).error == "The run failed at step 6: the walker fell over a stone"
    assert store.metrics(run_id) == uninterrupted(walk())[:5]
    unbuildable = jobs.start(lab.id, walk(unbuildable=True))
    until(lambda: store.run(unbuildable).status == "failed")
    assert store.run(unbuildable).error == "The run could not start: The checkpoint is missing; remake it."
    assert jobs.reset(run_id) > unbuildable


def test_a_metric_that_is_no_number_ends_the_run_and_says_what_to_try(
    store: Store, lab: Lab, jobs: Jobs, until: Until
) -> None:
    run_id = jobs.start(lab.id, walk(nan_at=4))
    until(lambda: store.run(run_id).status == "failed")
    assert store.run(run_id).error == (
        "The run failed at step 4: place became nan, so training has come apart. Reset the run and try a lower"
        " learning rate or a higher KL coefficient."
    )
    assert len(store.metrics(run_id)) == 3


def test_the_pace_holds_and_a_change_of_it_acts_at_once(store: Store, lab: Lab, jobs: Jobs, until: Until) -> None:
    spec = walk(iterations=200)
    run_id = jobs.start(lab.id, spec, pace=0.001)
    until(lambda: store.run(run_id).step == 1)
    began = time.monotonic()
    jobs.set_pace(run_id, 100.0)
    until(lambda: store.run(run_id).step >= 21)
    assert time.monotonic() - began >= 0.19, "twenty steps at a hundred a second"
    jobs.set_pace(run_id, 0.001)
    jobs.pause(run_id)  # does not wait for the next step to be due
    until(lambda: not jobs._active)
    jobs.set_pace(run_id, None)
    jobs.resume(run_id)
    until(lambda: store.run(run_id).status == "finished")
    assert store.metrics(run_id) == uninterrupted(spec)
    with pytest.raises(ValueError, match="The pace must be above 0 steps a second, not 0"):
        jobs.set_pace(run_id, 0)


def test_the_state_is_kept_while_a_run_goes_on(
    store: Store, lab: Lab, jobs: Jobs, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "CHECKPOINT_SECONDS", 0.0)
    run_id = jobs.start(lab.id, walk(iterations=None), pace=0.001)
    until(lambda: store.checkpoint(run_id))
    assert store.run(run_id).status == "running" and store.checkpoint(run_id).step == 1


def test_runs_in_threads_do_not_disturb_one_another_nor_the_global_generator(
    store: Store, lab: Lab, until: Until
) -> None:
    torch_state = torch.get_rng_state()
    jobs = Jobs(store, build, prepare, workers=4)
    runs = [jobs.start(lab.id, walk(seed=seed, iterations=40)) for seed in range(4)]
    until(lambda: all(store.run(run).status == "finished" for run in runs))
    jobs.close()
    for seed, run_id in enumerate(runs):
        assert store.metrics(run_id) == uninterrupted(walk(seed=seed, iterations=40))
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_a_killed_process_loses_nothing_that_the_next_one_does_not_remake(
    store: Store, lab: Lab, url: str, until: Until
) -> None:
    """SIGKILL at whatever moment, twice; the last process comes to the curve of no interruption."""
    spec = walk(iterations=400)
    program = (
        "import sys, threading\n"
        "from lab import jobs as m; from lab.store import Store\n"
        "from tests.lab.walker import build, prepare, walk\n"
        "m.CHECKPOINT_SECONDS = 0.05\n"
        f"store = Store({url!r}); jobs = m.Jobs(store, build, prepare); jobs.resume_unfinished()\n"
        f"if not store.runs({lab.id}): jobs.start({lab.id}, walk(iterations=400), pace=50)\n"
        "for line in sys.stdin: jobs.configure(1, scale=float(line))\n"
    )
    steps = 0
    for scale in (2.0, 3.0):
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, text=True)
        try:
            until(lambda n=steps: store.runs(lab.id) and store.checkpoint(1) and store.run(1).step >= n + 8)
            process.stdin.write(f"{scale}\n")
            process.stdin.flush()
            until(lambda s=scale: (store.config_changes(1) or [(0, {})])[-1][1].get("scale") == s)
            steps = store.run(1).step
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdin.close()
    assert store.run(1).status == "running"
    jobs = Jobs(store, build, prepare)
    jobs.set_pace(1, None)
    jobs.resume_unfinished()
    until(lambda: store.run(1).status == "finished")
    jobs.close()
    changes = store.config_changes(1)
    assert [change for _, change in changes] == [{"scale": 2.0}, {"scale": 3.0}]
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(changes))
    assert store.metrics(1) == uninterrupted(spec, changes)


def test_the_runs_of_one_lab_rest_and_no_others(
    store: Store, lab: Lab, jobs: Jobs, gate: Gate, until: Until
) -> None:
    other = store.open_lab("another browser", "en")
    mine, theirs = jobs.start(lab.id, walk()), jobs.start(other.id, walk(iterations=None))
    waiting = jobs.start(lab.id, walk())
    until(lambda: len(gate.waiting) == 2)
    with pytest.raises(JobError, match="still at its step"):
        jobs.rest(lab.id, wait=0.05)
    assert [store.run(run).status for run in (mine, waiting)] == ["paused", "paused"]

    def ends() -> bool:
        gate.release()  # to whichever of the two comes first
        return mine not in jobs._active

    until(ends)
    jobs.rest(lab.id, wait=60)
    assert store.run(theirs).status == "running" and set(jobs._active) == {theirs}
    jobs.stop(theirs, wait=0)
    gate.release(100)
