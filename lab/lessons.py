"""The lessons: for each page a few steps that notice by themselves when they are done, and questions with one right
answer.

A step is done by what the lab holds: labels, runs, what was measured. What leaves no such trace is done by what the
visit did, as its page tells it (`Traces.seen`). What a step says, and why an answer is right or wrong, stands in
`ui/locales` under the names given here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from lab import (
    blind_test,
    cloning,
    maze_evaluation,
    ppo,
    pretraining,
    reward_training,
    rlaif,
    sl_cai,
    team,
    team_evaluation,
    walking,
)
from lab.forecast_records import OWNER
from lab.labelling import foreseen
from lab.store import Lab, Label, Run, Store
from rlhf_core.checkpoints import THINKING

OPTIONS = ("a", "b", "c")
"""What a question offers."""
NOTHING: Mapping[str, str] = MappingProxyType({})
BY_CONSTITUTION = (sl_cai.STAGE, rlaif.STAGE)
WHILE = 5
"""Ticks that a team has to go on for after a loss."""


class Traces:
    """What a lab says of what was done in it, read once. Labels and runs are those in its model's language. seen: what
    the visit did, as "page:name=value" for a setting that was seen at a value and "page:name" for a deed."""

    def __init__(self, store: Store, lab: Lab, seen: Set[str] = frozenset()) -> None:
        self.store, self.lab, self.seen = store, lab, seen

    @cached_property
    def deeds(self) -> Set[str]:
        return self.store.deeds(self.lab.id).keys()

    @cached_property
    def labels(self) -> list[Label]:
        """People's answers, without the skipped ones."""
        return [label for label in self.store.labels(self.lab.id, "human") if label.choice != "skip"]

    @cached_property
    def _runs(self) -> list[Run]:
        return self.store.runs(self.lab.id, language=self.lab.language)

    def runs(self, *stages: str, least: int = 1) -> list[Run]:
        """The runs of stages that have come to an iteration, newest first."""
        return [run for run in self._runs if run.stage in stages and run.step >= least]

    def kept(self, name: str) -> dict[str, Any]:
        """What the lab keeps under a name; empty if nothing."""
        return self.store.kept(self.lab.id, name) or {}

    @cached_property
    def blind_answers(self) -> int:
        """The most answers that were given in one blind test."""
        return max((len(test.answered) for test in blind_test.tests(self.store, self.lab)), default=0)


Rule = Callable[[Traces], bool]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a lesson."""

    name: str
    done: Rule | None = None
    """None: nothing but the reader can tell, who then says so."""
    n: int = 0
    """The number in its rule, if it has one: its texts name it."""
    drive: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What puts the page where the step can be done, in the words of the page's address."""
    page: str = ""
    """Where it is done, if on another page."""


@dataclass(frozen=True)
class Question:
    """A question of `OPTIONS`, and which of them is right."""

    name: str
    right: str


@dataclass(frozen=True)
class Lesson:
    """The lesson of a page."""

    page: str
    steps: tuple[Step, ...]
    questions: tuple[Question, ...]

    @property
    def deed(self) -> str:
        """What a lab notes once all its steps are done."""
        return f"lesson {self.page}"

    def done(self, traces: Traces, before: Set[str] = frozenset()) -> dict[str, bool]:
        """Of each step, whether it is done. before: those that were done already, of which nobody asks any more."""
        if self.deed in traces.deeds:
            return {step.name: True for step in self.steps}
        return {step.name: step.name in before or self._is_done(step, traces) for step in self.steps}

    def _is_done(self, step: Step, traces: Traces) -> bool:
        return step.done(traces) if step.done else f"{self.page}:{step.name}" in traces.seen


# Rules.


def _deed(name: str) -> Rule:
    return lambda traces: name in traces.deeds


def _saw(*names: str) -> Rule:
    """The visit did all of it."""
    return lambda traces: traces.seen.issuperset(names)


def _labelled(n: int) -> Rule:
    return lambda traces: len(traces.labels) >= n


