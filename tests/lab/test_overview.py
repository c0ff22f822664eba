"""What the map says of each stage: not begun, under way, done; and its best figure."""

from typing import Any

from lab import maze_evaluation, overview, team_evaluation, walking
from lab.maze_evaluation import Exam
from lab.overview import Overview
from lab.store import Lab, NewPair, Store, now
from lab.team import Settings
from lab.team_evaluation import TeamExam
from rlhf_core.evaluation import Interval

NOTHING = dict.fromkeys(("labels", "reward", "ppo", "constitution", "navigation", "team", "outlook"), "none")


def seen(store: Store, lab: Lab) -> Overview:
    return overview.read(store, store.lab(lab.id))


def changed(store: Store, lab: Lab) -> dict[str, str]:
    """The states that differ from a new lab's."""
    return dict(seen(store, lab).states.items() - ({"model": "done"} | NOTHING).items())


def simulate(store: Store, lab: Lab, n: int) -> None:
    pair = NewPair(
        language=lab.language, prompt="how do i make tea ?", response_a="boil the water .", response_b="i like music .",
        policy_id="start",
    )  # fmt: skip
    store.add_simulated(lab.id, [(pair, "a")] * n, labeler="default", at=now())


def run_of(store: Store, lab: Lab, stage: str, status: str = "finished", language: str = "en") -> int:
    values = {"seed": 0, "status": status, "pace": None, "inputs": {"language": language}}
    return store.add_run(lab.id, stage=stage, config={}, **values)


def rate(name: str, value: float) -> dict[str, Any]:
    return {name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1, f"{name}_n": 64}


def test_a_new_lab_has_a_model_and_nothing_else(store: Store, lab: Lab) -> None:
    state = seen(store, lab)
    assert changed(store, lab) == {} and not state.live
    assert (state.labels, state.best, state.conduct, state.maze, state.team) == (0, None, None, None, None)


def test_labels_and_reward_model_are_under_way_until_there_are_twenty(store: Store, lab: Lab) -> None:
    simulate(store, lab, 19)
    assert changed(store, lab) == {"labels": "going", "reward": "going"}
    simulate(store, lab, 1)
    state = seen(store, lab)
    assert changed(store, lab) == {"labels": "done", "reward": "done"}
    assert state.foreseen is not None and state.foreseen.n == 19, "the first had no guess"
    assert state.foreseen.low <= state.foreseen.rate <= state.foreseen.high
    store.set_language(lab.id, "ko")
    assert changed(store, lab) == {}, "labels in English teach a Korean model nothing"


def test_ppo_is_under_way_while_a_run_is_and_its_best_figure_is_of_any_run(store: Store, lab: Lab) -> None:
    first = run_of(store, lab, "ppo")
    for step, value in ((1, 0.5), (5, 0.8), (10, 0.7)):
        store.add_step(first, step, rate("win_rate", value), None)
    assert changed(store, lab) == {"ppo": "done"}
    second = run_of(store, lab, "ppo", "running")
    store.add_step(second, 1, rate("win_rate", 0.6), None)
    other = run_of(store, lab, "ppo", language="ko")
    store.add_step(other, 1, rate("win_rate", 0.9), None)
    state = seen(store, lab)
    assert changed(store, lab) == {"ppo": "going"} and state.live
    assert state.best is not None and state.best.run.id == first, "not the newest, nor one in another language"
    assert state.best.share == Interval(0.8, 0.7000000000000001, 0.9, 64)
    assert [step["win_rate"] for step in state.ppo_steps] == [0.6], "of the newest run"
    store.update_run(second, status="paused")
    assert changed(store, lab) == {"ppo": "going"} and not seen(store, lab).live


def test_the_constitution_shows_its_newest_runs_latest_conduct(store: Store, lab: Lab) -> None:
    older, newer = run_of(store, lab, "rlaif"), run_of(store, lab, "sl")
    store.add_step(older, 1, rate("help", 0.4) | rate("harm", 0.3), None)
    for step, harm in ((1, 0.2), (5, 0.1)):
        store.add_step(newer, step, rate("help", 0.5) | rate("harm", harm), None)
    store.add_step(newer, 6, {"loss": 1.0, "help_n": None}, None)
    state = seen(store, lab)
    assert changed(store, lab) == {"constitution": "done"}
    run = state.newest("constitution")
    assert run is not None and run.id == newer
    assert state.conduct is not None and state.conduct["harm"] == 0.1


def test_mazes_show_the_best_language_model_of_the_last_trial(store: Store, lab: Lab) -> None:
    store.keep(lab.id, walking.NAME, {"maze": {}})
    assert changed(store, lab) == {"navigation": "going"}
    store.note_deed(lab.id, "walked")
    assert changed(store, lab) == {"navigation": "done"}
    rates = {"bfs": 1.0, "none": 0.5, "wave": 0.9}
    rows = [
        {"who": who, "success": {"rate": value, "low": value - 0.1, "high": value, "n": 100}}
        for who, value in rates.items()
    ]
    maze_evaluation.keep(store, lab.id, Exam(who=tuple(rates), size=8), rows)
    found = seen(store, lab).maze
    assert found is not None and (found.who, found.size, found.success.rate, found.success.n) == ("wave", 8, 0.9, 100)
    maze_evaluation.keep(store, lab.id, Exam(who=("bfs",)), rows[:1])
    assert seen(store, lab).maze is None, "a rule is no language model"
    assert run_of(store, lab, "cloning", "queued", "ko") and changed(store, lab) == {"navigation": "going"}


def test_the_team_shows_its_own_row_of_the_last_comparison(store: Store, lab: Lab) -> None:
    row = {"who": "team", "success": {"rate": 1.0, "low": 0.9, "high": 1.0, "n": 50}, "ticks": {"rate": 61.5}}
    found = {"rows": [row], "explorers": []}
    team_evaluation.keep(store, lab.id, TeamExam(settings=Settings()), found)
    state = seen(store, lab)
    assert changed(store, lab) == {"team": "done"}
    assert state.team is not None and (state.team.success.n, state.team.ticks) == (50, 61.5)
