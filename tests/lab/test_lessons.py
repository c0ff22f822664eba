"""Lessons: their steps notice what was done in a lab, and their questions have one right answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from lab import maze_evaluation, team, team_evaluation, walking
from lab.lessons import LESSONS, OPTIONS, Traces
from lab.store import Lab, NewPair, Store
from rlhf_core.ppo import PPOConfig

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
Act = Callable[[Store, Lab], object]


def done(store: Store, lab: Lab, page: str, *seen: str) -> set[str]:
    return {name for name, is_done in LESSONS[page].done(Traces(store, lab, set(seen))).items() if is_done}


def label(choice: str, n: int = 1, guess: float | None = None) -> Act:
    def act(store: Store, lab: Lab) -> None:
        for _ in range(n):
            pair = NewPair(language=lab.language, prompt="a ?", response_a="b .", response_b="c .", policy_id="start")
            shown = store.show(lab.id, store.add_pair(lab.id, pair), shown_left="a", guess=guess, at=AT)
            assert shown is not None
            store.answer(shown.id, choice=choice, strength=1, rationale="", labeler="you", answered_at=AT)

    return act


def simulate(n: int) -> Act:
    pair = NewPair(language="en", prompt="a ?", response_a="b .", response_b="c .", policy_id="start")
    return lambda store, lab: store.add_simulated(lab.id, [(pair, "a")] * n, labeler="default", at=AT)


def run(stage: str, steps: int, *, language: str = "en", inputs: dict[str, Any] | None = None, **config: Any) -> Act:
    def act(store: Store, lab: Lab) -> None:
        made = {"language": language, **(inputs or {})}
        run_id = store.add_run(lab.id, stage=stage, config=config, inputs=made, seed=0, status="stopped", pace=None)
        for step in range(1, steps + 1):
            store.add_step(run_id, step, {}, None)

    return act


def ppo(steps: int, kl: float) -> Act:
    return run("ppo", steps, **{**asdict(PPOConfig()), "kl_coef": kl})


def steer(**changes: float) -> Act:
    def act(store: Store, lab: Lab) -> None:
        newest = store.runs(lab.id, "ppo")[0]
        store.add_config_change(newest.id, newest.step, changes)

    return act


def deed(name: str) -> Act:
    return lambda store, lab: store.note_deed(lab.id, name)


def exam(*who: str) -> Act:
    rows = [{"who": name} for name in who]
    return lambda store, lab: maze_evaluation.keep(store, lab.id, maze_evaluation.Exam(who=who), rows)


def walk(hidden: float, trials: int) -> Act:
    about = {"hidden": hidden, "remember": True, "trials": [[[]] * trials]}
    return lambda store, lab: store.keep(lab.id, walking.NAME, about)


def lose(at: int, ticks: int) -> Act:
    def act(store: Store, lab: Lab) -> None:
        began = team.TeamRun(store, team.Settings(), tick=at)
        team.TeamRun(store, began.settings, began.lose("E1").interventions, at + ticks).keep(lab.id)

    return act


def compare_teams(store: Store, lab: Lab) -> None:
    exam = team_evaluation.TeamExam(settings=team.Settings(), n=1)
    team_evaluation.keep(store, lab.id, exam, {"rows": [], "explorers": []})


def blind(n: int) -> Act:
    choices = ["after"] * n + [None] * 3
    questions = [{"prompt": "a ?", "before": "b .", "after": "c .", "left": "before", "choice": c} for c in choices]
    about = {"id": "t", "policy": "run-1", "number": 1, "step": 1, "language": "en", "same": 0, "told": True}
    test = {**about, "answered_at": AT.isoformat(), "questions": questions}
    return lambda store, lab: store.keep(lab.id, "blind_tests", [test])


def by_constitution(stage: str, text: str) -> Act:
    return run(stage, 10, inputs={"constitution": text})


FREE, PRICED = ppo(40, 0.0), ppo(40, 0.1)
CASES: list[tuple[str, str, list[Act], list[Act]]] = [
    # page, step, what does not suffice, and what does after it
    ("home", "taste", [label("a", 9), label("skip", 3), simulate(20)], [label("tie")]),
    ("home", "train", [ppo(19, 0.1), run("rlaif", 30), run("ppo", 30, language="ko")], [ppo(20, 0.0)]),
    ("home", "judge", [blind(4)], [blind(5)]),
    ("language_model", "ask", [], [deed("asked")]),
    ("language_model", "pretrain", [run("pretrain", 19)], [run("pretrain", 20)]),
    ("label", "first", [label("a", 3), label("tie", 5)], [label("b")]),
    ("label", "guess", [label("a", 9), label("a", 4, 0.9), label("tie", 3, 0.9)], [label("b", 1, 0.9)]),
    ("label", "undecided", [label("a", 9), label("skip")], [label("both_bad")]),
    ("label", "round", [label("a", 19), simulate(9)], [label("tie")]),
    ("label", "others", [simulate(19), label("a", 9)], [simulate(1)]),
    ("reward_model", "heart", [run("reward", 49)], [run("reward", 50)]),
    ("ppo", "sound", [ppo(19, 0.1), FREE], [ppo(20, 0.1)]),
    ("ppo", "sound", [ppo(20, 0.1), steer(kl_coef=0.0)], [ppo(20, 5.0)]),
    ("ppo", "steer", [PRICED], [steer(temperature=0.8)]),
    ("ppo", "free", [PRICED, PRICED, ppo(39, 0.0), ppo(50, 0.0), steer(kl_coef=0.2)], [FREE]),
    ("ppo", "free", [FREE, FREE], [PRICED]),
    ("ppo", "blind", [blind(4)], [blind(5)]),
    ("constitution", "revise", [], [deed("revised")]),
    ("constitution", "edit", [], [lambda store, lab: store.add_constitution(lab.id, lab.language, "")]),
    ("constitution", "train", [run("rlaif", 9), ppo(40, 0.1)], [run("sl", 10)]),
    ("constitution", "compare", [by_constitution("rlaif", "x")] * 2, [by_constitution("rlaif", "y")]),
    ("constitution", "compare", [by_constitution("rlaif", "x"), run("sl", 9)], [by_constitution("sl", "x")]),
    ("navigation", "walk", [], [deed("walked")]),
    ("navigation", "thought", [], [deed("thought")]),
    ("navigation", "measure", [exam("wave", "bfs")], [exam("none", "bfs", "wave")]),
    ("navigation", "hidden", [walk(0.3, 1), walk(0.0, 2)], [walk(0.3, 2)]),
    ("navigation", "clone", [run("cloning", 19)], [run("cloning", 20)]),
    ("team", "escape", [], [deed("escaped")]),
    ("team", "message", [], [deed("message")]),
    ("team", "lose", [lose(3, 4)], [lose(3, 5)]),
    ("team", "measure", [], [compare_teams]),
    ("outlook", "forecast", [], [lambda store, lab: store.add_forecast(lab.id, "owner", "", {})]),
]  # fmt: skip


@pytest.mark.parametrize(("page", "step", "too_little", "enough"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_a_step_is_done_when_the_lab_says_so_and_not_before(
    page: str, step: str, too_little: list[Act], enough: list[Act], store: Store, lab: Lab
) -> None:
    for act in too_little:
        act(store, lab)
    assert step not in done(store, lab, page)
    for act in enough:
        act(store, lab)
    assert step in done(store, lab, page)
    assert step not in done(store, store.new_lab("another browser", "en"), page), "another lab has done nothing"


SEEN = {
    ("home", "problem"): {"home:problem"},
    ("language_model", "tree"): {"language_model:walked"},
    ("language_model", "cold"): {"language_model:cold"},
    ("language_model", "hot"): {"language_model:hot"},
    ("reward_model", "sentence"): {"reward_model:scored"},
    ("reward_model", "words"): {"reward_model:features=words", "reward_model:features=attributes"},
    ("reward_model", "traps"): {"reward_model:view=inside"},
    ("ppo", "apart"): {"ppo:view=overoptimisation"},
    ("outlook", "facts"): {"outlook:view=timeline"},
    ("outlook", "topics"): {"outlook:view=topics"},
}


@pytest.mark.parametrize(("page", "step"), SEEN)
def test_what_leaves_no_trace_is_done_by_what_the_visit_did(page: str, step: str, store: Store, lab: Lab) -> None:
    needed = SEEN[page, step]
    assert done(store, lab, page, *needed) == {step}
    for one in needed:
        assert done(store, lab, page, *(needed - {one})) == set()


def test_every_step_has_a_case_here() -> None:
    steps = {(page, step.name) for page, lesson in LESSONS.items() for step in lesson.steps}
    assert steps == {(page, step) for page, step, *_ in CASES} | SEEN.keys()


def test_a_lesson_has_three_to_five_steps_and_a_question_or_two() -> None:
    for lesson in LESSONS.values():
        assert 3 <= len(lesson.steps) <= 5 and 1 <= len(lesson.questions) <= 2
        names = [one.name for one in (*lesson.steps, *lesson.questions)]
        assert len(set(names)) == len(names)
        assert all(question.right in OPTIONS for question in lesson.questions)


def test_the_right_answer_is_not_always_in_the_same_place() -> None:
    rights = [question.right for lesson in LESSONS.values() for question in lesson.questions]
    assert all(rights.count(option) >= 3 for option in OPTIONS)
