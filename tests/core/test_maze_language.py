import random
import time

import pytest
import torch

from rlhf_core.cloning import maze_model
from rlhf_core.gridworld import LARGEST, MOVES, SMALLEST, Cell, Maze, neighbour, random_mazes
from rlhf_core.language_model import PromptError
from rlhf_core.maze_language import (
    BACK,
    LONGEST_STATE,
    LONGEST_THOUGHT,
    THOUGHTS,
    Reading,
    Thought,
    as_thought,
    best_move,
    cell_named,
    cells_in,
    lesson,
    maze_tokenizer,
    plan_of,
    split_answer,
    state_words,
    valid_plan,
    wave_moves,
)

#  S . .        the agent at (0,0), the goal at (2,0), a wall at (1,0) and, bumped into, one at (1,1);
#  # x .        the rest of the 5 x 5 grid is closed off by walls in row 3 and column 3
#  G . .
CLOSED = frozenset({(3, 0), (3, 1), (3, 2), (0, 3), (1, 3), (2, 3)})
SMALL = Reading(5, (0, 0), (2, 0), CLOSED | {(1, 0)}, frozenset({(1, 1)}))
ENCLOSED = Reading(5, (0, 0), (2, 0), CLOSED | {(1, 0), (0, 1)})


def reading_of(maze: Maze) -> Reading:
    return Reading(maze.size, maze.start, maze.goal, maze.walls)


def test_a_state_in_words() -> None:
    assert " ".join(state_words(SMALL)) == (
        "5x5 wall (0,3) (1,0) (1,3) (2,3) (3,0) (3,1) (3,2) bump (1,1) goal (2,0) at (0,0)"
    )
    assert state_words(Reading(10, (9, 9), (0, 0), frozenset())) == ["10x10", "goal", "(0,0)", "at", "(9,9)"]
    both = Reading(5, (0, 0), (2, 0), frozenset({(1, 0)}), frozenset({(1, 0)}), {(0, 0): 3})
    assert " ".join(state_words(both)) == "5x5 bump (1,0) goal (2,0) at (0,0)", "a cell is named once, visits never"


@pytest.mark.parametrize(
    ("thought", "said"),
    [
        ("none", "act right"),
        ("facts", "up blocked down blocked left blocked right free toward down act right"),
        # back from the goal (2,0): (2,1), (2,2), (1,2), (0,2), (0,1); then the agent
        ("path", "(2,1) (2,2) (1,2) (0,2) (0,1) act right"),
        # from (2,0) only (2,1) opens, from there only (2,2), and so on: each with the move back
        ("wave", "(2,1) left (2,2) left (1,2) down (0,2) down (0,1) right (0,0) right reached act right"),
    ],
)
def test_lessons_by_hand(thought: Thought, said: str) -> None:
    found = lesson(thought, SMALL)
    assert found is not None and " ".join(found) == said
    assert lesson(thought, ENCLOSED) is None, "no way, no lesson"


def test_lessons_of_a_room_with_a_choice_by_hand() -> None:
    """The wave goes on in the order of MOVES from each cell in turn; of two shortest paths the path takes the one whose
    cell before the goal comes first."""
    room = Reading(5, (1, 1), (0, 0), frozenset({(2, 0), (2, 1), (2, 2), (0, 2), (1, 2)}))
    assert lesson("wave", room) == "(1,0) up (0,1) left (1,1) left reached act left".split()
    assert lesson("path", room) == "(1,0) act left".split()
    assert lesson("facts", room) == "up free down blocked left free right blocked toward up left act up".split()
    beside = Reading(5, (0, 1), (0, 0), frozenset())
    assert lesson("path", beside) == ["act", "left"], "the way has no cell between"


@pytest.mark.parametrize("thought", THOUGHTS)
def test_every_taught_move_is_on_a_shortest_path(thought: Thought) -> None:
    for size in (SMALLEST, 7, LARGEST):
        for maze in random_mazes(15, size, seed=size):
            words = lesson(thought, reading_of(maze))
            assert words is not None
            _, move = split_answer(words)
            assert move is not None and maze.to_goal[neighbour(maze.start, move)] == maze.shortest - 1
            assert best_move(reading_of(maze)) is not None


