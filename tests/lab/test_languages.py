"""A lab's model speaks one language at a time; what belongs to another waits, and nothing of it is lost or mixed in."""

import sqlite3
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from lab import database, labelling, models, ppo, reward
from lab.jobs import Jobs, JobSpec
from lab.labelling import LabellingDesk, LabellingError
from lab.store import Lab, Store
from rlhf_core.ppo import PPOConfig

VERSION_1 = """
CREATE TABLE schema (version INTEGER NOT NULL);
CREATE TABLE lab (id INTEGER NOT NULL PRIMARY KEY, key VARCHAR NOT NULL UNIQUE, browser VARCHAR NOT NULL UNIQUE,
    language VARCHAR NOT NULL, created_at DATETIME NOT NULL);
CREATE TABLE pair (id INTEGER NOT NULL PRIMARY KEY, lab_id INTEGER NOT NULL REFERENCES lab (id), prompt TEXT NOT NULL,
    response_a TEXT NOT NULL, response_b TEXT NOT NULL, policy_id VARCHAR NOT NULL);
CREATE TABLE showing (id VARCHAR NOT NULL PRIMARY KEY, lab_id INTEGER NOT NULL REFERENCES lab (id),
    pair_id INTEGER NOT NULL REFERENCES pair (id), shown_left VARCHAR NOT NULL, guess FLOAT, shown_at DATETIME NOT NULL,
    open BOOLEAN NOT NULL);
CREATE UNIQUE INDEX one_open_showing ON showing (lab_id) WHERE open IS 1;
CREATE TABLE event (id INTEGER NOT NULL PRIMARY KEY, lab_id INTEGER NOT NULL REFERENCES lab (id), kind VARCHAR NOT NULL,
    showing_id VARCHAR UNIQUE REFERENCES showing (id), retracts INTEGER UNIQUE REFERENCES event (id), choice VARCHAR,
    strength INTEGER, rationale TEXT, labeler VARCHAR NOT NULL, labeler_kind VARCHAR NOT NULL,
    answered_at DATETIME NOT NULL);
CREATE TABLE run (id INTEGER NOT NULL PRIMARY KEY, lab_id INTEGER NOT NULL REFERENCES lab (id), stage VARCHAR NOT NULL,
    status VARCHAR NOT NULL, initial_config JSON NOT NULL, config JSON NOT NULL, seed BIGINT NOT NULL,
    inputs JSON NOT NULL, step INTEGER NOT NULL, pace FLOAT, error TEXT, created_at DATETIME NOT NULL);
CREATE TABLE run_step (run_id INTEGER NOT NULL REFERENCES run (id), step INTEGER NOT NULL, metrics JSON NOT NULL,
    samples JSON, PRIMARY KEY (run_id, step));
CREATE TABLE config_change (id INTEGER NOT NULL PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run (id),
    step INTEGER NOT NULL, changes JSON NOT NULL);
CREATE TABLE checkpoint (run_id INTEGER NOT NULL PRIMARY KEY REFERENCES run (id), step INTEGER NOT NULL,
    data BLOB NOT NULL);
CREATE TABLE artifact (id INTEGER NOT NULL PRIMARY KEY, kind VARCHAR NOT NULL, meta JSON NOT NULL, data BLOB NOT NULL);
INSERT INTO schema VALUES (1);
INSERT INTO lab VALUES (1, 'a key', 'a browser', 'en', '2026-03-01 09:00:00'),
    (2, 'another', 'another browser', 'ko', '2026-03-01 09:00:00');
INSERT INTO pair VALUES (1, 1, 'hello .', 'yes .', 'no .', 'start'), (2, 1, 'hello ?', 'yes .', 'no .', 'run-1'),
    (3, 2, 'hello !', 'yes .', 'no .', 'start');
INSERT INTO showing VALUES ('one', 1, 1, 'b', 0.75, '2026-03-01 09:00:00', 0),
    ('two', 1, 2, 'a', NULL, '2026-03-01 09:00:09', 1), ('three', 2, 3, 'a', NULL, '2026-03-01 09:00:00', 0);
INSERT INTO event VALUES
    (1, 1, 'label', 'one', NULL, 'a', 1, '', 'you', 'human', '2026-03-01 09:00:05'),
    (2, 2, 'label', 'three', NULL, 'tie', 1, '', 'default', 'simulated', '2026-03-01 09:00:05');
INSERT INTO run VALUES (1, 1, 'ppo', 'paused', '{}', '{"kl_coef": 0.1}', 3, '{"lab": 1, "source": "both"}', 7, NULL,
    NULL, '2026-03-01 09:00:00'), (2, 2, 'ppo', 'paused', '{}', '{}', 3, '{"lab": 2, "reward_model": 2}', 7, NULL,
    NULL, '2026-03-01 09:00:00'), (3, 1, 'ppo', 'paused', '{}', '{}', 3, '{"lab": 1}', 7, NULL,
    NULL, '2026-03-01 09:00:00');
INSERT INTO run_step VALUES (1, 1, '{"reward": 0.5}', NULL);
INSERT INTO artifact VALUES (1, 'reward_model', '{}', x'00'), (2, 'reward_model', '{}', x'01');
"""


