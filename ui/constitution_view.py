"""The principles on their page: switches, weights, figures, the editor, versions and TOML."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from lab import constitution, models
from lab.constitution import PrincipleFigure, Version
from rlhf_core.constitution import HEAVIEST, MEASURED, Constitution, ConstitutionError, Example, Principle, dump
from ui import controls, files, layout, session
from ui.i18n import t, translate
from ui.plain_text import as_text

BAR = "|"
"""Stands between a question and its answer in the editor's examples."""


def current() -> Version:
    """The constitution in force in the language that the model speaks."""
    return constitution.current(session.laboratory().store, session.current_lab())


def version_name(number: int) -> str:
    """A version in words; number 0 is the one that ships."""
    return t("constitution.version", number=number) if number else t("constitution.shipped")


def save(changed: Constitution) -> None:
    """Put a constitution in force, or say what is wrong with it: then the one before stays."""
    _try(lambda: constitution.save(session.laboratory().store, session.current_lab(), changed))


def _try(act: Callable[[], object]) -> None:
    own = session.session()
    own.problem = ""
    try:
        act()
    except ConstitutionError as error:
        own.problem = t("constitution.invalid", detail=str(error))


def summary(version: Version) -> None:
    """Which version is in force, and how much of it."""
    text = version.constitution
    turned = [p.name for p in text.enabled if p.turned_round]
    name = version_name(version.number)
    line = t("constitution.in_force", version=name, on=len(text.enabled), n=len(text.principles))
    layout.note(line + (" " + t("constitution.turned", names=", ".join(turned)) if turned else ""))


def problem() -> None:
    """What was wrong with the last thing asked for."""
    if session.session().problem:
        layout.problem(session.session().problem)


# The list.


def principles(version: Version) -> None:
    """Every principle with its switch, its weight and its figures."""
    language = session.current_lab().language
    measured = {figure.principle: figure for figure in constitution.figures(language, version.constitution)}
    layout.section("constitution.principles")
    with st.container(key="cai_principles", gap="small"):
        for i, principle in enumerate(version.constitution.principles):
            _row(i, principle, measured.get(principle.name))
    some = next(iter(measured.values()), None)
    if some:
        layout.note(t("constitution.figures_note", n=some.n))


def _row(i: int, principle: Principle, figure: PrincipleFigure | None) -> None:
    on_key, weight_key = f"cai_on_{i}", f"cai_weight_{i}"

    def change(key: str, field: str) -> None:
        save(current().constitution.with_principle(principle.name, **{field: st.session_state[key]}))

    kind = "off" if not principle.enabled else "turned" if principle.turned_round else ""
    with st.container(key=f"cai_row_{i}"):
        switch, said, weight, figures, edit = st.columns(
            [0.42, 3.3, 1.15, 1.7, 0.85], gap="small", vertical_alignment="center"
        )
        switch.toggle(
            t("constitution.switch", name=as_text(principle.name)), key=session.follow(on_key, principle.enabled),
            label_visibility="collapsed", on_change=change, args=(on_key, "enabled"),
        )  # fmt: skip
        source = f"<small>{html.escape(t('constitution.notebook'))}</small>" if principle.source == "notebook" else ""
        said.html(
            f'<div class="lab-principle {kind}"><b>{html.escape(principle.name)}</b>{source}'
            f"<p>{html.escape(principle.text)}</p></div>"
        )
        weight.number_input(
            t("constitution.weight", name=as_text(principle.name)), -HEAVIEST, HEAVIEST, step=0.5, format="%.1f",
            key=session.follow(weight_key, float(principle.weight)), label_visibility="collapsed",
            help=t("constitution.weight_help"), on_change=change, args=(weight_key, "weight"),
        )  # fmt: skip
        figures.html(_figures(principle, figure))
        edit.button(
            t("constitution.edit"), key=f"cai_edit_{i}", on_click=session.put, args=("cai_selected", principle.name)
        )


def _figures(principle: Principle, figure: PrincipleFigure | None) -> str:
    """What a principle is measured by, and how well its judge does, beside the keyword rule."""
    if figure is None:
        return f'<p class="lab-principle-figure"><small>{html.escape(t("constitution.unmeasured"))}</small></p>'
    name = controls.attribute_name(principle.attribute)
    values = t("constitution.f1", judge=figure.judge_f1, keyword=figure.keyword_f1)
    return (
        f'<p class="lab-principle-figure"><b>{html.escape(values)}</b>'
        f"<small>{html.escape(t('constitution.measured', attribute=name, broken=figure.broken))}</small></p>"
    )


# The editor.


def selected(version: Version) -> Principle:
    """The principle that is edited: the one that was chosen, else the first."""
    name = session.value("cai_selected", "")
    found = [p for p in version.constitution.principles if p.name == name]
    return found[0] if found else version.constitution.principles[0]


