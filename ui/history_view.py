"""Every label of the lab: to look through, to take back, to change, to leave out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from lab import agreement, exchange, models, reward
from lab.label_records import CHOICES, OWNER
from lab.store import Lab, Label, now
from rlhf_core.agreement import Agreement
from ui import controls, errors, layout, session
from ui.i18n import has, t

ALL = ""
STRENGTHS = {1: "history.slightly", 2: "history.clearly", 3: "history.very"}
LONGEST_TEXT = 60
"""Characters of a question that name a label."""


@st.fragment
@errors.guard()
def panel() -> None:
    """The labels that stand, in the model's language; nothing is read before it is opened."""
    lab = session.read_lab()
    own = session.session()
    if own.notice:
        st.rerun()
    with st.expander(t("history.title"), key="history", on_change="rerun") as box:
        if box.open:
            labels = session.laboratory().store.labels(lab.id, language=lab.language)[::-1]
            if own.problem:
                layout.problem(own.problem)
            if not labels:
                layout.note(t("history.empty"))
                return
            found = _filtered(labels)
            _table(found)
            _one(lab, found)
            _agreement(labels)
            _labelers(lab, labels)


# Which labels.


def _filtered(labels: Sequence[Label]) -> list[Label]:
    who, kind, choice, text = st.columns(4, gap="medium")
    with who:
        kinds = {label.labeler: label.labeler_kind for label in labels}
        labeler = _filter("labeler", list(kinds), lambda name: labeler_name(name, kinds[name]))
    with kind:
        by = _filter("kind", list(dict.fromkeys(label.labeler_kind for label in labels)), kind_name)
    with choice:
        said = _filter("choice", [c for c in CHOICES if any(x.choice == c for x in labels)], choice_name)
    words = text.text_input(t("history.text"), key=session.keep("history_text", "")).casefold()
    return [
        label
        for label in labels
        if labeler in (ALL, label.labeler)
        and by in (ALL, label.labeler_kind)
        and said in (ALL, label.choice)
        and (not words or any(words in text.casefold() for text in texts(label)))
    ]


def _filter(name: str, values: Sequence[str], named: Callable[[str], str]) -> str:
    options = [ALL, *values]
    return st.selectbox(
        t(f"history.{name}"), options, key=session.keep(f"history_{name}", ALL, options),
        format_func=lambda value: named(value) if value else t("history.all"),
    )  # fmt: skip


def texts(label: Label) -> tuple[str, str, str]:
    """Question, A and B as people read them."""
    prompt, a, b = (
        models.displayed(label.language, text) for text in (label.prompt, label.response_a, label.response_b)
    )
    return prompt, a, b


def labeler_name(name: str, kind: str) -> str:
    """A labeller as people call them; the lab's own owner and annotators have names in the page's language."""
    if kind == "simulated" and has(f"annotator.{name}"):
        return t(f"annotator.{name}")
    return t("history.you") if name == OWNER and kind == "human" else name


def kind_name(kind: str) -> str:
    return t(f"history.kind_{kind}")


def choice_name(choice: str) -> str:
    return t(f"history.choice_{choice}")


def _why(label: Label) -> str:
    key = f"history.why_{label.why}"
    return t(key) if has(key) else label.why


# What they say.


def _table(labels: Sequence[Label]) -> None:
    layout.note(t("history.shown", n=len(labels)))
    if not labels:
        return
    columns: dict[str, Callable[[Label], object]] = {
        "number": lambda label: label.event_id,
        "when": lambda label: label.answered_at.astimezone().replace(tzinfo=None),
        "question": lambda label: texts(label)[0],
        "a": lambda label: texts(label)[1],
        "b": lambda label: texts(label)[2],
        "choice": lambda label: choice_name(label.choice),
        "strength": lambda label: t(STRENGTHS[label.strength]) if label.strength else "",
        "reason": lambda label: label.rationale,
        "labeler": lambda label: labeler_name(label.labeler, label.labeler_kind),
        "kind": lambda label: kind_name(label.labeler_kind),
        "why": _why,
        "unknown": lambda label: ", ".join(_unknown(label)),
    }
    if not any(_unknown(label) for label in labels):
        del columns["unknown"]
    data = {t(f"history.{name}"): [value(label) for label in labels] for name, value in columns.items()}
    st.dataframe(
        pd.DataFrame(data), hide_index=True, height=min(38 + 35 * len(labels), 320), key="history_table",
        alt=t("history.alt", n=len(labels)),
        column_config={
            t("history.number"): st.column_config.NumberColumn(width=60, format="%d"),
            t("history.when"): st.column_config.DatetimeColumn(width=140, format="YYYY-MM-DD HH:mm"),
            **{t(f"history.{name}"): st.column_config.TextColumn(width=230) for name in ("question", "a", "b")},
        },
    )  # fmt: skip


def _unknown(label: Label) -> tuple[str, ...]:
    """Its words that the model does not know, as they are written."""
    words = (exchange.unknown_in(label.language, text) for text in (label.prompt, label.response_a, label.response_b))
    return tuple(dict.fromkeys(word for text in words for word in text))


# One of them.


