"""The tree of next tokens is what the model itself says, and the entropy is that of what is drawn from."""

import math

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.language_model import PromptError
from rlhf_core.next_token import entropy, sharpness, token_tree

PROMPT = "how do i make tea ?"


def test_the_tree_says_what_the_model_says(assets: LanguageAssets) -> None:
    path = ["you", "should"]
    tree = token_tree(assets.model, PROMPT, path, tokenizer=assets.tokenizer, temperature=0.8, top_k=20)

    def said(prefix: str) -> dict[str, float]:
        return dict(assets.model.next_token_probabilities(
            PROMPT, prefix, tokenizer=assets.tokenizer, temperature=0.8, top_k=20
        ))  # fmt: skip

    for i, fork in enumerate(tree.forks):
        own = said(" ".join(path[:i]))
        assert fork.chosen.token == path[i]
        assert fork.chosen.probability == pytest.approx(own[path[i]], abs=1e-5)
        assert path[i] not in {one.token for one in fork.others}
        assert fork.rank == 1 + sum(p > own[path[i]] + 1e-7 for p in own.values())
    own = said("you should")
    assert [one.token for one in tree.branches] == list(own)[: len(tree.branches)]
    first = tree.branches[0]
    beyond = said(f"you should {first.token}")
    assert [(one.token, pytest.approx(one.probability, abs=1e-5)) for one in first.branches] == list(beyond.items())[:3]


def test_a_path_that_has_ended_or_is_full_goes_no_further(assets: LanguageAssets) -> None:
    ended = token_tree(assets.model, PROMPT, ["sure", "<eos>"], tokenizer=assets.tokenizer)
    full = token_tree(assets.model, PROMPT, ["sure"] * 32, tokenizer=assets.tokenizer)
    assert (len(ended.forks), ended.branches) == (2, ()) and (len(full.forks), full.branches) == (32, ())
    with pytest.raises(PromptError, match="33 tokens"):
        token_tree(assets.model, PROMPT, ["sure"] * 33, tokenizer=assets.tokenizer)


def test_top_k_leaves_no_more_branches_than_it_keeps(assets: LanguageAssets) -> None:
    tree = token_tree(assets.model, PROMPT, [], tokenizer=assets.tokenizer, top_k=2)
    assert len(tree.branches) == 2 and sum(one.probability for one in tree.branches) == pytest.approx(1)


def test_sharpness_by_hand() -> None:
    logits = torch.tensor([0.5, 0.25, 0.125, 0.125]).log()
    found = sharpness(logits, 1.0, 2)
    assert found.entropy_before == pytest.approx(1.75 * math.log(2))
    assert (found.kept, found.cut) == (2, pytest.approx(0.25))
    assert found.entropy == pytest.approx(-(2 / 3) * math.log(2 / 3) - (1 / 3) * math.log(1 / 3))
    hotter, colder = (sharpness(logits, temperature, None).entropy for temperature in (1e4, 1e-2))
    assert hotter == pytest.approx(math.log(4), abs=1e-4) and colder == pytest.approx(0, abs=1e-4)
    assert entropy(torch.tensor([0.0, -torch.inf])) == 0
