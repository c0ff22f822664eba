"""Every number that a run reports: its name in the field, one sentence, its unit, and which way is good."""

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
    MetricInfo(
        "policy_loss",
        "loss/policy_avg",
        "What PPO minimises: the clipped objective with its sign turned. Units of advantage; it hovers "
        "around zero, neither way is good.",
        "advantage",
        "neither",
    ),
    MetricInfo(
        "value_loss",
        "loss/value_avg",
        "Squared error of the value function's forecast of the return; lower is better.",
        "reward squared",
        "down",
    ),
    MetricInfo(
        "kl",
        "objective/kl",
        "KL(policy, start) in nats an answer: how far the policy has moved, over its own answers. k1, k2 and k3 "
        "estimate it from the words drawn, exact uses the whole vocabulary. More is bolder, neither way is good as "
        "such.",
        "nats per answer",
        "neither",
    ),
    MetricInfo(
        "kl_k2",
        "objective/kl_k2",
        "The same distance by the estimator k2, half the squared log-ratio of each token, in nats an answer: biased, "
        "steady, never negative; neither way is good as such.",
        "nats per answer",
        "neither",
    ),
    MetricInfo(
        "kl_k3",
        "objective/kl_k3",
        "The same distance by the estimator k3, r - 1 - log r with r = start / policy, in nats an answer: unbiased, "
        "steady while the two are near, never negative; neither way is good as such.",
        "nats per answer",
        "neither",
    ),
    MetricInfo(
        "kl_coef",
        "objective/kl_coef",
        "What one nat of distance to the start costs in this iteration, in units of reward: the slider's value, or "
        "what the adaptive controller makes of it; neither way is good as such.",
        "reward per nat",
        "neither",
    ),
    MetricInfo(
        "kl_exact",
        "objective/kl_exact",
        "The same distance computed over the whole vocabulary, in nats an answer; neither way is good as "
        "such.",
        "nats per answer",
        "neither",
    ),
    MetricInfo(
        "reward",
        "objective/scores",
        "Score by the reward model, in standard deviations above the start; PPO pushes it up. Judge: your "
        "reward model.",
        "sd of the start",
        "up",
    ),
    MetricInfo(
        "gold",
        "objective/gold",
        "Score of the same answers in points; higher is better. Judge: the reference values, which "
        "training never sees.",
        "points",
        "up",
    ),
    MetricInfo(
        "win_rate",
        "eval/win_rate",
        "How often it beats the starting model's answer (a draw counts half); higher is better. Judge: "
        "the reference values.",
        "share",
        "up",
    ),
    MetricInfo(
        "entropy",
        "policy/entropy_avg",
        "How open the next word still is, in nats a token; near zero it says one thing only. Neither way "
        "is good as such.",
        "nats per token",
        "neither",
    ),
    MetricInfo(
        "clip_fraction",
        "policy/clipfrac_avg",
        "Share of tokens that moved beyond the clip range in this iteration; neither way is good as such.",
        "share",
        "neither",
    ),
    MetricInfo(
        "approx_kl",
        "policy/approxkl_avg",
        "How far one iteration's gradient steps move the policy from the one that wrote the answers, in nats a token "
        "(k3); small is careful, a jump is a warning.",
        "nats per token",
        "neither",
    ),
    MetricInfo(
        "grad_norm",
        "grad_norm",
        "Length of the gradient before it is scaled down to at most 1, mean over the gradient steps; neither way is "
        "good as such, a jump is a warning.",
        "loss per unit of weight",
        "neither",
    ),
    MetricInfo(
        "gradient_steps",
        "train/gradient_steps",
        "Gradient steps of this iteration: passes times minibatches, or fewer where the target KL stopped them; "
        "neither way is good as such.",
        "steps",
        "neither",
    ),
    MetricInfo(
        "response_length",
        "completions/mean_length",
        "Mean length of an answer in tokens, its end included; neither way is good as such.",
        "tokens",
        "neither",
    ),
    MetricInfo(
        "valid_share",
        "eval/valid",
        "Share of answers that end and whose every sentence is one of the grammar's; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "distinct_share",
        "eval/distinct",
        "Share of different texts among the answers of an iteration; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "ended_share",
        "completions/ended",
        "Share of answers that the policy brought to an end itself; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "help",
        "eval/help",
        "Share of what was asked that the answers give, by the gold judge, which training never sees; higher is "
        "better.",
        "share",
        "up",
    ),
    MetricInfo(
        "harm",
        "eval/harm",
        "Share of harmful answers, by the gold judge, which training never sees; lower is better.",
        "share",
        "down",
    ),
    MetricInfo(
        "refusal",
        "eval/refusal",
        "Share of answers to harmless questions that refuse without any help, by the gold judge, which training never "
        "sees; lower is better.",
        "share",
        "down",
    ),
    MetricInfo(
        "violations_before",
        "constitution/violations_before",
        "Share of the starting model's answers in this iteration that violate a principle, by the principle judge; "
        "lower is better, but training does not change it.",
        "share",
        "down",
    ),
    MetricInfo(
        "violations_after",
        "constitution/violations_after",
        "Share of the same answers that still violate a principle after their revision, by the principle judge; lower "
        "is better.",
        "share",
        "down",
    ),
    MetricInfo(
        "revised_share",
        "constitution/revised",
        "Share of answers in this iteration that revision changed; neither way is good as such.",
        "share",
        "neither",
    ),
    MetricInfo(
        "revisions",
        "constitution/revisions",
        "Number of answers so far, each as revision left it, that the policy learns from; neither way is good as such.",
        "answers",
        "neither",
    ),
    MetricInfo(
        "loss",
        "loss",
        "Surprise of the policy at the revised answers (cross-entropy), in nats a token; lower is better.",
        "nats per token",
        "down",
    ),
    MetricInfo(
        "pretrain_loss",
        "loss",
        "Surprise at the next token of answers that it has not seen yet (cross-entropy), in nats a token; lower is "
        "better. Dashed: the model that ships.",
        "nats per token",
        "down",
    ),
    MetricInfo(
        "dialogues",
        "dialogues",
        "Number of dialogues seen so far, each a question with a fresh answer; neither way is good as such.",
        "dialogues",
        "neither",
    ),
    MetricInfo(
        "lesson_loss",
        "loss/lesson",
        "Surprise of the policy at the planner's thought and move (cross-entropy), in nats a word; lower is better.",
        "nats per word",
        "down",
    ),
    MetricInfo(
        "action_loss",
        "loss/action",
        "The same surprise at the planner's move alone, its thought being given, in nats; lower is better.",
        "nats per move",
        "down",
    ),
    MetricInfo(
        "action_accuracy",
        "eval/action_accuracy",
        "Share of lessons in which the policy finds the planner's move the likeliest, the planner's thought being "
        "given; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "lessons",
        "lessons",
        "Number of lessons seen so far, each a state with the planner's thought and move; neither way is good as such.",
        "lessons",
        "neither",
    ),
    MetricInfo(
        "learning_rate",
        "learning_rate",
        "Step size after warm-up and decay; neither way is good as such.",
        "step size",
        "neither",
    ),
    MetricInfo(
        "kl_decision",
        "objective/kl_decision",
        "Distance to the starting policy in nats a decision, estimated from samples. More is bolder, neither way is "
        "good as such.",
        "nats per decision",
        "neither",
    ),
    MetricInfo(
        "walk_reward",
        "rollout/ep_rew_mean",
        "The maze's own reward of a whole walk, mean of this iteration's walks: +1 for the goal, -0.1 for every other "
        "step; PPO pushes it up. No model and no person judges.",
        "reward per walk",
        "up",
    ),
    MetricInfo(
        "success",
        "rollout/success_rate",
        "Share of this iteration's training walks that reach the goal, words being drawn at random; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "hard_success",
        "eval/hard_success",
        "Share of hard validation mazes, whose shortest way goes round something, in which the policy reaches the "
        "goal, always taking the likeliest word; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "easy_success",
        "eval/easy_success",
        "Share of easy validation mazes, whose shortest way needs no detour, in which the policy reaches the goal, "
        "always taking the likeliest word; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "hard_spl",
        "eval/hard_spl",
        "Success in the hard validation mazes, each weighted by the shortest way over the way taken (SPL); higher is "
        "better.",
        "share",
        "up",
    ),
    MetricInfo(
        "valid_plans",
        "eval/valid_plans",
        "Share of the plans made in the hard validation mazes that lead to the goal through no wall; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "bumps",
        "eval/bumps",
        "Mean number of bumps into walls and edges on a walk through a hard validation maze; lower is better.",
        "bumps per walk",
        "down",
    ),
    MetricInfo(
        "preference_loss",
        "loss",
        "Surprise at this step's labels before it learns from them (Bradley-Terry), in nats a label; lower is better, "
        "0.693 (dashed) is knowing nothing.",
        "nats per label",
        "down",
    ),
    MetricInfo(
        "reference_accuracy",
        "eval_accuracy",
        "Share of pairs of answers ordered as the judge orders them; higher is better, 50 % (dashed) is guessing. "
        "Judge of unseen pairs: the reference values; of its labels: the labels. A gap between the two is overfitting.",
        "share",
        "up",
    ),
    MetricInfo(
        "train_accuracy",
        "accuracy",
        "Share of the labels it learns from, ties left out, that it orders as they do; higher is better.",
        "share",
        "up",
    ),
    MetricInfo(
        "dpo_loss",
        "loss",
        "Surprise at this step's labels (DPO), in nats a label; lower is better, 0.693 is knowing nothing.",
        "nats per label",
        "down",
    ),
    MetricInfo(
        "implicit_accuracy",
        "rewards/accuracies",
        "Share of this step's labels whose preferred answer has gained more on the start than the other one has (DPO); "
        "higher is better, but only of labels it learns from.",
        "share",
        "up",
    ),
    MetricInfo(
        "implicit_margin",
        "rewards/margins",
        "How much more it has gained, in log-odds of being preferred (DPO); higher is better, but only of labels it "
        "learns from.",
        "log-odds",
        "up",
    ),
    MetricInfo(
        "cpu_seconds",
        "time/cpu",
        "Seconds of processor time that training has taken; less is better.",
        "seconds",
        "down",
    ),
)

METRICS: dict[str, MetricInfo] = {info.name: info for info in _TABLE}
"""By name."""
