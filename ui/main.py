"""Every page passes through here: set-up, language, navigation, and one place where errors become sentences."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import controls, demo_view, errors, layout, present_view, presenting, session
from ui.i18n import t

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    st.set_page_config(page_title="RLHF Lab", page_icon=str(ROOT / "ui/assets/icon.png"), layout="wide")
    session.read_query_language()
    layout.style()
    pages = [
        st.Page(
            # Absolute paths: cold links to /ppo work from ui/main.py only with them.
            ROOT / "pages" / f"{name}.py",
            title=t(f"{name}.nav"),
            url_path=None if name == "home" else name,
            default=name == "home",
        )
        for name in layout.PAGES
    ]
    page = st.navigation(pages, position="top")
    st.set_page_config(page_title=f"{page.title} · RLHF Lab" if page.url_path else "RLHF Lab")
    session.enter(page.url_path)
    joined = page.url_path == "label" and session.joined_key("joined_class")
    presented = presenting.asked()
    if joined or presented:  # whoever comes to label, or looks at a projector, gets no way elsewhere
        page = st.navigation(pages, position="hidden")
    bar = layout.language_bar()
    with errors.guard():
        if joined:
            return page.run()
        session.read_lab()
        with bar:
            layout.model_language_switch()
        controls.notice()
        if presented:
            return present_view.present()
        demo_view.strip()
        page.run()


main()
