"""A teacher's link: an address that opens a page as it stands, some of its controls hidden, at a step of its lesson."""

from __future__ import annotations

import streamlit as st

from ui import layout, page_address, session, share
from ui.i18n import t
from ui.page_address import HIDEABLE, Known


def hide(page: str) -> None:
    """Hide what a teacher's link has hidden on the page, and say so. From sight only: the page is what it was."""
    desk = session.lesson(page)
    keys = [key for name in desk.hidden for key in HIDEABLE[page][name]]
    if not keys:
        return
    hidden = [f".st-key-{key}" for key in keys]
    # Sliders stand in a column of their own, which would gape among the curves.
    hidden += [f"[data-testid=stColumn]:has(.st-key-{key})" for key in keys if key.endswith("_sliders")]
    st.html(f"<style>{', '.join(hidden)} {{ display: none !important; }}</style>")

    def show() -> None:
        desk.hidden = ()

    with st.container(key="lesson_hidden", horizontal=True, vertical_alignment="center", gap="medium"):
        layout.note(t("lesson.hidden", names=", ".join(t(f"lesson.hide.{name}") for name in desk.hidden)))
        st.button(t("lesson.unhide"), key="lesson_unhide", type="tertiary", on_click=show)


def form(page: str, known: Known, step: int | None) -> None:
    """Makes such a link of the page as it stands. step: of the lesson, from 1; None for a question."""
    shown = st.popover(t("lesson.link"), key="lesson_link", type="tertiary", on_change="rerun")
    if not shown.open:
        return
    key = session.keep(f"lesson_hides_{page}", list(session.lesson(page).hidden))
    with shown:
        layout.note(t("lesson.link_help"))
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            hidden = st.multiselect(
                t("lesson.hides"), list(HIDEABLE[page]), key=key,
                format_func=lambda name: t(f"lesson.hide.{name}"), placeholder=t("lesson.hides_none"), width=420,
            )  # fmt: skip
            opens = step is not None and st.toggle(
                t("lesson.opens"), key=session.keep("lesson_opens", True), width="content"
            )
        wishes = page_address.state(known)
        if hidden:
            wishes["hide"] = ",".join(hidden)
        if opens:
            wishes["lesson"] = str(step)
        found, _ = share.address("" if page == "home" else page, **wishes)
        st.code(found, language=None, wrap_lines=True)
