from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.constitution import Constitution, Example, Principle, default_constitution
from rlhf_core.constitutional_ai import ROUNDS, SURE, VIOLATED, Chain, ConstitutionalAI
from rlhf_core.critic import Critic, critic_config, critic_tokenizer
from rlhf_core.language_model import MiniLM
from rlhf_core.principle_judge import ConstitutionJudge
from rlhf_core.sampling import Generation

NAMES = ("kind", "true", "brief")


def constitution(**weights: float) -> Constitution:
    """Three principles; each by its name asks for a revision."""
    return Constitution(
        "en",
        tuple(
            Principle(
                name=name,
                text=name,
                critique_request=f"{name}?",
                revision_request=f"be {name}",
                breaks=(Example("a"),),
                keeps=(Example("b"),),
                weight=weights.get(name, 1.0),
                enabled=weights.get(name) != 0,
            )
            for name in NAMES
        ),
    )


class ScriptedJudge:
    """P(breaks) of each answer by each principle as a table says; what it does not name breaks nothing."""

    def __init__(self, table: dict[str, tuple[float, float, float]], constitution: Constitution) -> None:
        self.table, self.constitution = table, constitution
        self.surest = torch.ones(3)

    def probabilities(self, prompts: Sequence[str], responses: Sequence[str]) -> torch.Tensor:
        rows = [self.table.get(text, (0.0, 0.0, 0.0)) for text in responses]
        assert len(prompts) == len(responses)
        return torch.tensor(rows).reshape(-1, 3)

    def scores(self, prompts: Sequence[str], responses: Sequence[str]) -> torch.Tensor:
        return self.worth(self.probabilities(prompts, responses))

    def worth(self, probabilities: torch.Tensor) -> torch.Tensor:
        weights = torch.tensor([p.weight * p.enabled for p in self.constitution.principles])
        return -probabilities @ weights


class ScriptedCritic:
    """Revises by a script: what is written of an answer when a request is made; several take turns."""

    def __init__(self, script: dict[tuple[str, str], str | list[str]]) -> None:
        self.script = {key: [value] if isinstance(value, str) else value for key, value in script.items()}
        self.turns: dict[tuple[str, str], int] = {}
        self.asked: list[tuple[str, str]] = []
        self.temperatures: list[float] = []

    def critique(
        self, prompts: Sequence[str], responses: Sequence[str], requests: Sequence[str], violated: Sequence[bool],
        **_: Any,
    ) -> list[str]:  # fmt: skip
        rows = zip(prompts, responses, requests, violated, strict=True)
        return [f"{p} | {r} | {q} | {'violates' if broken else 'follows'}" for p, r, q, broken in rows]

    def revise(
        self, prompts: Sequence[str], responses: Sequence[str], critiques: Sequence[str], requests: Sequence[str],
        *, rng: torch.Generator, temperature: float = 0.0,
    ) -> list[Generation]:  # fmt: skip
        found: list[Generation] = []
        for prompt, response, critique, request in zip(prompts, responses, critiques, requests, strict=True):
            assert critique.startswith(f"{prompt} | {response} |") and critique.endswith("violates")
            key = (response, request)
            turn = self.turns.get(key, 0)
            self.turns[key] = turn + 1
            texts = self.script[key]
            text = texts[turn % len(texts)]
            self.asked.append(key)
            self.temperatures.append(temperature)
            ended = not text.endswith("...")
            found.append(Generation(text, tuple(text.split()), (0.0,) * len(text.split()), ended))
        return found


Table = dict[str, tuple[float, float, float]]
Script = dict[tuple[str, str], str | list[str]]


def scripted(
    table: Table, script: Script, laws: Constitution | None = None, candidates: int = 1
) -> tuple[ConstitutionalAI, ScriptedCritic]:
    critic: Any = ScriptedCritic(script)
    judge: Any = ScriptedJudge(table, laws or constitution())
    return ConstitutionalAI(judge, critic, candidates=candidates), critic