def _favoured(n: int) -> Rule:
    """So many answers favour a side: a tie teaches, but not which."""
    return lambda traces: sum(label.choice in ("a", "b") for label in traces.labels) >= n


def _guessed(n: int) -> Rule:
    return lambda traces: sum(foreseen(label) is not None for label in traces.labels) >= n


def _undecided(traces: Traces) -> bool:
    return any(label.choice in ("tie", "both_bad") for label in traces.labels)


def _simulated(n: int) -> Rule:
    return lambda traces: len(traces.store.labels(traces.lab.id, "simulated")) >= n


def _ran(*stages: str, least: int) -> Rule:
    return lambda traces: bool(traces.runs(*stages, least=least))


def _priced(least: int) -> Rule:
    """A run of PPO in which KL always cost something."""
    return lambda traces: any(min(_coefficients(traces, run)) > 0 for run in traces.runs(ppo.STAGE, least=least))


def _two_prices(least: int) -> Rule:
    """Two runs of PPO of which one paid for KL and the other never did."""
    return lambda traces: _priced(least)(traces) and any(
        max(_coefficients(traces, run)) == 0 for run in traces.runs(ppo.STAGE, least=least)
    )


def _coefficients(traces: Traces, run: Run) -> list[float]:
    """Every price of KL that a run had."""
    changes = [change for _, change in traces.store.config_changes(run.id)]
    return [float(config["kl_coef"]) for config in (run.initial_config, *changes) if "kl_coef" in config] or [0.0]


def _steered(traces: Traces) -> bool:
    """Some setting of a run of PPO was moved while it went on."""
    return any(traces.store.config_changes(run.id) for run in traces.runs(ppo.STAGE))


def _tested(n: int) -> Rule:
    return lambda traces: traces.blind_answers >= n


def _rewrote(traces: Traces) -> bool:
    """The lab has a constitution of its own."""
    return bool(traces.store.constitutions(traces.lab.id, traces.lab.language))


def _unlike(least: int) -> Rule:
    """Two runs by the constitution that differ in their kind or in the constitution they had."""
    return lambda traces: (
        len({(run.stage, run.inputs.get("constitution")) for run in traces.runs(*BY_CONSTITUTION, least=least)}) > 1
    )


def _measured_both(traces: Traces) -> bool:
    """Of the policies of the mazes, one that thinks and one that does not were measured in the same mazes."""
    who = {row["who"] for row in traces.kept(maze_evaluation.NAME).get("rows", ())}
    return {THINKING, "none"} <= who


def _felt(traces: Traces) -> bool:
    """A second trial in a maze whose walls are partly hidden, with memory."""
    walk = traces.kept(walking.NAME)
    return bool(walk.get("hidden") and walk.get("remember")) and any(len(trials) > 1 for trials in walk["trials"])


def _lost(traces: Traces) -> bool:
    """A member was taken from the team, which went on for a while."""
    run = traces.kept(team.NAME)
    lost = [one["tick"] for one in run.get("interventions", ()) if one["kind"] == team.Lost.__name__]
    return bool(lost) and run["tick"] >= min(lost) + WHILE


def _compared_teams(traces: Traces) -> bool:
    return bool(traces.kept(team_evaluation.NAME))


def _forecast(traces: Traces) -> bool:
    return traces.store.forecast(traces.lab.id, OWNER) is not None




