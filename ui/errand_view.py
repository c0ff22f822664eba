"""An errand on a page: the button that sends it, then its bar and the way to stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import streamlit as st

from lab.errands import Errand
from ui import errors, following, layout, session
from ui.i18n import t


def errand(name: str, send: Callable[[], None], say: Callable[[str], str]) -> None:
    """The errand of a name of this lab. send: draws what sends it, while none is under way; say: what is at work, in
    words. When it has come to its end, the page is drawn anew, with its result."""
    lab, errands = session.current_lab(), session.laboratory().errands

    def draw(found: Errand | None) -> None:
        if _under_way(found):
            st.progress(found.share, say(found.at) if found.at else None)
            with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
                st.button(t("run.stop"), key=f"{name}_stop", on_click=errands.give_up, args=(lab.id, name))
                layout.note(t("errand.meanwhile"))
            return
        if found is not None and found.failed is not None:
            errors.show(found.failed)
        send()

    following.follow(
        lambda: errands.of(lab.id, name), _under_way, draw,
        lambda found: following.RUN_SECONDS if _under_way(found) else None,
    )  # fmt: skip


def _under_way(found: Errand | None) -> TypeGuard[Errand]:
    return found is not None and found.under_way
