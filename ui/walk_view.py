"""A maze, a policy or two in it, and what they think: step, play, change the maze, edit a thought."""

from __future__ import annotations

import html
import json
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from lab import mazes, models, walking
from lab.walking import Walk, Walker
from rlhf_core.gridworld import EXAMPLES, LARGEST, SMALLEST, Cell, MazeError, maze_json, parse_mazes
from rlhf_core.maze_language import maze_tokenizer
from rlhf_core.navigation import Decision
from ui import charts, controls, errors, layout, maze_board, session
from ui.i18n import t
from ui.live_figure import live_figure, palette

TOOLS = ("wall", "start", "goal")
SPEEDS = (1.0, 2.0, 4.0)
"""Moves a second."""
VIEWS = (0, 1, 2, 3)
"""How far a policy sees walls; 0 stands for all of them."""
PLANS = (1, 4, 16)
HIDDEN = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
TRIALS = 4
NOBODY = "nobody"


@dataclass
class WalkDesk:
    """The walk that this visit looks at."""

    walk: Walk
    of: tuple[int, str]
    """The lab and its model's language."""
    playing: bool = False
    next_at: float = 0.0
    """When the next move is due, of `time.monotonic`."""


def desk() -> WalkDesk:
    """The lab's walk, where it was left."""
    own, lab = session.session(), session.current_lab()
    known = own.walk
    if not isinstance(known, WalkDesk) or known.of != (lab.id, lab.language):
        store = session.laboratory().store
        walk = walking.kept_walk(store, lab.id, lab.language)
        walk = walk or Walk(store, walking.Settings(maze=walking.opening()), lab.language)
        own.walk = known = WalkDesk(walk, (lab.id, lab.language))
    return known


def who_name(name: str) -> str:
    """A policy's name on the page."""
    run = models.run_of(session.laboratory().store, name)
    return t("maze.who.run", run=run.number) if run else t(f"maze.who.{name}")


def move_name(move: str | None) -> str:
    """A move's name on the page."""
    return t("walk.no_move") if move is None else t(f"maze.{move}")


def everyone() -> list[str]:
    """All that can be let into a maze: shipped models, this lab's runs, rules."""
    lab = session.current_lab()
    return [*mazes.choices(session.laboratory().store, lab.id), *walking.BASELINES]


def walk_fragment() -> None:
    """The whole of it; drawn anew alone, and by itself while it plays."""
    at = desk()
    speed = float(session.value("maze_speed", SPEEDS[1]))
    st.fragment(errors.guard()(_walk), run_every=1 / speed if at.playing else None)()


def _walk() -> None:
    at = desk()
    if at.playing and time.monotonic() >= at.next_at:
        at.next_at = time.monotonic() + 0.8 / float(session.value("maze_speed", SPEEDS[1]))
        if at.walk.step():
            _keep(at)
        else:
            at.playing = False
            st.rerun()
    _buttons(at)
    two = len(at.walk.walkers) > 1
    *cards, side = st.columns([1, 1, 0.85] if two else [1.25, 0.85, 0.85], gap="medium")
    if session.session().problem:
        layout.problem(session.session().problem)
    for i, walker in enumerate(at.walk.walkers):
        with cards[i]:
            _card(at, i, walker)
    if not two:
        with cards[1]:
            _choose(at, 1, NOBODY)
            layout.note(t("walk.second"))
    with side:
        _settings(at)
    _learning(at)


def _keep(at: WalkDesk) -> None:
    at.walk.keep(at.of[0])


# Step, play, begin again.


def _buttons(at: WalkDesk) -> None:
    going = any(walker.decision is not None for walker in at.walk.walkers)

    def step() -> None:
        session.forget_problem()
        at.playing = False
        at.walk.step()
        _keep(at)

    def play() -> None:
        session.forget_problem()
        at.playing, at.next_at = not at.playing, 0.0

    def finish() -> None:
        at.playing = False
        at.walk.finish()
        _keep(at)

    def reset() -> None:
        session.forget_problem()
        at.playing = False
        at.walk = Walk(at.walk.store, at.walk.settings, at.walk.language)
        _keep(at)

    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="maze_buttons"):
        kind = "primary" if going else "secondary"
        st.button(t("walk.step"), key="maze_step", type=kind, disabled=not going, on_click=step)
        label = t("walk.pause" if at.playing else "walk.play")
        if st.button(label, key="maze_play", disabled=not going, on_click=play):
            st.rerun()  # the fragment's clock begins or ends with the page
        st.button(t("walk.finish"), key="maze_finish", disabled=not going, on_click=finish)
        st.button(t("walk.reset"), key="maze_reset", on_click=reset, help=t("walk.reset_help"))
        st.selectbox(
            t("walk.speed"), SPEEDS, key=session.keep("maze_speed", SPEEDS[1], SPEEDS), width=195,
            format_func=lambda speed: t("walk.speed_unit", n=f"{speed:g}"), label_visibility="collapsed",
        )  # fmt: skip
        layout.note(t("walk.legend"))