_ALL = (
    Lesson(
        "home",
        (
            Step(name="problem"),
            Step(name="taste", done=_labelled(10), n=10, page="label"),
            Step(name="train", done=_ran(ppo.STAGE, least=20), n=20, page="ppo"),
            Step(name="judge", done=_tested(5), n=5, page="ppo"),
        ),
        (Question("imitation", "b"), Question("order", "c")),
    ),
    Lesson(
        "language_model",
        (
            Step(name="ask", done=_deed("asked"), drive={"view": "use"}),
            Step(name="tree", done=_saw("language_model:walked"), drive={"view": "use"}, n=3),
            Step(name="cold", done=_saw("language_model:cold"), drive={"view": "use", "temperature": "0.1"}),
            Step(name="hot", done=_saw("language_model:hot"), drive={"view": "use", "temperature": "2"}),
            Step(name="pretrain", done=_ran(pretraining.STAGE, least=20), n=20, drive={"view": "train"}),
        ),
        (Question("loss", "a"), Question("temperature", "c")),
    ),
    Lesson(
        "label",
        (
            Step(name="first", done=_favoured(4), n=4, drive={"view": "label"}),
            Step(name="guess", done=_guessed(5), n=5, drive={"view": "label"}),
            Step(name="undecided", done=_undecided, drive={"view": "label"}),
            Step(name="round", done=_labelled(20), n=20, drive={"view": "label"}),
            Step(name="others", done=_simulated(20), n=20, drive={"view": "label"}),
        ),
        (Question("score", "b"), Question("before", "a")),
    ),
    Lesson(
        "reward_model",
        (
            Step(name="sentence", done=_saw("reward_model:scored"), drive={"view": "head"}),
            Step(
                name="words", done=_saw("reward_model:features=words", "reward_model:features=attributes"),
                drive={"view": "head", "features": "words"},
            ),
            Step(name="traps", done=_saw("reward_model:view=inside"), drive={"view": "inside"}),
            Step(name="heart", done=_ran(reward_training.STAGE, least=50), n=50, drive={"view": "train"}),
        ),
        (Question("saturates", "b"), Question("flat", "c")),
    ),
    Lesson(
        "ppo",
        (
            Step(name="sound", done=_priced(20), n=20, drive={"view": "train", "preset": "sound"}),
            Step(name="steer", done=_steered, drive={"view": "train"}),
            Step(name="free", done=_two_prices(40), n=40, drive={"view": "train", "preset": "no_kl"}),
            Step(name="apart", done=_saw("ppo:view=overoptimisation"), drive={"view": "overoptimisation"}),
            Step(name="blind", done=_tested(5), n=5, drive={"view": "blind"}),
        ),
        (Question("hacking", "c"), Question("interval", "a")),
    ),
    Lesson(
        "constitution",
        (
            Step(name="revise", done=_deed("revised"), drive={"view": "revise"}),
            Step(name="edit", done=_rewrote, drive={"view": "principles"}),
            Step(name="train", done=_ran(*BY_CONSTITUTION, least=10), n=10, drive={"view": "rlaif"}),
            Step(name="compare", done=_unlike(10), n=10, drive={"view": "compare"}),
        ),
        (Question("replaces", "a"), Question("judge", "b")),
    ),
    Lesson(
        "navigation",
        (
            Step(name="walk", done=_deed("walked"), drive={"view": "walk"}),
            Step(name="thought", done=_deed("thought"), drive={"view": "walk"}),
            Step(name="measure", done=_measured_both, drive={"view": "exam"}),
            Step(name="hidden", done=_felt, drive={"view": "walk", "hidden": "0.3"}),
            Step(name="clone", done=_ran(cloning.STAGE, least=20), n=20, drive={"view": "train"}),
        ),
        (Question("tokens", "c"), Question("baseline", "b")),
    ),
    Lesson(
        "team",
        (
            Step(name="escape", done=_deed("escaped"), drive={"view": "play", "communication": "on"}),
            Step(name="message", done=_deed("message"), drive={"view": "play"}),
            Step(name="lose", done=_lost, n=WHILE, drive={"view": "play"}),
            Step(name="measure", done=_compared_teams, drive={"view": "compare"}),
        ),
        (Question("channel", "a"), Question("roles", "c")),
    ),
    Lesson(
        "outlook",
        (
            Step(name="forecast", done=_forecast, drive={"view": "forecast"}),
            Step(name="facts", done=_saw("outlook:view=timeline"), drive={"view": "timeline"}),
            Step(name="topics", done=_saw("outlook:view=topics"), drive={"view": "topics"}),
        ),
        (Question("blind", "b"), Question("curve", "a")),
    ),
)
LESSONS: Mapping[str, Lesson] = {lesson.page: lesson for lesson in _ALL}
"""By page."""
