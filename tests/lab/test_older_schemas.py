"""Databases as every earlier version of the app wrote them, opened by this one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lab.migrations import MIGRATIONS, SCHEMA_VERSION
from lab.store import Store

OLDER = {int(path.stem.removeprefix("version-")): path for path in (Path(__file__).parent / "older").glob("*.sql")}
BROWSERS = {"a browser": "en", "another browser": "ko"}


def written(version: int, folder: Path) -> Path:
    """A database of a version."""
    path = folder / f"version-{version}.sqlite3"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(OLDER[version].read_text(encoding="utf-8"))
    return path


def structure(path: Path) -> dict[str, object]:
    """Columns, references and unique indexes of every table: what decides what may be written."""
    with closing(sqlite3.connect(path)) as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {
            table: (
                {(name, primary) for _, name, _, _, _, primary in raw.execute(f"PRAGMA table_info('{table}')")},
                {tuple(row[2:5]) for row in raw.execute(f"PRAGMA foreign_key_list('{table}')")},
                {name for _, name, unique, how, _ in raw.execute(f"PRAGMA index_list('{table}')")
                 if unique and how == "c"},
            )
            for table in tables
        }  # fmt: skip


def test_every_version_but_this_one_is_here_and_has_a_migration() -> None:
    assert set(range(1, SCHEMA_VERSION)) <= OLDER.keys() and set(MIGRATIONS) == set(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("version", sorted(OLDER))
def test_nothing_is_lost_that_an_older_version_wrote(version: int, tmp_path: Path) -> None:
    path = written(version, tmp_path)
    for _ in range(2):  # the second time nothing is left to migrate
        with closing(Store(f"sqlite:///{path}")) as store:
            for browser, language in BROWSERS.items():
                lab = store.open_lab(browser, "en")
                assert lab.language == language and store.labs(browser) == [lab]
                labels = store.labels(lab.id)
                assert [(label.prompt, label.choice, label.labeler) for label in labels] == [
                    ("question 1 ?", "a", "you"), ("question 3 ?", "b", "you"),
                    ("question 5 ?", "a", "default"), ("question 6 ?", "b", "default"),
                ]  # fmt: skip
                assert (labels[0].guess, labels[0].rationale, labels[0].language) == (0.75, "because", language)
                assert len(store.events(lab.id, "both", language)) == 6, "one label was taken back"
                waiting = store.open_showing(lab.id)
                assert waiting is not None and waiting.prompt == "question 4 ?"
                [run] = store.runs(lab.id, "ppo", language)
                assert (run.number, run.status, run.step, run.seed, run.error) == (1, "paused", 4, 3, None)
                assert run.config == {"kl_coef": 0.2, "iterations": 9}
                assert store.config_changes(run.id) == [(2, {"kl_coef": 0.2})]
                assert [row["reward"] for row in store.metrics(run.id)] == [0.1, 0.2, 0.3, 0.4]
                assert store.run_samples(run.id) == {"prompts": ["hello ."], "before": ["yes ."], "now": ["no ."]}
                saved = store.checkpoint(run.id)
                assert saved is not None and (saved.step, saved.data) == (3, b"a state")
                assert store.artifact(run.inputs["reward_model"]).data == b"a reward model"
                if version >= 3:
                    assert [row.toml for row in store.constitutions(lab.id, language)] == ["format = 1"]
                if version >= 4:
                    assert store.kept(lab.id, "walk") == {"seed": 1}
                if version >= 5:
                    guideline, invitation = store.guideline(lab.id), store.invitation(lab.id, "forecast")
                    assert guideline is not None and guideline.question == "Which is kinder?"
                    assert invitation is not None and invitation.key == f"forecasts of {lab.id}"
                    assert "labelled" in store.deeds(lab.id)
                if version >= 6:
                    assert [(one.name, one.group) for one in store.members(lab.id)] == [("Phone", 1)]


@pytest.mark.parametrize("version", sorted(OLDER))
def test_a_migrated_database_takes_what_a_new_one_takes(version: int, tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/new.sqlite3").close()
    path = written(version, tmp_path)
    Store(f"sqlite:///{path}").close()
    assert structure(path) == structure(tmp_path / "new.sqlite3")