def revised(ai: ConstitutionalAI, response: str, rounds: int = ROUNDS) -> Chain:
    (chain,) = ai.revise(["question"], [response], torch.Generator().manual_seed(0), rounds)
    return chain


def test_what_violates_is_revised_and_the_better_answer_adopted() -> None:
    ai, critic = scripted({"rude": (0.9, 0.1, 0.2), "less rude": (0.2, 0.1, 0.1)}, {("rude", "be kind"): "less rude"})
    chain = revised(ai, "rude")
    assert [(c.principle, c.violated, round(c.score, 3)) for c in chain.critiques] == [
        ("kind", True, 0.9), ("true", False, 0.1), ("brief", False, 0.2),
    ]  # fmt: skip
    assert chain.critiques[0].critique == "question | rude | kind? | violates"
    assert chain.critiques[1].critique == "question | rude | true? | follows"
    (revision,) = chain.revisions
    assert (revision.before, revision.proposal, revision.after, revision.adopted) == (
        "rude", "less rude", "less rude", True,
    )  # fmt: skip
    assert revision.critique == chain.critiques[0] and revision.score_after == pytest.approx(0.2)
    assert (chain.response, chain.revision, chain.revised) == ("rude", "less rude", True)
    assert critic.asked == [("rude", "be kind")] and critic.temperatures == [0.0]


def test_what_violates_nothing_is_left_as_it_is() -> None:
    ai, critic = scripted({"fine": (0.49, 0.0, 0.1)}, {})
    chain = revised(ai, "fine")
    assert (chain.revisions, chain.revision, chain.revised, critic.asked) == ((), "fine", False, [])
    assert not any(c.violated for c in chain.critiques)


@pytest.mark.parametrize(
    ("score", "violated", "sure"),
    [(0.49, False, False), (0.5, True, False), (0.6, True, False), (0.84, True, False), (0.85, True, True)],
)
def test_half_is_a_violation_and_only_a_sure_one_is_revised(score: float, violated: bool, sure: bool) -> None:
    assert (VIOLATED, SURE) == (0.5, 0.85)
    ai, critic = scripted({"rude": (score, 0.0, 0.0)}, {("rude", "be kind"): "fine"})
    chain = revised(ai, "rude")
    assert chain.critiques[0].violated == violated and chain.revision == ("fine" if sure else "rude")
    assert chain.critiques[0].critique.endswith("violates" if violated else "follows")
    assert critic.asked == ([("rude", "be kind")] if sure else [])
    assert (ai.step(["q"], ["rude"], [frozenset()], torch.Generator()) == [None]) == (not sure)


def test_a_judge_of_few_examples_is_sure_of_less() -> None:
    """Surest of an example at .6, it is sure from .85 x .6 = .51 on."""
    judge = ScriptedJudge({"rude": (0.52, 0.0, 0.0), "curt": (0.505, 0.0, 0.0)}, constitution())
    judge.surest = torch.tensor([0.6, 1.0, 1.0])
    critic = ScriptedCritic({("rude", "be kind"): "fine", ("curt", "be kind"): "fine"})
    ai = ConstitutionalAI(cast(ConstitutionJudge, judge), cast(Critic, critic))
    assert revised(ai, "rude").revision == "fine" and revised(ai, "curt").revision == "curt"


def test_a_doubtful_violation_is_left_alone_while_a_sure_one_is_cured() -> None:
    ai, critic = scripted({"bad": (0.6, 0.9, 0.0), "rude": (0.6, 0.1, 0.0)}, {("bad", "be true"): "rude"})
    chain = revised(ai, "bad")
    assert chain.revision == "rude" and critic.asked == [("bad", "be true")]
    assert [c.violated for c in chain.critiques] == [True, True, False]


