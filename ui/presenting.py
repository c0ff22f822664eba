"""Presenter mode in the address of a page: whether it is asked for, the way into it, and the way out."""

from __future__ import annotations

import streamlit as st

from ui import session
from ui.i18n import t

PARAMETER, ON = "present", "1"
"""`/ppo?present=1`. The rest of such an address is read once presenter mode is left."""
PAGES = ("language_model", "reward_model", "ppo")
"""The pages that have it."""


def asked() -> bool:
    """Whether this page is to be presented."""
    return session.session().page in PAGES and st.query_params.get(PARAMETER) == ON


def button() -> None:
    """The way into presenter mode, on a page that has it. A link to the page itself would leave the browser's address
    as it is, which the next look at a run would take up again."""
    if session.session().page not in PAGES:
        return
    if st.button(t("present.begin"), key="present_begin", type="tertiary", help=t("present.begin_help")):
        st.query_params[PARAMETER] = ON
        st.rerun()


def leave() -> None:
    """Be on the ordinary page again, from a callback."""
    st.query_params.pop(PARAMETER, None)
