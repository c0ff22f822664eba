"""What the team says: every message, another text in its place, a forged one, what each led to, and who tells whom."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from lab import team
from lab.team import Changed, Comparison, TeamRun
from rlhf_core.agent_team import Change
from rlhf_core.team_members import Decision
from rlhf_core.team_messages import ROLES, VERBS, Forgery, Message, words_in
from ui import charts, layout, session, team_board
from ui.charts import Span
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.team_desk import TeamDesk, action_name, change, choose, role_name, why_sentence

SHOWN, OFFERED = 120, 600
"""So many of the newest messages the log shows, and so many can be chosen; a filter brings older ones."""
MOST_CHANGES, MOST_LED = 8, 6
ANY = "any"


def talk(at: TeamDesk) -> None:
    """Everything below the board."""
    layout.section("team.talk")
    log, one = st.columns([1.15, 1], gap="large")
    with log:
        shown = _filtered(at)
        _log(at, shown)
        _forge(at)
    with one:
        _message(at, shown)
        _comparison(at)
    layout.section("team.who_tells")
    left, right = st.columns(2, gap="large")
    with left:
        _matrix(at)
    with right:
        _timeline(at)


# The log.


def _filtered(at: TeamDesk) -> list[Message]:
    """The messages that the filters let through, newest first."""
    senders = [ANY, *at.run.team.config.roster]
    with st.container(horizontal=True, gap="small", key="team_filters"):
        verb = st.selectbox(
            t("team.verb"), [ANY, *VERBS], key=session.keep("team_verb", ANY, [ANY, *VERBS]), width=190,
            format_func=lambda verb: t("team.any_verb") if verb == ANY else words_in(at.of[1], [verb]),
            label_visibility="collapsed",
        )  # fmt: skip
        sender = st.selectbox(
            t("team.sender"), senders, key=session.keep("team_sender", ANY, senders), width=190,
            format_func=lambda name: t("team.any_sender") if name == ANY else t("team.from", name=name),
            label_visibility="collapsed",
        )  # fmt: skip
    found = [m for m in at.run.messages if verb in (ANY, m.verb) and sender in (ANY, m.sender)]
    return found[: -OFFERED - 1 : -1]


def _log(at: TeamDesk, shown: Sequence[Message]) -> None:
    if not shown:
        silent = not at.run.settings.config.communication
        layout.callout(t("team.log_silent" if silent else "team.log_empty"))
        return
    read, names = at.run.read, ("tick", "name", "sender", "receiver", "text", "status")
    head = "".join(f"<th>{html.escape(t(f'team.log_{name}'))}</th>" for name in names)
    rows: list[str] = []
    for m in shown[:SHOWN]:
        kinds = " chosen" * (m.name == at.chosen) + " lost" * (m.arrives is None)
        kinds += " forged" * (m.forged or m.original is not None)
        cells = (m.sender, m.receiver, words_in(at.of[1], m.words), status(at.run, m, read))
        pressed = "true" if m.name == at.chosen else "false"
        rows.append(
            f'<tr class="{kinds.strip()}" data-message="{html.escape(m.name)}"><td>{m.tick}</td>'
            f'<td><button type="button" aria-pressed="{pressed}">{html.escape(m.name)}</button></td>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
            + "</tr>"
        )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    team_board.show(
        f'<div class="log scroll">{table}</div>', key="team_log", on_message=lambda name: choose(at, name)
    )
    layout.note(t("team.log_note", shown=min(SHOWN, len(shown)), all=len(at.run.messages)))


def status(run: TeamRun, message: Message, read: set[str]) -> str:
    """What became of a message."""
    if message.arrives is None:
        said = t("team.status_lost")
    elif message.name in read:
        said = t("team.status_read", tick=message.arrives)
    elif message.arrives >= run.tick and not run.over:
        said = t("team.status_way", tick=message.arrives)
    else:
        said = t("team.status_unread")
    if message.forged:
        return f"{said} · {t('team.status_forged')}"
    return f"{said} · {t('team.status_changed')}" if message.original is not None else said


# One message.


def _message(at: TeamDesk, shown: Sequence[Message]) -> None:
    run = at.run
    if not shown and at.chosen is None:
        return
    known = {m.name: m for m in shown}
    message = run.message(at.chosen)
    if message is None:
        # One that says much is worth looking at before one that says little.
        message = next((m for verb in ("path", "see") for m in shown if m.verb == verb), shown[0] if shown else None)
    if message is None:
        return
    every = known | {message.name: message}
    options = [*known] if message.name in known else [message.name, *known]
    key = "team_message"

    def pick() -> None:
        if st.session_state[key] in options:
            choose(at, st.session_state[key])

    def line(name: str) -> str:
        m = every.get(name, message)  # without its words: they may change, and the browser goes by this line
        return f"{name} → {m.receiver} ({m.tick})"

    st.selectbox(
        t("team.message"), options, key=session.put(key, message.name), format_func=line, on_change=pick,
        help=t("team.message_help"),
    )  # fmt: skip
    layout.note(_about(at, message))
    if message.forged:
        layout.note(t("team.no_edit"))
    else:
        _edit(at, message)
    _led(run, message)


def _about(at: TeamDesk, message: Message) -> str:
    said = t(
        "team.about_message", sender=message.sender, receiver=message.receiver, tick=message.tick,
        words=len(message.words), status=status(at.run, message, at.run.read),
    )  # fmt: skip
    if message.original is not None:
        said = f"{said} {t('team.was', text=words_in(at.of[1], message.original))}"
    return said


def _edit(at: TeamDesk, message: Message) -> None:
    """Another text in place of a message's: the run is made anew with it."""
    language, name = at.of[1], message.name
    now = words_in(language, message.words)
    field = f"team_edit_{name}_{hash((now, language))}"
    st.text_area(t("team.edit"), now, key=field, height=90, help=t("team.edit_help"))

    def send(text: str) -> None:
        at.playing, at.chosen = False, name
        change(at, lambda: at.run.edit(name, text), "edit")

    with st.container(horizontal=True, gap="small"):
        st.button(
            t("team.send"), key="team_send", type="primary", on_click=lambda: send(st.session_state[field] or "")
        )
        suggestion = team.suggestion(message, language)
        st.button(
            t("team.suggest"), key="team_suggest", on_click=lambda: send(suggestion), disabled=suggestion == now,
            help=t("team.suggest_help"),
        )  # fmt: skip
        if any(isinstance(one, Changed) and one.name == name for one in at.run.interventions):
            st.button(t("team.own_words"), key="team_own", on_click=lambda: change(at, lambda: at.run.restore(name)))
    if at.problem_at == "edit" and session.session().problem:
        layout.problem(session.session().problem)


