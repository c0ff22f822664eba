"""Preference data in and out: every format's own shape, what goes round unchanged, and what is said of the rest."""

import gzip
import json
import random
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from string import Formatter

import pytest

from rlhf_core.formats import FORMATS, REASONS, Comparison, FormatError, Read, read, rows, standing, write
from rlhf_core.formats.comparison import MOST_CHARACTERS
from rlhf_core.formats.conversation import to_prompt, to_turns

TURNS = "Human: What is tea?\n\nAssistant: A drink.\n\nHuman: How do I make it?"
"""A prompt of three turns, as `conversation` holds them."""


def jsonl(*given: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in given).encode()


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def one(data: bytes, format: str) -> Comparison:
    """The only comparison of a file, which is found to be in that format."""
    found = read(data)
    assert found.format == format and found.left_out == () and len(found.comparisons) == 1
    assert read(data, format) == found
    return found.comparisons[0]


def said(found: Comparison) -> tuple[object, ...]:
    return found.prompt, found.response_a, found.response_b, found.choice


TEA = ("How do I make tea?", "Boil water.", "Go away.")
DIALOGUE = "\n\nHuman: What is tea?\n\nAssistant: A drink.\n\nHuman: How do I make it?\n\nAssistant:"
CONVERSATION = [user("What is tea?"), assistant("A drink."), user("How do I make it?")]
BATTLE = {
    "question_id": "7f", "model_a": "one", "model_b": "two", "winner": "model_b", "judge": "arena_user_3",
    "conversation_a": [user(TEA[0]), assistant(TEA[1])], "conversation_b": [user(TEA[0]), assistant(TEA[2])],
    "turn": 1, "anony": True, "language": "English", "tstamp": 1682351591.5,
}  # fmt: skip
TASK = {"prompt": TEA[0], "answer1": TEA[1], "answer2": TEA[2]}
RECORD = {"id": "r1", "prompt": TEA[0], "response_a": TEA[1], "response_b": TEA[2]}


def annotation(side: str) -> dict[str, object]:
    result = {"from_name": "pw", "to_name": "answer1,answer2", "type": "pairwise", "value": {"selected": side}}
    return {"id": 12, "created_at": "2026-03-02T09:00:00.250000Z", "result": [result]}


# What each tool writes.


def test_hh_rlhf_ends_the_prompt_at_the_last_assistant() -> None:
    row = {"chosen": f"{DIALOGUE} Boil water.", "rejected": f"{DIALOGUE} Go away."}
    assert said(one(jsonl(row), "hh-rlhf")) == (TURNS, *TEA[1:], "a")
    assert one(gzip.compress(jsonl(row)), "hh-rlhf").prompt == TURNS
    row = {"chosen": "\n\nHuman: Hi\n\nAssistant:", "rejected": "\n\nHuman:Hi\n\nAssistant: No.\n\nHuman: Oh"}
    assert said(one(jsonl(row), "hh-rlhf")) == ("Hi", "", "No.\n\nHuman: Oh", "a")


def test_hh_rlhf_names_rows_whose_prompts_differ() -> None:
    found = read(jsonl({"chosen": f"{DIALOGUE} x", "rejected": "\n\nHuman: Hi\n\nAssistant: y"}))
    (left,) = found.left_out
    assert (left.number, left.field, left.reason) == (1, "rejected", "other_prompt")


def test_trl_explicit() -> None:
    prompt, chosen, rejected = TEA
    row = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    assert said(one(jsonl(row), "trl-explicit")) == (*TEA, "a")
    row = {"prompt": [user(prompt)], "chosen": [assistant(chosen)], "rejected": [assistant(rejected)], "margin": 0.5}
    found = one(jsonl(row), "trl-explicit")
    assert said(found) == (*TEA, "a") and found.margin == 0.5
    assert one(jsonl({**row, "prompt": CONVERSATION}), "trl-explicit").prompt == TURNS
    system = [{"role": "system", "content": "Be short."}, user(prompt)]
    assert one(jsonl({**row, "prompt": system}), "trl-explicit").prompt == f"System: Be short.\n\nHuman: {prompt}"


