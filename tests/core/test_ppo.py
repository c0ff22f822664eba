import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rlhf_core.language_model import EOS, MiniLM
from rlhf_core.ppo import PPOConfig, PPOTrainer, annealing, clipped_policy_loss
from rlhf_core.rollout import Rollout, collect
from rlhf_core.tokenizer import SimpleTokenizer

PROMPTS = ("a ?", "b ?", "a b ?")


def count_of_a(prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
    """Any Python function is a reward: this one likes the word "a"."""
    return torch.tensor([float(r.split().count("a")) for r in responses])


def make_trainer(model: MiniLM, tokenizer: SimpleTokenizer, seed: int = 0, **settings: float) -> PPOTrainer:
    config = PPOConfig(**{"batch_size": 16, "learning_rate": 5e-3, "kl_coef": 0.05, **settings})  # type: ignore[arg-type]
    return PPOTrainer(model, count_of_a, PROMPTS, tokenizer, config, seed)


def test_the_clipped_objective_by_hand() -> None:
    # ratios 1.5, 1.5, .5, .5 with clip .2 and advantages 1, -1, 1, -1: min(1.5, 1.2), min(-1.5, -1.2), min(.5, .8), ...
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5])
    loss = clipped_policy_loss(ratio.log(), torch.zeros(4), torch.tensor([1.0, -1.0, 1.0, -1.0]), 0.2)
    torch.testing.assert_close(loss, -torch.tensor([1.2, -1.5, 0.5, -0.8]))


def test_the_reward_stands_on_the_last_token_and_the_price_of_kl_on_each() -> None:
    rollout = Rollout(
        prompts=("p", "p"),
        responses=("x", "x y"),
        prompt_ids=torch.zeros(2, 2),
        tokens=torch.tensor([[5, EOS, 0], [5, 6, 7]]),
        mask=torch.tensor([[True, True, False], [True, True, True]]),
        log_probs=torch.tensor([[-1.0, -2.0, 0.0], [-1.0, -1.0, -1.0]]),
        reference_log_probs=torch.tensor([[-2.0, -2.0, 0.0], [-1.0, -0.5, -3.0]]),
        kl=torch.zeros(2, 3),
        entropy=torch.zeros(2, 3),
        values=torch.zeros(2, 3),
        scores=torch.tensor([4.0, 2.0]),
        ended=torch.tensor([True, False]),
    )
    # -.1 * (log p - log q) everywhere; 4 on the first <eos>; 2 - 1 on the last token of the answer that never ended
    expected = torch.tensor([[-0.1, 4.0, 0.0], [0.0, 0.05, -0.2 + 2.0 - 1.0]])
    torch.testing.assert_close(rollout.rewards(kl_coef=0.1, eos_penalty=1.0), expected)


def test_at_the_start_policy_and_reference_agree_and_values_are_zero(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    trainer = make_trainer(tiny, tokenizer)
    rollout = collect(
        trainer.policy, tiny, trainer.value_head, count_of_a, list(PROMPTS), trainer.prompt_ids, tokenizer,
        temperature=1.0, rng=torch.Generator().manual_seed(0),
    )  # fmt: skip
    torch.testing.assert_close(rollout.log_probs, rollout.reference_log_probs, atol=1e-5, rtol=1e-5)
    assert not rollout.values.any() and float(rollout.kl.abs().max()) < 1e-6
    assert torch.equal(rollout.ended, (rollout.tokens == EOS).any(1))


def test_the_ratio_is_one_at_the_first_gradient_step(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    """One epoch of one minibatch never leaves the policy that sampled: nothing is clipped, and the loss is minus the
    mean whitened advantage, which is zero."""
    for temperature in (1.0, 0.7):
        metrics = make_trainer(tiny, tokenizer, epochs=1, minibatches=1, temperature=temperature).step()
        assert metrics.clip_fraction == 0
        assert metrics.policy_loss == pytest.approx(0, abs=1e-5)


def test_it_improves_and_leaves_its_reference_alone(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    before = {k: v.clone() for k, v in tiny.state_dict().items()}
    trainer = make_trainer(tiny, tokenizer)
    metrics = [trainer.step() for _ in range(30)]
    first, last = (sum(m.reward for m in part) / 5 for part in (metrics[:5], metrics[-5:]))
    assert last > first + 1.5
    assert metrics[0].kl_exact == pytest.approx(0, abs=1e-5) and metrics[-1].kl_exact > 0.5
    assert all(torch.equal(v, before[k]) for k, v in tiny.state_dict().items())


def test_a_frozen_start_does_not_freeze_the_policy(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    trainer = make_trainer(tiny.requires_grad_(False), tokenizer)
    trainer.step()
    assert any(not torch.equal(a, b) for a, b in zip(trainer.policy.parameters(), tiny.parameters(), strict=True))


def test_a_high_price_of_kl_keeps_the_policy_near(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    kl = {}
    for price in (0.0, 5.0):
        trainer = make_trainer(tiny, tokenizer, kl_coef=price)
        kl[price] = [trainer.step() for _ in range(20)][-1].kl_exact
    assert kl[5.0] < kl[0.0] / 5


def curve(trainer: PPOTrainer, steps: int) -> list[tuple[float, ...]]:
    """All figures of each step but its time."""
    return [
        tuple(v for k, v in vars(trainer.step()).items() if k != "cpu_seconds")
        for _ in range(steps)
    ]


def test_the_same_seed_draws_the_same_curve(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    assert curve(make_trainer(tiny, tokenizer, 1), 4) == curve(make_trainer(tiny, tokenizer, 1), 4)
    assert curve(make_trainer(tiny, tokenizer, 1), 2) != curve(make_trainer(tiny, tokenizer, 2), 2)


def test_stop_and_resume_draw_the_curve_of_no_stop(tiny: MiniLM, tokenizer: SimpleTokenizer, tmp_path: Path) -> None:
    whole = curve(make_trainer(tiny, tokenizer), 8)
    first = make_trainer(tiny, tokenizer)
    beginning = curve(first, 3)
    torch.save(first.state_dict(), tmp_path / "run.pt")
    second = make_trainer(tiny, tokenizer, seed=99)
    second.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    assert beginning + curve(second, 5) == whole


def test_the_step_size_falls_in_a_line_and_stays(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    # From 1 to .05 over 4 steps: .2375 less at each.
    assert [annealing(step, 4) for step in (0, 1, 2, 4, 9)] == pytest.approx([1, 0.7625, 0.525, 0.05, 0.05])
    assert annealing(1000, 0) == 1
    trainer = make_trainer(tiny, tokenizer, learning_rate=0.1, anneal_over=2)
    rates = [trainer.step() and trainer.state_dict()["optimizer"]["param_groups"][0]["lr"] for _ in range(3)]
    assert rates == pytest.approx([0.1, 0.0525, 0.005])


def test_a_new_config_acts_from_the_next_step(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    trainer = make_trainer(tiny, tokenizer)
    trainer.step()
    before = [p.detach().clone() for p in trainer.policy.parameters()]
    trainer.step(PPOConfig(batch_size=16, learning_rate=1e-6))
    moved = max(float((a - b).detach().abs().max()) for a, b in zip(before, trainer.policy.parameters(), strict=True))
    assert 0 < moved < 1e-5, "four steps of AdamW, each of at most about the learning rate"


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
        ("epochs", 0),
        ("minibatches", 65),
    ],
)
def test_impossible_settings_are_refused_with_their_value(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{field}.*{value}"):
        PPOConfig(**{field: value})
