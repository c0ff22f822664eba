"""PPO in slow motion: an answer as an episode, and one real iteration step by step, its tokens coloured."""

from __future__ import annotations

import html

import streamlit as st
from torch import Tensor

from lab import models, slow_motion
from lab.slow_motion import Episode
from lab.store import Run
from rlhf_core.slow_motion import SlowMotion
from ui import controls, layout, session
from ui.i18n import t
from ui.tokens import signed_chips

STEPS = ("samples", "reward", "penalty", "values", "ratio", "update")
SHARED_PLACE = 0.4
"""Where in an answer the strip shows an action: by then there is a state, and something yet to come."""


def strip(run: Run | None) -> None:
    """The Markov decision process on a real answer: state, action, episode, reward."""
    source, features = _made_of()
    store, lab = session.laboratory().store, session.current_lab()
    layout.section("mdp.title")
    found = slow_motion.episode(store, lab, run, source, features)
    st.html(f'<div class="lab-episode" role="img" aria-label="{html.escape(_in_words(found))}">{_parts(found)}</div>')
    whose = t("mdp.of_run", run=found.run, step=found.step) if found.run else t("mdp.of_start")
    layout.note(whose)


def _in_words(found: Episode) -> str:
    words = " ".join(found.actions)
    return t("mdp.summary", prompt=found.prompt, answer=words, reward=controls.signed(found.reward))


def _parts(found: Episode) -> str:
    """Question and words so far, the next word, the words to come, the reward."""
    place = min(max(1, int(SHARED_PLACE * len(found.actions))), len(found.actions) - 1) if found.actions else 0
    before, now, later = found.actions[:place], found.actions[place : place + 1], found.actions[place + 1 :]
    asked = f'<span class="question">{html.escape(found.prompt)}</span>'
    score = f"<span>{html.escape(controls.signed(found.reward))}</span>"
    parts = [
        ("state", asked + _words(before), t("mdp.state", t=place)),
        ("action", _words(now), t("mdp.action", t=place)),
        ("later", _words(later), t("mdp.episode", n=len(found.actions))),
        ("reward", score, t("mdp.reward")),
    ]
    return "".join(
        f'<div class="{kind}"><p>{words}</p><small>{html.escape(caption)}</small></div>'
        for kind, words, caption in parts
    )


def _words(words: tuple[str, ...]) -> str:
    return "".join(f"<span>{html.escape(word)}</span>" for word in words)


def _made_of() -> tuple[str, str]:
    return session.value("ppo_source", "both"), session.value("ppo_features", "attributes")


def slow(run: Run | None) -> None:
    """One iteration: which, which of its answers, which part of it, and that part."""
    store, lab = session.laboratory().store, session.current_lab()
    source, features = _made_of()
    layout.section("slow.title")

    def anew() -> None:
        slow_motion.shown(store, lab, run, source, features, anew=True)

    with st.spinner(t("slow.computing")):
        shown = slow_motion.shown(store, lab, run, source, features)
    motion = shown.motion
    about = {"step": motion.metrics.step, "n": len(motion.words)}
    layout.note(t("slow.of_run", run=shown.run, **about) if shown.run else t("slow.of_start", **about))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="slow_choices"):
        st.selectbox(
            t("slow.answer"), range(len(motion.words)),
            key=session.keep("slow_answer", int(motion.cut.sum(1).argmax()), range(len(motion.words))), width=560,
            format_func=lambda row: _name(motion, row),
        )  # fmt: skip
        st.button(t("slow.anew"), key="slow_anew", on_click=anew, help=t("slow.anew_help"))
    st.segmented_control(
        t("slow.step"), STEPS, key=session.keep("slow_step", STEPS[0], STEPS), required=True,
        format_func=lambda name: f"{STEPS.index(name) + 1} · {t(f'slow.{name}')}", label_visibility="collapsed",
    )  # fmt: skip
    step, row = st.session_state["slow_step"], int(st.session_state["slow_answer"])
    layout.note(t(f"slow.{step}_lead", **_slots(motion)))
    with st.container(key=f"slow_{step}", gap="small"):
        PARTS[step](motion, row)
    _turn(step)


def _slots(motion: SlowMotion) -> dict[str, object]:
    c = motion.config
    return {
        "kl_coef": motion.metrics.kl_coef, "clip": c.clip_range, "low": 1 - c.clip_range, "high": 1 + c.clip_range,
        "gamma": c.gamma, "gae_lambda": c.gae_lambda, "epochs": c.epochs, "minibatches": c.minibatches,
        "batch": c.batch_size, "eos": c.eos_penalty, "temperature": c.temperature,
    }  # fmt: skip


def _turn(step: str) -> None:
    """To the part before and the one after."""
    place = STEPS.index(step)
    with st.container(horizontal=True, gap="small"):
        for name, to in (("back", place - 1), ("on", place + 1)):
            possible = 0 <= to < len(STEPS)
            st.button(
                t(f"slow.{name}"), key=f"slow_{name}", disabled=not possible, on_click=session.put,
                args=("slow_step", STEPS[to % len(STEPS)]),
            )  # fmt: skip


def _name(motion: SlowMotion, row: int) -> str:
    display = models.assets(session.current_lab().language).grammar.display
    prompt, score = motion.rollout.prompts[row], float(motion.rollout.scores[row])
    return t("slow.answer_name", number=row + 1, prompt=display(prompt), score=controls.signed(score))


