import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rlhf_core.advantages import generalized_advantages
from rlhf_core.cloning import CloningConfig, CloningTrainer
from rlhf_core.gridworld import GridWorld, Maze
from rlhf_core.language_model import EOS, MiniLM, MiniLMConfig
from rlhf_core.maze_language import maze_tokenizer, split_answer
from rlhf_core.navigation_ppo import NavigationPPOConfig, NavigationPPOTrainer, Walks, first_of_each, nearness
from rlhf_core.rollout import score_tokens

TOKENIZER = maze_tokenizer("en")


@pytest.fixture(scope="module")
def start() -> MiniLM:
    """A small model that knows how an answer looks, and little of mazes: "act", a move, the end."""
    config = MiniLMConfig(
        vocabulary=len(TOKENIZER), width=16, layers=1, heads=2, prompt_length=110, response_length=5, rotary=True,
        grid=10,
    )  # fmt: skip
    model = MiniLM(config, torch.Generator().manual_seed(0))
    lessons = CloningConfig(thought="none", smallest=5, largest=5, batch_size=16, learning_rate=0.05)
    teacher = CloningTrainer(model, lessons, 0)
    for _ in range(80):
        teacher.step()
    return model.eval().requires_grad_(False)


def trainer(start: MiniLM, seed: int = 0, **settings: Any) -> NavigationPPOTrainer:
    settings = {"episodes": 8, "max_steps": 5, "size": 5, "hard_share": 0.0, "temperature": 1.0, **settings}
    return NavigationPPOTrainer(start, NavigationPPOConfig(**settings), seed)


def test_rewards_and_values_stand_where_their_decisions_were_made(start: MiniLM) -> None:
    """Two walks: three decisions and one. Decisions come in the order of time, so the walks are interleaved."""
    found = Walks(
        prompt_ids=torch.zeros(4, 2, dtype=torch.long),
        tokens=torch.zeros(4, 3, dtype=torch.long),
        mask=torch.ones(4, 3, dtype=torch.bool),
        log_probs=torch.zeros(4, 3),
        reference_log_probs=torch.zeros(4, 3),
        entropy=torch.zeros(4, 3),
        nearness=torch.zeros(4, 1),
        values=torch.tensor([0.1, 0.2, 0.3, 0.4]),
        place=(torch.tensor([0, 1, 0, 0]), torch.tensor([0, 0, 1, 2])),
        rewards=torch.tensor([[-0.1, -0.1, 1.0], [1.0, 0.0, 0.0]]),
        happened=torch.tensor([[True, True, True], [True, False, False]]),
        arrived=torch.tensor([True, False]),
        further=torch.tensor([0.0, 0.6]),
    )
    values = found.laid_out(found.values)
    torch.testing.assert_close(values, torch.tensor([[0.1, 0.3, 0.4], [0.2, 0.0, 0.0]]))
    # gamma .5, lambda 1: advantage is discounted return minus value. Walk 0: 1; -.1 + .5 = .4; -.1 + .5 * .4 = .1
    advantages, returns = generalized_advantages(found.rewards, values, found.happened, gamma=0.5, gae_lambda=1.0)
    torch.testing.assert_close(returns[found.place], torch.tensor([0.1, 1.0, 0.4, 1.0]))
    torch.testing.assert_close(advantages[found.place], torch.tensor([0.0, 0.8, 0.1, 0.6]))
    # A KL of 2 and 1 nats in the first two decisions at .1 a nat; walk 1 was cut off where .6 more is expected, at .5.
    rewards = found.all_rewards(torch.tensor([2.0, 1.0, 0.0, 0.0]), 0.1, 0.5)
    torch.testing.assert_close(rewards, torch.tensor([[-0.3, -0.1, 1.0], [1.0 - 0.1 + 0.3, 0.0, 0.0]]))
    assert float(found.rewards[0, 0]) == pytest.approx(-0.1), "what happened stays as it is"


def test_nearness_is_the_discount_of_the_shortest_way() -> None:
    wall = Maze(5, frozenset({(0, 1), (1, 1), (2, 1), (3, 1)}), (0, 0), (0, 2))  # ten steps round the wall
    world = GridWorld(wall)
    world.step("move_down")
    torch.testing.assert_close(nearness([GridWorld(wall), world], 0.5), torch.tensor([[0.5**10], [0.5**9]]))


