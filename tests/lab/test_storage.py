"""A full disk, a read-only database, damaged files, a second server: one sentence, and nothing is lost."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lab import labelling, states
from lab.app import Laboratory
from lab.jobs import Jobs
from lab.labelling import LabellingDesk
from lab.states import DamagedStateError
from lab.store import Lab, NewPair, Store, StoreError
from rlhf_core import checkpoints
from rlhf_core.weights import CheckpointError
from tests.lab.test_jobs import uninterrupted
from tests.lab.test_older_schemas import BROWSERS, written
from tests.lab.trouble import damaged, full_disk, nobody
from tests.lab.walker import Walker, build, prepare, walk

Until = Callable[[Callable[[], object]], None]
NO_ROOM = r"has no room to grow \(database or disk is full\)\. Free some disk space"


@contextmanager
def closing_jobs(store: Store) -> Iterator[Jobs]:
    """Jobs of walkers, closed in the end."""
    jobs = Jobs(store, build, prepare)
    yield jobs
    jobs.close()


def one_sentence(error: BaseException) -> bool:
    said = str(error)
    return bool(said.strip()) and said.isprintable() and len(said) < 600 and "Traceback" not in said


# A full disk.


def test_a_label_that_finds_no_room_is_not_acknowledged_and_can_be_given_later(
    store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    desk = LabellingDesk(store, lab)
    acknowledged: list[str] = []

    def label() -> None:
        showing = desk.current()
        desk.answer(showing.id, "left", rationale="because " * 20)
        acknowledged.append(showing.id)

    for number in range(200):
        texts = {"prompt": f"hello {number} .", "response_a": "yes .", "response_b": "no ."}
        store.add_pair(lab.id, NewPair(language="en", policy_id="start", **texts))
    with full_disk(store), pytest.raises(StoreError, match=NO_ROOM):
        for _ in range(200):
            label()
    assert 0 < len(acknowledged) < 200
    assert [given.showing_id for given in store.labels(lab.id)] == acknowledged
    label()
    assert [given.showing_id for given in store.labels(lab.id)] == acknowledged


@pytest.fixture
def heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walker each of whose steps takes some pages."""
    monkeypatch.setattr(Walker, "samples", lambda walker: {"at": walker.steps, "much": "x" * 9000})


def test_a_run_on_a_full_disk_rests_and_goes_on_to_the_same_curve(
    store: Store, lab: Lab, until: Until, heavy: None
) -> None:
    spec = walk(iterations=40)
    with closing_jobs(store) as jobs:
        with full_disk(store, spare=40):
            run_id = jobs.start(lab.id, spec)
            until(lambda: store.run(run_id).status == "paused" and not jobs.at_work(run_id))
            run = store.run(run_id)
            assert 0 < run.step < 40 and "can be resumed" in jobs.hindrance(run) and "Free some disk" in run.error
        jobs.resume(run_id)
        until(lambda: store.run(run_id).status == "finished")
        assert store.run(run_id).error is None and jobs.hindrance(store.run(run_id)) == ""
        assert store.metrics(run_id) == uninterrupted(spec)


def test_a_run_whose_rest_cannot_be_written_down_either_says_so_and_goes_on(
    store: Store, lab: Lab, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **values: Any) -> None:
        raise StoreError("The database has no room to grow. Free some disk space.")

    spec = walk(iterations=10)
    with closing_jobs(store) as jobs:
        run_id = store.add_run(lab.id, **vars(spec), status="paused", pace=None)
        with monkeypatch.context() as without_room:
            without_room.setattr(store, "add_step", full)
            jobs.resume(run_id)
            without_room.setattr(store, "update_run", full)
            until(lambda: not jobs.at_work(run_id))
            assert store.run(run_id).status in ("running", "paused")
            assert "Free some disk space" in jobs.hindrance(store.run(run_id))
        jobs.resume(run_id)
        until(lambda: store.run(run_id).status == "finished")
        assert store.metrics(run_id) == uninterrupted(spec) and jobs.hindrance(store.run(run_id)) == ""


def test_a_run_that_cannot_be_begun_for_want_of_room_is_told_to_whoever_asks(store: Store, lab: Lab) -> None:
    with closing_jobs(store) as jobs, full_disk(store), pytest.raises(StoreError, match=NO_ROOM):
        for _ in range(200):
            jobs.start(lab.id, walk(raise_at=1, note="x" * 2000))


# What may not be written.


@pytest.fixture
def private() -> Iterator[Path]:
    with nobody() as folder:
        yield folder


