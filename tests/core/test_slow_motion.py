"""An iteration of PPO taken apart is the iteration that the trainer would have done, and its parts add up."""

import pytest
import torch

from rlhf_core.language_model import MiniLM
from rlhf_core.slow_motion import SlowMotion, take_apart
from rlhf_core.tokenizer import SimpleTokenizer
from tests.core.test_ppo import count_of_a, curve, make_trainer


@pytest.fixture
def motion(tiny: MiniLM, tokenizer: SimpleTokenizer) -> SlowMotion:
    """The third iteration: by then policy, reference and critic say different things."""
    trainer = make_trainer(tiny, tokenizer, kl_coef=0.1, clip_range=0.05, gae_lambda=0.5)
    curve(trainer, 2)
    return take_apart(trainer)


def test_it_is_the_step_that_would_have_been_done(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    slow, plain = make_trainer(tiny, tokenizer), make_trainer(tiny, tokenizer)
    motion, metrics = take_apart(slow), plain.step()
    assert {**vars(motion.metrics), "cpu_seconds": 0} == {**vars(metrics), "cpu_seconds": 0}
    assert all(map(torch.equal, slow.policy.parameters(), plain.policy.parameters()))
    assert curve(slow, 1) == curve(plain, 1), "and the next one too"


def test_the_score_stands_on_the_last_token_and_the_penalty_on_each(motion: SlowMotion) -> None:
    rollout = motion.rollout
    scores = count_of_a(rollout.prompts, rollout.responses)
    assert scores.any() and motion.kl_penalty.any()
    for row, n in enumerate(rollout.mask.sum(1).tolist()):
        paid = motion.rewards[row] - motion.kl_penalty[row]
        assert not paid[: n - 1].any() and not paid[n:].any()
        missing = 0.0 if rollout.ended[row] else motion.config.eos_penalty
        assert float(paid[n - 1]) == pytest.approx(float(scores[row]) - missing, abs=1e-5)
    priced = -0.1 * (rollout.log_probs - rollout.reference_log_probs)
    torch.testing.assert_close(motion.kl_penalty[rollout.mask], priced[rollout.mask])


def test_words_are_those_of_the_tokens_that_count(motion: SlowMotion) -> None:
    rollout = motion.rollout
    for row, words in enumerate(motion.words):
        assert len(words) == int(rollout.mask[row].sum())
        assert ("<eos>" in words) == bool(rollout.ended[row])
        written = (word for word in words if word not in ("<pad>", "<bos>", "<eos>", "<sep>"))
        assert " ".join(written) == rollout.responses[row]


def test_returns_are_what_was_forecast_and_how_much_better_it_was(motion: SlowMotion) -> None:
    mask = motion.rollout.mask
    torch.testing.assert_close((motion.rollout.values + motion.advantages)[mask], motion.returns[mask])
    last = mask.sum(1) - 1
    rows = torch.arange(len(last))
    torch.testing.assert_close(motion.returns[rows, last], motion.rewards[rows, last], atol=1e-5, rtol=1e-5)
    counted = motion.weights[mask]
    assert float(counted.mean()) == pytest.approx(0, abs=1e-5)
    assert float(counted.std(correction=0)) == pytest.approx(1, abs=1e-3)


def test_the_update_lowers_the_loss_and_the_clip_stops_what_went_far(motion: SlowMotion) -> None:
    before, after = motion.policy_losses
    assert before == pytest.approx(0, abs=1e-5) and after < before
    assert motion.value_losses[1] != motion.value_losses[0]
    far = ((motion.ratio - 1).abs() > 0.05) & motion.rollout.mask
    assert motion.cut.any() and not (motion.cut & ~far).any()
    wrong_way = far & ~motion.cut
    assert (motion.weights[wrong_way] * (motion.ratio[wrong_way] - 1) <= 0).all()
    assert motion.metrics.grad_norm > 0
