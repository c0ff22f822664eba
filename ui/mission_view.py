"""The mission on the labelling page: groups that label to secret briefs, guess each other's, and see them revealed."""

from __future__ import annotations

import html
import secrets

import streamlit as st

from lab import mission as missions
from lab import models
from lab.database import StoreError
from lab.labelling import LabellingError, Showing, TooFastError
from lab.mission import MissionDesk, Result
from lab.mission_records import MOST_GROUPS
from lab.store import Lab, Mission
from ui import charts, controls, errors, label_view, layout, session
from ui.ballot import TIE, UNDO, Hand, Paper, Said, ballot
from ui.i18n import t
from ui.live_figure import live_figure, palette

PARTS = ("label", "guess", "reveal")
GROUPS = range(missions.FEWEST_GROUPS, MOST_GROUPS + 1)


@st.fragment
@errors.guard()
def panel() -> None:
    """A lab's mission, as far as it has come; rerun alone at each click."""
    if session.read_lab() != session.current_lab():
        st.rerun()
    lab, own = session.current_lab(), session.session()
    mission = missions.current(session.laboratory().store, lab)
    if own.problem:
        layout.problem(own.problem)
    if mission is None:
        layout.note(t("mission.how", pairs=missions.PAIRS))
        _beginning(lab)
        return
    st.segmented_control(
        t("mission.part"), PARTS, key=session.keep("mission_part", "label", PARTS), required=True,
        format_func=lambda part: t(f"mission.part_{part}"), label_visibility="collapsed", on_change=hide,
    )  # fmt: skip
    match st.session_state["mission_part"]:
        case "guess":
            _guessing(mission)
        case "reveal":
            _reveal(mission)
        case _:
            _labelling(lab, mission)
    with st.popover(t("mission.new"), key="mission_new"):
        layout.note(t("mission.new_why"))
        _beginning(lab)


def group_name(group: int) -> str:
    return t("mission.group", n=group)


def brief_name(brief: str) -> str:
    return t(f"mission.brief_{brief}")


def brief_sentence(brief: str) -> str:
    words = models.assets(session.current_lab().language).grammar.comfortable_length
    return t(f"mission.brief_{brief}_what", words=words)


def hide() -> None:
    """No brief is in sight any more."""
    session.session().mission_look = 0
    session.forget_problem()


# The beginning.


def _beginning(lab: Lab) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        n = st.segmented_control(
            t("mission.groups"), GROUPS, key=session.keep("mission_groups", 3, GROUPS), required=True
        )
        st.button(t("mission.begin"), key="mission_begin", type="primary", on_click=_begin, args=(lab, n))


def _begin(lab: Lab, groups: int) -> None:
    hide()
    errors.attempt(missions.begin, session.laboratory().store, lab, groups, secrets.randbits(31))
    session.put("mission_part", "label")
    session.put("mission_group", 1)


# Labelling.


def _labelling(lab: Lab, mission: Mission) -> None:
    store = session.laboratory().store
    done = {group: len(missions.labels(store, mission, group)) for group in mission.groups}
    group = st.segmented_control(
        t("mission.who"), mission.groups, key=session.keep("mission_group", 1, mission.groups), required=True,
        format_func=lambda one: t("mission.group_at", n=one, k=done.get(one, 0), of=missions.PAIRS), on_change=hide,
    )  # fmt: skip
    _brief(mission, group)
    desk = MissionDesk(store, lab, mission, group)
    showing = desk.current() if done[group] < missions.PAIRS else None
    if showing is None:
        layout.callout(t("mission.group_done", n=group, pairs=missions.PAIRS))
        if not mission.revealed:
            st.button(
                t("label.undo"), key="mission_undo", shortcut="Backspace", type="tertiary", on_click=_undo,
                args=(desk,),
            )  # fmt: skip
    else:
        own = session.session()
        hand = Hand(lambda said: _answer(desk, own, said), lambda: _undo(desk), lambda: _answered(desk, mission))
        others = [TIE, *([UNDO] if done[group] else [])]
        ballot("mission_ballot", hand, _paper(group, showing), [label_view.SIDES, others])
    layout.note(t("mission.apart"))


