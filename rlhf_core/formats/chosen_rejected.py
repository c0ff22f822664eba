"""Formats that name the better answer `chosen` and the other one `rejected`: hh-rlhf, TRL, UltraFeedback-binarized.

None has a place for ties, nor for the side an answer stood on: what is read has the chosen answer as a.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from rlhf_core.formats.comparison import Comparison, FieldError
from rlhf_core.formats.conversation import (
    ANSWER,
    answered,
    from_transcript,
    messages,
    read_answer,
    read_turns,
    to_prompt,
    to_transcript,
    to_turns,
)
from rlhf_core.formats.values import Row, flag, need, number, text

NAMES = {"response_a": "chosen", "response_b": "rejected"}
"""What these formats call our fields."""


def ordered(comparison: Comparison) -> tuple[str, str]:
    """The chosen and the rejected answer of a comparison that was decided."""
    a, b = comparison.response_a, comparison.response_b
    return (a, b) if comparison.choice == "a" else (b, a)


def chose_first(prompt: str, chosen: str, rejected: str, margin: float | None = None) -> Comparison:
    return Comparison(prompt=prompt, response_a=chosen, response_b=rejected, choice="a", margin=margin)


# hh-rlhf (Bai et al., 2022).


def recognises_hh(row: Row) -> bool:
    return all(isinstance(said := row.get(side), str) and ANSWER in said for side in NAMES.values())


def read_hh(row: Row) -> Iterator[Comparison]:
    """Two whole dialogues that differ in the last answer."""
    prompt, chosen = from_transcript("chosen", text(row, "chosen"))
    other, rejected = from_transcript("rejected", text(row, "rejected"))
    if other != prompt:
        raise FieldError("rejected", "other_prompt")
    yield chose_first(prompt, chosen, rejected)


def write_hh(comparison: Comparison) -> list[Row]:
    chosen, rejected = ordered(comparison)
    return [
        {"chosen": to_transcript(comparison.prompt, chosen), "rejected": to_transcript(comparison.prompt, rejected)}
    ]


# TRL. What is written is conversational, so that the chat template of whatever model is trained applies.


def recognises_explicit(row: Row) -> bool:
    return {"prompt", "chosen", "rejected"} <= row.keys()


def read_explicit(row: Row) -> Iterator[Comparison]:
    """Prompt, chosen and rejected, as texts or as turns."""
    yield chose_first(
        said(row, "prompt"), completion(row, "chosen"), completion(row, "rejected"), number(row, "margin")
    )


def said(row: Row, field: str) -> str:
    """A prompt that is a text, or turns."""
    return to_prompt(turns) if (turns := turns_of(row, field)) is not None else text(row, field)


def completion(row: Row, field: str) -> str:
    """An answer that is a text, or a single turn of the assistant."""
    if turns_of(row, field) is None:
        return text(row, field)
    before, answer = read_answer(row, field)
    if before:
        raise FieldError(field, "last_turn")
    return answer


def turns_of(row: Row, field: str) -> list[tuple[str, str]] | None:
    return read_turns(row, field) if isinstance(need(row, field), list) else None


def write_explicit(comparisons: Sequence[Comparison]) -> Iterator[list[Row]]:
    margins = margins_of(comparisons)
    for i, comparison in enumerate(comparisons):
        chosen, rejected = (messages([("assistant", response)]) for response in ordered(comparison))
        prompt = messages(to_turns(comparison.prompt))
        yield [{"prompt": prompt, "chosen": chosen, "rejected": rejected, **margins[i]}]


def margins_of(comparisons: Sequence[Comparison]) -> list[Row]:
    """The column `margin`, which TRL's reward loss subtracts. A strength is one, by the scale of Llama 2's large margin
    (Touvron et al., 2023, table 27); there is no column unless every row has one, for TRL stops at a gap."""
    margins = [c.strength if c.margin is None else c.margin for c in comparisons]
    return [{} if None in margins else {"margin": float(m or 0)} for m in margins]


def recognises_implicit(row: Row) -> bool:
    return set(NAMES.values()) <= row.keys()


def read_implicit(row: Row) -> Iterator[Comparison]:
    """Chosen and rejected, with the prompt in both. Of two texts it is what they have in common, up to a space."""
    if isinstance(need(row, "chosen"), list):
        turns, chosen = read_answer(row, "chosen")
        other, rejected = read_answer(row, "rejected")
        if other != turns:
            raise FieldError("rejected", "other_prompt")
        prompt = to_prompt(turns)
    else:
        chosen, rejected = text(row, "chosen"), text(row, "rejected")
        end = common_words(chosen, rejected)
        prompt, chosen, rejected = chosen[:end], chosen[end:], rejected[end:]
    yield chose_first(prompt, chosen, rejected, number(row, "margin"))


def common_words(a: str, b: str) -> int:
    """How many characters two texts share, up to the last space among them."""
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    while same and not a[same - 1].isspace():
        same -= 1
    return same


def write_implicit(comparisons: Sequence[Comparison]) -> Iterator[list[Row]]:
    margins = margins_of(comparisons)
    for i, comparison in enumerate(comparisons):
        chosen, rejected = (answered(comparison.prompt, response) for response in ordered(comparison))
        yield [{"chosen": chosen, "rejected": rejected, **margins[i]}]


def recognises_unpaired(row: Row) -> bool:
    return {"completion", "label"} <= row.keys()


def read_unpaired(rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, Comparison | FieldError]]:
    """A good and a bad answer to the same prompt are a pair, in the file's order: the first good one and the first bad
    one, the second and the second. Numbered by whichever comes first."""
    waiting: dict[tuple[str, bool], deque[tuple[int, str]]] = {}
    for line, row in rows:
        try:
            prompt, answer, good = said(row, "prompt"), completion(row, "completion"), flag(row, "label")
        except FieldError as error:
            yield line, error
            continue
        if partners := waiting.get((prompt, not good)):
            first, other = partners.popleft()
            yield first, paired(prompt, *((answer, other) if good else (other, answer)))
        else:
            waiting.setdefault((prompt, good), deque()).append((line, answer))
    for line in sorted(line for left in waiting.values() for line, _ in left):
        yield line, FieldError("label", "unpaired")


def paired(prompt: str, chosen: str, rejected: str) -> Comparison | FieldError:
    try:
        return chose_first(prompt, chosen, rejected)
    except FieldError as error:
        return error


def write_unpaired(comparison: Comparison) -> list[Row]:
    prompt = messages(to_turns(comparison.prompt))
    return [
        {"prompt": prompt, "completion": messages([("assistant", response)]), "label": good}
        for response, good in zip(ordered(comparison), (True, False), strict=True)
    ]


# UltraFeedback-binarized (Tunstall et al., 2023).


def recognises_ultrafeedback(row: Row) -> bool:
    return isinstance(row.get("chosen"), list) and not {"messages", "score_chosen", "prompt_id"}.isdisjoint(row)


def read_ultrafeedback(row: Row) -> Iterator[Comparison]:
    """Two whole conversations; the margin is the difference of their scores, where both have one."""
    turns, chosen = read_answer(row, "chosen")
    other, rejected = read_answer(row, "rejected")
    if other != turns:
        raise FieldError("rejected", "other_prompt")
    better, worse = number(row, "score_chosen"), number(row, "score_rejected")
    margin = None if better is None or worse is None else better - worse
    yield chose_first(to_prompt(turns) if turns else text(row, "prompt"), chosen, rejected, margin)


def write_ultrafeedback(comparison: Comparison) -> list[Row]:
    """Without scores, which nobody gave; `prompt_id` is the SHA-256 of the prompt."""
    prompt = comparison.prompt
    chosen, rejected = (answered(prompt, response) for response in ordered(comparison))
    prompt_id = hashlib.sha256(prompt.encode()).hexdigest()
    return [{"prompt": prompt, "prompt_id": prompt_id, "chosen": chosen, "rejected": rejected, "messages": chosen}]