@pytest.mark.parametrize(
    ("cure", "weights", "adopted"),
    [
        ((0.1, 0.7, 0.0), {}, True),  # kind falls by .8, true rises by .7
        ((0.1, 0.9, 0.0), {}, False),  # true rises by .9
        ((0.1, 0.5, 0.5), {}, False),  # so do true and brief together
        ((0.1, 0.5, 0.0), {"true": 2.0}, False),  # .5 of weight 2
        ((0.1, 0.9, 0.0), {"true": 0.5}, True),
        ((0.1, 0.9, 0.0), {"true": 0.0}, True),  # switched off
        ((0.1, 0.9, 0.0), {"true": -1.0}, True),  # turned round
        ((0.9, 0.0, 0.0), {}, False),  # nothing changed
        ((0.95, 0.0, 0.0), {"true": -1.0}, False),
    ],
)
def test_a_cure_that_makes_the_whole_worse_is_put_aside(
    cure: tuple[float, float, float], weights: dict[str, float], adopted: bool
) -> None:
    ai, _ = scripted({"rude": (0.9, 0.0, 0.0), "cure": cure}, {("rude", "be kind"): "cure"}, constitution(**weights))
    (revision,) = revised(ai, "rude", 1).revisions
    assert (revision.adopted, revision.after) == (adopted, "cure" if adopted else "rude")
    assert revision.proposal == "cure" and revision.score_after == pytest.approx(cure[0])


def test_the_whole_being_better_is_not_enough() -> None:
    """Kind is asked for and gets worse; that true gets better does not count."""
    table = {"rude": (0.9, 0.7, 0.0), "worse": (0.95, 0.0, 0.0)}
    chain = revised(scripted(table, {("rude", "be kind"): "worse"})[0], "rude")
    assert not chain.revisions[0].adopted and chain.revision == "rude"


@pytest.mark.parametrize("proposal", ["worse", "as bad", "rude", "", "kind but unended ..."])
def test_what_is_no_better_is_put_aside_and_not_asked_for_again(proposal: str) -> None:
    """The first principle's revision fails; the second's is still asked for, once each."""
    table = {"rude": (0.9, 0.95, 0.0), "worse": (0.95, 0.0, 0.0), "as bad": (0.9, 0.0, 0.0), "true": (0.9, 0.1, 0.0)}
    ai, critic = scripted(table, {("rude", "be kind"): proposal, ("rude", "be true"): "true"})
    chain = revised(ai, "rude")
    assert critic.asked == [("rude", "be kind"), ("rude", "be true")]
    assert [(r.critique.principle, r.adopted, r.after) for r in chain.revisions] == [
        ("kind", False, "rude"), ("true", True, "true"),
    ]  # fmt: skip
    assert chain.revisions[0].proposal == ("" if proposal.endswith("...") else proposal)
    assert chain.revision == "true"


def test_nothing_adopted_is_nothing_revised() -> None:
    ai, _ = scripted({"rude": (0.9, 0.0, 0.0)}, {("rude", "be kind"): "rude"})
    chain = revised(ai, "rude")
    assert len(chain.revisions) == 1 and not chain.revised and chain.revision == "rude"


LADDER: Table = {f"step {i}": (0.99 - 0.04 * i, 0.0, 0.0) for i in range(8)}
CLIMB: Script = {(f"step {i}", "be kind"): f"step {i + 1}" for i in range(7)}


@pytest.mark.parametrize(("rounds", "end"), [(0, "step 0"), (1, "step 1"), (3, "step 3"), (9, "step 4")])
def test_rounds_are_bounded_and_end_with_the_last_violation(rounds: int, end: str) -> None:
    """P(breaks) falls by .04 a round from .99: after four it is .83."""
    chain = revised(scripted(LADDER, CLIMB)[0], "step 0", rounds)
    assert (chain.revision, len(chain.revisions)) == (end, int(end[-1]))


def test_the_usual_number_of_rounds() -> None:
    assert len(revised(scripted(LADDER, CLIMB)[0], "step 0").revisions) == ROUNDS == 4


def test_principles_are_taken_in_their_order() -> None:
    """Not by how much they are violated: kind at .9 comes before true at .95."""
    table = {"bad": (0.9, 0.95, 0.9), "a": (0.1, 0.95, 0.9), "b": (0.1, 0.1, 0.9)}
    ai, critic = scripted(table, {("bad", "be kind"): "a", ("a", "be true"): "b", ("b", "be brief"): "c"})
    chain = revised(ai, "bad")
    assert [r.critique.principle for r in chain.revisions] == ["kind", "true", "brief"]
    assert [r.after for r in chain.revisions] == ["a", "b", "c"] and len(critic.asked) == 3


