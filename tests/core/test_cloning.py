import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rlhf_core.checkpoints import load_maze_policy, maze_path
from rlhf_core.checkpoints.make_mazes import make_policy
from rlhf_core.cloning import CloningConfig, CloningTrainer, cloning_loss, maze_model, schedule
from rlhf_core.gridworld import Maze, neighbour
from rlhf_core.language_model import EOS, PAD, MiniLM, MiniLMConfig
from rlhf_core.maze_language import THOUGHTS, Thought, cell_named, maze_tokenizer, split_answer
from rlhf_core.weights import CheckpointError

TOKENIZER = maze_tokenizer("en")
LESSONS = (
    ("5x5 wall (0,1) goal (0,2) at (1,0)", "(1,2) (1,1) act right"),
    ("6x6 goal (0,1) at (0,0)", "act right"),
)


def model(seed: int = 0) -> MiniLM:
    return maze_model(torch.Generator().manual_seed(seed), width=16, layers=1)


def trainer(seed: int = 0, **settings: Any) -> CloningTrainer:
    return CloningTrainer(model(), CloningConfig(**{"batch_size": 8, "smallest": 5, "largest": 6, **settings}), seed)


def batch() -> tuple[Tensor, Tensor]:
    """The two lessons as the trainer lays them out."""
    rows = [([TOKENIZER.id(w) for w in state.split()], [TOKENIZER.id(w) for w in a.split()]) for state, a in LESSONS]
    return trainer()._pad(rows)


def log_probability(of: MiniLM, state: str, prefix: str, word: str) -> float:
    return math.log(dict(of.next_token_probabilities(state, prefix, tokenizer=TOKENIZER))[word])


# The loss.


def test_the_loss_by_hand() -> None:
    """Word by word from the model's own table of probabilities, one lesson at a time: no padding, no batch."""
    tiny = model()
    words, moves, right = list[float](), list[float](), list[bool]()
    for state, answer in LESSONS:
        said = [*answer.split(), "<eos>"]
        losses = [-log_probability(tiny, state, " ".join(said[:i]), word) for i, word in enumerate(said)]
        moves.append(losses.pop(-2))
        words += losses
        table = tiny.next_token_probabilities(state, " ".join(said[:-2]), tokenizer=TOKENIZER)
        right.append(table[0][0] == said[-2])
    tokens, at = batch()
    assert [TOKENIZER.words[i] for i in tokens[torch.arange(2), at]] == ["right", "right"]
    for weight in (0.0, 1.0, 4.0):
        loss, parts = cloning_loss(tiny, tokens, at, weight)
        expected = (sum(words) + weight * sum(moves)) / (len(words) + weight * 2)
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        assert float(parts[0]) == pytest.approx((sum(words) + sum(moves)) / (len(words) + 2), rel=1e-5)
        assert float(parts[1]) == pytest.approx(sum(moves) / 2, rel=1e-5) and float(parts[2]) == sum(right) / 2
        assert loss.requires_grad and not parts.requires_grad


