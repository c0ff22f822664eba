"""The owner's board of a class: its address, who labels, whether they agree, and what each of them teaches."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

import streamlit as st

from lab import class_board, members
from lab.class_board import NEWEST, Room, Seat, Taught, Verdict
from lab.member_records import Vote
from lab.members import MOST_GROUPS, OVERLAPS, Class
from lab.store import Lab, Store, now
from rlhf_core.agreement import Agreement
from ui import controls, errors, following, history_view, label_view, layout, session, share
from ui.i18n import t
from ui.live_figure import palette

POLL = 2.0
"""Seconds between two looks at an open class; a closed one is looked at less often."""
POLL_CLOSED = 10.0
CURVE = (240.0, 44.0)
"""Width and height of the curve of arrivals."""


def board() -> None:
    """The class of the lab, live; below it what is looked at now and then."""
    store, lab = session.laboratory().store, session.current_lab()
    if session.session().problem:
        layout.problem(session.session().problem)
    found = members.found(store, lab)
    if found is None:
        layout.note(t("class.lead"))
        _button("start", lambda: members.start(store, lab), label=t("class.start"), type="primary")
        _settings(store, lab)
        return
    layout.note(t("class.lead"))
    share.show("label", **{session.JOIN: found.key})
    _buttons(store, lab, found)
    following.follow(
        lambda: members.found(store, lab), lambda now: now, lambda _: _live(store, lab, found),
        lambda now: POLL if now and now.open else POLL_CLOSED,
    )  # fmt: skip
    _closely(store, lab, found)
    _settings(store, lab)


def _button(name: str, do: Callable[[], None], **options: Any) -> None:
    st.button(key=f"class_{name}", on_click=errors.attempt, args=(do,), **options)


def _buttons(store: Store, lab: Lab, found: Class) -> None:
    turn, eyes = "close" if found.open else "reopen", "reveal" if found.blind else "blind"
    with st.container(horizontal=True, gap="small", key="class_buttons"):
        _button(turn, lambda: members.set_open(store, lab, not found.open), label=t(f"class.{turn}"),
                help=t(f"class.{turn}_help"))  # fmt: skip
        _button(eyes, lambda: members.set_blind(store, lab, not found.blind), label=t(f"class.{eyes}"),
                help=t(f"class.{eyes}_help"), type="primary" if found.blind else "secondary")  # fmt: skip
        with st.popover(t("class.change"), key="class_change_ask"):
            layout.note(t("class.change_text"))
            _button("change", lambda: members.change_address(store, lab), label=t("class.change_go"), type="primary")
    layout.note(t("class.is_open" if found.open else "class.is_closed") + " " + t(
        "class.is_blind" if found.blind else "class.is_seen"), "plain" if found.open else "simulated")  # fmt: skip


# Live: who labels, and whether they agree.


def _live(store: Store, lab: Lab, found: Class) -> None:
    room = class_board.room(store, lab)
    verdict = None if found.blind else class_board.verdict(store, lab)
    with st.container(key="class_arrivals"):
        facts = [
            (f"{len(room.votes)}", t("class.votes"), t("class.votes_sentence", language=t(f"language.{lab.language}"))),
            (f"{room.active}", t("class.active"), t("class.active_sentence", n=len(room.seats))),
        ]  # fmt: skip
        if verdict:
            agreed = verdict.agreed
            judged = t("class.share_sentence", n=agreed.share.items, single=verdict.single)
            facts += history_view.agreement_facts(agreed, judged)
        layout.facts(facts)
        _arrivals(room)
    if room.seats:
        _members(room, verdict)
    else:
        layout.note(t("class.nobody"))


def _arrivals(room: Room) -> None:
    """The newest votes, and the curve of all: when, not what."""
    if not room.votes:
        return
    at = now()
    chips = "".join(
        f"<span>{html.escape(vote.labeler)} "
        f"<small>{html.escape(t('class.ago', n=max(0, round((at - vote.answered_at).total_seconds()))))}</small></span>"
        for vote in room.votes[: -NEWEST - 1 : -1]
    )
    st.html(f'<div class="lab-words"><b>{html.escape(t("class.newest"))}</b>{chips}</div>{_curve(room.votes)}')


def _curve(votes: tuple[Vote, ...]) -> str:
    """Votes so far over time, from the first to the last, as a picture."""
    width, height = CURVE
    first = votes[0].answered_at
    whole = max((votes[-1].answered_at - first).total_seconds(), 1.0)
    step = max(1, len(votes) // 200)
    points = " ".join(
        f"{width * (vote.answered_at - first).total_seconds() / whole:.1f},{height - height * (i + 1) / len(votes):.1f}"
        for i, vote in enumerate(votes)
        if i % step == 0 or i == len(votes) - 1
    )
    said = html.escape(t("class.curve", n=len(votes), minutes=whole / 60))
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {width + 4} {height + 4}">'
        f'<polyline points="{points}" fill="none" stroke="{palette().blue}" stroke-width="2"/></svg>'
    )
    return (
        f'<figure class="lab-arrivals"><img src="data:image/svg+xml,{quote(drawn)}" alt="">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def _members(room: Room, verdict: Verdict | None) -> None:
    groups = any(seat.member.group for seat in room.seats)
    head = ["name", *(["group"] if groups else []), "labels", "state", "seconds", *(["agrees"] if verdict else [])]
    with st.container(key="class_members"):
        rows = [_row(seat, verdict, groups) for seat in sorted(room.seats, key=lambda seat: -seat.votes)]
        layout.table("lab-exam", [t(f"class.{name}") for name in head], rows)
        if verdict:
            layout.note(t("class.agrees_sentence"))


def _row(seat: Seat, verdict: Verdict | None, groups: bool) -> list[str]:
    member = seat.member
    state = "muted" if member.muted else "here" if seat.active else "away"
    cells = [html.escape(member.name), *([f"{member.group or t('frame.none')}"] if groups else [])]
    cells += [f"{seat.votes}", html.escape(t(f"class.state_{state}"))]
    cells.append(t("frame.none") if seat.seconds is None else html.escape(t("class.s", n=seat.seconds)))
    if verdict:
        share = verdict.by_member.get(member.name)
        cells.append(
            html.escape(t("class.agrees_cell", rate=share.k / share.n, n=share.n, low=share.low, high=share.high))
            if share and not member.muted
            else t("frame.none")
        )
    return cells


# Now and then: muting, two people compared, reward models.


@st.fragment
@errors.guard()
def _closely(store: Store, lab: Lab, found: Class) -> None:
    with st.expander(t("class.mute_title"), key="class_mute", on_change="rerun") as box:
        if box.open:
            _mute(store, lab)
    with st.expander(t("class.models"), key="class_models", on_change="rerun") as box:
        if box.open and found.blind:
            layout.note(t("class.is_blind"))
        elif box.open:
            _kappa(store, lab)
            _models(class_board.taught(store, lab))
            st.button(t("class.anew"), key="class_anew")


def _mute(store: Store, lab: Lab) -> None:
    layout.note(t("class.mute_text"))
    known = {member.participant: member for member in store.members(lab.id)}
    muted = [who for who, member in known.items() if member.muted]

    def change() -> None:
        wished = set(st.session_state["class_muted"])
        for who in known:
            if (who in wished) != (who in muted):
                members.mute(store, lab, who, who in wished)

    st.multiselect(
        t("class.muted"), list(known), key=session.follow("class_muted", muted), on_change=change,
        format_func=lambda who: known[who].name if who in known else who, placeholder=t("class.muted_nobody"),
    )  # fmt: skip


def _kappa(store: Store, lab: Lab) -> None:
    """Two people compared, those with most in common first."""
    pairings = class_board.pairings(store, lab)
    if not pairings:
        layout.note(t("class.kappa_none"))
        return
    chosen = st.selectbox(
        t("class.kappa_who"), pairings, key=session.keep("class_kappa", pairings[0], pairings),
        format_func=lambda pair: t("class.kappa_pair", first=_named(pair[0]), second=_named(pair[1])),
    )  # fmt: skip
    kappa: Agreement = class_board.kappa(store, lab, *chosen)
    sentence = f"{t('class.kappa_sentence', n=kappa.items)} {history_view.interval(kappa, '.2f')}"
    layout.facts([(history_view.figure(kappa, ".2f"), t("class.kappa"), sentence)])


def _named(name: str) -> str:
    return history_view.labeler_name(name, "human")


def _models(found: list[Taught]) -> None:
    if not found:
        layout.note(t("class.models_none", n=class_board.FEWEST_LABELS))
        return
    rows = [
        [
            html.escape(one.name if one.kind == "member" else t(f"class.by_{one.kind}", n=one.name)),
            f"{one.labels}",
            html.escape(controls.attribute_name(one.most)),
            html.escape(controls.attribute_name(one.least)),
            html.escape(t("class.gold_cell", rate=one.gold.rate, low=one.gold.low, high=one.gold.high)),
        ]
        for one in found
    ]
    head = [t(f"class.{name}") for name in ("by", "labels", "most", "least", "gold")]
    with st.container(key="class_taught"):
        layout.table("lab-exam", head, rows)
        layout.note(t("class.models_sentence", least=class_board.FEWEST_LABELS, n=found[0].gold.n))


# What the class is asked.


@st.fragment
@errors.guard()
def _settings(store: Store, lab: Lab) -> None:
    wished = members.settings(store, lab.id)

    def keep(name: str) -> None:
        values = replace(members.settings(store, lab.id), **{name: st.session_state[f"class_set_{name}"]})
        members.keep_settings(store, lab, values)

    def key(name: str, value: Any = None) -> dict[str, Any]:
        shown = asdict(wished)[name] if value is None else value
        return {"key": session.follow(f"class_set_{name}", shown), "on_change": keep, "args": (name,)}

    with st.expander(t("class.settings"), key="class_settings"):
        st.slider(t("class.overlap"), OVERLAPS[0], OVERLAPS[-1], help=t("class.overlap_help"), **key("overlap"))
        st.slider(t("class.groups"), 0, MOST_GROUPS, help=t("class.groups_help"), **key("groups"))
        st.toggle(t("class.strength"), **key("strength"))
        writers = label_view.writers()
        now = wished.writer if wished.writer in writers else writers[0]
        st.selectbox(t("label.writer"), writers, format_func=label_view.writer_name, **key("writer", now))
