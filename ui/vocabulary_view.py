"""Inside a language model: its vocabulary, the tokenizer on one's own text, and the words' vectors as a picture."""

from __future__ import annotations

import html
from collections.abc import Sequence

import pandas as pd
import streamlit as st
from torch import Tensor

from lab import vocabulary
from lab.vocabulary import Word
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.language_model import LanguageModel
from rlhf_core.reading import read_words
from rlhf_core.vocabulary import KINDS, neighbours, principal_plane
from ui import charts, layout, session, tokens
from ui.i18n import t
from ui.live_figure import live_figure, palette

NEIGHBOURS = 8
LABELLED = 2
"""Words of each kind that are named in the picture: the most frequent."""


def inside(assets: LanguageAssets, model: LanguageModel) -> None:
    """The whole view."""
    words = vocabulary.words(assets.language)
    left, right = st.columns([1, 1.25], gap="large")
    with left:
        _tokenizer(assets)
        _table(words)
    with right:
        _picture(words, model)


def _kind(kind: str) -> str:
    return t(f"words.kind_{kind}")


# Text to tokens.


def _tokenizer(assets: LanguageAssets) -> None:
    layout.section("words.tokenizer")
    example = assets.grammar.display(assets.grammar.split("validation")[0].text)
    typed = st.text_input(t("words.text"), key=session.keep("lm_text", ""), placeholder=example)
    reading = read_words(assets.grammar, (typed or "").strip() or example)
    tokenizer = assets.tokenizer
    unknown = tokenizer.SPECIALS[tokenizer.UNK]
    with st.container(key="words_tokens", gap="small"):
        found = [word if word in tokenizer else unknown for word in reading.text.split()]
        tokens.chips([(word, tokenizer.id(word)) for word in found])
        layout.note(t("words.counted", letters=len((typed or "").strip() or example), tokens=len(found)))
        if lost := tokenizer.unknown(reading.text):
            layout.note(t("words.unknown", words=", ".join(lost), unknown=unknown), "miss")
        if reading.changed:
            layout.note(t("reading.read_as", text=assets.grammar.display(reading.text)))


# The vocabulary.


def _table(words: Sequence[Word]) -> None:
    layout.section("words.table", n=len(words), dialogues=vocabulary.COUNTED)
    asked = st.text_input(t("words.search"), key=session.keep("lm_search", ""), placeholder=t("words.search_example"))
    wanted = (asked or "").strip().casefold()
    kinds = {kind: _kind(kind) for kind in KINDS}
    shown = [word for word in words if wanted in word.text or wanted == str(word.number) or wanted == kinds[word.kind]]
    layout.note(t("words.found", n=len(shown)))
    if not shown:
        return
    data = {
        t("words.id"): [word.number for word in shown],
        t("words.token"): [word.text for word in shown],
        t("words.kind"): [kinds[word.kind] for word in shown],
        t("words.count"): [word.count for word in shown],
    }
    st.dataframe(
        pd.DataFrame(data), hide_index=True, height=min(38 + 35 * len(shown), 330), key="words_table",
        alt=t("words.alt", n=len(shown)),
    )  # fmt: skip


# The vectors.


def _picture(words: Sequence[Word], model: LanguageModel) -> None:
    layout.section("words.vectors")
    words = [word for word in words if word.kind != "special"]
    vectors: Tensor = model.embedding.weight.detach()[[word.number for word in words]]
    own = {word.text: place for place, word in enumerate(words)}
    common = max((word for word in words if word.kind == "topic"), key=lambda word: word.count).text
    st.selectbox(
        t("words.chosen"), list(own), key=session.keep("lm_word", common, own), width=320, help=t("words.chosen_help")
    )
    chosen = own[st.session_state["lm_word"]]
    near = neighbours(vectors, chosen, NEIGHBOURS)
    plane = principal_plane(vectors)
    named = {chosen, *(i for i, _ in near), *_frequent(words)}
    spots = [
        (*point, word.text, place in named)
        for place, (word, point) in enumerate(zip(words, plane.points.tolist(), strict=True))
    ]
    groups = [
        charts.Group(_kind(kind), [spot for spot, word in zip(spots, words, strict=True) if word.kind == kind])
        for kind in KINDS
    ]
    first, second = plane.shares
    ringed = [(*spots[place][:2], place != chosen) for place in (chosen, *(place for place, _ in near))]
    nearest = ", ".join(f"{words[i].text} ({cosine:.2f})" for i, cosine in near)
    live_figure(
        charts.word_map(
            groups, palette(), x_title=t("words.axis", number=1, share=first),
            y_title=t("words.axis", number=2, share=second), ringed=ringed,
        ),
        key="words_picture", name=t("words.picture"), value=t("words.held", share=first + second),
        sentence=t("words.picture_sentence", width=vectors.shape[1], share=first + second),
        summary=t("words.nearest", word=words[chosen].text, words=nearest),
    )  # fmt: skip
    cells = "".join(
        f"<span>{html.escape(words[i].text)} <small>{cosine:.2f}</small></span>" for i, cosine in near
    )
    with st.container(key="words_neighbours"):
        title = html.escape(t("words.neighbours", word=words[chosen].text))
        st.html(f'<div class="lab-words"><b>{title}</b>{cells}</div>')
        layout.note(t("words.cosine"))


def _frequent(words: Sequence[Word]) -> set[int]:
    """The places of the most frequent words of each kind."""
    ordered = sorted(range(len(words)), key=lambda place: -words[place].count)
    return {place for kind in KINDS for place in [one for one in ordered if words[one].kind == kind][:LABELLED]}