@pytest.mark.parametrize(
    ("file", "folder"), [(0o444, 0o555), (0o444, 0o755), (0o644, 0o555), (0o000, 0o755), (None, 0o555)]
)
def test_what_may_not_be_written_is_said_at_once_and_stays_as_it_was(
    private: Path, file: int | None, folder: int
) -> None:
    path = private / "lab.sqlite3"
    if file is not None:
        with closing(Store(f"sqlite:///{path}")) as store:
            store.open_lab("a browser", "en")
        before = path.read_bytes()
        path.chmod(file)
    private.chmod(folder)
    for open_one in (Store, Laboratory):
        with pytest.raises(StoreError, match=r"lab\.sqlite3 can't be written \(.*\)\. Allow writing to it") as raised:
            open_one(f"sqlite:///{path}")
        assert one_sentence(raised.value)
    private.chmod(0o755)
    if file is not None:
        path.chmod(0o644)
        assert path.read_bytes() == before
        with closing(Store(f"sqlite:///{path}")) as store:
            assert len(store.labs("a browser")) == 1


def test_a_lock_that_cannot_be_made_is_no_second_server(private: Path) -> None:
    url = f"sqlite:///{private}/lab.sqlite3"
    with closing(Store(url)) as store:
        (private / "lab.sqlite3.lock").mkdir()
        with pytest.raises(StoreError, match=r"lab\.sqlite3\.lock can't be written"):
            store.claim()


# Damage.


def look_at_everything(store: Store) -> None:
    for browser in BROWSERS:
        for lab in store.labs(browser) or [store.open_lab(browser, "en")]:
            store.labels(lab.id)
            store.events(lab.id, "both", lab.language)
            store.waiting_pairs(lab.id)
            store.open_showing(lab.id)
            for run in store.runs(lab.id):
                store.metrics(run.id)
                store.samples(run.id)
                store.config_changes(run.id)
                store.checkpoint(run.id)
            for read in (store.constitutions, store.labels_of):
                read(lab.id, "en")
            for read in (store.guideline, store.members, store.deeds):
                read(lab.id)
            store.kept(lab.id, "walk")
            store.invitation(lab.id, "forecast")
            store.note_deed(lab.id, "looked at")


