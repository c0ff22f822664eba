"""Labs, label events, runs: nothing acknowledged is lost, nothing counts twice, and errors are sentences."""

import sqlite3
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from lab import database
from lab.store import Lab, Label, NewPair, Shown, Store, StoreError, now


def pair(number: int = 0, language: str = "en") -> NewPair:
    asked = f"question {number} ?"
    return NewPair(language=language, prompt=asked, response_a="yes .", response_b="no .", policy_id="start")


def show(store: Store, lab: Lab, number: int = 0, guess: float | None = None, language: str = "en") -> Shown:
    pair_id = store.add_pair(lab.id, pair(number, language))
    shown = store.show(lab.id, pair_id, shown_left="b", guess=guess, at=now())
    assert shown is not None
    return shown


def answer(store: Store, shown: Shown, choice: str = "a", at: datetime | None = None) -> Label | None:
    said = {"choice": choice, "strength": 0, "rationale": "", "labeler": "you"}
    return store.answer(shown.id, **said, answered_at=at or now())


def test_a_browser_finds_its_own_lab_again_and_no_other(store: Store, url: str) -> None:
    one, other = store.open_lab("one", "en"), store.open_lab("other", "en")
    assert one.id != other.id and one.key != other.key and len(one.key) >= 32
    show(store, one)
    assert store.open_showing(other.id) is None
    answer(store, show(store, other))
    assert store.labels(one.id) == [] and len(store.labels(other.id)) == 1
    assert Store(url).open_lab("one", "en") == one


def test_a_browser_has_open_what_it_opened_last(store: Store, url: str) -> None:
    first = store.open_lab("one", "en")
    answer(store, show(store, first))
    second = store.new_lab("one", "ko", "fresh")
    assert (second.language, second.name) == ("ko", "fresh") and store.labels(second.id) == []
    assert Store(url).open_lab("one", "en") == second and store.labs("one") == [second, first]
    assert store.sizes("one") == {first.id: (1, 0), second.id: (0, 0)}
    assert store.switch_lab("one", first.id) == first == store.open_lab("one", "ko")
    store.open_lab("other", "en")
    for stranger in (store.open_lab("other", "en").id, 99):
        with pytest.raises(KeyError, match=f"knows no lab {stranger}"):
            store.switch_lab("one", stranger)
    store.rename_lab(second.id, "renamed")
    assert [lab.name for lab in store.labs("one")] == ["", "renamed"]


def test_a_deed_is_dated_by_its_first_time_and_is_the_labs_own(store: Store, lab: Lab) -> None:
    store.note_deed(lab.id, "escaped")
    first = store.deeds(lab.id)
    assert first.keys() == {"escaped"} and abs(now() - first["escaped"]) < timedelta(minutes=1)
    store.note_deed(lab.id, "escaped")
    assert store.deeds(lab.id) == first and store.deeds(store.new_lab("a browser", "en").id) == {}


def test_a_label_is_there_for_another_process_as_soon_as_it_is_answered(store: Store, url: str, lab: Lab) -> None:
    label = answer(store, show(store, lab, guess=0.75), "b")
    assert label is not None
    assert Store(url).labels(lab.id) == [label]
    assert (label.choice, label.guess, label.shown_left, label.labeler_kind) == ("b", 0.75, "b", "human")


def test_a_second_answer_to_a_showing_changes_nothing(store: Store, lab: Lab) -> None:
    shown = show(store, lab)
    first = answer(store, shown, "a")
    assert answer(store, shown, "b") == first
    assert [label.choice for label in store.labels(lab.id)] == ["a"]


