"""Formats of tools that people label with: Argilla, Label Studio and Chatbot Arena."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from rlhf_core.formats.comparison import CHOICES, Choice, Comparison, FieldError, shown
from rlhf_core.formats.conversation import answered, read_answer, to_prompt
from rlhf_core.formats.values import Row, array, as_row, member, name, number, one_of, optional_text, text, time

Found = Iterator[Comparison | FieldError]

# Argilla, records flattened. Ours have one question, whose labels are those of `CHOICES`.

QUESTION = "preferred"
ANSWER_NAMES = (("response_a", "response_b"), ("response1", "response2"), ("response-1", "response-2"))
"""What datasets call the two answers; an annotator may choose one by this name, too."""


def questions(row: Row) -> list[str]:
    """The questions that have responses or a suggestion, in the row's order."""
    ends = (".responses", ".suggestion")
    found = (field.removesuffix(end) for field in row for end in ends if field.endswith(end))
    return list(dict.fromkeys(found))


def recognises_argilla(row: Row) -> bool:
    return bool(questions(row))


def question_of(row: Row, choices: dict[object, Choice]) -> str:
    """The first question to which somebody said a choice; otherwise the first there is."""
    asked = questions(row)
    for question in asked:
        said = [row.get(f"{question}.suggestion"), *array(row, f"{question}.responses")]
        if any(isinstance(value, str) and value in choices for value in said):
            return question
    return asked[0] if asked else QUESTION


def read_argilla(row: Row) -> Found:
    """A comparison for each user who responded and one for the suggestion; one that nobody judged if there is none."""
    values = {**member(row, "fields"), **row}
    names = next((pair for pair in ANSWER_NAMES if set(pair) <= values.keys()), None)
    if names is None:
        raise FieldError("", "no_answers")
    pair = Comparison(
        prompt=text(values, "prompt"),
        response_a=text(values, names[0]),
        response_b=text(values, names[1]),
        pair_id=name(row, "id"),
    )
    choices: dict[object, Choice] = {choice: choice for choice in CHOICES}
    choices |= {names[0]: "a", names[1]: "b"}
    question = question_of(row, choices)
    judged = [
        *argilla_responses(row, question, choices, pair),
        *argilla_suggestion(row, question, choices, pair),
    ]
    yield from judged or [pair]


def argilla_responses(row: Row, question: str, choices: dict[object, Choice], pair: Comparison) -> Found:
    given = array(row, field := f"{question}.responses")
    users, statuses = (array(row, f"{field}.{part}") or [None] * len(given) for part in ("users", "status"))
    for part, found in (("users", users), ("status", statuses)):
        if len(found) != len(given):
            raise FieldError(f"{field}.{part}", "list_lengths", value=len(found), limit=len(given))
    for i, (value, user, status) in enumerate(zip(given, users, statuses, strict=True)):
        try:
            if status not in (None, "submitted", "discarded"):
                raise FieldError(f"{field}[{i}]", "not_submitted")
            choice = "skip" if status == "discarded" else chosen(f"{field}[{i}]", value, choices)
            labeler = name({f"{field}.users[{i}]": user}, f"{field}.users[{i}]")
            yield replace(pair, choice=choice, labeler=labeler, labeler_kind="human")
        except FieldError as error:
            yield error


def argilla_suggestion(row: Row, question: str, choices: dict[object, Choice], pair: Comparison) -> Found:
    field = f"{question}.suggestion"
    if row.get(field) is not None:
        agent = name(row, f"{field}.agent")
        yield replace(pair, choice=chosen(field, row[field], choices), labeler=agent, labeler_kind="simulated")


def chosen(field: str, value: object, choices: dict[object, Choice]) -> Choice:
    choice = choices.get(value) if isinstance(value, str) else None
    if choice is None:
        raise FieldError(field, "not_among", value=shown(value), allowed=", ".join(map(str, choices)))
    return choice


def write_argilla(comparison: Comparison) -> list[Row]:
    """A record; what no person said is a suggestion, and what a person skipped is discarded."""
    row: Row = {"id": comparison.pair_id} if comparison.pair_id else {}
    row |= {field: getattr(comparison, field) for field in ("prompt", "response_a", "response_b")}
    choice, field = comparison.choice, f"{QUESTION}.responses"
    if choice is None:
        return [{**row, field: []}]
    if comparison.labeler_kind in ("simulated", "constitution"):
        suggestion = f"{QUESTION}.suggestion"
        return [{**row, field: [], suggestion: choice, f"{suggestion}.agent": comparison.labeler}]
    skipped = choice == "skip"
    responses: Row = {
        field: [None if skipped else choice],
        f"{field}.users": [comparison.labeler],
        f"{field}.status": ["discarded" if skipped else "submitted"],
    }
    return [{**row, **responses}]


# Label Studio, its control tag Pairwise; answer1 stands on the left.

