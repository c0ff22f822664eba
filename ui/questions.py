"""Reading a question that somebody typed."""

from __future__ import annotations

from rlhf_core.checkpoints import LanguageAssets
from ui import layout
from ui.i18n import t


def read_question(assets: LanguageAssets, typed: str) -> str:
    """The question as tokens. Empty, with a sentence on the page, where the model cannot read it."""
    question = assets.grammar.normalise(typed)
    longest = assets.model.config.prompt_length - 2  # Its beginning and the separator take two places.
    if not question:
        layout.callout(t("error.empty_prompt"))
    elif unknown := assets.tokenizer.unknown(question):
        layout.problem(t("error.unknown_words", words=", ".join(unknown)))
    elif len(question.split()) > longest:
        layout.problem(t("error.prompt", longest=longest))
    else:
        if assets.grammar.find(typed) is None:
            layout.note(t("error.unknown_prompt"))
        return question
    return ""
