"""Reading what people type: `read(grammar, "Whats the captial of Frence")` is "what is the capital of france ?".

A model knows a few hundred words and nothing else, and people neither know which nor type them as a table would. A text
is met half-way, in this order: what is no word at all (case, marks, spacing, contractions) is settled first; then the
whole is compared with every prompt and its paraphrases, each word standing for its inflections and its slips of the
finger; where it is no prompt, its unknown words are read one by one as far as that is unambiguous; what stays unknown
is named, and the nearest prompts are offered.

A word is only ever read as itself in another form or spelling, never as another word of similar meaning: "rob a bank"
is not "hack a bank", and a question about harm must not become a harmless one or the other way round.

What a language knows of its own forms is behind `Grammar.spell_out`, `stems`, `letters`, `courtesies`, `light`,
`paraphrases`, `shortest_slip` and `deed`.
"""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, count, pairwise

from rlhf_core.corpus import CATEGORIES, Grammar, Prompt, Topic

MAX_CHARACTERS = 1000
MAX_WORDS = 60
"""More than any model reads; what follows is not looked at, so that no text can keep a page busy."""
MAX_OFFERED = 3
LIKE = 0.1
"""The least likeness (a cosine) at which a prompt is worth offering; two random strings share a few letters too."""

SPACED, LIGHT, FORM, COURTESY, SLIP = 0.1, 0.4, 0.5, 0.5, 1.0
"""What it costs to read a text as a prompt: a space that is not the prompt's, a light word too many or too few, another
form of a word, a greeting that the prompt lacks, a slip of the finger."""

Changes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reading:
    """What was made of a typed text.

    text: the tokens that the model reads. prompt: the grammar's prompt that it is, if any. unknown: words that the
    vocabulary lacks. nearest: prompts of different topics to offer in its place. changed: typed word and word read,
    where more than case, spacing or marks differ; either is empty where a light word was left out or put in, and both
    are the whole where it was asked in other words.
    """

    text: str
    prompt: Prompt | None = None
    unknown: tuple[str, ...] = ()
    nearest: tuple[Prompt, ...] = ()
    changed: Changes = ()


def read(grammar: Grammar, typed: str) -> Reading:
    """Read a question. Takes any text whatever and never raises."""
    known = _lexicon(grammar)
    tokens = _tokens(known, typed)
    text = " ".join(tokens)
    if exact := known.prompt_by_text.get(text):
        return Reading(text, exact)
    if match := _as_prompt(known, [token for token in tokens if token not in known.marks]):
        prompt, changed = match
        return Reading(prompt.text, prompt, changed=changed)
    words = _word_by_word(known, tokens, known.asked)
    return Reading(words.text, None, words.unknown, _nearest(known, words.text), words.changed)


def read_words(grammar: Grammar, typed: str) -> Reading:
    """Read any other text, such as an answer: word by word, compared with no prompt."""
    known = _lexicon(grammar)
    return _word_by_word(known, _tokens(known, typed), known.said)


# Stage 1: what is no word.


def surface(typed: str) -> str:
    """The text without what the keyboard, the clipboard or an editor did to it.

    Full-width and half-width forms become plain ones and jamo become syllables (NFKC), accents fall from Latin letters,
    curly apostrophes become straight, marks stand once, drawn-out letters twice, and invisible characters and pictures
    go.
    """
    text = unicodedata.normalize("NFKC", typed[:MAX_CHARACTERS])[:MAX_CHARACTERS].lower()
    text = re.sub("[\u2018\u2019\u02bc\u00b4`]", "'", text)
    text = "".join(map(_plain, text))
    text = re.sub(r"([.,!?;:])(?:\s*\1)+", r"\1", text)
    text = re.sub(r"([a-z])\1{2,}", r"\1\1", text)
    return re.sub(r"[.!]*\?[.!?]*", "?", text)


