"""Checkpoints tick when the thing was really done in the lab, and not before."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lab import checklist, tables
from lab.checklist import NOTEBOOK, OURS
from lab.store import Lab, NewPair, Store

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
DEEDS = ("asked", "revised", "walked", "escaped", "thought", "message", "downloaded")


def ticks(store: Store, lab: Lab) -> dict[str, datetime]:
    return {one.name: one.done_at for one in checklist.milestones(store, lab.id) if one.done_at is not None}


def label(store: Store, lab: Lab, n: int, choice: str = "a", guess: float | None = None) -> None:
    """n answers in the language of the lab, a minute apart, after those that there are."""
    before = len(store.labels(lab.id))
    for i in range(before, before + n):
        pair = NewPair(language=lab.language, prompt=f"{i} ?", response_a="yes .", response_b="no .", policy_id="start")
        at = START + timedelta(minutes=i)
        shown = store.show(lab.id, store.add_pair(lab.id, pair), shown_left="a", guess=guess, at=at)
        assert shown is not None
        store.answer(shown.id, choice=choice, strength=1, rationale="", labeler="you", answered_at=at)


def run(store: Store, lab: Lab, stage: str, steps: Sequence[dict[str, Any]]) -> int:
    values = {"seed": 0, "status": "finished", "pace": None, "inputs": {"language": lab.language}}
    run_id = store.add_run(lab.id, stage=stage, config={}, **values)
    for number, metrics in enumerate(steps, 1):
        store.add_step(run_id, number, metrics, None)
    return run_id


def test_a_new_lab_has_done_nothing(store: Store, lab: Lab) -> None:
    found = checklist.milestones(store, lab.id)
    assert [one.name for one in found] == [*NOTEBOOK, *OURS]
    assert (len(NOTEBOOK), len(OURS)) == (7, 6)
    assert ticks(store, lab) == {}


def test_a_deed_ticks_its_own_checkpoint_in_its_own_lab(store: Store, lab: Lab) -> None:
    for number, name in enumerate(DEEDS, 1):
        store.note_deed(lab.id, name)
        assert ticks(store, lab) == store.deeds(lab.id) and len(ticks(store, lab)) == number
    store.note_deed(lab.id, "asked")
    assert ticks(store, lab) == store.deeds(lab.id)
    assert ticks(store, store.new_lab("a browser", "en")) == {}


def test_twenty_labels_count_until_one_is_taken_back(store: Store, lab: Lab) -> None:
    label(store, lab, 19)
    label(store, lab, 3, "skip")
    pair = NewPair(language="en", prompt="one more ?", response_a="yes .", response_b="no .", policy_id="start")
    store.add_simulated(lab.id, [(pair, "a")] * 30, labeler="default", at=START)
    assert ticks(store, lab) == {}, "neither simulated labels nor skipped pairs are a person's labels"
    store.set_language(lab.id, "ko")
    label(store, store.lab(lab.id), 19)
    assert ticks(store, lab) == {}, "nineteen in each of two languages are twenty in none"
    store.set_language(lab.id, "en")
    label(store, lab, 1, "both_bad")
    assert ticks(store, lab) == {"labelled": START + timedelta(minutes=52)}, "the time of the twentieth"
    store.undo(lab.id, labeler="you", at=START)
    assert ticks(store, lab) == {}


def test_the_reward_model_has_to_be_better_than_a_coin_by_now(store: Store, lab: Lab) -> None:
    label(store, lab, 4)
    label(store, lab, 10, "a", guess=0.9)
    label(store, lab, 5, "b", guess=0.2)
    label(store, lab, 3, "tie", guess=0.9)
    assert "foresaw" not in ticks(store, lab), "fifteen guesses are too few, and a tie is none"
    label(store, lab, 5, "a", guess=0.6)
    assert ticks(store, lab)["foresaw"] == START + timedelta(minutes=26), "the twentieth guess"
    label(store, lab, 30, "a", guess=0.1)
    assert "foresaw" not in ticks(store, lab), "it has been wrong ever since"
    for _ in range(30):
        store.undo(lab.id, labeler="you", at=START)
    assert ticks(store, lab)["foresaw"] == START + timedelta(minutes=26)


def test_ppo_has_beaten_its_start_when_the_whole_interval_says_so(store: Store, lab: Lab) -> None:
    base = {"reward": 0.0, "gold": 0.0}
    run(store, lab, "ppo", [base, base | {"win_rate": 0.6, "win_rate_low": 0.49}])
    run(store, lab, "rlaif", [base | {"win_rate": 0.9, "win_rate_low": 0.8}])
    assert ticks(store, lab) == {}
    run_id = run(store, lab, "ppo", [base, base | {"win_rate": 0.7, "win_rate_low": 0.58}, base])
    assert ticks(store, lab) == {"improved": store.step_times(run_id)[2]}


def test_a_step_that_does_not_say_when_it_was_made_counts_from_its_runs_beginning(store: Store, lab: Lab) -> None:
    run_id = run(store, lab, "ppo", [{"reward": 0.0, "gold": 0.0, "win_rate": 0.7, "win_rate_low": 0.58}])
    with store._db.write() as db:  # as a database of an older version has it
        db.execute(sa.update(tables.run_step).values(at=None))
    assert ticks(store, lab) == {"improved": store.run(run_id).created_at}


def test_reward_hacking_is_a_reward_that_rises_while_gold_falls(store: Store, lab: Lab) -> None:
    def course(reward: float, gold: float) -> list[dict[str, Any]]:
        first = [{"reward": 0.0, "gold": 1.0}] * 5
        return first + [{"reward": reward, "gold": 1.0 + gold}] * 5

    for honest in (course(2.0, 1.0), course(2.0, -0.2), course(0.4, -2.0), course(-1.0, -1.0), course(2.0, -2.0)[:9]):
        run(store, lab, "ppo", honest)
    assert ticks(store, lab) == {}
    run_id = run(store, lab, "ppo", course(2.0, -2.0) + course(2.0, 2.0)[5:])
    assert ticks(store, lab) == {"hacked": store.step_times(run_id)[10]}, "what happened once has happened"


def test_a_model_is_trained_by_the_constitution_after_ten_steps(store: Store, lab: Lab) -> None:
    run(store, lab, "sl", [{"loss": 1.0}] * 9)
    assert ticks(store, lab) == {}
    run_id = run(store, lab, "rlaif", [{"reward": 1.0}] * 10)
    assert ticks(store, lab) == {"by_constitution": store.step_times(run_id)[10]}
    run(store, lab, "sl", [{"loss": 1.0}] * 12)
    assert ticks(store, lab) == {"by_constitution": store.step_times(run_id)[10]}, "the first time counts"


def test_the_forecast_has_to_be_the_owners_own(store: Store, lab: Lab) -> None:
    def give(participant: str, at: datetime) -> None:
        values = {"lab_id": lab.id, "participant": participant, "name": "", "curves": {}, "given_at": at}
        with store._db.write() as db:
            db.execute(tables.forecast.insert().values(**values))

    give("somebody", START)
    assert ticks(store, lab) == {}
    give("owner", START + timedelta(hours=1))
    assert ticks(store, lab) == {"forecast": START + timedelta(hours=1)}