@pytest.mark.parametrize("thought", ["path", "wave"])
def test_what_a_planner_thinks_is_a_valid_and_shortest_plan(thought: Thought) -> None:
    for size in range(SMALLEST, LARGEST + 1):
        for maze in random_mazes(20, size, seed=1):
            reading = reading_of(maze)
            words = lesson(thought, reading)
            assert words is not None
            thoughts, move = split_answer(words)
            plan = plan_of(thought, thoughts, reading)
            assert valid_plan(plan, reading) and len(plan) == maze.shortest
            assert move is not None and plan[0] == neighbour(maze.start, move)


def test_other_thoughts_have_no_plan() -> None:
    for kind in ("none", "facts"):
        words = lesson(kind, SMALL)
        assert words is not None and plan_of(kind, split_answer(words)[0], SMALL) == ()


def test_bumps_are_walls_to_a_planner() -> None:
    free = Reading(5, (0, 0), (0, 2), frozenset())
    assert best_move(free) == "move_right"
    assert best_move(Reading(5, (0, 0), (0, 2), frozenset(), frozenset({(0, 1)}))) == "move_down"


# Two languages.


def test_both_languages_have_the_same_ids_and_different_words() -> None:
    english, korean = maze_tokenizer("en"), maze_tokenizer("ko")
    assert len(english) == len(korean) == 5 + 6 + 13 + 100
    text = english.state(SMALL)
    assert english.encode(text) == korean.encode(korean.state(SMALL))
    assert korean.state(Reading(5, (0, 0), (2, 0), frozenset({(1, 0)}), frozenset({(1, 1)}))) == (
        "5x5 벽 (1,0) 충돌 (1,1) 목표 (2,0) 현재 (0,0)"
    )
    differ = {a for a, b in zip(english.words, korean.words, strict=True) if a != b}
    assert differ == set("wall bump goal at act up down left right free blocked toward reached".split())
    assert korean.word("right") == "오른쪽" and english.word("right") == "right"
    words = lesson("wave", SMALL)
    assert words is not None
    said = korean.say(words)
    assert said.endswith("(0,0) 오른쪽 도착 행동 오른쪽") and korean.english(said.split()) == words
    with pytest.raises(ValueError, match="'fr'; choose one of en, ko"):
        maze_tokenizer("fr")


def test_the_grid_is_the_end_of_the_vocabulary_row_by_row() -> None:
    """Where the model's embedding of cells looks for them."""
    words = maze_tokenizer("en").words
    assert words[-100] == "(0,0)" and words[-99] == "(0,1)" and words[-90] == "(1,0)" and words[-1] == "(9,9)"
    assert cell_named("(9,9)") == (9, 9) and cell_named("(10,0)") is None and cell_named("up") is None


# Room.


def test_the_longest_state_and_the_longest_thought_fit_the_model() -> None:
    cells = {(r, c) for r in range(LARGEST) for c in range(LARGEST)}
    walls = frozenset(cells - {(0, 0), (0, 1), (9, 9)})
    # All cells but agent and goal a wall, one of them bumped into.
    state = state_words(Reading(LARGEST, (0, 0), (0, 1), walls, frozenset({(9, 9)})))
    assert len(state) == 105 <= LONGEST_STATE
    # A wave that finds the agent last, over the whole of an open grid.
    for goal, agent in (((0, 0), (9, 9)), ((9, 9), (0, 0)), ((0, 9), (9, 0)), ((9, 0), (0, 9))):
        wave = lesson("wave", Reading(LARGEST, agent, goal, frozenset()))
        assert wave is not None and len(split_answer(wave)[0]) <= LONGEST_THOUGHT + 1
        assert len(wave) == 2 * 99 + len("reached act up".split())
    snake = frozenset((r, c) for r in range(1, LARGEST, 2) for c in range(LARGEST) if c != (9 if r % 4 == 1 else 0))
    path = lesson("path", Reading(LARGEST, (0, 0), (8, 9), snake))
    assert path is not None and len(path) < 2 * 99
    model = maze_model(torch.Generator(), width=16, layers=1)
    assert model.encode_prompts([" ".join(state)], maze_tokenizer("en")).shape == (1, model.config.prompt_length)
    assert 2 * 99 + 3 + 1 <= model.config.response_length, "and <eos>"
    with pytest.raises(PromptError, match="at most"):
        model.encode_prompts([" ".join(state + ["wall"] * 4)], maze_tokenizer("en"))