def _one(lab: Lab, labels: Sequence[Label]) -> None:
    by_id = {label.event_id: label for label in labels}
    chosen = st.selectbox(
        t("history.choose"), list(by_id), key=session.keep("history_chosen", None, [None, *by_id]), index=None,
        format_func=lambda event_id: _name(by_id[event_id]), placeholder=t("history.choose_one"),
    )  # fmt: skip
    if chosen is None:
        return
    label = by_id[chosen]
    with st.container(key="history_one", border=True):
        prompt, a, b = texts(label)
        unknown = _unknown(label)
        layout.quote(prompt, unknown=unknown)
        for column, name, text in zip(st.columns(2, gap="medium"), "AB", (a, b), strict=True):
            with column:
                layout.quote(text, caption=name, unknown=unknown)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.button(t("history.take_back"), key="history_take_back", on_click=_take_back, args=(lab, chosen))
            others = [choice for choice in CHOICES if choice != label.choice]
            to = st.selectbox(
                t("history.change_to"), others, key=f"history_change_{chosen}", format_func=choice_name, width=220
            )
            st.button(t("history.change"), key="history_change_go", on_click=_change, args=(lab, chosen, to))
        _without(lab, label)


def _name(label: Label) -> str:
    prompt = texts(label)[0]
    short = prompt if len(prompt) <= LONGEST_TEXT else prompt[:LONGEST_TEXT] + "…"
    who = labeler_name(label.labeler, label.labeler_kind)
    return f"{label.event_id} · {choice_name(label.choice)} · {who} · {short}"


def _take_back(lab: Lab, event_id: int) -> None:
    store = session.laboratory().store
    _do(lambda: store.undo_label(lab.id, event_id, labeler=OWNER, at=now()), t("history.taken_back"))


def _change(lab: Lab, event_id: int, choice: str) -> None:
    store = session.laboratory().store
    _do(lambda: store.change_label(lab.id, event_id, choice, labeler=OWNER, at=now()), t("history.changed"))


def _do(change: Callable[[], bool], done: str) -> None:
    """Change labels, and say so; or why it was not done."""
    own = session.session()
    try:
        own.notice = done if change() else t("history.elsewhere")
        session.forget_problem()
    except Exception as error:
        own.problem = errors.explain(error)
    own.last_answer, own.last_said = None, ""


def _without(lab: Lab, label: Label) -> None:
    """What the reward model would be, had this label never been given."""
    layout.section("history.without")
    with st.spinner(t("history.without_wait")):
        left = reward.leave_one_out(session.laboratory().store, lab, label.event_id)
    if left is None:
        layout.note(t("history.without_nothing"))
        return
    with st.container(key="history_without", gap="small"):
        layout.facts([
            (f"{left.before.rate:.1%} → {left.after.rate:.1%}", t("history.accuracy"),
             t("history.accuracy_sentence", n=left.after.n, low=left.after.low, high=left.after.high)),
            (f"{left.flipped}", t("history.flipped"), t("history.flipped_sentence", n=left.pairs)),
        ])  # fmt: skip
        moves = ", ".join(
            f"{controls.attribute_name(name)} {controls.signed(old)} → {controls.signed(new)}"
            for name, old, new in left.moved
        )
        layout.note(t("history.moved", moves=moves))


# All of them.


def _agreement(labels: Sequence[Label]) -> None:
    agreed = agreement.among(reversed(labels))
    if not agreed.labelers:
        return
    with st.container(key="history_agreement"):
        layout.section("history.agreement")
        layout.facts(agreement_facts(agreed))


def agreement_facts(agreed: agreement.Agreed, judged: str = "") -> list[tuple[str, str, str]]:
    """How far labellers agree: the share, and beyond chance. judged: what the share is of, in place of the usual
    sentence."""
    share, alpha = agreed.share, agreed.alpha
    judged = judged or t("history.share_sentence", n=share.items, labelers=agreed.labelers)
    return [
        (figure(share, ".0%"), t("history.share"), f"{judged} {interval(share, '.0%')}"),
        (figure(alpha, ".2f"), t("history.alpha"), f"{t('history.alpha_sentence')} {interval(alpha, '.2f')}"),
    ]


def figure(agreed: Agreement, form: str) -> str:
    """A figure of agreement in words."""
    return t("frame.none") if agreed.value is None else controls.signed(agreed.value, form)


def interval(agreed: Agreement, form: str) -> str:
    """Its interval as a sentence, or why it has none."""
    if agreed.low is None or agreed.high is None:
        return t(f"history.undefined_{agreed.undefined}")
    if agreed.low == agreed.high:
        return t("history.interval_none")
    return t("history.interval", low=controls.signed(agreed.low, form), high=controls.signed(agreed.high, form))


def _labelers(lab: Lab, labels: Sequence[Label]) -> None:
    """One labeller's data, deleted for good: asked first, and told how many."""
    known = sorted({(label.labeler, label.labeler_kind) for label in labels})
    with st.popover(t("history.delete"), key="history_delete"):
        who = st.selectbox(
            t("history.labeler"), known, key=session.keep("history_delete_who", known[0], known),
            format_func=lambda who: f"{labeler_name(*who)} ({kind_name(who[1])})",
        )  # fmt: skip
        n = sum((label.labeler, label.labeler_kind) == who for label in labels)
        layout.note(t("history.delete_why", name=labeler_name(*who), n=n))
        st.button(t("history.delete_go"), key="history_delete_go", type="primary", on_click=_delete, args=(lab, *who))


def _delete(lab: Lab, labeler: str, kind: str) -> None:
    own = session.session()
    try:
        own.notice = t("history.deleted", n=session.laboratory().store.delete_labeler(lab.id, labeler, kind))
        session.forget_problem()
    except Exception as error:
        own.problem = errors.explain(error)
    own.last_answer, own.last_said = None, ""
