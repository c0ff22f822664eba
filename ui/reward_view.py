"""The parts of the reward model's page."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from lab import models, reward
from lab.reward import CurvePoint, RewardFit
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.evaluation import wilson_interval
from rlhf_core.reward_ensemble import MEMBERS
from ui import charts, controls, layout, session
from ui.i18n import t
from ui.language_view import suggestions
from ui.live_figure import live_figure, palette
from ui.questions import read_answer, read_question

KNOWING_NOTHING = 0.6931471805599453
TOP_WORDS = 8


def curves(points: Sequence[CurvePoint], source: str) -> None:
    """Accuracy and loss as the labels arrive."""
    own_name = t("reward_model.accuracy_own" if source == "human" else "reward_model.accuracy_own_simulated")
    known = [p for p in points if p.own_accuracy is not None]
    series = [
        charts.Series(name=own_name, x=[p.labels for p in known], y=[p.own_accuracy for p in known]),
        charts.Series(
            name=t("reward_model.accuracy_reference"),
            x=[p.labels for p in points], y=[p.reference_accuracy for p in points],
        ),
    ]  # fmt: skip
    losses = charts.Series(name=t("reward_model.loss_line"), x=[p.labels for p in points], y=[p.loss for p in points])
    axis = t("reward_model.labels_axis")
    last = points[-1]
    own = f"{last.own_accuracy:.0%}" if known else t("frame.none")
    reference = f"{last.reference_accuracy:.0%}"
    counted = t(
        "reward_model.counted",
        own=_interval(last.own_accuracy or 0.0, last.own_n),
        reference=_interval(last.reference_accuracy, last.reference_n),
    )
    with st.container(key="reward_curve"):
        left, right = st.columns(2, gap="large")
        with left:
            live_figure(
                charts.curves(series, palette(), height=250, share=True, baseline=0.5, x_title=axis),
                key="reward_accuracy", name=t("reward_model.accuracy"), value=f"{own} · {reference}",
                sentence=t("reward_model.accuracy_sentence", own=own_name, counted=counted),
                summary=t("reward_model.summary_accuracy", n=last.labels, own=own, reference=reference),
            )  # fmt: skip
        with right:
            live_figure(
                charts.curves([losses], palette(), height=250, baseline=KNOWING_NOTHING, from_zero=True, x_title=axis),
                key="reward_loss", name=t("reward_model.loss"), value=f"{last.loss:.3f}",
                sentence=t("reward_model.loss_sentence"),
                summary=t("reward_model.summary_loss", n=last.labels, loss=last.loss),
            )  # fmt: skip


def _interval(rate: float, n: int) -> str:
    """A share with its n and the 95 % interval."""
    if not n:
        return t("frame.none")
    low, high = wilson_interval(rate * n, n)
    return t("reward_model.interval", rate=rate, n=n, low=low, high=high)


def likes(fit: RewardFit) -> None:
    """What it likes: attributes as bars, words as two lists."""
    traits, words = split_weights(fit)
    traits = sorted(traits, key=lambda item: -item[1])
    names = [controls.attribute_name(name) for name, _ in traits]
    sentence = t("reward_model.likes_sentence" if fit.features == "attributes" else "reward_model.likes_sentence_words")
    with st.container(key="reward_likes"):
        layout.section("reward_model.likes")
        if names:  # a bag has words alone
            live_figure(
                charts.signed_bars(names, [weight for _, weight in traits], palette(), height=60 + 32 * len(names)),
                key=f"reward_weights_{fit.features}", name="", sentence=sentence,
                summary=t("reward_model.likes_summary", best=names[0], worst=names[-1]),
            )  # fmt: skip
        by_weight = sorted(words, key=lambda item: -item[1])
        _words(t("reward_model.likes_words"), [w for w in by_weight[:TOP_WORDS] if w[1] > 0], "good")
        _words(t("reward_model.dislikes_words"), [w for w in by_weight[::-1][:TOP_WORDS] if w[1] < 0], "miss")


def split_weights(fit: RewardFit) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """The weights of traits (attributes, or figures of fit) and those of words, special tokens left out."""
    tokenizer = models.assets(fit.language).tokenizer
    weights = reward.explain(fit)
    traits = len(weights) - len(tokenizer)
    return weights[:traits], weights[traits + len(tokenizer.SPECIALS) :]


def _words(name: str, weights: Sequence[tuple[str, float]], kind: str) -> None:
    chips = "".join(
        f'<span class="{kind}">{html.escape(word)} <small>{controls.signed(weight)}</small></span>'
        for word, weight in weights
    )
    text = chips or f"<i>{html.escape(t('reward_model.words_none'))}</i>"
    st.html(f'<div class="lab-words"><b>{html.escape(name)}</b>{text}</div>')


def own_sentence(fit: RewardFit) -> None:
    """Score what the visitor writes."""
    assets = models.assets(session.current_lab().language)
    layout.section("reward_model.try")
    question, answer = example(assets)
    prompt = st.text_input(t("reward_model.prompt"), key=session.keep("reward_prompt", question), placeholder=question)
    response = st.text_input(
        t("reward_model.response"),
        key=session.keep("reward_response", ""),
        placeholder=answer,
    )
    st.button(t("reward_model.score_button"), key="reward_score_button")
    with st.container(key="reward_score", gap="small"):
        asked = read_question(assets, prompt or "", key="reward_prompt")
        said = read_answer(assets, response or "")
        if not said.text:
            layout.callout(t("error.empty_response"))
        if not (asked and said.text):
            return
        value = reward.score(fit, asked, said.text)
        spread = reward.disagreement(session.laboratory().store, session.current_lab(), fit, asked, said.text)
        layout.facts([
            (controls.signed(value), t("reward_model.score_name"), t("reward_model.score_sentence")),
            (f"±{spread:.2f}", t("reward_model.spread_name"), t("reward_model.spread_sentence", n=MEMBERS)),
        ])  # fmt: skip
        if said.unknown:
            layout.note(t("reward_model.unknown_left", words=", ".join(said.unknown)))


def example(assets: LanguageAssets) -> tuple[str, str]:
    """A question and a good answer to it, in the model's language."""
    grammar, question = assets.grammar, suggestions(assets.language)[0]
    prompt = grammar.find(question)
    assert prompt is not None, "suggestions are prompts of the grammar"
    good = next(core for core in grammar.cores(prompt.topic) if core.quality == "full")
    return question, grammar.display(good.text)


def small_print(features: str) -> None:
    """What the encoder was trained on, and what the reference is."""
    layout.section("reward_model.encoder")
    layout.note(t(f"reward_model.encoder_{features}"))
    controls.reference_values()