def _plain(character: str) -> str:
    """One character of `surface`: itself, its Latin base letter, a space, or nothing."""
    if character < "\x7f":
        return character if character >= " " else " "
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me"):  # Zero-width joiners and the selectors of emoji stand inside words.
        return ""
    if category[0] in "CSZ" or "\u1100" <= character <= "\u11ff":  # Pictures; jamo that make no syllable: "ㅠㅠ".
        return " "
    base = unicodedata.normalize("NFD", character)[0]
    return base if base.isascii() else character


def _tokens(known: _Lexicon, typed: str) -> list[str]:
    """The tokens of a text, contractions written out; marks that the vocabulary lacks say nothing and go."""
    grammar = known.grammar
    tokens = grammar.normalise(grammar.spell_out(surface(typed))).split()
    return [token for token in tokens if token in known.words or any(map(str.isalnum, token))][:MAX_WORDS]


# What is known of a grammar.


@dataclass
class _Node:
    """A place in the tree of all prompts, word by word, marks left out."""

    children: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    prompt: Prompt | None = None
    paraphrase: bool = False
    """Whether what ends here asks for the prompt in other words."""


class _Lexicon:
    """A grammar's words and prompts, arranged for looking up; made once for each grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.words = grammar.vocabulary
        self.marks = frozenset(word for word in self.words if not any(map(str.isalnum, word)))
        self.prompt_by_text = {prompt.text: prompt for prompt in grammar.prompts}
        self.asked = Counter(word for prompt in grammar.prompts for word in prompt.text.split())
        self.said = Counter(word for sentence in grammar.sentences for word in sentence.split())
        texts = (*(prompt.text for prompt in grammar.prompts), *grammar.sentences)
        self.pairs = frozenset(pair for text in texts for pair in pairwise(text.split()))
        self.paraphrases = [
            (grammar.fill(form, prompt.topic.key), prompt)
            for prompt in grammar.prompts
            if not prompt.opening
            for form in grammar.paraphrases.get(prompt.form, ())
        ]
        self.readable = self.words | {word for text, _ in self.paraphrases for word in text.split()}
        """What a word may be read as where the whole is a prompt: the vocabulary, and the words of the paraphrases."""
        self.longest = max(map(len, self.readable)) + 6
        self.by_stem: dict[str, list[str]] = {}
        self.by_letter: dict[str, list[tuple[str, str]]] = {}
        for word in sorted(self.readable):
            for stem in grammar.stems(word):
                self.by_stem.setdefault(stem, []).append(word)
            letters = grammar.letters(word)
            self.by_letter.setdefault(letters[0], []).append((word, letters))
        self.courtesies = frozenset(courtesy.replace(" ", "") for courtesy in grammar.courtesies)
        self.root = self._tree()
        self._index_nearest()

    def _tree(self) -> _Node:
        root = _Node()
        asked = [*((prompt.text, prompt) for prompt in self.grammar.prompts), *self.paraphrases]
        for text, prompt in asked:
            node = root
            for word in text.split():
                if word not in self.marks:
                    node = node.children.setdefault(word, _Node())
            if node.prompt is None:
                node.prompt, node.paraphrase = prompt, text != prompt.text
        return root

    def same_stem(self, word: str) -> dict[str, None]:
        """The readable words that are the word in another form."""
        return {near: None for stem in sorted(self.grammar.stems(word)) for near in self.by_stem.get(stem, ())}

    def known_forms(self, word: str) -> dict[str, None]:
        """Those of them that the model knows."""
        return {near: None for near in self.same_stem(word) if near in self.words}

    def slips(self, word: str) -> list[str]:
        """The vocabulary's words of which an unknown word may be a slip of the finger.

        The first letter is hardly ever wrong, and short words are all alike: in them a letter may be doubled, lost from
        a double or out of place; one may be missing or too many from `shortest_slip` letters on, and another one in
        longer words only. A word that is correct and another ("steel") may still look like a slip, so this is asked
        only where all else is a prompt.
        """
        letters, shortest = self.grammar.letters(word), self.grammar.shortest_slip
        if len(letters) < 3 or any(map(str.isdigit, word)):
            return []
        least = {False: shortest, True: shortest + 1}
        return [
            other
            for other, spelt in self.by_letter.get(letters[0], ())
            if one_slip(letters, spelt)
            and (set(letters) == set(spelt) or len(letters) >= least[len(letters) == len(spelt)])
        ]

    def _index_nearest(self) -> None:
        """Features of the prompts without an opening, weighted by their rarity."""
        plain = [prompt for prompt in self.grammar.prompts if not prompt.opening]
        self.offers = [(prompt, self.features(prompt.text)) for prompt in plain]
        seen = Counter(feature for _, features in self.offers for feature in features)
        kinds = {prompt.category: prompt for prompt in reversed(plain) if prompt.category not in ("harmful", "unsafe")}
        self.samples = tuple(kinds[kind] for kind in CATEGORIES if kind in kinds)[:MAX_OFFERED]
        self.weight = {feature: self.rarity(feature, n) for feature, n in seen.items()}
        self.norm = [math.sqrt(sum(self.weight[f] ** 2 for f in features)) for _, features in self.offers]
        self.having: dict[str, list[int]] = {}
        for i, (_, features) in enumerate(self.offers):
            for feature in features:
                self.having.setdefault(feature, []).append(i)
        self.harmless = {f for p, features in self.offers if p.category != "harmful" for f in features}
        self.deeds = {topic: self.features(self.grammar.deed(topic.key)) for topic in self.grammar.topics}

    def rarity(self, feature: str, seen: int) -> float:
        """What a feature weighs that so many prompts have: a whole word twice what a part of one does."""
        return math.log(len(self.offers) / seen) * (1.0 if feature.startswith("=") else 0.5)

    def features(self, text: str) -> frozenset[str]:
        """What makes texts alike: the stems of their words and the beginnings and parts of these."""
        found: set[str] = set()
        for word in text.split():
            if word not in self.marks:
                found.update(f"={stem}" for stem in self.grammar.stems(word))
                size = 3 if word.isascii() else 2
                framed = f" {word} "
                found.update(framed[i : i + size] for i in range(len(framed) - size + 1))
        return frozenset(found)


@lru_cache(maxsize=8)
def _lexicon(grammar: Grammar) -> _Lexicon:
    return _Lexicon(grammar)


def one_slip(typed: str, meant: str) -> bool:
    """Whether one letter too many, too few or wrong, or two exchanged, parts two spellings.

    >>> one_slip("captial", "capital"), one_slip("bred", "bread"), one_slip("tea", "tee"), one_slip("bean", "bread")
    (True, True, True, False)
    """
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return False
    i = 0
    while i < min(len(typed), len(meant)) and typed[i] == meant[i]:
        i += 1
    a, b = typed[i:], meant[i:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


# Stages 2 to 4 where the whole is a prompt.


def _as_prompt(known: _Lexicon, words: Sequence[str]) -> tuple[Prompt, Changes] | None:
    """The prompt that the words are, with what was altered; None if there is none, or two topics are equally near.

    The cheapest path through the tree of prompts (Dijkstra), over the letters without their spaces, so that a word may
    be read across the spaces that were typed. The tree keeps the search small: few ways go on from anywhere in it.
    """
    search = _Search(known, words)
    budget = 1.0 + 0.5 * max(len(words), len(search.text) / 4)
    order = count()
    heap: list[tuple[float, int, int, _Node, tuple[tuple[str, str], ...]]] = []
    for place, changed in search.beginnings():
        heapq.heappush(heap, (COURTESY * len(changed), next(order), place, known.root, changed))
    done: set[tuple[int, int]] = set()
    found: tuple[float, Prompt, Changes] | None = None
    while heap:
        cost, _, place, node, changed = heapq.heappop(heap)
        if cost > budget or (found and cost > found[0]):
            break
        if (place, id(node)) in done:
            continue
        done.add((place, id(node)))
        if node.prompt and (left := search.endings.get(place)) is not None and cost + len(left) * COURTESY <= budget:
            if found and found[1].topic != node.prompt.topic:
                return None
            total = cost + len(left) * COURTESY
            if found is None or total < found[0]:
                whole = ((" ".join(words), node.prompt.text),)
                found = total, node.prompt, whole if node.paraphrase else changed + left
        for price, end, below, change in search.steps(place, node):
            heapq.heappush(heap, (cost + price, next(order), end, below, changed + change))
    return (found[1], found[2]) if found else None


class _Search:
    """The ways on through the tree of prompts from a place in a text."""

    def __init__(self, known: _Lexicon, words: Sequence[str]) -> None:
        self.known = known
        self.text = "".join(words)
        places = list(accumulate(map(len, words), initial=0))
        self.word_at = dict(zip(places, words, strict=False))
        self.spaces = [0, *accumulate(place in self.word_at for place in range(1, len(self.text) + 1))]
        """How many spaces were typed before each place or at it."""
        self._read: dict[str, dict[str, float]] = {}
        self.endings = {len(self.text) - skipped: left for skipped, left in self._courtesies(last=True)}
        """Places from which only courtesies follow ("... please"), with these."""

    def beginnings(self) -> Iterator[tuple[int, Changes]]:
        """Places before which only courtesies stand, with these."""
        return self._courtesies(last=False)

    def _courtesies(self, *, last: bool) -> Iterator[tuple[int, Changes]]:
        """The letters that the first (or last) courtesies take, none, one or more of them, and these as left out."""
        words = list(self.word_at.values())
        taken, left = 0, ()
        yield taken, left
        while words:
            for part in (slice(-2, None), slice(-1, None)) if last else (slice(2), slice(1)):
                phrase = " ".join(words[part])
                if phrase.replace(" ", "") in self.known.courtesies:
                    change = ((phrase, ""),)
                    taken += len(phrase.replace(" ", ""))
                    left = (*change, *left) if last else (*left, *change)
                    yield taken, left
                    del words[part]
                    break
            else:
                break

    def steps(self, place: int, node: _Node) -> Iterator[tuple[float, int, _Node, Changes]]:
        """(price, place after it, node after it, what was altered) of each way on."""
        light = self.known.grammar.light
        if self.word_at.get(place) in light:
            word = self.word_at[place]
            yield LIGHT, place + len(word), node, ((word, ""),)
        for word in sorted(light & node.children.keys()):
            yield LIGHT, place, node.children[word], (("", word),)
        for end in range(place + 1, min(len(self.text), place + self.known.longest) + 1):
            piece = self.text[place:end]
            spaces = (place not in self.word_at) + self.spaces[end - 1] - self.spaces[place]
            for word, price in self._readings(piece, whole=self.word_at.get(place) == piece).items():
                if word in node.children:
                    change = () if word == piece else ((piece, word),)
                    yield price + SPACED * spaces, end, node.children[word], change

    def _readings(self, piece: str, whole: bool) -> dict[str, float]:
        """The words as which a piece may be read, with their prices. Only a whole word can be a slip."""
        key = f"{piece} " if whole else piece
        if key not in self._read:
            known = self.known
            found = dict.fromkeys(known.slips(piece), SLIP) if whole and piece not in known.readable else {}
            found |= dict.fromkeys(known.same_stem(piece), FORM)
            if piece in known.readable:
                found[piece] = 0.0
            self._read[key] = found
        return self._read[key]


# Stages 3 and 4 where it is not.


def _word_by_word(known: _Lexicon, tokens: Sequence[str], counts: Counter[str]) -> Reading:
    """Every unknown word as the vocabulary has it, or named as unknown.

    counts: how often each word stands in texts of the kind. A form that never does is none to read a word as.
    """
    text: list[str] = []
    unknown: list[str] = []
    changed: list[tuple[str, str]] = []
    i = 0
    while i < len(tokens):
        word = tokens[i]
        width, words = 1, [word]
        if word not in known.words:
            if joined := _joined(known, tokens[i:]):
                width, words = joined
            elif near := _one_word(known, word, counts, text[-1:], tokens[i + 1 : i + 2]) or _cut(known, word):
                words = near
            else:
                unknown.append(word)
        if "".join(words) != "".join(tokens[i : i + width]):
            changed.append((word, " ".join(words)))
        text += words
        i += width
    return Reading(" ".join(text), None, tuple(dict.fromkeys(unknown)), (), tuple(dict.fromkeys(changed)))


def _joined(known: _Lexicon, tokens: Sequence[str]) -> tuple[int, list[str]] | None:
    """A word that was typed with spaces in it ("s a f e"), with the number of tokens that it takes."""
    for n in range(min(len(tokens), 8), 1, -1):
        if (word := "".join(tokens[:n])) in known.words:
            return n, [word]
    return None


def _one_word(
    known: _Lexicon, word: str, counts: Counter[str], before: Sequence[str], after: Sequence[str]
) -> list[str]:
    """The vocabulary's word of the same stem; empty if there is none.

    Of several forms the one that the grammar puts beside the word before or after, then the most frequent.
    """

    def likeliness(near: str) -> tuple[int, int]:
        beside = sum(pair in known.pairs for pair in ((*before, near), (near, *(after or "."))))
        return beside, counts[near]

    best = max(known.known_forms(word), key=likeliness, default=None)
    return [best] if best is not None and any(likeliness(best)) else []


def _cut(known: _Lexicon, word: str) -> list[str]:
    """A run of letters as words between which the spaces are missing, the fewest (dynamic programming); or empty.

    Only words that the grammar itself puts next to each other are, so that "forget" is not "for get".
    """
    best: list[dict[str, tuple[float, list[str]]]] = [{} for _ in range(len(word) + 1)]
    """best[i]: by its last word, the cutting of the first i letters into the fewest words, and of these the fewest and
    most frequent in another form."""
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - known.longest), end):
            piece = word[start:end]
            if piece == word or (start and not best[start]):
                continue
            # A single letter or syllable may be a form of anything.
            whole = (piece in known.words and end < len(word)) or len(piece) < 2
            forms = {} if whole else known.known_forms(piece)
            for read_as in {piece: None, **forms} if piece in known.words else forms:
                altered = 1.0 + 1.0 / (2 + known.asked[read_as]) if read_as != piece else 0.0
                before = [(0.0, [])] if not start else [
                    cutting for last, cutting in best[start].items() if (last, read_as) in known.pairs
                ]  # fmt: skip
                found = [(price + altered, [*words, read_as]) for price, words in before]
                if read_as in best[end]:
                    found.append(best[end][read_as])
                if found:
                    best[end][read_as] = min(found, key=_length)
    return min(best[-1].values(), key=_length, default=(0.0, list[str]()))[1]


def _length(cutting: tuple[float, list[str]]) -> tuple[int, float]:
    return len(cutting[1]), cutting[0]


# Stage 5: what to offer instead.


def _nearest(known: _Lexicon, text: str) -> tuple[Prompt, ...]:
    """The prompts most alike, one a topic, by the cosine of their rarities.

    A harmful prompt is offered only to a text that shares the deed with it and something that no harmless prompt has:
    whoever asks how to make kimchi is not offered poison, nor a theft to whoever asks how to mend a car. A text like
    nothing at all, or in another language, still gets something to click: a prompt of each of some kinds.
    """
    features = known.features(text)
    scores: dict[int, float] = {}
    for feature in features & known.weight.keys():
        for i in known.having[feature]:
            scores[i] = scores.get(i, 0.0) + known.weight[feature] ** 2
    norm = math.sqrt(sum((known.weight.get(feature) or known.rarity(feature, 1)) ** 2 for feature in features))
    likeness = {i: score / (known.norm[i] * norm) for i, score in scores.items()}
    worth = LIKE
    offered: dict[Topic, Prompt] = {}
    for i in sorted(likeness, key=lambda i: (-likeness[i], i)):
        prompt, own = known.offers[i]
        if likeness[i] < worth or len(offered) == MAX_OFFERED:
            break
        if prompt.category == "harmful":
            same = {feature for feature in features & own if feature.startswith("=")}
            if not same & known.deeds[prompt.topic] or same <= known.harmless:
                continue
        worth = max(worth, 0.4 * likeness[i])
        offered.setdefault(prompt.topic, prompt)
    return tuple(offered.values()) or (known.samples if text else ())
