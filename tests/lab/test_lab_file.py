"""A lab as one file: what is opened elsewhere is what was taken away, and what is no whole lab changes nothing."""

import io
import json
import pickle
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lab import forecasts, lab_file, labelling, models, ppo, stages
from lab.jobs import Jobs, JobSpec
from lab.lab_file import LabFileError, pack, take_away, unpack
from lab.labelling import LabellingDesk
from lab.migrations import SCHEMA_VERSION
from lab.participants import participant
from lab.store import Lab, Label, Run, Store
from rlhf_core.outlook import OPINION
from rlhf_core.ppo import PPOConfig

CONFIG = asdict(PPOConfig(batch_size=8)) | {"iterations": 4}
Content = dict[str, Any]


@pytest.fixture
def full(store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab with something of all that a lab can have. Another lab came before, so that ids differ from numbers."""
    monkeypatch.setattr(labelling, "TOO_FAST", labelling.timedelta(0))
    other = store.open_lab("another browser", "en")
    LabellingDesk(store, other).simulate(3, "default", 0.0, seed=5)
    store.add_run(other.id, stage="ppo", config=CONFIG, inputs={"language": "en"}, seed=0, status="stopped", pace=None)
    LabellingDesk(store, lab).simulate(20, "default", 0.0, seed=1)
    jobs = Jobs(store, stages.build, stages.prepare)
    inputs = {"lab": lab.id, "source": "both", "features": "attributes"}
    run_id = jobs.reset(jobs.start(lab.id, JobSpec(stage="ppo", config=CONFIG, inputs=inputs, seed=3)))
    jobs.step_once(run_id, wait=60)
    jobs.configure(run_id, kl_coef=0.3)
    jobs.step_once(run_id, wait=60)
    jobs.close()
    desk = LabellingDesk(store, lab, policy_id=f"run-{run_id}")
    for choice in ("left", "tie", "right"):
        desk.answer(desk.current().id, choice)
    desk.undo()
    desk.current()
    store.add_constitution(lab.id, "ko", default_constitution("ko"))
    store.keep(lab.id, "maze", {"who": ["rule", f"run-{run_id}"], "trials": [[1, None]]})
    store.note_deed(lab.id, "escaped")
    forecasts.save_own(store, lab, OPINION)
    store.rename_lab(lab.id, "수업 <b>1</b>")
    return store.lab(lab.id)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Store]:
    """Another machine, where others work already."""
    with closing(Store(f"sqlite:///{tmp_path}/elsewhere.sqlite3")) as there:
        LabellingDesk(there, there.open_lab("a stranger", "en")).simulate(7, "default", 0.0, seed=9)
        yield there


def said(store: Store, lab: Lab) -> list[Label]:
    """The labels, without what their rows are called."""
    names = {f"run-{run.id}": f"number {run.number}" for run in store.runs(lab.id)}
    return [
        replace(x, event_id=0, showing_id="", pair_id=0, policy_id=names.get(x.policy_id, x.policy_id))
        for x in store.labels(lab.id)
    ]


def told(store: Store, run: Run) -> list[Any]:
    """All that is known of a run, without what its rows are called."""
    inputs = {name: value for name, value in run.inputs.items() if name not in ("lab", "reward_model")}
    rows = (store.metrics(run.id), store.run_samples(run.id), store.config_changes(run.id), store.step_times(run.id))
    return [replace(run, id=0, lab_id=0, inputs=inputs), *rows]


def dump(store: Store) -> str:
    with closing(sqlite3.connect(str(store._db.url.database))) as raw:
        return "\n".join(raw.iterdump())


def test_a_lab_opened_elsewhere_has_the_same_labels_runs_models_and_deeds(
    store: Store, full: Lab, elsewhere: Store
) -> None:
    opened = unpack(elsewhere, "a new browser", take_away(store, full.id))
    assert opened == replace(full, id=opened.id, key=opened.key) and opened.key != full.key
    assert elsewhere.open_lab("a new browser", "ko") == opened
    assert said(elsewhere, opened) == said(store, full) and len(said(store, full)) == 22
    assert {x.policy_id for x in said(store, full)} == {"start", "number 2"}
    here, there = store.runs(full.id), elsewhere.runs(opened.id)
    assert [told(store, run) for run in here] == [told(elsewhere, run) for run in there]
    assert [(run.number, run.step, run.lab_id) for run in there] == [(2, 2, opened.id), (1, 0, opened.id)]
    assert there[0].inputs["lab"] == opened.id
    mine, theirs = (
        models.policy(at, "en", f"run-{runs[0].id}").state_dict() for at, runs in ((store, here), (elsewhere, there))
    )
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert [row.toml for row in elsewhere.constitutions(opened.id, "ko")] == [
        row.toml for row in store.constitutions(full.id, "ko")
    ]
    assert elsewhere.kept(opened.id, "maze") == {"who": ["rule", f"run-{there[0].id}"], "trials": [[1, None]]}
    assert forecasts.own(elsewhere, opened) == forecasts.own(store, full) is not None
    assert elsewhere.deeds(opened.id) == store.deeds(full.id) and {"escaped", "downloaded"} == set(store.deeds(full.id))
    waiting, before = elsewhere.open_showing(opened.id), store.open_showing(full.id)
    assert waiting is not None and before is not None and waiting.response_a == before.response_a


def test_a_run_goes_on_elsewhere_as_it_would_have_gone_on_here(store: Store, full: Lab, elsewhere: Store) -> None:
    opened = unpack(elsewhere, "a new browser", pack(store, full.id))
    curves = []
    for at, lab in ((store, full), (elsewhere, opened)):
        run = at.runs(lab.id)[0]
        jobs = Jobs(at, stages.build, stages.prepare)
        jobs.step_once(run.id, wait=60)
        jobs.close()
        curves.append([{k: v for k, v in row.items() if k != "cpu_seconds"} for row in at.metrics(run.id)])
    assert curves[0] == curves[1] and len(curves[0]) == 3


def test_a_copy_stands_beside_its_lab_and_neither_changes_the_other(store: Store, full: Lab) -> None:
    copy = lab_file.duplicate(store, "a browser", full.id, "a copy")
    assert store.open_lab("a browser", "en") == copy and store.labs("a browser") == [copy, full]
    assert store.sizes("a browser") == {full.id: (22, 2), copy.id: (22, 2)}
    LabellingDesk(store, copy).simulate(5, "default", 0.0, seed=2)
    assert store.undo(full.id, labeler="you", at=labelling.now())
    assert (len(store.labels(copy.id)), len(store.labels(full.id))) == (27, 21)
    before = dump(store)
    store.delete_lab(copy.id)
    assert dump(store) != before and store.labs("a browser") == [full]
    assert (len(store.labels(full.id)), len(store.runs(full.id))) == (21, 2)
    assert ppo.build(JobSpec(stage="ppo", config=CONFIG, inputs=store.runs(full.id)[0].inputs, seed=3), store)


def test_what_ran_when_a_lab_was_taken_away_rests_where_it_is_opened(
    store: Store, full: Lab, elsewhere: Store
) -> None:
    store.update_run(store.runs(full.id)[0].id, status="running")
    opened = unpack(elsewhere, "a new browser", pack(store, full.id))
    assert [run.status for run in elsewhere.runs(opened.id)] == ["paused", "stopped"]
    assert elsewhere.unfinished_runs() == []


def test_a_collection_stays_blind_until_it_is_revealed_also_in_a_file_or_a_copy(
    store: Store, full: Lab, elsewhere: Store
) -> None:
    forecasts.start(store, full)
    begun = forecasts.collection(store, full)
    assert begun is not None
    forecasts.give(store, begun.key, participant("a guest's browser", 0), "Guest", OPINION)
    blind = pack(store, full.id)
    assert b"Guest" not in zipfile.ZipFile(io.BytesIO(blind)).read("lab.json")
    for at, opened in (
        (elsewhere, unpack(elsewhere, "a new browser", blind)),
        (store, lab_file.duplicate(store, "a browser", full.id, "a copy")),
    ):
        assert forecasts.collection(at, opened) is None and forecasts.names(at, opened) == []
        assert forecasts.own(at, opened) == forecasts.own(store, full)
    forecasts.reveal(store, full)
    data = pack(store, full.id)
    assert b"a guest's browser" not in zipfile.ZipFile(io.BytesIO(data)).read("lab.json"), "it opens the guest's labs"
    opened = unpack(elsewhere, "a new browser", data)
    there = forecasts.collection(elsewhere, opened)
    assert there is not None and there.revealed and not there.open and there.key != begun.key
    assert forecasts.names(elsewhere, opened) == ["Guest"]


def changed(data: bytes, change: Callable[[Content], object]) -> bytes:
    """A file whose content was changed and packed again, so that the archive itself is whole."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        content = json.loads(old.read("lab.json"))
        change(content)
        for name in old.namelist():
            new.writestr(name, old.read(name) if name != "lab.json" else json.dumps(content))
    return made.getvalue()


def first(table: str, **values: Any) -> Callable[[Content], object]:
    return lambda content: content["tables"][table][0].update(values)


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must never be run",)


def packed(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_json", ".json"), data)
    return made.getvalue()


def flipped(data: bytes, name: str) -> bytes:
    """A file in which one bit of a part of it has changed, as on a bad disk."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        at = archive.getinfo(name).header_offset + 200
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


FOREIGN = {
    "no archive": lambda data: b"hello",
    "nothing": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "another archive": lambda data: packed(notes=b"hello"),
    "another's lab.json": lambda data: packed(lab_json=b'{"format": "potato"}'),
    "a list": lambda data: packed(lab_json=b"[1]"),
}
DAMAGED = {
    "a bit of the content": (lambda data: flipped(data, "lab.json"), "unpacked"),
    "a bit of a checkpoint": (lambda data: flipped(data, checkpoint_name(data)), "has changed since"),
    "no JSON": (lambda data: packed(lab_json=b"{"), "lab.json can't be read"),
    "deep JSON": (lambda data: packed(lab_json=b"[" * 100_000), "lab.json can't be read"),
    "a table is missing": (lambda data: changed(data, lambda c: c["tables"].pop("event")), "event are missing"),
    "a column is missing": (lambda data: changed(data, lambda c: c["tables"]["pair"][0].pop("prompt")), "pair, row 1"),
    "a stranger's column": (lambda data: changed(data, first("pair", lab_id=1)), "pair, row 1 has other columns"),
    "a number for a text": (lambda data: changed(data, first("pair", prompt=7)), "pair, row 1: prompt is 7"),
    "a huge number": (lambda data: changed(data, first("run", seed=2**70)), "run, row 1: seed"),
    "a text for a time": (lambda data: changed(data, first("showing", shown_at="noon")), "shown_at can't be read"),
    "a showing of nothing": (lambda data: changed(data, first("showing", pair_id=999)), "no pair 999"),
    "an answer twice": (lambda data: changed(data, lambda c: twice(c, "event")), "contradict"),
    "a choice of nobody": (lambda data: changed(data, first("event", choice="c")), "a label says 'c'"),
    "a language": (lambda data: changed(data, lambda c: c["lab"].update(language="fr")), "language 'fr'"),
    "a stage": (lambda data: changed(data, first("run", stage="sft")), "no stage 'sft'"),
    "a setting": (lambda data: changed(data, first("run", config={"kl_coef": -1})), "kl_coef must be 0 or more"),
    "a run's start": (lambda data: changed(data, first("run", inputs={"language": "en"})), "source"),
    "a run of nobody": (lambda data: changed(data, first("pair", policy_id="run-999")), "no run 999"),
    "a stranger's reward model": (
        lambda data: changed(data, first("run", inputs={"language": "en", "reward_model": 1000})), "no artifact 1000",
    ),
    "a constitution": (lambda data: changed(data, first("constitution", toml="?")), "line 1"),
    "a forecast of nothing": (lambda data: changed(data, first("forecast", curves={})), "language"),
    "a checkpoint that is none": (lambda data: with_checkpoint(data, b"hello"), "data can't be read"),
    "a checkpoint with a program": (lambda data: with_checkpoint(data, pickle.dumps(Attack())), "data can't be read"),
    "a version before the first": (lambda data: changed(data, lambda c: c.update(version=1)), "version is 1"),
}  # fmt: skip


def checkpoint_name(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return next(name for name in archive.namelist() if name.startswith("checkpoint/"))


def with_checkpoint(data: bytes, bad: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, bad if name == checkpoint_name(data) else old.read(name))
    return made.getvalue()


def twice(content: Content, table: str) -> None:
    rows = content["tables"][table]
    rows.append({**rows[0], "id": 10_000})


def refused(store: Store, data: bytes) -> LabFileError:
    before = dump(store)
    with pytest.raises(LabFileError) as raised:
        unpack(store, "a new browser", data)
    assert dump(store) == before, "a refused file has changed something"
    return raised.value


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """A small lab's file, made once."""
    with closing(Store(f"sqlite:///{tmp_path_factory.mktemp('taken')}/lab.sqlite3")) as store:
        lab = store.open_lab("a browser", "en")
        LabellingDesk(store, lab).simulate(4, "default", 0.0, seed=1)
        jobs = Jobs(store, stages.build, stages.prepare)
        inputs = {"lab": lab.id, "source": "both", "features": "attributes"}
        jobs.step_once(jobs.reset(jobs.start(lab.id, JobSpec(stage="ppo", config=CONFIG, inputs=inputs, seed=3))), 60)
        jobs.close()
        store.add_constitution(lab.id, "en", default_constitution("en"))
        forecasts.save_own(store, lab, OPINION)
        yield pack(store, lab.id)


def default_constitution(language: str) -> str:
    return (Path(lab_file.__file__).parents[1] / f"rlhf_core/constitutions/default-{language}.toml").read_text("utf-8")


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_lab_is_refused(name: str, taken: bytes, elsewhere: Store) -> None:
    error = refused(elsewhere, FOREIGN[name](taken))
    assert error.reason == "foreign" and "Download" in str(error)


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_whole_lab_is_refused_with_the_reason(
    name: str, taken: bytes, elsewhere: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, reason = DAMAGED[name]
    error = refused(elsewhere, spoil(taken))
    assert error.reason == "damaged" and reason in str(error) and reason in str(error.slots["what"])
    assert "never" not in capsys.readouterr().out


def test_a_file_of_a_newer_app_says_so(taken: bytes, elsewhere: Store) -> None:
    error = refused(elsewhere, changed(taken, lambda content: content.update(version=SCHEMA_VERSION + 1)))
    assert error.reason == "newer" and error.slots == {"version": SCHEMA_VERSION + 1, "known": SCHEMA_VERSION}


def test_a_file_that_is_too_large_packed_or_unpacked_is_refused_unread(
    taken: bytes, elsewhere: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = packed(lab_json=b"0" * 5_000_000)
    assert len(bomb) < 10_000
    monkeypatch.setattr(lab_file, "MOST_UNPACKED", 4 * 2**20)
    assert refused(elsewhere, bomb).slots == {"mib": 4}
    monkeypatch.setattr(lab_file, "MOST_BYTES", 2**20)
    error = refused(elsewhere, taken)
    assert (error.reason, error.slots) == ("too_large", {"mib": 1}) and "1 MB" in str(error)
