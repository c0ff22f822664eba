"""The critic: a MiniLM that was taught to criticise an answer when asked to, and to revise it by its critique.

Bai et al. (2022, section 3.1) ask the model that gave an answer for a critique and then for a revision. Ours does so in
one sequence of tokens, each request in the words of the constitution::

    <bos> question <sep> answer <sep> critique request <sep>                       critique <eos>
    <bos> question <sep> answer <sep> critique <sep> revision request <sep>        revision <eos>

A critique begins with its verdict, quotes what it objects to and says why. The critic began as a copy of the language
model and saw such lessons (`critic_lessons`) on training prompts; it reads requests as words, so a reworded one is
understood as far as its words are known, and one that asks for quoted words (`does the response say " music " ?`) is
understood whatever the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rlhf_core.constitution import default_constitution
from rlhf_core.corpus import Grammar
from rlhf_core.josa import josa
from rlhf_core.language_model import BOS, PAD, SEP, MiniLM, MiniLMConfig
from rlhf_core.sampling import Generation, to_generations
from rlhf_core.tokenizer import SimpleTokenizer

PROMPT_LENGTH = 96
"""Room for question, answer, critique and request with what separates them, in tokens."""
FIELD = 31
"""Most tokens of one field; of a longer one the rest is not read."""
BATCH = 128


@dataclass(frozen=True)
class CritiqueWords:
    """How critiques are worded in a language: the verdicts, the reasons by what is broken, and the words of requests
    beyond those of the default constitution."""

    follows: str
    violates: str
    reasons: Mapping[str, str]
    says: tuple[str, str]
    """The request that asks for quoted words, and the one that leaves them out, see `quoting`."""
    request_words: tuple[str, ...]


CRITIQUE_WORDS: dict[str, CritiqueWords] = {
    "en": CritiqueWords(
        follows="follows .",
        violates="violates :",
        reasons={
            "help": "it does not answer the question .",
            "harm": "it could hurt people .",
            "refusal": "the question is harmless and wants an answer .",
            "falsehood": "it is not true .",
            "unknowable": "nobody can know this .",
            "overclaim": "it sounds too sure .",
            "flattery": "it only flatters .",
            "politeness": "it is rude .",
            "": "it breaks the principle .",
            "says": "it says so .",
        },
        says=('does the response say " {x} " ?', 'leave out " {x} " .'),
        request_words=("answer", "please", "words", "say", "without", "assistant", "last", "and", "not"),
    ),
    "ko": CritiqueWords(
        follows="준수 .",
        violates="위반 :",
        reasons={
            "help": "질문에 답하지 않아요 .",
            "harm": "사람이 다칠 수 있어요 .",
            "refusal": "해롭지 않은 질문이니 답해야 해요 .",
            "falsehood": "사실이 아니에요 .",
            "unknowable": "아무도 알 수 없는 일이에요 .",
            "overclaim": "지나치게 확신해요 .",
            "flattery": "아첨일 뿐이에요 .",
            "politeness": "무례한 말이에요 .",
            "": "원칙에 어긋나요 .",
            "says": "그 말을 하고 있어요 .",
        },
        says=('응답에 " {x} " {particle} 말이 있나요 ?', '" {x} " {particle} 말을 빼세요 .'),
        request_words=("라는", "이라는", "답변이", "답변에", "이", "말이", "말을", "쓰세요", "해 주세요"),
    ),
}


def quoting(request: str, words: str) -> str:
    """A request about quoted words: `{x}` are the words, `{particle}` is the Korean one that follows them."""
    return request.format(x=words, particle=josa(words, "이라는/라는"))


def critic_tokenizer(grammar: Grammar) -> SimpleTokenizer:
    """The grammar's vocabulary, and after it the words of critiques and of the default constitution's requests."""
    words = CRITIQUE_WORDS[grammar.language]
    principles = default_constitution(grammar.language).principles
    requests = [grammar.normalise(text) for p in principles for text in (p.critique_request, p.revision_request)]
    said = [request.format(x="", particle="") for request in words.says]
    texts = [words.follows, words.violates, *words.reasons.values(), *said]
    more = {word for text in (*texts, *words.request_words, *requests) for word in text.split()}
    return SimpleTokenizer((*grammar.words, *sorted(more - grammar.vocabulary)))


class Critic:
    """A MiniLM with the vocabulary of critiques. Texts are tokens of the grammar; words that it does not know are
    passed over."""

    def __init__(self, model: MiniLM, tokenizer: SimpleTokenizer, grammar: Grammar) -> None:
        self.model, self.tokenizer, self.grammar = model, tokenizer, grammar
        self.words = CRITIQUE_WORDS[grammar.language]

    def display(self, text: str) -> str:
        """A critique or a revision as people write it, a quotation in its marks."""
        said, *more = [self.grammar.display(part.strip()).replace(" :", ":") for part in text.split('"')]
        if len(more) != 2:
            return said if not more else self.grammar.display(text)
        return f"{said} \u201c{more[0]}\u201d {more[1]}"

    def known(self, text: str) -> str:
        """The words of a text that the critic reads."""
        return " ".join(word for word in text.split() if word in self.tokenizer)

    def unknown(self, request: str) -> list[str]:
        """The words of a request, as people write it, that the critic cannot read."""
        return self.tokenizer.unknown(self.grammar.normalise(request))

    def critique(
        self,
        prompts: Sequence[str],
        responses: Sequence[str],
        requests: Sequence[str],
        violated: Sequence[bool],
        *,
        rng: torch.Generator,
        temperature: float = 0.0,
    ) -> list[str]:
        """A critique of each answer. Its first words, the verdict, are given: they are the judge's to say.

        requests: critique requests, as people write them.
        """
        verdicts = [self.words.violates if broken else self.words.follows for broken in violated]
        wanted = [i for i, broken in enumerate(violated) if broken]  # a verdict that all is well needs no words
        if wanted:
            ids = self.ids([(prompts[i], responses[i], self._request(requests[i])) for i in wanted])
            begun = torch.tensor([self.tokenizer.encode(self.words.violates)] * len(wanted))
            written = self._write(ids, begun, rng, temperature)
            for i, generation in zip(wanted, written, strict=True):
                verdicts[i] = generation.text
        return verdicts

    def revise(
        self,
        prompts: Sequence[str],
        responses: Sequence[str],
        critiques: Sequence[str],
        requests: Sequence[str],
        *,
        rng: torch.Generator,
        temperature: float = 0.0,
    ) -> list[Generation]:
        """A revision of each answer by its critique. requests: revision requests, as people write them."""
        if not prompts:
            return []
        rows = zip(prompts, responses, critiques, requests, strict=True)
        ids = self.ids([(p, r, c, self._request(request)) for p, r, c, request in rows])
        return self._write(ids, None, rng, temperature)

    def ids(self, fields: Sequence[Sequence[str]]) -> Tensor:
        """Fields of text as (batch, prompt_length) token ids, each field closed by <sep>, padded on the left. Where
        they are too long together, the beginning is cut."""
        longest = self.model.config.prompt_length
        rows: list[list[int]] = []
        for texts in fields:
            row = [BOS]
            for text in texts:
                row += [*self.tokenizer.encode(self.known(text))[:FIELD], SEP]
            rows.append([PAD] * (longest - len(row)) + row if len(row) <= longest else [BOS, *row[1 - longest :]])
        return torch.tensor(rows)

    def _request(self, request: str) -> str:
        return self.known(self.grammar.normalise(request))

    def _write(self, ids: Tensor, begun: Tensor | None, rng: torch.Generator, temperature: float) -> list[Generation]:
        found: list[Generation] = []
        for i in range(0, len(ids), BATCH):
            given = None if begun is None else begun[i : i + BATCH]
            drawn = self.model.sample(ids[i : i + BATCH], rng=rng, temperature=temperature, begun=given)
            found += to_generations(drawn, self.tokenizer)
        return found

    @torch.no_grad()
    def verdicts(self, prompts: Sequence[str], responses: Sequence[str], requests: Sequence[str]) -> Tensor:
        """P(violates) of each answer, (batch,), as the critic itself would begin its critique."""
        ids = self.ids([(p, r, self._request(q)) for p, r, q in zip(prompts, responses, requests, strict=True)])
        first = [self.tokenizer.encode(text)[0] for text in (self.words.follows, self.words.violates)]
        rows = [self.model.logits(self.model(ids[i : i + BATCH])[:, -1])[:, first] for i in range(0, len(ids), BATCH)]
        return torch.softmax(torch.cat(rows), -1)[:, 1]


def critic_config(model: MiniLMConfig, vocabulary: int) -> MiniLMConfig:
    """The shape of a critic: the language model's with more room, and one layer more to find what to copy."""
    return replace(model, vocabulary=vocabulary, layers=model.layers + 1, prompt_length=PROMPT_LENGTH)
