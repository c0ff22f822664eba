"""Remake the shipped weights: `python -m rlhf_core.checkpoints.make [--language ko] [--directory DIR]`.

First the language model, from the grammar; then the encoder, from the language model's answers to training prompts as
the gold judge reads them, and its reader of repetition ("echoes"), from such answers half of which are damaged; then
the critic, from lessons about such answers. Forty to fifty minutes of one core for a
language. Nothing here sees a validation or a test prompt.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from rlhf_core.attribute_encoder import REPETITION, AttributeEncoder, EchoReader, response_ids
from rlhf_core.checkpoints import HERE, critic_path, encoder_path, load_encoder, model_path
from rlhf_core.constitution import default_constitution
from rlhf_core.corpus import CATEGORIES, LANGUAGES, Grammar, Prompt, load_grammar, split_sentences
from rlhf_core.critic import Critic, critic_config, critic_tokenizer
from rlhf_core.critic_lessons import CritiqueTeacher, Lesson, lessons
from rlhf_core.gold import GoldJudge, load_judge
from rlhf_core.language_model import PAD, MiniLM, MiniLMConfig
from rlhf_core.pretraining import TYPICAL_TOKENS, PretrainConfig, Pretrainer, schedule
from rlhf_core.reward_model import FeatureExtractor
from rlhf_core.rollout import score_tokens
from rlhf_core.tokenizer import SimpleTokenizer

STEPS = {
    "model": {"en": 8000, "ko": 12_000},
    "encoder": {"en": 7000, "ko": 7000},
    "echoes": {"en": 3000, "ko": 3000},
    "critic": {"en": 5500, "ko": 5500},
}
"""Korean has twice as many words to learn, each of them rarer."""
CRITIC_LEARNING_RATE = 3e-3


def make_model(grammar: Grammar, tokenizer: SimpleTokenizer, steps: int, seed: int = 0) -> MiniLM:
    """Pretrain a MiniLM for a number of steps."""
    model = MiniLM(MiniLMConfig(vocabulary=len(tokenizer)), torch.Generator().manual_seed(seed))
    config = PretrainConfig(optimizer="adamw", batch_size=64, learning_rate=5e-3, prompt_weight=0.2)
    trainer = Pretrainer(model, grammar, tokenizer, config, seed)
    for step in range(steps):
        metrics = trainer.step(replace(config, learning_rate=config.learning_rate * schedule(step / steps, step)))
        if metrics.step % 500 == 0:
            print(f"language model: step {metrics.step}, loss {metrics.loss:.3f}, {metrics.cpu_seconds:.0f} s")
    return model.eval()


def corrupt(text: str, rng: random.Random, words: Sequence[str]) -> str:
    """Damage an answer as a policy under bad rewards does: repeat, shuffle, cut, swap or splice."""
    sentences, tokens = split_sentences(text), text.split()
    way = rng.choice(("repeat sentence", "repeat words", "shuffle", "cut", "swap", "drop"))
    if way == "repeat sentence" and sentences:
        chosen = rng.choice(sentences)
        return " ".join([*sentences, *[chosen] * rng.randint(1, 3)])
    at = rng.randrange(len(tokens)) if tokens else 0
    if way == "repeat words":
        piece = tokens[at : at + rng.randint(1, 4)]
        tokens[at:at] = piece * rng.randint(1, 4)
    elif way == "shuffle":
        end = min(len(tokens), at + rng.randint(2, 6))
        middle = tokens[at:end]
        rng.shuffle(middle)
        tokens[at:end] = middle
    elif way == "cut":
        tokens = tokens[:at]
    elif way == "swap" and tokens:
        for _ in range(rng.randint(1, 3)):
            tokens[rng.randrange(len(tokens))] = rng.choice(words)
    else:
        tokens = [w for w in tokens if rng.random() > 0.15]
    return " ".join(tokens)


def reword(text: str, grammar: Grammar, rng: random.Random) -> str:
    """Say a text in words that the grammar has and sentences that it has not, meaning much the same: two phrases of a
    kind (two flatteries, two refusals) are crossed, a word is lost here and there, two sentences become one."""
    p = grammar.phrases
    kinds = (p.flattery, p.rude, p.overclaims, p.refusals, p.hedges, p.polite_openers, p.polite_closers)
    found: list[str] = []
    for sentence in split_sentences(text):
        kind = next((kind for kind in kinds if sentence in kind), None)
        words, (end,) = sentence.split()[:-1], sentence.split()[-1:]
        if kind and rng.random() < 0.5:
            other = rng.choice(kind).split()[:-1]
            words = words[: rng.randint(1, len(words))] + other[rng.randrange(len(other)) :]
        words = [w for i, w in enumerate(words, 1) if i == len(words) or rng.random() > 0.12]
        if found and rng.random() < 0.2:
            words = [*found.pop().split()[:-1], ",", *words]
        found.append(" ".join([*words, end]))
    return " ".join(found)


def encoder_examples(
    model: MiniLM, tokenizer: SimpleTokenizer, grammar: Grammar, n: int, rng: random.Random
) -> tuple[list[Prompt], list[str], list[str]]:
    """Answers of every kind to training prompts: half sampled at temperature 1, the rest hotter, from the grammar,
    an answer to another question, spliced together from two answers, reworded, or corrupted. Last come the texts that
    say what each means: the answers themselves, but for the reworded ones."""
    prompts = [rng.choice(grammar.split("train")) for _ in range(n)]
    torch_rng = torch.Generator().manual_seed(rng.randrange(2**31))
    half = n // 2
    texts = [
        g.text
        for part, temperature in ((prompts[:half], 1.0), (prompts[half:], 1.5))
        for g in model.generate([p.text for p in part], tokenizer=tokenizer, rng=torch_rng, temperature=temperature)
    ]
    plain, meant = list(texts[:half]), list(texts)
    for i in range(half, n):
        way = rng.choice(("hot", "grammar", "other", "splice", "reworded", "reworded", "corrupt", "corrupt"))
        if way in ("grammar", "reworded"):
            texts[i] = grammar.respond(prompts[i].topic, rng)
        elif way == "other":
            category = rng.choice(CATEGORIES)  # refusals are as frequent as any other answer
            other = rng.choice([topic for topic in grammar.topics if topic.category == category])
            texts[i] = grammar.respond(other, rng)
        elif way == "splice":
            parts = [*split_sentences(grammar.respond(prompts[i].topic, rng)), *split_sentences(rng.choice(plain))]
            texts[i] = " ".join(rng.sample(parts, rng.randint(1, len(parts))))
        elif way == "corrupt":
            texts[i] = corrupt(grammar.respond(prompts[i].topic, rng), rng, grammar.words)
        meant[i] = texts[i]
        if way == "reworded":
            texts[i] = reword(texts[i], grammar, rng)
    longest = model.config.response_length - 1
    cut, meant_cut = ([" ".join(t.split()[:longest]) for t in part] for part in (texts, meant))
    return prompts, cut, meant_cut


def attribute_table(
    judge: GoldJudge, prompts: Sequence[Prompt], texts: Sequence[str], meant: Sequence[str]
) -> Tensor:
    """(answers, attributes) as the gold judge reads them: how a text is made from itself, what it says from the one
    that it was meant to be."""
    made = ("invalid", "repetition", "length")
    rows: list[dict[str, float]] = []
    for prompt, text, other in zip(prompts, texts, meant, strict=True):
        itself = judge.attributes(prompt, text)
        rows.append({**judge.attributes(prompt, other), **{name: itself[name] for name in made}})
    return torch.tensor([[row[name] for name in judge.attribute_names] for row in rows])


def make_encoder(
    model: MiniLM, tokenizer: SimpleTokenizer, grammar: Grammar, judge: GoldJudge, steps: int, seed: int = 0
) -> AttributeEncoder:
    """Teach a copy of the model to read the attributes; squared error, in units of their spread over its answers."""
    rng = random.Random(seed)
    torch_rng = torch.Generator().manual_seed(seed)
    encoder = AttributeEncoder(model, judge.attribute_names)
    with torch.no_grad():
        for parameter in encoder.head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch_rng) * (0.1 if parameter.dim() > 1 else 0.0))
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3, weight_decay=0.01, fused=True)
    prompts, texts, meant = encoder_examples(model, tokenizer, grammar, 4000, rng)
    own = attribute_table(judge, prompts[:2000], texts[:2000], texts[:2000])
    # An attribute that the model's own answers hardly vary in is not blown up without bound.
    mean, encoder.spread = own.mean(0), own.std(0).clamp(min=0.15)
    began, size, done = time.process_time(), 64, 0
    while done < steps:
        if done:
            prompts, texts, meant = encoder_examples(model, tokenizer, grammar, 4000, rng)
        targets = attribute_table(judge, prompts, texts, meant) - mean
        prompt_ids = model.encode_prompts([p.text for p in prompts], tokenizer)
        rows = [tokenizer.encode(t) for t in texts]
        for picked in torch.randperm(len(rows), generator=torch_rng).split(size):
            for group in optimizer.param_groups:
                group["lr"] = 2e-3 * min(1.0, (done + 1) / 50) * max(0.02, 1 - done / steps)
            ids = response_ids([rows[int(i)] for i in picked], model.config.response_length)
            loss = (((encoder.pooled(prompt_ids[picked], ids) - targets[picked]) / encoder.spread) ** 2).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimizer.step()
            done += 1
            if done % 500 == 0:
                print(f"encoder: step {done}, loss {loss:.3f}, {time.process_time() - began:.0f} s")
    return encoder.eval()


def teach_echoes(
    encoder: AttributeEncoder, model: MiniLM, tokenizer: SimpleTokenizer, grammar: Grammar, judge: GoldJudge,
    steps: int, seed: int = 0,
) -> None:  # fmt: skip
    """Teach the encoder's reader of repetition, from the model's answers to training prompts, every second one of them
    damaged: of the examples of the other attributes hardly one in twenty repeats anything. The rest of the encoder
    stays as it is; squared error."""
    rng, torch_rng = random.Random(seed), torch.Generator().manual_seed(seed)
    reader = encoder.echo_reader
    begin_echoes(reader, torch_rng)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=1e-2, weight_decay=0.01)
    vectors = encoder.trunk.embedding.weight.detach()
    prompts, texts, _ = encoder_examples(model, tokenizer, grammar, 16_000, rng)
    own = texts[: len(texts) // 2]  # the answers at temperature 1
    usual = statistics.fmean(judge.attributes(p, t)[REPETITION] for p, t in zip(prompts, own, strict=False))
    texts = [corrupt(text, rng, grammar.words) if i % 2 else text for i, text in enumerate(texts)]
    texts = [" ".join(text.split()[: model.config.response_length - 1]) for text in texts]
    targets = torch.tensor([judge.attributes(p, t)[REPETITION] for p, t in zip(prompts, texts, strict=True)]) - usual
    ids = response_ids([tokenizer.encode(text) for text in texts], model.config.response_length)
    for step in range(steps):
        picked = torch.randint(len(ids), (128,), generator=torch_rng)
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * min(1.0, (step + 1) / 50) * max(0.02, 1 - step / steps)
        loss = ((reader(vectors[ids[picked]], (ids[picked] != PAD).float()) - targets[picked]) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 500 == 0:
            print(f"echoes: step {step + 1}, loss {loss:.4f}")


def begin_echoes(reader: EchoReader, rng: torch.Generator) -> None:
    """A reader that has learnt nothing; the threshold and its sharpness keep their first values."""
    with torch.no_grad():
        for parameter in reader.parameters():
            if parameter.dim() > 1:
                fan_in = parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=rng) / fan_in**0.5)
            elif parameter.dim() == 1:
                parameter.zero_()


def pmi_statistics(
    model: MiniLM, tokenizer: SimpleTokenizer, grammar: Grammar, encoder: AttributeEncoder, n: int = 1000
) -> tuple[Tensor, Tensor]:
    """Mean and sd of the pointwise mutual information figures over the model's answers to training prompts."""
    rng = random.Random(1)
    prompts = [rng.choice(grammar.split("train")).text for _ in range(n)]
    found = model.generate(prompts, tokenizer=tokenizer, rng=torch.Generator().manual_seed(1))
    extractor = FeatureExtractor(
        "words", model, tokenizer, encoder, grammar.neutral_prompt, (torch.zeros(()), torch.ones(()))
    )
    figures = extractor.pmi(
        model.encode_prompts(prompts, tokenizer),
        response_ids([tokenizer.encode(g.text) for g in found], model.config.response_length),
    )
    return figures.mean(0), figures.std(0).clamp(min=0.02)


