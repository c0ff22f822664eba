"""The corpus: a grammar of assistant dialogue, small enough to learn in a minute and rich enough to have taste in.

A `Grammar` knows its prompts, can answer each of them well or badly in many ways, and can say of any sentence whether
it is one of its own. It is all that the rest of the package knows of a language: `corpus_english.py` and
`corpus_korean.py` are the grammars behind this interface. Text inside the package is a string of lower-case tokens
separated by single spaces (``"how do i make tea ?"``); `Grammar.display` turns it into what people write and
`Grammar.normalise` turns that back.

A response is assembled from independent parts, as an answer of a real assistant could be::

    [style lead] [flattery] [rude or polite opener] core [extra] [overclaim or hedge] [polite closer]

so helpfulness, harm, honesty, politeness, flattery, length and style vary independently of one another, which is what
makes each of them something that a person can prefer and a reward model can learn.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

CATEGORIES = (
    "howto",
    "safe",
    "unsafe",
    "capital",
    "colour",
    "unknowable",
    "harmful",
    "claim",
    "feeling",
    "notebook",
)
LANGUAGES = ("en", "ko")
SPLITS = ("train", "validation", "test")
MAX_RESPONSE_WORDS = 31
"""Longest response in tokens, its end-of-sequence token not counted."""


@dataclass(frozen=True)
class Topic:
    """What a prompt is about, with the facts that decide whether an answer to it is good.

    facts by category: howto, the steps in their order; safe and unsafe, the reason; capital and colour, the one right
    answer; unknowable, the guesses that nobody can back; harmful, the steps that must not be told; claim, what is true;
    feeling, advice that fits. In Korean keys and facts that are verb phrases stand in dictionary form. `true` says of a
    claim whether it holds.
    """

    category: str
    key: str
    facts: tuple[str, ...]
    true: bool = True


@dataclass(frozen=True)
class Prompt:
    """One question. Its split follows from the combination (opening, form, topic), so a test prompt is a combination
    that nothing was ever trained on, made of parts that were."""

    text: str
    topic: Topic
    opening: str
    form: str
    split: str

    @property
    def category(self) -> str:
        return self.topic.category


@dataclass(frozen=True)
class Core:
    """The part of a response that answers the question.

    quality: "full", "partial", "off" (not an answer, or a wrong one) or "harmful".
    """

    text: str
    quality: str


@dataclass(frozen=True)
class Phrases:
    """The fixed sentences of a grammar, and the words by which its judge recognises what a sentence does."""

    polite_openers: tuple[str, ...]
    polite_closers: tuple[str, ...]
    rude: tuple[str, ...]
    flattery: tuple[str, ...]
    hedges: tuple[str, ...]
    overclaims: tuple[str, ...]
    extras: tuple[str, ...]
    refusals: tuple[str, ...]
    refusal_reasons: tuple[str, ...]
    alternatives: tuple[str, ...]
    agreement: tuple[str, ...]
    disagreement: tuple[str, ...]
    sympathy: tuple[str, ...]
    doubt: tuple[str, ...]
    nobody_knows: tuple[str, ...]
    blind_agreement: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """A way of talking: a butler's or a pirate's in English, a speech level in Korean.

    `words` maps a plain word to the style's; `leads` are sentences that may stand first; `address` closes the last
    sentence of the core (", sir"). `shared` names the words of its leads that other styles use as well; `own` adds
    words that only this style uses and that stand for no plain one.
    """

    name: str
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    leads: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    shared: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    @cached_property
    def markers(self) -> frozenset[str]:
        """Every word that only this style uses."""
        lead_words = {w for lead in self.leads for w in lead.split() if w.isalpha()}
        return frozenset({*self.words.values(), *self.address, *self.own} | (lead_words - self.shared))


Facts = Mapping[str, str]
"""What a topic's key is about, with its one fact; `FactLists`: with several."""
FactLists = Mapping[str, tuple[str, ...]]


def topics_of(
    *, howto: FactLists, safe: Facts, unsafe: Facts, capital: Facts, colour: Facts, unknowable: FactLists,
    harmful: FactLists, claim: Mapping[str, tuple[str, bool]], feeling: FactLists, notebook: Facts,
) -> tuple[Topic, ...]:  # fmt: skip
    """The topics of a grammar from its tables, category by category, see `Topic`."""
    several = {"howto": howto, "unknowable": unknowable, "harmful": harmful, "feeling": feeling}
    one = {"safe": safe, "unsafe": unsafe, "capital": capital, "colour": colour, "notebook": notebook}
    of_category: dict[str, list[Topic]] = {
        "claim": [Topic("claim", key, (fact,), true) for key, (fact, true) in claim.items()],
        **{name: [Topic(name, key, facts) for key, facts in table.items()] for name, table in several.items()},
        **{name: [Topic(name, key, (fact,)) for key, fact in table.items()] for name, table in one.items()},
    }
    return tuple(topic for category in CATEGORIES for topic in of_category[category])


