"""Every number that a training run reports: its name in the field, one sentence, its unit, and which way is good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MetricInfo:
    """What a number on the screen means. `field_name` is what TRL or CleanRL call it, where they have it."""

    name: str
    field_name: str
    sentence: str
    unit: str
    better: Literal["up", "down", "neither"]


_TABLE = (
    MetricInfo("policy_loss", "loss/policy_avg", "The clipped surrogate objective with its sign turned; it hovers"
               " around zero because advantages are whitened, and its jumps say more than its level.",
               "reward", "neither"),
    MetricInfo("value_loss", "loss/value_avg", "Squared error of the critic's forecast of the return.",
               "reward squared", "down"),
    MetricInfo("kl", "objective/kl", "How far the policy has moved from its start, estimated from its own samples (k1),"
               " summed over an answer.", "nats per answer", "neither"),
    MetricInfo("kl_exact", "objective/kl_exact", "The same distance computed over the whole vocabulary at each token.",
               "nats per answer", "neither"),
    MetricInfo("reward", "objective/scores", "The reward model's mean score of the answers (the proxy), in standard"
               " deviations above the starting model's.", "sd of the start", "up"),
    MetricInfo("gold", "objective/gold", "Mean score of the same answers by the reference values; training never sees"
               " it.", "points", "up"),
    MetricInfo("win_rate", "eval/win_rate", "How often the policy's answer beats the starting model's by the reference"
               " values, a draw counting half.", "share", "up"),
    MetricInfo("entropy", "policy/entropy_avg", "How open the next word still is; near zero the policy says one thing"
               " only.", "nats per token", "neither"),
    MetricInfo("clip_fraction", "policy/clipfrac_avg", "Share of tokens whose probability moved beyond the clip range"
               " in this iteration.", "share", "neither"),
    MetricInfo("response_length", "completions/mean_length", "Mean length of an answer, its end token included.",
               "tokens", "neither"),
    MetricInfo("valid_share", "eval/valid", "Share of answers that end and of which every sentence is one of the"
               " grammar's.", "share", "up"),
    MetricInfo("distinct_share", "eval/distinct", "Share of different texts among the answers of an iteration.",
               "share", "up"),
    MetricInfo("ended_share", "completions/ended", "Share of answers that the policy brought to an end itself.",
               "share", "up"),
    MetricInfo("cpu_seconds", "time/cpu", "Processor time that training has taken.", "seconds", "down"),
    MetricInfo("loss", "loss/cross_entropy", "How surprised the language model is by the next token; the vocabulary's"
               " logarithm is knowing nothing.", "nats per token", "down"),
    MetricInfo("bradley_terry_loss", "loss/bradley_terry", "Surprise of the reward model at a label; .693 is knowing"
               " nothing.", "nats per label", "down"),
    MetricInfo("held_out_accuracy", "eval/accuracy", "Share of pairs it was not fitted to that the reward model orders"
               " as the judge does; .5 is guessing.", "share", "up"),
)  # fmt: skip

METRICS: dict[str, MetricInfo] = {info.name: info for info in _TABLE}
"""By name."""
