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

from rlhf_core.kl import exact_kl
from rlhf_core.language_model import EOS, PAD, MiniLM, Responses
from rlhf_core.tokenizer import SimpleTokenizer

RewardFunction = Callable[[Sequence[str], Sequence[str]], Tensor]
"""Any function of prompts and responses, as texts, that returns one score each, (batch,)."""


@dataclass(frozen=True)
class TokenScores:
    """What a model says of a batch of responses; (batch, time), zero after the end."""

    log_probs: Tensor
    """Log-probability of each token."""
    entropy: Tensor
    """Entropy of the next-token distribution, in nats."""
    hidden: Tensor
    """(batch, time, width): the states that the tokens were predicted from."""
    distribution: Tensor
    """(batch, time, vocabulary): log-probabilities of every token."""


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
    values: Tensor
    scores: Tensor
    """(batch,): the reward function's word, before penalties."""
    ended: Tensor
    """(batch,): whether the response wrote its <eos>."""

    def rewards(self, kl_coef: float, eos_penalty: float) -> Tensor:
        """Reward of each token, (batch, time), as at the head of this file."""
        rewards = -kl_coef * (self.log_probs - self.reference_log_probs) * self.mask
        last = self.mask.sum(1) - 1
        rewards[torch.arange(len(last)), last] += self.scores - eos_penalty * (~self.ended)
        return rewards


def score_tokens(
    model: MiniLM, prompt_ids: Tensor, tokens: Tensor, mask: Tensor, temperature: float = 1.0
) -> TokenScores:
    """Run a model over prompts (batch, prompt_length) and responses (batch, time) and score each response token.

    The temperature is the sampling temperature: the policy is the distribution that is drawn from.
    """
    start = int((prompt_ids != PAD).any(0).int().argmax())
    sequence = torch.cat([prompt_ids[:, start:], tokens], 1)[:, :-1]
    first = model.config.prompt_length - 1 - start  # the <sep> predicts the first token
    hidden = model(sequence, start)[:, first:]  # (batch, time, width)
    distribution = torch.log_softmax(model.logits(hidden) / temperature, -1)  # (batch, time, vocabulary)
    log_probs = distribution.gather(2, tokens[..., None])[..., 0]
    entropy = -(distribution.exp() * distribution).sum(-1)
    return TokenScores(log_probs * mask, entropy * mask, hidden, distribution)


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
) -> Rollout:
    """Let the policy answer the prompts, and have everyone comment."""
    drawn = trim(policy.sample(prompt_ids, rng=rng, temperature=temperature))
    tokens, mask = drawn.tokens, drawn.mask
    own = score_tokens(policy, prompt_ids, tokens, mask, temperature)
    other = score_tokens(reference, prompt_ids, tokens, mask, temperature)
    responses = tuple(tokenizer.decode(row.tolist()) for row in tokens)
    return Rollout(
        prompts=tuple(prompts),
        responses=responses,
        prompt_ids=prompt_ids,
        tokens=tokens,
        mask=mask,
        # From the same pass that the update will differentiate: at the first minibatch the ratio is 1.
        log_probs=own.log_probs,
        reference_log_probs=other.log_probs,
        kl=exact_kl(own.distribution, other.distribution) * mask,
        entropy=own.entropy,
        values=value_head(own.hidden)[..., 0] * mask,
        scores=reward(prompts, responses),
        ended=(tokens == EOS).any(1),
    )


def trim(responses: Responses) -> Responses:
    """Cut the columns that are padding in every row."""
    longest = int(responses.mask.sum(1).max())
    return Responses(*(x[:, :longest] for x in responses))
