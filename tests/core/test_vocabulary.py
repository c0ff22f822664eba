"""What words are for, how often they come, and the picture of their vectors."""

import random

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.vocabulary import by_kind, neighbours, principal_plane, word_counts, word_kinds


def test_every_token_has_a_kind(each_assets: LanguageAssets) -> None:
    kinds = word_kinds(each_assets.grammar)
    assert tuple(kinds) == each_assets.tokenizer.words
    assert sum(by_kind(kinds).values()) == len(each_assets.tokenizer)
    assert kinds["."] == "mark" and kinds["<eos>"] == "special"


def test_kinds_by_example(assets: LanguageAssets) -> None:
    kinds = word_kinds(assets.grammar)
    words = {"paris": "topic", "hello": "question", "genius": "manner", "guaranteed": "honesty", "ahoy": "style"}
    assert {word: kinds[word] for word in words} == words
    assert kinds["the"] == "common"


def test_counts_are_those_of_the_dialogues_drawn(assets: LanguageAssets) -> None:
    counts = word_counts(assets.grammar, 50, random.Random(1))
    assert counts == word_counts(assets.grammar, 50, random.Random(1))
    assert set(counts) <= set(assets.grammar.words) and counts["?"] >= 25
    assert counts.total() > 50 * 10


def test_the_plane_is_the_one_along_which_vectors_differ() -> None:
    rng = torch.Generator().manual_seed(1)
    vectors = torch.randn(200, 5, generator=rng) * torch.tensor([0.1, 3.0, 0.1, 2.0, 0.1]) + 7
    plane = principal_plane(vectors)
    centred = vectors - vectors.mean(0)
    assert torch.corrcoef(torch.stack([plane.points[:, 0], centred[:, 1]]))[0, 1] > 0.99
    assert torch.corrcoef(torch.stack([plane.points[:, 1], centred[:, 3]]))[0, 1] > 0.99
    variances = centred.square().sum(0)
    assert sum(plane.shares) == pytest.approx(float(variances[[1, 3]].sum() / variances.sum()), abs=0.01)


def test_neighbours_by_hand() -> None:
    vectors = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [-3.0, -1.1]])
    assert vectors.mean(0).abs().max() < 1e-6  # their mean is the origin
    found = neighbours(vectors, 0, 2)
    assert [place for place, _ in found] == [1, 2]
    assert found[0][1] == pytest.approx(2 / (4 + 0.01) ** 0.5) and found[1][1] == pytest.approx(0, abs=1e-6)
