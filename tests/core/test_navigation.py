from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import torch

from rlhf_core.gridworld import EXAMPLES, MOVES, Cell, GridWorld, Maze, State, random_mazes
from rlhf_core.language_model import MiniLM, MiniLMConfig, PromptError
from rlhf_core.maze_language import THOUGHTS, Reading, Thought, maze_tokenizer
from rlhf_core.navigation import (
    PLAN,
    RULES,
    THINK,
    Backend,
    Choice,
    LLMPolicy,
    Memory,
    ModelBackend,
    RandomBackend,
    decide,
    explain,
    memory_rule,
    notebook_rule,
)
from rlhf_core.navigation_evaluation import walk
from rlhf_core.tokenizer import UnknownWordsError

WALL = EXAMPLES["wall"]  # a wall of three cells in column 2 between the agent at (2,1) and the goal at (2,4)
START = GridWorld(WALL).state
NONE: frozenset[Cell] = frozenset()


def small_model(seed: int = 0, response_length: int = 12) -> MiniLM:
    config = MiniLMConfig(
        vocabulary=len(maze_tokenizer("en")), width=16, layers=1, heads=2, prompt_length=110,
        response_length=response_length, rotary=True, grid=10,
    )  # fmt: skip
    return MiniLM(config, torch.Generator().manual_seed(seed)).eval()


def at(position: Cell, state: State = START) -> State:
    return State(state.size, position, state.goal, state.walls)


@dataclass
class Says:
    """A backend that always chooses the same, and keeps what it was asked."""

    choice: Choice
    name: str = "says"
    read: list[Reading] = field(default_factory=list)
    thinking: list[bool] = field(default_factory=list)

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        self.read += readings
        self.thinking += [use_cot] * len(readings)
        return [self.choice] * len(readings)


# The face of the notebook.


def test_the_notebooks_actions() -> None:
    assert LLMPolicy.action_space == ("move_up", "move_down", "move_left", "move_right", "think", "plan")


def test_the_action_is_always_a_move() -> None:
    """The notebook's rule answered `plan` for ever when the goal was far."""
    backends: list[Backend] = [*RULES.values(), RandomBackend(), *(ModelBackend(small_model(), k) for k in THOUGHTS)]
    for backend in backends:
        policy = LLMPolicy(backend)
        for maze in EXAMPLES.values():
            for use_cot in (True, False):
                assert policy.get_action(GridWorld(maze).state, use_cot) in MOVES
    said = Says(Choice("move_up"))
    assert LLMPolicy(said).get_action(START, use_cot=False) == "move_up" and said.thinking == [False]


def test_at_the_goal_there_is_nothing_to_decide() -> None:
    said = Says(Choice("move_up"))
    with pytest.raises(ValueError, match="has ended; reset it"):
        LLMPolicy(said).get_action(at(WALL.goal))
    assert said.read == []


def test_feedback_changes_what_is_read_and_no_weight() -> None:
    model = small_model()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    policy, tokenizer = LLMPolicy(ModelBackend(model, "path")), maze_tokenizer("en")
    unaware = State(6, (2, 1), (2, 4), NONE)
    assert tokenizer.state(policy.read(unaware)) == "6x6 goal (2,4) at (2,1)"
    first = policy.decide(unaware).probabilities
    policy.learn_from_feedback(unaware, "move_right", -0.1, unaware)
    assert tokenizer.state(policy.read(unaware)) == "6x6 bump (2,2) goal (2,4) at (2,1)"
    assert policy.decide(unaware).probabilities != first
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_memory_can_be_switched_off() -> None:
    unaware = State(6, (2, 1), (2, 4), NONE)
    said = Says(Choice("move_right"))
    policy = LLMPolicy(said, remember=False)
    policy.learn_from_feedback(unaware, "move_right", -0.1, unaware)
    policy.get_action(unaware)
    assert said.read[-1].bumps == NONE and policy.memory.bumps == {(2, 2)}
    policy.remember = True
    policy.get_action(unaware)
    assert said.read[-1].bumps == {(2, 2)}


