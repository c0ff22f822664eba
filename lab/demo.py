"""The guided demo: the whole pipeline once, by simulated labels, each stage explained while it happens.

A small state machine over a lab. It trains nothing itself: it asks the panel for labels and the jobs for runs, as the
pages do, and goes on once what it asked for is finished and there was time to read. It moves only while somebody looks
(`look`). Where it stands is kept with the lab, as its labels and runs are: a reload, another tab and a server that is
started again find it there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from lab import models, panel, ppo, presets, reward
from lab.jobs import Jobs, JobSpec
from lab.labelling import LabellingDesk
from lab.panel import Panel
from lab.store import UNFINISHED, Lab, Label, Run, Store, now
from rlhf_core.corpus import LANGUAGES
from rlhf_core.evaluation import Interval, accuracy

SOURCE = "simulated"
"""The demo learns from simulated labels alone, even if its visitor gives some of their own meanwhile."""
_NAME = "demo"
_locks: dict[int, threading.Lock] = {}  # by lab: two tabs that look at once must not both ask for the same labels


@dataclass(frozen=True)
class Stage:
    """A part of the demo. Its texts on the pages are `demo.<name>_title` and `demo.<name>_text`."""

    name: str
    by: str
    """Who does the work of it: the start model, simulated people, the reward model, the trainer, the judge, or the
    visitor."""
    preset: str = ""
    """What its run is started with, if it has one."""


STAGES = (
    Stage("start", "start"),
    Stage("labels", "simulated"),
    Stage("reward", "reward"),
    Stage("ppo", "trainer", "sound"),
    Stage("compare", "judge"),
    Stage("hacking", "trainer", "no_kl"),
    Stage("end", "visitor"),
)
_PLACES = {stage.name: place for place, stage in enumerate(STAGES)}
_TIMES = ("began_at", "entered_at", "worked_at", "finished_at")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much a demo does, and how long it waits for its reader."""

    pairs: int = 50
    batch: int = 5
    """Pairs that are labelled at a time."""
    iterations: int = 60
    """Of each run."""
    read: float = 11.0
    """Seconds that a stage is in sight at least."""
    linger: float = 5.0
    """Seconds that what came of a stage is in sight."""
    pace: float = 0.9
    """Seconds from one piece of work to the next, however many look."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Where a demo stands."""

    language: str
    people: tuple[str, ...]
    """The names of the simulated annotators."""
    seed: int
    plan: Plan
    began_at: datetime
    entered_at: datetime
    """When the stage began, or went on after a pause."""
    worked_at: datetime
    """When the last piece of work was done, or the stage was entered."""
    finished_at: datetime | None = None
    """When the work of the stage was done; None as long as it is not."""
    name: str = STAGES[0].name
    """The stage."""
    paused: bool = False
    labelled: int = 0
    fitted: int = 0
    """Labels that the reward model was fitted to so far, in the stage about it."""
    runs: Mapping[str, str] = field(default_factory=dict[str, str])
    """ "run-<id>" by stage."""

    @property
    def stage(self) -> Stage:
        return STAGES[self.place]

    @property
    def place(self) -> int:
        """Which stage it is, from 0."""
        return _PLACES[self.name]


# Beginning and end.


def suits(store: Store, lab: Lab) -> bool:
    """Whether a demo may run in this lab: nobody's labels are there to be mixed with simulated ones, nor a run, nor is
    anybody invited to label."""
    labels = any(store.labels(lab.id, language=language) for language in LANGUAGES)
    return not (labels or store.runs(lab.id) or store.members(lab.id))


def begin(store: Store, lab: Lab, people: tuple[str, ...], plan: Plan | None = None, seed: int = 0) -> Demo:
    """A demo at its first stage, in a lab that suits. people: what the simulated annotators are called. seed: names the
    random numbers of labels and runs; with the same one a demo shows the same."""
    at = now()
    demo = Demo(
        language=lab.language, people=people, seed=seed, plan=plan or Plan(), began_at=at, entered_at=at, worked_at=at
    )
    _keep(store, lab, demo)
    return demo


