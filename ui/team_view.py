"""The team at work: step, play, lose a member, and see what everybody believes, says and does, and why."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from lab import team
from lab.team import TeamRun
from rlhf_core.agent_team import MOST_EXECUTORS, MOST_EXPLORERS, MOST_PLANNERS
from rlhf_core.labyrinth import SIZES
from ui import errors, layout, session, team_board, team_talk_view
from ui.i18n import t
from ui.team_desk import TeamDesk, action_name, change, choose, desk, mind_name, role_name, why_sentence

SPEEDS = (1.0, 2.0, 4.0, 8.0)
"""Ticks a second."""
BUDGETS = (12, 20, 30, 60, 120, 240)
LOSSES = tuple(i / 10 for i in range(10))
NOISES = tuple(i / 20 for i in range(7))
CAPS = range(100, 1001, 100)


def play_fragment() -> None:
    """The whole of it; drawn anew alone, and by itself while it plays."""
    at = desk()
    speed = float(session.value("team_speed", SPEEDS[1]))
    st.fragment(errors.guard()(_play), run_every=1 / speed if at.playing else None)()


def _play() -> None:
    at = desk()
    if at.finishing:
        with st.spinner(t("team.finishing")):
            at.finishing = False  # at the spinner another run of the page could still have taken this one's place
            at.run.finish()
        at.run.keep(at.of[0])
    if at.playing and time.monotonic() >= at.next_at:
        at.next_at = time.monotonic() + 0.8 / float(session.value("team_speed", SPEEDS[1]))
        if at.run.step():
            at.run.keep(at.of[0])
        if at.run.over:
            at.playing = False
            st.rerun()
    _buttons(at)
    if session.session().problem and not at.problem_at:
        layout.problem(session.session().problem)
    board, maps, acts = st.columns([1.28, 1, 0.82], gap="medium")
    with board:
        svg = team_board.draw(at.run.team, at.of[1], label=summary(at.run), chosen=at.chosen)
        team_board.show(svg, key="team_board", on_message=lambda name: choose(at, name))
        layout.note(t("team.legend"))
    with maps:
        _maps(at)
    with acts:
        _interventions(at)
        _decisions(at)
    _figures(at)
    team_talk_view.talk(at)


def summary(run: TeamRun) -> str:
    """The picture in words."""
    world = run.team.world
    who = "; ".join(
        t("team.at", name=name, role=role_name(role), row=world.positions[name][0], column=world.positions[name][1])
        for name, role in team_board.roles_now(run.team).items()
    )  # fmt: skip
    way = len(team_board.on_the_way(run.team))
    return t("team.summary", tick=run.tick, size=run.settings.size, who=who, messages=way)


# Step, play, begin again; the labyrinth; the settings.


def _buttons(at: TeamDesk) -> None:
    going = not at.run.over
    s = at.run.settings

    def step() -> None:
        session.forget_problem()
        at.playing = False
        at.run.step()
        at.run.keep(at.of[0])

    def play() -> None:
        session.forget_problem()
        at.playing, at.next_at = not at.playing, 0.0

    def finish() -> None:
        session.forget_problem()
        at.playing, at.finishing = False, True

    def begin(**changes: Any) -> None:
        at.playing, at.chosen = False, None
        change(at, lambda: TeamRun(at.run.store, team.changed_settings(at.run.settings, **changes)))

    def changed(name: str, key: str) -> None:
        value = st.session_state[key]
        if value is not None and session.heard(key):
            begin(**{name: value})

    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="team_buttons"):
        kind = "primary" if going else "secondary"
        st.button(
            t("team.step"), key="team_step", type=kind, disabled=not going, on_click=step, help=t("team.tick_help")
        )
        label = t("walk.pause" if at.playing else "walk.play")
        if st.button(label, key="team_play", disabled=not going, on_click=play):
            st.rerun()  # the fragment's clock begins or ends with the page
        st.button(t("walk.finish"), key="team_finish", disabled=not going, on_click=finish)
        st.button(t("walk.reset"), key="team_reset", on_click=begin, help=t("team.reset_help"))
        st.selectbox(
            t("walk.speed"), SPEEDS, key=session.keep("team_speed", SPEEDS[1], SPEEDS), width=150,
            format_func=lambda speed: t("team.speed_unit", n=f"{speed:g}"), label_visibility="collapsed",
        )  # fmt: skip
        st.button(
            t("team.new"), key="team_new", on_click=lambda: begin(seed=at.run.settings.seed + 1),
            help=t("team.new_help"),
        )  # fmt: skip
        st.number_input(
            t("run.seed"), 0, 10**6, key=session.follow("team_seed", s.seed), on_change=changed,
            args=("seed", "team_seed"), width=95, label_visibility="collapsed",
        )  # fmt: skip
        st.selectbox(
            t("team.size"), list(SIZES), key=session.put("team_size", s.size), on_change=changed,
            args=("size", "team_size"), width=130, label_visibility="collapsed",
            format_func=lambda size: f"{size} \N{MULTIPLICATION SIGN} {size}",
        )  # fmt: skip
        with st.popover(t("team.members"), key="team_members"):
            _member_settings(at, changed)
        with st.popover(t("team.conditions"), key="team_conditions"):
            _condition_settings(at, changed)


def _member_settings(at: TeamDesk, changed: Callable[[str, str], None]) -> None:
    """Who is in the team. What a popover holds is made when it opens, so every value is said anew each time; that would
    snatch a slider from a hand while the team plays, so it rests then."""
    c, s = at.run.settings.config, at.run.settings
    layout.note(t("team.anew_paused" if at.playing else "team.anew"))
    for name, most in (("planners", MOST_PLANNERS), ("explorers", MOST_EXPLORERS), ("executors", MOST_EXECUTORS)):
        key = f"team_{name}"
        st.slider(
            t(f"team.{name}"), int(name == "executors"), most, key=session.put(key, getattr(c, name)),
            on_change=changed, args=(name, key), help=t(f"team.{name}_help"), disabled=at.playing,
        )  # fmt: skip
    st.toggle(
        t("team.adaptive"), key=session.put("team_adaptive", c.adaptive), on_change=changed,
        args=("adaptive", "team_adaptive"), help=t("team.adaptive_help"), disabled=at.playing,
    )  # fmt: skip
    store, lab = at.run.store, at.of[0]
    for name, options in (
        ("planner_mind", team.planner_minds(store, lab)), ("executor_mind", team.executor_minds(store, lab)),
    ):  # fmt: skip
        key, now = f"team_{name}", getattr(s, name)

        def chosen(name: str = name, key: str = key, options: list[str] = options) -> None:
            if st.session_state[key] in options:
                changed(name, key)

        st.selectbox(
            t(f"team.{name}"), options, key=session.put(key, now if now in options else options[0]),
            on_change=chosen, format_func=mind_name, help=t(f"team.{name}_help"), disabled=at.playing,
        )  # fmt: skip


def _condition_settings(at: TeamDesk, changed: Callable[[str, str], None]) -> None:
    c = at.run.settings.config
    layout.note(t("team.anew_paused" if at.playing else "team.anew"))
    left, right = st.columns(2, gap="medium")

    def choice(name: str, options: Any, percent: bool = False) -> None:
        key = f"team_{name}"
        now = getattr(c, name)
        known = sorted({*options, now})
        st.select_slider(
            t(f"team.{name}"), known, key=session.put(key, now), on_change=changed, args=(name, key),
            format_func=lambda value: f"{value:.0%}" if percent else f"{value}", help=t(f"team.{name}_help"),
            disabled=at.playing,
        )  # fmt: skip

    with left:
        choice("loss", LOSSES, percent=True)
        choice("delay", range(1, 11))
        choice("word_budget", BUDGETS)
        choice("max_ticks", CAPS)
    with right:
        choice("noise", NOISES, percent=True)
        choice("radius", range(1, 6))
        choice("carry_period", range(1, 5))


def _interventions(at: TeamDesk) -> None:
    """What can be done to the team while it works."""

    def talk() -> None:
        at.playing = False
        value = bool(st.session_state["team_communication"])
        change(at, lambda: TeamRun(at.run.store, team.changed_settings(at.run.settings, communication=value)))

    st.html(f'<p class="lab-walk-state">{html.escape(state_line(at.run))}</p>')
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="team_interventions"):
        st.toggle(
            t("team.communication"), on_change=talk, help=t("team.communication_help"), width="content",
            key=session.follow("team_communication", at.run.settings.config.communication),
        )  # fmt: skip
        for name in at.run.team.config.roster:
            st.button(
                t("team.lose", name=name), key=f"team_lose_{name}", disabled=name not in at.run.present,
                on_click=lambda name=name: change(at, lambda: at.run.lose(name)), help=t("team.lose_help", name=name),
            )  # fmt: skip
        if at.run.interventions:
            st.button(
                t("team.undo"), key="team_undo", on_click=lambda: change(at, at.run.undo), help=t("team.undo_help")
            )
            st.button(t("team.undo_all"), key="team_undo_all", on_click=lambda: change(at, at.run.undo_all))


def state_line(run: TeamRun) -> str:
    """How far it is, and what was done to it."""
    world = run.team.world
    line = t("team.state", tick=run.tick, shortest=run.team.labyrinth.shortest)
    if world.success:
        line = f"{line} {t('team.escaped')}"
    elif run.over:
        line = f"{line} {t('team.time_up' if run.tick >= run.settings.config.max_ticks else 'team.nobody_left')}"
    if run.interventions:
        line = f"{line} {t('team.interventions', n=len(run.interventions))}"
    return line


# What everybody believes, does, and what it came to.


def _maps(at: TeamDesk) -> None:
    run, cards = at.run.team, list[str]()
    roles, lost = team_board.roles_now(run), team_board.gone(run)
    for name, role in roles.items():
        said = t("team.map_lost") if name in lost else t(
            "team.map_known", share=team_board.known_share(run, name),
            exit=t("team.map_exit" if run.map_of(name).exit else "team.map_no_exit"),
        )  # fmt: skip
        cards.append(
            f'<div class="card{" lost" * (name in lost)}"><p>{team_board.badge(name, role)}'
            f"<b>{html.escape(role_name(role))}</b></p>{team_board.draw_map(run, name)}"
            f"<small>{html.escape(said)}</small></div>"
        )
    many = " many" if len(cards) > 4 else ""
    team_board.show(f'<div class="beliefs{many}">{"".join(cards)}</div>', key="team_maps", on_message=lambda name: None)
    layout.note(t("team.maps_legend"))


def _decisions(at: TeamDesk) -> None:
    record = at.run.record
    if record is None:
        st.html(f'<h3 class="lab-team-head">{html.escape(t("team.decisions_none"))}</h3>')
        layout.note(t("team.begin"))
        return
    st.html(f'<h3 class="lab-team-head">{html.escape(t("team.decisions", tick=record.tick))}</h3>')
    rows: list[str] = []
    for decision in record.decisions:
        act = t("team.bumps_now") if decision.member in record.bumps else action_name(decision)
        because = ""
        if decision.because:
            names = decision.because[:3]
            more = len(decision.because) - len(names)
            because = t("team.because", names=", ".join(names)) + (t("team.because_more", n=more) if more else "")
        rows.append(
            f"<li>{team_board.badge(decision.member, decision.role)}<p><b>{html.escape(role_name(decision.role))}: "
            f"{html.escape(act)}</b> {html.escape(why_sentence(decision))}"
            f"<small>{html.escape(because)}</small></p></li>"
        )
    rows += [
        f'<li class="lost">{team_board.badge(name, at.run.team.config.roster[name])}'
        f"<p>{html.escape(t('team.lost_now', name=name))}</p></li>"
        for name in record.lost
    ]
    st.html(f'<ul class="lab-acts">{"".join(rows)}</ul>')


def _figures(at: TeamDesk) -> None:
    outcome, c = at.run.team.outcome, at.run.settings.config
    world = at.run.team.world
    lost = sum(message.arrives is None for message in at.run.messages)
    with st.container(key="team_figures"):
        layout.facts([
            (f"{at.run.tick}", t("team.ticks"), t("team.ticks_sentence", most=c.max_ticks)),
            (f"{outcome.moves}", t("team.moves"), t("team.moves_sentence")),
            (f"{outcome.bumps}", t("team.bumps"), t("team.bumps_sentence")),
            (f"{outcome.messages:,}", t("team.messages"), t("team.messages_sentence", lost=lost)),
            (f"{outcome.words:,}", t("team.words"), t("team.words_sentence", budget=c.word_budget)),
            (f"{len(world.out)}/{len(world.carriers)}", t("team.out"), t("team.out_sentence")),
        ])  # fmt: skip
