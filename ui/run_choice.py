"""A run to choose among several, on a page that looks at one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from lab.store import Run
from ui import session


def run_choice(key: str, label: str, runs: Mapping[int, Run], name: Callable[[Run], str], *, width: int = 420) -> Run:
    """A run of those by their ids, newest first. One that is new is chosen by itself."""
    newest, kept = next(iter(runs)), session.session().kept
    if kept.get(f"{key}_newest") != newest:
        kept[f"{key}_newest"] = newest
        session.put(key, newest)
    chosen = st.selectbox(
        label, list(runs), key=session.keep(key, newest, list(runs)), format_func=lambda run: name(runs[run]),
        width=width,
    )  # fmt: skip
    return runs[chosen]
