"""A rollout: what the policy wrote, what the reference and the critic think of each token, and the reward for it.

Text as a Markov decision process: the state is the prompt with the tokens so far, the action is the next token, an
episode is one response, and the reward model speaks once, on the last token. On every token stands the price of leaving
the reference (Ziegler et al., 2019, equation 2; Stiennon et al., 2020)::

    r_t = - kl_coef * (log policy_t - log reference_t) + [t is last] * (score - eos_penalty * [response never ended])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rlhf_core.advantages import masked_mean
from rlhf_core.kl import exact_kl_and_entropy, k1
from rlhf_core.language_model import EOS, PAD, MiniLM, laid_out
from rlhf_core.likelihood import token_log_probs
from rlhf_core.sampling import Responses, next_token_log_probs, tempered
from rlhf_core.tokenizer import SimpleTokenizer

RewardFunction = Callable[[Sequence[str], Sequence[str]], Tensor]
"""Any function of prompts and responses, as texts, that returns one score each, (batch,)."""
AT_ONCE = 128
"""Tokens whose vocabularies are compared at once: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class TokenScores:
    """What a model says of the tokens that count, those of all responses one after the other."""

    hidden: Tensor
    """(tokens, width): the states that the tokens were predicted from."""
    log_probs: Tensor
    """(tokens,): log-probability of each."""


class Comparison(NamedTuple):
    """What a policy and its reference say of the tokens that count, each (tokens,)."""

    log_probs: Tensor
    reference_log_probs: Tensor
    kl: Tensor
    """Exact KL to the reference, in nats."""
    entropy: Tensor
    """Of the policy's next-token distribution, in nats."""


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

    def summary(self) -> dict[str, float]:
        """What any trainer says of its experience: means over responses, and the entropy over tokens."""
        return {
            "kl": float(k1(self.log_probs, self.reference_log_probs).sum(1).mean()),
            "kl_exact": float(self.kl.sum(1).mean()),
            "reward": float(self.scores.mean()),
            "entropy": float(masked_mean(self.entropy, self.mask)),
            "response_length": float(self.mask.sum(1).float().mean()),
            "distinct_share": len(set(self.responses)) / len(self.responses),
            "ended_share": float(self.ended.float().mean()),
        }


def hidden_states(model: MiniLM, prompt_ids: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
    """Run a model over prompts (batch, prompt_length) and responses (batch, time): the final states (tokens, width)
    that the tokens of the mask were predicted from."""
    start = int((prompt_ids != PAD).any(0).int().argmax())
    sequence = torch.cat([prompt_ids[:, start:], tokens], 1)[:, :-1]
    # Each token is predicted from the one before it, the first from <sep>, the last of the prompt.
    wanted = torch.cat([torch.zeros_like(prompt_ids[:, start + 1 :], dtype=torch.bool), mask], 1)
    real = torch.cat([prompt_ids[:, start:] != PAD, mask[:, 1:]], 1)
    return model.states_at(wanted, sequence, start, real)


def score_tokens(
    model: MiniLM, prompt_ids: Tensor, tokens: Tensor, mask: Tensor, temperature: float = 1.0
) -> TokenScores:
    """How likely a model finds the tokens of the mask, to learn from: arguments as those of `hidden_states`.

    The temperature is the sampling temperature: the policy is the distribution that is drawn from. The vocabulary is
    dear, so it is spent on the tokens of the mask alone.
    """
    hidden = hidden_states(model, prompt_ids, tokens, mask)
    return TokenScores(hidden, token_log_probs(tempered(model.logits(hidden), temperature), tokens[mask]))


@torch.no_grad()
def compare(
    policy: MiniLM, reference: MiniLM, hidden: Tensor, reference_hidden: Tensor, tokens: Tensor, temperature: float
) -> Comparison:
    """How likely two models find tokens (tokens,) and every other, after the states (tokens, width) of each."""
    found: list[Tensor] = []
    for ours, theirs, drawn in zip(*(x.split(AT_ONCE) for x in (hidden, reference_hidden, tokens)), strict=True):
        own, other = (
            next_token_log_probs(model.logits(states), temperature)  # (tokens, vocabulary)
            for model, states in ((policy, ours), (reference, theirs))
        )
        chosen = (log_probs.gather(1, drawn[:, None])[:, 0] for log_probs in (own, other))
        found.append(torch.stack([*chosen, *exact_kl_and_entropy(own, other)]))
    return Comparison(*torch.cat(found, 1))


@torch.no_grad()
def collect(
    policy: MiniLM,
    reference: MiniLM,
    value_head: nn.Linear | None,
    reward: RewardFunction,
    prompts: Sequence[str],
    prompt_ids: Tensor,
    tokenizer: SimpleTokenizer,
    *,
    temperature: float,
    rng: torch.Generator,
    scored_at: float | None = None,
) -> Rollout:
    """Let the policy answer the prompts, and have everyone comment. Without a critic, values are zero.

    scored_at: the temperature of the distribution that log-probabilities are of; by default the one drawn from.
    """
    scored_at = temperature if scored_at is None else scored_at
    states = torch.zeros(len(prompt_ids), policy.config.response_length, policy.config.width)
    tokens, _, mask = trim(policy.sample(prompt_ids, rng=rng, temperature=temperature, states=states))
    # What the policy thought as it wrote need not be worked out again: at the first minibatch the ratio is 1.
    hidden = states[:, : mask.shape[1]][mask]
    reference_hidden = hidden_states(reference, prompt_ids, tokens, mask)
    said = compare(policy, reference, hidden, reference_hidden, tokens[mask], scored_at)
    log_probs, reference_log_probs, kl, spread = laid_out(torch.stack(said, 1), mask).unbind(2)
    responses = tuple(tokenizer.decode(row.tolist()) for row in tokens)
    return Rollout(
        prompts=tuple(prompts),
        responses=responses,
        prompt_ids=prompt_ids,
        tokens=tokens,
        mask=mask,
        log_probs=log_probs,
        reference_log_probs=reference_log_probs,
        kl=kl,
        entropy=spread,
        values=torch.zeros(mask.shape) if value_head is None else laid_out(value_head(hidden)[:, 0], mask),
        scores=reward(prompts, responses),
        ended=(tokens == EOS).any(1),
    )


def trim(responses: Responses) -> Responses:
    """Cut the columns that are padding in every row."""
    longest = int(responses.mask.sum(1).max())
    return Responses(*(x[:, :longest] for x in responses))