def _brief(mission: Mission, group: int) -> None:
    """The group's brief, for as long as the group wishes to see it; it is not on the page before."""
    own = session.session()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="mission_brief"):
        if own.mission_look != group:
            st.button(t("mission.look", n=group), key=f"mission_look_{group}", on_click=_look, args=(group,))
            layout.note(t("mission.look_why", n=group))
            return
        brief = mission.briefs[group - 1]
        st.button(t("mission.hide"), key="mission_hide", on_click=hide)
        layout.callout(t("mission.brief", name=brief_name(brief), what=brief_sentence(brief)))


def _look(group: int) -> None:
    session.session().mission_look = group


def _paper(group: int, showing: Showing) -> Paper:
    at = html.escape(t("mission.at", n=group, at=showing.number, of=missions.PAIRS))
    bar = f'<progress max="{missions.PAIRS}" value="{showing.number - 1}" aria-hidden="true"></progress>'
    question = (
        f'<small><span class="lab-progress">{bar}{at}</span></small>'
        f"<p>{label_view.as_html(showing.prompt, showing.language)}</p><h2>{html.escape(t('mission.question'))}</h2>"
    )
    return Paper(showing.id, question, label_view.sides(showing))


def _answer(desk: MissionDesk, own: session.Session, said: Said) -> None:
    """The counts beside the groups change with each answer, so the page is drawn anew for the next pair."""
    own.problem = ""
    try:
        desk.answer(said.showing_id, said.choice)
    except TooFastError:
        return  # A held key: nothing was labelled, the pair on the screen waits.
    except LabellingError:
        own.problem = t("label.elsewhere")
    except StoreError as error:
        own.problem = errors.explain(error)


def _answered(desk: MissionDesk, mission: Mission) -> None:
    session.read_lab()
    if not missions.unfinished(desk.store, mission):
        session.put("mission_part", "guess")
        hide()


def _undo(desk: MissionDesk) -> None:
    session.forget_problem()
    try:
        desk.undo()
    except LabellingError:
        session.read_lab()
        session.session().problem = t("label.elsewhere")


# Guessing.


def _guessing(mission: Mission) -> None:
    store = session.laboratory().store
    waiting = missions.unfinished(store, mission)
    if waiting:
        layout.note(t("mission.waiting", groups=", ".join(map(group_name, waiting)), pairs=missions.PAIRS))
    guesser_column, about_column = st.columns(2, gap="large")
    with guesser_column:
        guesser = st.segmented_control(
            t("mission.guesser"), mission.groups, key=session.keep("mission_guesser", 1, mission.groups),
            required=True, format_func=group_name, on_change=session.forget_problem,
        )  # fmt: skip
    others = [group for group in mission.groups if group != guesser and group not in waiting]
    if not others:
        return
    with about_column:
        about = st.segmented_control(
            t("mission.about"), others, key=session.keep("mission_about", others[0], others), required=True,
            format_func=group_name, on_change=session.forget_problem,
        )  # fmt: skip
    _says(mission, about)
    _guess(mission, guesser, about)


def _says(mission: Mission, group: int) -> None:
    """What a group's model says, beside the starting model."""
    display = models.assets(mission.language).grammar.display
    head = ("", t("mission.says", n=group, samples=missions.SAMPLES), t("mission.start_says"))
    rows = [
        [html.escape(display(text)) for text in (one.prompt, one.chosen, one.start)]
        for one in missions.says(session.laboratory().store, mission, group)
    ]
    with st.container(key="mission_says"):
        layout.table("lab-samples", head, rows)


def _guess(mission: Mission, guesser: int, about: int) -> None:
    store = session.laboratory().store
    known, key = missions.briefs(mission.language), f"mission_guess_{mission.id}_{guesser}_{about}"
    given = store.mission_guesses(mission.id)
    st.selectbox(
        t("mission.guess", guesser=guesser, about=about), known, index=None, placeholder=t("mission.guess_none"),
        key=session.put(key, given.get((guesser, about))), disabled=mission.revealed,
        format_func=lambda brief: f"{brief_name(brief)}: {brief_sentence(brief)}",
        on_change=_give, args=(mission, guesser, about, key),
    )  # fmt: skip
    n = len(mission.briefs)
    layout.note(t("mission.given", k=len(given), n=n * (n - 1)))