def _led(run: TeamRun, message: Message) -> None:
    led = run.led_to(message.name)
    if not led:
        layout.note(t("team.led_none"))
        return
    rows = "".join(
        f"<li>{html.escape(decision_line(one.tick, one.decision))}</li>" for one in led[:MOST_LED]
    )
    more = f"<li>{html.escape(t('team.more', n=len(led) - MOST_LED))}</li>" if len(led) > MOST_LED else ""
    st.html(f'<div class="lab-led"><b>{html.escape(t("team.led", n=len(led)))}</b><ul>{rows}{more}</ul></div>')


def decision_line(tick: int, decision: Decision) -> str:
    """A decision in one line."""
    return t(
        "team.decision", tick=tick, name=decision.member, role=role_name(decision.role),
        act=action_name(decision), why=why_sentence(decision),
    )  # fmt: skip


def _forge(at: TeamDesk) -> None:
    """A message that nobody wrote, in somebody's name."""
    names = list(at.run.team.config.roster)
    if len(names) < 2:
        return
    with st.expander(t("team.forge"), key="team_forge"):
        with st.container(horizontal=True, gap="small"):
            sender = st.selectbox(
                t("team.forge_sender"), names, key=session.keep("team_forge_sender", names[0], names), width=150
            )
            receiver = st.selectbox(
                t("team.forge_receiver"), names, key=session.keep("team_forge_receiver", names[-1], names), width=150
            )
        here = at.run.team.world.positions[receiver]
        example = words_in(at.of[1], ["fail", f"({here[0]},{here[1]})"])
        st.text_input(t("team.forge_text"), key=session.keep("team_forge_text", example), help=t("team.edit_help"))

        def send() -> None:
            at.playing = False
            text = st.session_state["team_forge_text"] or ""
            change(at, lambda: at.run.forge(sender, receiver, text), "forge")

        ready = not at.run.over and at.run.settings.config.communication
        st.button(t("team.forge_send"), key="team_forge_send", on_click=send, disabled=not ready,
                  help=t("team.forge_help"))  # fmt: skip
        if at.problem_at == "forge" and session.session().problem:
            layout.problem(session.session().problem)


# Which decision changes.


