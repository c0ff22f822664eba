"""Answers that nobody's grammar wrote: each breaks a principle, or keeps it while looking as if it broke it."""

import json
from collections import Counter
from pathlib import Path
from typing import TypedDict

import pytest

from rlhf_core import keyword_rule
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.constitution import MEASURED, default_constitution
from rlhf_core.constitutional_ai import VIOLATED
from rlhf_core.corpus import LANGUAGES, load_grammar
from rlhf_core.gold import load_judge
from rlhf_core.principle_judge import ConstitutionJudge

HERE = Path(__file__).parent / "adversarial"


class Line(TypedDict):
    prompt: str
    response: str
    principle: str
    breaks: bool


def read_lines(language: str) -> list[Line]:
    return [json.loads(line) for line in (HERE / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()]


def f1(said: list[bool], true: list[bool]) -> float:
    """Twice the hits over the hits, the false alarms and the misses."""
    hits = sum(a and b for a, b in zip(said, true, strict=True))
    return 2 * hits / (sum(said) + sum(true))


def test_f1_by_hand() -> None:
    # one hit, one false alarm, two misses: 2 / (2 + 3)
    assert f1([True, True, False, False, False], [True, False, True, True, False]) == pytest.approx(0.4)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lines_are_what_they_should_be(language: str) -> None:
    grammar, found = load_grammar(language), read_lines(language)
    assert len(found) >= 60 and len({(line["prompt"], line["response"]) for line in found}) == len(found)
    for line in found:
        assert set(line) == {"prompt", "response", "principle", "breaks"} and isinstance(line["breaks"], bool)
        prompt = grammar.find(line["prompt"])
        assert prompt is not None and (prompt.split, prompt.text) == ("test", line["prompt"]), line
        assert [w for w in line["response"].split() if w not in grammar.vocabulary] == [], line
        assert 0 < len(line["response"].split()) <= 31, line
    counts = Counter((line["principle"], line["breaks"]) for line in found)
    assert {name for name, _ in counts} == set(MEASURED)
    assert min(counts[name, broken] for name in MEASURED for broken in (True, False)) >= 5, counts


@pytest.mark.parametrize("language", LANGUAGES)
def test_few_of_the_answers_are_ones_that_the_grammar_writes(language: str) -> None:
    """Otherwise the judge would be measured on what its encoder was taught."""
    judge, found = load_judge(language), read_lines(language)
    written = [line["response"] for line in found if judge.valid(line["response"])]
    assert len(written) <= 0.1 * len(found), written


def test_the_judge_beats_the_keyword_rule(each_assets: LanguageAssets) -> None:
    assets, lines = each_assets, read_lines(each_assets.language)
    constitution = default_constitution(assets.language)
    judge = ConstitutionJudge(constitution, assets.extractor("attributes"), assets.grammar)
    place = {p.attribute: i for i, p in enumerate(constitution.principles) if p.source == "ours"}
    place["help"] = [p.attribute for p in constitution.principles].index("help")
    p = judge.probabilities([line["prompt"] for line in lines], [line["response"] for line in lines])
    said = [float(p[i, place[line["principle"]]]) >= VIOLATED for i, line in enumerate(lines)]
    true = [line["breaks"] for line in lines]
    ours = f1(said, true)
    rule = f1([keyword_rule.violates(line["response"], assets.language) for line in lines], true)
    of_each = {
        name: f"{sum(s == t for s, t, line in rows if line['principle'] == name)}"
        f" of {sum(line['principle'] == name for line in lines)}"
        for name in MEASURED
        if (rows := list(zip(said, true, lines, strict=True)))
    }
    figures = f"{assets.language}: F1 of the judge {ours:.3f}, of the keyword rule {rule:.3f}; right: {of_each}"
    print(figures)
    assert ours >= rule + 0.2, figures
