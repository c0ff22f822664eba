"""All policies in the same held-out mazes: do they arrive, on how short a way, and do they do what they think?"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lab import maze_evaluation
from lab.maze_evaluation import Exam
from rlhf_core.gridworld import LARGEST, SMALLEST
from ui import errand_view, layout, session
from ui.i18n import t
from ui.walk_view import HIDDEN, PLANS, everyone, who_name

NUMBERS = (50, 100, 200)
COLUMNS = ("success", "spl", "loops", "valid_plans", "faithful", "bumps", "tokens", "milliseconds")
INTERVENTIONS = ("optimal", "suppressed", "another", "unedited", "edited")


def questions() -> Exam:
    """Who is examined, in what."""
    options = everyone()
    with st.container(key="maze_exam", gap="small"):
        chosen = st.multiselect(
            t("exam.who"), options, key=session.keep("exam_who", options), format_func=who_name,
        )  # fmt: skip
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            size = st.slider(t("walk.size"), SMALLEST, LARGEST, key=session.keep("exam_size", 6), width=180)
            n = st.segmented_control(
                t("exam.n"), NUMBERS, key=session.keep("exam_n", 100, NUMBERS), required=True,
            )  # fmt: skip
            hidden = st.select_slider(
                t("walk.hidden"), HIDDEN, key=session.keep("exam_hidden", 0.0, HIDDEN),
                format_func=lambda share: f"{share:.0%}", width=180,
            )  # fmt: skip
            plans = st.segmented_control(
                t("walk.plans"), PLANS, key=session.keep("exam_plans", 1, PLANS), required=True,
                help=t("walk.plans_help"),
            )  # fmt: skip
            hard = st.toggle(t("walk.hard"), key=session.keep("exam_hard", True), help=t("walk.hard_help"))
            remember = st.toggle(
                t("walk.remember"), key=session.keep("exam_remember", True), help=t("walk.remember_help")
            )
    return Exam(
        who=tuple(name for name in options if name in chosen), size=int(size), n=int(n), hard=bool(hard),
        hidden=float(hidden), remember=bool(remember), plans=int(plans),
    )  # fmt: skip


def run(exam: Exam) -> None:
    """Examine, with a bar; what came of it is kept for the lab."""
    laboratory, lab = session.laboratory(), session.current_lab()

    def button() -> None:
        if not exam.who:
            layout.callout(t("exam.nobody"))
            return
        st.button(
            t("exam.run", n=exam.n, who=len(exam.who)), key="exam_run", type="primary",
            on_click=maze_evaluation.send, args=(laboratory.errands, laboratory.store, lab.id, exam),
        )  # fmt: skip

    errand_view.errand(maze_evaluation.NAME, button, who_name)


def results() -> None:
    """The last exam's table."""
    found = maze_evaluation.kept(session.laboratory().store, session.current_lab().id)
    if found is None:
        layout.callout(t("exam.none"))
        return
    exam, rows = found
    layout.section("exam.results")
    layout.note(
        t(
            "exam.about", n=exam.n, size=exam.size, kind=t("exam.hard" if exam.hard else "exam.easy"),
            hidden=exam.hidden, memory=t("exam.memory_on" if exam.remember else "exam.memory_off"), plans=exam.plans,
        )
    )  # fmt: skip
    best = max((row["success"]["rate"] for row in rows), default=0.0)
    with st.container(key="exam_table"):
        layout.table(
            "lab-exam", ("", *(t(f"exam.{name}") for name in COLUMNS)), [_row(row, best) for row in rows]
        )
    with st.expander(t("exam.words"), key="exam_words"):
        for name in COLUMNS:
            layout.note(f"{t(f'exam.{name}')}: {t(f'exam.{name}_sentence')}")
    edited = [row for row in rows if row.get("causality")]
    if edited:
        layout.section("exam.causality", n=edited[0]["causality"]["optimal"]["n"])
        with st.container(key="exam_causality"):
            layout.table(
                "lab-exam",
                ("", *(t(f"exam.{name}") for name in INTERVENTIONS)),
                [
                    [html.escape(who_name(row["who"])), *(_share(row["causality"][name]) for name in INTERVENTIONS)]
                    for row in edited
                ],
            )
        layout.note(t("exam.causality_note"))


def _row(row: Mapping[str, Any], best: float) -> Sequence[str]:
    ms = row["milliseconds"]
    return [
        html.escape(who_name(row["who"])),
        _share(row["success"], meter=True, best=row["success"]["rate"] >= best),
        _share(row["spl"], meter=True),
        *(_share(row[name]) for name in ("loops", "valid_plans", "faithful")),
        f"{row['bumps']:.2f}",
        f"{row['tokens']:.1f}",
        f"{ms:.1f}" if ms >= 0.05 else "&lt; 0.1",
    ]


def _share(interval: Mapping[str, Any] | None, *, meter: bool = False, best: bool = False) -> str:
    """A share with its interval below it; nothing where there is nothing to count."""
    if interval is None:
        return ""
    bar = f'<i style="--share:{interval["rate"]:.3f}"></i>' if meter else ""
    rate = f"<b>{interval['rate']:.0%}</b>" if best else f"{interval['rate']:.0%}"
    between = t("exam.interval", low=interval["low"], high=interval["high"])
    return f"{rate}{bar}<small>{html.escape(between)}</small>"
