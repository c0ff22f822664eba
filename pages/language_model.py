"""Look into the language model: use it token by token, train one from nothing, and see what is inside."""

from __future__ import annotations

import streamlit as st

from lab import models
from ui import language_view as view
from ui import layout, lessons, page_address, pretraining_view, run_view, session, vocabulary_view
from ui.i18n import t

VIEWS = ("use", "train", "inside")

known = page_address.take("language_model", view=("lm_view", VIEWS, VIEWS[0]))
assets = models.assets(session.current_lab().language)
layout.heading("language_model", parameters=assets.model.parameter_count, words=len(assets.grammar.words))
lessons.strip("language_model", known)
match layout.views("lm", "lm_view", VIEWS):
    case "train":
        run_view.elsewhere()
        pretraining_view.choices()
        pretraining_view.PANEL.follow(pretraining_view.training)
        pretraining_view.PANEL.next_run_settings()
    case "inside":
        vocabulary_view.inside(assets, view.model_choice())
    case _:
        model = view.model_choice()
        left, right = st.columns([1, 1.15], gap="large")
        with left:
            example = view.suggestions(assets.language)[0]
            typed = st.text_input(
                t("language_model.prompt"), key=session.keep("lm_prompt", example), placeholder=example
            )
            prompt = view.read_prompt(assets, typed or "")
            if prompt:
                view.temperature_and_count()
                view.answers(assets, model, prompt)
            view.suggestion_buttons(assets)
            if prompt:
                view.show_tokens(assets, prompt)
        with right:
            if prompt:
                view.next_word(assets, model, prompt)
