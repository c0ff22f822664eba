"""The end of a round of labelling: what was learnt, and how one labelled."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st

from lab import models, reward, rounds
from lab.labelling import LabellingDesk
from ui import layout, session
from ui.i18n import t


def progress(number: int) -> str:
    """How far the round is, as HTML: the label that comes next, and a bar."""
    at = (number - 1) % rounds.ROUND + 1
    said = html.escape(t("round.progress", at=at, n=rounds.ROUND, round=(number - 1) // rounds.ROUND + 1))
    bar = f'<progress max="{rounds.ROUND}" value="{at - 1}" aria-hidden="true"></progress>'
    return f'<span class="lab-progress">{bar}{said}</span>'


def waits(desk: LabellingDesk) -> bool:
    """Whether a round has ended whose end was not seen yet."""
    ended = rounds.ended(desk.own_labels())
    return ended > 0 and ended > rounds.seen(desk.store, desk.lab)


def end(desk: LabellingDesk, undo: Callable[[], None]) -> None:
    """What a round came to, and the way into the next one. undo: draws the button that takes the last answer back."""
    labels = desk.own_labels()
    found = rounds.summary(labels)
    layout.section("round.ended", number=found.number)
    if reward.fit(desk.store, desk.lab, "human").labels_used:
        _pick(desk, found.number)
    with st.container(key="round_facts"):
        layout.facts(_facts(found))
    if found.leaning:
        layout.note(t(f"round.leaning_{found.leaning}", share=found.left.k / found.left.n), "miss")
    curve = reward.curve(desk.store, desk.lab, "human")
    if rounds.settled(curve):
        accuracy, moved = curve[-1].reference_accuracy, rounds.SETTLED
        layout.note(t("round.settled", n=rounds.SETTLED_POINTS, accuracy=accuracy, moved=moved), "good")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            t("round.next", number=found.number + 1), key="round_next", type="primary", on_click=_next,
            args=(desk, found.number),
        )  # fmt: skip
        undo()
        layout.link("reward_model", t("round.reward_model"))


def _pick(desk: LabellingDesk, number: int) -> None:
    display = models.assets(desk.lab.language).grammar.display
    pick = rounds.pick(desk.store, desk.lab, desk.policy_id, number)
    asked, prompt = html.escape(t("round.pick")), html.escape(display(pick.prompt))
    st.html(f'<div class="lab-question"><small>{asked}</small><p>{prompt}</p></div>')
    favourite, other = st.columns(2, gap="medium")
    with favourite:
        layout.quote(display(pick.favourite), caption=t("round.favourite", n=rounds.SAMPLES), kind="answer favourite")
    with other:
        layout.quote(display(pick.random), caption=t("round.random"), kind="answer")


def _facts(found: rounds.Round) -> list[tuple[str, str, str]]:
    left = found.left
    share = f"{left.k / left.n:.0%}" if left.n else t("frame.none")
    interval = t("round.left_sentence", k=left.k, n=left.n, low=left.low, high=left.high)
    return [
        (t("round.seconds", seconds=found.seconds), t("round.time"), t("round.time_sentence")),
        (_of(found.repeats), t("round.repeats"), t("round.repeats_sentence")),
        (_of(found.checks), t("round.checks"), t("round.checks_sentence")),
        (share, t("round.left"), interval if left.n else t("round.left_none")),
    ]


def _of(share: rounds.Share) -> str:
    return t("round.of", k=share.k, n=share.n) if share.n else t("frame.none")


def _next(desk: LabellingDesk, number: int) -> None:
    rounds.see(desk.store, desk.lab, number)
    session.session().last_answer, session.session().last_said = None, ""
