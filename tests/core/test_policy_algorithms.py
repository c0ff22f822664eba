"""RLOO, GRPO and DPO: their formulas by hand, that each learns something tiny, and that a resumed one goes on alike."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rlhf_core import algorithms
from rlhf_core.dpo import DPOConfig, DPOTrainer, dpo_loss, implicit_accuracy
from rlhf_core.groups import GroupConfig
from rlhf_core.grpo import GRPOConfig, GRPOTrainer, group_advantages, mean_of_answers
from rlhf_core.kl import k3
from rlhf_core.language_model import EOS, MiniLM
from rlhf_core.preferences import PreferenceData, PreferenceDataset
from rlhf_core.rloo import RLOOConfig, RLOOTrainer, leave_one_out
from rlhf_core.rollout import Rollout
from rlhf_core.tokenizer import SimpleTokenizer

Make = Callable[..., Any]
LABELS = PreferenceDataset(
    PreferenceData(prompt=prompt, response_a=a, response_b=b, preferred=preferred)
    for prompt in ("a ?", "b ?")
    for a, b, preferred in (("a .", "b .", "a"), ("c d .", "a a .", "b"), ("b .", "b .", "tie"))
)
SETTINGS: dict[str, dict[str, Any]] = {
    "rloo": {"batch_size": 16, "learning_rate": 1e-2, "kl_coef": 0.05},
    "grpo": {"batch_size": 16, "learning_rate": 5e-3, "kl_coef": 0.02},
    "dpo": {"batch_size": 4, "learning_rate": 5e-3},
}


def count_of_a(prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
    return torch.tensor([float(r.split().count("a")) for r in responses])


@pytest.fixture
def make(tiny: MiniLM, tokenizer: SimpleTokenizer) -> Make:
    task = algorithms.Task(
        start=tiny, tokenizer=tokenizer, prompts=("a ?", "b ?", "a b ?"), labels=LABELS, reward=count_of_a
    )

    def make(algorithm: str, seed: int = 0, **settings: Any) -> algorithms.Trainer:
        config = algorithms.CONFIGS[algorithm](**{**SETTINGS[algorithm], **settings})
        return algorithms.make_trainer(algorithm, task, config, seed)

    return make


# Formulas.


def test_each_answer_is_compared_with_the_mean_of_the_others() -> None:
    # 1 - (2 + 6)/2, 2 - (1 + 6)/2, 6 - (1 + 2)/2; a group of equals has nothing to say
    found = leave_one_out(torch.tensor([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]]))
    torch.testing.assert_close(found, torch.tensor([[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]]))


def test_grpo_measures_in_standard_deviations_of_the_group() -> None:
    # mean 3, sd (n - 1) sqrt((4 + 1 + 9) / 2)
    found = group_advantages(torch.tensor([[1.0, 2.0, 6.0], [7.0, 7.0, 7.0]]))
    sd = math.sqrt(7)
    torch.testing.assert_close(found, torch.tensor([[-2 / sd, -1 / sd, 3 / sd], [0.0] * 3]), atol=1e-3, rtol=0)


def test_a_short_answer_counts_as_much_as_a_long_one() -> None:
    mask = torch.tensor([[True, False, False], [True, True, True]])
    # 6 alone; (1 + 2 + 3) / 3 = 2
    assert mean_of_answers(torch.tensor([6.0, 1.0, 2.0, 3.0]), mask) == pytest.approx((6 + 2) / 2)


def test_the_gradient_of_k3_is_that_of_kl_the_other_way_round() -> None:
    """Summed over the policy's own distribution, as sampling does on average: grad sum q (log q - log p) = p - q in the
    policy's logits. So says the head of grpo.py."""
    logits = torch.tensor([0.3, -1.0, 2.0], requires_grad=True)
    reference = torch.tensor([1.0, 0.5, -2.0]).log_softmax(0)
    policy = logits.log_softmax(0)
    (policy.exp().detach() * k3(policy, reference)).sum().backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, policy.exp().detach() - reference.exp())


