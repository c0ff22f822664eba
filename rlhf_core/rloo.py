"""REINFORCE leave-one-out (Ahmadian et al., 2024, "Back to Basics"): policy gradients at their simplest.

The whole answer is one action. Its reward has the KL to the reference taken off::

    R(x, y) = r(x, y) - kl_coef * log (policy(y | x) / reference(y | x))

Of k answers to the same prompt, each has the mean of the others as its baseline, which does not depend on it and so
leaves the gradient unbiased (Kool et al., 2019)::

    gradient = 1/k sum_i [ R(x, y_i) - 1/(k - 1) sum_{j != i} R(x, y_j) ] grad log policy(y_i | x)

No critic, no clipping, no reuse: every batch gives one gradient step, to the policy that wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rlhf_core.groups import GroupConfig, GroupTrainer
from rlhf_core.language_model import laid_out
from rlhf_core.rollout import Rollout, score_tokens


@dataclass(frozen=True, kw_only=True)
class RLOOConfig(GroupConfig):
    """How one iteration of RLOO is done: small batches, as each gives only one step."""

    batch_size: int = 32
    """Answers per iteration."""


def leave_one_out(rewards: Tensor) -> Tensor:
    """Advantages (groups, k) of rewards (groups, k): each less the mean of the others in its group."""
    k = rewards.shape[1]
    return rewards - (rewards.sum(1, keepdim=True) - rewards) / (k - 1)


class RLOOTrainer(GroupTrainer[RLOOConfig]):
    """See `groups.GroupTrainer`."""

    def _update(self, rollout: Rollout) -> float:
        c = self.config
        # The rewards of all tokens add up to that of the answer, its KL taken off.
        rewards = rollout.rewards(c.kl_coef, c.eos_penalty).sum(1)
        advantages = leave_one_out(rewards.view(-1, c.group_size)).flatten()
        new = score_tokens(self.policy, rollout.prompt_ids, rollout.tokens, rollout.mask, c.temperature)
        log_probs = laid_out(new.log_probs, rollout.mask).sum(1)  # (batch,), of whole answers
        loss = -(advantages * log_probs).mean()
        self._descend(loss)
        return float(loss.detach())
