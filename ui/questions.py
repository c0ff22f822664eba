"""Reading a question or an answer that somebody typed."""

from __future__ import annotations

import streamlit as st

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.reading import Reading, read, read_words
from ui import layout, session
from ui.i18n import t


def read_question(assets: LanguageAssets, typed: str, *, key: str) -> str:
    """The question as tokens. Empty, with a sentence on the page, where the model cannot read it.

    key: that of the input, which a click on one of the nearest questions fills.
    """
    reading = read(assets.grammar, typed)
    longest = assets.model.config.prompt_length - 2  # Its beginning and the separator take two places.
    if not reading.text:
        layout.callout(t("error.empty_prompt"))
    elif reading.unknown:
        layout.problem(t("error.unknown_words", words=", ".join(reading.unknown)))
        _offer(assets, reading, key)
    elif len(reading.text.split()) > longest:
        layout.problem(t("error.prompt", longest=longest))
    else:
        _read_as(assets, reading)
        if reading.prompt is None:
            layout.note(t("error.unknown_prompt"))
            _offer(assets, reading, key)
        return reading.text
    return ""


def read_answer(assets: LanguageAssets, typed: str) -> Reading:
    """An answer of the visitor's own as tokens; words that stay unknown are the caller's to name."""
    reading = read_words(assets.grammar, typed)
    _read_as(assets, reading)
    return reading


def _read_as(assets: LanguageAssets, reading: Reading) -> None:
    """What was understood, where words were altered: nobody should be corrected without being told."""
    if reading.changed:
        layout.note(t("reading.read_as", text=assets.grammar.display(reading.text)))


def _offer(assets: LanguageAssets, reading: Reading, key: str) -> None:
    """The nearest questions, to click."""
    if not reading.nearest:
        return
    st.caption(t("reading.nearest"))
    with st.container(horizontal=True, gap="small", key=f"{key}_nearest"):
        for i, prompt in enumerate(reading.nearest):
            text = assets.grammar.display(prompt.text)
            st.button(text, key=f"{key}_nearest_{i}", on_click=session.put, args=(key, text))