def read(store: Store, lab: Lab) -> Demo | None:
    """The demo of a lab; None if there is none, and while the lab's model speaks another language."""
    found = store.kept(lab.id, _NAME)
    if found is None or found["language"] != lab.language:
        return None
    times = {name: datetime.fromisoformat(found[name]) for name in _TIMES if found[name]}
    return Demo(**found | times | {"people": tuple(found["people"]), "plan": Plan(**found["plan"])})


def take_over(store: Store, lab: Lab) -> None:
    """End the demo. Its labels stay, and its runs go on or rest as they do."""
    with _locked(lab):
        store.keep(lab.id, _NAME, None)


def _keep(store: Store, lab: Lab, demo: Demo) -> None:
    times = {name: at.isoformat() for name in _TIMES if (at := getattr(demo, name))}
    store.keep(lab.id, _NAME, asdict(demo) | times)


def _locked(lab: Lab) -> threading.Lock:
    return _locks.setdefault(lab.id, threading.Lock())


# Going on.


def look(store: Store, jobs: Jobs, lab: Lab, at: datetime | None = None) -> Demo | None:
    """Do the piece of work that is due, or go to the next stage if it is time. Returns where the demo stands."""
    at = at or now()
    with _locked(lab):
        before = read(store, lab)
        if before is None or before.paused:
            return before
        demo = before
        if (at - before.worked_at).total_seconds() >= before.plan.pace:
            demo = _worked(store, jobs, lab, before)
        if demo != before:
            demo = replace(demo, worked_at=at)
        if demo.finished_at is None and _finished(store, demo):
            demo = replace(demo, finished_at=at)
        if _was_read(demo, at):
            demo = _next(demo, at)
        if demo != before:
            _keep(store, lab, demo)
        return demo


def go_on(store: Store, jobs: Jobs, lab: Lab, at: datetime | None = None) -> Demo | None:
    """Go to the next stage at once. Labels that are missing by then are given at once; a run that goes on is stopped,
    and keeps what it has learnt."""
    with _locked(lab):
        demo = read(store, lab)
        if demo is None or demo.stage == STAGES[-1]:
            return demo
        while not demo.stage.preset and not _finished(store, demo):
            demo = _worked(store, jobs, lab, demo)
        run = run_of(store, demo)
        if run and run.status in (*UNFINISHED, "paused"):
            jobs.stop(run.id)
        demo = _next(demo, at or now())
        _keep(store, lab, demo)
        return demo


def pause(store: Store, jobs: Jobs, lab: Lab) -> None:
    """Rest, with the run of the stage."""
    with _locked(lab):
        if demo := read(store, lab):
            _keep(store, lab, replace(demo, paused=True))
            run = run_of(store, demo)
            if run and run.status in UNFINISHED:
                jobs.pause(run.id)


def resume(store: Store, jobs: Jobs, lab: Lab, at: datetime | None = None) -> None:
    """Go on from where it rests; the stage is in sight for as long as if it had just begun."""
    with _locked(lab):
        if demo := read(store, lab):
            _keep(store, lab, _in_sight(demo, at or now()))
            run = run_of(store, demo)
            if run and run.status == "paused":
                jobs.resume(run.id)


def _was_read(demo: Demo, at: datetime) -> bool:
    if demo.finished_at is None or demo.stage == STAGES[-1]:
        return False
    seen, lingered = ((at - since).total_seconds() for since in (demo.entered_at, demo.finished_at))
    return seen >= demo.plan.read and lingered >= demo.plan.linger


def _next(demo: Demo, at: datetime) -> Demo:
    return _in_sight(replace(demo, name=STAGES[demo.place + 1].name), at)


def _in_sight(demo: Demo, at: datetime) -> Demo:
    return replace(demo, entered_at=at, worked_at=at, finished_at=None, paused=False)


def _finished(store: Store, demo: Demo) -> bool:
    """Whether the work of the stage is done. A run that somebody stopped or deleted is; one that rests is not."""
    match demo.name:
        case "labels":
            return demo.labelled >= demo.plan.pairs
        case "reward":
            return demo.fitted >= demo.plan.pairs
        case "ppo" | "hacking":
            run = run_of(store, demo)
            return run is not None and run.status not in (*UNFINISHED, "paused")
        case _:
            return True


