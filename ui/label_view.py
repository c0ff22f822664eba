"""The parts of the labelling page."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from lab import exchange, models, reward, rounds
from lab.database import StoreError
from lab.deck import CHECK, REPEAT, better
from lab.labelling import (
    AHEAD_AFTER,
    AHEAD_AFTER_OPENING,
    Answer,
    LabellingDesk,
    LabellingError,
    Showing,
    TooFastError,
)
from lab.store import Lab, Label
from rlhf_core.notebook_pairs import NAME as NOTEBOOK
from ui import deck_view, errors, guideline_view, layout, round_view, session
from ui.ballot import TIE, UNDO, Choice, Hand, Paper, Said
from ui.i18n import has, t

WRITERS = {
    "ppo": "label.writer_run", "sl": "label.writer_run_sl", "rlaif": "label.writer_run_rlaif",
    "algorithm": "algorithms.writer",
}  # fmt: skip
"""The stages whose runs write answers, each with the key of a run's name."""
GRADES = (("left", 2), ("left", 1), ("right", 1), ("right", 2))
"""The choices that say how much better an answer is, in the order of their keys 1 to 4."""
SIDES = (Choice("left", 0, "←"), Choice("right", 0, "→"))
OTHERS = (Choice("both_bad", 0, "↑"), Choice("skip", 0, "S"))


def chosen_writer() -> str:
    """Whose answers are compared: "start" or "run-<id>"."""
    # The radio is drawn below what it decides: its new value is known before it is drawn again.
    chosen = session.value("label_writer", models.START)
    return chosen if chosen != models.START and chosen in writers() else models.START


def writers() -> list[str]:
    """The starting model and this lab's runs, newest first, all in the language that the model speaks now."""
    lab = session.current_lab()
    runs = session.laboratory().store.runs(lab.id, language=lab.language)
    return [models.START, *(f"run-{run.id}" for run in runs if run.step and run.stage in WRITERS)]


def desk() -> LabellingDesk:
    """This lab's desk."""
    return LabellingDesk(session.laboratory().store, session.current_lab(), policy_id=chosen_writer())


def writer_name(policy_id: str) -> str:
    """Who wrote an answer, in words. One who came with a file is named as there."""
    if policy_id == NOTEBOOK:
        return t("label.writer_notebook")
    if policy_id != models.START and not policy_id.startswith("run-"):
        return t("label.writer_imported", name=policy_id)
    run = models.run_of(session.laboratory().store, policy_id)
    return t(WRITERS[run.stage], run=run.number, step=run.step) if run else t("label.writer_start")


def writer_choice() -> None:
    """The starting model or a run of this lab."""
    options = writers()
    st.radio(
        t("label.writer_help"),
        options,
        key=session.keep("label_writer", models.START, options),
        format_func=writer_name,
    )
    layout.note(t("label.writer_note"))


def paper(showing: Showing, lab: Lab) -> Paper:
    """A pair as the owner has it: what was asked, what is asked of the person, and the answers."""
    asked = as_html(showing.prompt, showing.language)
    about = html.escape(t("label.asked", writer=writer_name(showing.policy_id)))
    question = (
        f"<small>{round_view.progress(showing.number)} {about}</small>"
        f"<p>{asked}</p><h2>{html.escape(guideline_view.question(lab.id))}</h2>"
    )
    return Paper(showing.id, question, sides(showing))


def as_html(text: str, language: str) -> str:
    """A text as people read it, the words marked that the model does not know."""
    return layout.marked(models.displayed(language, text), exchange.unknown_in(language, text))


def owner_hand(desk: LabellingDesk) -> Hand:
    """Labels at the owner's desk."""
    own = session.session()
    return Hand(lambda said: _answer(desk, own, said), lambda: _undo(desk), _answered)


def rows(*, graded: bool = True) -> list[Sequence[Choice]]:
    """The choices about a pair. graded: with those that say how much better an answer is."""
    return [SIDES, *([grades()] if graded else []), (TIE, *OTHERS, UNDO)]


def grades() -> list[Choice]:
    """How much better an answer is, by the keys 1 to 4 where digits are not switched off."""
    digits = session.value(deck_view.DIGITS, True)
    return [Choice(*grade, str(number) if digits else "") for number, grade in enumerate(GRADES, start=1)]


def sides(showing: Showing) -> tuple[str, str]:
    """The answers on the left and on the right, as people read them."""
    return as_html(showing.left, showing.language), as_html(showing.right, showing.language)


def undo_button(hand: Hand) -> None:
    """Takes the last answer back, where no pair is in sight."""
    st.button(t("label.undo"), key="label_undo", shortcut="Backspace", type="tertiary", on_click=hand.undo)


