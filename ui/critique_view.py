"""Critique and revision, step by step: an answer, what each principle says of it, and what becomes of it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from lab import constitution, models
from lab.constitution import Version
from rlhf_core import keyword_rule
from rlhf_core.constitution import default_constitution
from rlhf_core.constitutional_ai import ROUNDS, SURE, VIOLATED, ConstitutionalAI, Revision
from rlhf_core.corpus import Prompt
from rlhf_core.gold import ALARMING
from rlhf_core.headless import generator
from rlhf_core.principle_judge import ReadPair, read_pair
from ui import layout, marks, session
from ui.i18n import t
from ui.session import CritiqueDesk

OPENING_DRAWS = 24
CANDIDATES = 8
"""Revisions among which the judge chooses where best-of-n is on."""


@dataclass(frozen=True)
class Answer:
    """A question and an answer as typed, and as they are read."""

    question: str
    response: str
    read: ReadPair


def red_team(language: str) -> list[Prompt]:
    """Questions of the validation prompts that ask for harm or about a danger, one of each topic."""
    prompts = models.assets(language).grammar.split("validation")
    found = {prompt.topic: prompt for prompt in prompts if prompt.category in ALARMING}
    return list(found.values())


def inputs() -> Answer | None:
    """A question and an answer: typed, sampled from the model, or the notebook's. None while there is no answer."""
    language = session.current_lab().language
    assets = models.assets(language)
    display = assets.grammar.display
    asked, answered = opening(language)
    session.keep("cai_response", display(answered))
    question = st.text_input(t("critique.question"), key=session.keep("cai_prompt", display(asked)))
    response = st.text_area(t("critique.answer"), key="cai_response", height=96)
    with st.container(horizontal=True, gap="small"):
        st.button(t("critique.red_team"), key="cai_red_team", on_click=_ask_red_team)
        st.button(t("critique.sample"), key="cai_sample", on_click=_ask_again)
    if not (response or "").strip():
        layout.callout(t("error.empty_response"))
        return None
    read = read_pair(assets.grammar, question or "", response)
    if read.unknown:
        layout.note(t("critique.unknown", words=", ".join(read.unknown)), "miss")
    return Answer(question or "", response, read)


@lru_cache
def opening(language: str) -> tuple[str, str]:
    """A red-team question with an answer of the starting model: of some, what the shipped constitution likes least."""
    judge = constitution.judge(language, default_constitution(language))
    pairs = [_sampled(language, draw) for draw in range(OPENING_DRAWS)]
    worth = judge.scores([prompt for prompt, _ in pairs], [response for _, response in pairs])
    return pairs[int(worth.argmin())]


def _sampled(language: str, draw: int, question: str | None = None) -> tuple[str, str]:
    """A red-team question, or the one given, and the starting model's answer to it, as tokens."""
    assets, prompts = models.assets(language), red_team(language)
    asked = question or prompts[draw % len(prompts)].text
    rng = generator(draw, "critique page")
    return asked, assets.model.generate([asked], tokenizer=assets.tokenizer, rng=rng)[0].text


def _ask_red_team() -> None:
    """The next red-team question, with an answer of the starting model."""
    language, desk = session.current_lab().language, session.conversation().critique
    desk.draws += 1
    display = models.assets(language).grammar.display
    for key, text in zip(("cai_prompt", "cai_response"), _sampled(language, desk.draws), strict=True):
        session.put(key, display(text))


def _ask_again() -> None:
    """Another answer of the starting model to the question that stands there."""
    language, desk = session.current_lab().language, session.conversation().critique
    desk.draws += 1
    assets = models.assets(language)
    asked = read_pair(assets.grammar, session.value("cai_prompt", ""), "").prompt
    session.put("cai_response", assets.grammar.display(_sampled(language, desk.draws, asked)[1]))


def desk_for(answer: Answer, version: Version) -> CritiqueDesk:
    """What was done with this answer so far; anew for another answer or another constitution."""
    desk = session.conversation().critique
    subject = (answer.read.prompt, answer.read.response, version.number)
    if desk.subject != subject:
        desk.subject, desk.entries, desk.finished = subject, [], False
    return desk


def latest(answer: Answer, desk: CritiqueDesk) -> str:
    """The answer as it is now, as tokens."""
    if not desk.entries:
        return answer.read.response
    last = desk.entries[-1]
    return last.after if isinstance(last, Revision) else last


def who(version: Version) -> ConstitutionalAI:
    """The constitution at work; with best-of-n the judge chooses among several revisions."""
    candidates = CANDIDATES if session.value("cai_best", False) else 1
    return constitution.ai(session.current_lab().language, version.constitution, candidates)


# What the judges say.


def verdicts(answer: Answer, desk: CritiqueDesk, version: Version) -> None:
    """Each principle's verdict on the answer, first and now, with the notebook's rule below."""
    ai = who(version)
    now = latest(answer, desk)
    first, last = ai.scores([answer.read.prompt] * 2, [answer.read.response, now]).tolist()
    changed = now != answer.read.response
    head = "".join(
        f"<th>{html.escape(text)}</th>"
        for text in ("", t("critique.first"), *((t("critique.now"),) if changed else ()))
    )
    rows = "".join(
        f"<tr><th>{html.escape(principle.name)}</th>{_verdict(before)}{_verdict(after) if changed else ''}</tr>"
        for principle, before, after in zip(ai.principles, first, last, strict=True)
    )
    language = session.current_lab().language
    rule = _badge(keyword_rule.violates(answer.response, language))
    rule_now = f"<td>{_badge(keyword_rule.violates(now, language))}</td>" if changed else ""
    rows += f'<tr class="rule"><th>{html.escape(t("critique.rule"))}</th><td>{rule}</td>{rule_now}</tr>'
    layout.section("critique.verdicts")
    with st.container(key="cai_verdicts"):
        st.html(f'<table class="lab-verdicts"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')
    layout.note(t("critique.verdicts_note", violated=VIOLATED, sure=SURE))


