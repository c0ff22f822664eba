"""The weights that ship for each language: a pretrained MiniLM, an attribute encoder and a critic. `make.py` remakes
them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from torch import Tensor

from rlhf_core.attribute_encoder import AttributeEncoder
from rlhf_core.corpus import Grammar, load_grammar
from rlhf_core.critic import Critic, critic_tokenizer
from rlhf_core.gold import GoldJudge, load_judge
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import Thought, maze_tokenizer
from rlhf_core.reward_model import FeatureExtractor
from rlhf_core.tokenizer import SimpleTokenizer
from rlhf_core.weights import REMAKE, CheckpointError, read_checkpoint

HERE = Path(__file__).parent


def model_path(language: str, directory: Path = HERE) -> Path:
    return directory / f"minilm-{language}.safetensors"


def encoder_path(language: str, directory: Path = HERE) -> Path:
    return directory / f"encoder-{language}.safetensors"


def critic_path(language: str, directory: Path = HERE) -> Path:
    return directory / f"critic-{language}.safetensors"


SHIPPED_MAZES: tuple[Thought, ...] = ("none", "path", "wave")
"""What the policies of the maze that ship think."""
THINKING: Thought = "wave"
"""What the thinking policy thinks, where nothing else is said: it finds its way best."""


def maze_path(thought: Thought, directory: Path = HERE) -> Path:
    return directory / f"maze-{thought}.safetensors"


@dataclass(frozen=True)
class LanguageAssets:
    """All that a language brings: grammar, judge, vocabulary, and the shipped models, ready to use and frozen."""

    language: str
    grammar: Grammar
    judge: GoldJudge
    tokenizer: SimpleTokenizer
    model: MiniLM
    encoder: AttributeEncoder
    pmi_statistics: tuple[Tensor, Tensor]

    @cached_property
    def start_answers(self) -> tuple[list[str], list[str]]:
        """256 training prompts and the starting model's answer to each: what rewards are measured against."""
        rng = torch.Generator().manual_seed(0)
        train = self.grammar.split("train")
        prompts = [train[int(i)].text for i in torch.randint(len(train), (256,), generator=rng)]
        return prompts, [g.text for g in self.model.generate(prompts, tokenizer=self.tokenizer, rng=rng)]

    def extractor(self, kind: str) -> FeatureExtractor:
        """Features of one kind, see `FEATURE_SETS`."""
        return FeatureExtractor(
            kind, self.model, self.tokenizer, self.encoder, self.grammar.neutral_prompt, self.pmi_statistics
        )


@lru_cache
def load_critic(language: str = "en", directory: Path = HERE) -> Critic:
    """The shipped critic of a language, loaded once. CheckpointError for a file that is missing, damaged or unfit."""
    grammar = load_grammar(language)
    tokenizer = critic_tokenizer(grammar)
    model = MiniLM.load(critic_path(language, directory))
    check_vocabulary(model, tokenizer, critic_path(language, directory))
    model.requires_grad_(False)
    return Critic(model, tokenizer, grammar)


@lru_cache
def load_maze_policy(thought: Thought, directory: Path = HERE) -> MiniLM:
    """The shipped policy of the maze that thinks so, loaded once. CheckpointError for a file that is missing, damaged
    or unfit."""
    path = maze_path(thought, directory)
    model = MiniLM.load(path)
    check_vocabulary(model, maze_tokenizer("en"), path)
    model.requires_grad_(False)
    return model


def check_vocabulary(model: MiniLM, tokenizer: SimpleTokenizer, path: Path) -> None:
    """CheckpointError where a model was made for another vocabulary."""
    if model.config.vocabulary != len(tokenizer):
        raise CheckpointError(
            f"The checkpoint {path} has {model.config.vocabulary} words, the language {len(tokenizer)}; {REMAKE}."
        )


@lru_cache
def load_start(language: str = "en", directory: Path = HERE) -> LanguageAssets:
    """The shipped assets of a language, loaded once. CheckpointError for a file that is missing, damaged or unfit."""
    grammar = load_grammar(language)
    tokenizer = SimpleTokenizer(grammar.words)
    model = MiniLM.load(model_path(language, directory))
    check_vocabulary(model, tokenizer, model_path(language, directory))
    encoder, pmi_statistics = load_encoder(encoder_path(language, directory), model)
    for module in (model, encoder):
        module.requires_grad_(False)
    return LanguageAssets(language, grammar, load_judge(language), tokenizer, model, encoder, pmi_statistics)


def load_encoder(path: Path, model: MiniLM) -> tuple[AttributeEncoder, tuple[Tensor, Tensor]]:
    """An attribute encoder of the model's shape, and the mean and sd of its pointwise mutual information figures."""
    state, metadata = read_checkpoint(path)
    try:
        encoder = AttributeEncoder(model, metadata["names"].split())
        statistics = (state.pop("pmi.mean"), state.pop("pmi.sd"))
        encoder.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"The checkpoint {path} is not an encoder of this version; {REMAKE}.") from error
    return encoder.eval(), statistics
