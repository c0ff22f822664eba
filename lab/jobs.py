"""Runs trainers in background threads: start, pause, one step, resume, stop, reset, and a queue when cores are few.

A run belongs to no browser. What was asked for is written to the store at once (its status, config changes and pace);
the thread that trains follows and writes a row per step and, every two seconds and whenever it rests, a checkpoint. A
run that was cut off goes on from its checkpoint: rows newer than it are dropped and computed again, with every
config change acting at the step where it first acted, so the curve is the one that no interruption would have given.
A run whose steps can't be written down, as on a full disk, rests until somebody lets it go on.

Checkpoints are thinned by one rule: of a lab's runs of a stage the `RESUMABLE` newest keep all that their next step
needs; of an older one that rests only the model is kept, which can be asked and taken away, but not trained on.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch

from lab import states
from lab.store import DELETED, UNFINISHED, Run, Store, StoreError

CHECKPOINT_SECONDS = 2.0
SETTLE_SECONDS = 3.0
"""How long to wait for a step in progress, so that whoever asked sees its result."""
RESUMABLE = 5
"""So many of a lab's newest runs of a stage can be resumed."""
MODEL = ("policy", "network")
"""What trainers call the model in their state."""
log = logging.getLogger("rlhf_lab")


class JobError(RuntimeError):
    """A run can't do what was asked of it; the message says why, and what can be done instead."""


class ModelOnlyError(JobError):
    """A run of which only the model is kept can't go on. number: what pages call it. reason and slots: for the sentence
    of a page, see `ui/locales`."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Only the model of run {number} is kept, since there are {RESUMABLE} newer ones, so it can't go on; start "
            "a new run with its settings."
        )
        self.reason, self.slots = "model_only", {"run": number, "most": RESUMABLE}


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobSpec:
    """All that a run depends on, as plain values. `config["iterations"]`, if given, is the run's last step."""

    stage: str
    config: dict[str, Any]
    inputs: dict[str, Any]
    seed: int