def test_the_text_of_a_decision_is_in_the_policys_language() -> None:
    said = Says(Choice("move_right", ("(2,3)", "right"), "wave"))
    assert LLMPolicy(said).decide(START).text == "(2,3) right"
    korean = LLMPolicy(said, "ko").decide(START)
    assert korean.text == "(2,3) 오른쪽" and korean.thought == ("(2,3)", "right")
    with pytest.raises(ValueError, match="'fr'"):
        LLMPolicy(said, "fr")


def test_advice_is_on_the_mean_of_the_last_ten_rewards() -> None:
    policy = LLMPolicy(RandomBackend())
    assert policy.advice is None and policy.memory.recent_reward is None
    for _ in range(5):
        policy.learn_from_feedback(START, "move_up", -0.1, at((1, 1)))
    assert policy.advice == "explore" and policy.memory.recent_reward == pytest.approx(-0.1)
    policy.learn_from_feedback(START, "move_up", 1.0, at((1, 1)))
    assert policy.advice == "keep" and policy.memory.recent_reward == pytest.approx((1 - 0.5) / 6)
    for _ in range(9):
        policy.learn_from_feedback(START, "move_up", -0.1, at((1, 1)))
    assert policy.memory.recent_reward == pytest.approx((1 - 0.9) / 10) and policy.advice == "keep"
    policy.learn_from_feedback(START, "move_up", -0.1, at((1, 1)))
    assert policy.memory.recent_reward == pytest.approx(-0.1) and policy.advice == "explore"
    zero = LLMPolicy(RandomBackend())
    zero.learn_from_feedback(START, "move_up", 0.0, START)
    assert zero.advice == "explore"
    assert len(policy.memory.experiences) == 16


# Memory.


def test_bumps_are_remembered_but_not_edges_nor_walls_that_are_seen() -> None:
    memory, corner = Memory(), State(6, (0, 0), (2, 4), NONE)
    for move in ("move_up", "move_left"):
        memory.learn(corner, move, -0.1, corner)
    memory.learn(corner, None, -0.1, corner)
    memory.learn(START, "move_right", -0.1, START)
    assert memory.bumps == set() and memory.read(START).walls == WALL.walls
    last = State(6, (5, 5), (2, 4), NONE)
    for move in ("move_down", "move_right"):
        memory.learn(last, move, -0.1, last)
    assert memory.bumps == set()
    memory.learn(last, "move_up", -0.1, last)
    assert memory.bumps == {(4, 5)} and memory.read(last).bumps == {(4, 5)}


def test_a_walk_remembers_what_a_limited_view_saw() -> None:
    world, memory = GridWorld(WALL, view=1, hidden={(3, 2)}), Memory()
    for move in ("move_right", "move_down", "move_right", "move_down", "move_down"):
        state = world.state
        found = world.step(move)
        memory.learn(state, move, found.reward, found.state)
    assert world.state.position == (5, 1) and world.state.walls == NONE
    reading = memory.read(world.state)
    assert reading.walls == {(1, 2), (2, 2)} and reading.bumps == {(3, 2)}
    assert reading.visits == {(2, 1): 2, (3, 1): 2, (4, 1): 1, (5, 1): 1}
    memory.new_trial()
    again = memory.read(GridWorld(WALL, view=1).state)
    assert again.bumps == {(3, 2)} and again.visits == {(2, 1): 1}, "a new trial begins with what is blocked"


# Rules.


