"""The labs that this browser knows: name, start over, duplicate, take away as a file, open, switch, delete."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime

import streamlit as st

from lab import lab_file
from lab.lab_file import LONGEST_NAME
from lab.store import Lab
from ui import errors, files, layout, session
from ui.i18n import t


def panel() -> None:
    """All about labs, for the end of Home."""
    layout.section("labs.title")
    lab = session.current_lab()
    if session.session().problem:
        layout.problem(session.session().problem)
    _own(lab)
    known = session.laboratory().store.labs(session.browser())
    if others := [other for other in known if other.id != lab.id]:
        with st.expander(t("labs.others", n=len(others)), key="labs_others"):
            sizes = session.laboratory().store.sizes(session.browser())
            for other in others:
                _other(other, *sizes[other.id])


def name_of(lab: Lab) -> str:
    """What a lab is called."""
    return lab.name or t("labs.unnamed", date=moment(lab.created_at))


def moment(at: datetime) -> str:
    """A point in time, on this computer's clock."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def open_new(name: str = "") -> None:
    """Be in a new lab from now on, from a callback."""
    store, language = session.laboratory().store, session.current_lab().language
    _change(lambda: store.new_lab(session.browser(), language, name))


def open_known(lab_id: int) -> None:
    """Be in another lab that the browser knows, from a callback."""
    _change(lambda: _switch(lab_id))


def _own(lab: Lab) -> None:
    with st.container(key="labs_own", horizontal=True, vertical_alignment="bottom", gap="small"):
        name = f"labs_name_{lab.id}"
        st.text_input(
            t("labs.name"), lab.name, LONGEST_NAME, key=name, placeholder=name_of(lab), width=300,
            on_change=lambda: _rename(lab, st.session_state.get(name)),
        )  # fmt: skip
        store, lab_id = session.laboratory().store, lab.id
        files.file_button(
            t("labs.download"), lambda: lab_file.take_away(store, lab_id), _file_name(lab), key="labs_download",
            help=t("labs.download_help"),
        )  # fmt: skip
        st.button(
            t("labs.duplicate"), key="labs_duplicate", help=t("labs.duplicate_help"),
            on_click=lambda: _change(lambda: _duplicate(lab)),
        )  # fmt: skip
        with st.popover(t("labs.start_over"), key=f"labs_start_over_{lab.id}"):
            layout.note(t("labs.start_over_why"))
            st.button(
                t("labs.start_over_go"), key="labs_start_over_go", type="primary",
                on_click=lambda: _change(_start_over),
            )  # fmt: skip
        with st.popover(t("labs.open"), key=f"labs_open_{lab.id}"):
            file = f"labs_file_{lab.id}"
            st.file_uploader(
                t("labs.file"), "zip", key=file, max_upload_size=lab_file.MOST_BYTES // 2**20,
                on_change=lambda: _read(st.session_state.get(file)),
            )  # fmt: skip


def _other(lab: Lab, labels: int, runs: int) -> None:
    with st.container(key=f"labs_row_{lab.id}", horizontal=True, vertical_alignment="center", gap="small"):
        about = t("labs.about", date=moment(lab.created_at), labels=labels, runs=runs)
        st.html(f"<p class='lab-row'><b>{html.escape(name_of(lab))}</b> {html.escape(about)}</p>")
        st.button(
            t("labs.switch"), key=f"labs_switch_{lab.id}", on_click=lambda: _change(lambda: _switch(lab.id)),
        )  # fmt: skip
        with st.popover(t("labs.delete"), key=f"labs_delete_{lab.id}"):
            layout.note(t("labs.delete_why", name=name_of(lab), labels=labels, runs=runs))
            st.button(t("labs.delete_go"), key=f"labs_delete_go_{lab.id}", on_click=lambda: _delete(lab))


def _rename(lab: Lab, name: str | None) -> None:
    if name is None:
        return  # another click of the same moment has left the lab
    session.laboratory().store.rename_lab(lab.id, " ".join(name.split()))


def _change(open_another: Callable[[], Lab]) -> None:
    """Be in another lab from now on, while this one's runs rest; or say why that is not to be."""
    own, before = session.session(), session.current_lab()
    try:
        lab = open_another()
        session.laboratory().jobs.rest(before.id)
    except Exception as error:
        own.problem = errors.explain(error)
        return
    session.leave_lab()
    session.session().notice = t("labs.opened", name=name_of(lab))


def _start_over() -> Lab:
    return session.laboratory().store.new_lab(session.browser(), session.current_lab().language)


def _duplicate(lab: Lab) -> Lab:
    name = t("labs.copy", name=name_of(lab))[:LONGEST_NAME]
    return lab_file.duplicate(session.laboratory().store, session.browser(), lab.id, name)


def _read(file: st.runtime.uploaded_file_manager.UploadedFile | None) -> None:
    if file is not None:
        _change(lambda: lab_file.unpack(session.laboratory().store, session.browser(), file.getvalue()))


def _switch(lab_id: int) -> Lab:
    return session.laboratory().store.switch_lab(session.browser(), lab_id)


def _delete(lab: Lab) -> None:
    try:
        session.laboratory().delete_lab(lab.id)
        session.session().notice = t("labs.deleted", name=name_of(lab))
    except Exception as error:
        session.session().problem = errors.explain(error)


def _file_name(lab: Lab) -> str:
    words = re.sub(r"[^\w-]+", "-", lab.name).strip("-") or "lab"
    return f"rlhf-lab-{words}-{datetime.now():%Y-%m-%d}.zip"