def test_one_round_takes_each_answers_own_first_violation() -> None:
    table = {"rude": (0.9, 0.9, 0.0), "false": (0.0, 0.9, 0.0)}
    script = {("rude", "be kind"): "x", ("rude", "be true"): "y", ("false", "be true"): "z"}
    ai, _ = scripted(table, script)
    found = ai.step(
        ["q"] * 4, ["rude", "false", "fine", "rude"],
        [frozenset(), frozenset(), frozenset(), frozenset({"kind"})], torch.Generator(),
    )  # fmt: skip
    assert [r and (r.critique.principle, r.after) for r in found] == [
        ("kind", "x"), ("true", "z"), None, ("true", "y"),
    ]  # fmt: skip


def test_what_is_turned_round_or_switched_off_is_not_asked_about() -> None:
    laws = constitution(kind=-1.0, true=0)
    ai, critic = scripted({"bad": (0.9, 0.9, 0.9), "c": (0.9, 0.9, 0.1)}, {("bad", "be brief"): "c"}, laws)
    assert [p.name for p in ai.principles] == ["brief"]
    chain = revised(ai, "bad")
    assert [c.principle for c in chain.critiques] == ["brief"] and chain.revision == "c"
    assert critic.asked == [("bad", "be brief")]


def test_without_principles_in_force_nothing_is_said() -> None:
    ai, _ = scripted({"bad": (0.9, 0.9, 0.9)}, {}, constitution(kind=-1.0, true=0, brief=0))
    chain = revised(ai, "bad")
    assert (chain.critiques, chain.revisions, chain.revision) == ((), (), "bad")


def test_no_answers_give_no_chains() -> None:
    for candidates in (1, 3):
        ai, _ = scripted({}, {}, candidates=candidates)
        assert ai.revise([], [], torch.Generator()) == [] and ai.step([], [], [], torch.Generator()) == []


def test_of_many_candidates_the_whole_constitution_picks() -> None:
    """Scores -(.1 + .9), -(.4 + .1), -(.2 + .4 + .2): the second wins, though the first cures its principle best; an
    unended one is out, whatever it scores."""
    table = {"rude": (0.9, 0.0, 0.0), "a": (0.1, 0.9, 0.0), "b": (0.4, 0.1, 0.0), "c": (0.2, 0.4, 0.2)}
    script: Script = {("rude", "be kind"): ["a", "b", "c", "perfect ..."]}
    ai, critic = scripted(table, script, candidates=4)
    chain = revised(ai, "rude")
    assert chain.revision == "b" and chain.revisions[0].score_after == pytest.approx(0.4)
    assert len(critic.asked) == 4 and min(critic.temperatures) > 0
    turned = constitution(true=-1.0)  # -(.1 - .9) is the best where what is false is wanted
    assert revised(scripted(table, script, turned, 4)[0], "rude").revision == "a"


def test_candidates_belong_to_their_own_answer() -> None:
    table = {"rude": (0.9, 0, 0), "false": (0, 0.9, 0), "a": (0.3, 0, 0), "b": (0.1, 0, 0), "c": (0, 0.1, 0)}
    script: Script = {("rude", "be kind"): ["a", "b"], ("false", "be true"): ["c", "fine ..."]}
    ai, _ = scripted(table, script, candidates=2)
    chains = ai.revise(["q", "r"], ["rude", "false"], torch.Generator())
    assert [chain.revision for chain in chains] == ["b", "c"]


def test_candidates_that_all_come_to_no_end_change_nothing() -> None:
    ai, _ = scripted({"rude": (0.9, 0, 0)}, {("rude", "be kind"): ["x ...", "y ..."]}, candidates=2)
    chain = revised(ai, "rude")
    assert chain.revision == "rude" and chain.revisions[0].proposal == "" and not chain.revisions[0].adopted


