from pathlib import Path

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.language_model import EOS, PAD, GridEmbedding, MiniLM, MiniLMConfig, PromptError, laid_out
from rlhf_core.pretraining import PretrainConfig, Pretrainer, language_model_loss, make_optimizers, pad_responses
from rlhf_core.rollout import score_tokens
from rlhf_core.sampling import draw, next_token_log_probs
from rlhf_core.tokenizer import SimpleTokenizer, UnknownWordsError
from rlhf_core.weights import CheckpointError


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


def test_what_was_sampled_can_be_learnt_from(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    """Log-probabilities and states can take part in a loss, which tensors of inference mode cannot."""
    ids = tiny.encode_prompts(["a b"] * 3, tokenizer)
    states = torch.zeros(3, tiny.config.response_length, tiny.config.width)
    found = tiny.sample(ids, rng=rng(), states=states)
    scale = torch.ones((), requires_grad=True)
    (scale * found.log_probs + (scale * states).sum(2)).sum().backward()
    assert float(scale.grad) == pytest.approx(float(found.log_probs.sum() + states.sum()), rel=1e-4)


def test_sampling_follows_the_probabilities() -> None:
    """1000 draws at evenly spaced quantiles land in each token's share of the distribution."""
    p = torch.tensor([[0.1, 0.6, 0.3]])
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


def test_what_muon_moves_and_what_adamw_moves(assets: LanguageAssets) -> None:
    model = MiniLM(assets.model.config, rng())
    muon, adamw = make_optimizers(model, "muon")
    moved, others = ({id(p) for group in one.param_groups for p in group["params"]} for one in (muon, adamw))
    assert id(model.embedding.weight) in others and id(model.blocks[0].attention.qkv.weight) in moved
    assert len(moved) + len(others) == len(list(model.parameters())) and not moved & others
    (alone,) = make_optimizers(model, "adamw")
    assert sum(len(group["params"]) for group in alone.param_groups) == len(moved) + len(others)
    trainer = Pretrainer(model, assets.grammar, assets.tokenizer, PretrainConfig(batch_size=4), seed=1)
    with pytest.raises(ValueError, match="whole run"):
        trainer.step(PretrainConfig(optimizer="adamw"))


def test_the_question_counts_as_much_as_it_is_told_to(assets: LanguageAssets) -> None:
    prompts = assets.model.encode_prompts(["how do i make tea ?"], assets.tokenizer)
    tokens = torch.cat([prompts, pad_responses([assets.tokenizer.encode("boil the water .")])], 1)
    log_p = assets.model.logits(assets.model(tokens[:, :-1])).log_softmax(-1)
    surprise = -log_p.gather(2, tokens[:, 1:, None])[0, :, 0]
    question, answer = (float(surprise[part].sum().detach()) for part in (slice(12, 19), slice(19, None)))
    for weight in (0.0, 0.5, 1.0):
        descended, per_token = language_model_loss(assets.model, tokens, weight)
        assert float(descended.detach()) == pytest.approx((weight * question + answer) / 20, rel=1e-4)
        assert float(per_token) == pytest.approx(answer / 5, rel=1e-4)


@pytest.mark.parametrize(
    "bad", [{"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"batch_size": 0}, {"prompt_weight": 1.5}]
)
def test_pretraining_refuses_impossible_settings(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(bad.values())))):
        PretrainConfig(**bad)  # type: ignore[arg-type]


# Long texts: rotary positions, cells of a grid, an end of one's own.

WORDS = 12
"""Five special tokens, three words, and a grid of two by two cells."""


def grid_model(rotary: bool = True) -> MiniLM:
    config = MiniLMConfig(
        vocabulary=WORDS, width=16, heads=2, layers=2, prompt_length=12, response_length=10, rotary=rotary, grid=2
    )
    return MiniLM(config, rng(5)).eval()


def grid_prompts() -> torch.Tensor:
    """Of three lengths, padded on the left; no row fills the room."""
    rows = [[1, 5, 9, 4], [1, 6, 7, 8, 9, 10, 4], [1, 11, 5, 10, 8, 8, 6, 4]]
    return torch.tensor([[PAD] * (12 - len(row)) + row for row in rows])


def test_rotary_positions_do_not_see_how_much_padding_stands_before() -> None:
    sequence = [1, 5, 9, 10, 4]
    for rotary in (True, False):
        model, found = grid_model(rotary), []
        for padding in (0, 2, 7):
            tokens = torch.tensor([[PAD] * padding + sequence])
            found.append(model(tokens)[0, padding:])
        same = all(torch.allclose(found[0], other, atol=1e-5) for other in found[1:])
        assert same == rotary, "learned positions see it"
    model = grid_model()
    there = model(torch.tensor([sequence]), 7)[0]
    torch.testing.assert_close(there, found_at_start(model, sequence), atol=1e-5, rtol=1e-5)
    swapped = found_at_start(model, [1, 9, 5, 10, 4])
    assert not torch.allclose(there[-1], swapped[-1], atol=1e-4), "but they see the order"
    assert not hasattr(model, "position") and "position.weight" not in model.state_dict()


def found_at_start(model: MiniLM, sequence: list[int]) -> torch.Tensor:
    return model(torch.tensor([sequence]))[0]


def test_a_cell_is_the_sum_of_its_own_its_rows_and_its_columns_vector() -> None:
    model = grid_model()
    cells = model.embedding
    assert isinstance(cells, GridEmbedding) and cells.weight.shape == (WORDS, 16)
    assert torch.equal(cells.weight[:8], cells.own[:8])
    for row in range(2):
        for column in range(2):
            at = 8 + 2 * row + column
            torch.testing.assert_close(cells.weight[at], cells.own[at] + cells.row[row, 0] + cells.column[0, column])
    hidden = torch.randn(3, 16, generator=rng(1))
    torch.testing.assert_close(model.logits(hidden), hidden @ cells.weight.T)
    # What is learnt of one cell is learnt of its row and its column, and of no other cell.
    cells.weight[9].sum().backward()
    grads = (cells.own.grad, cells.row.grad, cells.column.grad)
    assert [g.flatten(0, -2).any(1).nonzero().flatten().tolist() for g in grads if g is not None] == [[9], [0], [1]]


@pytest.mark.parametrize("rotary", [True, False])
def test_the_cache_gives_the_probabilities_of_a_full_pass_with_either_kind_of_position(rotary: bool) -> None:
    model, prompts = grid_model(rotary), grid_prompts()
    tokens, log_probs, mask = model.sample(prompts, rng=rng(2), temperature=1.3)
    assert len(set(mask.sum(1).tolist())) > 1, "rows end at different times"
    again = score_tokens(model, prompts, tokens, mask, 1.3).log_probs
    torch.testing.assert_close(laid_out(again, mask), log_probs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rotary", [False, True])
def test_a_state_depends_neither_on_padding_nor_on_what_else_is_wanted(rotary: bool) -> None:
    model, prompts = grid_model(rotary), grid_prompts().repeat(8, 1)
    start = int((prompts != PAD).any(0).int().argmax())
    tokens, _, mask = model.sample(prompts, rng=rng(4), temperature=1.5)
    sequence = torch.cat([prompts[:, start:], tokens], 1)
    real = torch.cat([prompts[:, start:] != PAD, mask], 1)
    wanted = real & (torch.rand(real.shape, generator=rng(5)) < 0.5)
    found = laid_out(model.states_at(wanted, sequence, start, real), wanted)
    assert len(set(real.sum(1).tolist())) > 1, "rows of different lengths"
    for row in range(len(sequence)):
        columns = real[row].nonzero()[:, 0]
        alone = sequence[row : row + 1, columns]
        first = start + int(columns[0])
        every = torch.ones_like(alone, dtype=torch.bool)
        states = model.states_at(every, alone, first, every)
        of_both = wanted[row, columns]
        torch.testing.assert_close(found[row, columns][of_both], states[of_both], atol=1e-5, rtol=1e-5)
    assert not found[~wanted].any()


def test_a_response_ends_with_the_token_that_was_asked_for() -> None:
    model, prompts, end = grid_model(), grid_prompts().repeat(20, 1), 7
    tokens, log_probs, mask = model.sample(prompts, rng=rng(3), temperature=2.0, until=end)
    usual = model.sample(prompts, rng=rng(3), temperature=2.0)
    lengths = mask.sum(1)
    for row, length in zip(tokens, lengths.tolist(), strict=True):
        ends = (row == end).nonzero().flatten().tolist()
        assert ends == ([length - 1] if ends else []) and (ends or length == 10)
        assert not row[length:].any()
    assert not log_probs[~mask].any()
    assert bool((tokens[mask] == EOS).any()), "the usual end is a word like others"
    assert 2 < len(set(lengths.tolist())) and int((lengths < 10).sum()) > 20
    # Up to the first end of either kind both say the same: a row's numbers are its own.
    both = ((usual.tokens == end) | (usual.tokens == EOS)).int()
    shared = ((both.cumsum(1) - both) == 0) & usual.mask
    assert torch.equal(tokens[shared], usual.tokens[shared])


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"width 20 .*heads 4"):
        MiniLMConfig(vocabulary=9, width=20, heads=4)
    with pytest.raises(ValueError, match="4 by 4 cells needs more than 15"):
        MiniLMConfig(vocabulary=15, grid=4)
