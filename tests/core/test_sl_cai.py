import io
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.constitution import default_constitution
from rlhf_core.constitutional_ai import ConstitutionalAI
from rlhf_core.gold import ALARMING
from rlhf_core.principle_judge import ConstitutionJudge
from rlhf_core.sampling import Generation
from rlhf_core.sl_cai import SLCAIConfig, SLCAIMetrics, SLCAITrainer

SMALL = SLCAIConfig(questions=6, updates=2, batch_size=8, rounds=2)


class RefusingCritic:
    """Revises whatever violates into one and the same refusal, and says so."""

    def __init__(self, text: str) -> None:
        self.text = text

    def critique(self, prompts: Sequence[str], *rest: Any, **_: Any) -> list[str]:
        return ["violates :" if broken else "follows ." for broken in rest[2]]

    def revise(self, prompts: Sequence[str], *_: Any, **__: Any) -> list[Generation]:
        words = tuple(self.text.split())
        return [Generation(self.text, words, (0.0,) * len(words), True) for _ in prompts]


@pytest.fixture(scope="module")
def ai(assets: LanguageAssets) -> ConstitutionalAI:
    judge = ConstitutionJudge(default_constitution("en"), assets.extractor("attributes"), assets.grammar)
    critic: Any = RefusingCritic("sorry , i will not do that . it could hurt people .")
    return ConstitutionalAI(judge, critic)


def trainer(assets: LanguageAssets, ai: ConstitutionalAI, seed: int = 1, config: SLCAIConfig = SMALL) -> SLCAITrainer:
    return SLCAITrainer(assets.model, ai, assets.grammar.split("train"), assets.tokenizer, config, seed)


def curve(metrics: Sequence[SLCAIMetrics]) -> list[dict[str, Any]]:
    """What was measured, but for the clock."""
    return [{name: value for name, value in asdict(m).items() if name != "cpu_seconds"} for m in metrics]


def weights(t: SLCAITrainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in t.policy.parameters()])


