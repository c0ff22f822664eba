"""The LSTM is a language model like the other: padding leaves no trace, it samples what it says, it learns."""

from pathlib import Path

import pytest
import torch

from rlhf_core import pretraining
from rlhf_core.architectures import ARCHITECTURES, SIZES, Architecture, parameter_parts
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.language_model import PAD, LanguageModel, MiniLM
from rlhf_core.lstm import LSTMConfig, LSTMLanguageModel
from rlhf_core.pretraining import PretrainConfig, Pretrainer, language_model_loss
from rlhf_core.tokenizer import SimpleTokenizer
from rlhf_core.weights import CheckpointError


@pytest.fixture
def lstm(tokenizer: SimpleTokenizer) -> LSTMLanguageModel:
    config = LSTMConfig(vocabulary=len(tokenizer), width=8, hidden=16, prompt_length=6, response_length=8)
    model = LSTMLanguageModel(config, torch.Generator().manual_seed(3))
    with torch.no_grad():
        model.head.weight *= 20  # so that it is sure of something
    return model.eval()


def test_what_stands_before_a_prompt_plays_no_part(lstm: LSTMLanguageModel, tokenizer: SimpleTokenizer) -> None:
    short, long = lstm.encode_prompts(["a b", "c d a b"], tokenizer)
    together = lstm(torch.stack([short, long]))
    alone = lstm(short[short != PAD][None])
    assert torch.allclose(together[0, -alone.shape[1] :], alone[0], atol=1e-6)


def test_it_says_with_the_probability_that_a_full_pass_gives(
    lstm: LSTMLanguageModel, tokenizer: SimpleTokenizer
) -> None:
    prompts = lstm.encode_prompts(["a b c", "d", "b ?"], tokenizer)
    found = lstm.sample(prompts, rng=torch.Generator().manual_seed(1))
    log_p = lstm.logits(lstm(torch.cat([prompts, found.tokens], 1))[:, 5:-1]).log_softmax(-1)
    said = log_p.gather(2, found.tokens[..., None])[..., 0]
    assert torch.allclose(said * found.mask, found.log_probs, atol=1e-5)
    again = lstm.sample(prompts[:1], rng=torch.Generator().manual_seed(1))
    assert torch.equal(again.tokens[0], found.tokens[0])  # whatever its neighbours say


def test_only_the_likeliest_are_drawn_with_top_k(lstm: LSTMLanguageModel, tokenizer: SimpleTokenizer) -> None:
    prompts = lstm.encode_prompts(["a b c"] * 50, tokenizer)
    first = lstm.sample(prompts, rng=torch.Generator().manual_seed(1), top_k=2).tokens[:, 0]
    likeliest = lstm.logits(lstm(prompts[:1])[0, -1]).topk(2).indices
    assert set(first.tolist()) == set(likeliest.tolist())
    with pytest.raises(ValueError, match="top_k"):
        lstm.sample(prompts, rng=torch.Generator(), top_k=0)


def test_its_loss_is_the_surprise_at_the_response_alone(lstm: LSTMLanguageModel, tokenizer: SimpleTokenizer) -> None:
    prompts = lstm.encode_prompts(["a b", "c d a"], tokenizer)
    responses = torch.tensor([[*tokenizer.encode("a ."), 2, PAD], [*tokenizer.encode("b c d"), 2]])
    descended, per_token = language_model_loss(lstm, torch.cat([prompts, responses], 1), 0.0)
    log_p = lstm.logits(lstm(torch.cat([prompts, responses], 1))[:, 5:-1]).log_softmax(-1)
    surprise = -log_p.gather(2, responses[..., None])[..., 0][responses != PAD]
    assert float(per_token) == pytest.approx(float(surprise.mean().detach()), rel=1e-5)
    assert float(descended.detach()) == pytest.approx(float(surprise.sum().detach()) / 40, rel=1e-5)


def test_save_and_load(lstm: LSTMLanguageModel, tmp_path: Path) -> None:
    lstm.save(tmp_path / "lstm.safetensors")
    again = LSTMLanguageModel.load(tmp_path / "lstm.safetensors")
    assert again.config == lstm.config and torch.equal(again.head.weight, lstm.head.weight)
    with pytest.raises(CheckpointError, match="not a MiniLM"):
        MiniLM.load(tmp_path / "lstm.safetensors")


def test_every_architecture_counts_its_parameters_by_part() -> None:
    for name in ARCHITECTURES:
        counts = []
        for size in SIZES:
            model = Architecture(name, size).untrained(50, torch.Generator().manual_seed(0))
            assert sum(parameter_parts(model).values()) == model.parameter_count
            counts.append(model.parameter_count)
        assert counts == sorted(counts)
    with pytest.raises(ValueError, match="no architecture 'rnn'"):
        Architecture("rnn")


def test_it_learns_from_batches_of_like_lengths_and_resumes_amid_them(
    assets: LanguageAssets, monkeypatch: pytest.MonkeyPatch
) -> None:
    spreads: list[int] = []

    def watched(model: LanguageModel, tokens: torch.Tensor, weight: float) -> tuple[torch.Tensor, torch.Tensor]:
        lengths = (tokens[:, model.config.prompt_length :] != PAD).sum(1)
        spreads.append(int(lengths.max() - lengths.min()))
        return language_model_loss(model, tokens, weight)

    def trainer(name: str) -> Pretrainer:
        model = Architecture(name, "small").untrained(len(assets.tokenizer), torch.Generator().manual_seed(3))
        return Pretrainer(model, assets.grammar, assets.tokenizer, PretrainConfig(batch_size=8), seed=1)

    monkeypatch.setattr(pretraining, "language_model_loss", watched)
    straight, first, second = trainer("lstm"), trainer("lstm"), trainer("lstm")
    losses = [straight.step().loss for _ in range(8)]
    of_like_lengths = sum(spreads)
    beginning = [first.step().loss for _ in range(3)]
    second.load_state_dict(first.state_dict())
    assert beginning + [second.step().loss for _ in range(5)] == losses

    spreads.clear()
    gpt = trainer("gpt")  # which reads no padding, and takes dialogues as they come
    for _ in range(8):
        gpt.step()
    assert of_like_lengths < sum(spreads) / 2