def test_trl_implicit_has_the_prompt_in_both() -> None:
    row = {"chosen": [*CONVERSATION, assistant("Boil water.")], "rejected": [*CONVERSATION, assistant("Go away.")]}
    assert said(one(jsonl(row), "trl-implicit")) == (TURNS, *TEA[1:], "a")
    row = {"chosen": "The sky is blue.", "rejected": "The sky is brown."}
    assert said(one(jsonl(row), "trl-implicit")) == ("The sky is ", "blue.", "brown.", "a")
    assert said(one(jsonl({"chosen": "yes please", "rejected": "yes"}), "trl-implicit"))[:3] == (
        "",
        "yes please",
        "yes",
    )


def test_trl_unpaired_pairs_answers_to_the_same_prompt() -> None:
    answers = [
        ("p", "good", True),
        ("q", "only", False),
        ("p", "best", True),
        ("p", "bad", False),
        ("p", "worse", False),
    ]
    found = read(jsonl(*({"prompt": p, "completion": c, "label": good} for p, c, good in answers)))
    assert (found.format, found.rows, found.numbers) == ("trl-unpaired", 5, (1, 3))
    assert [said(c) for c in found.comparisons] == [("p", "good", "bad", "a"), ("p", "best", "worse", "a")]
    assert [(left.number, left.reason) for left in found.left_out] == [(2, "unpaired")]


def test_ultrafeedback() -> None:
    chosen, rejected = ([user(TEA[0]), assistant(answer)] for answer in TEA[1:])
    row = {"prompt": TEA[0], "prompt_id": "ab", "chosen": chosen, "rejected": rejected, "messages": chosen}
    found = one(jsonl({**row, "score_chosen": 8.5, "score_rejected": 7.0}), "ultrafeedback")
    assert said(found) == (*TEA, "a") and found.margin == 1.5
    assert one(jsonl(row), "ultrafeedback").margin is None


def test_argilla_has_a_comparison_for_each_user_and_the_suggestion() -> None:
    record = {
        **RECORD,
        "comment.responses": ["fine", "good"],  # another question
        "better.responses": ["response_a", "tie", None, "b"],
        "better.responses.users": ["u1", "u2", "u3", "u4"],
        "better.responses.status": ["submitted", "submitted", "discarded", "draft"],
        "better.suggestion": "b",
        "better.suggestion.score": 0.9,
        "better.suggestion.agent": "judge-7b",
    }
    for data in (json.dumps([record]).encode(), jsonl(record)):
        found = read(data)
        assert found.format == "argilla"
        assert [(c.choice, c.labeler, c.labeler_kind) for c in found.comparisons] == [
            ("a", "u1", "human"), ("tie", "u2", "human"), ("skip", "u3", "human"), ("b", "judge-7b", "simulated"),
        ]  # fmt: skip
        assert {(c.prompt, c.pair_id) for c in found.comparisons} == {(TEA[0], "r1")}
        assert [(left.field, left.reason) for left in found.left_out] == [("better.responses[3]", "not_submitted")]
    nested = {"id": 3, "fields": {k: v for k, v in RECORD.items() if k != "id"}, "q.suggestion": None, "metadata": {}}
    assert said(one(jsonl(nested), "argilla")) == (*TEA, None)


def test_label_studio_has_the_first_answer_on_the_left() -> None:
    exported = [
        {"id": 1, "data": TASK, "annotations": [annotation("left"), annotation("right")]},
        {"id": 2, "data": TASK, "annotations": [{"was_cancelled": True, "result": []}, {"result": []}]},
        {"id": 3, "data": TASK, "annotations": []},
    ]
    found = read(json.dumps(exported, indent=2).encode())
    assert (found.format, found.unit, found.rows, found.numbers) == ("label-studio", "index", 3, (0, 0, 1, 2))
    assert [c.choice for c in found.comparisons] == ["a", "b", "skip", None]
    assert [(left.number, left.field) for left in found.left_out] == [(1, "annotations[1].result")]
    first = found.comparisons[0]
    assert (first.event_id, first.pair_id) == ("12", "1")
    assert first.answered_at == datetime(2026, 3, 2, 9, 0, 0, 250_000, UTC)


def test_tasks_to_import_into_label_studio_are_pairs_to_be_labelled() -> None:
    assert said(one(json.dumps([TASK]).encode(), "label-studio")) == (*TEA, None)


