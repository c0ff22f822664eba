"""The blind test on its page: two answers in random order, a choice, and afterwards which was which."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import streamlit as st

from lab import blind_test, models
from lab.blind_test import BlindTest, Question
from lab.store import Lab, Run, Store
from rlhf_core.evaluation import Interval
from ui import errors, label_view, layout, session
from ui.ballot import TIE, Hand, Paper, Said, ballot
from ui.i18n import t
from ui.run_choice import run_choice
from ui.run_view import RunPanel

SHOWN_BEFORE = 10
"""Earlier tests that are listed."""


def blind(panel: RunPanel) -> None:
    """The test that waits for an answer, else the way to one and what came of the last."""
    layout.section("blind.title")

    @st.fragment
    @errors.guard()
    def shown() -> None:
        before = session.current_lab()
        if session.read_lab() != before:
            st.rerun()
        if session.session().problem:
            layout.problem(session.session().problem)
        test = blind_test.current(session.laboratory().store, session.current_lab())
        if test is None:
            _rest(panel)
        else:
            _ask(test)

    shown()


# Between tests.


def _rest(panel: RunPanel) -> None:
    store, lab = session.laboratory().store, session.current_lab()
    saved = store.saved_runs(lab.id)
    runs = {run.id: run for run in panel.runs() if saved.get(run.id)}
    over = blind_test.over(store, lab)
    if over:
        result(over[0])
    if runs:
        _begin(runs, saved)
    else:
        layout.callout(t("blind.none"))
    if over[1:]:
        layout.section("blind.earlier")
        head = [t(f"blind.{name}") for name in ("model", "preferred", "reference", "answered")]
        layout.table("lab-verdicts", head, map(_line, over[1 : SHOWN_BEFORE + 1]))


def _begin(runs: dict[int, Run], saved: dict[int, int]) -> None:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="blind_begin"):
        run = run_choice(
            "blind_run", t("blind.run"), runs, width=320,
            name=lambda run: t("blind.run_name", run=run.number, step=saved[run.id], seed=run.seed),
        )  # fmt: skip
        n = st.segmented_control(
            t("blind.length"), blind_test.LENGTHS, required=True,
            key=session.keep("blind_length", blind_test.LENGTHS[0], blind_test.LENGTHS),
        )  # fmt: skip
        store, lab = session.laboratory().store, session.current_lab()
        st.button(
            t("blind.begin"), key="blind_go", type="primary",
            on_click=errors.attempt, args=(blind_test.begin, store, lab, run, n),
        )  # fmt: skip
    layout.note(t("blind.how"))


def _line(test: BlindTest) -> Sequence[str]:
    rates = (blind_test.win_rate(test), blind_test.reference_rate(test))
    return (html.escape(_model(test)), *map(_cell, rates), str(rates[0].n))


def _cell(value: Interval) -> str:
    text = t("compare.interval", low=value.low, high=value.high, n=value.n)
    return f"<b>{value.rate:.0%}</b><small>{html.escape(text)}</small>"


def _model(test: BlindTest) -> str:
    return t("blind.of_run", run=test.number, step=test.step)


# A question.


def _ask(test: BlindTest) -> None:
    store, lab = session.laboratory().store, session.current_lab()
    hand = Hand(lambda said: _answer(store, lab, said), lambda: None)
    ballot("blind_ballot", hand, paper(test), [label_view.SIDES, (TIE,)])
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        layout.note(t("blind.keys"))
        st.button(
            t("blind.tell"), key=f"blind_tell_{test.id}", type="tertiary", help=t("blind.tell_help"),
            on_click=errors.attempt, args=(blind_test.tell, store, lab, test.id),
        )  # fmt: skip


def paper(test: BlindTest) -> Paper:
    """The question that waits for an answer."""
    place = test.at
    assert place is not None, "a test that is over asks nothing"
    one, n = test.questions[place], len(test.questions)
    display = models.assets(test.language).grammar.display
    bar = f'<progress max="{n}" value="{place}" aria-hidden="true"></progress>'
    said = html.escape(t("blind.place", at=place + 1, n=n))
    question = (
        f'<small><span class="lab-progress">{bar}{said}</span></small><p>{html.escape(display(one.prompt))}</p>'
        f"<h2>{html.escape(t('label.question'))}</h2>"
    )
    left, right = (html.escape(display(text)) for text in one.sides)
    return Paper(test.showing, question, (left, right))


def _answer(store: Store, lab: Lab, said: Said) -> Paper | None:
    """The next question; the same one after what was no answer to it."""
    blind_test.answer(store, lab, said.showing_id, said.choice)
    test = blind_test.current(store, lab)
    return test and paper(test)


# What came of it.


def result(test: BlindTest) -> None:
    """How often the person preferred the model after training, beside the reference values, and every pair."""
    own, reference = blind_test.win_rate(test), blind_test.reference_rate(test)
    with st.container(key="blind_result"):
        layout.section("blind.result", model=_model(test))
        layout.facts([
            (f"{own.rate:.0%}", t("blind.win_rate"), t("blind.win_rate_sentence", **_slots(own))),
            (f"{reference.rate:.0%}", t("blind.reference_rate"),
             t("blind.reference_rate_sentence", **_slots(reference))),
        ])  # fmt: skip
        if test.same:
            layout.note(t("blind.same", n=test.same))
        with st.expander(t("blind.pairs"), key=f"blind_pairs_{test.id}", expanded=True):
            display = models.assets(test.language).grammar.display
            head = ("", t("run.before"), t("blind.after", step=test.step), t("blind.choice"))
            layout.table("lab-samples lab-blind", head, (_pair(one, display) for one in test.answered))


def _slots(value: Interval) -> dict[str, float]:
    return {"n": value.n, "low": value.low, "high": value.high}


def _pair(one: Question, display: Callable[[str], str]) -> Sequence[str]:
    mark = {"before": t("blind.chose_before"), "after": t("blind.chose_after"), "tie": t("blind.chose_tie")}
    cells = [html.escape(display(text)) for text in (one.prompt, one.before, one.after)]
    for i, side in ((1, "before"), (2, "after")):
        if one.choice == side:
            cells[i] = f"<b>{cells[i]}</b>"
    return (*cells, html.escape(mark[one.choice or "tie"]))