def editor(version: Version) -> None:
    """Every field of one principle. Nothing is in force before it is saved."""
    principle = selected(version)
    # Named by what is edited alone: a switch or a weight, which act at once, leave what is typed and not yet saved.
    at = hash((version.constitution.language, replace(principle, weight=1.0, enabled=True)))
    layout.section("constitution.editor", name=principle.name)
    with st.form(key="cai_form", border=True):
        fields = {
            "name": st.text_input(t("constitution.name"), principle.name, key=f"cai_name_{at}"),
            "text": st.text_area(t("constitution.text"), principle.text, key=f"cai_text_{at}", height=68),
            "critique_request": st.text_input(
                t("constitution.critique_request"), principle.critique_request, key=f"cai_critique_{at}",
                help=t("constitution.request_help"),
            ),
            "revision_request": st.text_input(
                t("constitution.revision_request"), principle.revision_request, key=f"cai_revision_{at}"
            ),
            "attribute": st.selectbox(
                t("constitution.attribute"), ("", *MEASURED), ("", *MEASURED).index(principle.attribute),
                format_func=lambda name: controls.attribute_name(name) if name else t("constitution.no_attribute"),
                key=f"cai_attribute_{at}", help=t("constitution.attribute_help"),
            ),
        }  # fmt: skip
        examples = {
            side: st.text_area(
                t(f"constitution.{side}"), as_lines(getattr(principle, side)), key=f"cai_{side}_{at}", height=150,
                help=t("constitution.examples_help"),
            )
            for side in ("breaks", "keeps")
        }  # fmt: skip
        saved = st.form_submit_button(t("constitution.save"), key="cai_save", type="primary")
    _unread_words(principle)
    if saved:
        read = {side: from_lines(text) for side, text in examples.items()}
        _try(lambda: _replace_principle(version, principle, fields | read))
        st.rerun()
    with st.container(horizontal=True, gap="small"):
        st.button(t("constitution.add"), key="cai_add", on_click=_add)
        only = len(version.constitution.principles) == 1
        st.button(t("constitution.remove"), key="cai_remove", disabled=only, on_click=_remove, args=(principle.name,))


def _replace_principle(version: Version, principle: Principle, fields: dict[str, object]) -> None:
    changed = version.constitution.with_principle(principle.name, **fields)
    constitution.save(session.laboratory().store, session.current_lab(), changed)
    session.put("cai_selected", fields["name"])


def _unread_words(principle: Principle) -> None:
    """Words of its requests that the critic does not know: it passes them over."""
    critic = models.critic(session.current_lab().language)
    requests = (principle.critique_request, principle.revision_request)
    unknown = list(dict.fromkeys(word for request in requests for word in critic.unknown(request)))
    if unknown:
        layout.note(t("constitution.unread_words", words=", ".join(unknown)), "miss")


def as_lines(examples: tuple[Example, ...]) -> str:
    """Examples as the editor shows them: one a line, a question before its answer."""
    return "\n".join(f"{e.prompt} {BAR} {e.response}" if e.prompt else e.response for e in examples)


def from_lines(text: str) -> tuple[Example, ...]:
    """The same read back; empty lines say nothing."""
    found: list[Example] = []
    for line in text.splitlines():
        prompt, bar, response = line.partition(BAR)
        if line.strip():
            found.append(Example(response.strip(), prompt.strip()) if bar else Example(line.strip()))
    return tuple(found)


def _add() -> None:
    """A principle to begin with: no music, which its five examples a side already teach."""
    now = current().constitution
    taken = {p.name for p in now.principles}
    language = now.language
    name = next(
        name for k in range(1, len(taken) + 2) if (name := t_model(language, "new_name", k=k)) not in taken
    )
    added = Principle(
        name=name,
        text=t_model(language, "new_text"),
        critique_request=t_model(language, "new_critique"),
        revision_request=t_model(language, "new_revision"),
        breaks=from_lines(t_model(language, "new_breaks")),
        keeps=from_lines(t_model(language, "new_keeps")),
    )
    save(replace(now, principles=(*now.principles, added)))
    session.put("cai_selected", name)


def t_model(language: str, key: str, **slots: object) -> str:
    """A sentence of this page in the model's language: a constitution is written in what it is about."""
    return translate(language, f"constitution.{key}", **slots)


def _remove(name: str) -> None:
    now = current().constitution
    save(replace(now, principles=tuple(p for p in now.principles if p.name != name)))


# Versions and files.


def versions(version: Version) -> None:
    """Every version there was, to be put in force again."""
    store, lab = session.laboratory().store, session.current_lab()
    known = {one.number: one for one in constitution.versions(store, lab)}

    def label(number: int) -> str:
        one = known[number]
        when = f"{one.created_at:%Y-%m-%d %H:%M}, " if one.created_at else ""
        return f"{version_name(number)} ({when}{t('constitution.count', on=len(one.constitution.enabled))})"

    numbers, kept = sorted(known, reverse=True), session.session().kept
    newest = (lab.language, version.number)
    if kept.get("cai_newest") != newest:  # a version that is new is the one to be shown
        kept["cai_newest"] = newest
        session.put("cai_version", version.number)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            t("constitution.versions"), numbers, format_func=label,
            key=session.keep("cai_version", version.number, numbers), width=420,
        )  # fmt: skip
        st.button(
            t("constitution.restore"), key="cai_restore", disabled=known[chosen].constitution == version.constitution,
            on_click=save, args=(known[chosen].constitution,),
        )  # fmt: skip


def toml(version: Version) -> None:
    """The constitution as a file, out and in."""
    text = dump(version.constitution)
    name = f"constitution-{version.constitution.language}.toml"
    files.file_button(t("constitution.download"), lambda: text, name, key="cai_download")
    given = st.file_uploader(t("constitution.upload"), type="toml", key="cai_upload")
    if given is not None and session.session().kept.get("cai_uploaded") != given.file_id:
        session.session().kept["cai_uploaded"] = given.file_id
        _try(lambda: _read_file(given.getvalue()))
        st.rerun()
    at = f"{version.constitution.language}_{version.number}"
    typed = st.text_area(t("constitution.toml"), text, key=f"cai_toml_{at}", height=320)
    if st.button(t("constitution.apply"), key="cai_apply"):
        _try(lambda: constitution.save_toml(session.laboratory().store, session.current_lab(), typed))
        st.rerun()


def _read_file(data: bytes) -> None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConstitutionError(f"The file is no text in UTF-8 (byte {error.start}).") from error
    constitution.save_toml(session.laboratory().store, session.current_lab(), text)
