"""PPO's switches: an adaptive price of KL, a clipped value loss, an early stop, whose log-probabilities are priced."""

import copy

import pytest
import torch

from rlhf_core.kl import adapted_coefficient
from rlhf_core.language_model import MiniLM
from rlhf_core.ppo import PPOConfig, PPOTrainer, squared_value_error
from rlhf_core.rollout import score_tokens
from rlhf_core.tokenizer import SimpleTokenizer
from tests.core.test_ppo import curve, make_trainer

Switches = dict[str, float]


@pytest.mark.parametrize(
    ("kl", "factor"),
    [(6.0, 1.0), (6.6, 1.01), (5.4, 0.99), (60.0, 1.02), (0.0, 0.98), (-3.0, 0.98)],
)
def test_the_adaptive_price_by_hand(kl: float, factor: float) -> None:
    assert adapted_coefficient(0.5, kl, target=6.0) == pytest.approx(0.5 * factor)
    assert adapted_coefficient(0.0, kl, target=6.0) == 0


def test_the_clipped_value_loss_by_hand() -> None:
    # From 0 the forecasts went to 1 (towards 2), 1 (away from -1), .1 (inside): held at .5, .5, .1.
    values, old, returns = torch.tensor([1.0, 1.0, 0.1]), torch.zeros(3), torch.tensor([2.0, -1.0, 1.0])
    torch.testing.assert_close(squared_value_error(values, old, returns, 0.0), torch.tensor([1.0, 4.0, 0.81]))
    torch.testing.assert_close(squared_value_error(values, old, returns, 0.5), torch.tensor([2.25, 4.0, 0.81]))


@pytest.mark.parametrize(
    "switches",
    [{"target_kl": 1e9}, {"kl_target": 1.0}, {"scaled_log_probs": False}],
    ids=["a stop that is never reached", "a target nobody follows", "temperature 1 is what is sampled at"],
)
def test_a_switch_that_cannot_act_changes_no_digit(
    tiny: MiniLM, tokenizer: SimpleTokenizer, switches: Switches
) -> None:
    assert curve(make_trainer(tiny, tokenizer, **switches), 3) == curve(make_trainer(tiny, tokenizer), 3)


@pytest.mark.parametrize("switches", [{"value_clip": 0.05}, {"target_kl": 1e-9}, {"adaptive_kl": True}])
def test_a_switch_that_acts_changes_the_curve(tiny: MiniLM, tokenizer: SimpleTokenizer, switches: Switches) -> None:
    assert curve(make_trainer(tiny, tokenizer, **switches), 3) != curve(make_trainer(tiny, tokenizer), 3)


def test_an_update_that_has_gone_too_far_stops(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    whole = make_trainer(tiny, tokenizer, epochs=3, minibatches=2).step()
    short = make_trainer(tiny, tokenizer, epochs=3, minibatches=2, target_kl=1e-9).step()
    assert (whole.gradient_steps, short.gradient_steps) == (6, 1), "the first step has nowhere gone yet"
    assert short.approx_kl == 0 < whole.approx_kl


def test_the_adaptive_price_falls_while_the_policy_is_near_and_begins_anew_when_it_is_set(
    tiny: MiniLM, tokenizer: SimpleTokenizer
) -> None:
    trainer = make_trainer(tiny, tokenizer, adaptive_kl=True, kl_target=1e6)
    assert [trainer.step().kl_coef for _ in range(3)] == pytest.approx([0.05, 0.05 * 0.98, 0.05 * 0.98**2])
    moved = PPOConfig(batch_size=16, kl_coef=0.3, adaptive_kl=True, kl_target=1e6)
    assert trainer.step(moved).kl_coef == 0.3
    assert trainer.step().kl_coef == pytest.approx(0.3 * 0.98)
    assert trainer.step(PPOConfig(batch_size=16, kl_coef=0.3)).kl_coef == 0.3


def test_an_adaptive_run_resumes_to_the_last_digit(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    def adaptive(seed: int = 0) -> PPOTrainer:
        return make_trainer(tiny, tokenizer, seed, adaptive_kl=True, kl_target=0.5, target_kl=0.02, value_clip=0.2)

    whole, first, second = curve(adaptive(), 6), adaptive(), adaptive(99)
    beginning = curve(first, 3)
    second.load_state_dict(first.state_dict())
    assert beginning + curve(second, 3) == whole


def test_a_state_of_an_older_version_loads(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    first = make_trainer(tiny, tokenizer)
    curve(first, 2)
    state = copy.deepcopy(first.state_dict())
    old = {name: value for name, value in state.items() if not name.startswith("kl_coef")}
    second = make_trainer(tiny, tokenizer, seed=99)
    second.load_state_dict(old)
    assert curve(second, 2) == curve(first, 2)


@pytest.mark.parametrize("scaled", [True, False])
def test_whose_log_probabilities_they_are(tiny: MiniLM, tokenizer: SimpleTokenizer, scaled: bool) -> None:
    trainer = make_trainer(
        tiny, tokenizer, temperature=0.5, scaled_log_probs=scaled, epochs=1, minibatches=1
    )
    metrics, rollout = trainer.step(), trainer.rollout
    assert rollout is not None
    scores = score_tokens(tiny, rollout.prompt_ids, rollout.tokens, rollout.mask, 0.5 if scaled else 1.0)
    torch.testing.assert_close(rollout.log_probs[rollout.mask], scores.log_probs)
    assert metrics.clip_fraction == 0, "the ratio is of the same distribution before and after"


@pytest.mark.parametrize(("field", "value"), [("kl_target", 0.0), ("value_clip", -0.1), ("target_kl", -1.0)])
def test_impossible_switches_are_refused_with_their_value(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{field}.*{value}"):
        PPOConfig(**{field: value})  # type: ignore[arg-type]
