import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets, load_start
from rlhf_core.corpus import LANGUAGES
from rlhf_core.language_model import MiniLM, MiniLMConfig
from rlhf_core.tokenizer import SimpleTokenizer

torch.set_num_threads(1)

TINY_WORDS = ("a", "b", "c", "d", ".", "?")


@pytest.fixture(scope="session")
def assets() -> LanguageAssets:
    return load_start("en")


@pytest.fixture(scope="session", params=LANGUAGES)
def each_assets(request: pytest.FixtureRequest) -> LanguageAssets:
    """What ships for each language in turn."""
    return load_start(request.param)


@pytest.fixture
def tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer(TINY_WORDS)


@pytest.fixture
def tiny(tokenizer: SimpleTokenizer) -> MiniLM:
    """An untrained model, small enough that a hundred iterations take seconds."""
    config = MiniLMConfig(vocabulary=len(tokenizer), width=16, heads=2, prompt_length=6, response_length=8)
    return MiniLM(config, torch.Generator().manual_seed(3)).eval()