def test_a_seed_names_a_run(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    first, second, other = (trainer(assets, ai, seed) for seed in (1, 1, 2))
    curves = [curve([t.step() for _ in range(3)]) for t in (first, second, other)]
    assert curves[0] == curves[1] != curves[2]
    assert torch.equal(weights(first), weights(second)) and not torch.equal(weights(first), weights(other))


def test_a_saved_run_goes_on_as_if_it_had_not_stopped(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    whole = trainer(assets, ai)
    expected = [whole.step() for _ in range(4)]
    stopped = trainer(assets, ai)
    found = [stopped.step(), stopped.step()]
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    stopped.step()  # what comes after saving is not in the file
    file.seek(0)
    resumed = trainer(assets, ai, seed=99)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    seconds = resumed.cpu_seconds
    found += [resumed.step(), resumed.step()]
    assert curve(found) == curve(expected)
    assert torch.equal(weights(resumed), weights(whole)) and resumed.learnt == whole.learnt
    assert found[2].cpu_seconds > seconds > 0


def test_the_policy_moves_and_the_start_does_not(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    before = {name: value.clone() for name, value in assets.model.state_dict().items()}
    t = trainer(assets, ai)
    t.step()
    assert all(torch.equal(value, before[name]) for name, value in assets.model.state_dict().items())
    moved = [name for name, value in t.policy.state_dict().items() if not torch.equal(value, before[name])]
    assert set(moved) == set(before) and not any(p.requires_grad for p in assets.model.parameters())


def test_it_learns_what_the_revisions_say(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    """The critic turns what violates into a refusal; so the policy comes to refuse what the start tells."""
    t = trainer(assets, ai, config=replace(SMALL, questions=16, updates=8, red_team_share=1.0, batch_size=32))
    metrics = [t.step() for _ in range(5)]
    assert metrics[-1].loss < 0.7 * metrics[0].loss
    prompts = [p for p in assets.grammar.split("train") if p.category == "harmful"][::8]
    harm: list[float] = []
    for model in (t.start, t.policy):
        rng = torch.Generator().manual_seed(3)
        said = model.generate([p.text for p in prompts], tokenizer=assets.tokenizer, rng=rng)
        read = [assets.judge.attributes(p, g.text, g.ended)["harm"] for p, g in zip(prompts, said, strict=True)]
        harm.append(sum(read) / len(read))
    assert harm[0] > 0.2 and harm[1] < 0.5 * harm[0], harm


@pytest.mark.parametrize(("share", "red"), [(0.0, 0), (0.5, 3), (1.0, 6)])
def test_the_share_of_red_team_questions(assets: LanguageAssets, ai: ConstitutionalAI, share: float, red: int) -> None:
    t = trainer(assets, ai, config=replace(SMALL, red_team_share=share))
    t.step()
    asked = [assets.grammar.find(chain.prompt) for chain in t.chains]
    assert sum(prompt is not None and prompt.category in ALARMING for prompt in asked) == red
    assert len(asked) == 6 and {prompt and prompt.split for prompt in asked} == {"train"}


@pytest.mark.parametrize(("share", "alarming"), [(0.0, False), (1.0, True)])
def test_a_run_needs_only_the_questions_that_it_asks(
    assets: LanguageAssets, ai: ConstitutionalAI, share: float, alarming: bool
) -> None:
    """All questions harmless, or all alarming: of the other kind there need be none."""
    prompts = [p for p in assets.grammar.split("train") if (p.category in ALARMING) == alarming]
    config = replace(SMALL, red_team_share=share)
    assert SLCAITrainer(assets.model, ai, prompts, assets.tokenizer, config, 1).step().step == 1


def test_what_a_step_measured(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    t = trainer(assets, ai, config=replace(SMALL, questions=24))
    first, second = t.step(), t.step()
    n = len(t.chains)
    assert (first.step, second.step, first.revisions, second.revisions) == (1, 2, 24, 48)
    assert second.violations_before == sum(any(c.violated for c in chain.critiques) for chain in t.chains) / n
    assert second.revised_share == sum(chain.response != chain.revision for chain in t.chains) / n
    after = ai.critiques([c.prompt for c in t.chains], [c.revision for c in t.chains], torch.Generator())
    assert second.violations_after == pytest.approx(sum(any(c.violated for c in found) for found in after) / n)
    assert 0 < second.violations_after <= second.violations_before
    assert t.learnt[24:] == [(chain.prompt, chain.revision) for chain in t.chains]


def test_a_config_holds_from_the_step_that_it_is_given_at(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    t = trainer(assets, ai)
    t.step(replace(SMALL, questions=4, learning_rate=1e-9))
    assert len(t.chains) == 4
    before = weights(t)
    t.step()
    assert len(t.chains) == 4
    assert float((weights(t) - before).abs().max()) < 1e-6


def test_answers_without_a_word_are_not_learnt(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    """A model that says nothing leaves nothing to learn; that is no reason to fall over."""
    t = trainer(assets, ai)

    def silent(prompts: Sequence[str], **_: Any) -> list[Generation]:
        return [Generation("", ("<eos>",), (0.0,), True) for _ in prompts]

    t.start = type("Silent", (), {"generate": staticmethod(silent)})()  # type: ignore[assignment]
    mute: Any = RefusingCritic("")
    t.ai = ConstitutionalAI(ai.judge, mute)
    assert t.step().revisions == 0 and t.learnt == []


def test_answers_that_come_to_no_end_are_not_asked_about(assets: LanguageAssets, ai: ConstitutionalAI) -> None:
    t = trainer(assets, ai)

    def rambling(prompts: Sequence[str], **_: Any) -> list[Generation]:
        return [Generation("take your time .", ("take",), (0.0,), i % 2 == 0) for i in range(len(prompts))]

    t.start = type("Rambling", (), {"generate": staticmethod(rambling)})()  # type: ignore[assignment]
    assert t.step().revisions == len(t.chains) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0), ("learning_rate", -1.0), ("learning_rate", float("nan")),
        ("learning_rate", float("inf")), ("max_grad_norm", 0.0), ("max_grad_norm", float("nan")),
        ("questions", 0), ("rounds", 0), ("updates", 0), ("batch_size", -3),
        ("red_team_share", -0.1), ("red_team_share", 1.1), ("red_team_share", float("nan")),
    ],
)  # fmt: skip
def test_a_config_refuses_what_makes_no_sense(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name}.*{value}"):
        SLCAIConfig(**{name: value})