def make_critic(
    model: MiniLM, tokenizer: SimpleTokenizer, grammar: Grammar, judge: GoldJudge, steps: int, seed: int = 0
) -> MiniLM:
    """Teach a copy of the language model to criticise and to revise, by the requests of the default constitution."""
    rng = random.Random(seed)
    constitution = default_constitution(grammar.language)
    teacher = CritiqueTeacher(judge, constitution)
    own_tokenizer = critic_tokenizer(grammar)
    critic = Critic(begin_critic(model, len(own_tokenizer), seed), own_tokenizer, grammar)
    optimizer = torch.optim.AdamW(critic.model.parameters(), lr=1.0, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    prompts = [rng.choice(grammar.split("train")) for _ in range(6000)]
    torch_rng = torch.Generator().manual_seed(seed)
    found = model.generate([p.text for p in prompts], tokenizer=tokenizer, rng=torch_rng)
    own_answers = [(p, g.text) for p, g in zip(prompts, found, strict=True) if g.text]
    began, batches = time.process_time(), list[tuple[Tensor, Tensor]]()
    for step in range(steps):
        if not batches:
            batches = lesson_batches(critic, lessons(teacher, own_answers, 8000, rng), rng)
        prompt_ids, responses = batches.pop()
        written = score_tokens(critic.model, prompt_ids, responses, responses != PAD)
        loss = -written.log_probs.sum() / (len(responses) * TYPICAL_TOKENS)
        for group in optimizer.param_groups:
            group["lr"] = CRITIC_LEARNING_RATE * schedule(step / steps, step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(critic.model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 500 == 0:
            print(f"critic: step {step + 1}, loss {loss:.3f}, {time.process_time() - began:.0f} s", flush=True)
    return critic.model.eval()


def begin_critic(model: MiniLM, vocabulary: int, seed: int) -> MiniLM:
    """A critic that has seen no lesson: the language model's words and blocks, and a new block on top."""
    critic = MiniLM(critic_config(model.config, vocabulary), torch.Generator().manual_seed(seed))
    with torch.no_grad():
        critic.embedding.weight[: model.config.vocabulary] = model.embedding.weight
        for own, copied in zip(critic.blocks, model.blocks, strict=False):
            own.load_state_dict(copied.state_dict())
    return critic


def lesson_batches(
    critic: Critic, learnt: Sequence[Lesson], rng: random.Random, size: int = 64
) -> list[tuple[Tensor, Tensor]]:
    """Lessons as batches of prompts (batch, prompt_length) and what is to be written (batch, time), a critique or a
    revision, those of like length together."""
    rows = [((x.prompt, x.response, x.critique_request), x.critique) for x in learnt]
    rows += [((x.prompt, x.response, x.critique, x.revision_request), x.revision) for x in learnt if x.revision]
    rows.sort(key=lambda row: sum(len(text.split()) for text in row[0]))
    found: list[tuple[Tensor, Tensor]] = []
    for i in range(0, len(rows), size):
        fields, texts = zip(*rows[i : i + size], strict=True)
        responses = response_ids([critic.tokenizer.encode(text) for text in texts], critic.model.config.response_length)
        found.append((critic.ids(fields), responses))
    rng.shuffle(found)
    return found


def save_encoder(encoder: AttributeEncoder, statistics_of_pmi: tuple[Tensor, Tensor], path: Path) -> None:
    """Write an encoder as `load_encoder` reads it."""
    mean, sd = statistics_of_pmi
    state = {**encoder.state_dict(), "pmi.mean": mean, "pmi.sd": sd}
    save_file(state, path, {"names": " ".join(encoder.names)})


PARTS = ("model", "encoder", "echoes", "critic")
"""What can be remade. An encoder that is remade has its echoes taught anew, too."""


def make(language: str, directory: Path, steps: Mapping[str, int], parts: Collection[str]) -> None:
    """Remake checkpoints of a language; those that are not remade are read."""
    grammar, judge = load_grammar(language), load_judge(language)
    tokenizer = SimpleTokenizer(grammar.words)
    path = model_path(language, directory)
    if "model" in parts:
        make_model(grammar, tokenizer, steps["model"]).save(path)
    model = MiniLM.load(path)
    if "encoder" in parts:
        encoder = make_encoder(model, tokenizer, grammar, judge, steps["encoder"])
        statistics_of_pmi = pmi_statistics(model, tokenizer, grammar, encoder)
        save_encoder(encoder, statistics_of_pmi, encoder_path(language, directory))
    if {"encoder", "echoes"} & set(parts):
        encoder, statistics_of_pmi = load_encoder(encoder_path(language, directory), model)
        teach_echoes(encoder, model, tokenizer, grammar, judge, steps["echoes"])
        save_encoder(encoder, statistics_of_pmi, encoder_path(language, directory))
    if "critic" in parts:
        make_critic(model, tokenizer, grammar, judge, steps["critic"]).save(critic_path(language, directory))


def main() -> None:
    """Remake the checkpoints of one language, or of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, help="one language; without it all of them")
    parser.add_argument("--directory", type=Path, default=HERE)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="keep the others that are there")
    for part in PARTS:
        parser.add_argument(f"--{part}-steps", type=int, help=f"of the {part}; by default what its language takes")
    a = parser.parse_args()
    torch.set_num_threads(1)
    for language in (a.language,) if a.language else LANGUAGES:
        steps = {part: getattr(a, f"{part}_steps") or STEPS[part][language] for part in PARTS}
        make(language, a.directory, steps, a.only)


if __name__ == "__main__":
    main()
