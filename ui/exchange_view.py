"""Labels taken away as a file and brought in from one: the last part of the labelling page."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from lab import exchange, reward
from lab.exchange import Found
from lab.store import Lab
from rlhf_core.formats import FORMATS, MOST_BYTES, OURS, LeftOut
from ui import controls, errors, files, layout, session
from ui.i18n import t

NAMES = {
    "argilla": "Argilla", "label-studio": "Label Studio", "chatbot-arena": "Chatbot Arena",
    "ultrafeedback": "UltraFeedback-binarized", "trl-unpaired": "TRL, unpaired (KTO)",
    "trl-explicit": "TRL, prompt + chosen + rejected", "trl-implicit": "TRL, chosen + rejected", "hh-rlhf": "hh-rlhf",
}  # fmt: skip
"""What their makers call the formats; our own two are named in the page's language."""
FIND_OUT = ""
SHOWN = 50
"""Rows of a report."""
SHOWN_WORDS = 12
ENDINGS = ("jsonl", "json", "csv", "gz")


@dataclass
class Intake:
    """An uploaded file: what it holds, or why it can't be read."""

    made_of: tuple[object, ...]
    found: Found | None = None
    problem: Exception | None = None


@st.fragment
@errors.guard()
def panel() -> None:
    """Take away and bring in, side by side; nothing is counted before it is opened."""
    lab = session.read_lab()
    if session.session().notice:
        st.rerun()
    with st.expander(t("exchange.title"), key="exchange", on_change="rerun") as box:
        if box.open:
            if session.session().problem:
                layout.problem(session.session().problem)
            away, into = st.columns(2, gap="large")
            with away:
                _take_away(lab)
            with into:
                _bring_in(lab)


def format_name(name: str) -> str:
    """A format as a choice shows it, with the ending of its files."""
    if name == FIND_OUT:
        return t("exchange.find_out")
    return f"{NAMES.get(name) or t(f'exchange.format_{name}')} ({FORMATS[name].suffix})"


# Out.


def _take_away(lab: Lab) -> None:
    layout.section("exchange.away")
    store = session.laboratory().store
    source = controls.source_choice("exchange_source", reward.counts(store, lab), "exchange.source")
    formats = [OURS, *(name for name in FORMATS if name != OURS)]
    st.selectbox(
        t("exchange.format"), formats, key=session.keep("exchange_format", OURS, formats), format_func=format_name
    )
    format = st.session_state["exchange_format"]
    made = exchange.export(store, lab, source, format)
    with st.container(key="exchange_report", gap="small"):
        sentence = "exchange.events" if format == OURS else "exchange.labels"
        layout.note(t(sentence, n=made.comparisons, left_out=len(made.left_out)))
        if made.left_out:
            reasons = Counter(_cells(left) for left in made.left_out)
            head = (t("exchange.field"), t("exchange.why"), t("exchange.n"))
            layout.table("lab-exam lab-report", head, [(*cells, f"{n}") for cells, n in reasons.most_common()])
        if made.lost:
            layout.note(t("exchange.lost", fields=", ".join(made.lost)))
    words = re.sub(r"[^\w-]+", "-", lab.name).strip("-") or "lab"
    files.file_button(
        t("exchange.download"), lambda: exchange.export(store, lab, source, format).data,
        f"{words}-labels-{format}{FORMATS[format].suffix}", key="exchange_download", primary=True,
        disabled=not made.comparisons,
    )  # fmt: skip


def _cells(left: LeftOut) -> tuple[str, str]:
    """Field and reason, in the page's language, as HTML."""
    return html.escape(left.field or t("frame.none")), html.escape(t(f"format.{left.reason}", **left.slots))


# In.


def _bring_in(lab: Lab) -> None:
    layout.section("exchange.into")
    own = session.session()
    formats = [FIND_OUT, *FORMATS]
    st.selectbox(
        t("exchange.format"), formats, key=session.keep("intake_format", FIND_OUT, formats), format_func=format_name
    )
    file = st.file_uploader(
        t("exchange.file", mib=MOST_BYTES // 2**20), ENDINGS, key=f"intake_{own.intakes}",
        max_upload_size=MOST_BYTES // 2**20,
    )  # fmt: skip
    if file is None:
        own.intake = None
        layout.note(t("exchange.nothing_yet", most=exchange.MOST_TAKEN))
        return
    intake = _looked_at(lab, file)
    with st.container(key="intake_report", gap="small"):
        if intake.problem is not None:
            layout.problem(f"{file.name}: {errors.explain(intake.problem)} {t('exchange.unchanged')}")
        elif intake.found is not None:
            _report(intake.found)
            if intake.found.pairs:
                st.button(t("exchange.take_in"), key="intake_go", type="primary", on_click=_take_in, args=(lab,))


def _looked_at(lab: Lab, file: st.runtime.uploaded_file_manager.UploadedFile) -> Intake:
    own, format = session.session(), st.session_state["intake_format"]
    made_of = (file.file_id, format, lab.key, lab.language)
    if own.intake is None or own.intake.made_of != made_of:
        own.intake = Intake(made_of)
        try:
            own.intake.found = exchange.look(
                session.laboratory().store, lab, file.getvalue(), file.name, None if format == FIND_OUT else format
            )
        except ValueError as error:
            own.intake.problem = error
    return own.intake


def _report(found: Found) -> None:
    """What the file holds, what of it is taken, and what is not and why."""
    read = found.read
    layout.facts([
        (f"{len(found.labels)}", t("exchange.found_labels"), _by_whom(found)),
        (f"{found.waiting}", t("exchange.found_waiting"), t("exchange.found_waiting_sentence")),
        (f"{len(read.left_out)}", t("exchange.found_left_out"),
         t("exchange.found_rows", rows=read.rows, format=format_name(read.format))),
    ])  # fmt: skip
    for sentence in _remarks(found):
        layout.note(sentence)
    if read.left_out:
        head = (t(f"exchange.{read.unit}"), t("exchange.field"), t("exchange.why"))
        layout.table("lab-exam lab-report", head, [(f"{left.number}", *_cells(left)) for left in read.left_out[:SHOWN]])
        if (more := len(read.left_out) - SHOWN) > 0:
            layout.note(t("exchange.more", n=more))


def _by_whom(found: Found) -> str:
    named = [
        t("exchange.by", name=name, kind=t(f"history.kind_{kind}"), n=n)
        for (name, kind), n in sorted(found.by_labeler.items(), key=lambda item: -item[1])
    ]
    return listed(named, 6)


def _remarks(found: Found) -> Iterable[str]:
    if found.unreadable:
        yield t("exchange.unreadable", n=found.unreadable, words=listed(found.unknown, SHOWN_WORDS))
    for name in ("reread", "elsewhere", "known", "taken_back", "margins"):
        if n := getattr(found, name):
            yield t(f"exchange.{name}", n=n)
    if found.read.unread:
        yield t("exchange.unread", fields=", ".join(found.read.unread))


def listed(names: Sequence[str], most: int) -> str:
    """The first names, with a sign that there are more."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def _take_in(lab: Lab) -> None:
    own = session.session()
    intake, own.intake = own.intake, None
    if intake is None or intake.found is None:
        return  # A double click: the file has been taken in.
    try:
        exchange.take_in(session.laboratory().store, lab, intake.found)
    except Exception as error:
        own.problem = errors.explain(error)
        return
    session.forget_problem()
    own.intakes += 1
    own.notice = t("exchange.taken_in", labels=len(intake.found.labels), waiting=intake.found.waiting)
