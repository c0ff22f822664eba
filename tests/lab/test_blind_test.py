"""The blind test: what is asked, which answers count, and what they come to."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from lab import blind_test, lab_file, models
from lab.blind_test import BlindTest, BlindTestError
from lab.store import Lab, Store, now
from rlhf_core.evaluation import wilson_interval
from tests.lab.runs import add_ppo_run


class Clock:
    """A clock that an honest answer moves by a second."""

    def __init__(self) -> None:
        self.at: datetime = now() + timedelta(minutes=1)

    def later(self, seconds: float = 1.0) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


def choose(store: Store, lab: Lab, test: BlindTest, wishes: Sequence[str], clock: Clock) -> None:
    """Answer questions by what is wished of each: before, after or tie, wherever it stands."""
    for place, wish in enumerate(wishes):
        side = "tie" if wish == "tie" else "left" if test.questions[place].left == wish else "right"
        assert blind_test.answer(store, lab, f"{test.id}-{place}", side, clock.later())


def test_both_models_answer_validation_prompts_differently_on_either_side(store: Store, lab: Lab) -> None:
    run = add_ppo_run(store, lab, step=7)
    test = blind_test.begin(store, lab, run, 20, seed=3)
    find = models.assets("en").grammar.find
    assert len({one.prompt for one in test.questions}) == 20
    assert {find(one.prompt).split for one in test.questions} == {"validation"}
    assert all(one.before != one.after for one in test.questions)
    assert {one.left for one in test.questions} == {"before", "after"}
    assert all(one.sides[one.left == "before"] == one.after for one in test.questions)
    assert (test.policy, test.step, test.at) == (f"run-{run.id}", 7, 0)
    again = blind_test.begin(store, lab, run, 20, seed=3)
    assert again.questions == test.questions and again.same == test.same
    assert blind_test.current(store, lab) == again, "a new test takes the place of the one before"
    with pytest.raises(ValueError, match="10 or 20 questions, not 7"):
        blind_test.begin(store, lab, run, 7)


def test_a_model_that_answers_as_before_or_none_can_not_be_tested(store: Store, lab: Lab) -> None:
    with pytest.raises(BlindTestError) as alike:
        blind_test.begin(store, lab, add_ppo_run(store, lab, noise=0.0), 10)
    run = store.add_run(
        lab.id, stage="ppo", config={}, inputs={"language": "en"}, seed=0, status="paused", pace=None
    )
    with pytest.raises(BlindTestError) as untrained:
        blind_test.begin(store, lab, store.run(run), 10)
    assert (alike.value.reason, untrained.value.reason) == ("alike", "untrained")


def test_only_the_question_in_sight_takes_an_answer(store: Store, lab: Lab) -> None:
    test, clock = blind_test.begin(store, lab, add_ppo_run(store, lab), 10, seed=1), Clock()
    first, second, third = (f"{test.id}-{place}" for place in range(3))
    assert test.showing == first and blind_test.answer(store, lab, first, "left", clock.later())
    assert not blind_test.answer(store, lab, first, "right", clock.later()), "the second of a double click"
    assert not blind_test.answer(store, lab, third, "left", clock.later()), "nobody has seen it"
    assert not blind_test.answer(store, lab, "another-1", "left", clock.later())
    assert blind_test.answer(store, lab, second, "left", clock.later())
    assert not blind_test.answer(store, lab, third, "left", clock.later(0.2)), "faster than anybody reads"
    assert blind_test.answer(store, lab, third, "tie", clock.later(0.2))
    with pytest.raises(ValueError, match="no choice 'both'"):
        blind_test.answer(store, lab, third, "both")
    found = blind_test.current(store, lab)
    assert found and found.at == 3
    assert [one.choice for one in found.answered] == [test.questions[0].left, test.questions[1].left, "tie"]


def test_the_own_win_rate_has_its_n_and_its_interval(store: Store, lab: Lab) -> None:
    run, clock = add_ppo_run(store, lab), Clock()
    test = blind_test.begin(store, lab, run, 10, seed=2)
    choose(store, lab, test, ["after"] * 6 + ["before"] * 3 + ["tie"], clock)
    assert blind_test.current(store, lab) is None
    [over] = blind_test.over(store, lab)
    rate = blind_test.win_rate(over)
    assert (rate.rate, rate.n) == (0.65, 10) and (rate.low, rate.high) == wilson_interval(6.5, 10)
    judge, find = models.assets("en").judge, models.assets("en").grammar.find
    wins = [judge.score(find(q.prompt), q.after) - judge.score(find(q.prompt), q.before) for q in over.questions]
    want = sum(1.0 if win > 0.01 else 0.0 if win < -0.01 else 0.5 for win in wins) / 10
    assert blind_test.reference_rate(over).rate == pytest.approx(want)


def test_a_test_that_is_ended_early_counts_what_was_answered(store: Store, lab: Lab, url: str) -> None:
    run, clock = add_ppo_run(store, lab), Clock()
    test = blind_test.begin(store, lab, run, 10, seed=2)
    choose(store, lab, test, ["after", "before"], clock)
    store.delete_run(run.id)
    reopened = Store(url)
    found = blind_test.current(reopened, lab)
    reopened.close()
    assert found and found.at == 2, "neither a restart nor the run's end loses the test"
    blind_test.tell(store, lab, test.id)
    assert not blind_test.answer(store, lab, f"{test.id}-2", "left", clock.later())
    assert not blind_test.answer(store, lab, "", "left", clock.later())
    [over] = blind_test.over(store, lab)
    assert (blind_test.win_rate(over).rate, blind_test.win_rate(over).n) == (0.5, 2)


def test_tests_are_the_labs_and_of_a_language(store: Store, lab: Lab) -> None:
    run = add_ppo_run(store, lab)
    test = blind_test.begin(store, lab, run, 10)
    copy = lab_file.duplicate(store, "another browser", lab.id, "copy")
    [copied] = blind_test.tests(store, copy)
    assert copied.policy == f"run-{store.runs(copy.id)[0].id}" != test.policy
    store.set_language(lab.id, "ko")
    assert blind_test.current(store, store.lab(lab.id)) is None