@pytest.mark.parametrize(
    ("winner", "choice"), [("model_a", "a"), ("model_b", "b"), ("tie", "tie"), ("tie (bothbad)", "both_bad")]
)
def test_chatbot_arena(winner: str, choice: str) -> None:
    found = one(jsonl({**BATTLE, "winner": winner}), "chatbot-arena")
    assert said(found) == (*TEA, choice)
    assert (found.labeler, found.event_id, found.policy_id, found.language) == (
        "arena_user_3",
        "7f",
        "one, two",
        "English",
    )
    assert found.answered_at == datetime(2023, 4, 24, 15, 53, 11, 500_000, UTC)


def test_csv() -> None:
    text = 'prompt,response_a,response_b,preferred,strength,rationale,labeler\r\nq,"x ""y"", z",w,B,2,short,kim\r\n'
    found = one(text.encode("utf-8-sig"), "csv")
    assert said(found) == ("q", 'x "y", z', "w", "b") and (found.strength, found.labeler) == (2, "kim")
    assert said(one(b"response_b,prompt,response_a\ny,q,x\n", "csv")) == ("q", "x", "y", None)


def test_the_notebooks_four_fields_as_json() -> None:
    row = {"prompt": TEA[0], "response_a": TEA[1], "response_b": TEA[2], "preferred": "tie", "labeler": "kim"}
    assert said(one(jsonl(row), "event")) == (*TEA, "tie")


def test_lines_are_those_of_an_editor() -> None:
    text = 'prompt,response_a,response_b\n"two\nlines",x,y\n\nq,x\nq,x,"three\r\nmore\nlines"\nq,x,y,z\n'
    found = read(text.encode())
    assert found.numbers == (2, 6) and [left.number for left in found.left_out] == [5, 9]
    lines = b'{"prompt": 1}\r\n\r\n' + jsonl({"prompt": "q", "response_a": "x", "response_b": "\u2028\x0b"})
    found = read(lines, "event")
    assert found.numbers == (3,) and [left.number for left in found.left_out] == [1]


def test_fields_that_nobody_looked_at_are_named() -> None:
    found = read(b"prompt,response_a,response_b,prefered\nq,x,y,a\n")
    assert found.unread == ("prefered",) and found.comparisons[0].choice is None


def test_what_was_taken_back_no_longer_stands() -> None:
    label = Comparison(prompt="q", response_a="x", response_b="y", choice="a", event_id="1")
    undo = Comparison(prompt="", response_a="", response_b="", kind="undo", event_id="3", retracts="1")
    events = [label, replace(label, event_id="2"), undo, replace(undo, kind="mute", event_id="4", retracts="9")]
    assert read(write(events).data).comparisons == tuple(events), "our own format holds all of it"
    assert standing(events) == [events[1]]
    made = write(events, "hh-rlhf")
    assert made.comparisons == 1
    assert [(left.number, left.reason) for left in made.left_out] == [
        (0, "taken_back"),
        (2, "no_label"),
        (3, "no_label"),
    ]


# Round and round.

PIECES = (
    "a", "How do I make tea?", "차를 어떻게 끓이나요?", "🍵👩‍👩‍👧", "<b onclick='x'>&amp;</b>", '"', "'", "''", "\\",
    ",", ";", "\t", "=1+1",
    "+2", "-3", "@SUM(A1)", "'=1", "\uff1d1", " ", "\n", "\r\n", "\n\n", "\u2028", "\x7f", "null", "Human: ",
    "\n\nHuman: hi",
    "\n\nAssistant: no", "\n\nAssistant:", "Assistant:", "System: ", "\n\nSystem: be", "{}", "\ufeff", "%s", "{0}",
)  # fmt: skip
MARKS = ("Human:", "Assistant:", "System:")
TRL = {"margin"}
CARRIED = {
    "event": {field.name for field in fields(Comparison)},
    "csv": {"strength", "rationale", "labeler"},
    "argilla": {"labeler", "pair_id"},
    "label-studio": {"answered_at"},
    "chatbot-arena": {"labeler", "language", "event_id", "policy_id", "answered_at"},
    "ultrafeedback": set(),
    "trl-explicit": TRL,
    "trl-implicit": TRL,
    "trl-unpaired": set(),
    "hh-rlhf": set(),
}
"""Beside the texts and the choice: what a format gives back as it was."""


def awkward(rng: random.Random) -> str:
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(5)))