# One policy.


def _card(at: WalkDesk, i: int, walker: Walker) -> None:
    with st.container(key=f"maze_card_{i}", gap="small"):
        _choose(at, i, walker.name)
        decision = walker.decision
        within = 0.6 / float(session.value("maze_speed", SPEEDS[1])) if at.playing else maze_board.LONGEST
        svg = maze_board.draw(
            walker.world, decision, walker.policy.memory if at.walk.settings.remember else None,
            label=summary(walker), edited=walker.original is not None, within=within,
        )  # fmt: skip
        maze_board.board(svg, key=f"maze_board_{i}", on_cell=partial(_click, at))
        st.html(f'<p class="lab-walk-state">{html.escape(state_line(walker))}</p>')
        if decision is not None:
            st.html(thought_html(walker, decision, at.walk.language, within))
            if walker.thinks:
                _edit(at, i, walker)


def _choose(at: WalkDesk, i: int, name: str) -> None:
    options = [*([NOBODY] if i else []), *everyone()]
    key = f"maze_who_{i}"

    def choose() -> None:
        chosen = st.session_state[key]
        if chosen not in options or not session.heard(key):
            return
        who = [*at.walk.settings.who[:i], *([] if chosen == NOBODY else [chosen]), *at.walk.settings.who[i + 1 :]]
        change(at, who=tuple(who))

    def let_think() -> None:
        thinks = list(at.walk.settings.thinks)
        thinks[i] = st.session_state[f"maze_thinks_{i}"]
        change(at, thinks=tuple(thinks))

    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.selectbox(
            t("walk.who", n=i + 1), options, key=session.follow(key, name if name in options else options[0]),
            format_func=lambda one: t("walk.nobody") if one == NOBODY else who_name(one), on_change=choose,
            label_visibility="collapsed",
        )  # fmt: skip
        if i < len(at.walk.walkers) and at.walk.walkers[i].thinks:
            st.toggle(
                t("walk.thinks"), key=session.follow(f"maze_thinks_{i}", at.walk.settings.thinks[i]),
                on_change=let_think, help=t("walk.thinks_help"), width="content",
            )  # fmt: skip


def summary(walker: Walker) -> str:
    """The picture in words."""
    world, decision = walker.world, walker.decision
    move = move_name(decision.action if decision else None)
    return t(
        "walk.summary", size=world.maze.size, walls=len(world.maze.walls), row=world.position[0],
        column=world.position[1], goal_row=world.maze.goal[0], goal_column=world.maze.goal[1], move=move,
    )  # fmt: skip


def state_line(walker: Walker) -> str:
    """How far it is, and whether it will arrive."""
    world = walker.world
    line = t("walk.state", step=world.steps, shortest=world.maze.shortest, bumps=world.bumps)
    if world.at_goal:
        return f"{line} {t('walk.arrived')}"
    if world.over:
        return f"{line} {t('walk.cut_off', most=world.max_steps)}"
    return f"{line} {t('walk.circling')}" if walker.circling else line


def thought_html(walker: Walker, decision: Decision, language: str, within: float) -> str:
    """What is thought, word by word as it is written, then the move; and whether plan and move hold."""
    tokenizer = maze_tokenizer(language)
    words = decision.text.split()
    pace = maze_board.seconds_a_word(len(words), within)
    shown = "".join(
        f'<span style="--after:{i * pace:.2f}s">{html.escape(word)}</span>'
        for i, word in enumerate(words)
    )
    after = f"--after:{len(words) * pace:.2f}s"
    move = move_name(decision.action)
    act = html.escape(tokenizer.word("act"))
    rows: list[tuple[str, str]] = []
    if decision.plan:
        rows.append(_verdict(decision.plan_valid, "walk.plan_valid", "walk.plan_invalid", n=len(decision.plan)))
        rows.append(_verdict(decision.follows_plan, "walk.follows", "walk.ignores"))
    elif not words:
        rows.append(("", t("walk.no_thought")))
    if decision.candidates:
        valid = walker.valid_candidates
        rows.append(("", t("walk.candidates", n=len(decision.candidates), valid=valid)))
    if decision.tokens and walker.original is None:
        rows.append(("", t("walk.cost", tokens=decision.tokens, ms=decision.seconds * 1000)))
    if walker.original is not None:
        rows.append(("", t("walk.edited", was=move_name(walker.original.action))))
    listed = "".join(f'<li class="{kind}">{html.escape(text)}</li>' for kind, text in rows)
    said = f'{shown}<b style="{after}">{act} → {html.escape(move)}</b>'
    return f'<div class="lab-thought"><p class="words" tabindex="0">{said}</p><ul>{listed}</ul></div>'


