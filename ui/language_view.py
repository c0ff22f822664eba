"""The parts of the language model's page."""

from __future__ import annotations

import html
import secrets
from functools import lru_cache

import streamlit as st
import torch

from lab import models
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.tokenizer import SimpleTokenizer
from ui import layout, session, tokens
from ui.i18n import t
from ui.questions import read_question

END = SimpleTokenizer.SPECIALS[SimpleTokenizer.EOS]
SHOWN_WORDS = 9
COUNTS = (1, 3, 5)


@lru_cache
def suggestions(language: str) -> list[str]:
    """One question of each kind, as people write them: always the same ones, none that training saw."""
    assets = models.assets(language)
    found: dict[str, str] = {}
    for prompt in assets.grammar.split("validation"):
        found.setdefault(prompt.category, assets.grammar.display(prompt.text))
    return list(found.values())[:6]


def suggestion_buttons(assets: LanguageAssets) -> None:
    """Questions to click."""
    st.caption(t("language_model.suggestions", language=t(f"language.{assets.language}")))
    with st.container(horizontal=True, gap="small", key="lm_suggestions"):
        for i, text in enumerate(suggestions(assets.language)):
            st.button(text, key=f"lm_suggestion_{i}", on_click=_use, args=(text,))


def _use(text: str) -> None:
    session.put("lm_prompt", text)


def read_prompt(assets: LanguageAssets, typed: str) -> str:
    """The typed question as tokens; empty, with a sentence on the page, if the model cannot read it."""
    prompt, own = read_question(assets, typed, key="lm_prompt"), session.conversation()
    if own.lm_read != prompt:
        own.lm_read, own.lm_prefix, own.lm_answers = prompt, (), []
    return prompt


def show_tokens(assets: LanguageAssets, prompt: str) -> None:
    """The question as the model reads it."""
    layout.section("language_model.tokens")
    with st.container(key="lm_tokens"):
        tokens.chips(list(zip(prompt.split(), assets.tokenizer.encode(prompt), strict=True)))


def temperature_and_count() -> None:
    """How boldly, and how many answers."""
    layout.section("language_model.answers")
    bold, many, go = st.columns([2.2, 1.3, 1.2], vertical_alignment="bottom", gap="medium")
    bold.slider(
        t("language_model.temperature"), 0.1, 2.0, step=0.1, key=session.keep("lm_temperature", 1.0),
        help=t("language_model.temperature_help"),
    )  # fmt: skip
    many.segmented_control(
        t("language_model.count"), COUNTS, key=session.keep("lm_count", 3), required=True, width="stretch"
    )
    go.button(t("language_model.sample"), key="lm_sample", type="primary", width="stretch")


def answers(assets: LanguageAssets, prompt: str) -> None:
    """Sampled answers; new ones at every click."""
    own = session.conversation()
    if st.session_state.get("lm_sample"):
        rng = torch.Generator().manual_seed(secrets.randbits(62))
        own.lm_answers = assets.model.generate(
            [prompt] * st.session_state["lm_count"],
            tokenizer=assets.tokenizer,
            rng=rng,
            temperature=st.session_state["lm_temperature"],
        )
        if st.session_state["lm_prompt"] not in suggestions(assets.language):
            session.laboratory().store.note_deed(session.current_lab().id, "asked")
    with st.container(key="lm_samples", gap="small"):
        if not own.lm_answers:
            layout.note(t("language_model.answers_none"))
        for answer in own.lm_answers:
            unfinished = "" if answer.ended else t("language_model.unfinished")
            layout.quote(assets.grammar.display(answer.text), caption=unfinished)


def next_word(assets: LanguageAssets, prompt: str) -> None:
    """The next word's probabilities after a beginning that grows by clicks."""
    own = session.conversation()
    layout.section("language_model.next")
    with st.container(key="lm_next", gap="small"):
        beginning = " ".join(own.lm_prefix)
        text = html.escape(beginning) or f"<i>{html.escape(t('language_model.next_prefix_none'))}</i>"
        label = html.escape(t("language_model.next_prefix"))
        st.html(f'<div class="lab-prefix"><small>{label}</small><p>{text}</p></div>')
        if own.lm_prefix and own.lm_prefix[-1] == END:
            layout.note(t("language_model.next_done"))
        elif len(own.lm_prefix) >= assets.model.config.response_length:
            layout.note(t("language_model.next_full"))
        else:
            _bars(assets, prompt, beginning)
        with st.container(horizontal=True, gap="small"):
            st.button(
                t("language_model.back"),
                key="lm_back",
                disabled=not own.lm_prefix,
                on_click=_shorten,
                args=(1,),
            )
            st.button(
                t("language_model.restart"), key="lm_restart", disabled=not own.lm_prefix,
                on_click=_shorten, args=(len(own.lm_prefix),),
            )  # fmt: skip


def _bars(assets: LanguageAssets, prompt: str, beginning: str) -> None:
    shares = assets.model.next_token_probabilities(
        prompt, beginning, tokenizer=assets.tokenizer, temperature=st.session_state["lm_temperature"]
    )
    shown, rest = shares[:SHOWN_WORDS], sum(share for _, share in shares[SHOWN_WORDS:])
    end_label = t("language_model.next_end")
    # A new key for each beginning: a click can only ever append to the beginning that was on the screen.
    own = session.conversation()
    place = len(own.lm_prefix)
    likeliest, share = shown[0]
    picked = tokens.probability_bars(
        shown, key=f"lm_bars_{place}", end_token=END, end_label=end_label,
        summary=t("language_model.next_summary", word=end_label if likeliest == END else likeliest, share=share),
    )  # fmt: skip
    layout.note(t("language_model.next_rest", share=rest))
    if picked:
        own.lm_prefix += (picked,)
        st.rerun()


def _shorten(words: int) -> None:
    own = session.conversation()
    own.lm_prefix = own.lm_prefix[: len(own.lm_prefix) - words]
