"""What teamwork is worth: the team beside single agents and the team that can't talk, in the same labyrinths."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lab import team_evaluation
from lab.team import Settings
from lab.team_evaluation import TEAM, TeamExam
from ui import charts, errand_view, layout, session
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.team_desk import desk, mind_name

NUMBERS = (20, 50, 100)
MODEL_NUMBERS = (20,)
"""A language model takes its time."""
COLUMNS = ("success", "ticks", "ratio", "moves", "words", "messages")
LOSSES = (0, 5, 10, 20, 40)
"""Ticks in which E1 is lost; 0 stands for never."""


def questions() -> TeamExam:
    """What is measured: the team as it is set in the other view, in how many labyrinths."""
    settings = desk().run.settings
    layout.note(about_team(settings))
    numbers = MODEL_NUMBERS if settings.thinks else NUMBERS
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom", key="team_exam"):
        n = st.segmented_control(
            t("team_exam.n"), numbers, key=session.keep("team_exam_n", numbers[0], numbers), required=True,
            help=t("team_exam.n_help"),
        )  # fmt: skip
        lost = st.segmented_control(
            t("team_exam.lost"), LOSSES, key=session.keep("team_exam_lost", 0, LOSSES), required=True,
            format_func=lambda tick: t("team_exam.lost_never") if tick == 0 else t("team_exam.lost_at", tick=tick),
            help=t("team_exam.lost_help"), disabled=settings.config.explorers == 0,
        )  # fmt: skip
    lost_at = int(lost) if lost and settings.config.explorers else None
    return TeamExam(settings=settings, n=int(n), lost_at=lost_at)


def about_team(s: Settings) -> str:
    """A team's settings in words."""
    c = s.config
    return t(
        "team_exam.about_team", size=s.size, planners=c.planners, explorers=c.explorers, executors=c.executors,
        roles=t("team_exam.adaptive" if c.adaptive else "team_exam.fixed"),
        talk=t("team_exam.talk" if c.communication else "team_exam.no_talk"), loss=c.loss, delay=c.delay,
        noise=c.noise, radius=c.radius, period=c.carry_period, budget=c.word_budget, most=c.max_ticks,
        planner=mind_name(s.planner_mind), executor=mind_name(s.executor_mind),
    )  # fmt: skip


def run(exam: TeamExam) -> None:
    """Measure, with a bar; what came of it is kept for the lab."""
    laboratory, lab = session.laboratory(), session.current_lab()

    def button() -> None:
        st.button(
            t("team_exam.run", n=exam.n), key="team_exam_run", type="primary", on_click=team_evaluation.send,
            args=(laboratory.errands, laboratory.store, lab.id, exam),
        )  # fmt: skip

    errand_view.errand(team_evaluation.NAME, button, lambda who: t("team_exam.running"))


def results() -> None:
    """What was measured last."""
    kept = team_evaluation.kept(session.laboratory().store, session.current_lab().id)
    if kept is None:
        layout.callout(t("team_exam.none"))
        return
    exam, found = kept
    layout.section("team_exam.results")
    lost = t("team_exam.with_loss", tick=exam.lost_at) if exam.lost_at is not None else ""
    layout.note(f"{t('team_exam.about', n=exam.n)} {about_team(exam.settings)} {lost}".strip())
    with st.container(key="team_exam_table"):
        layout.table(
            "lab-exam", ("", *(t(f"team_exam.{name}") for name in COLUMNS)),
            [_row(row, t(f"team_exam.who_{row['who']}")) for row in found["rows"]],
        )  # fmt: skip
    layout.note(_in_words(found["rows"]))
    with st.expander(t("exam.words"), key="team_exam_words"):
        for name in COLUMNS:
            layout.note(f"{t(f'team_exam.{name}')}: {t(f'team_exam.{name}_sentence')}")
    _parallel(found["explorers"])


def _row(row: Mapping[str, Any], who: str) -> Sequence[str]:
    ratio = row.get("ratio")
    return [
        html.escape(who),
        _cell(row["success"], ".0%"),
        _cell(row["ticks"], ".1f"),
        _cell(ratio, ".2f") if ratio else "",
        f"{row['moves']:.1f}",
        f"{row['words']:,.0f}",
        f"{row['messages']:,.0f}",
    ]


def _cell(interval: Mapping[str, Any], form: str) -> str:
    low, high = format(interval["low"], form), format(interval["high"], form)
    between = t("team_exam.interval", low=low, high=high)
    return f"{format(interval['rate'], form)}<small>{html.escape(between)}</small>"


def _in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(
        t("team_exam.ratio_words", who=t(f"team_exam.who_{row['who']}"), ratio=row["ratio"]["rate"],
          low=row["ratio"]["low"], high=row["ratio"]["high"])
        for row in rows if row["who"] != TEAM
    )  # fmt: skip


def _parallel(rows: Sequence[Mapping[str, Any]]) -> None:
    """Ticks against the number of explorers: what working in parallel is worth."""
    layout.section("team_exam.parallel")
    chart, table = st.columns([1, 1.1], gap="large")
    points = [(int(row["who"]), *(row["ticks"][name] for name in ("rate", "low", "high"))) for row in rows]
    said = ", ".join(t("team_exam.parallel_point", n=n, ticks=ticks) for n, ticks, *_ in points)
    with chart:
        live_figure(
            charts.with_errors(points, palette(), x_title=t("team.explorers"), y_title=t("team_exam.ticks")),
            key="team_parallel", name=t("team_exam.parallel_chart"), sentence=t("team_exam.parallel_sentence"),
            summary=said,
        )  # fmt: skip
    with table:
        layout.table(
            "lab-exam", (t("team.explorers"), *(t(f"team_exam.{name}") for name in COLUMNS)),
            [_row(row, str(row["who"])) for row in rows],
        )  # fmt: skip