def _verdict(good: bool | None, yes: str, no: str, **slots: Any) -> tuple[str, str]:
    """A line of the list under a thought: its class, and its text."""
    return ("good", t(yes, **slots)) if good else ("miss", t(no, **slots))


def _edit(at: WalkDesk, i: int, walker: Walker) -> None:
    """Another thought in place of its own, and what it does then."""
    decision = walker.decision
    assert decision is not None

    def draw() -> None:
        # A new thought is a new field: what was typed about the last one has no meaning here.
        place = f"{len(walker.trials)}_{walker.world.steps}_{hash((decision.text, walker.world.maze))}"
        field = f"maze_typed_{i}_{place}"
        st.text_area(t("walk.edit_label"), decision.text, key=field, height=80)
        suggestion = at.walk.suggest_edit(walker)

        def act_on(text: str | None) -> None:
            session.forget_problem()
            try:
                at.walk.edit(walker, text or "")
            except ValueError as error:
                session.session().problem = errors.explain(error)
                return
            _keep(at)

        with st.container(horizontal=True, gap="small"):
            st.button(
                t("walk.act_on"), key=f"maze_act_{i}", type="primary", on_click=lambda: act_on(st.session_state[field])
            )
            st.button(
                t("walk.suggest"), key=f"maze_suggest_{i}", on_click=act_on, args=(suggestion or "",),
                disabled=suggestion is None, help=t("walk.suggest_help"),
            )  # fmt: skip
            st.button(t("walk.silence"), key=f"maze_silence_{i}", on_click=act_on, args=("",))
            if walker.original is not None:
                st.button(t("walk.undo"), key=f"maze_undo_{i}", on_click=at.walk.undo_edit, args=(walker,))
        layout.note(t("walk.edit_note"))

    layout.fold(t("walk.edit"), f"maze_edit_{i}", draw)


# The maze and what can be known of it.


def change(at: WalkDesk, **changes: Any) -> None:
    """Other settings; what can't be made is said, and the last good maze stays."""
    session.forget_problem()
    try:
        at.walk = at.walk.changed(**changes)
    except (MazeError, ValueError) as error:
        session.session().problem = errors.explain(error)
        return
    _keep(at)


def _click(at: WalkDesk, cell: Cell) -> None:
    tool = session.value("maze_tool", "wall")
    at.playing = False
    try:
        maze = walking.with_cell(at.walk.settings.maze, cell, tool)
    except MazeError as error:
        session.session().problem = errors.explain(error)
        return
    change(at, maze=maze)


def draw_maze(at: WalkDesk, seed: int) -> None:
    """Put the maze of a seed in place of this one."""
    at.playing = False
    size, hard = int(session.value("maze_size", at.walk.settings.maze.size)), bool(session.value("maze_hard", True))
    change(at, maze=walking.opening(seed, size, hard), seed=seed)