def _answer(desk: LabellingDesk, own: session.Session, said: Said) -> Paper | None:
    try:
        own.last_answer = desk.answer(said.showing_id, said.choice, said.strength, said.rationale)
        own.last_said = ""
    except TooFastError:
        pass  # A held key: nothing was labelled, the pair on the screen waits.
    except LabellingError:
        own.last_answer, own.last_said = None, t("label.elsewhere")
    except StoreError as error:
        own.last_answer, own.last_said = None, errors.explain(error)
        return None
    try:
        return None if round_view.waits(desk) else paper(desk.current(), desk.lab)
    except (LabellingError, KeyError):
        return None  # The lab speaks another language now, or is no more.


def _answered() -> None:
    """Where the model's language has changed, this page follows, and still says what came of the answer."""
    own = session.session()
    said = own.last_said
    session.read_lab()
    own.last_said = said


def _undo(desk: LabellingDesk) -> None:
    own = session.session()
    try:
        own.last_said = t("label.undone") if desk.undo() else t("label.nothing_to_undo")
        own.last_answer = None
    except LabellingError:
        _say_elsewhere()


def _say_elsewhere() -> None:
    """The pair is no longer open; if it is so because the model's language has changed, this page follows."""
    session.read_lab()
    own = session.session()
    own.last_answer, own.last_said = None, t("label.elsewhere")


def look_ahead(desk: LabellingDesk, showing: Showing) -> None:
    """Have the next pair prepared; when the page has just been opened, not before it is drawn."""
    own = session.session()
    opening = own.last_answer is None and not own.last_said
    desk.look_ahead(showing, AHEAD_AFTER_OPENING if opening else AHEAD_AFTER)


def reveal(desk: LabellingDesk, showing: Showing) -> None:
    """What the reward model had guessed about the last pair and why it was shown, and whether there is a guess about
    this one."""
    own = session.session()
    with st.container(key="label_reveal", gap=None):
        if own.last_said:
            layout.note(own.last_said)
        elif own.last_answer is not None:
            sentence, kind = _reveal_sentence(own.last_answer)
            layout.note(f"{sentence} {_why(desk, own.last_answer.label)}", kind)
        language = session.current_lab().language
        if not models.readable(language, showing.prompt, showing.left, showing.right):
            layout.note(t("label.unreadable"))
        else:
            layout.note(t("label.guess_none_yet" if showing.guess is None else "label.guess_waiting"))


def _reveal_sentence(answer: Answer) -> tuple[str, str]:
    if answer.guess_side is None:
        return t("label.reveal_none"), "plain"
    slots = {"side": "A" if answer.guess_side == "left" else "B", "confidence": answer.guess_confidence}
    if answer.hit is None:
        return t("label.reveal_no_choice", **slots), "plain"
    return (t("label.reveal_hit", **slots), "good") if answer.hit else (t("label.reveal_miss", **slots), "miss")


def _why(desk: LabellingDesk, label: Label) -> str:
    """Why a pair was shown, told after it was answered."""
    match label.why.partition(":"):
        case ("contrast", _, attribute):
            return t("label.why_contrast", attribute=t(f"attribute.{attribute}"))
        case ("dilemma", _, name):
            return t(f"label.why_dilemma_{name}")
        case (way, _, _) if way == CHECK:
            right, side = rounds.check_right(label), "A" if better(label) == label.shown_left else "B"
            key = "why_check" if right is None else "why_check_right" if right else "why_check_other"
            return t(f"label.{key}", side=side)
        case (way, _, _) if way == REPEAT:
            same = rounds.as_before(label, desk.own_labels())
            return t(f"label.{'why_repeat' if same is None else 'why_repeat_same' if same else 'why_repeat_other'}")
        case (way, _, _):
            return t(f"label.why_{way}") if has(f"label.why_{way}") else ""  # it came from elsewhere


def counters(desk: LabellingDesk) -> None:
    """How many labels, whose, and how often the reward model foresaw them."""
    counts, language = reward.counts(desk.store, desk.lab), t(f"language.{desk.lab.language}")
    others = sum(label.labeler != desk.labeler for label in desk.store.labels(desk.lab.id, "human", desk.lab.language))
    by_people = (t("label.count_mine"), t("label.count_mine_sentence", language=language))
    if others:
        mine = counts["human"] - others
        by_people = (t("label.count_people"), t("label.count_people_sentence", mine=mine, others=others))
    rate = desk.hit_rate()
    mine, guessed = st.columns([1, 1], gap="medium")
    with mine, st.container(key="label_count"):
        layout.facts([
            (f"{counts['human']}", *by_people),
            (f"{counts['simulated']}", t("label.count_simulated"), t("label.count_simulated_sentence")),
        ])  # fmt: skip
    with guessed, st.container(key="label_hit_rate"):
        if rate.n:
            sentence = t("label.hit_rate_sentence", n=rate.n, low=rate.low, high=rate.high)
            layout.facts([(f"{rate.hits / rate.n:.0%}", t("label.hit_rate"), sentence)])
        else:
            layout.facts([(t("frame.none"), t("label.hit_rate"), t("label.hit_rate_none"))])
    layout.note(t("label.keys") + (" " + t("label.keys_digits") if session.value(deck_view.DIGITS, True) else ""))