def comparisons(seed: int, n: int = 150) -> Iterator[Comparison]:
    rng = random.Random(seed)
    with_margin = rng.random() < 0.5
    for number in range(n):
        at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(microseconds=rng.randrange(10**14))
        prompt = rng.choice((awkward(rng), awkward(rng), "", TURNS, f"System: s\n\nHuman: {rng.random()}"))
        yield Comparison(
            prompt=prompt,
            response_a=awkward(rng) or "x",
            response_b=awkward(rng),
            choice=rng.choice(("a", "b", "tie", "both_bad", "skip", None)),
            strength=rng.choice((None, 0, 1, 2, 3)),
            rationale=awkward(rng),
            labeler=rng.choice(("", "kim", awkward(rng))),
            labeler_kind=rng.choice(("human", "simulated", "constitution", None)),
            margin=rng.uniform(-3, 3) if with_margin else None,
            language=rng.choice(("", "en", "ko")),
            event_id=f"e{number}",
            pair_id=rng.choice(("", "p1", awkward(rng))),
            policy_id=rng.choice(("", "start", "run-3")),
            shown_left=rng.choice(("a", "b", None)),
            shown_at=rng.choice((at, None)),
            answered_at=rng.choice((at, None)),
            is_check=rng.random() < 0.2,
            repeat_of=rng.choice(("", "e0")),
        )


def canonical(format: str, comparison: Comparison) -> tuple[object, ...]:
    """What a format can carry of a comparison."""
    a, b, choice = comparison.response_a, comparison.response_b, comparison.choice
    if FORMATS[format].chosen_first and choice == "b":
        a, b, choice = b, a, "a"
    unjudged = choice is None and format in ("argilla", "label-studio")
    carried = CARRIED[format] - ({"labeler", "answered_at"} if unjudged else set())
    return comparison.prompt, a, b, choice, *(getattr(comparison, f) for f in sorted(carried))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_written_is_read_back(format: str, seed: int) -> None:
    given = list(comparisons(seed))
    made = write(given, format)
    found = read(made.data)
    gone = {left.number for left in made.left_out}
    kept = [comparison for number, comparison in enumerate(given) if number not in gone]
    assert found.format == format and found.left_out == () and found.unread == ()
    assert [canonical(format, c) for c in found.comparisons] == [canonical(format, c) for c in kept]
    assert made.comparisons == len(kept) and len(kept) > 20
    for left in made.left_out:
        comparison = given[left.number]
        if left.reason == "not_read_back":
            assert any(mark in text for text in said(comparison)[:3] for mark in MARKS), comparison
        else:
            assert comparison.choice not in FORMATS[format].choices
    assert write(found.comparisons, format).data == made.data


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_lost_is_counted(format: str) -> None:
    full = Comparison(
        prompt="q", response_a="x", response_b="y", choice="b", strength=2, rationale="why", labeler="kim",
        labeler_kind="human", language="en", event_id="e", lab="l", showing_id="s", pair_id="p", policy_id="start",
        shown_left="b", guideline_version="1", shown_at=datetime(2026, 3, 2, tzinfo=UTC),
        answered_at=datetime(2026, 3, 2, 1, tzinfo=UTC), is_check=True, repeat_of="r",
    )  # fmt: skip
    made = write([full, full, replace(full, rationale="")], format)
    set_ = {field.name for field in fields(Comparison)} - {"prompt", "response_a", "response_b", "choice", "kind"}
    set_ -= {"margin", "retracts"} | CARRIED[format]
    if format in ("argilla", "label-studio"):
        set_ -= {"labeler_kind"}  # read back as a person's
    if format in ("trl-explicit", "trl-implicit"):
        set_ -= {"strength"}  # told as the margin
        assert read(made.data).comparisons[0].margin == 2
    assert made.lost == {name: 3 - (name == "rationale") for name in set_}


def test_trl_has_a_margin_in_every_row_or_in_none() -> None:
    graded = Comparison(prompt="q", response_a="x", response_b="y", choice="a", strength=3)
    made = write([graded, replace(graded, strength=None)], "trl-explicit")
    assert b"margin" not in made.data and made.lost == {"strength": 1}
    assert write([graded, replace(graded, strength=0)], "trl-explicit").data.count(b'"margin": ') == 2