def _settings(at: WalkDesk) -> None:
    s = at.walk.settings

    def reseed() -> None:
        draw_maze(at, int(st.session_state["maze_seed"]))

    def example() -> None:
        chosen = st.session_state["maze_example"]
        if chosen in EXAMPLES:
            at.playing = False
            change(at, maze=EXAMPLES[chosen])
            st.session_state["maze_example"] = None

    def changed(name: str, key: str) -> None:
        value = st.session_state[key]
        if value is not None and session.heard(key):  # see `layout`, of the languages
            change(at, **{name: (value or None) if name == "view" else value})

    with st.container(key="maze_settings", gap="small"):
        st.segmented_control(
            t("walk.tool"), TOOLS, key=session.keep("maze_tool", "wall", TOOLS), required=True,
            format_func=lambda tool: t(f"walk.tool_{tool}"), help=t("walk.tool_help"),
        )  # fmt: skip
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            st.button(t("walk.new"), key="maze_new", on_click=draw_maze, args=(at, s.seed + 1))
            st.number_input(
                t("run.seed"), 0, 10**6, key=session.follow("maze_seed", s.seed), on_change=reseed, width=125,
                help=t("walk.seed_help"),
            )  # fmt: skip
        st.slider(
            t("walk.size"), SMALLEST, LARGEST, key=session.keep("maze_size", s.maze.size), on_change=reseed,
            help=t("walk.size_help"),
        )  # fmt: skip
        st.toggle(t("walk.hard"), key=session.keep("maze_hard", True), on_change=reseed, help=t("walk.hard_help"))
        st.selectbox(
            t("walk.examples"), tuple(EXAMPLES), index=None, key="maze_example", on_change=example,
            format_func=lambda name: t(f"walk.example_{name}"), placeholder=t("walk.examples_choose"),
        )  # fmt: skip
        controls.stops(
            "hidden", HIDDEN, s.hidden, label=t("walk.hidden"), note=t("walk.hidden_help"), key="maze_hidden",
            on_change=lambda name: changed(name, "maze_hidden"), form=".0%",
        )  # fmt: skip
        st.segmented_control(
            t("walk.view"), VIEWS, key=session.follow("maze_view", s.view or 0), required=True,
            format_func=lambda view: t("walk.view_all") if not view else str(view), help=t("walk.view_help"),
            on_change=changed, args=("view", "maze_view"),
        )  # fmt: skip
        st.toggle(
            t("walk.remember"), key=session.follow("maze_remember", s.remember), help=t("walk.remember_help"),
            on_change=changed, args=("remember", "maze_remember"),
        )  # fmt: skip
        st.segmented_control(
            t("walk.plans"), PLANS, key=session.follow("maze_plans", s.plans), required=True,
            help=t("walk.plans_help"), on_change=changed, args=("plans", "maze_plans"),
        )  # fmt: skip
        _as_text(at)


def _as_text(at: WalkDesk) -> None:
    """The maze as JSON, out and in: the form that the command line reads."""

    def draw() -> None:
        now = json.dumps([maze_json(at.walk.settings.maze)])
        field = f"maze_json_{hash(now)}"
        st.text_area(t("walk.json_label"), now, key=field, height=110)

        def use() -> None:
            try:
                maze = parse_mazes(st.session_state[field] or "")[0]
            except MazeError as error:
                session.session().problem = errors.explain(error)
            else:
                change(at, maze=maze)

        st.button(t("walk.json_use"), key="maze_json_use", on_click=use)

    layout.fold(t("walk.json"), "maze_json", draw)


# Learning from feedback.


def _learning(at: WalkDesk) -> None:
    """What was earned lately, what the notebook advises, and trial after trial in the same maze."""
    layout.section("walk.learning")

    def next_trial() -> None:
        at.walk.next_trial()
        _keep(at)

    def some_trials() -> None:
        at.playing = False
        for _ in range(TRIALS):
            at.walk.finish()
            at.walk.next_trial()
        _keep(at)

    left, right = st.columns([1, 1.3], gap="large")
    with left:
        with st.container(horizontal=True, gap="small"):
            st.button(t("walk.next_trial"), key="maze_trial", on_click=next_trial, help=t("walk.next_trial_help"))
            st.button(t("walk.trials", n=TRIALS), key="maze_trials", on_click=some_trials)
        items: list[tuple[str, str, str]] = []
        for walker in at.walk.walkers:
            mean, advice = walker.policy.memory.recent_reward, walker.policy.advice
            value = "…" if mean is None else controls.signed(mean)
            said = t("walk.advice_none") if advice is None else t(f"walk.advice_{advice}")
            items.append((value, who_name(walker.name), said))
        layout.facts(items)
        layout.note(t("walk.recent_note"))
    with right:
        series = [
            charts.Series(
                name=who_name(walker.name), x=list(range(1, len(walker.outcomes) + 1)),
                y=[steps for _, steps, _ in walker.outcomes],
            )
            for walker in at.walk.walkers
        ]  # fmt: skip
        lines = [
            t("walk.trial_line", who=who_name(walker.name), steps=", ".join(str(s) for _, s, _ in walker.outcomes),
              bumps=", ".join(str(b) for *_, b in walker.outcomes))
            for walker in at.walk.walkers if walker.outcomes
        ]  # fmt: skip
        shortest = at.walk.settings.maze.shortest
        live_figure(
            charts.curves(series, palette(), baseline=shortest, from_zero=True, height=190, x_title=t("walk.trial")),
            key="maze_trials_chart", name=t("walk.steps_chart"), sentence=t("walk.steps_sentence", n=shortest),
            summary=" ".join(lines) or t("walk.trials_none"),
        )  # fmt: skip
