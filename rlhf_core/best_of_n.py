"""Best of n: let the start answer n times and keep what the reward model likes best. No training at all.

The price is paid at every answer instead, n times over. How far the kept answers are from the start's is known without
measuring (Stiennon et al., 2020; Beirami et al., 2024, show that it is an upper bound, and close where every single
answer is unlikely)::

    KL <= log n - (n - 1) / n

so a curve of reward over n is one over KL, to be laid beside that of a policy which was trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rlhf_core.language_model import MiniLM
from rlhf_core.rollout import RewardFunction
from rlhf_core.sampling import Generation
from rlhf_core.tokenizer import SimpleTokenizer

DEFAULT_N = 16


def kl_bound(n: int) -> float:
    """The most that the best of n can be from the start, in nats an answer."""
    return math.log(n) - (n - 1) / n


def best_of_n(
    start: MiniLM,
    reward: RewardFunction,
    tokenizer: SimpleTokenizer,
    prompts: Sequence[str],
    rng: torch.Generator,
    n: int = DEFAULT_N,
) -> list[Generation]:
    """For each prompt the one of n answers that the reward likes best."""
    texts = [prompt for prompt in prompts for _ in range(n)]
    found = start.generate(texts, tokenizer=tokenizer, rng=rng)
    scores = reward(texts, [answer.text for answer in found]).view(-1, n)
    return [found[i * n + int(best)] for i, best in enumerate(scores.argmax(1))]


def expected_best(ranked_by: Tensor, values: Tensor, n: int) -> Tensor:
    """(prompts,): the expected value of the best of n answers, from N >= n drawn ones, without bias (Nakano et al.,
    2021, appendix I).

    Averages over all choices of n out of the N: the answer of rank i, the worst being 1, is the best of as many as have
    their other n - 1 below it::

        sum_i C(i - 1, n - 1) / C(N, n) * value_i

    ranked_by: (prompts, N), what the best is chosen by. values: (prompts, N), what it is then worth: the same for the
    proxy reward, the gold score for what that choice brings.
    """
    total = ranked_by.shape[1]
    if not 1 <= n <= total:
        raise ValueError(f"n must lie between 1 and the {total} answers that were drawn, not {n}.")
    chances = torch.tensor([math.comb(i, n - 1) / math.comb(total, n) for i in range(total)])
    return (values.gather(1, ranked_by.argsort(1)) * chances).sum(1)