def split_sentences(text: str) -> list[str]:
    """Cut tokens into sentences; each keeps its closing mark, a last one may lack it."""
    return [s.strip() for s in re.findall(r"[^.!?]*[.!?]|[^.!?]+$", text) if s.strip()]


def straight_quotes(text: str) -> str:
    """The text with its curly quotation marks straight."""
    return re.sub("[\u201c\u201d]", '"', text)


def split_of(opening: str, form: str, topic: Topic) -> str:
    """80 % train, 8 % validation, 12 % test, decided by a hash of the combination: fixed for ever, on every machine."""
    digest = hashlib.sha256(f"{opening}|{form}|{topic.category}|{topic.key}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    return "train" if share < 0.80 else "validation" if share < 0.88 else "test"


class Grammar:
    """A language's prompts and responses. Subclasses supply the tables; everything else is the same in any language."""

    language: str
    topics: tuple[Topic, ...]
    openings: tuple[str, ...]
    forms: Mapping[str, tuple[str, ...]]
    phrases: Phrases
    styles: Mapping[str, Style]
    """By name, "plain" first: the one that people expect."""
    style_weights: tuple[float, ...]
    """How often the grammar speaks in each style."""
    rude_style: str | None = None
    """The style that is rude in itself, and that rudeness is said in."""
    comfortable_length: int
    """Words beyond this count towards the attribute "length", in tens."""
    neutral_prompt: str
    """A question that asks for nothing in particular, for pointwise mutual information."""

    alarming: frozenset[str]
    """Keys of harmless topics that sound alarming: a model that refuses by the sound of a question refuses these."""

    # What a language has to say for itself.

    def answers(self, topic: Topic) -> Mapping[str, Sequence[str]]:
        """Every core that may answer a topic, the bad ones included, by its quality (see `Core`)."""
        raise NotImplementedError

    def normalise(self, text: str) -> str:
        """Typed text as tokens: lower case, punctuation apart. Unknown words are left for the tokenizer to name."""
        raise NotImplementedError

    def display(self, text: str) -> str:
        """Tokens as people write them."""
        raise NotImplementedError

    def fill(self, form: str, key: str) -> str:
        """A question about a topic: its key in a form of asking."""
        return form.format(x=key)

    def canonical(self, sentence: str) -> str:
        """A sentence as its judge compares it with others: the same words whatever its style and grammatical form."""
        raise NotImplementedError

    def style_share(self, style: str, sentences: Sequence[str]) -> float:
        """How much of a response is in a style, in [0, 1]."""
        raise NotImplementedError

    # What it knows of how people type it, see `rlhf_core.reading`.

    courtesies: tuple[str, ...] = ()
    """Words that may stand before or after a question and ask nothing."""
    light: frozenset[str] = frozenset()
    """Words that a question may have or lack without asking anything else."""
    paraphrases: Mapping[str, tuple[str, ...]] = {}
    """Other forms of asking, by the form that each is read as; the model never saw them."""
    shortest_slip: int = 5
    """Shorter words, in letters, are too much alike for a slip of the finger to be seen in them."""

    def spell_out(self, text: str) -> str:
        """Lower-case text with its contractions and variant spellings as the vocabulary has them."""
        return text

    def stems(self, word: str) -> frozenset[str]:
        """The words of which a word may be a form, itself included: words that share one are forms of each other."""
        return frozenset({word})

    def deed(self, key: str) -> str:
        """The word of a topic's key that says what is done."""
        return key.split()[0]

    def letters(self, word: str) -> str:
        """What a finger can slip on."""
        return word

    # What follows from it.

    def cores(self, topic: Topic) -> Sequence[Core]:
        """Every core that may answer a topic."""
        return tuple(Core(text, quality) for quality, texts in self.answers(topic).items() for text in texts)

    @cached_property
    def prompts(self) -> tuple[Prompt, ...]:
        """All prompts: every opening with every form of a category with every topic of it."""
        found: dict[str, Prompt] = {}
        for topic in self.topics:
            for form in self.forms[topic.category]:
                for opening in self.openings:
                    text = f"{opening} {self.fill(form, topic.key)}".strip()
                    found.setdefault(text, Prompt(text, topic, opening, form, split_of(opening, form, topic)))
        return tuple(found.values())

    @cached_property
    def _prompt_by_text(self) -> dict[str, Prompt]:
        return {prompt.text: prompt for prompt in self.prompts}

    def split(self, name: str) -> tuple[Prompt, ...]:
        """The prompts of one split: "train", "validation" or "test"."""
        if name not in SPLITS:
            raise ValueError(f"There is no split {name!r}; choose one of {', '.join(SPLITS)}.")
        return tuple(prompt for prompt in self.prompts if prompt.split == name)

    def find(self, text: str) -> Prompt | None:
        """The prompt that a typed text is, or None where the grammar has no such prompt."""
        return self._prompt_by_text.get(text) or self._prompt_by_text.get(self.normalise(text))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The vocabulary in a fixed order: every word of every prompt and of every sentence."""
        texts = [prompt.text for prompt in self.prompts]
        return tuple(sorted({w for text in (*texts, *self.sentences) for w in text.split()}))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The same words, to look one up."""
        return frozenset(self.words)

    @cached_property
    def sentences(self) -> frozenset[str]:
        """Every sentence that the grammar can produce, in every style."""
        p = self.phrases
        core_sentences = {
            s for topic in self.topics for core in self.cores(topic) for s in split_sentences(core.text)
        }
        fixed = {
            *p.polite_openers, *p.polite_closers, *p.rude, *p.flattery, *p.hedges, *p.overclaims, *p.extras
        }  # fmt: skip
        found: set[str] = set()
        for style in self.styles.values():
            found.update(style.leads)
            found.update(restyle(s, style) for s in core_sentences | fixed)
            found.update(addressed(restyle(s, style), a) for s in core_sentences for a in style.address)
        return frozenset(found)

    def respond(self, topic: Topic, rng: random.Random) -> str:
        """Draw one response to a topic, good or bad, from the whole range of what the grammar can say.

        rng: the caller's own generator. Returns at most `MAX_RESPONSE_WORDS` tokens.
        """
        p = self.phrases
        style = self.styles[rng.choices(tuple(self.styles), self.style_weights)[0]]
        manner = rng.choices(("rude", "neutral", "opener", "closer", "both"), (0.15, 0.50, 0.15, 0.12, 0.08))[0]
        if manner == "rude" and self.rude_style:
            style = self.styles[self.rude_style]
        honesty = rng.choices(("overclaim", "neutral", "hedge"), (0.20, 0.65, 0.15))[0]
        before: list[str] = []
        if style.leads and rng.random() < 0.6:
            before.append(rng.choice(style.leads))
        manners = rng.sample(p.flattery, rng.choices((0, 1, 2), (0.75, 0.18, 0.07))[0])
        if manner == "rude":
            manners.append(rng.choice(p.rude))
        if manner in ("opener", "both"):
            manners.append(rng.choice(p.polite_openers))
        before += [restyle(s, style) for s in manners]
        core = restyle(self._draw_core(topic, rng), style)
        if style.address and (not before or rng.random() < 0.6):
            *rest, last = split_sentences(core)
            core = " ".join([*rest, addressed(last, rng.choice(style.address))])
        after = rng.sample(p.extras, rng.choices((0, 1, 2), (0.70, 0.20, 0.10))[0])
        if honesty == "overclaim":
            after.append(rng.choice(p.overclaims))
        if honesty == "hedge":
            after.append(rng.choice(p.hedges))
        if manner in ("closer", "both"):
            after.append(rng.choice(p.polite_closers))
        return fit([*before, core, *(restyle(s, style) for s in after)], required=core)

    def _draw_core(self, topic: Topic, rng: random.Random) -> str:
        if topic not in self._answers:
            self._answers[topic] = self.answers(topic)
        texts = self._answers[topic]
        if "harmful" in texts and rng.random() < 0.4:
            return rng.choice(texts["harmful"])
        return rng.choice(texts[rng.choices(("off", "partial", "full"), (0.40, 0.35, 0.25))[0]])

    @cached_property
    def _answers(self) -> dict[Topic, Mapping[str, Sequence[str]]]:
        return {}


def restyle(text: str, style: Style) -> str:
    """Say a plain text in a style, word by word."""
    if not style.words:
        return text
    return " ".join(style.words.get(w, w) for w in text.split())


def addressed(sentence: str, address: str) -> str:
    """Close a sentence with an address: "it is easy ." and "sir" give "it is easy , sir ."."""
    return f"{sentence[:-2]} , {address} {sentence[-1]}"


def fit(parts: Sequence[str], required: str) -> str:
    """Join the parts that fit into `MAX_RESPONSE_WORDS`, always keeping the required one."""
    room = MAX_RESPONSE_WORDS - len(required.split())
    kept: list[str] = []
    for part in parts:
        length = 0 if part is required else len(part.split())
        if length <= room:
            kept.append(part)
            room -= length
    return " ".join(kept)


def has_phrase(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the text, at word boundaries."""
    return f" {phrase} " in f" {text} "


def count_phrases(text: str, phrases: Iterable[str]) -> int:
    """How many of the phrases stand in the text."""
    return sum(has_phrase(text, phrase) for phrase in phrases)


@lru_cache
def load_grammar(language: str = "en") -> Grammar:
    """The grammar of a language, built once. ValueError for a language that has none."""
    from rlhf_core.corpus_english import EnglishGrammar
    from rlhf_core.corpus_korean import KoreanGrammar

    for grammar in (EnglishGrammar, KoreanGrammar):
        if grammar.language == language:
            return grammar()
    raise ValueError(f"There is no grammar for the language {language!r}; choose one of {', '.join(LANGUAGES)}.")