def test_the_mended_rule_in_the_notebooks_four_states() -> None:
    first = {name: notebook_rule(Memory().read(GridWorld(maze).state)) for name, maze in EXAMPLES.items()}
    # The wall is seen, and on the goal's row no other way is wished for: any that is open.
    assert first == {"near": "move_right", "far": "move_right", "wall": "move_left", "beside": "move_down"}
    assert notebook_rule(Reading(6, (1, 1), (2, 4), WALL.walls)) == "move_down", "right is blocked: first the row then"
    reached = {name: walk(RULES["rule"], [GridWorld(maze)])[0] for name, maze in EXAMPLES.items()}
    assert {name: found.success for name, found in reached.items()} == {
        "near": True, "far": True, "wall": False, "beside": True,
    }  # fmt: skip
    assert reached["far"].steps == 14 and all(found.bumps == 0 for found in reached.values())


def test_the_rule_leaves_a_cell_with_no_way_out_by_its_first_wish() -> None:
    box = frozenset({(0, 1), (1, 0), (1, 2), (2, 1)})
    assert notebook_rule(Reading(5, (1, 1), (4, 4), box)) == "move_right"


def test_greedy_fails_in_a_trap_that_greedy_with_memory_leaves() -> None:
    #  a pocket open to the left, the goal behind it
    pocket = Maze(7, frozenset({(1, 2), (1, 3), (1, 4), (2, 4), (3, 4), (3, 3), (3, 2)}), (2, 2), (2, 6))
    found = {name: walk(RULES[name], [GridWorld(pocket)])[0] for name in ("greedy", "memory", "bfs")}
    assert not found["greedy"].success and found["greedy"].looped
    assert found["memory"].success and found["memory"].steps > pocket.shortest
    assert found["bfs"].success and found["bfs"].steps == pocket.shortest
    assert walk(RULES["memory"], [GridWorld(pocket)], remember=False)[0].success is False
    assert memory_rule(Reading(7, (2, 2), (2, 6), pocket.walls, visits={(2, 3): 1})) == "move_left"


def test_breadth_first_search_is_optimal_and_says_its_path() -> None:
    mazes = random_mazes(25, 8, seed=2, hard=True)
    for episode in walk(RULES["bfs"], [GridWorld(maze) for maze in mazes]):
        assert episode.success and episode.steps == episode.maze.shortest and episode.spl == 1
        for decision in episode.decisions:
            assert decision.plan_valid and decision.follows_plan and decision.internal == (THINK, PLAN)


def test_a_planner_shut_in_by_bumps_still_moves() -> None:
    shut = Reading(5, (0, 0), (4, 4), NONE, frozenset({(0, 1), (1, 0)}))
    (choice,) = RULES["bfs"].choose([shut], True)
    assert choice.move in MOVES and choice.thought == () and choice.kind == "none"


def test_rules_say_what_they_look_at_only_when_asked_to_think() -> None:
    reading = Memory().read(START)
    (loud,), (mute,) = (RULES["rule"].choose([reading], use_cot) for use_cot in (True, False))
    assert " ".join(loud.thought) == "up free down free left free right blocked toward right" and loud.kind == "facts"
    assert mute.thought == () and mute.move == loud.move
    assert loud.probabilities == {"move_up": 0, "move_down": 0, "move_left": 1, "move_right": 0}


def test_random_moves_are_of_a_seed_and_even() -> None:
    readings = [Memory().read(START)] * 400
    moves = [choice.move for choice in RandomBackend(3).choose(readings, True)]
    assert moves == [choice.move for choice in RandomBackend(3).choose(readings, True)]
    assert all(70 <= moves.count(move) <= 130 for move in MOVES), "100 each, sd 9"


# A decision.