def test_the_first_token_of_each_row() -> None:
    mask = torch.tensor([[True, True, False], [True, False, False], [True, True, True]])
    assert first_of_each(mask).tolist() == [0, 2, 3]


def test_what_was_collected_is_what_happened(start: MiniLM) -> None:
    of = trainer(start, episodes=24)
    torch.nn.init.normal_(of.value_head.weight)
    walks = of.collect()
    assert 0 < float(walks.arrived.float().mean()) < 1, "else there is less to see"
    walk, move = walks.place
    n = int(walks.happened.sum())
    assert len(walks.tokens) == len(walks.values) == len(walk) == n and bool(walks.happened[walk, move].all())
    assert not walks.rewards[~walks.happened].any()
    assert bool((walks.happened.int().diff(dim=1) <= 0).all()), "a walk that ended does not go on"
    assert torch.equal(walks.arrived, (walks.rewards == 1).any(1))
    assert bool(((walks.rewards == 1) | ((walks.rewards + 0.1).abs() < 1e-6))[walks.happened].all())
    # Each decision's own prompt: from one decision to the next the agent moves as the answer says, or not at all.
    states = [TOKENIZER.decode(row.tolist()).split() for row in walks.prompt_ids]
    answers = [split_answer(TOKENIZER.decode(row.tolist()).split())[1] for row in walks.tokens]
    by_place = {(int(w), int(m)): i for i, (w, m) in enumerate(zip(walk, move, strict=True))}
    for (w, m), i in by_place.items():
        following = by_place.get((w, m + 1))
        if following is not None:
            assert states[following][:-1] == states[i][:-1], "the same maze"
            if answers[i] is None:
                assert states[following][-1] == states[i][-1]
    # Scored one decision at a time, without the neighbours' padding.
    for i in range(0, n, 7):
        mask = walks.mask[i : i + 1]
        alone = score_tokens(start, walks.prompt_ids[i : i + 1], walks.tokens[i : i + 1], mask, of.config.temperature)
        torch.testing.assert_close(walks.log_probs[i][mask[0]], alone.log_probs, atol=1e-4, rtol=1e-4)
        seen = torch.cat([alone.hidden[0], walks.nearness[i]])
        torch.testing.assert_close(walks.values[i], of.value_head(seen)[0].detach(), atol=1e-4, rtol=1e-4)
        spread = torch.distributions.Categorical(logits=start.logits(alone.hidden) / of.config.temperature).entropy()
        torch.testing.assert_close(walks.entropy[i][mask[0]], spread, atol=1e-4, rtol=1e-4)
        ends = (walks.tokens[i] == EOS).nonzero()
        assert int(mask.sum()) == (int(ends[0]) + 1 if len(ends) else walks.tokens.shape[1])
    torch.testing.assert_close(walks.log_probs, walks.reference_log_probs)


def test_the_ratio_is_one_at_the_first_gradient_step(start: MiniLM) -> None:
    """One epoch of one minibatch never leaves the policy that walked: nothing is clipped, and the loss is minus the
    mean of the advantage, whitened over decisions and counted in words."""
    of = trainer(start, epochs=1, minibatch_size=1000, kl_coef=0.0)
    walks = trainer(start, epochs=1, minibatch_size=1000).collect()
    metrics = of.step()
    assert metrics.clip_fraction == 0 and metrics.kl == pytest.approx(0, abs=1e-5)
    c = of.config
    advantages, returns = generalized_advantages(
        walks.rewards, walks.laid_out(walks.values), walks.happened, gamma=c.gamma, gae_lambda=c.gae_lambda
    )
    chosen = advantages[walks.happened]
    white = ((advantages - chosen.mean()) / chosen.std(correction=0))[walks.place]
    words = walks.mask.sum(1)
    assert metrics.policy_loss == pytest.approx(float(-(white * words).sum() / words.sum()), abs=1e-4)
    assert metrics.value_loss == pytest.approx(float((returns[walks.place] ** 2).mean()), rel=1e-4), "values are zero"
    assert metrics.reward == pytest.approx(float(walks.rewards.sum()) / 8, rel=1e-5)
    assert metrics.success == float(walks.arrived.float().mean())
    assert metrics.response_length == pytest.approx(float(words.float().mean()))