def test_the_weight_of_the_move_scales_the_moves_gradient_alone() -> None:
    tiny = model()
    tokens, at = batch()
    others = int((tokens[:, tiny.config.prompt_length :] != PAD).sum()) - 2

    def summed(weight: float) -> Tensor:
        """Gradient of the sum, before it is divided by its weights."""
        loss, _ = cloning_loss(tiny, tokens, at, weight)
        found = torch.autograd.grad(loss * (others + 2 * weight), list(tiny.parameters()))
        return torch.cat([grad.flatten() for grad in found])

    room = tiny.config.prompt_length
    moves = [
        -torch.log_softmax(tiny.logits(tiny(tokens[i : i + 1, :room + n])[0, -1]), -1)[tokens[i, room + n]]
        for i, n in enumerate((at - room).tolist())
    ]
    alone = torch.cat([grad.flatten() for grad in torch.autograd.grad(sum(moves), list(tiny.parameters()))])  # type: ignore[arg-type]
    none, one, four = summed(0), summed(1), summed(4)
    assert float(alone.norm()) > 0.1 and float(none.norm()) > 0.1
    torch.testing.assert_close(one - none, alone, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(four - none, 4 * alone, atol=1e-4, rtol=1e-3)


# The lessons.


@pytest.mark.parametrize("thought", THOUGHTS)
def test_a_batch_holds_states_and_what_the_planner_says_of_them(thought: Thought) -> None:
    teacher = trainer(thought=thought, batch_size=16, remembered_share=0.5)
    room, bumped = teacher.model.config.prompt_length, 0
    for _ in range(3):
        tokens, moves = teacher._next_batch()
        assert len(tokens) == 16
        for row, at in zip(tokens, moves.tolist(), strict=True):
            assert row[room - 1] == TOKENIZER.SEP and row[at + 1] == EOS and not row[at + 2 :].any()
            state = TOKENIZER.decode(row[:room].tolist()).split()
            answer = TOKENIZER.decode(row[room:].tolist()).split()
            thoughts, move = split_answer(answer)
            assert move is not None and TOKENIZER.words[row[at]] == answer[-1]
            assert bool(thoughts) or thought in ("none", "path")
            # The maze that the state tells of, bumps and all: the move is on a shortest path, and the split is train.
            size, goal, start = int(state[0].split("x")[0]), cell_named(state[-3]), cell_named(state[-1])
            assert goal is not None and start is not None
            walls = [cell for word in state[1:-4] if (cell := cell_named(word)) is not None]
            maze = Maze(size, frozenset(walls), start, goal)
            assert maze.split == "train" and maze.to_goal[neighbour(start, move)] == maze.shortest - 1
            bumped += "bump" in state
    assert 8 < bumped < 28, "half of 48 lessons, where there are walls"


def test_most_starts_are_hard_where_it_is_asked_for() -> None:
    def share(hard: float) -> float:
        """Of answers longer than the straight way."""
        teacher = trainer(hard_share=hard, thought="path", batch_size=64)
        tokens, moves = teacher._next_batch()
        room, longer = teacher.model.config.prompt_length, 0
        for row, at in zip(tokens, moves.tolist(), strict=True):
            goal, start = cell_named(TOKENIZER.words[row[room - 4]]), cell_named(TOKENIZER.words[row[room - 2]])
            assert goal is not None and start is not None
            longer += at - room > abs(goal[0] - start[0]) + abs(goal[1] - start[1])
        return longer / 64

    assert share(1.0) > share(0.0)


# Training.


def curve(of: CloningTrainer, steps: int) -> list[tuple[float, ...]]:
    """All figures of each step but its time."""
    return [tuple(v for k, v in vars(of.step()).items() if k != "cpu_seconds") for _ in range(steps)]


def test_the_same_seed_draws_the_same_curve() -> None:
    assert curve(trainer(1), 3) == curve(trainer(1), 3)
    assert curve(trainer(1), 3) != curve(trainer(2), 3)


def test_stop_and_resume_draw_the_curve_of_no_stop(tmp_path: Path) -> None:
    """The stop falls between two batches that were cut together."""
    whole = curve(trainer(), 12)
    first = trainer()
    beginning = curve(first, 3)
    torch.save(first.state_dict(), tmp_path / "run.pt")
    second = trainer(seed=99)
    second.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    assert beginning + curve(second, 9) == whole
    assert second.lessons_seen == 12 * 8 and second.steps_done == 12


def test_it_learns() -> None:
    teacher = trainer(thought="path", batch_size=16, largest=5)
    found = [teacher.step() for _ in range(60)]
    assert found[0].loss == pytest.approx(math.log(len(TOKENIZER)), abs=0.4), "ln 124 = 4.8 nats: it knows nothing"
    assert sum(m.loss for m in found[-5:]) / 5 < 2.2
    assert sum(m.action_accuracy for m in found[-10:]) / 10 > sum(m.action_accuracy for m in found[:10]) / 10
    assert found[-1].cpu_seconds > found[0].cpu_seconds > 0


def test_a_new_config_acts_from_the_next_step() -> None:
    teacher = trainer(thought="none")
    teacher.step()
    waiting = len(teacher._batches)
    slower = replace(teacher.config, learning_rate=1e-5)
    before = [p.detach().clone() for p in teacher.model.parameters()]
    assert teacher.step(slower).learning_rate == 1e-5 and len(teacher._batches) == waiting - 1
    moved = max(float((a - b).detach().abs().max()) for a, b in zip(before, teacher.model.parameters(), strict=True))
    assert 0 < moved < 1e-4
    teacher.step(replace(slower, thought="wave"))
    answers = [row[teacher.model.config.prompt_length :] for tokens, _ in teacher._batches for row in tokens]
    assert all(TOKENIZER.id("reached") in row for row in answers), "no lesson of the old kind waits any longer"


def test_the_schedule_by_hand() -> None:
    assert schedule(0.0, 0) == pytest.approx(1 / 30) and schedule(0.1, 14) == pytest.approx(0.5)
    assert schedule(0.2, 100) == schedule(0.3, 100) == 1
    assert schedule(0.65, 1000) == pytest.approx(0.5) and schedule(1.0, 1000) == 0.02


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"thought": "dream"}, "'dream'"),
        ({"smallest": 4}, "not 4 to 6"),
        ({"smallest": 8}, "not 8 to 6"),
        ({"largest": 11}, "not 6 to 11"),
        ({"learning_rate": 0.0}, "not 0.0"),
        ({"learning_rate": math.nan}, "not nan"),
        ({"action_weight": -1.0}, "not -1.0"),
        ({"action_weight": math.inf}, "not inf"),
        ({"batch_size": 0}, "not 0"),
        ({"hard_share": 1.1}, "hard_share .*1.1"),
        ({"remembered_share": math.nan}, "remembered_share .*nan"),
    ],
)
def test_impossible_settings_are_refused_with_their_value(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CloningConfig(**setting)


# Weights on disk.


def test_a_policy_is_made_saved_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlhf_core.checkpoints.make_mazes.maze_model", lambda rng, layers: maze_model(rng, width=16))
    made = make_policy("none", 1)
    made.save(maze_path("none", tmp_path))
    found = load_maze_policy("none", tmp_path)
    assert found.config == made.config and found.config.rotary and found.config.grid == 10
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), made.parameters(), strict=True))
    assert not any(p.requires_grad for p in found.parameters()) and not found.training
    assert load_maze_policy("none", tmp_path) is found


def test_missing_and_foreign_policies_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"maze-path\.safetensors is missing; restore"):
        load_maze_policy("path", tmp_path)
    MiniLM(MiniLMConfig(vocabulary=20, width=16)).save(maze_path("path", tmp_path))
    with pytest.raises(CheckpointError, match="has 20 words, the language 124"):
        load_maze_policy("path", tmp_path)
