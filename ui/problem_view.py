"""The problem, as the first thing on Home: answers that talk well and are not good, and what training made of them."""

from __future__ import annotations

import html

import streamlit as st

from lab import models, problem
from lab.problem import Case, Trained
from lab.store import Run
from ui import errors, layout, session
from ui.i18n import t

WAIT_SECONDS = 0.5
ADDRESSED_AT = {"off_target": "label", "harmful": "constitution", "false": "reward_model"}
"""The page of the stage that does something about a fault."""
STAGE_NAMES = {"ppo": "PPO", "rlaif": "RLAIF", "sl": "SL-CAI"}


def faults() -> None:
    """Three faults of the starting model, each beside the same of a trained one, once there is one."""
    store, lab = session.laboratory().store, session.current_lab()
    with st.container(key="problem_head", horizontal=True, vertical_alignment="bottom", gap="medium"):
        title = st.container()  # before the choice of a run, and says what became of it
        run = _chosen_run()
    trained = None if run is None else problem.of_run(store, lab, run)
    with title:
        layout.section("problem.title", now="" if run is None or trained is None else _now(run, trained))

    @errors.guard()
    def cards() -> None:
        if run is not None and trained is not None and trained.waits and not problem.of_run(store, lab, run).waits:
            st.rerun()  # the clock of this fragment ends with the page
        _cards(trained)

    st.fragment(cards, run_every=WAIT_SECONDS if trained and trained.waits else None)()


def _chosen_run() -> Run | None:
    """Whose answers stand beside the start's: the newest trained model's, or the visitor's choice if there are more."""
    runs = problem.trained_runs(session.laboratory().store, session.current_lab())
    if len(runs) < 2:
        return next(iter(runs.values()), None)
    # Named by the newest run, which is shown until another is chosen.
    key = session.keep(f"problem_run_{max(runs)}", max(runs), runs)
    st.selectbox(
        t("problem.run"), list(runs), key=key, width=230, label_visibility="collapsed",
        format_func=lambda one: t("problem.run_name", stage=STAGE_NAMES[runs[one].stage], run=runs[one].number),
    )  # fmt: skip
    return runs[st.session_state[key]]


def show(run_id: int) -> None:
    """Let a run's answers stand beside the start's, before any widget is drawn."""
    runs = problem.trained_runs(session.laboratory().store, session.current_lab())
    if run_id in runs:
        session.put(f"problem_run_{max(runs)}", run_id)


def _cards(trained: Trained | None) -> None:
    before = problem.of_start(session.current_lab().language)
    now = trained.cases if trained and trained.cases else (None,) * len(before)
    with st.container(key="home_problem", gap="small"):
        for column, first, last in zip(st.columns(len(before), gap="medium"), before, now, strict=True):
            with column, st.container(key=f"fault_{first.fault}", gap=None):
                st.html(_card(first, last))
                layout.link(ADDRESSED_AT[first.fault], t(f"problem.{first.fault}_go"))


def _now(run: Run, trained: Trained) -> str:
    said: list[str] = []
    if trained.step is not None:
        stage, valid = STAGE_NAMES[run.stage], trained.valid_share
        said.append(t("problem.now_is", stage=stage, run=run.number, step=trained.step, valid=valid))
    if trained.waits:
        said.append(t("problem.waiting"))
    return " ".join(said)


def _card(before: Case, now: Case | None) -> str:
    display = models.assets(session.current_lab().language).grammar.display
    answers = _answer("problem.before", before, display(before.answer))
    shares = _share("problem.share" if now is None else "problem.before", before)
    if now is not None:
        answers += _answer("problem.now", now, display(now.answer))
        shares += _share("problem.now", now)
    title, what, question = map(
        html.escape, (t(f"problem.{before.fault}"), t(f"problem.{before.fault}_what"), display(before.question))
    )
    of = html.escape(t(f"problem.{before.fault}_of", n=before.share.n))
    return (
        f'<div class="lab-fault"><h3>{title}<small>{what}</small></h3><p>{question}</p>{answers}'
        f'<div class="shares">{shares}<small>{of}</small></div></div>'
    )


def _answer(who: str, case: Case, text: str) -> str:
    kind = ("miss" if case.faulty else "good") if case.valid else "broken"
    verdict = t(f"problem.{kind}")
    return (
        f'<blockquote class="{kind}"><span class="sign" role="img" aria-label="{html.escape(verdict)}"></span>'
        f"<small>{html.escape(t(who))}</small> {html.escape(text)}</blockquote>"
    )


def _share(who: str, case: Case) -> str:
    s = case.share
    said = t("problem.interval", rate=s.rate, low=s.low, high=s.high)
    return (
        f"<p><span>{html.escape(t(who))}</span>"
        f'<i style="--share:{s.rate:.3f};--low:{s.low:.3f};--high:{s.high:.3f}"></i><b>{html.escape(said)}</b></p>'
    )