def test_the_loss_of_dpo_by_hand() -> None:
    # log odds of .9 that a is better: -log .9 if it is, -log .1 if b is, half of each for a tie
    margin = math.log(0.9 / 0.1)
    for target, expected in ((1.0, -math.log(0.9)), (0.0, -math.log(0.1)), (0.5, -math.log(0.9 * 0.1) / 2)):
        assert float(dpo_loss(torch.tensor([margin]), torch.tensor([target]))) == pytest.approx(expected, rel=1e-5)


def test_implicit_accuracy_and_margin_leave_ties_out() -> None:
    # right by 2, wrong by 3, even by 0 (counts half), a tie that is passed over
    accuracy, margin = implicit_accuracy(torch.tensor([2.0, 3.0, 0.0, 9.0]), torch.tensor([1.0, 0.0, 1.0, 0.5]))
    assert (accuracy, margin) == (pytest.approx(1.5 / 3), pytest.approx(-1 / 3))
    assert implicit_accuracy(torch.tensor([9.0]), torch.tensor([0.5])) == (0.5, 0.0)


def test_the_margin_of_dpo_is_measured_from_the_reference(
    make: Make, tiny: MiniLM, tokenizer: SimpleTokenizer
) -> None:
    trainer = make("dpo", batch_size=6)
    first = trainer.step()
    assert first.dpo_loss == pytest.approx(math.log(2)), "at the start policy and reference agree"
    assert (first.implicit_accuracy, first.implicit_margin) == (0.5, pytest.approx(0, abs=1e-6))
    # of the pair ("a .", "b .") after "a ?", computed one word after the other
    ids = tiny.encode_prompts(["a ?"], tokenizer)

    def log_prob(model: MiniLM, text: str) -> float:
        tokens = torch.tensor([[*tokenizer.encode(text), EOS]])
        logits = model.logits(model(torch.cat([ids, tokens], 1)))[0]
        places = range(ids.shape[1] - 1, ids.shape[1] - 1 + tokens.shape[1])
        scores = torch.log_softmax(logits, -1)
        return sum(float(scores[place, int(token)]) for place, token in zip(places, tokens[0], strict=True))

    with torch.no_grad():
        own = log_prob(trainer.policy, "a .") - log_prob(trainer.policy, "b .")
        reference = log_prob(tiny, "a .") - log_prob(tiny, "b .")
        found = trainer._log_odds(trainer.policy, torch.tensor([0])) - trainer.reference_margins[0]
    assert float(found) == pytest.approx(own - reference, abs=1e-4)


def test_rloo_pays_for_kl_within_the_reward_and_grpo_beside_it(make: Make) -> None:
    """With a reward that is the same for all answers, RLOO's advantages are those of the KL alone, none at the start;
    GRPO's are none at all, and what is left of its loss is the price of KL."""
    flat = {"rloo": make("rloo"), "grpo": make("grpo", kl_coef=0.5, epochs=1, minibatches=1, eos_penalty=0.0)}
    for trainer in flat.values():
        trainer.reward = lambda prompts, responses: torch.ones(len(responses))
    # no advantage, so the loss is at 0 and nothing moves
    assert flat["grpo"].step().policy_loss == pytest.approx(0, abs=1e-6)
    assert flat["rloo"].step(RLOOConfig(batch_size=16, eos_penalty=0.0)).policy_loss == pytest.approx(0, abs=1e-3)
    with torch.no_grad():
        for p in flat["grpo"].policy.parameters():
            p.mul_(1.2)
    assert flat["grpo"].step().policy_loss > 1e-3


def test_a_group_answers_one_prompt(make: Make) -> None:
    trainer = make("rloo", batch_size=12, group_size=4)
    trainer.step()
    asked = trainer.rollout.prompts
    assert len(asked) == 12 and all(len(set(asked[i : i + 4])) == 1 for i in (0, 4, 8))
    assert isinstance(trainer.rollout, Rollout) and not trainer.rollout.values.any()


