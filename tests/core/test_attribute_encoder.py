"""What the encoder reads of repetition."""

import random

import pytest
import torch

from rlhf_core.attribute_encoder import REPETITION, EchoReader, response_ids
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.checkpoints.make import begin_echoes, corrupt


def test_a_place_echoes_where_its_last_three_words_were_there_before() -> None:
    rng = torch.Generator().manual_seed(0)
    reader = EchoReader(width=8)
    begin_echoes(reader, rng)
    vectors = torch.randn(9, 8, generator=rng)
    places = torch.tensor([[1, 2, 3, 4, 1, 2, 3, 5, 0, 0]])
    mask = torch.tensor([[1.0] * 8 + [0.0] * 2])
    [echoes] = reader.echoes(vectors[places], mask).tolist()
    assert echoes[6] == pytest.approx(torch.sigmoid(torch.tensor(10.0 * (1 - 0.8))).item(), abs=1e-4)  # similarity 1
    assert max(echoes[:5]) < echoes[6]
    assert echoes[8:] == [0, 0]


def test_what_follows_changes_no_echo() -> None:
    rng = torch.Generator().manual_seed(1)
    reader = EchoReader(width=8)
    words = torch.randn(1, 12, 8, generator=rng)
    whole = reader.echoes(words, torch.ones(1, 12))
    assert torch.allclose(whole[:, :7], reader.echoes(words[:, :7], torch.ones(1, 7)), atol=1e-5)


def test_repetition_is_read_in_damaged_answers(each_assets: LanguageAssets) -> None:
    assets = each_assets
    rng, noise = torch.Generator().manual_seed(3), random.Random(3)
    prompts = assets.grammar.split("validation")
    asked = [prompts[i] for i in torch.randint(len(prompts), (300,), generator=rng).tolist()]
    own = assets.model.generate([p.text for p in asked], tokenizer=assets.tokenizer, rng=rng)
    texts = [corrupt(g.text, noise, assets.grammar.words) if i % 2 else g.text for i, g in enumerate(own)]
    ids = response_ids([assets.tokenizer.encode(text) for text in texts], assets.model.config.response_length)
    prompt_ids = assets.model.encode_prompts([p.text for p in asked], assets.tokenizer)
    read, pooled = assets.encoder(prompt_ids, ids), assets.encoder.pooled(prompt_ids, ids)
    at = assets.encoder.names.index(REPETITION)
    meant = torch.tensor(
        [assets.judge.attributes(p, text)[REPETITION] for p, text in zip(asked, texts, strict=True)]
    )
    assert 1 - (meant - read[:, at]).var() / meant.var() > 0.7
    others = [i for i in range(len(assets.encoder.names)) if i != at]
    assert torch.equal(read[:, others], pooled[:, others])