def test_the_fields_of_a_decision() -> None:
    reading = Memory().read(START)
    way = ("(2,3)", "(1,3)", "(0,3)", "(0,2)", "(0,1)", "(1,1)")
    cells = ((1, 1), (0, 1), (0, 2), (0, 3), (1, 3), (2, 3), (2, 4))
    found = explain(reading, Choice("move_up", way, "path", {"move_up": 1.0}, 8, (way, ())), 0.5)
    assert (found.action, found.internal, found.thought, found.text) == ("move_up", (THINK, PLAN), way, " ".join(way))
    assert (found.plan, found.plan_valid, found.follows_plan) == (cells, True, True)
    assert (found.probabilities, found.tokens, found.seconds) == ({"move_up": 1.0}, 8, 0.5)
    assert found.candidates == (way, ())
    other = explain(reading, Choice("move_down", way, "path"), 0)
    assert other.plan_valid and other.follows_plan is False
    through = explain(reading, Choice("move_right", ("(2,3)", "(2,2)"), "path"), 0)
    assert through.plan_valid is False and through.follows_plan
    assert explain(reading, Choice(None, way, "path"), 0).follows_plan is False
    facts = explain(reading, Choice("move_up", ("up", "free"), "facts"), 0)
    assert (facts.internal, facts.plan, facts.plan_valid, facts.follows_plan) == ((THINK,), (), None, None)
    assert explain(reading, Choice("move_up"), 0).internal == ()


def test_decisions_that_are_made_together_share_their_time() -> None:
    readings = [Memory().read(GridWorld(maze).state) for maze in EXAMPLES.values()]
    found = decide(RULES["bfs"], readings)
    assert len({decision.seconds for decision in found}) == 1 and found[0].seconds >= 0
    assert [decision.action for decision in found] == [decide(RULES["bfs"], [r])[0].action for r in readings]
    assert decide(RULES["bfs"], []) == []
    assert decide(RULES["bfs"], readings[:1], use_cot=False)[0].plan == ()


# The model.


def backend(kind: Thought = "path", seed: int = 0, **options: float) -> ModelBackend:
    return ModelBackend(small_model(seed), kind, **options)  # type: ignore[arg-type]


READINGS = [Memory().read(GridWorld(maze).state) for maze in (*EXAMPLES.values(), *random_mazes(6, 10, seed=0))]


def test_probabilities_are_the_models_of_the_four_moves_after_the_thought() -> None:
    model = small_model()
    thinker, tokenizer = ModelBackend(model, "path"), maze_tokenizer("en")
    rows = thinker.probabilities(READINGS[:2], [("(0,1)",), ()])
    torch.testing.assert_close(rows.sum(1), torch.ones(2))
    for row, reading, prefix in zip(rows, READINGS, ("(0,1) act", "act"), strict=False):
        table = dict(model.next_token_probabilities(tokenizer.state(reading), prefix, tokenizer=tokenizer))
        four = torch.tensor([table[word] for word in ("up", "down", "left", "right")])
        torch.testing.assert_close(row, four / four.sum(), atol=1e-5, rtol=1e-5)


def test_batch_and_single_agree_and_temperature_0_is_deterministic() -> None:
    """A batch of long and short states, in parts smaller than it."""
    for kind in ("none", "wave"):
        thinker = backend(kind)
        thinker.BATCH = 4  # type: ignore[misc]
        together = thinker.choose(READINGS, True)
        for reading, one in zip(READINGS, together, strict=True):
            (alone,) = backend(kind).choose([reading], True)
            assert (alone.move, alone.thought, alone.tokens) == (one.move, one.thought, one.tokens)
            assert alone.probabilities == pytest.approx(dict(one.probabilities), abs=1e-5)


def test_a_temperature_draws_and_a_seed_names_what() -> None:
    def thoughts(temperature: float, seed: int) -> list[tuple[str, ...]]:
        rng = torch.Generator().manual_seed(seed)
        drawn = ModelBackend(small_model(), "path", temperature=temperature, rng=rng).choose(READINGS[:3], True)
        return [choice.thought for choice in drawn]

    assert thoughts(1.0, 1) == thoughts(1.0, 1) != thoughts(1.0, 2)
    assert thoughts(0.0, 1) == thoughts(0.0, 2)


