"""The panel of simulated annotators as controls, what came of its last labelling, and the notebook's pairs."""

from __future__ import annotations

import html
import secrets
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lab import models
from lab import panel as panels
from lab.labelling import LabellingDesk
from lab.panel import Labelled, Member, Panel, PanelError
from lab.store import Lab
from rlhf_core.annotators import annotator_names
from rlhf_core.gold import Values
from rlhf_core.notebook_pairs import notebook_pairs
from ui import controls, errors, history_view, layout, session
from ui.i18n import t
from ui.plain_text import as_text

COLUMNS = 3
"""Of sliders."""


@st.fragment
@errors.guard()
def panel(policy_id: str = models.START) -> None:
    """Who labels in one's place: set up, told what will happen, let to work, and read. policy_id: who writes."""
    own, lab = session.session(), session.read_lab()
    wished = of_lab(lab)
    layout.note(t("simulate.lead"), "simulated")
    _size(lab, wished)
    _member(lab, wished)
    layout.note(_will_happen(wished), "simulated")
    st.button(t("simulate.go", n=wished.pairs), key="simulate_go", on_click=_ask)
    if own.panel_asked:
        _label(lab, wished, policy_id)
    if found := panels.labelled(session.laboratory().store, lab):
        _labelled(found)
    _notebook(lab)


def empty_state(sentence: str, why: str) -> None:
    """What to do first, with the buttons for it."""
    with st.container(key="empty_state", gap="medium"):
        layout.callout(f"{sentence} {why}")
        if st.button(t("frame.go_label"), key="empty_go_label", type="primary"):
            st.switch_page("../pages/label.py")
        with st.container(border=True, gap="small"):
            panel()


def of_lab(lab: Lab) -> Panel:
    """The lab's panel; before anything was changed, one annotator with the reference values."""
    known = panels.kept(session.laboratory().store, lab)
    return known or Panel(members=panels.proposed(lab.language, _names(), 1))


def _names() -> tuple[str, ...]:
    return tuple(t("panel.names").split(", "))


def _keep(lab: Lab, wished: Panel) -> None:
    panels.keep(session.laboratory().store, lab, wished)


# How much, and by how many.


def _size(lab: Lab, wished: Panel) -> None:
    pairs, many, each, apart = st.columns([1, 1, 1, 1.6], gap="medium", vertical_alignment="bottom")
    pairs.number_input(
        t("simulate.n"), 1, panels.MOST_PAIRS, step=10, key=session.follow("simulate_n", wished.pairs),
        on_change=_set, args=(lab, "pairs", "simulate_n"),
    )  # fmt: skip
    many.number_input(
        t("panel.size"), 1, panels.MOST_MEMBERS, key=session.follow("panel_size", len(wished.members)),
        on_change=_resize, args=(lab,),
    )  # fmt: skip
    if len(wished.members) == 1:
        return
    each.number_input(
        t("panel.overlap"), 1, len(wished.members), key=session.follow("panel_overlap", wished.overlap),
        on_change=_set, args=(lab, "overlap", "panel_overlap"), help=t("panel.overlap_help"),
    )  # fmt: skip
    apart.slider(
        t("panel.disagreement"), 0.0, panels.MOST_DISAGREEMENT, step=0.25,
        key=session.follow("panel_disagreement", wished.disagreement), help=t("panel.disagreement_help"),
        on_change=_set, args=(lab, "disagreement", "panel_disagreement"),
    )  # fmt: skip


def _set(lab: Lab, name: str, key: str) -> None:
    if (value := st.session_state[key]) is not None:
        _keep(lab, replace(of_lab(lab), **{name: value}))


def _resize(lab: Lab) -> None:
    """More members have names that are free, and the reference values; where all judged each pair, all do."""
    if (n := st.session_state["panel_size"]) is None:
        return
    wished = of_lab(lab)
    taken = {member.name for member in wished.members}
    free = tuple(name for name in _names() if name not in taken)
    more = panels.proposed(lab.language, free, max(0, n - len(wished.members)))
    members = (*wished.members[:n], *more)
    overlap = len(members) if wished.overlap == len(wished.members) else min(wished.overlap, len(members))
    _keep(lab, replace(wished, members=members, overlap=overlap))


# One of them.


def _member(lab: Lab, wished: Panel) -> None:
    place = 0
    if len(wished.members) > 1:
        places = range(len(wished.members))
        place = st.segmented_control(
            t("panel.who"), places, key=session.keep("panel_who", 0, places), required=True,
            format_func=lambda i: as_text(wished.members[i].name) if i in places else "",
        )  # fmt: skip
    with st.container(key="panel_member", border=True, gap="small"):
        _about(lab, wished, place)
        layout.note(t("simulate.weights", weights=_in_words(panels.values(wished, place))))
        if st.toggle(t("panel.edit"), key=session.keep("panel_edit", False)):
            _sliders(lab, wished, place)


def _about(lab: Lab, wished: Panel, place: int) -> None:
    member, presets = wished.members[place], annotator_names(lab.language)
    options = (*presets, panels.OWN) if member.preset == panels.OWN else presets
    name, start, slips = st.columns([1, 1.4, 1.4], gap="medium", vertical_alignment="bottom")
    name.text_input(
        t("panel.name"), key=session.follow(f"panel_name_{place}", member.name), max_chars=panels.LONGEST_NAME,
        on_change=_rename, args=(lab, place),
    )  # fmt: skip
    start.selectbox(
        t("simulate.annotator"), options, key=session.put(f"panel_preset_{place}", member.preset),
        format_func=lambda one: t("panel.own" if one == panels.OWN else f"annotator.{one}"),
        on_change=_start_from, args=(lab, place),
    )  # fmt: skip
    slips.slider(
        t("simulate.noise"), 0.0, panels.MOST_NOISE, step=0.05, format="percent",
        key=session.follow(f"panel_noise_{place}", member.noise), help=t("simulate.noise_help"),
        on_change=_slip, args=(lab, place),
    )  # fmt: skip