class Trainer(Protocol):
    """What a job can run. The next step depends on nothing but `state_dict` and the config given to it."""

    def step(self, config: Mapping[str, Any]) -> Any:
        """Train one step; returns a flat dataclass of numbers, None where a step did not measure something."""

    def samples(self) -> dict[str, Any] | None:
        """Something to look at after the last step, as plain values, or None."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclasses.dataclass
class _Active:
    """A run that has a thread: how many more steps it may begin, and how many it has begun."""

    budget: float
    begun: int


class Jobs:
    """Every run of the process, at most `workers` at once.

    build makes the trainer of a spec at its step 0, and the same one whenever it is called. prepare is given a spec
    before anything of it is kept: it raises ValueError, in one sentence, if the spec can't be built, and returns it
    with whatever would change in the meantime fixed.
    """

    def __init__(
        self,
        store: Store,
        build: Callable[[JobSpec, Store], Trainer],
        prepare: Callable[[JobSpec, Store], JobSpec] = lambda spec, store: spec,
        workers: int | None = None,
    ) -> None:
        self.store, self._build, self._prepare = store, build, prepare
        self._workers = workers or os.cpu_count() or 1
        self._changed = threading.Condition()  # guards all below and every change of a run's status
        self._waiting: dict[int, float] = {}  # run id -> steps it may begin, in the order of the queue
        self._active: dict[int, _Active] = {}
        self._threads: set[threading.Thread] = set()
        self._thinned: set[int] = set()  # runs known to be so
        self._unwritten: dict[int, str] = {}  # run id -> why it rests, though the store could not be told that it does
        self._closed = False

    # What a person can ask of a run.

    def start(self, lab_id: int, spec: JobSpec, pace: float | None = None) -> int:
        """Begin a run, or queue it. Returns its id."""
        return self._add(lab_id, spec, "queued", pace)

    def pause(self, run_id: int, wait: float = SETTLE_SECONDS) -> None:
        """Rest after the step in progress, or leave the queue. Returns when it rests, or after `wait` seconds."""
        with self._changed:
            self._unfinished(run_id)
            self._rest(run_id, "paused")
            self._settle(run_id, wait)

    def stop(self, run_id: int, wait: float = SETTLE_SECONDS) -> None:
        """As `pause`, and not meant to go on. What it learnt stays, and it may yet be resumed."""
        with self._changed:
            self._unfinished(run_id)
            self._rest(run_id, "stopped")
            self._settle(run_id, wait)

    def resume(self, run_id: int) -> None:
        """Go on from where the run rests."""
        with self._changed:
            if self._resumable(run_id).status not in UNFINISHED or not self.at_work(run_id):
                self._go(run_id, math.inf)
            self._fill()

    def step_once(self, run_id: int, wait: float = SETTLE_SECONDS) -> None:
        """One step, then rest; each further call while it works adds one more. Returns when it rests, or after `wait`
        seconds, or at once if the run must queue for its step."""
        with self._changed:
            if self._resumable(run_id).status != "paused":
                self._rest(run_id, "paused")
            self._go(run_id, 1)
            self._settle(run_id, wait)

    def rest(self, lab_id: int, wait: float = 0.0) -> None:
        """Pause every run of a lab. JobError if one is still at its step after `wait` seconds, unless that is 0."""
        with self._changed:
            live = [run.id for run in self.store.runs(lab_id) if run.status in UNFINISHED]
            for run_id in live:
                self._rest(run_id, "paused")
            if wait and not self._changed.wait_for(lambda: not self._active.keys() & set(live), wait):
                raise JobError("A run of this lab is still at its step; try again in a moment.")

    def reset(self, run_id: int) -> int:
        """A new run of the same spec and seed that rests at step 0; the old one ends. Returns the new run's id."""
        with self._changed:
            run = self._known(run_id)
            if run.status not in ("finished", "failed"):
                self._rest(run_id, "stopped")
            return self._add(run.lab_id, spec_of(run), "paused", run.pace)

    def delete(self, run_id: int) -> None:
        """Forget a run, see `Store.delete_run`. JobError for one that goes on."""
        with self._changed:
            run = self._known(run_id)
            if run.status in UNFINISHED or self.at_work(run_id):
                raise JobError(f"Run {run.number} goes on; stop it first.")
            self.store.delete_run(run_id)

    def configure(self, run_id: int, **changes: Any) -> None:
        """Change the config from the next step on. ValueError, and no change, if a value is out of range."""
        with self._changed:
            run = self._unfinished(run_id)
            changes = {name: value for name, value in changes.items() if run.config.get(name) != value}
            if not changes:
                return
            self._prepare(dataclasses.replace(spec_of(run), config=run.config | changes), self.store)
            begun = self._active[run_id].begun if run_id in self._active else run.step
            # A run that repeats steps after a crash first comes by the changes it already had.
            latest = max((step for step, _ in self.store.config_changes(run_id)), default=0)
            self.store.add_config_change(run_id, max(begun, latest), changes)
            self._changed.notify_all()

    def set_pace(self, run_id: int, steps_per_second: float | None) -> None:
        """At most so many steps a second; None is as fast as it goes."""
        if steps_per_second is not None and not (math.isfinite(steps_per_second) and steps_per_second > 0):
            raise ValueError(f"The pace must be above 0 steps a second, not {steps_per_second}.")
        with self._changed:
            self.store.update_run(run_id, pace=steps_per_second)
            self._changed.notify_all()

    # What can be asked about it, beside the store.

    def place(self, run_id: int) -> int:
        """The run's place in the queue, 1 being next; 0 when it is not waiting."""
        with self._changed:
            return 1 + list(self._waiting).index(run_id) if run_id in self._waiting else 0

    def at_work(self, run_id: int) -> bool:
        """Whether the run is at a step, or waits for one: a paused run may be so for a while yet."""
        with self._changed:
            return run_id in self._active or run_id in self._waiting

    def hindrance(self, run: Run) -> str:
        """Why a run that is not at work could not go on, in one sentence; "" if nothing was in its way."""
        with self._changed:
            return "" if self.at_work(run.id) else run.error or self._unwritten.get(run.id, "")

    # The process begins and ends.

    def resume_unfinished(self) -> None:
        """Go on with the runs that ran or waited when the process before this one ended."""
        with self._changed:
            for run in self.store.unfinished_runs():
                if run.id not in self._active and run.id not in self._waiting:
                    self._go(run.id, math.inf)

    def close(self) -> None:
        """Let every run keep its state and end its thread; `resume_unfinished` of the next process goes on."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            for active in self._active.values():
                active.budget = 0
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    # The lock is held in all of these.

    def _add(self, lab_id: int, spec: JobSpec, status: str, pace: float | None) -> int:
        spec = self._prepare(spec, self.store)
        with self._changed:
            run_id = self.store.add_run(lab_id, **vars(spec), status=status, pace=pace)
            self._thinned.discard(run_id)  # of a run of a deleted lab that had the same id
            if status == "queued":
                self._go(run_id, math.inf)
            return run_id

    def _known(self, run_id: int) -> Run:
        run = self.store.run(run_id)
        if run.status == DELETED:
            raise JobError(f"Run {run.number} was deleted; start a new one.")
        return run

    def _resumable(self, run_id: int) -> Run:
        run, saved = self._unfinished(run_id), None
        if run_id not in self._active and run_id not in self._waiting:
            saved = self.store.checkpoint(run_id)
        if saved is not None and not states.load(saved.data).keys() - set(MODEL):
            raise ModelOnlyError(run.number)
        return run

    def _unfinished(self, run_id: int) -> Run:
        run = self._known(run_id)
        if run.status in ("finished", "failed"):
            raise JobError(f"Run {run.number} is {run.status}; reset it to begin anew with the same seed.")
        return run

    def _rest(self, run_id: int, status: str) -> None:
        self.store.update_run(run_id, status=status)
        self._waiting.pop(run_id, None)
        if run_id in self._active:
            self._active[run_id].budget = 0
        self._changed.notify_all()

    def _settle(self, run_id: int, wait: float) -> None:
        self._changed.wait_for(lambda: run_id not in self._active, wait)

    def _go(self, run_id: int, steps: float) -> None:
        """Let a run begin so many more steps. Single steps leave it paused in the store, which is what it will be."""
        if self._closed:
            raise JobError("The server is shutting down; resume the run when it is back.")
        active = self._active.get(run_id)
        if math.isinf(steps):  # the store first: where it can't be told, nothing is changed here either
            self.store.update_run(run_id, status="running" if active else "queued")
        if active:
            active.budget += steps
        else:
            self._waiting[run_id] = self._waiting.get(run_id, 0) + steps
        self._unwritten.pop(run_id, None)
        self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._active) < self._workers and not self._closed:
            run_id, budget = next(iter(self._waiting.items()))
            run = self.store.run(run_id)
            changes = ({"error": None} if run.error else {}) | ({"status": "running"} if math.isinf(budget) else {})
            if changes:
                self.store.update_run(run_id, **changes)
            del self._waiting[run_id]
            self._active[run_id] = active = _Active(budget, run.step)
            thread = threading.Thread(target=self._work, args=(run_id, active), name=f"run-{run_id}", daemon=True)
            self._threads.add(thread)
            thread.start()
        self._changed.notify_all()

    # What a run's thread does.

    def _work(self, run_id: int, active: _Active) -> None:
        try:
            self._train(run_id, active)
        except StoreError as error:
            log.error("Run %s rests: %s", run_id, error)
            self._interrupt(run_id, active, error)
        except Exception as error:
            log.exception("Run %s failed", run_id)
            self._fail(run_id, active, error)
        finally:
            with self._changed:
                if self._active.get(run_id) is active:  # else it ended well, and may have been resumed since
                    del self._active[run_id]
            self._thin(run_id)
            with self._changed:
                self._threads.discard(threading.current_thread())
                try:
                    self._fill()
                except StoreError as error:
                    log.error("The next run waits on: %s", error)

    def _train(self, run_id: int, active: _Active) -> None:
        torch.set_num_threads(1)
        trainer = self._build(spec_of(self.store.run(run_id)), self.store)
        checkpoint = self.store.rewind(run_id)
        if checkpoint:
            _restore(trainer, checkpoint.data)
        saved = checkpoint.step if checkpoint else 0
        saved_at = time.monotonic() if checkpoint else -math.inf  # so there is a policy to look at from step 1 on
        with self._changed:
            active.begun = saved
        while True:
            began = time.monotonic()
            config = self._next_config(run_id, active)
            if config is not None:
                step = active.begun
                metrics = finite(dataclasses.asdict(trainer.step(config)))
                self.store.add_step(run_id, step, metrics, trainer.samples())
            if active.begun > saved and (config is None or time.monotonic() - saved_at > CHECKPOINT_SECONDS):
                self._save(run_id, active.begun, trainer)
                saved, saved_at = active.begun, time.monotonic()
            if config is None and self._end(run_id, active):
                return
            self._keep_pace(run_id, active, began)

    def _config(self, run_id: int, active: _Active) -> dict[str, Any]:
        initial = self.store.run(run_id).initial_config
        return config_at(initial, self.store.config_changes(run_id), active.begun)

    def _next_config(self, run_id: int, active: _Active) -> dict[str, Any] | None:
        """Begin a step: the config in force at it, or None if the run must rest or is at its end."""
        with self._changed:
            now = self._config(run_id, active)
            if active.budget < 1 or active.begun >= last_step(now):
                return None
            active.budget -= 1
            active.begun += 1
            return now

    def _end(self, run_id: int, active: _Active) -> bool:
        """Whether the thread may go, its state kept. Not so if somebody has asked for more in the meantime."""
        with self._changed:
            if active.begun >= last_step(self._config(run_id, active)):
                if self.store.run(run_id).status != "stopped":
                    self.store.update_run(run_id, status="finished")
            elif active.budget >= 1:
                return False
            del self._active[run_id]
            return True

    def _keep_pace(self, run_id: int, active: _Active, began: float) -> None:
        with self._changed:
            while active.budget >= 1 and (pace := self.store.run(run_id).pace):
                if (left := began + 1 / pace - time.monotonic()) <= 0:
                    return
                self._changed.wait(left)

    def _thin(self, run_id: int) -> None:
        """Keep only the models of the older runs of a run's lab and stage that rest."""
        try:
            run = self.store.run(run_id)
            for old in self.store.runs(run.lab_id, run.stage)[RESUMABLE:]:
                with self._changed:
                    if not self.at_work(old.id) and old.id not in self._thinned:
                        self._keep_model(old.id)
        except Exception:
            log.exception("The runs older than run %s could not be thinned", run_id)

    def _keep_model(self, run_id: int) -> None:
        if (saved := self.store.checkpoint(run_id)) is None:
            return
        state = states.load(saved.data)
        if state.keys() - set(MODEL):
            model = {name: state[name] for name in MODEL if name in state}
            self.store.save_checkpoint(run_id, saved.step, states.dump(model))
        self._thinned.add(run_id)

    def _save(self, run_id: int, step: int, trainer: Trainer) -> None:
        self.store.save_checkpoint(run_id, step, states.dump(trainer.state_dict()))

    def _interrupt(self, run_id: int, active: _Active, error: StoreError) -> None:
        """Rest where the store can't be used: nothing is wrong with the run, which goes on from its checkpoint."""
        where = f"rests at step {active.begun}" if active.begun else "could not start"
        said = f"The run {where} and can be resumed. {error}"
        with self._changed:
            try:
                self.store.update_run(run_id, status="paused", error=said)
            except StoreError:
                self._unwritten[run_id] = said

    def _fail(self, run_id: int, active: _Active, error: Exception) -> None:
        # str() of a KeyError puts its sentence in quotes.
        said = " ".join(str(error.args[0] if isinstance(error, KeyError) else error).split()) or type(error).__name__
        where = f"failed at step {active.begun}" if active.begun else "could not start"
        try:
            with self._changed:
                self.store.update_run(run_id, status="failed", error=f"The run {where}: {said}")
        except Exception:
            log.exception("The failure of run %s could not be written down", run_id)