SELECTED: dict[Choice, str] = {"a": "left", "b": "right"}
LABEL_STUDIO_NAMES = {"response_a": "answer1", "response_b": "answer2"}


def recognises_label_studio(row: Row) -> bool:
    data = row.get("data", row)
    return isinstance(data, dict) and {"answer1", "answer2"} <= data.keys()


def read_label_studio(row: Row) -> Found:
    """A comparison for each annotation of a task; one that nobody judged if there is none."""
    data = member(row, "data") if "data" in row else row
    pair = Comparison(
        prompt=text(data, "prompt"),
        response_a=text(data, "answer1"),
        response_b=text(data, "answer2"),
        pair_id=name(row, "id"),
    )
    annotations = array(row, "annotations")
    for i, annotation in enumerate(annotations):
        try:
            yield annotated(pair, as_row(annotation, f"annotations[{i}]"), f"annotations[{i}]")
        except FieldError as error:
            yield error
    if not annotations:
        yield pair


def annotated(pair: Comparison, annotation: Row, field: str) -> Comparison:
    """A pair with what one annotation says of it."""
    return replace(
        pair,
        choice="skip" if annotation.get("was_cancelled") is True else selected(annotation, field),
        event_id=name(annotation, "id"),
        answered_at=time(annotation, "created_at"),
        labeler_kind="human",
    )


def selected(annotation: Row, field: str) -> Choice:
    sides: dict[str, Choice] = {side: choice for choice, side in SELECTED.items()}
    for result in array(annotation, "result"):
        found = as_row(result, f"{field}.result")
        if found.get("type") == "pairwise":
            side = one_of(member(found, "value"), "selected", tuple(sides))
            if side is not None:
                return sides[side]
    raise FieldError(f"{field}.result", "no_pairwise")


def write_label_studio(comparison: Comparison) -> list[Row]:
    """A task, with its annotation where the pair was judged."""
    data = {"prompt": comparison.prompt, "answer1": comparison.response_a, "answer2": comparison.response_b}
    if comparison.choice is None:
        return [{"data": data}]
    annotation: Row = {"result": [], "was_cancelled": comparison.choice == "skip"}
    if comparison.choice in SELECTED:
        value = {"selected": SELECTED[comparison.choice]}
        result = {"from_name": "comparison", "to_name": "answer1,answer2", "type": "pairwise", "value": value}
        annotation["result"] = [result]
    if comparison.answered_at is not None:
        annotation["created_at"] = comparison.answered_at.isoformat()
    return [{"data": data, "annotations": [annotation]}]


# Chatbot Arena (Zheng et al., 2023).

WINNERS: dict[Choice, str] = {"a": "model_a", "b": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
ARENA_FIELDS = frozenset(
    "question_id model_a model_b winner judge conversation_a conversation_b turn anony language tstamp".split()
)
ARENA_NAMES = {"response_a": "conversation_a", "response_b": "conversation_b"}


def recognises_arena(row: Row) -> bool:
    return {"conversation_a", "conversation_b", "winner"} <= row.keys()


def read_arena(row: Row) -> Found:
    """A battle of two models whose conversations differ in the last turn only."""
    turns, a = read_answer(row, "conversation_a")
    other, b = read_answer(row, "conversation_b")
    if other != turns:
        raise FieldError("conversation_b", "other_prompt")
    choices: dict[str, Choice] = {winner: choice for choice, winner in WINNERS.items()}
    winner = one_of(row, "winner", tuple(choices))
    model, opponent = optional_text(row, "model_a"), optional_text(row, "model_b")
    yield Comparison(
        prompt=to_prompt(turns),
        response_a=a,
        response_b=b,
        choice=None if winner is None else choices[winner],
        labeler=name(row, "judge"),
        language=optional_text(row, "language"),
        event_id=name(row, "question_id"),
        policy_id=model if model == opponent else f"{model}, {opponent}",
        answered_at=arena_time(row),
    )


def arena_time(row: Row) -> datetime | None:
    """When it was answered, from seconds since 1970."""
    seconds = number(row, "tstamp")
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise FieldError("tstamp", "no_time", value=shown(seconds)) from error


def write_arena(comparison: Comparison) -> list[Row]:
    """A battle of the policy with itself."""
    choice, at = comparison.choice, comparison.answered_at
    assert choice is not None and choice != "skip"
    a, b = (answered(comparison.prompt, answer) for answer in (comparison.response_a, comparison.response_b))
    row: Row = {
        "question_id": comparison.event_id,
        "model_a": comparison.policy_id,
        "model_b": comparison.policy_id,
        "winner": WINNERS[choice],
        "judge": comparison.labeler,
        "conversation_a": a,
        "conversation_b": b,
        "turn": sum(message["role"] == "user" for message in a),
        "anony": True,
        "language": comparison.language,
        "tstamp": None if at is None else at.timestamp(),
    }
    return [row]
