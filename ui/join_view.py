"""What one sees who comes by a class's address: a pair to judge, one's count and name, and nothing else of the lab."""

from __future__ import annotations

import html
from dataclasses import dataclass

import streamlit as st

from lab import members
from lab.class_desk import ClassDesk
from lab.database import StoreError
from lab.labelling import LabellingError, Showing, TooFastError
from lab.members import Class, ClassSettings, MemberError
from lab.participants import LONGEST_NAME, beginning, participant
from lab.store import Lab, MemberRow
from ui import errors, following, guideline_view, label_view, layout, session
from ui.ballot import Hand, Paper, Said, ballot
from ui.i18n import t
from ui.plain_text import as_text

POLL = 4.0
"""Seconds between two looks whether one may label again; who labels looks at each answer."""
FIELD = "joined_class"


@dataclass(frozen=True)
class _Seen:
    """The class as a visitor finds it."""

    found: Class | None
    """None if the address opens nothing."""
    member: MemberRow | None
    lab: Lab | None
    wished: ClassSettings

    @property
    def state(self) -> tuple[bool, ...]:
        """What decides whether there is a pair."""
        muted = self.member is not None and self.member.muted
        return self.found is None, self.found is not None and self.found.open, self.member is None, muted

    @property
    def labels(self) -> bool:
        return self.state == (False, True, False, False)


def view(key: str) -> None:
    """A class as one sees it who labels in it. Its name is proposed, so the first look joins."""
    with st.container(key="join_page"):
        st.html(f'<header class="lab-heading"><h1>{html.escape(t("join.title"))}</h1></header>')
    who = participant(session.browser(), 0)
    following.follow(
        lambda: _look(key, who), lambda seen: seen.state, lambda seen: _draw(key, who, seen),
        lambda seen: None if seen.labels else POLL,
    )  # fmt: skip


def _look(key: str, who: str) -> _Seen:
    store = session.laboratory().store
    try:
        found = members.joined(store, key)
    except MemberError:
        return _Seen(None, None, None, ClassSettings())
    wished = members.settings(store, found.lab_id)
    member = store.member(found.lab_id, who)
    if member is None and found.open and not wished.groups:
        member = members.join(store, key, who, following.proposed_name(who))
    return _Seen(found, member, store.lab(found.lab_id), wished)


def _draw(key: str, who: str, seen: _Seen) -> None:
    if seen.found is None or seen.lab is None:
        errors.show(MemberError("unknown", "", beginning(key)))
        _leave_button()
    elif seen.member is None:
        _groups(key, who, seen)
    elif not seen.found.open or seen.member.muted:
        n = session.laboratory().store.count_of(seen.lab.id, seen.member.name, seen.lab.language)
        layout.callout(t("join.muted" if seen.found.open else "join.closed", n=n))
        _about(key, who, seen.member)
    else:
        _pair(key, who, seen.lab, seen.member, seen.wished)


def _groups(key: str, who: str, seen: _Seen) -> None:
    """One's group, by one tap."""
    if seen.found is None or not seen.found.open:
        layout.callout(t("join.closed_before"))
        _leave_button()
        return
    layout.note(t("join.group_why"))
    with st.container(key="join_groups", horizontal=True, gap="small"):
        for group in range(1, seen.wished.groups + 1):
            st.button(
                t("join.group", n=group), key=f"join_group_{group}", type="primary", on_click=_join,
                args=(key, who, group),
            )  # fmt: skip


def _join(key: str, who: str, group: int) -> None:
    try:
        members.join(session.laboratory().store, key, who, following.proposed_name(who), group)
    except (MemberError, ValueError) as error:
        session.session().join_said = errors.explain(error)


def _pair(key: str, who: str, lab: Lab, member: MemberRow, wished: ClassSettings) -> None:
    desk = ClassDesk(session.laboratory().store, lab, key, member)
    own = session.session()
    hand = Hand(lambda said: _answer(desk, own, member, said), lambda: _undo(desk))
    ballot("join_ballot", hand, _paper(desk.current(), own, lab, member), label_view.rows(graded=wished.strength))
    _about(key, who, member, lab)


def _paper(showing: Showing, own: session.Session, lab: Lab, member: MemberRow) -> Paper:
    """Who one is and how many one has judged, what was asked, what is asked of one, and the answers."""
    line = t("join.line", name=member.name, n=showing.number - 1)
    said = f'<p class="lab-note" role="status">{html.escape(own.join_said)}</p>' if own.join_said else ""
    question = (
        f"<small>{html.escape(line)}</small>{said}<p>{label_view.as_html(showing.prompt, showing.language)}</p>"
        f"<h2>{html.escape(guideline_view.question(lab.id))}</h2>"
    )
    return Paper(showing.id, question, label_view.sides(showing))


def _answer(desk: ClassDesk, own: session.Session, member: MemberRow, said: Said) -> Paper | None:
    try:
        desk.answer(said.showing_id, said.choice, said.strength)
        own.join_said = ""
    except TooFastError:
        pass  # A held key or a double click: nothing was labelled, the pair on the screen waits.
    except LabellingError:
        own.join_said = t("label.elsewhere")
    except MemberError:
        own.join_said = ""
        return None  # the page says that it is closed, or moved, or that one is muted
    except StoreError as error:
        own.join_said = errors.explain(error)
        return None
    try:
        return _paper(desk.current(), own, desk.lab, member)
    except (LabellingError, KeyError):
        return None  # The lab speaks another language now, or is no more.


def _undo(desk: ClassDesk) -> None:
    own = session.session()
    try:
        own.join_said = t("label.undone") if desk.undo() else t("label.nothing_to_undo")
    except LabellingError:
        own.join_said = t("label.elsewhere")


def _about(key: str, who: str, member: MemberRow, lab: Lab | None = None) -> None:
    """The guideline, one's name, and the way out, folded."""
    if lab is not None:
        with st.expander(t("guideline.title"), key="join_guideline"):
            guideline_view.text(session.laboratory().store.guideline(lab.id))
    with st.expander(t("join.name_title", name=as_text(member.name)), key="join_about"):
        field = f"join_name_{member.name}"
        with st.form("join_name", border=False):  # Enter takes the name too
            st.text_input(t("join.name"), member.name, key=field, max_chars=LONGEST_NAME)
            st.form_submit_button(t("join.rename"), key="join_rename", on_click=_rename, args=(key, who, field))
        _leave_button()
        layout.note(t("join.name_note"))


def _rename(key: str, who: str, field: str) -> None:
    own = session.session()
    try:
        members.rename(session.laboratory().store, key, who, st.session_state[field])
        own.join_said = ""
    except (MemberError, ValueError) as error:
        own.join_said = errors.explain(error)


def _leave_button() -> None:
    st.button(
        t("join.leave"), key="join_leave", type="tertiary", on_click=session.leave, args=(FIELD,),
        help=t("join.leave_help"),
    )  # fmt: skip
