"""A walk as the page steers it: it is remade from what was kept, and what can't be made leaves the last good one."""

import pytest
import torch

from lab import mazes, walking
from lab.store import Lab, Store
from lab.walking import Settings, Walk
from rlhf_core.cloning import maze_model
from rlhf_core.gridworld import Maze, MazeError, random_mazes
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import Thought
from rlhf_core.tokenizer import UnknownWordsError

CORRIDOR = Maze(5, frozenset({(0, 1), (1, 1), (2, 1), (3, 1)}), (0, 0), (0, 2))
"""Down, two to the right, up again: ten steps; a wall stands between start and goal."""


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that have learnt nothing stand in for the shipped ones."""
    model = maze_model(torch.Generator().manual_seed(1), width=16, layers=1).eval()

    def policy(store: Store, name: str) -> tuple[MiniLM, Thought]:
        if name not in mazes.SHIPPED:
            raise ValueError(f"There is no policy {name!r}.")
        return model, name

    monkeypatch.setattr(mazes, "policy", policy)


def walk_of(store: Store, *who: str, language: str = "en", maze: Maze = CORRIDOR, **settings: object) -> Walk:
    return Walk(store, Settings(maze=maze, who=who, **settings), language)


def where(walk: Walk) -> list[object]:
    """All that the page shows of each policy, but how long its decisions took."""
    return [
        (
            one.world.path, one.world.hidden, one.policy.memory, one.outcomes, one.trials, one.circling,
            one.decision and (one.decision.action, one.decision.text, one.decision.probabilities),
        )
        for one in walk.walkers
    ]  # fmt: skip


def test_every_policy_makes_the_move_that_it_announced(store: Store) -> None:
    walk = walk_of(store, "bfs", "greedy")
    planner, greedy = walk.walkers
    assert planner.decision is not None and planner.decision.action == "move_down"
    assert planner.decision.text.split()[0] == "(1,2)" and planner.decision.plan_valid
    for _ in range(10):
        assert walk.step()
    assert planner.world.at_goal and planner.decision is None and planner.outcomes == [(True, 10, 0)]
    assert greedy.circling, "to and fro in front of the wall, having learnt nothing"
    walk.finish()
    assert greedy.outcomes == [(False, greedy.world.max_steps, 0)] and not walk.step()


def test_a_walk_is_found_where_it_was_left(store: Store, lab: Lab) -> None:
    walk = walk_of(store, "path", "memory", "random", hidden=0.5, seed=3, maze=random_mazes(1, 6, seed=5)[0])
    for _ in range(3):
        walk.step()
    walk.next_trial()
    walk.step()
    walk.keep(lab.id)
    again = walking.kept_walk(store, lab.id, "en")
    assert again is not None and again.settings == walk.settings and where(again) == where(walk)
    walk.step()
    again.step()
    assert where(again) == where(walk), "what is drawn at random does not depend on the interruption"
    korean = walking.kept_walk(store, lab.id, "ko")
    *before, latest = walk.walkers[0].trials
    assert korean is not None and korean.walkers[0].trials == [*before, latest[:-1]], "the same moves, in other words"


def test_a_walk_whose_policy_is_gone_is_begun_anew(store: Store, lab: Lab) -> None:
    walk_of(store, "bfs").keep(lab.id)
    value = store.kept(lab.id, walking.NAME)
    for broken in ({**value, "who": ["run-9"]}, {**value, "maze": {}}, {}):
        store.keep(lab.id, walking.NAME, broken)
        assert walking.kept_walk(store, lab.id, "en") is None
    assert walking.kept_walk(store, store.open_lab("other", "en").id, "en") is None


def test_hidden_walls_are_learnt_from_trial_to_trial_if_they_are_remembered(store: Store) -> None:
    bumps: dict[bool, list[int]] = {}
    for remember in (True, False):
        walk = walk_of(store, "bfs", hidden=1.0, remember=remember)
        for _ in range(3):
            walk.finish()
            walk.next_trial()
        bumps[remember] = [found for *_, found in walk.walkers[0].outcomes]
    assert bumps[True][0] > 0 and bumps[True][-1] == 0
    assert bumps[False][0] > bumps[True][0] and len(set(bumps[False])) == 1


def test_other_settings_keep_what_can_be_kept(store: Store) -> None:
    walk = walk_of(store, "bfs", "greedy")
    walk.step()
    changed = walk.changed(who=("bfs", "memory"))
    assert changed.walkers[0].world.position == (1, 0) and changed.walkers[1].world.position == (0, 0)
    assert walk.changed(who=("bfs",)).walkers[0].world.position == (1, 0)
    assert walk.changed(remember=False).walkers[0].world.position == (1, 0)
    for other in ({"seed": 5}, {"hidden": 0.5}, {"view": 1}, {"maze": walking.opening(3)}):
        assert [one.world.steps for one in walk.changed(**other).walkers] == [0, 0]
    limited = walk.changed(view=1).walkers[0]
    assert limited.reading.walls == {(0, 1), (1, 1)}


def test_a_thought_can_be_edited_suppressed_and_taken_back(store: Store) -> None:
    walk = walk_of(store, "path", language="ko")
    [walker] = walk.walkers
    own = walker.decision
    assert own is not None and walker.thinks
    walk.edit(walker, "(1,2) (4,2) (1,0)")
    edited = walker.decision
    assert edited is not None and edited.text == "(1,2) (4,2) (1,0)" and walker.original is own
    assert edited.plan == ((1, 0), (4, 2), (1, 2), (0, 2)) and edited.plan_valid is False
    walk.edit(walker, "")
    assert walker.decision is not None and walker.decision.thought == () and walker.original is own
    with pytest.raises(UnknownWordsError, match="'wall', 'kimchi'"):
        walk.edit(walker, "wall 벽 kimchi")
    walk.undo_edit(walker)
    assert walker.decision is own and walker.original is None
    walk.edit(walker, "(1,0)")
    moved = walker.decision.action
    walk.step()
    assert walk.walkers[0].trials == [[moved]] and walker.original is None


def test_only_a_model_that_thinks_can_have_its_thought_edited(store: Store) -> None:
    walkers = walk_of(store, "path", "none", "bfs", "wave").walkers
    assert [walker.thinks for walker in walkers] == [True, False, False, True]
    silent = walk_of(store, "path", thinks=(False,)).walkers[0]
    assert silent.decision is not None and silent.decision.thought == () and silent.decision.plan == ()


def test_several_plans_cost_their_words_and_are_counted(store: Store) -> None:
    one, four = (walk_of(store, "path", plans=plans).walkers[0] for plans in (1, 4))
    assert one.decision is not None and four.decision is not None
    assert len(four.decision.candidates) == 4 and one.decision.candidates == ()
    assert four.decision.tokens > one.decision.tokens and 0 <= four.valid_candidates <= 4


@pytest.mark.parametrize(
    ("cell", "tool", "reason"),
    [
        ((4, 1), "wall", "no_way"),
        ((0, 0), "wall", "in_wall"),
        ((0, 1), "start", "in_wall"),
        ((1, 1), "goal", "in_wall"),
        ((0, 2), "start", "same"),
        ((5, 0), "goal", "outside"),
    ],
)
def test_a_click_that_makes_no_maze_says_why(cell: tuple[int, int], tool: str, reason: str) -> None:
    with pytest.raises(MazeError) as raised:
        walking.with_cell(CORRIDOR, cell, tool)
    assert raised.value.reason == reason


def test_a_click_changes_one_thing() -> None:
    assert walking.with_cell(CORRIDOR, (0, 1), "wall").walls == CORRIDOR.walls - {(0, 1)}
    assert walking.with_cell(CORRIDOR, (2, 3), "wall").walls == CORRIDOR.walls | {(2, 3)}
    assert walking.with_cell(CORRIDOR, (2, 0), "start").start == (2, 0)
    assert walking.with_cell(CORRIDOR, (2, 4), "goal").goal == (2, 4)
    assert {walking.opening(seed).split for seed in range(5)} == {"validation"}


def test_only_a_language_model_that_arrives_has_walked_to_the_goal(store: Store, lab: Lab) -> None:
    way = ["move_down"] * 4 + ["move_right"] * 2 + ["move_up"] * 4
    rule = walk_of(store, "bfs")
    rule.finish()
    rule.keep(lab.id)
    Walk(store, Settings(maze=CORRIDOR, who=("path",)), "en", [[way[:-1]]]).keep(lab.id)
    assert "walked" not in store.deeds(lab.id)
    arrived = Walk(store, Settings(maze=CORRIDOR, who=("bfs", "path")), "en", [[[]], [way]])
    arrived.next_trial()
    arrived.keep(lab.id)
    assert list(store.deeds(lab.id)) == ["walked"], "in the trial before"
