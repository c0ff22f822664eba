"""Several turns as one text, and back.

A prompt is the last question. Where turns came before it, the text holds them all, as the dialogues of Anthropic's
hh-rlhf do (Bai et al., 2022), without the blank line at the beginning:

    Human: What is tea?

    Assistant: A drink.

    Human: How do I make it?
"""

from __future__ import annotations

import re
from typing import cast

from rlhf_core.formats.comparison import FieldError, check_text, shown
from rlhf_core.formats.values import Row, need

Turn = tuple[str, str]
"""A role, "user", "assistant" or "system", and what it said."""
NAMES = {"user": "Human", "assistant": "Assistant", "system": "System"}
ROLES = {name: role for role, name in NAMES.items()}
OURS = re.compile(r"(?:\A|(?<=[\s\S])\n\n)(Human|Assistant|System): ")
THEIRS = re.compile(r"\n\n(Human|Assistant|System): ?")
"""As hh-rlhf writes it; now and then it leaves the space out."""
ANSWER = "\n\nAssistant:"
"""Where it stands last, the prompt ends and the answer begins."""


def to_turns(prompt: str) -> list[Turn]:
    """The turns of a prompt; one of the user if it is just a question."""
    found = split(OURS, prompt)
    return [("user", prompt)] if found is None or is_question(found) else found


def to_prompt(turns: list[Turn]) -> str:
    """The prompt of some turns, which `to_turns` reads."""
    if is_question(turns):
        return turns[0][1]
    return "\n\n".join(f"{NAMES[role]}: {content}" for role, content in turns)


def is_question(turns: list[Turn]) -> bool:
    return len(turns) == 1 and turns[0][0] == "user"


def split(marker: re.Pattern[str], text: str) -> list[Turn] | None:
    """The turns of a text that begins with a marker; None if it does not."""
    marks = list(marker.finditer(text))
    if not marks or marks[0].start():
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [(ROLES[mark[1]], text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]


def to_transcript(prompt: str, response: str) -> str:
    """A prompt and an answer as one string of hh-rlhf. It reads otherwise if they hold its signs for turns."""
    return "".join(f"\n\n{NAMES[role]}: {content}" for role, content in [*to_turns(prompt), ("assistant", response)])


def from_transcript(field: str, text: str) -> tuple[str, str]:
    """The prompt and the answer of one string of hh-rlhf: the prompt ends at the last "\\n\\nAssistant:"."""
    head, found, answer = text.rpartition(ANSWER)
    turns = split(THEIRS, head)
    if not found or turns is None:
        raise FieldError(field, "no_transcript")
    return to_prompt(turns), answer.removeprefix(" ")


def read_turns(row: Row, field: str) -> list[Turn]:
    """A list of `{role, content}`. FieldError if it is none."""
    messages = need(row, field)
    if not isinstance(messages, list):
        raise FieldError(field, "no_list", value=shown(messages))
    return [_turn(f"{field}[{i}]", message) for i, message in enumerate(cast(list[object], messages))]


def _turn(field: str, message: object) -> Turn:
    said = cast(dict[str, object], message) if isinstance(message, dict) else {}
    role, content = said.get("role"), said.get("content")
    if not isinstance(role, str) or role not in NAMES or not isinstance(content, str):
        raise FieldError(field, "no_turns", role=f"role ({', '.join(NAMES)})")
    check_text(field, content)
    return role, content


def read_answer(row: Row, field: str) -> tuple[list[Turn], str]:
    """A conversation up to the assistant's last turn, and that turn."""
    turns = read_turns(row, field)
    if not turns or turns[-1][0] != "assistant":
        raise FieldError(field, "last_turn")
    return turns[:-1], turns[-1][1]


def messages(turns: list[Turn]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in turns]


def answered(prompt: str, response: str) -> list[dict[str, str]]:
    """A prompt's turns and the answer to them."""
    return messages([*to_turns(prompt), ("assistant", response)])
