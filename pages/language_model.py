"""Look inside the language model: tokens, sampled answers, and the probabilities of the next word."""

from __future__ import annotations

import streamlit as st

from lab import models
from ui import language_view as view
from ui import layout, session
from ui.i18n import t

assets = models.assets(session.current_lab().language)
layout.heading("language_model", parameters=assets.model.parameter_count, words=len(assets.grammar.words))
left, right = st.columns([1.15, 1], gap="large")
with left:
    example = view.suggestions(assets.language)[0]
    typed = st.text_input(
        t("language_model.prompt"), key=session.keep("lm_prompt", example), placeholder=example
    )
    prompt = view.read_prompt(assets, typed or "")
    view.suggestion_buttons(assets)
    if prompt:
        view.show_tokens(assets, prompt)
        view.temperature_and_count()
        view.answers(assets, prompt)
with right:
    if prompt:
        view.next_word(assets, prompt)