def _give(mission: Mission, guesser: int, about: int, key: str) -> None:
    # After a change of language the browser may send another language's name, which is no brief.
    if (brief := st.session_state[key]) in missions.briefs(mission.language):
        errors.attempt(missions.guess, session.laboratory().store, mission, guesser, about, brief)


# The reveal.


def _reveal(mission: Mission) -> None:
    store = session.laboratory().store
    if mission.revealed:
        _results(mission, [missions.result(store, mission, group) for group in mission.groups])
        return
    waiting = missions.unfinished(store, mission)
    if waiting:
        layout.note(t("mission.waiting", groups=", ".join(map(group_name, waiting)), pairs=missions.PAIRS))
    elif missing := missions.missing(store, mission):
        layout.note(t("mission.missing", n=missing))
    else:
        layout.note(t("mission.all_given"), "good")
    st.button(
        t("mission.reveal"), key="mission_reveal", type="primary", on_click=errors.attempt,
        args=(missions.reveal, store, mission), disabled=bool(waiting) or not store.mission_guesses(mission.id),
    )  # fmt: skip


def _results(mission: Mission, results: list[Result]) -> None:
    right, n, low, high = missions.group_rate(results)
    many = len(missions.briefs(mission.language))
    machine = sum(one.machine == one.brief for one in results)
    with st.container(key="mission_facts"):
        layout.facts([
            (t("round.of", k=right, n=n), t("mission.right"),
             t("mission.right_sentence", low=low, high=high, chance=1 / many, many=many)),
            (t("round.of", k=machine, n=len(results)), t("mission.machine"), t("mission.machine_sentence")),
        ])  # fmt: skip
    head = ("", t("mission.brief_column"), *(t("mission.guessed_by", n=group) for group in mission.groups))
    layout.table("lab-exam", head, [_guesses(mission, one) for one in results])
    group = st.segmented_control(
        t("mission.look_at"), mission.groups, key=session.keep("mission_result", 1, mission.groups), required=True,
        format_func=group_name,
    )  # fmt: skip
    _result(results[group - 1])


def _guesses(mission: Mission, one: Result) -> list[str]:
    """A group's brief, and what each other one took it for."""
    cells = [html.escape(group_name(one.group)), f"<b>{html.escape(brief_name(one.brief))}</b>"]
    for guesser in mission.groups:
        said = one.guesses.get(guesser)
        mark = "" if said is None else "✓ " if said == one.brief else "✗ "
        cells.append(mark + html.escape(brief_name(said)) if said else t("frame.none"))
    return cells


def _result(one: Result) -> None:
    layout.section("mission.result", n=one.group, brief=brief_name(one.brief))
    layout.note(brief_sentence(one.brief))
    layout.facts([
        (controls.signed(one.gain.value), t("mission.gain"),
         t("mission.gain_sentence", n=one.gain.n, samples=missions.SAMPLES, chosen=controls.signed(one.chosen.value),
           start=controls.signed(one.start.value), low=controls.signed(one.gain.low),
           high=controls.signed(one.gain.high))),
    ])  # fmt: skip
    names = sorted(one.learnt, key=lambda name: -one.learnt[name])
    asked, learnt = st.columns(2, gap="large")
    with asked:
        _bars("asked", one, [one.asked[name] for name in names], names)
    with learnt:
        _bars("learnt", one, [one.learnt[name] for name in names], names)


def _bars(kind: str, one: Result, values: list[float], names: list[str]) -> None:
    shown = [controls.attribute_name(name) for name in names]
    most, least = (shown[values.index(pick(values))] for pick in (max, min))
    live_figure(
        charts.signed_bars(shown, values, palette(), height=60 + 30 * len(names)), key=f"mission_{kind}",
        name=t(f"mission.{kind}"), sentence=t(f"mission.{kind}_sentence"),
        summary=t("mission.bars_summary", most=most, least=least),
    )  # fmt: skip
