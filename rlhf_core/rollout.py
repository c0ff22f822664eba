"""A rollout: what the policy wrote, what the reference and the critic think of each token, and the reward for it.

Text as a Markov decision process: the state is the prompt with the tokens so far, the action is the next token, an
episode is one response, and the reward model speaks once, on the last token. On every token stands the price of leaving
the reference (Ziegler et al., 2019, equation 2; Stiennon et al., 2020)::

    r_t = - kl_coef * (log policy_t - log reference_t) + [t is last] * (score - eos_penalty * [response never ended])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rlhf_core.kl import exact_kl, k1
from rlhf_core.language_model import EOS, PAD, MiniLM, Responses
from rlhf_core.tokenizer import SimpleTokenizer

RewardFunction = Callable[[Sequence[str], Sequence[str]], Tensor]
"""Any function of prompts and responses, as texts, that returns one score each, (batch,)."""


@dataclass(frozen=True)
class TokenScores:
    """What a model says of the tokens that count, those of all responses one after the other."""

    hidden: Tensor
    """(tokens, width): the states that the tokens were predicted from."""
    distribution: Tensor
    """(tokens, vocabulary): log-probabilities of every token that could have come."""
    log_probs: Tensor
    """(tokens,): log-probability of the one that came."""


@dataclass(frozen=True)
class Rollout:
    """One batch of experience; tensors are (batch, time) unless said otherwise."""

    prompts: tuple[str, ...]
    responses: tuple[str, ...]
    prompt_ids: Tensor
    tokens: Tensor
    mask: Tensor
    """True where a token counts, <eos> included."""
    log_probs: Tensor
    reference_log_probs: Tensor
    kl: Tensor
    """Exact KL to the reference at each token."""
    entropy: Tensor
    """Entropy of the policy's next-token distribution, in nats."""
    values: Tensor
    """The critic's forecast of the return."""
    scores: Tensor
    """(batch,): the reward function's word, before penalties."""
    ended: Tensor
    """(batch,): whether the response wrote its <eos>."""

    def rewards(self, kl_coef: float, eos_penalty: float) -> Tensor:
        """Reward of each token, (batch, time), as at the head of this file."""
        rewards = -kl_coef * k1(self.log_probs, self.reference_log_probs) * self.mask
        last = self.mask.sum(1) - 1
        rewards[torch.arange(len(last)), last] += self.scores - eos_penalty * (~self.ended)
        return rewards


def score_tokens(
    model: MiniLM, prompt_ids: Tensor, tokens: Tensor, mask: Tensor, temperature: float = 1.0
) -> TokenScores:
    """Run a model over prompts (batch, prompt_length) and responses (batch, time) and score each token that counts.

    The temperature is the sampling temperature: the policy is the distribution that is drawn from. A third of a batch
    is padding, and the vocabulary is the dear part, so it is spent on the tokens of the mask alone.
    """
    start = int((prompt_ids != PAD).any(0).int().argmax())
    sequence = torch.cat([prompt_ids[:, start:], tokens], 1)[:, :-1]
    first = model.config.prompt_length - 1 - start  # the <sep> predicts the first token
    hidden = model(sequence, start)[:, first:][mask]  # (tokens, width)
    distribution = torch.log_softmax(model.logits(hidden) / temperature, -1)  # (tokens, vocabulary)
    return TokenScores(hidden, distribution, distribution.gather(1, tokens[mask][:, None])[:, 0])


def laid_out(values: Tensor, mask: Tensor) -> Tensor:
    """Values of the tokens that count, (tokens,), at their places in (batch, time), zero elsewhere."""
    places = values.new_zeros(mask.shape)
    places[mask] = values
    return places


@torch.no_grad()
def collect(
    policy: MiniLM,
    reference: MiniLM,
    value_head: nn.Linear,
    reward: RewardFunction,
    prompts: Sequence[str],
    prompt_ids: Tensor,
    tokenizer: SimpleTokenizer,
    *,
    temperature: float,
    rng: torch.Generator,
    scored_at: float | None = None,
) -> Rollout:
    """Let the policy answer the prompts, and have everyone comment.

    scored_at: the temperature of the distribution that log-probabilities are of; by default the one drawn from.
    """
    scored_at = temperature if scored_at is None else scored_at
    drawn = trim(policy.sample(prompt_ids, rng=rng, temperature=temperature))
    tokens, mask = drawn.tokens, drawn.mask
    own = score_tokens(policy, prompt_ids, tokens, mask, scored_at)
    other = score_tokens(reference, prompt_ids, tokens, mask, scored_at)
    responses = tuple(tokenizer.decode(row.tolist()) for row in tokens)
    return Rollout(
        prompts=tuple(prompts),
        responses=responses,
        prompt_ids=prompt_ids,
        tokens=tokens,
        mask=mask,
        # From the same pass that the update will differentiate: at the first minibatch the ratio is 1.
        log_probs=laid_out(own.log_probs, mask),
        reference_log_probs=laid_out(other.log_probs, mask),
        kl=laid_out(exact_kl(own.distribution, other.distribution), mask),
        entropy=laid_out(-(own.distribution.exp() * own.distribution).sum(-1), mask),
        values=laid_out(value_head(own.hidden)[:, 0], mask),
        scores=reward(prompts, responses),
        ended=(tokens == EOS).any(1),
    )


def trim(responses: Responses) -> Responses:
    """Cut the columns that are padding in every row."""
    longest = int(responses.mask.sum(1).max())
    return Responses(*(x[:, :longest] for x in responses))
