"""A pair and the choices about it, as one element that stays on the page from pair to pair.

Streamlit's own buttons would have to be made anew for every pair: with keys that stay, the second click of a double
click labels the next pair, which nobody has read yet. Here every answer names the showing that was in sight, the later
clicks of a double click and the repeats of a held key answer nothing, and only texts change when the next pair comes.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.i18n import t

_JS = """
const TYPING = 'input:not([type=radio]), textarea, [contenteditable], [role=slider]';
const CHOOSING = 'summary, [role=radiogroup], [role=listbox]';  // where arrows open, close or choose something else

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.lab-ballot');
  const find = (name) => root.querySelector(name);
  const frame = data.reasons + data.choices;
  if (root.frame !== frame) {
    root.frame = frame;
    find('.reasons').innerHTML = data.reasons;
    find('.choices').innerHTML = data.choices;
  }
  const words = find('.reasons input');
  const chosen = () => [...root.querySelectorAll('.reasons [aria-pressed=true]')];
  if (root.dataset.showing !== data.showing) {
    find('.pair').innerHTML = data.pair;
    for (const chip of chosen()) chip.setAttribute('aria-pressed', 'false');
    if (words) words.hidden = !(words.value = '');
    root.dataset.showing = data.showing;
  } else if (root.pair !== data.pair) {
    find('.pair').innerHTML = data.pair;
  }
  root.pair = data.pair;
  const act = (button) => {
    if (button.dataset.reason) {
      const on = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', on);
      if (words && button.dataset.reason === data.other && !(words.hidden = !on)) words.focus();
    } else if (button.dataset.choice === 'undo') {
      setTriggerValue('undo', root.dataset.showing);
    } else if (button.dataset.choice) {
      setTriggerValue('answer', {
        showing: root.dataset.showing, choice: button.dataset.choice, strength: Number(button.dataset.strength),
        reasons: chosen().map((chip) => chip.dataset.reason), words: words && !words.hidden ? words.value : '',
      });
    }
  };
  root.onclick = (event) => {
    const button = event.target.closest('button');
    if (button && event.detail < 2) act(button);
  };
  const key = (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || at.closest(TYPING)) return;
    if (event.key.startsWith('Arrow') && at.closest(CHOOSING)) return;
    const name = event.key.toLowerCase();
    const button = [...root.querySelectorAll('[data-key]')].find((one) => one.dataset.key === name);
    if (!button && !(event.repeat && root.contains(at))) return;
    event.preventDefault();
    if (button && !event.repeat) act(button);
  };
  window.removeEventListener('keydown', root.key, true);
  window.addEventListener('keydown', root.key = key, true);
  return () => window.removeEventListener('keydown', key, true);
}
"""
_ballot = st.components.v2.component(
    "lab_ballot",
    html='<div class="lab-ballot"><div class="pair" aria-live="polite"></div>'
    '<div class="reasons" role="group"></div><div class="choices"></div></div>',
    js=_JS,
    isolate_styles=False,
)

REASONS = ("more helpful", "safer", "more honest", "kinder", "shorter", "other")
"""Why an answer is better, as it is kept; pages say it in their own language."""
OTHER = "other"
OWN_WORDS = 200
"""Characters of a reason of one's own."""
_KEYS = {"←": "arrowleft", "→": "arrowright", "↓": "arrowdown", "↑": "arrowup", "⌫": "backspace"}
"""Keys as they are shown, each with what a browser calls it, in small letters."""


@dataclass(frozen=True)
class Choice:
    """A button: what it answers, how clearly (0 not asked), and the key that presses it, as it is shown."""

    choice: str
    strength: int = 0
    key: str = ""

    @property
    def text(self) -> str:
        """What it says, in the page's language."""
        return t(f"label.{self.choice}{self.strength or ''}")


TIE, UNDO = Choice("tie", 0, "↓"), Choice("undo", 0, "⌫")


@dataclass(frozen=True)
class Said:
    """An answer as it came from the page."""

    showing_id: str
    choice: str
    strength: int = 0
    rationale: str = ""


@dataclass(frozen=True)
class Hand:
    """What the buttons of a pair do: for the owner, for a member of a class, or for a group."""

    answer: Callable[[Said], None]
    undo: Callable[[], None]


def ballot(
    key: str, hand: Hand, showing_id: str, answers: tuple[str, str], rows: Sequence[Sequence[Choice]],
    *, reasons: bool = False,
) -> None:  # fmt: skip
    """Show a pair with its choices. answers: left and right, as HTML. rows: of buttons; the first row's stand out.
    reasons: with chips that say why. hand's functions are called before the page is drawn anew."""

    def said(event: str) -> Any:
        return (st.session_state.get(key) or {}).get(event)

    def answered() -> None:
        if (heard := _read(said("answer"), rows)) is not None:
            hand.answer(heard)

    _ballot(
        key=key, on_answer_change=answered, on_undo_change=lambda: said("undo") and hand.undo(),
        data={
            "showing": showing_id, "pair": "".join(map(_card, "AB", answers)), "choices": _choices(rows),
            "reasons": _reasons() if reasons else "", "other": OTHER,
        },
    )  # fmt: skip


def _read(payload: object, rows: Sequence[Sequence[Choice]]) -> Said | None:
    """What was answered; None for what none of these buttons says."""
    if not isinstance(payload, Mapping):
        return None
    showing, choice, strength, reasons, words = map(
        payload.get, ("showing", "choice", "strength", "reasons", "words")
    )
    offered = any((one.choice, one.strength) == (choice, strength) and one != UNDO for row in rows for one in row)
    if not offered or not (isinstance(showing, str) and isinstance(reasons, list) and isinstance(words, str)):
        return None
    given = [reason for reason in REASONS if reason in reasons]
    own_words = words.strip()[:OWN_WORDS]
    return Said(showing, choice, strength, ", ".join([*given, *([own_words] if own_words else [])]))


def _card(name: str, answer: str) -> str:
    return f'<blockquote class="lab-quote answer"><small>{name}</small><p>{answer}</p></blockquote>'


def _choices(rows: Sequence[Sequence[Choice]]) -> str:
    first, *others = ("".join(map(_button, row)) for row in rows)
    return f'<div class="first">{first}</div>' + "".join(f"<div>{row}</div>" for row in others)


def _button(one: Choice) -> str:
    key = f' data-key="{_KEYS.get(one.key, one.key.lower())}"' if one.key else ""
    shown = f"<kbd>{one.key}</kbd>" if one.key else ""
    return (
        f'<button type="button" data-choice="{one.choice}" data-strength="{one.strength}"{key}>'
        f"<span>{html.escape(one.text)}</span>{shown}</button>"
    )


def _reasons() -> str:
    chips = "".join(
        f'<button type="button" data-reason="{reason}" aria-pressed="false">'
        f"{html.escape(t(f'label.reason_{number}'))}</button>"
        for number, reason in enumerate(REASONS)
    )
    own = html.escape(t("label.own_words"))
    return (
        f"<span>{html.escape(t('label.why'))}</span>{chips}"
        f'<input type="text" maxlength="{OWN_WORDS}" placeholder="{own}" aria-label="{own}" hidden>'
    )
