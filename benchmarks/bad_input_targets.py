"""What bad inputs are sent to, see `bad_inputs`: each target makes an input of a good one, and tries it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from lab import exchange, forecasts, lab_file, members, states
from lab.exchange import ExchangeError
from lab.forecasts import ForecastError
from lab.lab_file import LabFileError
from lab.labelling import LabellingDesk
from lab.members import MemberError
from lab.store import Lab, Store
from rlhf_core import __main__ as command_line
from rlhf_core import formats, reading
from rlhf_core.checkpoints import load_start
from rlhf_core.constitution import ConstitutionError, default_constitution, dump, parse
from rlhf_core.formats import FORMATS, Comparison, FormatError
from rlhf_core.gridworld import MazeError, maze_json, parse_mazes, random_mazes
from rlhf_core.team_messages import MessageError
from rlhf_core.team_messages import parse as parse_message
from rlhf_core.weights import CheckpointError
from tests.hostile import Hostile, encoded

DEADLINE = 10.0
"""Seconds of the clock for one input: a page that keeps somebody waiting longer looks dead."""
LONGEST_SENTENCE = 1500


class Refused(Exception):
    """An input was refused as it should be; the message is what was said."""


@dataclass(frozen=True)
class Target:
    """Something that takes input. many: inputs of a whole round. prepare: what it needs, made once in a folder; returns
    what takes one input. errors: the documented exceptions."""

    many: int
    prepare: Callable[[Path], Callable[[Hostile], object]]
    errors: tuple[type[Exception], ...]
    deadline: float = DEADLINE


def no_sentence(said: str) -> str:
    """Why a message is not one sentence; "" if it is."""
    if not said.strip():
        return "nothing is said"
    if len(said) > LONGEST_SENTENCE:
        return f"{len(said)} characters"
    if "Traceback" in said or "\n" in said or "\r" in said:
        return "more than a line"
    return ""


def sound(typed: str | bytes) -> str:
    """A text as a browser or a file gives it: whole characters only."""
    return (typed if isinstance(typed, bytes) else encoded(typed)).decode("utf-8", "replace")


# Files of labels.


def _comparisons(hostile: Hostile) -> list[Comparison]:
    rng = hostile.rng
    texts = ("How do I make tea?", "Boil water.", "Go away.", "차를 어떻게 끓이나요?", "물을 끓이세요.")
    return [
        Comparison(
            prompt=rng.choice(texts), response_a=rng.choice(texts), response_b=rng.choice(texts) + str(i),
            choice=rng.choice(("a", "b")), strength=rng.choice((None, 1, 2)), rationale=rng.choice(("", "kinder")),
            labeler=rng.choice(("Ann", "you", "")), event_id=str(i + 1), language=rng.choice(("en", "ko", "")),
        )
        for i in range(rng.randrange(1, 5))
    ]  # fmt: skip


def _file_of_labels(hostile: Hostile) -> tuple[bytes, str]:
    """A bad file, and the format that it began as."""
    format = hostile.rng.choice(list(FORMATS))
    good = formats.write(_comparisons(hostile), format).data
    layout = FORMATS[format].layout
    if layout == "csv" or hostile.rng.random() < 0.4:
        return hostile.data(good), format
    if layout == "list":
        return hostile.json(json.loads(good)), format
    return b"\n".join(hostile.json(json.loads(line)) for line in good.splitlines()), format


def _importers(folder: Path) -> Callable[[Hostile], object]:
    def attempt(hostile: Hostile) -> None:
        data, format = _file_of_labels(hostile)
        found = formats.read(data, hostile.rng.choice((None, format, hostile.rng.choice(list(FORMATS)))))
        for left in found.left_out:
            assert not no_sentence(left.why), left.why
        made = formats.write(found.comparisons)
        try:
            again = formats.read(made.data).comparisons if found.comparisons else ()
        except FormatError as error:
            raise AssertionError(f"what was read and written is not read back: {error}") from error
        assert again == found.comparisons

    return attempt


def _lab(folder: Path) -> tuple[Store, Lab]:
    store = Store(f"sqlite:///{folder}/lab.sqlite3")
    return store, store.open_lab("a browser of bad inputs", "en")


def _intake(folder: Path) -> Callable[[Hostile], object]:
    store, lab = _lab(folder)

    def attempt(hostile: Hostile) -> None:
        data, _ = _file_of_labels(hostile)
        exchange.take_in(store, lab, exchange.look(store, lab, data, sound(hostile.text("labels.jsonl"))))

    return attempt


# Files of other kinds.


def _constitutions(folder: Path) -> Callable[[Hostile], object]:
    good = {language: dump(default_constitution(language)) for language in ("en", "ko")}

    def attempt(hostile: Hostile) -> None:
        made = parse(hostile.text(good[hostile.rng.choice(("en", "ko"))]))
        assert parse(dump(made)) == made

    return attempt


def _mazes(folder: Path) -> Callable[[Hostile], object]:
    good = [maze_json(maze) for maze in random_mazes(3, 6, seed=1)]

    def attempt(hostile: Hostile) -> None:
        parse_mazes(sound(hostile.json(good)))

    return attempt


def _states(folder: Path) -> Callable[[Hostile], object]:
    good = states.dump({"policy": {"a": torch.zeros(3, 4), "b": torch.ones(2)}, "steps_done": 3, "history": [(1, "a")]})

    def attempt(hostile: Hostile) -> None:
        states.load(hostile.data(good) if hostile.rng.random() < 0.3 else hostile._flipped(good))

    return attempt


def _lab_files(folder: Path) -> Callable[[Hostile], object]:
    store, lab = _lab(folder)
    LabellingDesk(store, lab).simulate(3, "default", 0.0, seed=1)
    store.add_constitution(lab.id, "en", dump(default_constitution("en")))
    store.keep(lab.id, "walk", {"seed": 1})
    good = lab_file.pack(store, lab.id)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        content = json.loads(archive.read(lab_file.CONTENT))

    def attempt(hostile: Hostile) -> None:
        data = hostile._flipped(good) if hostile.rng.random() < 0.3 else _zipped(hostile, content)
        opened = lab_file.unpack(store, "another browser", data)
        lab_file.pack(store, opened.id)
        store.labels(opened.id)
        store.delete_lab(opened.id)

    return attempt


def _zipped(hostile: Hostile, content: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(lab_file.CONTENT, hostile.json(content))
    return made.getvalue()


# What is typed.


def _prompts(folder: Path) -> Callable[[Hostile], object]:
    good = {"en": "How do I make a cup of green tea, please?", "ko": "녹차를 어떻게 끓이나요?"}
    assets = {language: load_start(language) for language in good}

    def attempt(hostile: Hostile) -> None:
        language = hostile.rng.choice(("en", "ko"))
        one, typed = assets[language], hostile.text(good[language])
        for read in (reading.read, reading.read_words):
            found = read(one.grammar, typed)
            if found.text and not found.unknown:
                longest = one.model.config.prompt_length - 2
                one.model.encode_prompts([" ".join(found.text.split()[:longest])], one.tokenizer)
        one.tokenizer.unknown(typed)
        one.grammar.display(found.text)

    return attempt


def _messages(folder: Path) -> Callable[[Hostile], object]:
    good = ("see free (3,4) (3,5) wall (4,4)", "path (3,4) (3,5)", "at (3,4) explorer", "ack 12", "fail (3,4)")

    def attempt(hostile: Hostile) -> None:
        parse_message(hostile.text(hostile.rng.choice(good)))

    return attempt


def _names_and_keys(folder: Path) -> Callable[[Hostile], object]:
    store, lab = _lab(folder)
    members.start(store, lab)
    forecasts.start(store, lab)
    found = members.found(store, lab)
    assert found is not None

    def attempt(hostile: Hostile) -> None:
        typed = sound(hostile.text("Brave Otter"))
        match hostile.rng.randrange(4):
            case 0:
                members.join(store, found.key, f"who {hostile.rng.random()}", typed)
            case 1:
                members.joined(store, sound(hostile.text(found.key)))
            case 2:
                forecasts.joined(store, sound(hostile.text(found.key)))
            case _:
                store.rename_lab(lab.id, typed)

    return attempt


# What comes over HTTP.


def _answers(folder: Path) -> Callable[[Hostile], object]:
    from starlette.requests import Request

    import app
    from ui import ballot
    from ui.ballot import Hand, Said

    def take(said: Said) -> None:
        for text in (said.showing_id, said.rationale):
            text.encode()

    offered = frozenset({("left", 0), ("tie", 0)})
    ballot._ballots._things["known"] = ballot._Drawn(Hand(take, lambda: None), offered, "en")
    good = {"showing": "0123456789abcdef", "choice": "left", "strength": 0, "reasons": ["safer"], "words": "so"}

    def attempt(hostile: Hostile) -> None:
        body = hostile.json(good)
        name = hostile.rng.choice(("known", "known", hostile.text("known")))

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        scope = {"type": "http", "method": "POST", "headers": [], "path_params": {"name": name}}
        answer = asyncio.run(app.answer(Request(scope, receive)))
        if answer.status_code != 200 or answer.body != b"null":
            raise AssertionError(f"{answer.status_code} {answer.body!r:.80}")
        file = asyncio.run(app.file(Request(scope, receive)))  # where nobody offers one
        if file.status_code != 404 or file.body != b"":
            raise AssertionError(f"{file.status_code} {file.body!r:.80}")

    return attempt


def _cookies(folder: Path) -> Callable[[Hostile], object]:
    from ui.browser import COOKIE, BrowserCookie

    good = f"a=b; {COOKIE}=abcdefghijklmnopqrstuvwx; rlhf_lab_language=ko"

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})

    def attempt(hostile: Hostile) -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        raw = encoded(hostile.text(good))
        scope = {"type": "http", "headers": [(b"cookie", raw)] * hostile.rng.choice((1, 1, 2))}
        asyncio.run(BrowserCookie(page)(scope, None, send))
        given = dict(sent[0]["headers"])[b"set-cookie"].decode()
        name = given.partition("=")[2].partition(";")[0]
        assert 20 <= len(name) <= 64 and name.replace("-", "").replace("_", "").isalnum() and name.isascii(), given

    return attempt


def _addresses(folder: Path) -> Callable[[Hostile], object]:
    from tests.ui.hostile_pages import open_badly

    return open_badly(folder)


# The command line.

LINES = (
    "pretrain --architecture gpt --size small --cpu-seconds 1",
    "label --simulate 5 --annotator default --label-noise 0.1 --export {folder}/out.jsonl --to event",
    "label --import {folder}/labels.jsonl --from event --export {folder}/out.csv --to csv",
    "reward --labels 20 --label-noise 0.1 --features words --annotator default",
    "ppo --algorithm ppo --labels 20 --iterations 2 --kl-coef 0.1 --n 4",
    "journey --labels 20 --iterations 2",
    "constitution --input {folder}/answers.jsonl --constitution {folder}/constitution.toml --language en",
    "constitution --train sl --iterations 2",
    "navigate --policy bfs --mazes {folder}/mazes.json --hidden 0.1 --view 2 --forget",
    "navigate --policy greedy --size 6 --count 3 --hard --plans 1 --seed 4",
    "team --explorers 1 --planners 1 --executors 1 --size 9 --count 1 --loss 0.1 --noise 0.1 --radius 2 --kill-at 3",
)


LONG = (
    (command_line.headless, "pretrain reward ppo journey"), (command_line.label, "simulate"),
    (command_line.constitution, "train criticise"), (command_line.navigation, "walk"),
    (command_line.headless_team, "play"),
)  # fmt: skip
"""What is left out once its arguments are in order: a good input is none of ours."""


def _reached(*arguments: object, **values: object) -> Any:
    raise Refused("The arguments are in order.")


def _headless(folder: Path) -> Callable[[Hostile], object]:
    """Arguments and files of every stage."""

    files = {
        "labels.jsonl": lambda hostile: _file_of_labels(hostile)[0],
        "answers.jsonl": lambda hostile: hostile.json({"prompt": "How do I make tea?", "response": "Go away."}),
        "constitution.toml": lambda hostile: encoded(hostile.text(dump(default_constitution("en")))),
        "mazes.json": lambda hostile: hostile.json([maze_json(maze) for maze in random_mazes(2, 6, seed=2)]),
    }

    def attempt(hostile: Hostile) -> None:
        line = hostile.rng.choice(LINES)
        for name, make in files.items():
            if name in line:
                (folder / name).write_bytes(make(hostile))
        words = line.format(folder=folder).split()
        if hostile.rng.random() < 0.7:
            words = _bad_words(hostile, words)
        if hostile.rng.random() < 0.5:
            words.append("--json")
        _run(words)

    return attempt


def _bad_words(hostile: Hostile, words: list[str]) -> list[str]:
    """Arguments of which some are others; paths stay inside of the folder."""
    found = list(words)
    for _ in range(hostile.rng.choice((1, 1, 2, 3))):
        at = hostile.rng.randrange(len(found)) if found else 0
        kind = hostile.rng.random()
        if kind < 0.15:
            del found[at : at + 1]
        elif kind < 0.25:
            found.insert(at, hostile.sign().replace("/", "|"))
        elif found and "/" not in found[at]:
            found[at] = hostile.rng.choice((hostile.sign(), hostile.text(found[at]))).replace("/", "|")
    return found


def _run(words: list[str]) -> None:
    """The command line in this process, its output as strict about characters as a terminal's."""
    raw_out, raw_err = io.BytesIO(), io.BytesIO()
    out = io.TextIOWrapper(raw_out, encoding="utf-8", errors="strict", write_through=True)
    err = io.TextIOWrapper(raw_err, encoding="utf-8", errors="backslashreplace", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.ExitStack() as stack:
        for module, names in LONG:
            for name in names.split():
                stack.enter_context(patch.object(module, name, _reached))
        try:
            code = command_line.main(words)
        except SystemExit as left:
            code = left.code
    said, told = raw_err.getvalue().decode(), raw_out.getvalue().decode()
    if code == 2:
        if told and "--json" in words:
            raise AssertionError(f"something on standard output: {told!r:.80}")
        raise Refused(said.removesuffix("\n"))
    assert code == 0, (code, said)
    assert not any(no_sentence(line) for line in said.splitlines()), said


TARGETS = {
    "importers": Target(3000, _importers, (FormatError,)),
    "importers into a lab": Target(500, _intake, (FormatError, ExchangeError)),
    "constitutions": Target(1000, _constitutions, (ConstitutionError,)),
    "mazes": Target(1000, _mazes, (MazeError,)),
    "prompts and answers": Target(1200, _prompts, ()),
    "messages of the team": Target(500, _messages, (MessageError,)),
    "names and keys": Target(400, _names_and_keys, (ValueError, MemberError, ForecastError)),
    "files of labs": Target(500, _lab_files, (LabFileError,)),
    "states of runs": Target(300, _states, (CheckpointError,)),
    "answers over HTTP": Target(700, _answers, ()),
    "cookies": Target(300, _cookies, ()),
    "addresses of pages": Target(100, _addresses, (), deadline=30.0),
    "the command line": Target(800, _headless, ()),
}