# What an answer says.


def test_an_answer_is_taken_apart() -> None:
    assert split_answer("(0,1) (0,2) act right".split()) == (("(0,1)", "(0,2)"), "move_right")
    assert split_answer("act up act down".split()) == ((), "move_up")
    for words in ("", "act", "(0,1) right", "act (0,1)", "act act", "act move_up"):
        assert split_answer(words.split())[1] is None
    assert split_answer("(0,1) right".split()) == (("(0,1)", "right"), None)


def test_a_wave_is_read_word_by_word() -> None:
    words = "up (0,1) left (0,1) right (9,9) reached (1,1) up".split()
    assert wave_moves(words) == {(0, 1): "move_left", (1, 1): "move_up"}, "what is said first of a cell counts"
    assert cells_in(words) == [(0, 1), (0, 1), (9, 9), (1, 1)]
    # From the agent on, to a cell that the wave says nothing of.
    reading = Reading(5, (0, 0), (2, 0), frozenset())
    assert plan_of("wave", "(0,0) right (0,1) right".split(), reading) == ((0, 1), (0, 2))
    assert plan_of("wave", "(0,1) right".split(), reading) == ()


def test_garbage_is_never_a_loop_nor_an_error() -> None:
    rng, words = random.Random(0), maze_tokenizer("en").words
    circle = "(0,0) right (0,1) down (1,1) left (1,0) up".split()
    assert len(plan_of("wave", circle, SMALL)) == 4, "round once, then it stops"
    assert plan_of("wave", "(0,0) up".split(), SMALL) == ((-1, 0),) and not valid_plan(((-1, 0),), SMALL)
    began = time.process_time()
    for _ in range(300):
        thought = [rng.choice(words) for _ in range(rng.randrange(60))] + ["nonsense"] * rng.randrange(2)
        for kind in THOUGHTS:
            plan = plan_of(kind, thought, SMALL)
            assert len(plan) <= len(thought) + 1 and valid_plan(plan, SMALL) in (True, False)
        split_answer(thought)
    assert time.process_time() - began < 2


WAY: tuple[Cell, ...] = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0))


def test_a_plan_is_valid_only_from_agent_to_goal_step_by_step() -> None:
    assert valid_plan(WAY, SMALL)
    assert not valid_plan((), SMALL)
    assert not valid_plan(WAY[:-1], SMALL), "ends before the goal"
    assert not valid_plan((*WAY, (2, 1)), SMALL), "goes past the goal"
    assert not valid_plan(WAY[1:], SMALL), "begins with a jump"
    assert not valid_plan(WAY[:3] + WAY[4:], SMALL), "jumps on the way"
    assert not valid_plan((WAY[0], *WAY), SMALL), "stands still"
    assert not valid_plan(((1, 0), (2, 0)), SMALL), "through a wall"
    assert not valid_plan(((0, 1), (1, 1), (2, 1), (2, 0)), SMALL), "through a bump"
    off = ((-1, 0), (0, 0), *WAY)
    assert not valid_plan(off, SMALL), "over the edge"


def test_kinds_of_thought_by_name() -> None:
    assert [as_thought(name) for name in THOUGHTS] == list(THOUGHTS)
    with pytest.raises(ValueError, match="'dream'; choose one of none, facts, path, wave"):
        as_thought("dream")
    with pytest.raises(ValueError, match="'dream'"):
        lesson("dream", SMALL)  # type: ignore[arg-type]


def test_each_move_is_undone_by_its_opposite() -> None:
    for move, back in BACK.items():
        assert neighbour(neighbour((3, 3), move), back) == (3, 3)
    assert list(BACK) == list(MOVES)