def _restore(trainer: Trainer, data: bytes) -> None:
    """Give a trainer the state that was kept. DamagedStateError if it is damaged or that of another trainer."""
    state = states.load(data)
    try:
        trainer.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise states.DamagedStateError from error


def spec_of(run: Run) -> JobSpec:
    """The value that a run was started with."""
    return JobSpec(stage=run.stage, config=run.initial_config, inputs=run.inputs, seed=run.seed)


def config_at(
    initial: Mapping[str, Any], changes: Sequence[tuple[int, Mapping[str, Any]]], begun: int
) -> dict[str, Any]:
    """The config in force for the step after `begun` steps: the first one with every change made by then."""
    now = dict(initial)
    for step, change in changes:
        if step <= begun:
            now |= change
    return now


def last_step(config: Mapping[str, Any]) -> float:
    """The step that a run ends with; infinity if it has none."""
    iterations = config.get("iterations")
    return math.inf if iterations is None else iterations


def finite(metrics: dict[str, Any]) -> dict[str, Any]:
    """The metrics that were measured. FloatingPointError if one of them is no finite number."""
    measured = {name: value for name, value in metrics.items() if value is not None}
    for name, value in measured.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"{name} became {value}, so training has come apart. Reset the run and try a lower learning rate or a"
                " higher KL coefficient."
            )
    return measured
