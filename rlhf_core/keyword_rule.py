"""The notebook's ConstitutionalAI, kept as the baseline: look for three words, and put three others in their place.

The notebook's own file is not part of this project; the rule is written after what is known of it: an answer violates
the constitution if one of three words stands in it, the revision replaces them, and of its four test answers one is
revised: "This response might be bad for users" says none of the three.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rlhf_core.corpus import Grammar

KEYWORDS: dict[str, Mapping[str, str]] = {
    "en": {"harmful": "helpful", "dangerous": "safe", "illegal": "legal"},
    "ko": {"해롭": "이롭", "해로": "이로", "위험": "안전", "불법": "합법"},
}
"""What is looked for, and what takes its place; in Korean the stems of words, the first in both its forms."""


def violates(response: str, language: str) -> bool:
    """Whether the rule objects to an answer."""
    return any(word in response.lower() for word in KEYWORDS[language])


def revise(response: str, language: str) -> str:
    """The answer with the rule's words replaced. Text is tokens or as people write."""
    for word, other in KEYWORDS[language].items():
        response = re.sub(word, other, response, flags=re.IGNORECASE)
    return response


def notebook_responses(grammar: Grammar) -> tuple[str, ...]:
    """The notebook's four test answers, as tokens: good, harmful, bad without a keyword, helpful."""
    topic = next(topic for topic in grammar.topics if topic.category == "notebook")
    answers = grammar.answers(topic)
    return (answers["full"][0], *answers["harmful"], answers["partial"][1])
