import itertools
import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from rlhf_core.best_of_n import best_of_n, expected_best, kl_bound
from rlhf_core.language_model import MiniLM
from rlhf_core.tokenizer import SimpleTokenizer


def length(prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
    return torch.tensor([float(len(r.split())) for r in responses])


def test_the_distance_of_the_best_of_n() -> None:
    assert kl_bound(1) == 0
    assert kl_bound(4) == pytest.approx(math.log(4) - 3 / 4)
    # of a start that gives each of m answers alike, the best of n has this KL exactly; it stays below the bound
    m, n = 50, 4
    chances = [((i + 1) ** n - i**n) / m**n for i in range(m)]
    exact = sum(p * math.log(p * m) for p in chances)
    assert 0.97 * kl_bound(n) < exact < kl_bound(n)


def test_the_estimator_is_the_mean_over_all_choices_of_n() -> None:
    proxy = torch.tensor([[3.0, 1.0, 2.0, 5.0], [0.5, 4.0, -1.0, 2.0]])
    gold = torch.tensor([[10.0, 20.0, 30.0, 40.0], [1.0, 2.0, 3.0, 4.0]])
    for n in (1, 2, 3, 4):
        for worth in (proxy, gold):
            chosen = [
                [max(some, key=lambda i: float(ranks[i])) for some in itertools.combinations(range(4), n)]
                for ranks in proxy
            ]
            by_hand = [sum(float(row[i]) for i in best) / len(best) for row, best in zip(worth, chosen, strict=True)]
            assert expected_best(proxy, worth, n).tolist() == pytest.approx(by_hand)
    with pytest.raises(ValueError, match="between 1 and the 4 answers that were drawn, not 5"):
        expected_best(proxy, proxy, 5)


def test_the_best_of_n_is_the_best_of_what_the_start_wrote(tiny: MiniLM, tokenizer: SimpleTokenizer) -> None:
    prompts = ["a ?", "b ?"]
    best = best_of_n(tiny, length, tokenizer, prompts, torch.Generator().manual_seed(1), 8)
    drawn = tiny.generate(
        [p for p in prompts for _ in range(8)], tokenizer=tokenizer, rng=torch.Generator().manual_seed(1)
    )
    lengths = [len(answer.text.split()) for answer in drawn]
    assert [len(answer.text.split()) for answer in best] == [max(lengths[:8]), max(lengths[8:])]
    assert max(lengths[:8]) > min(lengths[:8])
