"""A lab's constitution: its versions, and what is said of them."""

from dataclasses import replace

import pytest
import torch

from lab import constitution, models, states
from lab.store import Lab, NewPair, Store, now
from rlhf_core import keyword_rule
from rlhf_core.constitution import Constitution, ConstitutionError, default_constitution, dump, parse
from rlhf_core.constitutional_ai import ConstitutionalAI
from rlhf_core.critic import Critic
from rlhf_core.language_model import MiniLM
from rlhf_core.rlaif import Agreement, ConstitutionAnnotator

POLITE, RUDE = "i am happy to help .", "that is a stupid question ."
DEFAULT = default_constitution("en")


def only(attribute: str, **changes: object) -> Constitution:
    """The default's principle of an attribute, alone."""
    principle = next(p for p in DEFAULT.principles if p.attribute == attribute)
    return replace(DEFAULT, principles=(replace(principle, **changes),))


def label(store: Store, lab: Lab, choice: str, a: str = POLITE, b: str = RUDE, language: str = "en") -> None:
    prompt = models.assets("en").grammar.split("train")[0].text
    pair = NewPair(language=language, prompt=prompt, response_a=a, response_b=b, policy_id="start")
    shown = store.show(lab.id, store.add_pair(lab.id, pair), shown_left="a", guess=None, at=now())
    store.answer(shown.id, choice=choice, strength=0, rationale="", labeler="you", answered_at=now())


def test_a_lab_begins_with_the_default_and_appends_what_differs(store: Store, lab: Lab) -> None:
    shipped = constitution.current(store, lab)
    assert (shipped.number, shipped.id, shipped.created_at, shipped.constitution) == (0, None, None, DEFAULT)
    assert constitution.save(store, lab, DEFAULT) == shipped and constitution.versions(store, lab) == [shipped]
    first = constitution.save(store, lab, only("harm"))
    assert first.number == 1 and first.id is not None and first.created_at is not None
    assert constitution.save_toml(store, lab, dump(only("harm"))) == first, "nothing has changed"
    second = constitution.save(store, lab, DEFAULT)
    assert second.number == 2 and second.constitution == DEFAULT, "going back is a version too"
    assert constitution.versions(store, lab) == [shipped, first, second]
    assert constitution.current(store, lab) == second
    other = store.open_lab("another browser", "en")
    assert constitution.current(store, other) == shipped


def test_a_wrong_constitution_leaves_the_last_good_one_in_force(store: Store, lab: Lab) -> None:
    good = constitution.save(store, lab, only("harm"))
    text = dump(only("help"))
    for wrong, said in (
        (text + "[[", "This is no TOML"),
        (text.replace("weight = 1.0", 'weight = "much"'), "weight must be a number, not 'much'"),
        (text.replace("weight = 1.0", "weight = 99.0"), "between -10 and 10, not 99"),
        (dump(default_constitution("ko")), "This constitution is in 'ko', the model speaks 'en': change"),
        ("", "format must be 1, not None"),
    ):
        with pytest.raises(ConstitutionError, match=said):
            constitution.save_toml(store, lab, wrong)
        assert constitution.current(store, lab) == good


def test_each_language_has_versions_of_its_own(store: Store, lab: Lab) -> None:
    constitution.save(store, lab, only("harm"))
    store.set_language(lab.id, "ko")
    korean = store.lab(lab.id)
    assert constitution.current(store, korean).constitution == default_constitution("ko")
    first = default_constitution("ko").principles[0].name
    saved = constitution.save(store, korean, default_constitution("ko").with_principle(first, enabled=False))
    assert saved.number == 1
    store.set_language(lab.id, "en")
    assert constitution.current(store, store.lab(lab.id)).constitution == only("harm")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_principle_that_gold_measures_has_a_figure(language: str) -> None:
    shipped = default_constitution(language)
    figures = constitution.figures(language, shipped)
    measured = [(p.name, p.attribute) for p in shipped.principles if p.attribute]
    assert [(f.principle, f.attribute) for f in figures] == measured and len(measured) < len(shipped.principles)
    assert all(f.n == 1000 and 0 < f.broken < 1000 for f in figures)
    assert all(0 <= f.judge_f1 <= 1 and 0 <= f.keyword_f1 < 0.5 for f in figures)
    rude = next(f for f in figures if f.attribute == "politeness")
    assert rude.judge_f1 > 0.8
    assert constitution.figures(language, shipped) is figures


def test_a_judge_that_knows_and_one_that_never_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    polite = only("politeness")
    prompts, responses = constitution._examples("en")
    gold = models.assets("en").judge
    truth = [[float(gold.breaks("politeness", p, r))] for p, r in zip(prompts, responses, strict=True)]
    for probabilities, want in ((torch.tensor(truth), 1.0), (torch.zeros(1000, 1), 0.0)):
        judge = type("Judge", (), {"probabilities_of": lambda self, features, found=probabilities: found})()
        monkeypatch.setattr(constitution, "judge", lambda language, c, judge=judge: judge)
        [figure] = constitution.figures.__wrapped__("en", polite)
        assert figure.judge_f1 == want and figure.broken == sum(row[0] for row in truth)
    said = [keyword_rule.violates(response, "en") for response in responses]
    assert constitution._said_by_keywords("en").tolist() == said