def test_many_threads_answering_one_showing_make_one_label(store: Store, lab: Lab) -> None:
    shown = show(store, lab)
    got: list[Label | None] = []
    threads = [threading.Thread(target=lambda c=c: got.append(answer(store, shown, c))) for c in ("a", "b", "tie") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 12 and len(set(got)) == 1
    assert store.labels(lab.id) == [got[0]]


def test_many_threads_showing_pairs_leave_one_before_the_lab(store: Store, lab: Lab) -> None:
    got: list[Shown] = []
    threads = [threading.Thread(target=lambda n=n: got.append(show(store, lab, n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8 and {shown.id for shown in got} == {got[0].id}


def test_the_database_itself_refuses_two_answers_and_two_open_showings(store: Store, lab: Lab, tmp_path: Path) -> None:
    shown = show(store, lab)
    answer(store, shown)
    show(store, lab)
    raw = sqlite3.connect(tmp_path / "data" / "lab.sqlite3")
    with pytest.raises(sqlite3.IntegrityError, match=r"event\.showing_id"):
        raw.execute(
            "INSERT INTO event SELECT 99, lab_id, kind, showing_id, retracts, choice, strength, rationale,"
            " guideline, labeler, labeler_kind, answered_at FROM event"
        )
    with pytest.raises(sqlite3.IntegrityError, match=r"showing\.lab_id"):
        raw.execute("UPDATE showing SET open = 1")


def test_an_undone_label_stays_as_an_event_and_its_pair_comes_again(store: Store, lab: Lab, tmp_path: Path) -> None:
    first, second = show(store, lab, 1), None
    answer(store, first)
    second = show(store, lab, 2)
    answer(store, second)
    show(store, lab, 3)
    assert store.undo(lab.id, labeler="you", at=now())
    assert [label.pair_id for label in store.labels(lab.id)] == [first.pair_id]
    assert store.open_showing(lab.id) is None
    assert store.next_pair(lab.id, "en") == (second.pair_id, pair(2))
    assert answer(store, second) is not None, "the answer that was taken back still closes its showing"
    assert len(store.labels(lab.id)) == 1
    assert store.undo(lab.id, labeler="you", at=now())
    assert not store.undo(lab.id, labeler="you", at=now())
    events = sqlite3.connect(tmp_path / "data" / "lab.sqlite3").execute("SELECT kind, retracts FROM event ORDER BY id")
    assert events.fetchall() == [("label", None), ("label", None), ("undo", 2), ("undo", 1)]


def test_a_showing_that_an_undo_closed_takes_no_answer(store: Store, lab: Lab) -> None:
    answer(store, show(store, lab, 1))
    open_one = show(store, lab, 2)
    store.undo(lab.id, labeler="you", at=now())
    assert answer(store, open_one) is None
    assert store.labels(lab.id) == []


def test_simulated_labels_say_so_and_are_never_undone(store: Store, lab: Lab) -> None:
    store.add_simulated(lab.id, [(pair(1), "a"), (pair(2), "tie")], labeler="safety-first", at=now())
    answer(store, show(store, lab, 3))
    kinds = [(label.labeler_kind, label.labeler) for label in store.labels(lab.id)]
    assert kinds == [("simulated", "safety-first")] * 2 + [("human", "you")]
    assert len(store.labels(lab.id, "human")) == 1 and len(store.labels(lab.id, "simulated")) == 2
    assert store.undo(lab.id, labeler="you", at=now())
    assert not store.undo(lab.id, labeler="you", at=now())
    assert len(store.labels(lab.id)) == 2
    assert store.next_pair(lab.id, "en") == (3, pair(3)), "pairs that a simulated annotator answered are not shown"
    with pytest.raises(ValueError, match="label source 'mine'"):
        store.labels(lab.id, "mine")


@pytest.mark.parametrize("by_another", [False, True], ids=["the same store", "another store"])
def test_labels_of_a_deleted_labeller_are_not_remembered(store: Store, url: str, lab: Lab, by_another: bool) -> None:
    """The database gives the ids of what was deleted again."""
    acting = Store(url) if by_another else store
    acting.add_simulated(lab.id, [(pair(), "a")], labeler="ann", at=now())
    assert [label.labeler for label in store.labels(lab.id)] == ["ann"]
    assert acting.delete_labeler(lab.id, "ann", "simulated") == 1
    acting.add_simulated(lab.id, [(pair(), "b")], labeler="bob", at=now())
    assert [(label.labeler, label.choice) for label in store.labels(lab.id)] == [("bob", "b")]
    if acting is not store:
        acting.close()


def test_two_stores_on_one_file_wait_for_each_other(store: Store, url: str) -> None:
    stores, errors = [store, Store(url)], []

    def open_labs(number: int) -> None:
        try:
            for n in range(25):
                stores[number % 2].open_lab(f"browser {n}", "en")  # reads, then writes
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=open_labs, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert stores[0].open_lab("one more", "en").id == 26


def test_times_keep_their_instant(store: Store, lab: Lab) -> None:
    at = datetime.fromisoformat("2026-03-01T09:00:00.123456+09:00")
    label = answer(store, show(store, lab), at=at)
    assert label is not None and label.answered_at == at and label.answered_at.utcoffset() == timedelta(0)


def test_steps_samples_and_checkpoints_of_a_run(store: Store, lab: Lab) -> None:
    values = {"stage": "ppo", "inputs": {}, "seed": 3, "status": "queued", "pace": None}
    run_id = store.add_run(lab.id, config={"kl_coef": 0.1}, **values)
    exact = 0.1 + 0.2
    for step in (1, 2, 3):
        store.add_step(run_id, step, {"kl": exact * step}, {"at": step} if step < 3 else None)
    assert store.metrics(run_id) == [{"step": s, "kl": exact * s} for s in (1, 2, 3)]
    assert [row["step"] for row in store.metrics(run_id, since=2)] == [3]
    assert store.run_samples(run_id) == {"at": 2}
    with pytest.raises(sa.exc.IntegrityError):
        store.add_step(run_id, 3, {"kl": 0.0}, None)
    store.save_checkpoint(run_id, 1, b"old")
    store.save_checkpoint(run_id, 2, b"new")
    checkpoint = store.rewind(run_id)
    assert checkpoint is not None and (checkpoint.step, checkpoint.data) == (2, b"new")
    assert store.run(run_id).step == 2 and len(store.metrics(run_id)) == 2
    other = store.add_run(lab.id, config={}, **values | {"stage": "sft"})
    assert [run.id for run in store.runs(lab.id)] == [other, run_id]
    assert [run.id for run in store.runs(lab.id, "ppo")] == [run_id]
    with pytest.raises(KeyError, match="no run 99"):
        store.run(99)


def test_artifacts_are_kept(store: Store, lab: Lab) -> None:
    made = store.artifact(store.add_artifact(lab.id, "reward_model", {"labels": 3}, b"\x00\xff"))
    assert (made.kind, made.meta, made.data) == ("reward_model", {"labels": 3}, b"\x00\xff")
    with pytest.raises(KeyError, match="no artifact 99"):
        store.artifact(99)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    path.write_text("my shopping list " * 100)
    with pytest.raises(StoreError, match=r"lab\.sqlite3 is damaged or is no database .* Restore a copy"):
        Store(f"sqlite:///{path}")
    assert path.read_text().startswith("my shopping list")


def test_a_truncated_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    Store(f"sqlite:///{path}").close()
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(StoreError, match=r"lab\.sqlite3 is damaged"):
        store = Store(f"sqlite:///{path}")
        store.open_lab("a browser", "en")


def test_a_database_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    Store(f"sqlite:///{path}").close()
    with pytest.raises(StoreError, match=r"can't be written .* Allow writing"):
        Store(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(StoreError, match=r"The folder .* can't be made"):
        Store(f"sqlite:///{path}/inside-a-file/lab.sqlite3")
    with pytest.raises(StoreError, match=r"can't be written"):
        Store(f"sqlite:///{tmp_path}")


def test_a_database_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    Store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE schema SET version = 99")
    with pytest.raises(StoreError, match=rf"newer RLHF Lab \(schema 99, this one reads {database.SCHEMA_VERSION}\)"):
        Store(f"sqlite:///{path}")


def test_an_older_database_is_migrated_step_by_step_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/lab.sqlite3"
    lab = Store(url).open_lab("a browser", "en")

    def add_column(db: sa.Connection) -> None:
        db.execute(sa.text("ALTER TABLE lab ADD COLUMN note TEXT"))

    def fail(db: sa.Connection) -> None:
        raise RuntimeError("half way")

    old = database.SCHEMA_VERSION
    monkeypatch.setattr(database, "SCHEMA_VERSION", old + 2)
    monkeypatch.setattr(database, "MIGRATIONS", {old: add_column, old + 1: fail})
    with pytest.raises(RuntimeError, match="half way"):
        Store(url)
    with sqlite3.connect(tmp_path / "lab.sqlite3") as raw:
        assert raw.execute("SELECT version FROM schema").fetchall() == [(old,)]
        assert "note" not in [row[1] for row in raw.execute("PRAGMA table_info(lab)")]
    monkeypatch.setitem(database.MIGRATIONS, old + 1, lambda db: None)
    assert Store(url).open_lab("a browser", "en") == lab
    with sqlite3.connect(tmp_path / "lab.sqlite3") as raw:
        assert raw.execute("SELECT version FROM schema").fetchall() == [(old + 2,)]
        assert "note" in [row[1] for row in raw.execute("PRAGMA table_info(lab)")]


@pytest.mark.parametrize("url", ["nonsense", "nosuchdatabase://here", "mysql+nosuchdriver://me:secret@here/lab"])
def test_an_unusable_url_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLHF_LAB_DATABASE", url)
    with pytest.raises(StoreError, match=r"names no database .* Set RLHF_LAB_DATABASE") as raised:
        Store()
    assert str(raised.value).startswith(f"'{url[:8]}") and "secret" not in str(raised.value)


def test_the_environment_names_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLHF_LAB_DATABASE", f"sqlite:///{tmp_path}/elsewhere/mine.sqlite3")
    Store().open_lab("a browser", "en")
    assert (tmp_path / "elsewhere" / "mine.sqlite3").exists()


def test_what_a_page_left_is_there_for_the_lab_and_for_no_other(store: Store, url: str, lab: Lab) -> None:
    other = store.open_lab("other", "en")
    assert store.kept(lab.id, "walk") is None
    store.keep(lab.id, "walk", {"seed": 1, "trials": [["move_up", None]]})
    store.keep(lab.id, "walk", {"seed": 2})
    store.keep(lab.id, "talk", "벽")
    assert Store(url).kept(lab.id, "walk") == {"seed": 2} and store.kept(lab.id, "talk") == "벽"
    assert store.kept(other.id, "walk") is None