@pytest.mark.parametrize("field", ["response_a", "prompt"])
def test_the_sign_that_ends_a_prompt_is_refused_inside_a_text(field: str) -> None:
    pair = replace(
        Comparison(prompt="q", response_a="x", response_b="y", choice="a"), **{field: "say\n\nAssistant: no"}
    )
    made = write([pair], "hh-rlhf")
    assert made.data == b"" and [left.reason for left in made.left_out] == ["not_read_back"]
    assert r"'\n\nAssistant:'" in made.left_out[0].why
    for format in set(FORMATS) - {"hh-rlhf"}:
        assert canonical(format, read(write([pair], format).data).comparisons[0]) == canonical(format, pair), format


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'=1", "''@", "\uff1dx", "\uff20x"])
def test_a_spreadsheet_runs_no_cell(text: str) -> None:
    pair = Comparison(prompt=text, response_a=text, response_b="'quoted'", choice="a", rationale=text, labeler=text)
    data = write([pair], "csv").data
    assert read(data).comparisons == (pair,)
    for cell in (f"'{text}", "'quoted'"):
        quoted = f'"{cell}"' if set(cell) & set('\r\n",') else cell
        assert quoted.encode() in data
    assert f",{text}".encode() not in data


def test_several_turns_are_one_text_and_several_turns_again() -> None:
    turns = [("user", "What is tea?"), ("assistant", "A drink."), ("user", "How do I make it?")]
    assert to_turns(TURNS) == turns and to_prompt(turns) == TURNS
    for question in ("", "Hi", "Human: Hi", "\n\nHuman: Hi", "a\n\nAssistant: b", " Human: x"):
        assert to_turns(question) == [("user", question)] and to_prompt(to_turns(question)) == question
    for seed in range(300):
        text = awkward(random.Random(seed))
        assert to_prompt(to_turns(text)) == text


# Broken files.

EVENT = {"prompt": "q", "response_a": "x", "response_b": "y", "choice": "a"}
EXPLICIT = {"prompt": "q", "chosen": "x", "rejected": "y"}
FEEDBACK = {
    "prompt": "q", "chosen": [user("q"), assistant("x")], "rejected": [user("q"), assistant("y")], "score_chosen": 1,
}  # fmt: skip
LONG = "x" * (MOST_CHARACTERS + 1)
GOOD_LINE = json.dumps(EVENT)

