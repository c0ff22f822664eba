"""Networks that score answers, and their training on labels."""

import io
import math
from typing import Any

import pytest
import torch

from rlhf_core.annotators import Annotator
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.evaluation import held_out_pairs
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.language_model import MiniLM
from rlhf_core.neural_reward import NETWORKS, NeuralReward, RewardConfig, RewardTrainer, bradley_terry_loss
from rlhf_core.preferences import PreferenceData, PreferenceDataset
from rlhf_core.reward_comparison import CONTENDERS, Contender, pair_accuracy, taught
from rlhf_core.tokenizer import SimpleTokenizer, UnknownWordsError

LABELS = PreferenceDataset([
    PreferenceData(prompt="a ?", response_a="b .", response_b="c d .", preferred="a", strength=2),
    PreferenceData(prompt="a b ?", response_a="d d d .", response_b="b c .", preferred="b"),
    PreferenceData(prompt="c ?", response_a="d .", response_b="c .", preferred="tie"),
])  # fmt: skip
FAST = RewardConfig(learning_rate=0.02, batch_size=2)


def trainer(network: str, tiny: MiniLM, tokenizer: SimpleTokenizer, seed: int = 1, **more: Any) -> RewardTrainer:
    reward = NeuralReward(network, tiny, tokenizer, seed=seed, **more)
    return RewardTrainer(reward, LABELS, FAST, seed)


def losses(t: RewardTrainer, n: int) -> list[float]:
    return [t.step().preference_loss for _ in range(n)]


def test_the_loss_and_its_gradient_by_hand() -> None:
    """Rewards 1 and 0 and a target of .75: .75 log(1 + e^-1) + .25 log(1 + e), of slope s(1) - .75 in r(a)."""
    rewards = torch.tensor([1.0, 0.0], requires_grad=True)
    ids = torch.zeros(1, 1, dtype=torch.long)
    loss = bradley_terry_loss(lambda prompts, responses: rewards, ids, ids, ids, torch.tensor([0.75]))
    assert loss.item() == pytest.approx(0.75 * math.log1p(math.exp(-1)) + 0.25 * math.log1p(math.e))
    loss.backward()
    slope = 1 / (1 + math.exp(-1)) - 0.75
    assert rewards.grad is not None and rewards.grad.tolist() == pytest.approx([slope, -slope])


@pytest.mark.parametrize("network", NETWORKS)
def test_an_untrained_network_knows_nothing(network: str, tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    t = trainer(network, tiny, tokenizer)
    assert not t.reward.score(["a ?"], ["b ."]).any()
    assert t.step().preference_loss == pytest.approx(math.log(2))


@pytest.mark.parametrize("network", NETWORKS)
def test_training_learns_the_labels_as_softly_as_they_were_meant(
    network: str, tiny: MiniLM, tokenizer: SimpleTokenizer
) -> None:
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    t = trainer(network, tiny, tokenizer)
    losses(t, 200)
    first, second = (t.reward.score(LABELS.prompts, answers) for answers in (LABELS.responses_a, LABELS.responses_b))
    clear, reverse, tie = torch.sigmoid(first - second).tolist()
    assert clear == pytest.approx(0.99, abs=0.02) and reverse < 0.02 and tie == pytest.approx(0.5, abs=0.05)
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())


@pytest.mark.parametrize("network", NETWORKS)
def test_a_resumed_training_has_the_curve_of_one_that_was_not(
    network: str, tiny: MiniLM, tokenizer: SimpleTokenizer
) -> None:
    whole, other, cut = (trainer(network, tiny, tokenizer, seed) for seed in (1, 2, 1))
    curve = losses(whole, 6)
    assert losses(cut, 3) == curve[:3] and losses(other, 6) != curve
    saved = io.BytesIO()
    torch.save(cut.state_dict(), saved)
    saved.seek(0)
    resumed = trainer(network, tiny, tokenizer)
    resumed.load_state_dict(torch.load(saved, weights_only=True))
    assert losses(resumed, 3) == curve[3:] and resumed.steps_done == 6


@pytest.mark.parametrize("network", NETWORKS)
def test_with_the_prompt_hidden_two_prompts_get_the_same_score(
    network: str, tiny: MiniLM, tokenizer: SimpleTokenizer
) -> None:
    for sees in (True, False):
        t = trainer(network, tiny, tokenizer, sees_prompt=sees)
        losses(t, 5)
        one, other = t.reward.score(["a b c ?", "d ?"], ["b c .", "b c ."]).tolist()
        assert (abs(one - other) > 1e-4) == sees


@pytest.mark.parametrize("network", NETWORKS)
def test_a_score_does_not_depend_on_its_neighbours(network: str, tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    t = trainer(network, tiny, tokenizer)
    losses(t, 5)
    prompts, answers = ["a ?", "a b c ?", "d ?"], ["b .", "a b c d a .", "nonsense"]
    together = t.reward.score(prompts, answers)
    alone = torch.cat([t.reward.score([prompt], [said]) for prompt, said in zip(prompts, answers, strict=True)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together, t.reward.score(prompts, answers, batch_size=2), atol=1e-5, rtol=1e-5)


def test_what_cannot_be_used_is_refused_in_a_sentence(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    with pytest.raises(ValueError, match="There is no network 'mlp'; choose one of lstm, transformer"):
        NeuralReward("mlp", tiny, tokenizer)
    with pytest.raises(ValueError, match="no label to learn from"):
        RewardTrainer(NeuralReward("lstm", tiny, tokenizer), PreferenceDataset(), FAST, 0)
    with pytest.raises(ValueError, match="learning_rate must be above 0, not 0"):
        RewardConfig(learning_rate=0)
    with pytest.raises(UnknownWordsError):
        NeuralReward("lstm", tiny, tokenizer).score(["kimchi ?"], ["b ."])


def test_contenders_learn_from_the_same_labels(assets: LanguageAssets) -> None:
    """Four kinds, the networks with and without the prompt; a head over what was trained beforehand needs few."""
    assert len(CONTENDERS) == 6
    rng = torch.Generator().manual_seed(0)
    pairs = held_out_pairs(assets.model, assets.tokenizer, assets.grammar.split("validation"), 60, rng)
    margins = pairs.margins(assets.judge, REFERENCE_VALUES)
    annotator = Annotator("gold", REFERENCE_VALUES, assets.judge)
    labels = PreferenceDataset(
        PreferenceData(prompt=prompt.text, response_a=a, response_b=b, preferred=annotator.prefers(prompt, a, b, rng))
        for prompt, a, b in zip(pairs.prompts, pairs.first, pairs.second, strict=True)
    )
    fitted = pair_accuracy(taught(Contender("attributes"), assets, labels), pairs, margins)
    assert fitted.interval.rate > 0.9 and fitted.interval.n + fitted.dropped == 60
    untrained = pair_accuracy(taught(Contender("lstm"), assets, labels, steps=0), pairs, margins)
    assert untrained.interval.rate == 0.5
