"""The problem: faults of answers to validation prompts, counted for the start and for what a run made of it."""

from collections.abc import Callable

import pytest

from lab import models, problem, states
from lab.problem import FAULTS, Case, Trained
from lab.store import Lab, Store

Until = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_each_fault_is_shown_and_counted_on_validation_prompts(language: str) -> None:
    assets, cases = models.assets(language), problem.of_start(language)
    validation = {prompt.text: prompt for prompt in assets.grammar.split("validation")}
    assert [case.fault for case in cases] == list(FAULTS)
    for case in cases:
        prompt, share, fault = validation[case.question], case.share, FAULTS[case.fault]
        assert case.faulty and fault.holds(assets.judge.attributes(prompt, case.answer))
        assert share.n == sum(prompt.category in fault.categories for prompt in validation.values())
        assert 0.0 < share.low < share.rate < share.high < 1.0
        assert share.rate * share.n == pytest.approx(round(share.rate * share.n)), "answers are counted"
        assert case.valid and assets.judge.valid(case.answer), "the plainest one, not a broken sentence"
        assert 0.9 < case.valid_share <= 1.0


def test_it_is_the_same_for_everybody() -> None:
    first = problem.of_start("en")
    for known in (problem.of_start, problem._answers_of_start, problem._shown):
        known.cache_clear()
    assert problem.of_start("en") == first


def test_an_error_of_fact_is_not_mere_boasting() -> None:
    false = FAULTS["false"].holds
    grammar, judge = models.assets("en").grammar, models.assets("en").judge
    prompt = grammar.find("what is the capital of france ?")
    assert prompt is not None
    assert false(judge.attributes(prompt, "the capital of france is rome ."))
    assert not false(judge.attributes(prompt, "the capital of france is paris . i am never wrong ."))


def run_of(store: Store, lab: Lab, stage: str = "ppo", status: str = "finished") -> int:
    values = {"seed": 0, "status": status, "pace": None, "inputs": {"language": lab.language}}
    return store.add_run(lab.id, stage=stage, config={}, **values)


def save(store: Store, run_id: int, step: int) -> None:
    """A checkpoint in which the start has stayed as it was."""
    store.save_checkpoint(run_id, step, states.dump({"policy": models.assets("en").model.state_dict()}))


def asked(store: Store, lab: Lab, run_id: int, until: Until) -> Trained:
    until(lambda: not problem.of_run(store, lab, store.run(run_id)).waits)
    return problem.of_run(store, lab, store.run(run_id))


def test_only_runs_of_dialogue_that_have_saved_something_can_be_asked(store: Store, lab: Lab) -> None:
    run_of(store, lab)
    first, maze, second = run_of(store, lab), run_of(store, lab, "cloning"), run_of(store, lab, "sl")
    for run_id in (first, maze, second):
        save(store, run_id, 1)
    assert list(problem.trained_runs(store, lab)) == [second, first], "newest first"
    store.set_language(lab.id, "ko")
    assert not problem.trained_runs(store, store.lab(lab.id))


def test_a_run_answers_the_same_questions_from_the_same_draws(store: Store, lab: Lab, until: Until) -> None:
    run_id = run_of(store, lab)
    save(store, run_id, 7)
    assert problem.of_run(store, lab, store.run(run_id)) == Trained(None, (), waits=True)
    found = asked(store, lab, run_id, until)
    assert found == Trained(7, problem.of_start("en"), waits=False), "it has not changed, and neither have its answers"
    assert 0.9 < found.valid_share <= 1.0


def test_a_run_that_goes_on_is_not_asked_at_every_step(
    store: Store, lab: Lab, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem, "_answers", lambda language, model: {})
    monkeypatch.setattr(problem, "_cases", lambda answers, shown: ())
    run_id = run_of(store, lab, status="running")
    for step, known in ((5, 5), (24, 5), (25, 25), (30, 25)):
        save(store, run_id, step)
        assert asked(store, lab, run_id, until).step == known
    store.update_run(run_id, status="finished")
    assert asked(store, lab, run_id, until).step == 30, "its last word"


def test_what_cannot_be_asked_is_said_and_tried_again(
    store: Store, lab: Lab, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = run_of(store, lab)
    save(store, run_id, 1)
    with monkeypatch.context() as broken:
        broken.setattr(models, "restored", lambda language, saved: 1 / 0)
        assert problem.of_run(store, lab, store.run(run_id)).waits
        with pytest.raises(ZeroDivisionError):
            asked(store, lab, run_id, until)
    assert all(isinstance(case, Case) for case in asked(store, lab, run_id, until).cases)