@pytest.mark.parametrize("candidates", [0, -2])
def test_there_must_be_a_candidate(candidates: int) -> None:
    with pytest.raises(ValueError, match=f"candidates.*{candidates}"):
        scripted({}, {}, candidates=candidates)


def test_answers_are_revised_alike_alone_and_together() -> None:
    table = {"rude": (0.9, 0.9, 0.0), "false": (0.0, 0.9, 0.0), "kind lie": (0.1, 0.8, 0.8), "long": (0, 0, 0.85)}
    script: Script = {
        ("rude", "be kind"): "kind lie", ("kind lie", "be true"): "rude", ("rude", "be true"): "long",
        ("false", "be true"): "false", ("long", "be brief"): "short", ("kind lie", "be brief"): "short",
    }  # fmt: skip
    responses = ["rude", "fine", "false", "long", "rude", "kind lie"]
    together = scripted(table, script)[0].revise(["question"] * 6, responses, torch.Generator())
    assert together == [revised(scripted(table, script)[0], response) for response in responses]
    assert [len(chain.revisions) for chain in together] != [0] * 6


@pytest.fixture
def untaught(each_assets: LanguageAssets) -> Callable[[int], ConstitutionalAI]:
    """The shipped judges with a critic that has learnt nothing."""
    grammar = each_assets.grammar
    tokenizer = critic_tokenizer(grammar)
    config = critic_config(each_assets.model.config, len(tokenizer))
    critic = Critic(MiniLM(config, torch.Generator().manual_seed(0)).eval(), tokenizer, grammar)
    judge = ConstitutionJudge(default_constitution(each_assets.language), each_assets.extractor("attributes"), grammar)
    return lambda candidates: ConstitutionalAI(judge, critic, candidates=candidates)


def test_an_untaught_critic_makes_no_answer_worse(
    each_assets: LanguageAssets, untaught: Callable[[int], ConstitutionalAI]
) -> None:
    """Whatever it writes, a round is adopted only where the judge says so; the same seed writes the same."""
    ai, p = untaught(2), each_assets.grammar.phrases
    responses = [p.rude[0], p.flattery[0], p.overclaims[0], ""]
    prompts = [each_assets.grammar.neutral_prompt] * 4
    chains, again = (ai.revise(prompts, responses, torch.Generator().manual_seed(1)) for _ in range(2))
    assert chains == again
    for chain, response in zip(chains, responses, strict=True):
        assert len(chain.critiques) == 10 and chain.response == response
        for revision in chain.revisions:
            places = [p.name for p in ai.principles]
            assert revision.critique.score >= ai.sure[places.index(revision.critique.principle)]
            before, after = ai.judge.scores([chain.prompt] * 2, [revision.before, revision.proposal]).tolist()
            assert revision.adopted == (
                bool(revision.proposal) and revision.score_after < revision.critique.score and after > before
            )
            words = ai.critic.words
            assert revision.critique.critique.startswith(words.violates)
    assert any(chain.revisions for chain in chains)


def test_an_untaught_critic_says_the_same_alone_and_in_company(
    each_assets: LanguageAssets, untaught: Callable[[int], ConstitutionalAI]
) -> None:
    ai, p = untaught(1), each_assets.grammar.phrases
    responses = [p.rude[0], f"{p.flattery[0]} {p.overclaims[0]}", p.extras[0]]
    prompts = [prompt.text for prompt in each_assets.grammar.split("train")[:300:100]]
    together = ai.revise(prompts, responses, torch.Generator(), 1)
    alone = [ai.revise([q], [r], torch.Generator(), 1)[0] for q, r in zip(prompts, responses, strict=True)]

    def said(chain: Chain) -> SimpleNamespace:
        return SimpleNamespace(
            critiques=[(c.principle, c.violated, c.critique) for c in chain.critiques],
            proposals=[r.proposal for r in chain.revisions],
            revision=chain.revision,
        )

    assert [said(chain) for chain in together] == [said(chain) for chain in alone]