DAMAGE = {
    "a date": "UPDATE lab SET created_at = '2026-03-01 0\x13:00:50.000000'",
    "no version": "DELETE FROM schema",
    "two versions": "INSERT INTO schema (version) VALUES (5)",
    "a version that is none": "UPDATE schema SET version = 'six'",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_value_that_sqlite_takes_for_whole_is_still_seen_to_be_damaged(what: str, tmp_path: Path) -> None:
    path = written(6, tmp_path)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(DAMAGE[what])
        raw.commit()
    with pytest.raises(StoreError, match="is damaged or is no database") as raised:
        with closing(Store(f"sqlite:///{path}")) as store:
            look_at_everything(store)
    assert one_sentence(raised.value)


def test_half_a_character_that_cannot_be_kept_is_no_damage(store: Store, lab: Lab) -> None:
    with pytest.raises(UnicodeEncodeError):
        store.note_deed(lab.id, "\ud800")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_database_is_a_sentence_or_still_read(seed: int, tmp_path: Path) -> None:
    """Changed bytes inside of a text nobody can see; whatever is seen is one sentence that says what to do."""
    rng = random.Random(f"database {seed}")
    path = written(6, tmp_path)
    Store(f"sqlite:///{path}").close()
    whole, ended = path.read_bytes(), {"said": 0, "read": 0}
    for number in range(50):
        broken = tmp_path / f"broken-{number}.sqlite3"
        broken.write_bytes(damaged(whole, rng))
        try:
            with closing(Store(f"sqlite:///{broken}")) as store:
                look_at_everything(store)
            ended["read"] += 1
        except StoreError as error:
            assert one_sentence(error) and f"broken-{number}.sqlite3" in str(error)
            ended["said"] += 1
        broken.unlink()
    assert ended["said"] > 10 and ended["read"] > 5


STATE = states.dump({"place": 0.0, "steps": 3})
NO_STATES = {
    "empty": b"",
    "cut off": STATE[:-40],
    "text": b"my shopping list",
    "another trainer's": STATE,
    "a changed byte": STATE[: STATE.index(b"steps")] + b"stepz" + STATE[STATE.index(b"steps") + 5 :],
}


@pytest.mark.parametrize("name", NO_STATES)
def test_a_damaged_checkpoint_fails_its_run_in_a_sentence_and_a_reset_begins_anew(
    name: str, store: Store, lab: Lab, until: Until
) -> None:
    spec = walk(iterations=5)
    run_id = store.add_run(lab.id, **vars(spec), status="running", pace=None)
    store.add_step(run_id, 1, {"place": 1.0}, None)
    store.save_checkpoint(run_id, 1, NO_STATES[name])
    with closing_jobs(store) as jobs:
        jobs.resume_unfinished()
        until(lambda: store.run(run_id).status == "failed")
        said = store.run(run_id).error
        assert said is not None and said.startswith("The run ") and said.endswith(f": {DamagedStateError()}")
        again = jobs.reset(run_id)
        jobs.resume(again)
        until(lambda: store.run(again).status == "finished")
        assert store.metrics(again) == uninterrupted(spec)


def test_no_changed_byte_of_a_state_goes_unseen() -> None:
    """Of the tensors either: a model of other weights would look whole."""
    rng = random.Random(5)
    whole = states.dump(Walker(walk()).state_dict())
    for _ in range(150):
        broken = damaged(whole, rng)
        if broken == whole:
            continue
        try:
            read = states.load(broken)
        except DamagedStateError as error:
            assert one_sentence(error)
            continue
        kept = states.load(whole)  # what changed lay between the parts
        assert read.keys() == kept.keys() and all(str(read[name]) == str(kept[name]) for name in kept)


SHIPPED: dict[str, Callable[[Path], object]] = {
    "minilm-en": lambda folder: checkpoints.load_start("en", folder),
    "encoder-ko": lambda folder: checkpoints.load_start("ko", folder),
    "critic-en": lambda folder: checkpoints.load_critic("en", folder),
    "maze-wave": lambda folder: checkpoints.load_maze_policy("wave", folder),
}


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("how", ["gone", "cut off", "no weights", "another's", "not finite"])
def test_damaged_weights_that_ship_are_named(name: str, how: str, tmp_path: Path) -> None:
    for path in checkpoints.HERE.glob("*.safetensors"):
        (tmp_path / path.name).symlink_to(path)
    file = tmp_path / f"{name}.safetensors"
    whole = file.read_bytes()
    file.unlink()
    if how == "cut off":
        file.write_bytes(whole[: len(whole) // 2])
    elif how == "no weights":
        file.write_bytes(random.Random(1).randbytes(4000))
    elif how == "another's":
        shutil.copy(checkpoints.HERE / f"{'minilm-en' if 'maze' in name else 'maze-path'}.safetensors", file)
    elif how == "not finite":
        file.write_bytes(whole[:-400] + b"\xff" * 400)
    with pytest.raises(CheckpointError, match=rf"{name}\.safetensors.*restore the file or remake it") as raised:
        SHIPPED[name](tmp_path)
    assert one_sentence(raised.value)


# A second server.


def test_a_second_server_runs_nothing_and_takes_over_when_the_first_has_gone(
    url: str
) -> None:
    first = Laboratory(url)
    lab = first.store.open_lab("a browser", "en")
    run_id = first.store.add_run(lab.id, **vars(walk()), status="running", pace=None)
    with pytest.raises(StoreError, match=r"is open in another RLHF Lab\. Stop that one, or set RLHF_LAB_DATABASE"):
        Laboratory(url)
    assert first.store.run(run_id).step == 0
    first.close()
    second = Laboratory(url)
    assert [run.id for run in second.store.unfinished_runs()] == [run_id]
    second.close()


def test_a_second_server_is_known_by_the_file_and_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "other").symlink_to(tmp_path / "data")
    first = Laboratory(f"sqlite:///{tmp_path}/data/lab.sqlite3")
    for name in ("other/lab.sqlite3", "other/../data/lab.sqlite3", "data/./lab.sqlite3"):
        with pytest.raises(StoreError, match="is open in another RLHF Lab"):
            Laboratory(f"sqlite:///{tmp_path}/{name}")
    first.close()


def test_a_newer_server_changes_no_tables_that_an_older_one_works_with(tmp_path: Path) -> None:
    path = written(5, tmp_path)
    before = path.read_bytes()
    with closing(sqlite3.connect(f"{path}.lock", isolation_level=None)) as older:
        older.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is open in another RLHF Lab"):
            Store(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT version FROM schema").fetchall() == [(5,)]
    assert len(path.read_bytes()) == len(before)
    with closing(Store(f"sqlite:///{path}")) as store, closing(Laboratory(f"sqlite:///{path}")):
        assert store.labs("a browser"), "and whoever migrates lets go of it"