def _sliders(lab: Lab, wished: Panel, place: int) -> None:
    """One for each attribute that can be read in the model's language."""
    columns = st.columns(COLUMNS, gap="medium")
    for i, (name, weight) in enumerate(wished.members[place].weights.items()):
        columns[i % COLUMNS].slider(
            controls.attribute_name(name), -panels.WEIGHTS, panels.WEIGHTS, step=0.1,
            key=session.follow(f"panel_weight_{place}_{name}", float(weight)), format="%+.1f",
            on_change=_weigh, args=(lab, place, name),
        )  # fmt: skip


def _change(lab: Lab, place: int, member: Member) -> None:
    wished = of_lab(lab)
    _keep(lab, replace(wished, members=(*wished.members[:place], member, *wished.members[place + 1 :])))


def _rename(lab: Lab, place: int) -> None:
    name = " ".join(st.session_state[f"panel_name_{place}"].split())
    _change(lab, place, replace(of_lab(lab).members[place], name=name))


def _start_from(lab: Lab, place: int) -> None:
    # After a change of language the browser may send another language's name.
    if (preset := st.session_state[f"panel_preset_{place}"]) in annotator_names(lab.language):
        _change(lab, place, panels.of_preset(of_lab(lab).members[place], preset, lab.language))


def _slip(lab: Lab, place: int) -> None:
    _change(lab, place, replace(of_lab(lab).members[place], noise=st.session_state[f"panel_noise_{place}"]))


def _weigh(lab: Lab, place: int, name: str) -> None:
    member, weight = of_lab(lab).members[place], round(st.session_state[f"panel_weight_{place}_{name}"], 1)
    weights = {**member.weights, name: weight}
    _change(lab, place, replace(member, preset=panels.OWN, weights=weights))


def _in_words(values: Values) -> str:
    return controls.weights_in_words(values) or t("frame.none")


# What it will do, does, and did.


def _will_happen(wished: Panel) -> str:
    slots = {"members": len(wished.members), "pairs": wished.pairs, "labels": wished.labels}
    if len(wished.members) == 1:
        return t("panel.will_one", name=wished.members[0].name, **slots)
    if wished.overlap == len(wished.members):
        return t("panel.will_all", **slots)
    return t("panel.will_some", overlap=wished.overlap, **slots)


def _ask() -> None:
    session.session().panel_asked = True


def _label(lab: Lab, wished: Panel, policy_id: str) -> None:
    own, bar = session.session(), st.progress(0.0)
    own.panel_asked = False  # at the bar another run of the page could still have taken this one's place

    def progress(done: int, total: int) -> None:
        bar.progress(done / total, t("panel.progress", done=done, total=total))

    desk = LabellingDesk(session.laboratory().store, lab, policy_id=policy_id)
    try:
        made = panels.label(desk, wished, secrets.randbits(31), progress)
    except PanelError as error:
        bar.empty()
        errors.show(error)
        return
    own.notice = t("panel.done", n=made, names=", ".join(one.name for one in wished.members))
    st.rerun()


def _labelled(found: Labelled) -> None:
    with st.container(key="panel_labelled", gap="small"):
        layout.section("panel.labelled")
        if found.agreed.labelers:
            layout.facts(history_view.agreement_facts(found.agreed))
        else:
            layout.note(t("panel.no_agreement"))
        head = ("", *(member.name for member in found.members))
        counts = (t("panel.labels"), *(f"{found.counts[member.name]}" for member in found.members))
        slips = (t("panel.slips"), *(f"{member.noise:.0%}" for member in found.members))
        weights = (_weights(name, found.members) for name in found.members[0].weights)
        rows = [[html.escape(cell) for cell in row] for row in (counts, slips, *weights)]
        layout.table("lab-weights", head, rows)
        layout.note(t("panel.values"))


def _weights(name: str, members: Sequence[Member]) -> tuple[str, ...]:
    """What an attribute is worth to each."""
    return (controls.attribute_name(name), *(controls.signed(member.weights.get(name, 0.0)) for member in members))


# The notebook's pairs.


def _notebook(lab: Lab) -> None:
    with st.container(key="notebook_pairs", gap="small"):
        layout.section("panel.notebook")
        pairs = notebook_pairs(lab.language)
        n_a = sum(pair.preferred == "a" for pair in pairs)
        layout.note(t("panel.notebook_note", n=len(pairs), a=n_a), "simulated")
        loaded = len(panels.notebook_labels(session.laboratory().store, lab))
        if loaded:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(t("panel.notebook_unload"), key="notebook_unload", on_click=_unload, args=(lab,))
                layout.note(t("panel.notebook_in", n=loaded))
        else:
            st.button(t("panel.notebook_load"), key="notebook_load", on_click=_load, args=(lab,))
    if session.session().notice:
        st.rerun()


def _load(lab: Lab) -> None:
    if made := panels.load_notebook(session.laboratory().store, lab):
        session.session().notice = t("panel.notebook_loaded", n=made)


def _unload(lab: Lab) -> None:
    if gone := panels.unload_notebook(session.laboratory().store, lab):
        session.session().notice = t("panel.notebook_unloaded", n=gone)
