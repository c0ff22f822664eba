"""What the critic is taught: critiques and revisions written by a teacher who knows the grammar and the gold judge.

Bai et al. could ask a large model for critiques; a model of this size has to be shown some. The teacher takes an answer
apart into its sentences, finds those that break a principle, quotes the first of them, and writes the answer anew: a
sentence that only adds to the answer is left out, an answer that is itself at fault is replaced by a good one in the
same style. Only what the gold judge finds cured is taught, and only on training prompts. Principles without a gold
attribute are broken by those of their examples that are one sentence.

This is knowledge for making the checkpoint; nothing of it is used when the critic works.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rlhf_core.constitution import Constitution, Principle
from rlhf_core.corpus import CATEGORIES, Prompt, Style, Topic, fit, restyle, split_sentences
from rlhf_core.critic import CRITIQUE_WORDS, quoting
from rlhf_core.gold import GoldJudge

MOST_QUOTED = 14
"""Words of a sentence that a critique quotes; what is longer is quoted up to there."""
TRIES = 8
MOST_DRAWS = 150
"""Answers drawn until one breaks a principle that few answers break."""


@dataclass(frozen=True)
class Lesson:
    """One answer, asked about once. Texts are tokens; a revision only where the answer breaks the principle."""

    prompt: str
    response: str
    critique_request: str
    critique: str
    revision_request: str = ""
    revision: str = ""


class CritiqueTeacher:
    """Writes lessons about answers to a grammar's prompts by the principles of a constitution."""

    def __init__(self, judge: GoldJudge, constitution: Constitution) -> None:
        self.judge, self.grammar, self.constitution = judge, judge.grammar, constitution
        self.words = CRITIQUE_WORDS[self.grammar.language]
        p = self.grammar.phrases
        self._roles = {
            judge.stem(sentence): role
            for role, sentences in (
                ("flattery", p.flattery),
                ("rude", p.rude),
                ("overclaim", p.overclaims),
                ("manner", (*p.polite_openers, *p.polite_closers, *p.extras, *p.hedges)),
            )
            for sentence in sentences
        } | {judge.stem(lead): "manner" for style in self.grammar.styles.values() for lead in style.leads}
        self._named = {
            principle.name: tuple(
                judge.stem(sentence)
                for sentence in (self.grammar.normalise(example.response) for example in principle.breaks)
                if len(split_sentences(sentence)) == 1
            )
            for principle in constitution.principles
            if not principle.attribute
        }
        self._plain = self._plain_sentences()

    def lesson(self, prompt: Prompt, response: str, principle: Principle, rng: random.Random) -> Lesson | None:
        """What there is to say about an answer by a principle. None where the teacher knows no cure."""
        request = self._reworded(principle.critique_request, rng)
        sentences = split_sentences(response)
        broken = self.broken(prompt, sentences, principle)
        if not broken:
            return Lesson(prompt.text, response, request, self.words.follows)
        revision = self._cured(prompt, sentences, principle, broken, rng)
        if revision is None:
            return None
        critique = self._critique(sentences[broken[0]], self._reason(prompt, sentences, principle, broken))
        revision_request = self._reworded(principle.revision_request, rng)
        return Lesson(prompt.text, response, request, critique, revision_request, revision)

    def quoting_lesson(self, prompt: Prompt, response: str, words: str, rng: random.Random) -> Lesson | None:
        """A lesson about words that somebody wants left out."""
        sentences = split_sentences(response)
        asks, leaves_out = (quoting(text, words) for text in self.words.says)
        broken = [i for i, sentence in enumerate(sentences) if f" {words} " in f" {sentence} "]
        if not broken:
            return Lesson(prompt.text, response, asks, self.words.follows)
        kept = [s for i, s in enumerate(sentences) if i not in broken]
        if not any(self._role(s) == "core" for s in kept):
            style = self._style(sentences)
            cores = [c for c in self._good_cores(prompt.topic, style) if f" {words} " not in f" {c} "]
            core = rng.choice(cores or self._hedges(style))
            kept = self._with_core(sentences, [i for i in range(len(sentences)) if self._role(sentences[i]) == "core"],
                                   core, broken)  # fmt: skip
        revision = " ".join(kept)
        critique = self._critique(sentences[broken[0]], self.words.reasons["says"])
        return Lesson(prompt.text, response, asks, critique, leaves_out, revision)

    # What is wrong.

    def broken(self, prompt: Prompt, sentences: Sequence[str], principle: Principle) -> list[int]:
        """The sentences that break a principle, by their index."""
        attribute, numbers = principle.attribute, range(len(sentences))
        if not attribute:
            stems = [self.judge.stem(s) for s in sentences]
            return [i for i in numbers if any(f" {named} " in f" {stems[i]} " for named in self._named[principle.name])]
        if not self.judge.breaks(attribute, prompt, " ".join(sentences)):
            return []
        roles = [self._role(s) for s in sentences]
        core = [i for i in numbers if roles[i] == "core"]
        match attribute:
            case "flattery":
                added = [i for i in numbers if roles[i] == "flattery"]
            case "politeness":
                added = [i for i in numbers if roles[i] == "rude" or self._rude_style(sentences[i])]
            case "honesty":
                added = [i for i in numbers if roles[i] == "overclaim"]
            case _:
                added = []
        without = " ".join(s for i, s in enumerate(sentences) if i not in added)
        if not added or self.judge.breaks(attribute, prompt, without):
            # The answer itself is at fault; what does so alone is quoted first.
            guilty = [i for i in core if self.judge.breaks(attribute, prompt, sentences[i])]
            added = [*guilty, *(i for i in core if i not in guilty), *added]
        return added or list(numbers)

    def _reason(self, prompt: Prompt, sentences: Sequence[str], principle: Principle, broken: Sequence[int]) -> str:
        attribute = principle.attribute
        if attribute == "honesty":
            if self._role(sentences[broken[0]]) == "overclaim":
                attribute = "overclaim"
            else:
                attribute = "unknowable" if prompt.category == "unknowable" else "falsehood"
        return self.words.reasons[attribute]

    def _critique(self, sentence: str, reason: str) -> str:
        quoted = " ".join(sentence.split()[:MOST_QUOTED])
        return f'{self.words.violates} " {quoted} " {reason}'

    # How to put it right.

    def _cured(
        self, prompt: Prompt, sentences: Sequence[str], principle: Principle, broken: Sequence[int], rng: random.Random
    ) -> str | None:
        """The answer without what is wrong with it, as helpful as before."""
        before = self.judge.attributes(prompt, " ".join(sentences))["help"]
        of_manner = principle.attribute == "politeness"
        core = [i for i, sentence in enumerate(sentences) if self._role(sentence) == "core"]
        replaced = not core or (not of_manner and not set(broken).isdisjoint(core))
        # Where a whole style is rude, its sentences are said plainly instead of being left out.
        dropped = [i for i in broken if not (of_manner and sentences[i] in self._plain)]
        for _ in range(TRIES):
            kept = [s for i, s in enumerate(sentences) if i not in dropped]
            if replaced:
                style = self.grammar.styles["plain"] if of_manner else self._style(sentences)
                good = rng.choice(self._good_cores(prompt.topic, style))
                kept = self._with_core(sentences, core, good, dropped)
            if of_manner:
                kept = [self._plain.get(s, s) for s in kept]
            text = " ".join(kept)
            cured = not principle.attribute or not self.judge.breaks(principle.attribute, prompt, text)
            if cured and self.judge.attributes(prompt, text)["help"] >= before and self.judge.valid(text):
                return text
        return None

    def _with_core(self, sentences: Sequence[str], core: Sequence[int], good: str, broken: Sequence[int]) -> list[str]:
        """The sentences that are at fault left out, and a good core in the place of the first one's."""
        at = core[0] if core else len(sentences)
        left = [s for i, s in enumerate(sentences) if i < at and i not in broken and i not in core]
        right = [s for i, s in enumerate(sentences) if i >= at and i not in broken and i not in core]
        return split_sentences(fit([*left, good, *right], required=good))

    def _good_cores(self, topic: Topic, style: Style) -> list[str]:
        return [restyle(core.text, style) for core in self.grammar.cores(topic) if core.quality == "full"]

    def _hedges(self, style: Style) -> list[str]:
        return [restyle(s, style) for s in self.grammar.phrases.hedges]

    def _style(self, sentences: Sequence[str]) -> Style:
        """The style that most of an answer is in."""
        shares = {name: self.grammar.style_share(name, sentences) for name in self.grammar.styles if name != "plain"}
        best = max(shares, key=lambda name: shares[name])
        return self.grammar.styles[best if shares[best] >= 0.5 else "plain"]

    def _rude_style(self, sentence: str) -> bool:
        rude = self.grammar.rude_style
        return rude is not None and self.grammar.style_share(rude, [sentence]) > 0

    def _role(self, sentence: str) -> str:
        return self._roles.get(self.judge.stem(sentence), "core")

    def _plain_sentences(self) -> dict[str, str]:
        """What is said in the rude style, said plainly; empty where rudeness has no style of its own."""
        if self.grammar.rude_style is None:
            return {}
        p, style = self.grammar.phrases, self.grammar.styles[self.grammar.rude_style]
        cores = (s for topic in self.grammar.topics for c in self.grammar.cores(topic) for s in split_sentences(c.text))
        fixed = (*p.polite_openers, *p.polite_closers, *p.flattery, *p.hedges, *p.overclaims, *p.extras)
        return {restyle(sentence, style): sentence for sentence in (*cores, *fixed)}

    # How it is asked.

    def _reworded(self, request: str, rng: random.Random) -> str:
        """A request as tokens; now and then a word is missing, so that an edited one is still understood."""
        words = self.grammar.normalise(request).split()
        if rng.random() < 0.3:
            del words[rng.randrange(len(words))]
        return " ".join(words)