def _badge(violated: bool) -> str:
    kind, key = ("violates", "critique.violates") if violated else ("follows", "critique.follows")
    return f'<span class="{kind}">{html.escape(t(key))}</span>'


def _verdict(score: float) -> str:
    return (
        f'<td><div class="meter">{_badge(score >= VIOLATED)}<i style="--share:{score:.3f}"></i>'
        f"<small>{html.escape(t('critique.score', score=score))}</small></div></td>"
    )


# Round by round.


def steps(answer: Answer, desk: CritiqueDesk, version: Version) -> None:
    """One round, all of them, or from the beginning."""

    def go(rounds: int) -> None:
        ai = who(version)
        for _ in range(rounds):
            tried = [entry for entry in desk.entries if isinstance(entry, Revision)]
            vain = frozenset(entry.critique.principle for entry in tried if not entry.adopted)
            rng = generator(desk.draws, f"round {len(desk.entries)}")
            (found,) = ai.step([answer.read.prompt], [latest(answer, desk)], [vain], rng)
            if found is None:
                desk.finished = True
                return
            desk.entries.append(found)
            if found.adopted:
                session.laboratory().store.note_deed(session.current_lab().id, "revised")

    def again() -> None:
        desk.entries, desk.finished = [], False

    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="cai_steps"):
        kind = "secondary" if desk.finished else "primary"
        st.button(t("critique.step"), key="cai_step", type=kind, disabled=desk.finished, on_click=go, args=(1,))
        st.button(t("critique.run"), key="cai_run", disabled=desk.finished, on_click=go, args=(ROUNDS,))
        st.button(t("critique.again"), key="cai_again", disabled=not desk.entries, on_click=again)
        st.toggle(
            t("critique.best", n=CANDIDATES), key=session.keep("cai_best", False),
            help=t("critique.best_help", n=CANDIDATES),
        )  # fmt: skip


def chain(answer: Answer, desk: CritiqueDesk) -> None:
    """What happened in each round, with the words that changed marked."""
    critic = models.critic(session.current_lab().language)
    before = answer.read.response
    with st.container(key="cai_chain", gap="small"):
        for number, entry in enumerate(desk.entries, 1):
            after = entry.after if isinstance(entry, Revision) else entry
            shown = entry.proposal if isinstance(entry, Revision) else entry
            old, new = marks.changes(critic.display(before), critic.display(shown))
            if isinstance(entry, Revision):
                title = t("critique.round", number=number, principle=entry.critique.principle)
                said = critic.display(entry.critique.critique)
                scores = t("critique.scores", before=entry.critique.score, after=entry.score_after)
                verdict = scores if entry.adopted else f"{scores} {t('critique.put_aside')}"
            else:
                title, said, verdict = t("critique.edited", number=number), "", ""
            st.html(
                f'<div class="lab-round"><h3>{html.escape(title)}</h3>'
                + (f"<blockquote>{html.escape(said)}</blockquote>" if said else "")
                + f'<div><p>{old}</p><b aria-hidden="true">→</b><p>{new}</p></div>'
                + (f"<small>{html.escape(verdict)}</small>" if verdict else "")
                + "</div>"
            )
            before = after
        if desk.finished:
            layout.note(t("critique.finished" if desk.entries else "critique.nothing"), "good")


def edit(answer: Answer, desk: CritiqueDesk) -> None:
    """Change the answer as it is now by hand, and go on from there."""
    language = session.current_lab().language
    grammar = models.assets(language).grammar
    now = latest(answer, desk)
    with st.expander(t("critique.edit"), key="cai_edit_answer"):
        typed = st.text_area(
            t("critique.edit_label"), grammar.display(now), key=f"cai_edited_{len(desk.entries)}_{hash(desk.subject)}"
        )
        if st.button(t("critique.use"), key="cai_use"):
            read = read_pair(grammar, answer.question, typed or "")
            if read.response and read.response != now:
                desk.entries.append(read.response)
                desk.finished = False
                if read.unknown:
                    session.session().notice = t("critique.unknown", words=", ".join(read.unknown))
                st.rerun()
            layout.note(t("critique.unchanged"), "miss")


# The notebook's four answers.


def notebook(version: Version) -> None:
    """The notebook's test answers, by its rule and by this constitution."""
    language = session.current_lab().language
    display = models.critic(language).display
    found = constitution.notebook(language, version.constitution)
    with st.expander(t("critique.notebook"), key="cai_notebook"):
        rows = (
            (
                html.escape(display(one.chain.response)),
                f"{_badge(one.rule_violated)}<p>{html.escape(display(one.rule_revision))}</p>",
                f"{_badge(any(c.violated for c in one.chain.critiques))}"
                f"<p>{html.escape(display(one.chain.revision))}</p>",
            )
            for one in found
        )
        layout.table("lab-verdicts", ("", t("critique.rule"), t("critique.constitution")), rows)
        by_rule = sum(one.rule_revision != one.chain.response for one in found)
        ours = sum(one.chain.revised for one in found)
        layout.note(t("critique.notebook_count", rule=by_rule, ours=ours, n=len(found)))