def _comparison(at: TeamDesk) -> None:
    if not any(isinstance(one, Changed | Forgery) for one in at.run.interventions):
        return
    with st.spinner(t("team.comparing")):
        found = at.run.compare()
    if found is None:
        return
    with st.container(key="team_comparison"):
        st.html(f'<h3 class="lab-team-head">{html.escape(_title(at, found))}</h3>')
        layout.note(_outcome(found))
        if not found.changes:
            layout.callout(t("team.no_change"))
            return
        at.run.store.note_deed(at.of[0], "message")
        first = found.changes[0]
        layout.note(
            t("team.first_change", tick=first.tick, name=first.member, before=_act(first.before),
              after=_act(first.after), n=len(found.changes)), "miss",
        )  # fmt: skip
        layout.table(
            "lab-exam",
            [t(f"team.compare_{name}") for name in ("tick", "name", "before", "after")],
            [_change_row(change) for change in found.changes[:MOST_CHANGES]],
        )
        if len(found.changes) > MOST_CHANGES:
            layout.note(t("team.more", n=len(found.changes) - MOST_CHANGES))


def _title(at: TeamDesk, found: Comparison) -> str:
    if isinstance(found.about, Forgery):
        return t("team.compare_forged", sender=found.about.sender, receiver=found.about.receiver)
    return t("team.compare_changed", name=found.about.name)


def _outcome(found: Comparison) -> str:
    if not found.whole:
        return t("team.outcome_horizon", tick=found.until)
    before, after = (
        t("team.outcome_out" if one.success else "team.outcome_failed", ticks=one.ticks)
        for one in (found.before, found.after)
    )
    return t("team.outcome", before=before, after=after)


def _act(decision: Decision | None) -> str:
    return t("team.not_there") if decision is None else action_name(decision)


def _change_row(one: Change) -> Sequence[str]:
    def cell(decision: Decision | None) -> str:
        why = f"<small>{html.escape(why_sentence(decision))}</small>" if decision else ""
        return f"{html.escape(_act(decision))}{why}"

    return (str(one.tick), html.escape(one.member), cell(one.before), cell(one.after))


# Who tells whom, and who does what.


def _matrix(at: TeamDesk) -> None:
    names = list(at.run.team.config.roster)
    found: dict[tuple[str, str], list[Message]] = {}
    for message in at.run.messages:
        found.setdefault((message.sender, message.receiver), []).append(message)
    counts = [[None if a == b else len(found.get((a, b), ())) for b in names] for a in names]
    hover = [
        [
            t("team.matrix_hover", sender=a, receiver=b, n=len(found.get((a, b), ())),
              words=sum(len(m.words) for m in found.get((a, b), ())))
            for b in names
        ]
        for a in names
    ]  # fmt: skip
    most = max(found, key=lambda pair: len(found[pair]), default=None)
    said = t("team.matrix_none") if most is None else t(
        "team.matrix_summary", sender=most[0], receiver=most[1], n=len(found[most]), all=len(at.run.messages)
    )  # fmt: skip
    live_figure(
        charts.heatmap(
            names, names, counts, hover, palette(), x_title=t("team.receiver"), y_title=t("team.sender"),
            height=110 + 34 * max(3, len(names)),
        ),
        key="team_matrix", name=t("team.matrix"), sentence=t("team.matrix_sentence"), summary=said,
    )  # fmt: skip
    layout.note(said)


def _timeline(at: TeamDesk) -> None:
    run = at.run.team
    names = list(run.config.roster)
    uses, tones = run.emergent_behavior(), palette()
    colours = (tones.blue, tones.purple, tones.orange)  # as on the board
    said = " ".join(
        t("team.use", name=use.member, n=use.switches,
          shares=", ".join(f"{role_name(role)} {share:.0%}" for role, share in use.shares.items()))
        for use in uses if use.shares
    )  # fmt: skip
    live_figure(
        charts.timeline(
            names, spans(at.run), {role: role_name(role) for role in ROLES}, colours, tones, x_title=t("team.ticks"),
            end=at.run.tick, height=110 + 34 * max(3, len(names)),
        ),
        key="team_timeline", name=t("team.timeline"), sentence=t("team.timeline_sentence"),
        summary=said or t("team.timeline_none"),
    )  # fmt: skip
    layout.note(said or t("team.timeline_none"))


def spans(run: TeamRun) -> list[Span]:
    """Who played which role from when to when."""
    found: list[Span] = []
    open_: dict[str, Span] = {}
    for record in run.team.records:
        for name, role in record.roles.items():
            last = open_.get(name)
            if last is not None and last.kind == role and last.end == record.tick:
                open_[name] = Span(name, role, last.start, record.tick + 1)
            else:
                found += [last] if last else []
                open_[name] = Span(name, role, record.tick, record.tick + 1)
    return found + list(open_.values())