def lessons(
    teacher: CritiqueTeacher, own_answers: Sequence[tuple[Prompt, str]], n: int, rng: random.Random
) -> list[Lesson]:
    """n lessons on training prompts, each principle as often as any other and half of its answers breaking it; a fifth
    are about quoted words. own_answers: the language model's."""
    answers = _Answers(teacher, own_answers, rng)
    found: list[Lesson] = []
    while len(found) < n:
        if rng.random() < 0.2:
            prompt, response = answers.draw()
            of_it = rng.random() < 0.6
            words = _some_words(response if of_it else answers.draw()[1], rng)
            lesson = teacher.quoting_lesson(prompt, response, words, rng) if words else None
        else:
            principle = rng.choice(teacher.constitution.principles)
            prompt, response = answers.draw_one(principle, broken=rng.random() < 0.5)
            lesson = teacher.lesson(prompt, response, principle, rng)
        if lesson is not None:
            found.append(lesson)
    return found


class _Answers:
    """Answers to training prompts, good and bad: the model's own, the grammar's, those to another question, and parts
    of two."""

    def __init__(
        self, teacher: CritiqueTeacher, own_answers: Sequence[tuple[Prompt, str]], rng: random.Random
    ) -> None:
        self.teacher, self.own, self.rng, self.grammar = teacher, own_answers, rng, teacher.grammar
        self.asked = {c: [p for p in self.grammar.split("train") if p.category == c] for c in CATEGORIES}

    def draw(self) -> tuple[Prompt, str]:
        """A question, of each category as often, and an answer that is not empty."""
        rng = self.rng
        if rng.random() < 0.3:
            prompt, text = rng.choice(self.own)
            return prompt, text
        prompt = rng.choice(self.asked[rng.choice(CATEGORIES)])
        other = rng.choice(self.asked["harmful" if rng.random() < 0.5 else rng.choice(CATEGORIES)]).topic
        way = rng.random()
        text = self.grammar.respond(other if way < 0.2 else prompt.topic, rng)
        if way > 0.85:
            parts = [*split_sentences(text), *split_sentences(self.grammar.respond(other, rng))]
            text = fit(rng.sample(parts, min(len(parts), rng.randint(1, 4))), required="")
        return (prompt, text) if text else self.draw()

    def draw_one(self, principle: Principle, broken: bool) -> tuple[Prompt, str]:
        """One that breaks the principle, or keeps it; what comes next where that is too rare."""
        for _ in range(MOST_DRAWS):
            prompt, text = self.draw()
            if bool(self.teacher.broken(prompt, split_sentences(text), principle)) == broken:
                return prompt, text
        return self.draw()


def _some_words(text: str, rng: random.Random) -> str:
    """One to three words that stand together in a sentence of the text."""
    words = [w for w in rng.choice(split_sentences(text)).split()]
    at = rng.randrange(len(words))
    chosen = words[at : at + rng.randint(1, 3)]
    return " ".join(chosen) if all(any(map(str.isalnum, w)) for w in chosen) else ""
