"""The parts of the language model's page where one uses a model: question, answers, and the tree of next tokens."""

from __future__ import annotations

import secrets
from functools import lru_cache

import streamlit as st
import torch

from lab import models, pretraining
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.language_model import LanguageModel
from rlhf_core.next_token import TokenTree, sharpness, token_tree
from rlhf_core.sampling import next_token_log_probs
from rlhf_core.tokenizer import SimpleTokenizer
from ui import charts, layout, session, tokens
from ui import token_tree as tree_view
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.questions import read_question

END = SimpleTokenizer.SPECIALS[SimpleTokenizer.EOS]
COUNTS = (1, 3, 5)
TOP_KS = (1, 2, 3, 5, 10, 20, 50, 0)
"""Stops of the slider; 0 stands for all words."""
SHOWN_WORDS = 10
"""In the figure of what temperature and top-k change."""


@lru_cache
def suggestions(language: str) -> list[str]:
    """One question of each kind, as people write them: always the same ones, none that training saw."""
    assets = models.assets(language)
    found: dict[str, str] = {}
    for prompt in assets.grammar.split("validation"):
        found.setdefault(prompt.category, assets.grammar.display(prompt.text))
    return list(found.values())[:6]


# Which model.


def model_choice() -> LanguageModel:
    """The model that the page looks at: the one that ships, or what a pretraining run of this lab has made so far."""
    store, lab = session.laboratory().store, session.current_lab()
    runs = pretraining.trained_runs(store, lab)
    if not runs:
        return pretraining.model(store, lab, models.START)
    options = [models.START, *runs]

    def name(option: str) -> str:
        if option not in runs:
            return t("lm.model_start")
        made = runs[option].inputs
        kind = t(f"pretrain.{made['architecture']}"), t(f"pretrain.size_{made['size']}")
        return t("lm.model_run", run=runs[option].number, architecture=kind[0], size=kind[1], step=runs[option].step)

    st.selectbox(
        t("lm.model"), options, key=session.keep("lm_model", models.START, options), format_func=name, width=420,
        help=t("lm.model_help"), on_change=_forget_answers,
    )  # fmt: skip
    return pretraining.model(store, lab, st.session_state["lm_model"])


def _forget_answers() -> None:
    session.conversation().lm_answers = []


# The question.


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


# Answers.


def temperature_and_count() -> None:
    """How boldly, of how many words, and how many answers."""
    bold, few = st.columns(2, gap="medium")
    bold.slider(
        t("language_model.temperature"), 0.1, 2.0, step=0.1, key=session.keep("lm_temperature", 1.0),
        help=t("language_model.temperature_help"),
    )  # fmt: skip
    few.select_slider(
        t("lm.top_k"), TOP_KS, key=session.keep("lm_top_k", 0, TOP_KS), help=t("lm.top_k_help"),
        format_func=_k_name,
    )  # fmt: skip
    many, go = st.columns([1.3, 1], vertical_alignment="bottom", gap="medium")
    many.segmented_control(
        t("language_model.count"), COUNTS, key=session.keep("lm_count", 3), required=True, width="stretch"
    )
    go.button(t("language_model.sample"), key="lm_sample", type="primary", width="stretch")


def _k_name(k: int | None) -> str:
    """The same in every language: of a slider the browser sends back the name of its stop."""
    return str(k) if k else "∞"


def _top_k() -> int | None:
    return st.session_state["lm_top_k"] or None


def answers(assets: LanguageAssets, model: LanguageModel, prompt: str) -> None:
    """Sampled answers; new ones at every click."""
    own = session.conversation()
    if st.session_state.get("lm_sample"):
        rng = torch.Generator().manual_seed(secrets.randbits(62))
        own.lm_answers = model.generate(
            [prompt] * st.session_state["lm_count"],
            tokenizer=assets.tokenizer,
            rng=rng,
            temperature=st.session_state["lm_temperature"],
            top_k=_top_k(),
        )
        if st.session_state["lm_prompt"] not in suggestions(assets.language):
            session.laboratory().store.note_deed(session.current_lab().id, "asked")
    with st.container(key="lm_samples", gap="small"):
        if not own.lm_answers:
            layout.note(t("language_model.answers_none"))
        for answer in own.lm_answers:
            unfinished = "" if answer.ended else t("language_model.unfinished")
            layout.quote(assets.grammar.display(answer.text), caption=unfinished)


