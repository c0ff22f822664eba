from pathlib import Path

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.language_model import CheckpointError, MiniLM, PromptError, draw, next_token_log_probs
from rlhf_core.pretraining import PretrainConfig, Pretrainer
from rlhf_core.rollout import laid_out, score_tokens
from rlhf_core.tokenizer import SimpleTokenizer, UnknownWordsError


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_tokenizer_keeps_the_notebooks_special_ids_and_names_unknown_words(tokenizer: SimpleTokenizer) -> None:
    assert (tokenizer.PAD, tokenizer.BOS, tokenizer.EOS, tokenizer.UNK) == (0, 1, 2, 3)
    assert tokenizer.decode([tokenizer.BOS, *tokenizer.encode("a b ."), tokenizer.EOS, 5]) == "a b ."
    with pytest.raises(UnknownWordsError, match="'x', 'y'") as caught:
        tokenizer.encode("a x b y x")
    assert caught.value.words == ("x", "y")


def test_the_cache_gives_the_probabilities_of_a_full_pass(assets: LanguageAssets) -> None:
    prompts = ["can you help ?", "hello . how do i make tea ?", "is it safe to drink warm tea ?"]
    ids = assets.model.encode_prompts(prompts, assets.tokenizer)
    for temperature in (1.0, 0.7):
        tokens, log_probs, mask = assets.model.sample(ids, rng=rng(), temperature=temperature)
        again = score_tokens(assets.model, ids, tokens, mask, temperature).log_probs
        torch.testing.assert_close(log_probs[mask], again, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(laid_out(again, mask), log_probs, atol=1e-4, rtol=1e-4)
        assert (tokens[~mask] == 0).all() and not (tokens[mask] == 0).any()


def test_a_response_does_not_depend_on_the_padding_of_its_neighbours(assets: LanguageAssets) -> None:
    short, long = "can you help ?", "quick question . what is the best way to make tea ?"
    alone = assets.model.encode_prompts([short], assets.tokenizer)
    together = assets.model.encode_prompts([short, long], assets.tokenizer)
    tokens, _, mask = assets.model.sample(alone, rng=rng(1))
    pair = tokens.expand(2, -1)
    here = score_tokens(assets.model, alone, tokens, mask).log_probs
    there = score_tokens(assets.model, together, pair, mask.expand(2, -1)).log_probs
    torch.testing.assert_close(here, there[: len(here)], atol=1e-5, rtol=1e-5)


def test_the_same_seed_says_the_same(assets: LanguageAssets) -> None:
    def say(seed: int) -> list[str]:
        found = assets.model.generate(["can you help ?"] * 8, tokenizer=assets.tokenizer, rng=rng(seed))
        return [g.text for g in found]

    assert say(4) == say(4) != say(5)


def test_a_response_is_cut_without_another_draw(assets: LanguageAssets) -> None:
    ids = assets.model.encode_prompts(["can you help ?"] * 4, assets.tokenizer)
    whole = assets.model.sample(ids, rng=rng(2))
    cut = assets.model.sample(ids, rng=rng(2), longest=3)
    assert torch.equal(cut.tokens[:, :3], whole.tokens[:, :3]) and cut.mask.sum(1).tolist() == [3] * 4
    assert not cut.tokens[:, 3:].any()
    more_than_room = assets.model.sample(ids, rng=rng(2), longest=10_000)
    assert torch.equal(more_than_room.tokens, whole.tokens)


def test_sampling_follows_the_probabilities() -> None:
    """1000 draws at evenly spaced quantiles land in each token's share of the distribution."""
    p = torch.tensor([[0.1, 0.6, 0.3]]).log()
    uniform = (torch.arange(1000) + 0.5) / 1000
    drawn = draw(p.expand(1000, -1), uniform, temperature=1.0)
    assert torch.bincount(drawn).tolist() == [100, 600, 300]
    assert draw(p, torch.tensor([0.99]), temperature=0).tolist() == [1]


def test_temperature_and_top_k() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0]])
    cold, hot = (next_token_log_probs(logits, t, None).exp().amax() for t in (0.5, 2.0))
    assert cold > hot
    kept = next_token_log_probs(logits, 1.0, 2).exp()[0]
    assert kept[0] == 0 and kept.sum() == pytest.approx(1)
    # softmax over the two that are left: e / (1 + e)
    assert float(kept[2]) == pytest.approx(2.718281828 / 3.718281828, abs=1e-6)


def test_next_token_probabilities_sum_to_one_and_obey_the_prefix(assets: LanguageAssets) -> None:
    table = assets.model.next_token_probabilities(
        "what is the capital of france ?", "the capital of france is", tokenizer=assets.tokenizer
    )
    assert sum(p for _, p in table) == pytest.approx(1, abs=1e-4)
    assert [p for _, p in table] == sorted((p for _, p in table), reverse=True)
    assert table[0][0] == "paris"


@pytest.mark.parametrize(
    ("prompt", "error", "words"),
    [
        ("", PromptError, "empty"),
        ("can you help ? " * 10, PromptError, "at most 18"),
        ("can you xyzzy ?", UnknownWordsError, "'xyzzy'"),
    ],
)
def test_bad_prompts_are_refused_with_a_reason(
    assets: LanguageAssets, prompt: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        assets.model.generate([prompt], tokenizer=assets.tokenizer, rng=rng())


@pytest.mark.parametrize("options", [{"temperature": -0.1}, {"top_k": 0}])
def test_values_out_of_range_are_refused(assets: LanguageAssets, options: dict[str, float]) -> None:
    (value,) = options.values()
    with pytest.raises(ValueError, match=str(value)):
        assets.model.generate(["can you help ?"], tokenizer=assets.tokenizer, rng=rng(), **options)


def test_save_and_load(tiny: MiniLM, tmp_path: Path) -> None:
    tiny.save(tmp_path / "model.safetensors")
    again = MiniLM.load(tmp_path / "model.safetensors")
    assert again.config == tiny.config
    for name, weight in tiny.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])


def test_missing_and_damaged_checkpoints_say_what_to_do(tiny: MiniLM, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(CheckpointError, match="is missing; restore"):
        MiniLM.load(path)
    tiny.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        MiniLM.load(path)
    path.write_text("not a checkpoint")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        MiniLM.load(path)


def test_pretraining_learns_and_resumes_to_the_same_curve(assets: LanguageAssets) -> None:
    def trainer() -> Pretrainer:
        model = MiniLM(assets.model.config, rng())
        return Pretrainer(model, assets.grammar, assets.tokenizer, PretrainConfig(batch_size=16), seed=1)

    straight = trainer()
    losses = [straight.step().loss for _ in range(30)]
    assert losses[0] == pytest.approx(6.3, abs=0.4), "an untrained model knows nothing: ln 543 = 6.3 nats"
    assert sum(losses[-5:]) / 5 < 4.5
    first, second = trainer(), trainer()
    beginning = [first.step().loss for _ in range(12)]
    second.load_state_dict(first.state_dict())
    assert beginning + [second.step().loss for _ in range(18)] == losses


@pytest.mark.parametrize("bad", [{"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"batch_size": 0}])
def test_pretraining_refuses_impossible_settings(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(bad.values())))):
        PretrainConfig(**bad)  # type: ignore[arg-type]