def _worked(store: Store, jobs: Jobs, lab: Lab, demo: Demo) -> Demo:
    """The demo after the next piece of its stage's work."""
    work = _WORK.get(demo.name)
    return demo if work is None or _finished(store, demo) else work(store, jobs, lab, demo)


def _label(store: Store, _: Jobs, lab: Lab, demo: Demo) -> Demo:
    """A few more pairs by the panel. All bear the time at which the demo began, and so count as one labelling."""
    n = min(demo.plan.batch, demo.plan.pairs - demo.labelled)
    turn = demo.labelled % len(demo.people)  # who is next
    people = panel.proposed(demo.language, demo.people[turn:] + demo.people[:turn], len(demo.people))
    desk = LabellingDesk(store, lab, clock=lambda: demo.began_at)
    panel.label(desk, Panel(members=people, pairs=n), demo.seed + demo.labelled)
    return replace(demo, labelled=demo.labelled + n)


def _fit(_: Store, __: Jobs, ___: Lab, demo: Demo) -> Demo:
    return replace(demo, fitted=min(demo.plan.pairs, demo.fitted + demo.plan.batch))


def _train(_: Store, jobs: Jobs, lab: Lab, demo: Demo) -> Demo:
    """The run of the stage, started as the page PPO starts one; once it is there, it goes on by itself."""
    if demo.name in demo.runs:
        return demo
    run_id = jobs.start(lab.id, spec(demo, lab))
    return replace(demo, runs={**demo.runs, demo.name: f"run-{run_id}"})


_WORK: Mapping[str, Callable[[Store, Jobs, Lab, Demo], Demo]] = {
    "labels": _label, "reward": _fit, "ppo": _train, "hacking": _train,
}  # fmt: skip


def spec(demo: Demo, lab: Lab) -> JobSpec:
    """The run of the demo's stage."""
    preset = presets.PRESETS[demo.stage.preset]
    inputs = {"lab": lab.id, "source": SOURCE, "features": preset.features, "label_limit": preset.labels}
    config = {**preset.config, "iterations": demo.plan.iterations}
    return JobSpec(stage=ppo.STAGE, config=config, inputs=inputs, seed=demo.seed)


# What there is to see.


def run_of(store: Store, demo: Demo, name: str = "") -> Run | None:
    """The run of a stage, by default of the one that the demo is at; it may have been deleted since."""
    policy = demo.runs.get(name or demo.name)
    return models.run_of(store, policy) if policy else None


def progress(store: Store, demo: Demo, at: datetime | None = None) -> float:
    """How much of the stage's work is done, or, where there is none, how much of the time to read has passed."""
    match demo.name:
        case "labels":
            return demo.labelled / demo.plan.pairs
        case "reward":
            return demo.fitted / demo.plan.pairs
        case "ppo" | "hacking":
            run = run_of(store, demo)
            return run.step / demo.plan.iterations if run else 0.0
        case "end":
            return 1.0
        case _:
            seen = ((at or now()) - demo.entered_at).total_seconds()
            return min(1.0, seen / max(demo.plan.read, 1e-9))


def last_label(store: Store, lab: Lab) -> Label | None:
    """The simulated label that came last."""
    labels = store.labels(lab.id, SOURCE, lab.language)
    return labels[-1] if labels else None


def learning(store: Store, lab: Lab, demo: Demo) -> list[tuple[int, Interval]]:
    """How often the reward model orders pairs that it never learns from as the reference values do, ties dropped, after
    each batch of labels that it was fitted to so far."""
    labels = reward.fitting(store, lab, SOURCE)[: demo.fitted]
    differences, margins = reward.reference(lab.language, "attributes")
    found: list[tuple[int, Interval]] = []
    for n in range(demo.plan.batch, len(labels) + 1, demo.plan.batch):
        fit = reward.fit_labels(labels[:n], lab.language, SOURCE, "attributes")
        found.append((n, accuracy(differences @ fit.model.weights, margins).interval))
    return found


def latest(store: Store, run: Run | None) -> dict[str, Any]:
    """The latest value of all that a run has measured; a win rate is not measured at every step."""
    found: dict[str, Any] = {}
    for row in store.metrics(run.id) if run else []:
        found |= row
    return found