# The next token.


def next_word(assets: LanguageAssets, model: LanguageModel, prompt: str) -> None:
    """The tree of next tokens around a beginning that grows by clicks, and what temperature and top-k change of it."""
    own = session.conversation()
    layout.section("lm.tree")
    tree = token_tree(
        model, prompt, own.lm_prefix, tokenizer=assets.tokenizer, temperature=st.session_state["lm_temperature"],
        top_k=_top_k(),
    )  # fmt: skip
    with st.container(key="lm_next", gap="small"):
        if not tree.branches:
            layout.note(t("language_model.next_done" if END in own.lm_prefix else "language_model.next_full"))
        tree_view.token_tree(
            tree_view.tree_data(tree, own.lm_prefix, _name), key="lm_tree", pick=_go,
            labels={
                "summary": _summary(tree), "way_label": t("language_model.next_prefix"), "back_label": t("lm.back_to"),
                "other_label": t("lm.other"), "go_label": t("lm.go"),
            },
        )  # fmt: skip
        if tree.branches:
            rest = 1 - sum(branch.probability for branch in tree.branches)
            layout.note(t("language_model.next_rest", share=max(0.0, rest)))
        with st.container(horizontal=True, gap="small"):
            st.button(
                t("language_model.back"), key="lm_back", disabled=not own.lm_prefix, on_click=_shorten, args=(1,)
            )
            st.button(
                t("language_model.restart"), key="lm_restart", disabled=not own.lm_prefix,
                on_click=_shorten, args=(len(own.lm_prefix),),
            )  # fmt: skip
    if tree.branches:
        _sharpness(assets, tree)


def _name(token: str) -> str:
    return t("language_model.next_end") if token == END else token


def _summary(tree: TokenTree) -> str:
    if not tree.branches:
        return ""
    likeliest = tree.branches[0]
    return t("language_model.next_summary", word=_name(likeliest.token), share=likeliest.probability)


def _go(path: list[str]) -> None:
    """Stand at a node of the tree; what is no path of this vocabulary is left alone."""
    own, assets = session.conversation(), models.assets(session.current_lab().language)
    if len(path) <= assets.model.config.response_length and all(token in assets.tokenizer for token in path):
        own.lm_prefix = tuple(path)


def _shorten(words: int) -> None:
    own = session.conversation()
    own.lm_prefix = own.lm_prefix[: len(own.lm_prefix) - words]


def _sharpness(assets: LanguageAssets, tree: TokenTree) -> None:
    """The distribution that is drawn from, beside the model's own."""
    temperature, top_k = st.session_state["lm_temperature"], _top_k()
    own = next_token_log_probs(tree.logits, 1.0, None)
    shown = own.topk(SHOWN_WORDS).indices
    found = sharpness(tree.logits, temperature, top_k)
    drawn_name = t("lm.drawn", temperature=temperature, k=_k_name(top_k))
    live_figure(
        charts.paired_bars(
            [_name(assets.tokenizer.words[i]) for i in shown.tolist()],
            (t("lm.own"), own[shown].exp().tolist()), (drawn_name, tree.log_probs[shown].exp().tolist()), palette(),
        ),
        key="lm_sharpness", name=t("lm.sharp"),
        value=t("lm.entropies", before=found.entropy_before, now=found.entropy),
        sentence=t("lm.sharp_sentence"),
        summary=t(
            "lm.sharp_summary", before=found.entropy_before, now=found.entropy, kept=found.kept,
            words=len(assets.tokenizer), cut=found.cut,
        ),
    )  # fmt: skip
    layout.note(t("lm.cut", kept=found.kept, words=len(assets.tokenizer), cut=found.cut))
