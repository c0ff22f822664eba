"""A pair and the choices about it, as one element that stays on the page from pair to pair.

Streamlit's own buttons would have to be made anew for every pair: with keys that stay, the second click of a double
click labels the next pair, which nobody has read yet. And a click would wait until the whole page was drawn. Here every
answer names the showing that was in sight, the later clicks of a double click and the repeats of a held key answer
nothing, and an answer goes to the server by itself (`deliver`), which hands out the next pair; the page follows.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from lab.database import StoreError
from ui import session
from ui.addresses import Addresses
from ui.i18n import speaking, t

_JS = """
const TYPING = 'input:not([type=radio]), textarea, [contenteditable], [role=slider]';
const CHOOSING = 'summary, [role=radiogroup], [role=listbox]';  // where arrows open, close or choose something else

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.lab-ballot');
  const find = (name) => root.querySelector(name);
  root.answered ??= new Set();  // a page that was drawn for an earlier pair brings none of them back
  const frame = data.reasons + data.choices;
  if (root.frame !== frame) {
    root.frame = frame;
    find('.reasons').innerHTML = data.reasons;
    find('.choices').innerHTML = data.choices;
  }
  const words = find('.reasons input');
  const chosen = () => [...root.querySelectorAll('.reasons [aria-pressed=true]')];
  const say = (text) => { find('.lost').textContent = text; };
  const show = ({ showing, question, pair }) => {
    if (root.answered.has(showing)) return;
    for (const [part, text] of [['.lab-question', question], ['.pair', pair]]) {
      const element = find(part);
      if (element.text !== text) element.innerHTML = element.text = text;
    }
    if (root.dataset.showing === showing) return;
    for (const chip of chosen()) chip.setAttribute('aria-pressed', 'false');
    if (words) words.hidden = !(words.value = '');
    root.dataset.showing = showing;
  };
  show(data);
  root.dataset.drawn = data.showing;  // the page has come to this pair: with it, all that stands around it
  const send = async (said, tries) => {
    try {
      const response = await fetch(data.address, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(said),
      });
      const next = response.ok ? await response.json() : null;
      if (next && next.showing !== said.showing) {
        root.answered.add(said.showing);
        show(next);
      }
      say('');
      root.sending = false;
      setTriggerValue('answered', said.showing);
    } catch {
      if (tries) return setTimeout(send, 1000, said, tries - 1);  // to be told the same twice changes nothing
      root.sending = false;
      say(data.lost);
    }
  };
  const act = (button) => {
    if (button.dataset.reason) {
      const on = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', on);
      if (words && button.dataset.reason === data.other && !(words.hidden = !on)) words.focus();
    } else if (button.dataset.choice === 'undo') {
      setTriggerValue('undo', root.dataset.showing);
    } else if (button.dataset.choice && !root.sending) {
      root.sending = true;
      send({
        showing: root.dataset.showing, choice: button.dataset.choice, strength: Number(button.dataset.strength),
        reasons: chosen().map((chip) => chip.dataset.reason), words: words && !words.hidden ? words.value : '',
      }, 5);
    }
  };
  root.onclick = (event) => {
    const button = event.target.closest('button');
    if (button && event.detail < 2) act(button);
  };
  const key = (event) => {
    const at = event.target;
    if (event.key === 'Escape' && at === words) at.blur();  // the keys choose again
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
    html='<div class="lab-ballot"><div class="read" aria-live="polite"><div class="lab-question"></div>'
    '<div class="pair"></div></div>'
    '<div class="reasons" role="group"></div><p class="lost" role="alert"></p>'
    '<div class="choices"></div></div>',
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
class Paper:
    """A pair as it stands before somebody: question and answers (left, right) as HTML."""

    showing_id: str
    question: str
    answers: tuple[str, str]

    @property
    def data(self) -> dict[str, str]:
        """What the browser draws."""
        pair = "".join(map(_card, "AB", self.answers))
        return {"showing": self.showing_id, "question": self.question, "pair": pair}


@dataclass(frozen=True)
class Hand:
    """What the buttons of a pair do: for the owner, for a member of a class, or for a group.

    answer is called outside of any run of the page: it takes an answer and returns the pair that is in sight then, None
    if the page has something else to show. answered and undo are called before the page is drawn anew.
    """

    answer: Callable[[Said], Paper | None]
    undo: Callable[[], None]
    answered: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class _Drawn:
    """A ballot that stands on somebody's page."""

    hand: Hand
    offered: frozenset[tuple[str, int]]
    language: str


_ballots: Addresses[_Drawn] = Addresses("/ballot/")
ADDRESS = _ballots.path


def ballot(
    key: str, hand: Hand, paper: Paper, rows: Sequence[Sequence[Choice]], *, reasons: bool = False
) -> None:
    """Show a pair with its choices. rows: of buttons; the first row's stand out. reasons: with chips that say why."""
    offered = frozenset((one.choice, one.strength) for row in rows for one in row if one != UNDO)
    address = _ballots.put(key, _Drawn(hand, offered, session.language()))
    _ballot(
        key=key, on_answered_change=hand.answered, on_undo_change=hand.undo,
        data=paper.data | {
            "choices": _choices(rows), "reasons": _reasons() if reasons else "", "other": OTHER,
            "address": address, "lost": t("label.lost"),
        },
    )  # fmt: skip


def deliver(name: str, payload: object) -> dict[str, str] | None:
    """Take an answer to the ballot under a name, and return what to draw next. None if the page has to see for itself:
    for a ballot that is not there any more, for what none of its buttons says, and where no pair comes."""
    drawn = _ballots.find(name)
    if drawn is None or (said := _read(payload, drawn.offered)) is None:
        return None
    with speaking(drawn.language):
        try:
            paper = drawn.hand.answer(said)
        except StoreError:
            return None  # the page, which looks next, meets the same and says so
    return paper and paper.data


def _read(payload: object, offered: frozenset[tuple[str, int]]) -> Said | None:
    if not isinstance(payload, Mapping):
        return None
    showing, choice, strength, reasons, words = map(
        payload.get, ("showing", "choice", "strength", "reasons", "words")
    )
    if not (isinstance(choice, str) and isinstance(strength, int) and (choice, strength) in offered):
        return None
    if not (isinstance(showing, str) and showing.isascii() and isinstance(reasons, list) and isinstance(words, str)):
        return None
    given = [reason for reason in REASONS if reason in reasons]
    own_words = "".join(sign for sign in words if sign.isprintable()).strip()[:OWN_WORDS]
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