# Learning.


@pytest.mark.parametrize("algorithm", ["rloo", "grpo"])
def test_a_reward_is_learnt_and_the_reference_left_alone(make: Make, tiny: MiniLM, algorithm: str) -> None:
    before = {k: v.clone() for k, v in tiny.state_dict().items()}
    trainer = make(algorithm)
    metrics = [trainer.step() for _ in range(16)]
    first, last = (sum(m.reward for m in part) / 4 for part in (metrics[:4], metrics[-4:]))
    assert last > first + 1.0
    assert metrics[0].kl_exact == pytest.approx(0, abs=1e-5) and metrics[-1].kl_exact > 0.3
    assert all(torch.equal(v, before[k]) for k, v in tiny.state_dict().items())


@pytest.mark.parametrize("algorithm", ["rloo", "grpo", "dpo"])
def test_a_high_price_of_kl_keeps_the_policy_near(make: Make, algorithm: str) -> None:
    moved = {}
    for price in (0.01, 5.0):
        trainer = make(algorithm, **{algorithms.price_of_kl(algorithm): price})
        for _ in range(6):
            trainer.step()
        start = trainer.reference.state_dict()
        moved[price] = sum(float((v - start[k]).square().sum()) for k, v in trainer.policy.state_dict().items())
    assert moved[5.0] < moved[0.01]


def test_labels_are_learnt_without_a_reward(make: Make) -> None:
    trainer = make("dpo", beta=0.5)
    metrics = [trainer.step() for _ in range(30)]
    assert metrics[-1].dpo_loss < metrics[0].dpo_loss - 0.2
    assert metrics[-1].implicit_accuracy == 1 and metrics[-1].implicit_margin > 1


# Saved, resumed, reconfigured.


def curve(trainer: algorithms.Trainer, steps: int) -> list[dict[str, float]]:
    """All figures of each step but its time."""
    return [{k: v for k, v in vars(trainer.step()).items() if k != "cpu_seconds"} for _ in range(steps)]


@pytest.mark.parametrize("algorithm", ["rloo", "grpo", "dpo"])
def test_a_resumed_run_goes_on_the_same(make: Make, tmp_path: Path, algorithm: str) -> None:
    whole = curve(make(algorithm), 5)
    first = make(algorithm)
    beginning = curve(first, 2)
    torch.save(first.state_dict(), tmp_path / "run.pt")
    second = make(algorithm, seed=99)
    second.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    assert beginning + curve(second, 3) == whole
    assert curve(make(algorithm, seed=1), 2) != whole[:2]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (GroupConfig, "learning_rate", 0.0),
        (GroupConfig, "kl_coef", math.nan),
        (GroupConfig, "group_size", 1),
        (GroupConfig, "batch_size", 30),
        (GRPOConfig, "clip_range", 0.0),
        (GRPOConfig, "epochs", 0),
        (GRPOConfig, "minibatches", 65),
        (DPOConfig, "beta", 0.0),
        (DPOConfig, "batch_size", 0),
    ],
)
def test_impossible_settings_are_refused_with_their_value(kind: type, field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{field}.*{value}"):
        kind(**{field: value})


def test_what_can_not_be_trained_is_named(make: Make, tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    with pytest.raises(ValueError, match="no label to learn from"):
        DPOTrainer(tiny, PreferenceDataset(), tokenizer, DPOConfig(), 0)
    task = algorithms.Task(start=tiny, tokenizer=tokenizer, prompts=(), labels=LABELS, reward=count_of_a)
    with pytest.raises(ValueError, match="'best-of-n' that trains; choose one of ppo, rloo, grpo, dpo"):
        algorithms.make_trainer(algorithms.BEST_OF_N, task, None, 0)
    kinds = {"rloo": RLOOTrainer, "grpo": GRPOTrainer, "dpo": DPOTrainer}
    assert all(type(make(name)) is kind for name, kind in kinds.items())