ROWS: list[tuple[str, object, str, str]] = [
    # format, row (bytes stand as they are), field, part of the sentence
    ("event", b"nope", "", "JSON"),
    ("event", b'{"prompt": "q"', "", "JSON"),
    ("event", b"[1]", "", "an object, not a list"),
    ("event", b"3", "", "an object, not 3"),
    ("event", b"null", "", "null"),
    ("event", b'{"prompt": ' + b"9" * 5000 + b"}", "", "too many digits"),
    ("event", b"[" * 100_000, "", "nested too deeply"),
    ("event", b'{"prompt": "q", "prompt": "r", "response_a": "x", "response_b": "y"}', "prompt", "twice"),
    ("event", b'{"x": [{"y": {"z": 1, "z": 2}}]}', "x.y.z", "twice"),
    ("event", {**EVENT, "prompt": None}, "prompt", "must be a text, not null"),
    ("event", {**EVENT, "response_b": 3}, "response_b", "must be a text, not 3"),
    ("event", {**EVENT, "response_b": ["y"]}, "response_b", "must be a text, not a list"),
    ("event", {"prompt": "q", "response_a": "x", "choice": "a"}, "response_b", "is missing"),
    ("event", {**EVENT, "choice": "left"}, "choice", "one of a, b, tie, both_bad, skip, not 'left'"),
    ("event", {**EVENT, "choice": True}, "choice", "not true"),
    ("event", {**EVENT, "strength": 4}, "strength", "0, 1, 2, 3, not 4"),
    ("event", {**EVENT, "strength": True}, "strength", "not true"),
    ("event", {**EVENT, "strength": 1.0}, "strength", "not 1.0"),
    ("event", {**EVENT, "rationale": 5}, "rationale", "text"),
    ("event", {**EVENT, "labeler_kind": "robot"}, "labeler_kind", "robot"),
    ("event", {**EVENT, "kind": "dance"}, "kind", "dance"),
    ("event", {"kind": "undo", "event_id": "3"}, "retracts", "missing"),
    ("event", {**EVENT, "shown_at": "yesterday"}, "shown_at", "not 'yesterday'"),
    ("event", {**EVENT, "answered_at": "2026-03-02T09:00:00"}, "answered_at", "its zone"),
    ("event", {**EVENT, "answered_at": 1682351591}, "answered_at", "its zone"),
    ("event", {**EVENT, "is_check": "yes"}, "is_check", "true or false"),
    ("event", {**EVENT, "prompt": "\0"}, "prompt", "NUL"),
    ("event", b'{"prompt": "\\ud800", "response_a": "x", "response_b": "y"}', "prompt", "surrogate"),
    ("event", {**EVENT, "labeler": "k\0im"}, "labeler", "NUL"),
    ("event", {**EVENT, "response_a": LONG}, "response_a", "20,001 characters; the limit is 20,000"),
    ("event", {**EVENT, "response_a": "", "response_b": ""}, "response_a", "nothing to compare"),
    ("event", b'{"prompt": "q", "response_a": "x", "response_b": "y", "margin": NaN}', "margin", "not nan"),
    ("trl-explicit", b'{"prompt": "q", "chosen": "x", "rejected": "y", "margin": NaN}', "margin", "not nan"),
    ("trl-explicit", b'{"prompt": "q", "chosen": "x", "rejected": "y", "margin": 1e999}', "margin", "not inf"),
    ("trl-explicit", {**EXPLICIT, "margin": "1"}, "margin", "finite number"),
    ("trl-explicit", {**EXPLICIT, "margin": 10**400}, "margin", "a number of many digits"),
    ("trl-explicit", {**EXPLICIT, "chosen": None}, "chosen", "null"),
    ("trl-explicit", {**EXPLICIT, "chosen": LONG}, "chosen", "20,001"),
    ("trl-explicit", {**EXPLICIT, "chosen": [user("x")]}, "chosen", "end with a turn of the assistant"),
    ("trl-explicit", {**EXPLICIT, "chosen": []}, "chosen", "end with a turn"),
    ("trl-explicit", {**EXPLICIT, "prompt": [{"role": "tool", "content": "x"}]}, "prompt[0]", "role"),
    ("trl-explicit", {**EXPLICIT, "prompt": ["q"]}, "prompt[0]", "content"),
    ("trl-explicit", {**EXPLICIT, "prompt": [{"role": "user", "content": 1}]}, "prompt[0]", "content"),
    ("trl-explicit", {**EXPLICIT, "prompt": [{"role": [], "content": "x"}]}, "prompt[0]", "role"),
    ("trl-implicit", {"chosen": [user("q"), assistant("x")], "rejected": [assistant("y")]}, "rejected", "prompt"),
    ("trl-implicit", {"chosen": "x", "rejected": 1}, "rejected", "not 1"),
    ("trl-unpaired", {"prompt": "q", "completion": "x", "label": 1}, "label", "true or false, not 1"),
    ("trl-unpaired", {"prompt": "q", "completion": "x", "label": True}, "label", "no partner"),
    ("trl-unpaired", {"prompt": 1, "completion": "x", "label": True}, "prompt", "text"),
    ("hh-rlhf", {"chosen": "hello", "rejected": "y"}, "chosen", "Assistant"),
    ("hh-rlhf", {"chosen": "x\n\nAssistant: hello", "rejected": "y"}, "chosen", "Human"),
    ("ultrafeedback", {**FEEDBACK, "chosen": "x"}, "chosen", "list"),
    ("ultrafeedback", {**FEEDBACK, "rejected": [user("r"), assistant("y")]}, "rejected", "another prompt"),
    ("ultrafeedback", {**FEEDBACK, "score_chosen": "high"}, "score_chosen", "high"),
    ("argilla", {"prompt": "q", "better.responses": ["a"]}, "", "name the answers"),
    ("argilla", {**RECORD, "better.responses": "a"}, "better.responses", "list"),
    ("argilla", {**RECORD, "better.responses": ["c"]}, "better.responses[0]", "not 'c'"),
    ("argilla", {**RECORD, "b.responses": ["a"], "b.responses.users": ["u", "v"]}, "b.responses.users", "2 entries"),
    ("argilla", {**RECORD, "better.suggestion": [{"rank": 1}]}, "better.suggestion", "a list"),
    ("label-studio", {"data": TASK, "annotations": [annotation("up")]}, "selected", "left, right, not 'up'"),
    ("label-studio", {"data": TASK, "annotations": [3]}, "annotations[0]", "object"),
    ("label-studio", {"data": TASK, "annotations": [{"result": []}]}, "annotations[0].result", "no choice"),
    ("label-studio", {"data": {**TASK, "answer1": LONG}}, "answer1", "20,001"),
    ("label-studio", {"data": {"prompt": "q", "answer1": "x"}}, "answer2", "missing"),
    ("chatbot-arena", {**BATTLE, "winner": "model_c"}, "winner", "model_c"),
    ("chatbot-arena", {**BATTLE, "tstamp": 1e300}, "tstamp", "time"),
    ("chatbot-arena", {**BATTLE, "conversation_b": [user("other"), assistant("y")]}, "conversation_b", "prompt"),
    ("csv", b"q,x", "", "has 2 cells, the header has 7"),
    ("csv", b"q,x,y,left,,,", "preferred", "not 'left'"),
    ("csv", b"q,x,y,a,9,,", "strength", "not '9'"),
    ("csv", b"q,x,y,a,1,\0,", "rationale", "NUL"),
    ("csv", b"q,,,a,1,,", "response_a", "nothing to compare"),
]  # fmt: skip