def test_without_chain_of_thought_the_model_acts_at_once() -> None:
    for thinker, use_cot in ((backend("path"), False), (backend("none"), True)):
        (choice,) = thinker.choose(READINGS[:1], use_cot)
        assert choice.thought == () and choice.kind == "none" and choice.candidates == () and choice.tokens == 2
        same = thinker.act_on(READINGS[0], ())
        assert choice.probabilities == pytest.approx(dict(same.probabilities), abs=1e-6) and same.move == choice.move


def test_an_empty_thought_beside_the_goal_is_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a path of one step there is nothing to write, as the planner's rule has it too."""
    thinker = backend("path")
    monkeypatch.setattr(thinker, "think", lambda readings, temperature=0.0: [()] * len(readings))
    reading = Memory().read(GridWorld(EXAMPLES["beside"]).state)
    for decider in (thinker, RULES["bfs"]):
        (decision,) = decide(decider, [reading])
        assert decision.plan == ((4, 4),) and decision.plan_valid and decision.internal == (THINK, PLAN)


def test_of_several_plans_the_shortest_valid_one_is_acted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    straight = "(2,3) (2,2)".split()  # through the wall
    short = "(2,3) (1,3) (0,3) (0,2) (0,1) (1,1)".split()
    long = "(2,3) (3,3) (4,3) (4,2) (4,1) (4,0) (3,0) (3,1)".split()
    scripts: dict[str, tuple[list[list[str]], list[str]]] = {
        "shortest valid": ([straight, long, short], short),
        "only valid": ([straight, long, straight], long),
        "none valid": ([straight, short[:3], ["(5,5)"]], straight),
    }
    for name, (written, expected) in scripts.items():
        thinker, script, heat = backend("path", plans=3), [tuple(words) for words in written], list[float]()

        def think(readings: Sequence[Reading], temperature: float = 0.0) -> list[tuple[str, ...]]:
            heat.append(temperature)  # noqa: B023
            return [script[0] if temperature == 0 else script[1 + sum(map(bool, heat[:-1]))]]  # noqa: B023

        monkeypatch.setattr(thinker, "think", think)
        (choice,) = thinker.choose([Memory().read(START)], True)
        assert choice.thought == tuple(expected), name
        assert sorted(heat) == [0.0, 1.0, 1.0], "the likeliest and two sampled ones"
        assert sorted(choice.candidates) == sorted(script)
        assert choice.tokens == sum(map(len, script)) + 3 + 1, "each with its act, and one move"


def test_the_likeliest_thought_is_among_them_at_any_temperature() -> None:
    (likeliest,) = backend().choose(READINGS[:1], True)
    (choice,) = backend(plans=2, temperature=1.5).choose(READINGS[:1], True)
    assert choice.candidates[0] == likeliest.thought != choice.candidates[1]
    with pytest.raises(ValueError, match="at least 1, not 0"):
        backend(plans=0)


def test_a_thought_without_end_still_acts() -> None:
    """An untrained model may never say `act`; what it wrote is cut off where one word more would not fit."""
    endless = small_model()
    with torch.no_grad():
        endless.embedding.own[maze_tokenizer("en").id("act")] = 0  # type: ignore[union-attr, index]
        endless.norm.bias.fill_(1.0)
        endless.embedding.own[maze_tokenizer("en").id("free")] = 1  # type: ignore[union-attr, index]
    thinker = ModelBackend(endless, "path")
    (choice,) = thinker.choose(READINGS[:1], True)
    assert choice.thought == ("free",) * 11 and choice.move in MOVES
    assert thinker.act_on(READINGS[0], choice.thought).move == choice.move
    with pytest.raises(PromptError, match="has 12 words; the model reads at most 11"):
        thinker.act_on(READINGS[0], (*choice.thought, "free"))
    with pytest.raises(UnknownWordsError, match="'xyzzy'"):
        thinker.act_on(READINGS[0], ("xyzzy",))
