"""A store in an empty folder, a lab in it, a critic that knows nothing, and waiting for what other threads do."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from lab import models
from lab.store import Lab, Store
from rlhf_core.critic import Critic, critic_config, critic_tokenizer
from rlhf_core.language_model import MiniLM


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/lab.sqlite3"


@pytest.fixture
def store(url: str, empty_database: bytes) -> Iterator[Store]:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir()
    path.write_bytes(empty_database)
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def lab(store: Store) -> Lab:
    return store.open_lab("a browser", "en")


@pytest.fixture
def critic(monkeypatch: pytest.MonkeyPatch) -> Critic:
    """An English critic of random weights in the place of the trained one: what jobs do depends on no skill of its."""
    assets = models.assets("en")
    tokenizer = critic_tokenizer(assets.grammar)
    config = critic_config(assets.model.config, len(tokenizer))
    critic = Critic(MiniLM(config, torch.Generator().manual_seed(5)), tokenizer, assets.grammar)
    critic.model.requires_grad_(False)
    monkeypatch.setattr(models, "load_critic", lambda language: {"en": critic}[language])
    return critic


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object], deadline: float = 60.0) -> None:
        end = time.monotonic() + deadline
        while not condition():
            assert time.monotonic() < end, "what the test waits for did not happen"
            time.sleep(0.02)  # what is waited for needs the processor too

    return wait