def test_the_price_of_kl_is_taken_from_the_decisions_reward(start: MiniLM) -> None:
    """A policy that has left its reference: dear KL changes the advantages, and no more than they say."""
    targets = []
    for price in (0.0, 0.5):
        of = trainer(start, kl_coef=price, epochs=1, minibatch_size=1000, gamma=0.0, gae_lambda=0.0)
        with torch.no_grad():
            of.policy.norm.weight.mul_(1.3)
        seen: list[Tensor] = []
        update = of._update
        of._update = lambda walks, a, r, seen=seen, update=update: (seen.extend([r, walks]), update(walks, a, r))[1]  # type: ignore[method-assign, misc, assignment]
        metrics = of.step()
        targets.append((seen[0], seen[1], metrics))
    (free, walks, _), (priced, _, metrics) = targets
    kl = ((walks.log_probs - walks.reference_log_probs) * walks.mask).sum(1)  # type: ignore[attr-defined]
    torch.testing.assert_close(free - priced, 0.5 * kl, atol=1e-5, rtol=1e-4)
    assert metrics.kl == pytest.approx(float(kl.mean()), rel=1e-4) and float(kl.abs().max()) > 0.01


def curve(of: NavigationPPOTrainer, steps: int) -> list[tuple[float, ...]]:
    """All figures of each step but its time."""
    return [tuple(v for k, v in vars(of.step()).items() if k != "cpu_seconds") for _ in range(steps)]


def test_the_same_seed_draws_the_same_curve(start: MiniLM) -> None:
    assert curve(trainer(start, 1), 2) == curve(trainer(start, 1), 2)
    assert curve(trainer(start, 1), 2) != curve(trainer(start, 2), 2)


def test_stop_and_resume_draw_the_curve_of_no_stop(start: MiniLM, tmp_path: Path) -> None:
    whole = curve(trainer(start), 5)
    first = trainer(start)
    beginning = curve(first, 2)
    torch.save(first.state_dict(), tmp_path / "run.pt")
    second = trainer(start, seed=99)
    second.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    assert beginning + curve(second, 3) == whole
    assert second.steps_done == 5


def test_it_improves_and_leaves_its_reference_alone(start: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same task again and again: a goal two cells to the right."""
    monkeypatch.setattr(
        "rlhf_core.navigation_ppo.random_maze", lambda rng, size, **kind: Maze(size, frozenset(), (0, 0), (0, 2))
    )
    before = {k: v.clone() for k, v in start.state_dict().items()}
    of = trainer(start, episodes=24, learning_rate=5e-3, max_steps=6)
    found = [of.step() for _ in range(15)]
    first, last = (sum(m.success for m in part) / 3 for part in (found[:3], found[-3:]))
    assert last > first + 0.4 and found[-1].reward > found[0].reward and found[-1].kl > 0.05
    assert all(torch.equal(v, before[k]) for k, v in start.state_dict().items())


def test_one_decision_alone_does_not_break_the_policy(start: MiniLM) -> None:
    """A single advantage has no spread to be divided by."""
    of = trainer(start, episodes=1, max_steps=1)
    metrics = of.step()
    assert all(math.isfinite(v) for v in vars(metrics).values())
    assert all(bool(p.isfinite().all()) for p in of.policy.parameters())


def test_a_new_config_acts_from_the_next_step(start: MiniLM) -> None:
    of = trainer(start)
    of.step()
    before = [p.detach().clone() for p in of.policy.parameters()]
    of.step(replace(of.config, learning_rate=1e-7, max_steps=2))
    moved = max(float((a - b).detach().abs().max()) for a, b in zip(before, of.policy.parameters(), strict=True))
    assert 0 < moved < 1e-5 and of.config.max_steps == 2 and of.collect().happened.shape == (8, 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("kl_coef", -0.1),
        ("clip_range", 0.0),
        ("temperature", 0.0),
        ("gamma", 1.1),
        ("gae_lambda", -0.2),
        ("hard_share", 2.0),
        ("size", 4),
        ("size", 11),
        ("episodes", 0),
        ("max_steps", 0),
        ("epochs", 0),
        ("minibatch_size", 0),
    ],
)
def test_impossible_settings_are_refused_with_their_value(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{field}.*{value}"):
        NavigationPPOConfig(**{field: value})  # type: ignore[arg-type]