@pytest.mark.parametrize(("format", "row", "field", "why"), ROWS, ids=[f"{r[0]}-{i}" for i, r in enumerate(ROWS)])
def test_a_broken_row_is_left_out_by_line_and_field(format: str, row: object, field: str, why: str) -> None:
    good = {"csv": b"prompt,response_a,response_b,preferred,strength,rationale,labeler\n"}.get(format, b"{}\n")
    found = read(good + b"\n" + (row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n", format)
    left = found.left_out[-1]
    assert (left.number, left.field, found.comparisons) == (3, field, ())
    assert why in left.why and "\n" not in left.why and "Traceback" not in left.why
    assert left.why == REASONS[left.reason].format(**left.slots)


PACKED = gzip.compress(f"{GOOD_LINE}\n".encode() * 100)
FILES: list[tuple[bytes, str | None, str]] = [
    (b"", None, "no row"),
    (b" \n\r\n\t", None, "no row"),
    (b"\xef\xbb\xbf", None, "no row"),
    (b"prompt,response_a,response_b\n", None, "no row"),
    (b"[]", None, "no row"),
    (gzip.compress(b""), None, "no row"),
    (b"{nope\n{nope", None, "Line 1"),
    (b"\n\n{nope", None, "Line 3"),
    (b"[" * 100_000, None, "nested too deeply"),
    (b'{"a":' * 100_000, None, "nested too deeply"),
    (f"[{GOOD_LINE},\n{GOOD_LINE[:-3]}".encode(), None, "Line 2"),
    (f"[{GOOD_LINE}] x".encode(), None, "Line 1"),
    (b'{"question": "q", "answer": "x"}', None, "'question', 'answer'"),
    (b"[3]", None, "no format that is known"),
    (b"3", None, "the header must name each of prompt, response_a, response_b"),
    (b"prompt,response_a\nq,x\n", None, "'prompt', 'response_a'"),
    (b"prompt,prompt,response_a,response_b\nq,q,x,y\n", None, "once"),
    (b"prompt;response_a;response_b\nq;x;y\n", None, "header"),
    (b'prompt,response_a,response_b\nq,x,y\nq,"x,y\nz\n', None, "Line 3"),
    (b'prompt,response_a,response_b\nq,"x"y,z\n', None, "Line 2"),
    (b"prompt,response_a,response_b\nq,x," + b"y" * 200_000 + b"\n", None, "Line 2"),
    (b"prompt,response_a,response_b\nq,x,y\n", "hh-rlhf", "hh-rlhf"),
    (GOOD_LINE.encode(), "csv", "csv"),
    (GOOD_LINE.encode(), "parquet", "parquet"),
    (f"{GOOD_LINE}\xe9".encode("latin-1"), None, f"byte {len(GOOD_LINE)}"),
    (b"\xef\xbb\xbf{\xff", None, "byte 4"),
    (GOOD_LINE.encode("utf-16"), None, "UTF-8"),
    (PACKED[:-12], None, "gzip"),
    (PACKED[:40] + b"\0\0\0\0" + PACKED[44:], None, "gzip"),
    (b"\x1f\x8b", None, "gzip"),
    (b"PK\x03\x04\xff\xfe", None, "UTF-8"),
    (b"x" * (rows.MOST_BYTES + 1), None, "5,242,881 bytes; the limit is 5,242,880"),
    (b'{"a":1}\n' * (rows.MOST_ROWS + 1), None, "100,001 rows; the limit is 100,000"),
    (b"[" + b"0," * rows.MOST_ROWS + b"0]", None, "100,001 rows"),
    (b"prompt,response_a,response_b\n" + b"q,x,y\n" * (rows.MOST_ROWS + 1), None, "100,001 rows"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "format", "said"), FILES, ids=range(len(FILES)))
def test_a_broken_file_is_refused_in_one_sentence(data: bytes, format: str | None, said: str) -> None:
    with pytest.raises(FormatError) as raised:
        read(data, format)
    error = raised.value
    assert said in str(error) and "\n" not in str(error)
    assert str(error) == REASONS[error.reason].format(**error.slots)


def test_a_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 200 * rows.MEGABYTE)
    assert len(bomb) < 300_000
    tracemalloc.start()
    with pytest.raises(FormatError, match="20,971,520 bytes"):
        read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * rows.UNPACKED * rows.MOST_BYTES


def test_a_broken_entry_of_a_list_is_named_by_its_index() -> None:
    found = read(b'[{"prompt": "q", "response_a": "x", "response_b": "y"}, 3, {"prompt": 1}]')
    assert (found.unit, found.rows, found.numbers) == ("index", 3, (0,))
    assert [(left.number, left.field) for left in found.left_out] == [(1, ""), (2, "prompt")]


def test_every_row_is_accounted_for() -> None:
    lines = [b"{}", GOOD_LINE.encode(), b"nope", GOOD_LINE.encode(), b"{"]
    found = read(b"\n".join(lines))
    assert found.rows == 5 == len(found.comparisons) + len(found.left_out)


def test_sentences_have_the_slots_that_they_are_given() -> None:
    """So that a translation can be held to them."""
    for reason, sentence in REASONS.items():
        assert all(name and name.isidentifier() for _, name, _, _ in Formatter().parse(sentence) if name is not None), (
            reason
        )


VALUES = (
    None,
    True,
    0,
    3,
    -1.5,
    float("nan"),
    10**400,
    "",
    "a",
    "left",
    "q\n\nAssistant: x",
    "\0",
    [],
    {},
    [1],
    [None],
)
KEYS = (
    "prompt response_a response_b choice preferred strength kind retracts chosen rejected margin completion label"
    " messages prompt_id score_chosen better.responses better.responses.users better.responses.status better.suggestion"
    " fields data answer1 answer2 annotations id conversation_a conversation_b winner tstamp result value role content"
).split()


def garbage(rng: random.Random) -> bytes:
    """A file that is like one of ours, and wrong."""

    def value(depth: int = 0) -> object:
        kind = rng.random()
        if depth > 3 or kind < 0.5:
            return rng.choice(VALUES)
        if kind < 0.7:
            return [value(depth + 1) for _ in range(rng.randrange(3))]
        if kind < 0.8:
            return [user("q"), assistant(rng.choice("xy"))]
        return {key: value(depth + 1) for key in rng.sample(KEYS, rng.randrange(8))}

    kind = rng.random()
    if kind < 0.1:
        return rng.randbytes(rng.randrange(60))
    if kind < 0.6:
        given = [{key: value() for key in rng.sample(KEYS, rng.randrange(20))} for _ in range(rng.randrange(4))]
        data = json.dumps(given).encode() if rng.random() < 0.5 else jsonl(*given)
    else:
        data = write(list(comparisons(rng.randrange(50), 2)), rng.choice(list(FORMATS))).data
    data = bytearray(data)
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.randrange(9)] = rng.choice(
            (b"", b'"', b"\0", b",", b"\n", b"{", b"\xff", b"\xea\xb0\x80", b"0")
        )
    return gzip.compress(bytes(data), 1) if rng.random() < 0.1 else bytes(data)


def test_garbage_is_refused_or_accounted_for() -> None:
    rng, began, ended = random.Random(11), time.process_time(), {"refused": 0, "read": 0}
    for _ in range(2000):
        data, format = garbage(rng), rng.choice([None, None, *FORMATS])
        try:
            found = read(data, format)
        except FormatError as error:
            assert "\n" not in str(error)
            ended["refused"] += 1
            continue
        assert isinstance(found, Read) and found.rows > 0
        assert all("\n" not in left.why for left in found.left_out)
        ended["read"] += 1
        made = write(found.comparisons)
        assert made.comparisons == len(found.comparisons)
        assert not found.comparisons or read(made.data).comparisons == found.comparisons
    assert min(ended.values()) > 300
    assert time.process_time() - began < 20