@pytest.fixture
def desk(store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> LabellingDesk:
    monkeypatch.setattr(labelling, "TOO_FAST", labelling.timedelta(0))
    return LabellingDesk(store, lab)


def speak(store: Store, lab: Lab, language: str) -> LabellingDesk:
    """Change the language, and sit down at a desk of it."""
    store.set_language(lab.id, language)
    return LabellingDesk(store, store.lab(lab.id))


def order(lab: Lab) -> JobSpec:
    config = asdict(PPOConfig(batch_size=8)) | {"iterations": 3}
    inputs = {"lab": lab.id, "source": "both", "features": "attributes"}
    return JobSpec(stage="ppo", config=config, inputs=inputs, seed=3)


def test_a_database_of_version_1_opens_with_its_labels_and_runs(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    with sqlite3.connect(path) as raw:
        raw.executescript(VERSION_1)
    for _ in range(2):  # the second time nothing is left to migrate
        store = Store(f"sqlite:///{path}")
        one, other = store.open_lab("a browser", "ko"), store.open_lab("another browser", "en")
        assert (one.id, one.language, other.language) == (1, "en", "ko")
        [label] = store.labels(one.id)
        assert (label.language, label.prompt, label.choice, label.guess) == ("en", "hello .", "a", 0.75)
        assert [label.language for label in store.labels(other.id)] == ["ko"]
        waiting = store.open_showing(one.id)
        assert waiting is not None and (waiting.id, waiting.language, waiting.policy_id) == ("two", "en", "run-1")
        run = store.run(1)
        assert run.inputs == {"lab": 1, "source": "both", "language": "en"} and (run.step, run.seed) == (7, 3)
        assert [found.id for found in store.runs(one.id, "ppo", "en")] == [3, 1]
        assert store.runs(one.id, "ppo", "ko") == []
        store.close()


def test_a_database_of_version_1_gains_many_labs_a_browser_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    with sqlite3.connect(path) as raw:
        raw.executescript(VERSION_1)
    store = Store(f"sqlite:///{path}")
    one, other = store.open_lab("a browser", "ko"), store.open_lab("another browser", "en")
    assert (one.key, one.name, other.key) == ("a key", "", "another")
    assert [(run.id, run.number) for run in store.runs(one.id)] == [(3, 2), (1, 1)]
    assert [(run.id, run.number) for run in store.runs(other.id)] == [(2, 1)]
    assert store.add_run(one.id, stage="ppo", config={}, inputs={}, seed=0, status="paused", pace=None) == 4
    assert store.run(4).number == 3
    assert store.metrics(1) == [{"reward": 0.5, "step": 1}] and store.step_times(1) == {}
    assert store.artifact(2).data == b"\x01"
    with pytest.raises(KeyError):
        store.artifact(1)  # no run was made from it
    again = store.new_lab("a browser", "ko")
    assert store.labs("a browser") == [again, one]
    store.delete_lab(other.id)
    assert store.labs("another browser") == [] and store.labels(one.id)
    store.close()
    Store(f"sqlite:///{tmp_path}/new.sqlite3").close()
    fresh, migrated = sqlite3.connect(tmp_path / "new.sqlite3"), sqlite3.connect(path)
    tables = [name for (name,) in fresh.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = [
            {(name, primary > 0) for _, name, _, _, _, primary in at.execute(f"PRAGMA table_info({table})")}
            for at in (fresh, migrated)
        ]
        assert columns[0] == columns[1], f"a migrated database has another table {table} than a new one"
        refers = [
            {tuple(row[2:5]) for row in at.execute(f"PRAGMA foreign_key_list({table})")} for at in (fresh, migrated)
        ]
        assert refers[0] == refers[1], f"in a migrated database {table} refers to other tables than in a new one"


def test_a_database_of_version_2_gains_room_for_constitutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lab.sqlite3"
    with sqlite3.connect(path) as raw:
        raw.executescript(VERSION_1)
    with monkeypatch.context() as older:
        older.setattr(database, "SCHEMA_VERSION", 2)
        Store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT version FROM schema").fetchall() == [(2,)]
        assert raw.execute("SELECT name FROM sqlite_master WHERE name = 'constitution'").fetchall() == []
    for _ in range(2):  # the second time nothing is left to migrate
        store = Store(f"sqlite:///{path}")
        kept = store.constitutions(1, "en")
        store.add_constitution(1, "en", f"version {len(kept)}")
        store.close()
    store = Store(f"sqlite:///{path}")
    assert [row.toml for row in store.constitutions(1, "en")] == ["version 0", "version 1"]
    assert store.constitutions(1, "ko") == store.constitutions(2, "en") == []
    assert len(store.labels(1)) == 1 and store.run(1).step == 7
    store.close()


def test_only_languages_that_a_model_speaks(store: Store, lab: Lab) -> None:
    for change in (lambda: store.set_language(lab.id, "fr"), lambda: store.open_lab("a new browser", "fr")):
        with pytest.raises(ValueError, match="No model speaks the language 'fr'; choose one of en, ko"):
            change()
    with pytest.raises(KeyError, match="no lab 99"):
        store.set_language(99, "ko")
    assert store.lab(lab.id).language == "en"
    store.set_language(lab.id, "ko")
    assert store.lab(lab.id) == replace(lab, language="ko") == store.open_lab("a browser", "en")


def test_labels_wait_for_their_language(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    for choice in ("left", "right", "skip"):
        desk.answer(desk.current().id, choice)
    english = store.labels(lab.id)
    korean_desk = speak(store, lab, "ko")
    assert store.labels(lab.id) == [] and korean_desk.current().number == 1
    korean_desk.answer(korean_desk.current().id, "tie")
    korean_desk.simulate(2, "default", 0.0, seed=1)
    korean = store.labels(lab.id)
    assert {label.language for label in korean} == {"ko"} and len(korean) == 3
    assert store.labels(lab.id, language="en") == english
    again = speak(store, lab, "en")
    assert store.labels(lab.id) == english and again.current().number == 4
    assert store.labels(lab.id, "simulated", "ko") == korean[1:]


def test_a_waiting_pair_is_put_aside_and_comes_back(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    waiting = desk.current()
    korean = speak(store, lab, "ko")
    with pytest.raises(LabellingError, match="no longer the one that is shown; nothing was labelled"):
        desk.answer(waiting.id, "left")
    shown = korean.current()
    assert shown.pair_id != waiting.pair_id and store.showing(shown.id).language == "ko"
    again = speak(store, lab, "en").current()
    assert again.pair_id == waiting.pair_id and again.id != waiting.id
    assert {again.left, again.right} == {waiting.left, waiting.right}
    assert speak(store, lab, "ko").current().pair_id == shown.pair_id
    assert store.labels(lab.id) == store.labels(lab.id, language="en") == []


def test_changing_to_the_same_language_leaves_the_waiting_pair(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    waiting = desk.current()
    assert speak(store, lab, "en").current() == waiting


def test_undo_takes_back_nothing_of_another_language(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    desk.answer(desk.current().id, "left")
    english = store.labels(lab.id)
    korean = speak(store, lab, "ko")
    assert korean.undo() is None
    korean.answer(korean.current().id, "left")
    with pytest.raises(LabellingError, match="another language now"):
        desk.undo()  # of a page that still shows the other language
    assert len(store.labels(lab.id)) == 1
    assert korean.undo() is not None
    assert store.labels(lab.id) == [] and store.labels(lab.id, language="en") == english


def test_a_desk_of_another_language_shows_nothing(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    speak(store, lab, "ko")
    with pytest.raises(LabellingError, match="another language now"):
        desk.current()
    assert store.open_showing(lab.id) is None


def test_a_change_in_mid_showing_shows_nothing(
    store: Store, lab: Lab, desk: LabellingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tab changes the language while this one's pair is being made."""
    make = desk._make_pair
    monkeypatch.setattr(desk, "_make_pair", lambda: (make(), store.set_language(lab.id, "ko"))[0])
    with pytest.raises(LabellingError, match="another language now"):
        desk.current()
    assert store.open_showing(lab.id) is None
    assert store.next_pair(lab.id, "ko") is None and store.next_pair(lab.id, "en") is not None


def test_a_simulated_annotator_has_tastes_of_its_language(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    assert desk.simulate(1, "pirate-fan", 0.0, seed=1) == 1
    with pytest.raises(ValueError, match="no annotator 'pirate-fan' in the language 'ko'"):
        speak(store, lab, "ko").simulate(1, "pirate-fan", 0.0, seed=1)
    assert store.labels(lab.id) == []


def test_reward_models_are_kept_by_language(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    desk.simulate(12, "default", 0.0, seed=1)
    fit, points = reward.fit(store, lab), reward.curve(store, lab)
    korean = speak(store, lab, "ko").lab
    assert reward.counts(store, korean) == {"human": 0, "simulated": 0, "both": 0}
    empty = reward.fit(store, korean)
    assert (empty.language, empty.labels_used) == ("ko", 0) and reward.curve(store, korean) == []
    assert reward.fit(store, lab) is fit and reward.curve(store, lab) == points
    assert reward.counts(store, lab)["both"] == 12


def test_a_run_keeps_its_language(
    store: Store, lab: Lab, desk: LabellingDesk, until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    desk.simulate(20, "default", 0.0, seed=1)
    spec = ppo.prepare(order(lab), store)
    assert spec.inputs["language"] == store.artifact(spec.inputs["reward_model"]).meta["language"] == "en"
    store.set_language(lab.id, "ko")
    with pytest.raises(ValueError, match="No label of this source"):
        ppo.prepare(order(lab), store)

    built: list[str] = []
    assets = models.assets
    monkeypatch.setattr(ppo.models, "assets", lambda language: (built.append(language), assets(language))[1])
    jobs = Jobs(store, ppo.build, ppo.prepare)
    run_id = jobs.start(lab.id, spec)
    until(lambda: store.run(run_id).status in ("finished", "failed"))
    jobs.close()
    run: Any = store.run(run_id)
    assert (run.error, run.step, run.inputs["language"]) == (None, 3, "en") and set(built) == {"en"}
    english = {question for question in store.run_samples(run_id)["prompts"]}
    assert all(assets("en").grammar.find(question) for question in english)
    assert store.runs(lab.id, "ppo", "ko") == [] and store.runs(lab.id, "ppo") == [run]


def test_a_run_writes_no_pairs_of_another_language(store: Store, lab: Lab) -> None:
    values = {"stage": "ppo", "config": {}, "inputs": {"language": "en"}, "seed": 0, "status": "stopped", "pace": None}
    run_id = store.add_run(lab.id, **values)
    assert models.policy(store, "en", f"run-{run_id}") is models.assets("en").model
    with pytest.raises(ValueError, match=f"model of run {run_id} speaks 'en', not 'ko'"):
        models.policy(store, "ko", f"run-{run_id}")


def test_a_database_of_version_3_gains_room_for_where_a_page_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lab.sqlite3"
    with sqlite3.connect(path) as raw:
        raw.executescript(VERSION_1)
    with monkeypatch.context() as older:
        older.setattr(database, "SCHEMA_VERSION", 3)
        Store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_master WHERE name = 'kept'").fetchall() == []
    store = Store(f"sqlite:///{path}")
    store.keep(1, "walk", {"seed": 1})
    assert store.kept(1, "walk") == {"seed": 1}
    store.close()
