"""The parts of the labelling page."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lab import exchange, models, reward, rounds
from lab.deck import CHECK, REPEAT, better
from lab.labelling import Answer, LabellingDesk, LabellingError, Showing, TooFastError
from lab.store import Label
from rlhf_core.notebook_pairs import NAME as NOTEBOOK
from ui import deck_view, guideline_view, layout, round_view, session
from ui.i18n import has, t

_STILL_KEYS = st.components.v2.component(
    "lab_still_keys",
    html="<span hidden></span>",
    js="""
export default function () {
  // A held key repeats itself; only its first press is an answer.
  const still = (event) => {
    const element = event.target;
    if (element.closest('input:not([type=radio]), textarea, [role=slider]')) return;
    // Where arrows open, close or choose something else, they are no answer either.
    const busy = element.closest('summary, [role=radiogroup], [role=listbox]');
    if (busy && event.key.startsWith('Arrow')) return event.stopImmediatePropagation();
    if (!event.repeat) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener('keydown', still, true);
  return () => window.removeEventListener('keydown', still, true);
}
""",
)


WRITERS = {"ppo": "label.writer_run", "sl": "label.writer_run_sl", "rlaif": "label.writer_run_rlaif"}
"""The stages whose runs write answers, each with the key of a run's name."""
GRADES = (("left", 2), ("left", 1), ("right", 1), ("right", 2))
"""The choices that say how much better an answer is, in the order of their keys 1 to 4."""
REASONS = ("more helpful", "safer", "more honest", "kinder", "shorter", "other")
"""Why an answer is better, as it is kept; pages say it in their own language."""
OTHER = "other"
OWN_WORDS = 200
"""Characters of a reason of one's own."""


def chosen_writer() -> str:
    """Whose answers are compared: "start" or "run-<id>"."""
    # The radio is drawn below what it decides: its new value is known before it is drawn again.
    chosen = session.value("label_writer", models.START)
    return chosen if chosen in writers() else models.START


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


def question(showing: Showing) -> DeltaGenerator:
    """What was asked, and what is asked of the person. Returns the place beside it, for the guideline."""
    asked = as_html(showing.prompt, session.current_lab().language)
    about = html.escape(t("label.asked", writer=writer_name(showing.policy_id)))
    with st.container(key="label_question", horizontal=True, vertical_alignment="bottom", gap="small"):
        st.html(
            f'<div class="lab-question"><small>{round_view.progress(showing.number)} {about}</small>'
            f"<p>{asked}</p><h2>{html.escape(guideline_view.question(session.current_lab().id))}</h2></div>"
        )
        return st.container(key="label_guideline", width="content")


def pair(showing: Showing, language: str) -> None:
    """The two answers."""
    with st.container(key="label_pair"):
        for column, name, text in zip(st.columns(2, gap="medium"), "AB", (showing.left, showing.right), strict=True):
            with column:
                unknown = exchange.unknown_in(language, text)
                layout.quote(models.displayed(language, text), caption=name, kind="answer", unknown=unknown)


def as_html(text: str, language: str) -> str:
    """A text as people read it, the words marked that the model does not know."""
    return layout.marked(models.displayed(language, text), exchange.unknown_in(language, text))


def reasons(showing: Showing) -> None:
    """Why the answer is better, if one likes to say so, before the choice. The showing's id in the keys has the next
    pair begin without any."""
    chosen = st.pills(
        t("label.why"), REASONS, selection_mode="multi", key=f"label_reasons_{showing.id}",
        format_func=lambda reason: t(f"label.reason_{REASONS.index(reason)}"),
    )  # fmt: skip
    if OTHER in chosen:
        st.text_input(
            t("label.own_words"), key=f"label_own_words_{showing.id}", max_chars=OWN_WORDS,
            placeholder=t("label.own_words"), label_visibility="collapsed",
        )  # fmt: skip


def _rationale(showing_id: str) -> str:
    """The chosen reasons, then the own words."""
    own_words = st.session_state.get(f"label_own_words_{showing_id}", "").strip()
    return ", ".join([*st.session_state.get(f"label_reasons_{showing_id}", []), *([own_words] if own_words else [])])


@dataclass(frozen=True)
class Hand:
    """What the buttons of a pair do: for the owner, or for a member of a class."""

    answer: Callable[[str, str, int], None]
    """Given the showing, the choice and the strength."""
    undo: Callable[[], None]


def owner_hand(desk: LabellingDesk) -> Hand:
    """Labels at the owner's desk."""
    return Hand(lambda *said: _answer(desk, *said), lambda: _undo(desk))


def buttons(hand: Hand, showing: Showing, *, graded: bool = True) -> None:
    """One button for each choice, with its key. The showing's id in a button's key keeps a second click of a double
    click from labelling the next pair, which nobody has read yet. graded: with those that say how much better."""
    choices = (("left", "Left", "primary"), ("right", "Right", "primary"))
    for column, (choice, key, kind) in zip(st.columns(2, gap="medium"), choices, strict=True):
        with column:
            _button(hand, showing, choice, key, kind)
    if graded:
        digits = session.value(deck_view.DIGITS, True)
        with st.container(key="label_grades", horizontal=True, gap="small"):
            for number, (choice, strength) in enumerate(GRADES, start=1):
                _button(hand, showing, choice, str(number) if digits else None, "secondary", strength)
    with st.container(horizontal=True, gap="small", horizontal_alignment="center"):
        for choice, key in (("tie", "Down"), ("both_bad", "Up"), ("skip", "S")):
            _button(hand, showing, choice, key, "secondary")
        undo_button(hand)


def _button(
    hand: Hand, showing: Showing, choice: str, key: str | None, kind: str, strength: int = 0
) -> None:  # fmt: skip
    name = f"{choice}{strength or ''}"
    st.button(
        t(f"label.{name}"), key=f"label_{name}_{showing.id}", shortcut=key, type=kind,
        width="stretch" if choice in ("left", "right") else "content", on_click=hand.answer,
        args=(showing.id, choice, strength),
    )  # fmt: skip


def undo_button(hand: Hand) -> None:
    """Takes the last answer back."""
    st.button(t("label.undo"), key="label_undo", shortcut="Backspace", type="tertiary", on_click=hand.undo)


def _answer(desk: LabellingDesk, showing_id: str, choice: str, strength: int) -> None:
    own = session.session()
    try:
        own.last_answer = desk.answer(showing_id, choice, strength, _rationale(showing_id))
        own.last_said = ""
    except TooFastError:
        return  # A held key: nothing was labelled, the pair on the screen waits.
    except LabellingError:
        _say_elsewhere()


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
    still_keys()


def still_keys() -> None:
    """A held key answers once, and keys that choose something else answer nothing."""
    _STILL_KEYS(key="label_still_keys")