# The parts of an iteration.


def _samples(motion: SlowMotion, row: int) -> None:
    display = models.assets(session.current_lab().language).grammar.display
    rollout = motion.rollout
    layout.quote(display(rollout.responses[row]), caption=display(rollout.prompts[row]))
    furthest = _farthest(motion, rollout.log_probs, rollout.reference_log_probs)
    _chips(motion, row, "slow.log_probs", rollout.log_probs, most=furthest)
    _chips(motion, row, "slow.reference_log_probs", rollout.reference_log_probs, most=furthest)


def _reward(motion: SlowMotion, row: int) -> None:
    _chips(motion, row, "slow.reward_row", motion.rewards - motion.kl_penalty)
    scores = motion.rollout.scores
    layout.facts([
        (controls.signed(float(scores[row])), t("slow.score"), t("slow.score_sentence")),
        (controls.signed(float(scores.mean())), t("slow.score_mean"), t("slow.score_mean_sentence", n=len(scores))),
    ])  # fmt: skip


def _penalty(motion: SlowMotion, row: int) -> None:
    _chips(motion, row, "slow.penalty_row", motion.kl_penalty, form="+.3f")
    _chips(motion, row, "slow.total_row", motion.rewards)
    paid = float(motion.kl_penalty[row].sum())
    exact = float(motion.rollout.kl[row].sum())
    layout.facts([
        (controls.signed(paid, "+.3f"), t("slow.paid"), t("slow.paid_sentence")),
        (f"{exact:.2f}", t("slow.exact"), t("slow.exact_sentence")),
        (controls.signed(float(motion.rewards[row].sum())), t("slow.total"), t("slow.total_sentence")),
    ])  # fmt: skip


def _values(motion: SlowMotion, row: int) -> None:
    furthest = _farthest(motion, motion.rollout.values, motion.returns, motion.advantages)
    for key, values in (
        ("slow.value_row", motion.rollout.values),
        ("slow.return_row", motion.returns),
        ("slow.advantage_row", motion.advantages),
    ):
        _chips(motion, row, key, values, most=furthest)


def _ratio(motion: SlowMotion, row: int) -> None:
    _chips(motion, row, "slow.weight_row", motion.weights)
    cut = motion.cut[row].nonzero()[:, 0].tolist()
    kept = motion.rollout.mask[row]
    change = (motion.ratio[row] - 1)[kept].tolist()
    signed_chips(
        t("slow.ratio_row"), list(zip(motion.words[row], change, strict=True)), most=2 * motion.config.clip_range,
        form="+.0%", marked=cut, mark=t("slow.cut"),
    )  # fmt: skip
    all_kept = motion.rollout.mask
    layout.facts([
        (f"{len(cut)} / {int(kept.sum())}", t("slow.cut_here"), t("slow.cut_here_sentence")),
        (f"{float(motion.cut[all_kept].float().mean()):.1%}", t("slow.cut_batch"),
         t("slow.cut_batch_sentence", n=int(all_kept.sum()))),
    ])  # fmt: skip


def _update(motion: SlowMotion, row: int) -> None:
    kept = motion.rollout.mask[row]
    moved = (motion.new_log_probs.exp() - motion.rollout.log_probs.exp())[row][kept].tolist()
    signed_chips(t("slow.moved_row"), list(zip(motion.words[row], moved, strict=True)), form="+.1%")
    (policy_before, policy_after), (value_before, value_after) = motion.policy_losses, motion.value_losses
    m = motion.metrics
    layout.facts([
        (f"{_loss(policy_before)} → {_loss(policy_after)}", t("metric.policy_loss.name"), t("slow.policy_loss")),
        (f"{value_before:.3f} → {value_after:.3f}", t("metric.value_loss.name"), t("slow.value_loss")),
        (f"{m.grad_norm:.2f}", t("metric.grad_norm.name"), t("metric.grad_norm.sentence")),
        (f"{m.approx_kl:.4f}", t("metric.approx_kl.name"), t("metric.approx_kl.sentence")),
        (f"{m.clip_fraction:.1%}", t("metric.clip_fraction.name"), t("slow.clip_fraction")),
        (f"{m.gradient_steps}", t("metric.gradient_steps.name"), t("metric.gradient_steps.sentence")),
    ])  # fmt: skip


PARTS = {"samples": _samples, "reward": _reward, "penalty": _penalty, "values": _values, "ratio": _ratio,
         "update": _update}  # fmt: skip


def _loss(value: float) -> str:
    # A mean of whitened advantages is zero but for rounding, whose sign says nothing.
    return controls.signed(value if abs(value) >= 5e-4 else 0.0, ".3f")


def _chips(
    motion: SlowMotion, row: int, key: str, values: Tensor, *, most: float | None = None, form: str = "+.2f"
) -> None:
    numbers = values[row][motion.rollout.mask[row]].tolist()
    signed_chips(t(key), list(zip(motion.words[row], numbers, strict=True)), most=most, form=form)


def _farthest(motion: SlowMotion, *quantities: Tensor) -> float:
    """The number of the full tint for quantities that are compared: the farthest in the batch's 99 of 100."""
    counted = [values[motion.rollout.mask].abs() for values in quantities]
    return max(float(values.quantile(0.99)) for values in counted)