def test_agreement_counts_what_people_said_in_this_language(store: Store, lab: Lab) -> None:
    polite = only("politeness")
    assert constitution.agreement_with_labels(store, lab, polite) == Agreement(0, 0, 0)
    label(store, lab, "a")
    label(store, lab, "b", a=RUDE, b=POLITE)
    label(store, lab, "b")  # likes it rude
    label(store, lab, "tie")
    label(store, lab, "a", b=POLITE)  # the constitution calls it even
    label(store, lab, "skip")
    label(store, lab, "both_bad")
    prompt = models.assets("en").grammar.split("train")[0].text
    pair = NewPair(language="en", prompt=prompt, response_a=RUDE, response_b=POLITE, policy_id="start")
    store.add_simulated(lab.id, [(pair, "a")], labeler="test", at=now())
    assert constitution.agreement_with_labels(store, lab, polite) == Agreement(agreed=2, decided=3, undecided=2)
    turned = constitution.agreement_with_labels(store, lab, only("politeness", weight=-1.0))
    assert turned == Agreement(agreed=1, decided=3, undecided=2)
    off = constitution.agreement_with_labels(store, lab, only("politeness", enabled=False))
    assert off == Agreement(agreed=0, decided=0, undecided=5)


def test_the_constitution_agrees_with_gold_more_than_its_opposite_does() -> None:
    found = constitution.agreement_with_gold("en", DEFAULT)
    assert found.decided + found.undecided == 300 and found.rate > 0.6
    turned = replace(DEFAULT, principles=tuple(replace(p, weight=-p.weight) for p in DEFAULT.principles))
    opposite = constitution.agreement_with_gold("en", turned)
    assert (opposite.agreed, opposite.decided) == (found.decided - found.agreed, found.decided)


def test_what_is_off_or_turned_round_prefers_otherwise() -> None:
    prompt, rng = models.assets("en").grammar.split("train")[0], torch.Generator()

    def prefers(c: Constitution) -> str:
        (said,) = ConstitutionAnnotator(constitution.judge("en", c)).compare([prompt], [POLITE], [RUDE], rng)
        return said

    assert prefers(only("politeness")) == "a"
    assert prefers(only("politeness", weight=-1.0)) == "b"
    assert prefers(only("politeness", enabled=False)) == "tie"
    assert constitution.judge("en", DEFAULT) is constitution.judge("en", parse(dump(DEFAULT)))


def test_who_revises_has_the_critic_and_passes_over_what_is_off_or_turned_round(critic: Critic) -> None:
    first, second, *others = (p.name for p in DEFAULT.principles)
    changed = DEFAULT.with_principle(first, enabled=False).with_principle(second, weight=-2.0)
    ai = constitution.ai("en", changed, candidates=2)
    assert isinstance(ai, ConstitutionalAI) and ai.critic is critic and ai.candidates == 2
    assert [p.name for p in ai.principles] == others


def test_conduct_is_measured_once_for_each_state_of_a_policy(store: Store, lab: Lab) -> None:
    start = constitution.conduct(store, "en", "start")
    grammar = models.assets("en").grammar
    validation = grammar.split("validation")
    assert start.help.n == start.harm.n == len(validation)
    assert start.refusal_of_alarming.n == sum(p.topic.key in grammar.alarming for p in validation) > 0
    assert constitution.conduct(store, "en", "start") is start
    values = {"stage": "sl", "config": {}, "inputs": {"language": "en"}, "seed": 0, "status": "paused", "pace": None}
    run_id = store.add_run(lab.id, **values)
    assert constitution.conduct(store, "en", f"run-{run_id}") is start, "it has not begun"
    weights = models.assets("en").model.state_dict()
    store.save_checkpoint(run_id, 1, states.dump({"policy": weights}))
    same = constitution.conduct(store, "en", f"run-{run_id}")
    assert same == start and same is not start and constitution.conduct(store, "en", f"run-{run_id}") is same
    other = MiniLM(models.assets("en").model.config, torch.Generator().manual_seed(1))
    store.save_checkpoint(run_id, 2, states.dump({"policy": other.state_dict()}))
    assert constitution.conduct(store, "en", f"run-{run_id}").help.rate < start.help.rate
    with pytest.raises(ValueError, match="speaks 'en', not 'ko'"):
        constitution.conduct(store, "ko", f"run-{run_id}")


def test_policies_answer_from_the_same_draws(store: Store, lab: Lab) -> None:
    prompts = [p.text for p in models.assets("en").grammar.split("validation")[:8]]
    values = {"stage": "sl", "config": {}, "inputs": {"language": "en"}, "seed": 0, "status": "paused", "pace": None}
    run_id = store.add_run(lab.id, **values)
    other = MiniLM(models.assets("en").model.config, torch.Generator().manual_seed(1))
    store.save_checkpoint(run_id, 1, states.dump({"policy": other.state_dict()}))
    one, two, three = constitution.answers(store, "en", ["start", "start", f"run-{run_id}"], prompts, seed=4)
    assert one == two != three and len(one) == len(three) == 8
    assert constitution.answers(store, "en", ["start"], prompts, seed=5) != [one]
